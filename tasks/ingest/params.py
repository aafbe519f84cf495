"""Where rows come from, and how they are split."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.params import Params


class IngestParams(Params):
    """A source of prompts, demonstrations and preference pairs."""

    source: Literal["reviews", "hh-rlhf", "imdb", "risk"] = "reviews"
    """What to read. `reviews` is generated here and needs no file; `hh-rlhf` are transcripts with a
    chosen and a rejected last reply; `imdb` are film reviews with a sentiment; `risk` are choice
    situations with a risk-averse and a risk-neutral option."""
    path: str = ""
    """Local file of the source: .jsonl, .json or .csv, plain or .gz. Empty for `reviews` and where
    a hub_id is given."""
    hub_id: str = ""
    """Dataset on the Hugging Face hub (`Anthropic/hh-rlhf`), read through the datasets library
    instead of a local file."""
    hub_split: str = Field(default="train", min_length=1)
    """Split of the hub dataset to read. Prefline splits its rows again, by prompt."""
    hub_revision: str = ""
    """Commit, tag or branch of the hub dataset. A commit makes the run repeatable; empty means the
    newest at the time, and an earlier ingest is then reused although the hub may have moved on."""
    num_reviews: int = Field(default=20_000, ge=1, le=10_000_000)
    """How many reviews to generate (only `reviews`). More reviews extend the list, they do not
    change the first ones."""
    limit: int = Field(default=0, ge=0)
    """Read only this many rows from the start of the source. 0 reads all."""
    judge_share: float = Field(default=0.45, gt=0, lt=1)
    """Share of the prompts that only the evaluation judge is fitted on; no policy sees them."""
    eval_share: float = Field(default=0.10, gt=0, lt=1)
    """Share of the prompts that policies are compared on. What judge and eval leave is `train`."""
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    """Decides which prompts go to which split, and what `reviews` generates."""
    min_prefix_words: int = Field(default=2, ge=1, le=1000)
    """Shortest start of a review that becomes a prompt (`reviews` and `imdb`); 2 to 8 as in the DPO
    paper."""
    max_prefix_words: int = Field(default=8, ge=1, le=1000)
    """Longest start of a review that becomes a prompt (`reviews` and `imdb`)."""
    max_words: int = Field(default=40, ge=0)
    """Keep only the first words of a review, up to the end of a sentence where there is one (only
    `imdb`). 40 suits the small embedded models; 0 keeps whole reviews, for models that can read
    them."""
    risk_answers: Literal["labels", "reasoned"] = "labels"
    """What an answer to a risk situation is: the bare label of the option, or the full reasoned
    answer where the file has one (the CSV with chosen_full and rejected_full)."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        named = f"path={self.path!r} and hub_id={self.hub_id!r}"
        if self.source == "reviews" and (self.path or self.hub_id):
            raise ValueError(
                f"source 'reviews' is generated and reads nothing, but {named} are given; leave "
                "both empty, or name the source that the file holds (hh-rlhf, imdb, risk)"
            )
        if self.path and self.hub_id:
            raise ValueError(f"{named} are both given; keep the one to read from")
        if self.source != "reviews" and not self.path and not self.hub_id:
            raise ValueError(
                f"source {self.source!r} needs a file or a hub dataset, but {named}; set path to a "
                "local file, or hub_id to a dataset on the hub"
            )
        return self

    @model_validator(mode="after")
    def _shares_leave_training_data(self) -> Self:
        if self.judge_share + self.eval_share >= 1:
            raise ValueError(
                f"judge_share ({self.judge_share}) and eval_share ({self.eval_share}) must add up "
                "to less than 1, or no prompt is left to train on"
            )
        return self

    @model_validator(mode="after")
    def _prefix_leaves_a_rest(self) -> Self:
        if self.min_prefix_words > self.max_prefix_words:
            raise ValueError(
                f"min_prefix_words ({self.min_prefix_words}) must not be above max_prefix_words "
                f"({self.max_prefix_words})"
            )
        if 0 < self.max_words <= self.max_prefix_words:
            raise ValueError(
                f"max_words ({self.max_words}) must be above max_prefix_words "
                f"({self.max_prefix_words}), or nothing is left to continue with; 0 keeps all words"
            )
        return self
