"""What the references say of D2O's responses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tasks.sampling.model import LoadedModel
from tasks.training.preference.preference_batch import PreferenceExample
from tasks.training.preference.preference_engine import PreferenceEngine, with_reference_logps
from tasks.training.reference.references import References


@dataclass(frozen=True, slots=True)
class ReferenceScores:
    """Log-probabilities under pi_r- for self-samples and under pi_r+ for the negative.

    They are computed in training's arithmetic and by the engine that packs training's batches.
    """

    references: References
    engine: PreferenceEngine
    batch_size: int
    bf16: bool

    @property
    def models(self) -> tuple[LoadedModel, ...]:
        """Every reference once."""
        if self.are_one:
            return (self.references.negative,)
        return (self.references.self_samples, self.references.negative)

    @property
    def are_one(self) -> bool:
        """Whether one model serves as both."""
        return self.references.self_samples is self.references.negative

    def of(self, examples: Sequence[PreferenceExample]) -> list[PreferenceExample]:
        """Return the examples with `ref_logps`; their last response is the negative."""
        if self.are_one:
            return self._scored(examples, self.references.negative)
        anchored = [index for index, item in enumerate(examples) if len(item.encoded) > 1]
        anchors = dict(
            zip(
                anchored,
                self._scored(
                    [PreferenceExample(encoded=examples[index].encoded[:-1]) for index in anchored],
                    self.references.self_samples,
                ),
                strict=True,
            )
        )
        negatives = self._scored(
            [PreferenceExample(encoded=item.encoded[-1:]) for item in examples],
            self.references.negative,
        )
        return [
            replace(
                item,
                ref_logps=(
                    *(anchors[index].ref_logps if index in anchors else ()),
                    *negative.ref_logps,
                ),
            )
            for index, (item, negative) in enumerate(zip(examples, negatives, strict=True))
        ]

    def _scored(
        self, examples: Sequence[PreferenceExample], reference: LoadedModel
    ) -> list[PreferenceExample]:
        return with_reference_logps(
            examples, reference, self.engine, bf16=self.bf16, batch_size=self.batch_size
        )
