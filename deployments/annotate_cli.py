"""`prefline annotate` and what belongs to it."""

from typing import Annotated

import typer

from deployments.named_comparisons import named_comparisons
from deployments.root_option import Root

annotate_app = typer.Typer(
    help="Let people compare answers on a page.", invoke_without_command=True
)


@annotate_app.callback()
def annotate(
    context: typer.Context,
    pairs: Annotated[
        str | None, typer.Option(help="Pairs whose answers are compared: id, prefix, tag, latest.")
    ] = None,
    verdicts: Annotated[
        str | None,
        typer.Option(help="A judge's comparisons: undecided, tied or all; undecided:ID of others."),
    ] = None,
    completions: Annotated[
        str | None, typer.Option(help="Answers of which people name the best and the worst.")
    ] = None,
    file: Annotated[
        str | None, typer.Option(help="A .jsonl(.gz), .json or .csv of prompts with responses.")
    ] = None,
    gold: Annotated[
        str | None, typer.Option(help="Such a file, whose rows with `gold` are mixed in.")
    ] = None,
    overlap: Annotated[
        int | None, typer.Option(min=1, max=50, help="People per comparison.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="a.b=c", help="As of collect-pairs: comparisons, queue."),
    ] = None,
    terminal: Annotated[
        bool, typer.Option("--terminal", help="Label here, not on a page.")
    ] = False,
    me: Annotated[
        str, typer.Option("--as", envvar="USER", help="Your name on labels given without a link.")
    ] = "me",
    annotators: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="Names that get a link each.")
    ] = None,
    new_link: Annotated[
        str | None, typer.Option(metavar="NAME", help="Give NAME a new link; the old one ends.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535)] = 8400,
    public_url: Annotated[
        str | None, typer.Option(help="What people type, where a proxy stands before the page.")
    ] = None,
    root: Root = "data",
) -> None:
    """Let people compare answers, on a page or with --terminal here.

    Without comparisons it opens the queues that are there. Labels become pairs by
    `prefline run collect-pairs --set comparisons.source=queue`.
    """
    if context.invoked_subcommand is not None:
        return
    from deployments.annotate import Door, label_here, offer, serve_queues

    named = named_comparisons(
        pairs=pairs, verdicts=verdicts, completions=completions, file=file, gold=gold
    )
    if overlap is not None:
        named.append(f"queue.overlap={overlap}")
    offered = [*named, *(settings or [])]
    published = offer(root, offered) if offered else None
    if terminal:
        label_here(root, me, published)
        return
    names = tuple(name.strip() for name in (annotators or "").split(",") if name.strip())
    door = Door(
        host=host, port=port, annotators=names, new_link=new_link, public_url=public_url, me=me
    )
    serve_queues(root, door, published)


Queue = Annotated[str, typer.Argument(help="Queue: id, unique prefix, name or latest.")]


@annotate_app.command("queues")
def annotate_queues(root: Root = "data") -> None:
    """List the queues and how far they are."""
    from deployments.annotate import show_queues

    show_queues(root)


@annotate_app.command("export")
def annotate_export(
    out: Annotated[str, typer.Option(help="The file to write.")],
    queue: Queue = "latest",
    format_: Annotated[
        str, typer.Option("--format", help="jsonl, csv, label-studio or argilla.")
    ] = "jsonl",
    root: Root = "data",
) -> None:
    """Write comparisons and labels to a file that other tools read."""
    from deployments.annotate import export

    export(root, queue, format_, out)


@annotate_app.command("import")
def annotate_import(
    file: Annotated[str, typer.Argument(help="A file with labels in one of those formats.")],
    queue: Queue = "latest",
    root: Root = "data",
) -> None:
    """Add labels that people gave elsewhere."""
    from deployments.annotate import import_labels

    import_labels(root, queue, file)
