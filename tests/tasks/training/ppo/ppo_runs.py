"""Small PPO runs: prompts, parameters, and judges that are functions of texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from storage.tables.prompts import Prompt
from storage.tables.table import Message
from storage.tables.verdicts import Verdict
from tasks.judging.judge import Question
from tasks.judging.judge_card import JudgeCard
from tasks.sampling.model import load_model
from tasks.training.ppo.params import PPOParams

PARAMS = PPOParams(
    iterations=2,
    prompts_per_iteration=4,
    samples_per_prompt=4,
    response_length=8,
    epochs=2,
    batch_size=8,
    learning_rate=1e-3,
    max_prompt_tokens=16,
    max_tokens=64,
    max_kl=1e6,
    bf16="no",
    device="cpu",
)


@dataclass(frozen=True)
class TextJudge:
    """Fulfils `Judge`: `say` returns the score of a text, None where it cannot read it."""

    say: Callable[[str], float | None]
    name: str = "texts"

    @property
    def card(self):
        return JudgeCard(name=self.name, what="reads texts")

    def judge(self, questions: Sequence[Question]):
        said = [self.say(question.completion.text) for question in questions]
        return [
            Verdict(
                completion_a=question.completion.completion_id,
                judge=self.name,
                choice="unparsable" if score is None else None,
                score=score,
            )
            for question, score in zip(questions, said, strict=True)
        ]


def share_of_e(text: str) -> float:
    return text.count("e") / max(len(text), 1)


LIKES_E = TextJudge(share_of_e)


PROMPTS = [
    Prompt(
        source="test",
        split="train",
        messages=(Message("text", start),),
        cluster=start,
        origin="test:1",
    )
    for start in ("The film", "I liked", "The phone", "A warm", "Not bad", "It was")
]


def changed(**changes):
    return PARAMS.model_copy(update=changes)


def values(result, metric):
    return [row.value for row in result.steps if row.metric == metric]


def weights(directory):
    return load_model(directory).model.state_dict()
