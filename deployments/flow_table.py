"""The flows that can be started, by name."""

import difflib
import importlib
from typing import Any

from prefect import Flow

from storage.input_error import InputError

FLOWS = {
    "nightly": "flows.nightly",
    "ingest": "flows.ingest",
    "curate": "flows.curate",
    "generate-pairs": "flows.generate_pairs",
    "collect-pairs": "flows.collect_pairs",
    "negatives": "flows.negatives",
    "train-sft": "flows.train_sft",
    "train-dpo": "flows.train_dpo",
    "train-d2o": "flows.train_d2o",
    "train-ppo": "flows.train_ppo",
    "train-rloo": "flows.train_rloo",
    "train-grpo": "flows.train_grpo",
    "train-kto": "flows.train_kto",
    "evaluate": "flows.evaluate",
    "unlearn": "flows.unlearn",
    "safety-check": "flows.safety_check",
}


def load_flow(name: str) -> Flow[..., Any]:
    """Return the flow called `name`.

    Raises:
        InputError: there is no such flow.
    """
    known = name.replace("_", "-")
    if known not in FLOWS:
        close = difflib.get_close_matches(known, FLOWS, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise InputError(f"there is no flow {name!r}; flows are {', '.join(FLOWS)}{hint}")
    module = importlib.import_module(FLOWS[known])
    found: Flow[..., Any] = getattr(module, known.replace("-", "_"))
    return found
