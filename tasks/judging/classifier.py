"""The judge that is a text classifier or a reward model."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from storage.input_error import InputError
from storage.tables.verdicts import Verdict
from tasks.judging.classifier_checkpoint import Classifier, load_checkpoint
from tasks.judging.classifier_input import ClassifierInput, classifier_input
from tasks.judging.judge import Question
from tasks.judging.judge_card import JudgeCard

TRUNCATED = "truncated"
"""Flag of a verdict about a text that did not fit into the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierJudge:
    """Scores an answer by the probability of its preferred class, or by a reward model's logit.

    The reward of the DPO paper's sentiment experiment is of this kind: P(positive) of a review by
    siebert/sentiment-roberta-large-english (Rafailov et al. 2023, section 6). What is read of a
    question: see `classifier_input`.
    """

    name: str
    model: str
    classifier: Classifier
    batch_size: int

    @property
    def card(self) -> JudgeCard:
        """What a report says about this judge."""
        classifier = self.classifier
        if classifier.preferred is None:
            score = "the logit (no probability)"
        else:
            score = f"the probability of {classifier.labels[classifier.preferred]}"
        chats = "whole chats" if self._is_conversational else "a chat's answer alone"
        limit = classifier.max_tokens
        return JudgeCard(
            name=self.name,
            what=f"{score} by {self.model}; reads a text prompt with its continuation, {chats}, "
            + ("without limit" if limit is None else f"up to {limit} tokens"),
        )

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Return one verdict per question; an empty answer is scored like any other.

        A text that was cut to the model's length is flagged `truncated`. Where the model's logits
        are no finite numbers there is no score, and the verdict is `unparsable`.

        Raises:
            InputError: as `classifier_input`.
        """
        inputs = [
            classifier_input(
                question,
                self.classifier.tokenizer,
                max_tokens=self.classifier.max_tokens,
                conversational=self._is_conversational,
            )
            for question in questions
        ]
        scores: dict[int, float] = {}
        for rows in _batches(inputs, self.batch_size):
            batch = [inputs[row] for row in rows]
            scores |= zip(rows, _scores(self.classifier, batch), strict=True)
        return [
            self._verdict(question, scores[row], inputs[row].truncated)
            for row, question in enumerate(questions)
        ]

    @property
    def _is_conversational(self) -> bool:
        """Whether the model was fitted on chats: reward models with a chat template are.

        A classifier with classes reads texts, even where it inherited the template of the chat
        model that it was made from.
        """
        return self.classifier.preferred is None and bool(self.classifier.tokenizer.chat_template)

    def _verdict(self, question: Question, score: float, truncated: bool) -> Verdict:
        finite = math.isfinite(score)
        return Verdict(
            completion_a=question.completion.completion_id,
            judge=self.name,
            choice=None if finite else "unparsable",
            score=score if finite else None,
            probability=score if finite and self.classifier.preferred is not None else None,
            detail="" if finite else "the model's logits are no finite numbers",
            flags=(TRUNCATED,) if truncated else (),
        )


def load_classifier(
    model: str, *, device: str = "auto", batch_size: int = 64, name: str | None = None
) -> ClassifierJudge:
    """Return the judge `classifier:<model>`, which signs its verdicts with `name` if one is given.

    Raises:
        InputError: as `load_checkpoint`, or `batch_size` is below 1.
    """
    if batch_size < 1:
        raise InputError(f"batch_size is {batch_size}; score at least 1 text at a time")
    classifier = load_checkpoint(model, device=device)
    # a decoder without padding token refuses batches, although ours hold no padding
    paddable = classifier.model.config.get_text_config().pad_token_id is not None
    return ClassifierJudge(
        name=name or f"classifier:{model}",
        model=model,
        classifier=classifier,
        batch_size=batch_size if paddable else 1,
    )


def _batches(inputs: Sequence[ClassifierInput], batch_size: int) -> Iterator[list[int]]:
    """Yield the numbers of the rows of each batch, the longest first.

    A batch holds texts of one length, so nothing is padded: which side and which token a model
    expects padding on differs, and where it is wrong scores depend on the neighbours silently.
    """
    order = sorted(range(len(inputs)), key=lambda row: inputs[row].num_tokens, reverse=True)
    for _, same in groupby(order, key=lambda row: inputs[row].num_tokens):
        rows = list(same)
        yield from (rows[at : at + batch_size] for at in range(0, len(rows), batch_size))


def _scores(classifier: Classifier, batch: Sequence[ClassifierInput]) -> list[float]:
    """Return P(preferred class) of each text, or the one logit.

    The softmax is in float64: in float32 all clear cases would be exactly 1 and tie.
    """
    import torch

    names = batch[0].arguments
    with torch.inference_mode():
        arguments = {
            name: torch.tensor([row.arguments[name] for row in batch], device=classifier.device)
            for name in names
        }
        logits = classifier.model(**arguments).logits.cpu().double()
    if classifier.preferred is None:
        return [float(value) for value in logits[:, 0]]
    return [float(value) for value in logits.softmax(dim=-1)[:, classifier.preferred]]
