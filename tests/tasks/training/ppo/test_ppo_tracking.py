"""PPO's metrics in the trackers that `report_to` names."""

import sys

import pytest

from storage.input_error import InputError
from tasks.training.ppo.train_ppo import train_ppo
from tasks.training.run.run_files import RunFiles
from tests.tasks.training.ppo.ppo_runs import LIKES_E, PROMPTS, changed

# A package of trackio's name, with the calls that accelerate's own tracker makes of it.
TRACKIO = """
calls = []
class Config(dict):
    pass
class Run:
    name = "run"
    def log(self, values, step=None, **more):
        calls.append((step, values))
    def finish(self):
        calls.append("finished")
config = Config()
def init(project, **more):
    calls.append(project)
    return Run()
def finish():
    calls.append("finished")
"""


@pytest.fixture
def trackio(tmp_path, monkeypatch):
    """Return the package, importable and findable."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "trackio.py").write_text(TRACKIO)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "trackio", raising=False)
    import trackio

    return trackio


def test_a_tracker_hears_every_metric_with_its_step(trackio, tiny_checkpoint, tmp_path):
    params = changed(report_to=("trackio",))
    files = RunFiles(start=tiny_checkpoint, out=tmp_path / "out")
    result = train_ppo(PROMPTS, LIKES_E, params, files)
    assert trackio.calls[0] == "prefline-ppo"
    assert trackio.calls[-1] == "finished"
    told = [call for call in trackio.calls if isinstance(call, tuple) and call[0] is not None]
    heard = [(step, name, value) for step, values in told for name, value in values.items()]
    assert heard == [(row.step, row.metric, row.value) for row in result.steps]


def test_a_tracker_that_is_not_installed_is_named(tiny_checkpoint, tmp_path):
    files = RunFiles(start=tiny_checkpoint, out=tmp_path / "out")
    with pytest.raises(InputError, match="report_to names mlflow, which is not installed"):
        train_ppo(PROMPTS, LIKES_E, changed(report_to=("mlflow",)), files)
