"""Parameters of annotation: how comparisons are handed out, and what comes of the labels."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.params import Params


class ComparisonsParams(Params):
    """What people compare."""

    source: Literal["pairs", "verdicts", "completions", "file", "queue"] = "pairs"
    """`pairs`: both answers of preference pairs. `verdicts`: comparisons that a judge made.
    `completions`: all answers to each prompt, of which the best and the worst are named. `file`:
    prompts with responses. `queue`: a queue that is there already."""
    reference: str = "latest"
    """Which artifact of that table: id, unique prefix, tag or latest; of a queue its id, name or
    latest."""
    which: Literal["undecided", "tied", "all"] = "undecided"
    """verdicts: `undecided` are those where the judge's verdict changed with the order of the
    answers; `tied` those where both orders say tie."""
    file: str = ""
    """file: path of a .jsonl(.gz), .json or .csv; with the other sources gold items alone are read
    from it."""
    split: Literal["train", "judge", "eval", "all"] = "train"
    """Only prompts of this split. Training takes only pairs of `train`."""
    num_comparisons: int = Field(default=0, ge=0)
    """How many are drawn at random; 0 for all."""
    seed: int = 0
    """Seed of the draw and of the order."""
    name: str = Field(default="", max_length=100)
    """What people see as the queue's name; empty for one made of the source."""

    @model_validator(mode="after")
    def _has_a_file(self) -> Self:
        if self.source == "file" and not self.file:
            raise ValueError("source is 'file' but file is empty; give the path of the comparisons")
        return self


class QueueParams(Params):
    """How comparisons are handed out to people."""

    overlap: int = Field(default=1, ge=1, le=50)
    """How many people label each comparison. Agreement between people needs 2 or more."""
    lease_minutes: float = Field(default=30.0, gt=0, le=10_080)
    """How long a comparison is kept for the person who has it on the screen; then others get it."""
    min_reading_seconds: float = Field(default=0.0, ge=0, le=600)
    """Shortest time between seeing a comparison and choosing; 0 for none."""
    gold_every: int = Field(default=10, ge=2, le=10_000)
    """Of so many comparisons one is a gold item, as long as there are any that the person has not seen."""
    instructions: str = Field(default="Which answer is better?", max_length=20_000)
    """What people are asked; Markdown, shown above each comparison."""


class CollectParams(Params):
    """When labels are enough, and how they become pairs."""

    min_labels: int = Field(default=0, ge=0)
    """How many labels to wait for; skips and gold items do not count. 0 for all: comparisons times
    overlap."""
    deadline_hours: float = Field(default=168.0, ge=0, le=8_760)
    """How long to wait for them; then what is there is taken. 0 takes what is there now."""
    aggregation: Literal["majority", "dawid-skene"] = "majority"
    """`majority` counts heads; `dawid-skene` weighs annotators by how reliable they are found to be
    (Dawid & Skene 1979), which needs many comparisons labelled by the same people."""
    min_agreement: float = Field(default=0.5, ge=0, lt=1)
    """A comparison makes a pair if a larger share than this agrees on the better answer (majority), or
    if its probability is larger than this (dawid-skene)."""
    min_gold_accuracy: float = Field(default=0.0, ge=0, le=1)
    """Labels of who got a smaller share of the gold items right are kept in `labels`, but not counted."""
    review: bool = True
    """Let a person approve the pair set in the Prefect UI before it is written. A run in a terminal
    has nobody to ask, and writes it."""
