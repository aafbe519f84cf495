"""A report as one HTML file that needs no network."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from storage.tables.policies import Policy
from tasks.evaluation.examples import examples
from tasks.evaluation.headline import headline
from tasks.evaluation.plots import color_index, forest_plots, frontier_plot, learning_curves
from tasks.evaluation.report_data import ReportData
from tasks.evaluation.results_table import described, plain_rows, result_table
from tasks.evaluation.weaknesses import weaknesses
from tasks.evaluation.wording import figures, interval, sample_size

_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[\ud800-\udfff]")


def render_html(data: ReportData) -> str:
    """Return the report of an evaluation; all texts are escaped and the same rows give the same file."""
    page = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page.filters |= {
        "figures": figures,
        "interval": interval,
        "sample_size": sample_size,
        "visible": visible,
        "svg": _own_svg,
        "tokens_per_second": tokens_per_second,
    }
    frontier = frontier_plot(data)
    return page.get_template("report.html.jinja").render(
        data=data,
        headline=headline(data),
        table=result_table(data),
        colors={policy_id: color_index(data, policy_id) for policy_id in data.names},
        trained={policy.policy_id: policy for policy in data.policies},
        forests=forest_plots(data),
        curves=learning_curves(data),
        frontier=frontier,
        examples=examples(data),
        weaknesses=weaknesses(data),
        metrics=described(data),
        all_rows=plain_rows(data),
    )


def visible(text: str) -> str:
    """Return `text` with control characters, which HTML forbids, as replacement characters."""
    return _UNSEEN.sub("\ufffd", text)


def tokens_per_second(policy: Policy) -> str:
    """Return the training speed of a policy, empty where it was not trained."""
    if not policy.num_tokens or policy.train_seconds <= 0:
        return ""
    return f"{policy.num_tokens / policy.train_seconds:,.0f}"


def _own_svg(text: str) -> Markup:
    """Return an SVG that `themed_svg` made, whose labels matplotlib has escaped."""
    return Markup(text)  # noqa: S704  - not user text, see above
