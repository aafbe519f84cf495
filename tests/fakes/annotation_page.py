"""The annotation page on a port of this machine, in a thread or as a process that can be killed."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self

import httpx2

from storage.tables.table import Message
from tasks.annotation.comparison_item import ComparisonItem, Response
from tasks.annotation.page.app import make_app
from tasks.annotation.page.page_settings import PageSettings
from tasks.annotation.page.serve_page import listening, page_server, serve_page
from tasks.annotation.page.sessions import COOKIE
from tasks.annotation.queue.queues import Queues, open_queues

OWN = {"X-Prefline": "1"}
"""The header that the page's own scripts send."""


def comparison(number: int, *answers: str, **fields: Any) -> ComparisonItem:
    """A comparison of texts, of two if none are given; what must stay hidden is called SECRET."""
    texts = answers or (f"First answer {number}.", f"Second answer {number}.")
    content: dict[str, Any] = {
        "prompt_id": f"prompt-{number}",
        "source": "SECRET-source",
        "split": "train",
        "messages": (Message("user", f"Question {number}?"),),
        "origin": "SECRET-origin",
        "responses": tuple(
            Response(completion_id=f"SECRET-{number}-{index}", text=text)
            for index, text in enumerate(texts)
        ),
        "judge": "SECRET-judge",
        "judged": "a",
    }
    return ComparisonItem(**content | fields)


def comparisons(count: int) -> list[ComparisonItem]:
    """So many comparisons of two answers."""
    return [comparison(number) for number in range(count)]


class AnnotationPage:
    """The page over `queues`, served between `with` and its end."""

    def __init__(self, queues: Queues, settings: PageSettings | None = None) -> None:
        self._app = make_app(queues, settings or PageSettings())

    def __enter__(self) -> Self:
        """Listen, and return the page once it answers."""
        listener = listening("127.0.0.1", 0)
        self.port: int = listener.getsockname()[1]
        self._server = page_server(self._app)
        self._thread = Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop as at a signal."""
        self._server.should_exit = True
        self._thread.join()

    @property
    def url(self) -> str:
        """The address of the start page."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, token: str | None = None) -> httpx2.Client:
        """A client that sends what the page's scripts send, signed in if there is a token."""
        return page_client(self.url, token)


def page_client(url: str, token: str | None = None) -> httpx2.Client:
    """A client of the page at `url`."""
    cookies = {COOKIE: token} if token else {}
    return httpx2.Client(base_url=url, headers=OWN, cookies=cookies, trust_env=False, timeout=60)


def main(given: Sequence[str] | None = None) -> None:
    """Serve a file of queues until the process is ended; the first line of output is the address."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    parser.add_argument("--annotator", help="who labels without a token")
    arguments = parser.parse_args(given)
    settings = PageSettings(local_annotator=arguments.annotator)
    app = make_app(open_queues(arguments.file), settings)

    def say(port: int) -> None:
        sys.stdout.write(f"http://127.0.0.1:{port}\n")
        sys.stdout.flush()

    serve_page(app, "127.0.0.1", arguments.port, on_start=say)


if __name__ == "__main__":
    main()
