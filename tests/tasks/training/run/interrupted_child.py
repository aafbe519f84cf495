"""A process of its own that trains, waits after a step until it is told to go on, and dies of it.

Arguments: method, start, rows (pickled), checkpoints, out, the step, checkpoint_every.
"""

import pickle
import sys
import time
from pathlib import Path

from resumed_runs import METHODS, At

from tasks.training.run.run_files import RunFiles


def main() -> None:
    """Train."""
    name, start, rows, checkpoints, out, step, every = sys.argv[1:]
    method = METHODS[name]

    def wait() -> None:
        Path(checkpoints).with_name("waiting").touch()
        while not Path(checkpoints).with_name("go-on").exists():
            time.sleep(0.01)

    files = RunFiles(
        start=Path(start),
        out=Path(out),
        checkpoints=Path(checkpoints),
        progress=At(int(step), wait),
    )
    params = method.params.model_copy(update={"checkpoint_every": int(every)})
    method.train(pickle.loads(Path(rows).read_bytes()), params, files)


if __name__ == "__main__":
    main()
