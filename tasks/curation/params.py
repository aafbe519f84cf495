"""What examples must be like, and how they are split."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.params import Params

Action = Literal["quarantine", "warn", "off"]
"""What becomes of the rows that a check finds."""
TEMPLATED = ("risk", "risk-synthetic")
"""Sources whose prompts share templates: a run of words says nothing of where they come from."""


class CurateParams(Params):
    """How rows are split, and what becomes of rows that a check finds.

    Of every check `quarantine` takes the row out and keeps it with the reason, `warn` counts it in
    the report and lets it pass, `off` does not look.
    """

    judge_share: float = Field(default=0.45, gt=0, lt=1)
    """Share of the prompts that only the evaluation judge is fitted on; no policy sees them."""
    eval_share: float = Field(default=0.10, gt=0, lt=1)
    """Share of the prompts that policies are compared on. What judge and eval leave is `train`."""
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    """Decides which prompts go to which split."""
    duplicates: Action = "quarantine"
    """Rows that repeat an earlier one but for case, punctuation, white space or Unicode form."""
    near_duplicates: Action = "warn"
    """Rows whose first question nearly repeats that of an earlier row. Whatever becomes of them,
    they are in the same split as the earlier one; `off` does not look for them and saves time."""
    near_duplicate_threshold: float = Field(default=0.8, gt=0, le=1)
    """From which share of common word 3-grams (Jaccard) on two questions are near duplicates."""
    overlap: Literal["auto", "quarantine", "fail", "warn", "off"] = "auto"
    """Rows outside the evaluation split that share a run of words with an evaluation prompt, unless
    more than ten texts have it. `fail` stops the stage; with `quarantine` nothing of the kind is
    left to learn from. `auto` is `quarantine`, but `warn` for `risk` and `risk-synthetic`, whose
    prompts are all made from the same few templates."""
    overlap_words: int = Field(default=13, ge=5, le=100)
    """How many words in a row make an overlap."""
    equal_answers: Action = "quarantine"
    """Pairs whose answers differ in case, punctuation, white space or Unicode form only."""
    length: Action = "quarantine"
    """Rows with an empty prompt or answer, or with more than max_tokens."""
    max_tokens: int = Field(default=4_096, ge=1)
    """Most tokens of a prompt together with the longest of its answers."""
    tokenizer: str = ""
    """What counts tokens: a Hugging Face id or a local directory; empty counts words."""
    special_tokens: Action = "quarantine"
    """Rows with a special token of a model (`<|endoftext|>`, `[INST]`) as plain text: a tokenizer
    would take it for the token. Those of `tokenizer` are looked for too."""
    encoding: Action = "warn"
    """Rows whose text was decoded wrongly, or holds control characters."""
    language: Action = "warn"
    """Rows in none of `languages`."""
    languages: list[str] = Field(default_factory=list)
    """ISO 639-1 codes (`en`) of the languages that answers may be in; empty allows all."""
    length_bias: Literal["warn", "fail", "off"] = "warn"
    """Chosen answers that are longer, or shorter, than the rejected ones: a policy may learn the
    length alone. `fail` stops the stage where the check flags it."""
    max_refused_share: float = Field(default=0.05, ge=0, le=1)
    """The stage fails if more than this share of the source's rows is refused, in ingest and here
    together. The refused rows and the report are written all the same."""

    def overlap_action(self, source: str) -> str:
        """Return what becomes of overlapping rows of a source."""
        if self.overlap != "auto":
            return self.overlap
        return "warn" if source in TEMPLATED else "quarantine"

    @model_validator(mode="after")
    def _shares_leave_training_data(self) -> Self:
        if self.judge_share + self.eval_share >= 1:
            raise ValueError(
                f"judge_share ({self.judge_share}) and eval_share ({self.eval_share}) must add up "
                "to less than 1, or no prompt is left to train on"
            )
        return self
