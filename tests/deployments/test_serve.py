"""`prefline serve` for real: the UI's page, the schedule, and a run started there."""

import json

from storage.store import open_store
from tests.fakes.prefline_server import until


def test_the_page_of_the_ui_is_served_with_its_scripts(server):
    page = server.get("/")
    assert "<title>Prefect" in page
    script = page.split('src="', 1)[1].split('"', 1)[0]
    assert len(server.get(script)) > 1_000


def test_nightly_is_scheduled_at_night_in_the_time_zone(server):
    """SQLAlchemy 2.1 passes every other test and breaks this one with Prefect 3.8."""
    nightly = server.deployment("nightly")
    assert nightly["schedules"][0]["schedule"]["cron"] == "0 2 * * *"
    assert nightly["schedules"][0]["schedule"]["timezone"] == "Europe/London"
    of_nightly = {
        "deployments": {"id": {"any_": [nightly["id"]]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
    }
    assert until(lambda: server.post("/flow_runs/filter", of_nightly), seconds=60)


def test_a_form_shows_every_parameter_with_its_help(server):
    schema = server.deployment("train-dpo")["parameter_openapi_schema"]
    beta = schema["definitions"]["DPOParams"]["properties"]["beta"]
    assert beta["default"] == 0.1
    assert "reference" in beta["description"]
    assert "artifact id" in schema["properties"]["pairs"]["description"]


def test_a_stage_that_is_started_in_the_ui_writes_its_artifacts(server):
    ingest = server.deployment("ingest")
    given = {"params": {"source": "reviews", "num_reviews": 60}}
    run = server.post(f"/deployments/{ingest['id']}/create_flow_run", {"parameters": given})

    def ended():
        state = json.loads(server.get(f"/api/flow_runs/{run['id']}"))["state"]
        return state if state["type"] in {"COMPLETED", "FAILED", "CRASHED"} else None

    assert until(ended, seconds=120)["type"] == "COMPLETED"
    shown = server.post("/artifacts/filter", {"artifacts": {"key": {"any_": ["ingest"]}}})
    assert [artifact["type"] for artifact in shown] == ["table"]
    made = open_store(server.root, create=False).artifacts("demonstrations")
    (demonstrations,) = [row for row in made if row.flow_run_id == run["id"]]
    assert demonstrations.rows == 60
