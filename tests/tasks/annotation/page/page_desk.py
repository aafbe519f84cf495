from typing import NamedTuple

from starlette.testclient import TestClient

from tasks.annotation.page.app import make_app
from tasks.annotation.page.page_settings import PageSettings
from tasks.annotation.page.sessions import COOKIE
from tasks.annotation.queue.queue_state import QueueState
from tasks.annotation.queue.queues import Queues
from tests.fakes.annotation_page import OWN


class Desk(NamedTuple):
    """A queue, two annotators, an admin and their tokens."""

    queues: Queues
    queue: QueueState
    ann: str
    bob: str
    root: str

    def client(self, token: str | None, settings: PageSettings | None = None) -> TestClient:
        """A client of the page at its own address that lets failures of the server through."""
        return TestClient(
            make_app(self.queues, settings or PageSettings()),
            base_url="http://127.0.0.1",
            headers=OWN,
            cookies={COOKIE: token} if token else {},
            follow_redirects=False,
        )

    @property
    def api(self) -> str:
        """Where the queue is asked."""
        return f"/api/q/{self.queue.queue_id}"
