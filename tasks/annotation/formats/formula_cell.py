"""Cells that a spreadsheet would take for formulas, made harmless and back.

A cell is dangerous if what a spreadsheet may see first is = + - or @: also in full-width and other
forms of these, after white space or invisible characters, or a tab or carriage return at its start
(OWASP, CSV Injection). An apostrophe before it makes it text. A dangerous cell behind apostrophes
of its own gets one more, so that the reader can take away exactly what was added.
"""

import unicodedata

_TRIGGERS = frozenset("=+-@\u2212")
"""What starts a formula, with the minus sign of mathematics."""
_LEADING = frozenset("\t\r\n")
_INVISIBLE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
"""Unicode categories of control and format characters and of white space."""


def escaped_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if is_dangerous(text.lstrip("'")) else text


def unescaped_cell(cell: str) -> str:
    """Return the text that `escaped_cell` made a cell of."""
    return cell[1:] if cell.startswith("'") and is_dangerous(cell.lstrip("'")) else cell


def is_dangerous(text: str) -> bool:
    """Return whether a spreadsheet may take a cell with this text for a formula."""
    if text[:1] in _LEADING:
        return True
    seen = next((mark for mark in text if unicodedata.category(mark) not in _INVISIBLE), "")
    return unicodedata.normalize("NFKC", seen)[:1] in _TRIGGERS
