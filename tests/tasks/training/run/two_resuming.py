"""What each of two processes does for the tests: it is interrupted, goes on, and trains undisturbed.

Arguments: the start, pickled rows, a directory for everything else.
"""

import json
import os
import pickle
import signal
import sys
from pathlib import Path

import torch
from resumed_runs import METHODS, At, assert_same_run, kept
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from tasks.sampling.model import load_model
from tasks.training.run.checkpoints import InterruptedTrainingError
from tasks.training.run.kl_params import KLParams
from tasks.training.run.kl_watch import KLWatch
from tasks.training.run.processes import meet
from tasks.training.run.run_files import RunFiles
from tasks.training.run.training_log import TrainingLog

RANK = int(os.environ["RANK"])


def ask_one() -> None:
    """Send the signal to the second process only."""
    if RANK == 1:
        os.kill(os.getpid(), signal.SIGTERM)


def goes_on_together(start: Path, rows: list[object], place: Path) -> dict[str, object]:
    """Return where both stopped and went on, once they have taken the undisturbed steps."""
    method = METHODS["sft-muon"]
    params = method.params.model_copy(update={"batch_size": 4, "checkpoint_every": 0})
    signal.signal(signal.SIGTERM, lambda *_: None)
    heard = At(0, lambda: None)
    stopped, again, whole = (
        RunFiles(
            start=start,
            out=place / f"{name}-{RANK}",
            checkpoints=None if name == "whole" else place / "unfinished",
            progress=progress,
        )
        for name, progress in (("stopped", At(3, ask_one)), ("again", heard), ("whole", heard))
    )
    said = ""
    try:
        method.train(rows, params, stopped)
    except InterruptedTrainingError as error:
        said = str(error)
    found = kept(stopped)
    resumed = method.train(rows, params, again)
    first_heard = heard.reported[0]
    undisturbed = method.train(rows, params, whole)
    if RANK == 0:  # which alone writes the policy
        assert_same_run(resumed, again.out, undisturbed, whole.out)
    return {"said": said, "found": found, "first_heard": first_heard}


def puts_cut_weights_back(start: Path) -> dict[str, object]:
    """Return whether a model that FSDP2 has cut in two gets its good weights back."""
    loaded = load_model(start)
    whole = {name: value.detach().clone() for name, value in loaded.model.named_parameters()}
    log = TrainingLog(lambda *_: None)
    watch = KLWatch(loaded, loaded, [(0,)], KLParams(), log, max_kl=None, seed=0, bf16=False)
    fully_shard(loaded.model, mesh=init_device_mesh("cpu", (2,)))
    cut = dict(loaded.model.named_parameters())
    with torch.no_grad():
        for parameter in cut.values():
            parameter.zero_()
    watch.put_back()
    back = all(torch.equal(cut[name].full_tensor(), value) for name, value in whole.items())
    watch.restore(watch.state())
    pieces = sum(p.to_local().numel() for p in cut.values()) / sum(p.numel() for p in cut.values())
    return {"back": back, "pieces": pieces}


def main() -> None:
    """Do all, and write what came of it."""
    start, given, place = map(Path, sys.argv[1:])
    rows = pickle.loads(given.read_bytes())
    result = goes_on_together(start, rows, place) | puts_cut_weights_back(start)
    (place / f"result-{RANK}.json").write_text(json.dumps(result))
    meet()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
