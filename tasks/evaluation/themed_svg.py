"""Matplotlib drawings as SVG text that takes its colours from the page, light or dark."""

import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, GRID = "#010101", "#020202", "#030303"
"""Placeholders; the finished SVG has CSS variables of the page in their place."""
NUM_COLORS = 8
WIDTH_INCHES = 4.6
_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--line)"} | {
    f"#0404{index:02x}": f"var(--policy-{index})" for index in range(NUM_COLORS)
}
_STYLE: dict[Any, object] = {
    "svg.fonttype": "none",
    "font.size": 11,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A finished plot: what it shows in words, and its SVG element."""

    title: str
    svg: str


def policy_color(index: int) -> str:
    """Return the placeholder of the page's `--policy-<index>` colour."""
    return f"#0404{index % NUM_COLORS:02x}"


def plain_label(text: str) -> str:
    """Return `text` for a matplotlib label: a dollar sign is not the start of a formula."""
    return text.replace("$", r"\$")


def themed_plot(title: str, height_inches: float, draw: "Callable[[Axes], None]") -> Plot:
    """Return what `draw` draws on empty axes; the same drawing gives the same text."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    salt = hashlib.sha256(title.encode()).hexdigest()  # ids of two plots on a page must differ
    with mpl.rc_context(_STYLE | {"svg.hashsalt": salt}):
        figure = Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")
        draw(figure.add_subplot())
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    return Plot(title=title, svg=_inlined(written.getvalue(), title))


def _inlined(document: str, title: str) -> str:
    """Return the svg element of a document, without fixed size and colours."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style.*?</style>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r' id="[\w.]+_\d+"', "", svg)
    svg = re.sub(r'^<svg ([^>]*?)width="[^"]*"', r"<svg \1", svg)
    svg = re.sub(r'^<svg ([^>]*?)height="[^"]*"', r"<svg \1", svg)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)
    for placeholder, variable in _VARIABLES.items():
        svg = svg.replace(placeholder, variable)
    return svg
