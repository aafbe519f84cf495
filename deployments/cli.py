"""The `prefline` command."""

import json
import sys
from typing import Annotated

import typer

from deployments.annotate_cli import annotate_app
from deployments.environment import set_defaults
from deployments.root_option import Root
from storage.input_error import InputError

app = typer.Typer(
    name="prefline",
    help="Align language models to preferences: run flows, look at artifacts, ask SQL.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
artifact_app = typer.Typer(help="Look at one artifact.", no_args_is_help=True)
app.add_typer(artifact_app, name="artifact")
app.add_typer(annotate_app, name="annotate")

Reference = Annotated[
    str, typer.Argument(help="Artifact id, unique prefix, tag, or latest with --table.")
]
OfTable = Annotated[str | None, typer.Option("--table", help="The table that it must be of.")]


@app.command()
def run(
    flow: Annotated[str, typer.Argument(help="nightly, or one stage: see `prefline flows`.")],
    profile: Annotated[
        str | None, typer.Option(help="A profile's name, or the path of a YAML file.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="a.b=c", help="One parameter; may be given many times."),
    ] = None,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Do the work again even if it was done before.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what API calls would cost, and ask nothing.")
    ] = False,
    root: Root = "data",
) -> None:
    """Run a flow here and now."""
    from deployments.run_flow import run_flow

    flags = [*(["rerun=true"] if rerun else []), *(["dry_run=true"] if dry_run else [])]
    given = [f"root={root}", *(settings or []), *flags]
    raise typer.Exit(run_flow(flow, profile=profile, settings=given))


@app.command()
def unlearn(
    model: Annotated[
        str,
        typer.Option(
            "--model", "-m", help="Hugging Face id, local directory, or a policy of the store."
        ),
    ],
    negatives: Annotated[
        str, typer.Option("--negatives", "-n", help="File of prompts with unwanted answers.")
    ],
    steps: Annotated[int, typer.Option(help="Optimizer steps.", min=1)] = 50,
    num_samples: Annotated[
        int, typer.Option("--K", "-k", help="Self-samples of each prompt.", min=1, max=64)
    ] = 7,
    learning_rate: Annotated[
        float, typer.Option("--lr", help="Peak learning rate; 0 chooses by the model's size.")
    ] = 0.0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="a.b=c", help="One more parameter: d2o.beta=0.3."),
    ] = None,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Do the work again even if it was done before.")
    ] = False,
    root: Root = "data",
) -> None:
    """Train a model away from unwanted answers, in one go."""
    from deployments.unlearn import run_unlearn

    given = [
        f"model={json.dumps(model)}",
        f"negatives={json.dumps(negatives)}",
        f"steps={steps}",
        f"num_samples={num_samples}",
        f"learning_rate={learning_rate}",
        f"rerun={'true' if rerun else 'false'}",
    ]
    raise typer.Exit(run_unlearn(root, [*given, *(settings or [])]))


@app.command("safety-check")
def safety_check(
    policy: Annotated[str, typer.Argument(help="Policy: id, prefix, tag or latest.")] = "latest",
    against: Annotated[
        str, typer.Option(help="Policy or model to compare with; where its training started.")
    ] = "",
    prompts: Annotated[
        str, typer.Option(help="File of prompts, with unwanted answers or without.")
    ] = "",
    judge: Annotated[
        str, typer.Option(help="Tells unsafe answers: llm:<model>, classifier:<model>, lexical.")
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="a=b", help="One more parameter or bound: max_kl=10."),
    ] = None,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Do the work again even if it was done before.")
    ] = False,
    root: Root = "data",
) -> None:
    """Compare a policy's answers with those of the model before it; exit code 1 if a check fails."""
    from deployments.safety_check import run_safety_check

    given = [
        f"policy={json.dumps(policy)}",
        f"against={json.dumps(against)}",
        f"prompts={json.dumps(prompts)}",
        f"judge={json.dumps(judge)}",
        f"rerun={'true' if rerun else 'false'}",
    ]
    raise typer.Exit(run_safety_check(root, [*given, *(settings or [])]))


@app.command()
def flows(
    flow: Annotated[str | None, typer.Argument(help="One flow, to list its parameters.")] = None,
) -> None:
    """List the flows, or the parameters of one with their defaults and meaning."""
    from deployments.show_flows import show_flows

    show_flows(flow)


