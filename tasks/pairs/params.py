"""Parameters of the pairs stage."""

from typing import Literal

from pydantic import Field, field_validator

from storage.input_error import InputError
from tasks.judging.judge_name import parse_judge_name
from tasks.params import Params
from tasks.sampling.params import SamplingParams


class PairSourceParams(Params):
    """Where preference pairs come from."""

    method: Literal["auto", "dataset", "on-policy"] = "auto"
    """`dataset` takes the preferences of the ingested data as they come. `on-policy` lets the SFT
    policy answer training prompts and pairs the best answer with the worst. `auto` takes the data
    set's pairs where it has some, otherwise on-policy."""
    num_prompts: int = Field(default=512, ge=1, le=10_000_000)
    """on-policy: how many training prompts to answer; fewer if the split has fewer. Each gives at
    most one pair."""
    num_completions: int = Field(default=8, ge=2, le=1024)
    """on-policy: answers drawn for each prompt. More answers give a larger margin between the best
    and the worst one, and take longer."""
    judge: str = "auto"
    """on-policy: the judge that scores the answers. `auto` is `lexical` fitted on the training
    split, so it is another one than the judge that evaluates."""
    min_margin: float = Field(default=0.1, ge=0)
    """on-policy: smallest difference of the two scores. Pairs below it are ties: they are left out
    and counted. The unit is the judge's; `lexical` scores from 0 to 1."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the choice of prompts and of the sampling."""

    @field_validator("judge")
    @classmethod
    def _judge_exists(cls, judge: str) -> str:
        return judge if judge == "auto" else parse_judge_name(judge).text


class PairsParams(SamplingParams, PairSourceParams):  # fields of the last base come first in a form
    """Where preference pairs come from, and for on-policy pairs how answers are drawn."""

    def made_on_policy(self, num_dataset_pairs: int, num_dispreferred: int = 0) -> bool:
        """Return whether pairs are to be sampled; `auto` prefers what the data set has.

        With `auto` bare dispreferred answers will do, as D2O needs no pairs.

        Raises:
            InputError: the pairs of the data set are asked for and it has none.
        """
        if self.method == "dataset" and num_dataset_pairs == 0 and num_dispreferred == 0:
            raise InputError(
                "pairs.method is 'dataset' but the ingested data has no preference pairs; use "
                "'on-policy' (the SFT policy answers and a judge prefers), or a source with pairs "
                "(hh-rlhf, risk)"
            )
        has_data = num_dataset_pairs > 0 or num_dispreferred > 0
        return self.method == "on-policy" or (self.method == "auto" and not has_data)
