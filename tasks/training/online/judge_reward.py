"""A judge as TRL's reward function."""

from collections.abc import Callable, Sequence
from typing import Any

from transformers import TrainerState

from storage.tables.completions import Completion
from tasks.judging.judge import Judge, Question
from tasks.sampling.encoding import completion_text
from tasks.sampling.model import LoadedModel
from tasks.sampling.rollout import end_token_ids
from tasks.training.online.asked_prompts import AskedPrompt
from tasks.training.online.params import OnlineParams
from tasks.training.reward.reward import require_some_read, reward_answers
from tasks.training.run.training_log import TrainingLog


class JudgeReward:
    """Returns what a judge says of answers, in the form in which TRL asks.

    TRL hands over the prompts as their numbers in `asked`, and the answers as token ids; the text
    that it decodes itself is not used, as it can lack the space in front of it. The answers are kept
    in the log as far as the parameters want it.
    """

    def __init__(
        self,
        judge: Judge,
        asked: Sequence[AskedPrompt],
        loaded: LoadedModel,
        params: OnlineParams,
        log: TrainingLog,
    ) -> None:
        self.__name__ = judge.name  # under which TRL logs it
        self._judge = judge
        self._asked = asked
        self._tokenizer = loaded.tokenizer
        self._params = params
        self._log = log
        self._end_token_ids = end_token_ids(loaded)
        self._checked = False

    def __call__(
        self,
        prompts: Sequence[int],
        completion_ids: Sequence[Sequence[int]],
        log_metric: Callable[[str, float], None],
        trainer_state: TrainerState,
        **_: Any,
    ) -> list[float]:
        """Return one reward per answer.

        Raises:
            InputError: the judge can read none of the first answers.
        """
        questions = [
            self._question(number, ids, place)
            for place, (number, ids) in enumerate(zip(prompts, completion_ids, strict=True))
        ]
        rewards = reward_answers(self._judge, questions)
        if not self._checked:
            require_some_read(rewards, self._judge.name)
            self._checked = True
        log_metric("objective/unread", rewards.num_unread / len(questions))
        answers = [question.completion for question in questions]
        step = trainer_state.global_step
        self._log.keep(step, answers[: self._params.num_kept(step)])
        return list(rewards.values)

    def _question(self, number: int, ids: Sequence[int], place: int) -> Question:
        asked = self._asked[number]
        completion = Completion(
            prompt_id=asked.prompt.prompt_id,
            policy="",  # weights in training have no id
            text=completion_text(asked.prompt_ids, ids, self._tokenizer),
            sample_index=place % self._params.samples_per_prompt,
            temperature=self._params.temperature,
            seed=self._params.seed,
            finish_reason="stop" if ids[-1] in self._end_token_ids else "length",
            num_tokens=len(ids),
        )
        return Question(asked.prompt, completion)
