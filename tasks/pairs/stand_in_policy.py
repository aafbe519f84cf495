"""What stands for our policy in a dry run."""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.tables.completions import Completion
from storage.tables.prompts import Prompt
from tasks.sampling.api.bill import BYTES_A_TOKEN


@dataclass(frozen=True, slots=True)
class StandInPolicy:
    """Answers every prompt with texts of the longest length, so that no model has to be loaded."""

    policy_id: str
    max_tokens: int

    def __call__(self, prompts: Sequence[Prompt], num_samples: int) -> list[Completion]:
        """Return `num_samples` answers to each prompt, each another text."""
        return [
            Completion(
                prompt_id=prompt.prompt_id,
                policy=self.policy_id,
                text=f"{prompt.prompt_id} {index} ".ljust(BYTES_A_TOKEN * self.max_tokens, "x"),
                sample_index=index,
                temperature=1.0,
                seed=0,
                finish_reason="length",
                num_tokens=self.max_tokens,
            )
            for prompt in prompts
            for index in range(num_samples)
        ]
