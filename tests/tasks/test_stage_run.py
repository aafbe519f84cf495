import logging

from prefect import flow, task

from tasks.stage_run import shown_progress


def test_progress_comes_into_prefects_log_with_its_note(prefect_api, monkeypatch, caplog):
    monkeypatch.setattr("tasks.stage_run.SECONDS_BETWEEN_LINES", -1.0)

    @task
    def counting():
        with shown_progress("counting sheep") as progress:
            progress(1, 4)
            progress(2, 4, "loss 0.500, 3 s left")

    @flow
    def night():
        counting()

    with caplog.at_level(logging.INFO, logger="prefect.task_runs"):
        night()
    lines = [line for line in caplog.messages if line.startswith("counting sheep")]
    assert lines == ["counting sheep: 1 of 4", "counting sheep: 2 of 4, loss 0.500, 3 s left"]