@app.command()
def artifacts(
    table: Annotated[str | None, typer.Option(help="Only this table.")] = None,
    superseded: Annotated[
        bool, typer.Option("--superseded", help="Also artifacts that a newer run replaced.")
    ] = False,
    root: Root = "data",
) -> None:
    """List artifacts, newest first."""
    from deployments.show_artifacts import show_artifacts

    show_artifacts(root, table, superseded=superseded)


@artifact_app.command("show")
def artifact_show(reference: Reference, table: OfTable = None, root: Root = "data") -> None:
    """Show where an artifact came from: stage, parameters, parents, files."""
    from deployments.show_artifacts import show_artifact

    show_artifact(root, table, reference)


@artifact_app.command("head")
def artifact_head(
    reference: Reference,
    rows: Annotated[int, typer.Option("--rows", "-n", min=1)] = 5,
    table: OfTable = None,
    root: Root = "data",
) -> None:
    """Show the first rows of an artifact."""
    from deployments.show_artifacts import show_head

    show_head(root, table, reference, rows)


@artifact_app.command("lineage")
def artifact_lineage(
    reference: Reference,
    down: Annotated[
        bool, typer.Option("--down", help="What was made from it, instead of what it is made of.")
    ] = False,
    table: OfTable = None,
    root: Root = "data",
) -> None:
    """Show what an artifact was made from, back to the source."""
    from deployments.show_artifacts import show_lineage

    show_lineage(root, table, reference, "down" if down else "up")


@artifact_app.command("tag")
def artifact_tag(
    reference: Reference,
    name: Annotated[str, typer.Argument(help="A name that can be used instead of the id.")],
    table: OfTable = None,
    root: Root = "data",
) -> None:
    """Give an artifact a name."""
    from deployments.show_artifacts import tag

    tag(root, table, reference, name)


@app.command()
def verify(
    reference: Annotated[str | None, typer.Argument(help="One artifact; without, all.")] = None,
    root: Root = "data",
) -> None:
    """Compare the files of artifacts with the hashes in their manifests."""
    from deployments.show_artifacts import verify as verify_artifacts

    raise typer.Exit(verify_artifacts(root, reference))


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT; a table is a view of that name.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a row.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated, with a header.")] = False,
    root: Root = "data",
) -> None:
    """Ask DuckDB about all artifacts, read-only."""
    from deployments.run_sql import run_sql

    if as_json and as_csv:
        raise InputError("--json and --csv are both given; choose one")
    run_sql(root, query, "json" if as_json else "csv" if as_csv else "table")


@app.command()
def report(
    estimates: Annotated[str, typer.Argument(help="Estimates: id, prefix, tag or latest.")] = (
        "latest"
    ),
    out: Annotated[str | None, typer.Option(help="Write the HTML file here.")] = None,
    root: Root = "data",
) -> None:
    """Print the table of an evaluation and write its HTML report."""
    from deployments.show_report import show_report

    show_report(root, estimates, out)


@app.command("judge-report")
def judge_report(
    verdicts: Annotated[
        str | None,
        typer.Argument(help="Verdicts of comparisons: id, prefix, tag or latest (the default)."),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(help="A .jsonl(.gz) of judgements made elsewhere, instead of the store."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a judge.")] = False,
    root: Root = "data",
) -> None:
    """Show how far a judge can be trusted: order, length, ties, agreement with people."""
    from deployments.show_judge_report import show_judge_report

    show_judge_report(root, verdicts, file, as_json=as_json)


@app.command()
def spending(root: Root = "data") -> None:
    """Show what API calls cost: tokens and dollars of each run and model."""
    from deployments.show_spending import show_spending

    show_spending(root)


@app.command()
def serve(
    cron: Annotated[str, typer.Option(help="When nightly runs.")] = "0 2 * * *",
    timezone: Annotated[str, typer.Option(help="Time zone of the schedule.")] = "UTC",
    port: Annotated[int, typer.Option(help="Port of that server's UI and API.")] = 4200,
    page_port: Annotated[
        int, typer.Option(help="Port of the annotation page; 0 for no page.", min=0, max=65_535)
    ] = 8400,
    root: Root = "data",
) -> None:
    """Serve nightly on a schedule and every stage as a deployment of its own.

    Uses the Prefect server of PREFECT_API_URL; where none is set, it starts one with its UI. The page
    on which people compare answers is served beside it.
    """
    from deployments.serve import serve

    serve(root=root, cron=cron, timezone=timezone, port=port, page_port=page_port)


def main() -> None:
    """Run the command line; an InputError is one message and exit code 2."""
    set_defaults()
    try:
        app()
    except InputError as error:
        typer.echo(f"prefline: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
