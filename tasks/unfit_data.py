"""The error of data that must not be used."""

from collections.abc import Mapping

from storage.input_error import InputError


class UnfitDataError(InputError):
    """Too much of a source was refused, or a check stopped it.

    `examples` is the artifact of what was read, `refused` counts the source rows that curation
    refused by reason; what ingest refused stands in the artifact.
    """

    def __init__(self, message: str, *, examples: str, refused: Mapping[str, int]) -> None:
        super().__init__(message)
        self.examples = examples
        self.refused = dict(refused)
