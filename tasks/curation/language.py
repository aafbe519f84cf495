"""In which language a text is."""

from typing import TYPE_CHECKING

from storage.input_error import InputError

if TYPE_CHECKING:
    from py3langid.langid import (  # type: ignore[import-untyped, unused-ignore]
        LanguageIdentifier,
    )

MIN_BYTES = 120
"""Some 20 English words or 40 Chinese characters; of shorter texts the language is a guess."""
MIN_PROBABILITY = 0.9
OTHER_LANGUAGE = "language is not one of the allowed"
_READ_CHARACTERS = 500
_NO_LANGUAGE = "zxx"  # code, tables of figures: ISO 639 "no linguistic content"


class LanguageCheck:
    """Tells texts in none of `languages` (ISO 639-1 codes); with no languages all are allowed.

    Raises:
        InputError: a language that cannot be told from others.
    """

    def __init__(self, languages: frozenset[str]) -> None:
        self._languages = languages
        self._identifier = _load_identifier(languages) if languages else None

    def fault(self, text: str) -> str:
        """Return why a text is refused, empty if it is not.

        Only the start of a text is read; it is refused only if it is long enough to tell, and the
        probability that it is in another language is high.
        """
        start = text[:_READ_CHARACTERS]
        if self._identifier is None or len(start.encode(errors="replace")) < MIN_BYTES:
            return ""
        language, probability = self._identifier.classify(start)
        allowed = language in self._languages or language == _NO_LANGUAGE
        return "" if allowed or probability < MIN_PROBABILITY else OTHER_LANGUAGE


def _load_identifier(languages: frozenset[str]) -> "LanguageIdentifier":
    """Return py3langid's model, which is read from its package in half a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    known = set(identifier.labels)
    if unknown := sorted(languages - known):
        raise InputError(
            f"languages {', '.join(map(repr, unknown))} cannot be told from others; give ISO 639-1 "
            f"codes, of which there are {', '.join(sorted(code for code in known if len(code) == 2))}"  # noqa: PLR2004
        )
    return identifier
