"""The page as an application that a web server runs."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.types import ASGIApp

from tasks.annotation.figures.figures_of_queue import queue_figures
from tasks.annotation.figures.queue_figures import QueueFigures
from tasks.annotation.page import admin_routes, label_routes, page_routes, session_routes
from tasks.annotation.page.answer_errors import answer_errors
from tasks.annotation.page.figures_cache import FiguresCache
from tasks.annotation.page.guard import STATIC, Guard
from tasks.annotation.page.page_settings import PageSettings
from tasks.annotation.page.page_state import PageState
from tasks.annotation.page.sessions import Sessions
from tasks.annotation.queue.queues import Queues

_FOLDER = Path(__file__).parent


def make_app(queues: Queues, settings: PageSettings) -> FastAPI:
    """Return the annotation page over `queues`."""
    app = _GuardedApp(settings)
    app.state.page = PageState(
        queues=queues,
        sessions=Sessions(queues, settings),
        figures=FiguresCache(lambda queue_id: _figures(queues, queue_id)),
        templates=_templates(),
    )
    answer_errors(app)
    for routes in (session_routes, label_routes, admin_routes, page_routes):
        app.include_router(routes.router)
    app.include_router(page_routes.queue_router)
    app.mount(STATIC.rstrip("/"), StaticFiles(directory=_FOLDER / "static"))
    return app


class _GuardedApp(FastAPI):
    """An app with the guard around everything, also around the answer to a failure."""

    def __init__(self, settings: PageSettings) -> None:
        # Nothing describes the page to strangers, and no path leads to another by a slash.
        super().__init__(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
        self._settings = settings

    def build_middleware_stack(self) -> ASGIApp:
        """Return what a request goes through."""
        return Guard(super().build_middleware_stack(), self._settings)


def _figures(queues: Queues, queue_id: str) -> QueueFigures:
    return queue_figures(queues.items(queue_id), queues.labels(queue_id))


def _templates() -> Environment:
    loader = FileSystemLoader(_FOLDER / "templates")
    return Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
