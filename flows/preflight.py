"""What can be checked before a flow is started: all that its parameters name."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_type_hints

from flows.inputs import ArtifactOf
from storage.input_error import InputError
from storage.store import open_store
from tasks.annotation.params import ComparisonsParams
from tasks.api_key import read_api_key
from tasks.ingest.params import IngestParams
from tasks.ingest.read_source import check_source
from tasks.negatives.params import NegativesParams
from tasks.pairs.check_pairs import check_pairs
from tasks.pairs.params import PairsParams
from tasks.params import Params
from tasks.sampling.api.connect import base_url
from tasks.sampling.api.params import ApiParams
from tasks.sampling.template_set import load_templates
from tasks.training.base.base_model import check_model
from tasks.training.launch.launch_config import find_launch_config
from tasks.training.params import TrainingParams
from tasks.training.ppo.params import PPOParams
from tasks.training.run.trackers import require_trackers


def preflight(function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Check everything that `arguments` name, so that a typing error starts nothing.

    Raises:
        InputError: a source, model, file or artifact that is not there or not usable.
    """
    for name, value in arguments.items():
        if isinstance(value, IngestParams):
            check_source(value)
        if isinstance(value, PairsParams):
            check_pairs(value)
            if not arguments.get("dry_run"):
                _check_keys(value)
        if isinstance(value, NegativesParams):
            load_templates(value.templates)
        for params in _trainings(value):
            _check_training(params)
        if isinstance(value, ComparisonsParams):
            _check_comparisons(value, str(arguments["root"]))
        if name == "model":
            check_model(value)
    _check_artifacts(function, arguments)


def _trainings(value: object) -> Iterator[TrainingParams]:
    """Yield the training parameters that `value` is or holds."""
    if isinstance(value, TrainingParams):
        yield value
    elif isinstance(value, Params):
        for name in type(value).model_fields:
            yield from _trainings(getattr(value, name))


def _check_training(params: TrainingParams) -> None:
    require_trackers(params.report_to)
    if params.launch:
        find_launch_config(params.launch)
    if isinstance(params, PPOParams) and params.reward_model:
        _check_key(params.api)


def _check_keys(params: PairsParams) -> None:
    servers = [params.api] if params.api_models else []
    servers += [params.judge_server] if params.judge_model else []
    for server in servers:
        _check_key(server)


def _check_key(server: ApiParams) -> None:
    """Check a key that stands in the environment; Prefect's blocks are asked when the flow runs."""
    if not server.key_block:
        read_api_key(base_url(server), key_env=server.key_env, key_block="")


def _check_comparisons(params: ComparisonsParams, root: str) -> None:
    if params.file and not Path(params.file).is_file():
        raise InputError(
            f"comparisons.file {params.file!r} is no file; give the path of a .jsonl(.gz), .json or .csv"
        )
    if params.source not in {"file", "queue"}:
        open_store(root, create=False).resolve(params.source, params.reference)


def _check_artifacts(function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    hints = get_type_hints(function, include_extras=True)
    named = [
        (mark.table, reference)
        for name, value in arguments.items()
        for mark in getattr(hints[name], "__metadata__", ())
        if isinstance(mark, ArtifactOf)
        for reference in ([value] if isinstance(value, str) else value)
        if reference
    ]
    pairs = arguments.get("params")
    if isinstance(pairs, PairsParams):
        unnamed = arguments.get("policy") or "latest"
        named += [("policies", name or unnamed) for name in pairs.policies]
    root = str(arguments.get("root", ""))
    if not named:
        return
    if "://" not in root and not Path(root).is_dir():
        raise InputError(
            f"there is no store at {root!r}, so no {named[0][0]} artifact {named[0][1]!r}; run "
            f"`prefline run nightly` or `prefline run ingest` first, or name another --root"
        )
    store = open_store(root)
    for table, reference in named:
        store.resolve(table, reference)
