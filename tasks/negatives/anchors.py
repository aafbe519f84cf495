"""Self-samples of a policy as the anchors of negatives."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from storage.tables.negatives import Negative
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.negatives.params import NegativesParams
from tasks.progress import Progress, silent
from tasks.sampling.instructions import instructed, shared_out
from tasks.sampling.template_set import load_templates

if TYPE_CHECKING:
    from tasks.sampling.model import LoadedModel

Messages = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class _Anchor:
    """One self-sample."""

    text: str
    seed: int
    template: str


def draw_anchors(
    negatives: Sequence[Negative],
    loaded: "LoadedModel",
    *,
    policy_id: str,
    params: NegativesParams,
    progress: Progress = silent,
) -> list[Negative]:
    """Return the negatives, each with K self-samples of its prompt, in order.

    Negatives with the same messages share one draw. The K samples are shared out over the
    templates as in `shared_out`; the template's name and the sampler's seed are recorded beside
    each. A self-sample that happens to equal the negative stays: leaving it out would bias the
    draw.

    Raises:
        InputError: as `tasks.sampling.sample.sample` and `load_templates`.
    """
    from tasks.sampling.sample import sample

    templates = load_templates(params.templates)
    counts = shared_out(list(templates), params.num_samples, params.num_templated)
    wanted = list(dict.fromkeys(negative.messages for negative in negatives))
    total = len(wanted) * params.num_samples
    anchors: dict[Messages, list[_Anchor]] = defaultdict(list)
    num_done = 0
    for template, count in counts.items():
        instruction = templates.get(template, "")
        asked = {_prompt(messages, instruction): messages for messages in wanted}
        completions = sample(
            loaded,
            list(asked),
            policy_id=policy_id,
            num_samples=count,
            params=params,
            seed=params.seed,
            progress=_shifted(progress, num_done, total),
        )
        original = {prompt.prompt_id: messages for prompt, messages in asked.items()}
        for row in completions:
            anchors[original[row.prompt_id]].append(_Anchor(row.text, row.seed, template))
        num_done += len(completions)
    return [_with_anchors(row, anchors[row.messages], policy_id) for row in negatives]


def _with_anchors(negative: Negative, anchors: Sequence[_Anchor], policy_id: str) -> Negative:
    return replace(
        negative,
        anchors=tuple(anchor.text for anchor in anchors),
        anchor_seeds=tuple(anchor.seed for anchor in anchors),
        anchor_templates=tuple(anchor.template for anchor in anchors),
        anchor_policy=policy_id,
    )


def _shifted(progress: Progress, before: int, total_of_all: int) -> Progress:
    """Return a listener for one of several draws that reports to the listener of all."""

    def report(done: int, total: int, note: str = "") -> None:  # noqa: ARG001  - a Progress
        progress(before + done, total_of_all, note)

    return report


def _prompt(messages: Messages, instruction: str) -> Prompt:
    """Return what the sampler is asked; its id tells its samples apart and is stored nowhere."""
    asked = instructed(messages, instruction)
    return Prompt(source="negatives", split="train", messages=asked, cluster="", origin="")
