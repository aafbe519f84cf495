"""TRL's RLOOTrainer and GRPOTrainer on prompts that are token ids already."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.rloo_trainer import RLOOTrainer

from tasks.sampling.model import LoadedModel
from tasks.training.online.answers_budget import AnswersBudget
from tasks.training.online.asked_prompts import AskedPrompt
from tasks.training.online.drawn_answers import DrawnAnswers
from tasks.training.online.judge_reward import JudgeReward
from tasks.training.online.padded_positions import count_positions_from_prompt
from tasks.training.run.training_log import TrainingLog

_TRAINER: Any = object  # TRL's, which every subclass has as its next base


@dataclass(frozen=True, slots=True)
class Asking:
    """What a run asks: the prompts, and the order of their numbers over all iterations.

    The order is one iteration longer than training; `last` is what is asked after it.
    """

    asked: Sequence[AskedPrompt]
    order: Sequence[int]
    last: Sequence[int]


class JudgedAnswers(_TRAINER):
    """What RLOO and GRPO have in common; a base in front of TRL's trainer.

    TRL is given the numbers of prompts and asks here for their ids, so no template or tokenizer
    comes between. It logs `kl` in nats a token; here `kl` is the mean log-ratio to the reference
    in nats an answer, as with every method, and TRL's own is `kl_per_token`. The overridden
    methods with an underscore are internal to TRL 1.16.
    """

    def __init__(
        self,
        *,
        loaded: LoadedModel,
        asking: Asking,
        reward: JudgeReward,
        log: TrainingLog,
        max_kl: float,
        args: Any,
    ) -> None:
        self._asking = asking
        self._log = log
        self._kl: float | None = None
        super().__init__(
            model=loaded.model,
            reward_funcs=reward,
            args=args,
            train_dataset=Dataset.from_dict({"prompt": list(asking.order)}),
            processing_class=loaded.tokenizer,
        )
        self._budget = AnswersBudget(max_kl, log, self.measure)
        self.add_callback(self._budget)
        self.add_callback(DrawnAnswers(self))
        for model in (self.model, self.ref_model):
            if model is not None:
                count_positions_from_prompt(model)

    def measure(self) -> None:
        """Let the policy answer without learning, and log what the answers say of it."""
        per_process = len(self._asking.last) // self.accelerator.num_processes
        start = self.accelerator.process_index * per_process
        self._metrics["train"].clear()
        numbers = self._asking.last[start : start + per_process]
        self._generate_and_score_completions([{"prompt": number} for number in numbers])
        self._own_metrics()
        for name, values in self._metrics["train"].items():
            self._log.add(self.state.global_step, name, sum(values) / len(values))
        self._metrics["train"].clear()

    def answers_kl(self, output: dict[str, Any]) -> float:
        """Return the mean log-ratio of all answers to the reference, in nats an answer."""
        raise NotImplementedError

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log as TRL does, with the KL of an answer."""
        if "train_runtime" not in logs:  # the summary at the end has no metrics of its own
            self._own_metrics()
        super().log(logs, start_time)

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write none."""

    def _send_telemetry(self) -> None:
        pass

    def _tokenize_prompts(self, prompts: Sequence[int]) -> tuple[Any, ...]:
        return [list(self._asking.asked[number].prompt_ids) for number in prompts], None, {}

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        seen = self.state.num_input_tokens_seen
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        self.state.num_input_tokens_seen = seen  # counted when they are learned from
        self._kl = self.answers_kl(output)
        self._budget.answered(self.model, self.state.global_step, self._kl)
        return output

    def _compute_loss(self, model: torch.nn.Module, inputs: dict[str, Any]) -> Tensor:
        num_tokens = inputs["prompt_mask"].sum() + inputs["completion_mask"].sum()
        self.state.num_input_tokens_seen += int(self.accelerator.gather(num_tokens).sum())
        loss: Tensor = super()._compute_loss(model, inputs)
        return loss

    def _own_metrics(self) -> None:
        metrics = self._metrics["train"]
        metrics["num_tokens"] = [self.state.num_input_tokens_seen]
        if "kl" in metrics:
            metrics["kl_per_token"] = metrics.pop("kl")
        if self._kl is not None:
            metrics["kl"] = [self._kl]
        self._kl = None  # answers are measured once, not at every step that learns from them


class JudgedRLOOTrainer(JudgedAnswers, RLOOTrainer):
    """RLOOTrainer on token ids."""

    def answers_kl(self, output: dict[str, Any]) -> float:
        """Return TRL's mean over tokens times the tokens of an answer."""
        del output
        metrics = self._metrics["train"]
        return float(metrics["kl"][-1] * metrics["completions/mean_length"][-1])


class JudgedGRPOTrainer(JudgedAnswers, GRPOTrainer):
    """GRPOTrainer on token ids."""

    def answers_kl(self, output: dict[str, Any]) -> float:
        """Return the mean log-ratio; TRL's own figure is another estimate, taken while learning."""
        logps = output.get("old_per_token_logps")
        if logps is None:
            logps = self._answer_logps(output)
        ratios = (logps - output["ref_per_token_logps"]) * output["completion_mask"]
        return float(self.accelerator.gather(ratios.sum(dim=1)).mean())

    @torch.no_grad()
    def _answer_logps(self, output: dict[str, Any]) -> Tensor:
        ids, mask = (
            torch.cat([output[f"prompt_{kind}"], output[f"completion_{kind}"]], dim=1)
            for kind in ("ids", "mask")
        )
        logps: Tensor = self._get_per_token_logps_and_entropies(
            self.model,
            ids,
            mask,
            output["completion_ids"].shape[1],
            batch_size=self.args.per_device_train_batch_size,
        )[0]
        return logps
