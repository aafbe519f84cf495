"""Where rows come from, and how they are understood."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.params import Params

Source = Literal[
    "reviews",
    "hh-rlhf",
    "imdb",
    "risk",
    "risk-synthetic",
    "shp",
    "pku-saferlhf",
    "ultrafeedback-binarized",
    "preferences",
    "prompts",
    "negatives",
]
GENERATED = ("reviews", "risk-synthetic")
"""Sources that are made here and read nothing."""
WITH_COLUMNS = ("preferences", "prompts", "negatives")
"""Sources whose columns may have any name."""


class IngestParams(Params):
    """A source of prompts, answers to imitate, comparisons and answers that nobody wants."""

    source: Source = "reviews"
    """What to read. Generated here: `reviews` of films and products, `risk-synthetic` choice
    situations. Known data sets: `hh-rlhf`, `imdb`, `risk` (choice situations with options),
    `shp`, `pku-saferlhf`, `ultrafeedback-binarized`. Your own rows: `preferences` (prompt, chosen,
    rejected), `negatives` (prompt and answers that nobody wants), `prompts` (no answers)."""
    path: str = ""
    """Local file of the source, or a directory of its files: .jsonl, .json, .csv, .parquet or
    .xlsx, the first three also as .gz. Empty for a generated source and where a hub_id is given."""
    subset: str = ""
    """One part of the source: for `hh-rlhf` one of harmless-base, helpful-base, helpful-online,
    helpful-rejection-sampled; on the hub the name of a configuration or a directory. Empty reads
    all that is there."""
    hub_id: str = ""
    """Dataset on the Hugging Face hub (`Anthropic/hh-rlhf`), read through the datasets library
    instead of a local file."""
    hub_split: str = Field(default="train", min_length=1)
    """Split of the hub dataset to read. Prefline splits its rows again, by prompt."""
    hub_revision: str = ""
    """Commit, tag or branch of the hub dataset. Empty means the newest commit; which one that was
    is written down."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Which column holds what, where the names differ (`preferences`, `prompts`, `negatives`):
    {prompt: question, chosen: best_answer, rejected: other_answer}."""
    prompt_role: Literal["user", "text"] = "user"
    """What a prompt that is a plain string stands for (`preferences`, `prompts`, `negatives`):
    `user` is a question to be answered, `text` the start of a text to be continued."""
    limit: int = Field(default=0, ge=0)
    """Read only this many rows from the start of the source. 0 reads all."""
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    """What a generated source generates, and what `sample_size` draws."""
    max_refused_share: float = Field(default=0.05, ge=0, le=1)
    """The stage fails if more than this share of the rows cannot be used. The refused rows are in
    the quarantine all the same."""
    num_reviews: int = Field(default=20_000, ge=1, le=10_000_000)
    """How many reviews to generate (only `reviews`). More reviews extend the list, they do not
    change the first ones."""
    min_prefix_words: int = Field(default=2, ge=1, le=1000)
    """Shortest start of a review that becomes a prompt (`reviews` and `imdb`); 2 to 8 as in the DPO
    paper."""
    max_prefix_words: int = Field(default=8, ge=1, le=1000)
    """Longest start of a review that becomes a prompt (`reviews` and `imdb`)."""
    prefix_tokenizer: str = ""
    """Tokenizer whose tokens are counted as the words of a prefix (only `imdb`): a hub id or a local
    directory; the DPO paper counts tokens of gpt2-large. Empty counts words, so that the data
    does not depend on a model."""
    max_words: int = Field(default=40, ge=0)
    """Keep only the first words of a review, up to the end of a sentence where there is one (only
    `imdb`). 40 suits the small embedded models; 0 keeps whole reviews, for models that can read
    them."""
    imdb_pairs: Literal["none", "shared-prefix"] = "none"
    """`shared-prefix` pairs a positive review with a negative one that begins with the same words
    (only `imdb`): the shared words are the prompt, the two rests are chosen and rejected."""
    min_score_ratio: float = Field(default=2.0, ge=1)
    """Smallest ratio of the two comments' scores (only `shp`), 2 as in the DPO paper's code. Of
    closer comments the post alone is kept, as a prompt."""
    risk_answers: Literal["labels", "reasoned"] = "labels"
    """What an answer to a risk situation is: the bare label of the option, or the full reasoned
    answer where the file has one (the CSV with chosen_full and rejected_full)."""
    sample_size: int = Field(default=0, ge=0)
    """Draw only this many situations at random (only `risk`). 0 takes all."""
    num_situations: int = Field(default=2_000, ge=1, le=10_000_000)
    """How many choice situations to generate (only `risk-synthetic`)."""
    min_options: int = Field(default=2, ge=2, le=4)
    """Fewest options of a generated situation."""
    max_options: int = Field(default=4, ge=2, le=4)
    """Most options of a generated situation."""
    probabilities: Literal["words", "percentages", "mixed"] = "mixed"
    """How probabilities are written in generated situations."""
    stakes: float = Field(default=100.0, gt=0, le=1e9)
    """Typical size of a prize in generated situations, in US dollars."""
    utility: Literal["cara", "crra"] = "cara"
    """Utility of the risk-averse agent whose choice is preferred in generated situations; labels
    under the other one and under a linear utility are written down too."""
    risk_aversion: float = Field(default=0.01, gt=0)
    """CARA's alpha per dollar, in u(w) = 1 - exp(-alpha w)."""
    relative_risk_aversion: float = Field(default=2.0, gt=0)
    """CRRA's gamma, in u(w) = w^(1-gamma) / (1-gamma), of wealth plus prize."""
    wealth: float = Field(default=1_000.0, gt=0)
    """Wealth before the choice in generated situations, in US dollars; only CRRA depends on it."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        named = f"path={self.path!r} and hub_id={self.hub_id!r}"
        if self.source in GENERATED and (self.path or self.hub_id):
            raise ValueError(
                f"source {self.source!r} is generated and reads nothing, but {named} are given; "
                "leave both empty, or name the source that the file holds (hh-rlhf, imdb, risk, "
                "preferences, ...)"
            )
        if self.path and self.hub_id:
            raise ValueError(f"{named} are both given; keep the one to read from")
        if self.source not in GENERATED and not self.path and not self.hub_id:
            raise ValueError(
                f"source {self.source!r} needs a file or a hub dataset, but {named}; set path to a "
                "local file, or hub_id to a dataset on the hub"
            )
        return self

    @model_validator(mode="after")
    def _columns_can_be_named(self) -> Self:
        if self.columns and self.source not in WITH_COLUMNS:
            raise ValueError(
                f"columns are given, but those of source {self.source!r} have fixed names; use "
                f"source preferences, or leave columns empty"
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

    @model_validator(mode="after")
    def _options_are_a_range(self) -> Self:
        if self.min_options > self.max_options:
            raise ValueError(
                f"min_options ({self.min_options}) must not be above max_options "
                f"({self.max_options})"
            )
        return self
