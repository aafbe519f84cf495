"""Let annotators label through the page while its server is killed; run it as a script.

Example: `PYTHONPATH=. python tests/benchmarks/bench_annotation.py`. Each annotator is a thread with a
client of its own that asks for a comparison, labels it, and repeats a label until the server said
that it is saved. The server is a real process, killed with SIGKILL at random times.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tasks.annotation.comparison_item import SKIP
from tasks.annotation.figures.figures_of_queue import queue_figures
from tasks.annotation.params import QueueParams
from tasks.annotation.queue.queues import Queues, open_queues
from tests.fakes.prefline_server import free_port
from tests.tasks.annotation.figures.sayings import made_queue
from tests.tasks.annotation.small_items import small_items

CHECKOUT = Path(__file__).resolve().parents[2]
POLITE = {"X-Prefline": "1"}


def say(text: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@dataclass
class Labeller:
    """One annotator: what was acknowledged, and how long each request took."""

    name: str
    token: str
    url: str
    queue_id: str
    answered_seconds: list[float] = field(default_factory=list)
    acknowledged_seconds: list[float] = field(default_factory=list)
    acknowledged: dict[str, Any] = field(default_factory=dict)

    def work(self) -> None:
        """Label until nothing is left."""
        draw = random.Random(self.name)
        with httpx2.Client(base_url=self.url, headers=POLITE, timeout=30) as client:
            self._patiently(client, "POST", "/api/session", {"token": self.token})
            screen = self._patiently(client, "GET", f"/api/q/{self.queue_id}/next").json()
            while screen["why_empty"] != "finished":
                if screen["item"] is None:  # others hold the rest
                    time.sleep(0.2)
                    screen = self._patiently(client, "GET", f"/api/q/{self.queue_id}/next").json()
                    continue
                item = screen["item"]["item_id"]
                choice = draw.choice([1, 2, 1, 2, "tie", "both_bad"])
                label = {"item_id": item, "choice": choice, "worst": None, "strength": None}
                label |= {"note": "", "seconds": 1.0}
                asked = time.monotonic()
                answer = self._patiently(client, "POST", f"/api/q/{self.queue_id}/label", label)
                self.acknowledged_seconds.append(time.monotonic() - asked)
                if answer.status_code == 200:
                    self.acknowledged[item] = choice
                    screen = answer.json()["screen"]
                else:
                    screen = self._patiently(client, "GET", f"/api/q/{self.queue_id}/next").json()

    def _patiently(
        self, client: httpx2.Client, method: str, path: str, body: object = None
    ) -> httpx2.Response:
        """Return the first answer; a server that is gone comes back."""
        while True:
            began = time.monotonic()
            try:
                answer = client.request(method, path, json=body)
            except httpx2.TransportError:
                time.sleep(0.05)
                continue
            if path.endswith("/label"):
                self.answered_seconds.append(time.monotonic() - began)
            return answer


def start(root: Path, port: int, names: str) -> subprocess.Popen[bytes]:
    """Return the page's server, just started."""
    command = [sys.executable, "-m", "deployments.cli", "annotate", "--root", str(root)]
    return subprocess.Popen(
        [*command, "--port", str(port), "--annotators", names],
        cwd=CHECKOUT,
        stdout=subprocess.DEVNULL,
    )


def up(url: str) -> float:
    """Return the seconds until the server answers."""
    began = time.monotonic()
    while True:
        try:
            httpx2.get(f"{url}/join", timeout=5)
        except httpx2.TransportError:
            time.sleep(0.02)
        else:
            return time.monotonic() - began


def percentiles(seconds: list[float]) -> str:
    """Return the median, the 99th percentile and the longest in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    return f"p50 {cuts[49] * 1e3:.0f} ms, p99 {cuts[98] * 1e3:.0f} ms, most {max(seconds) * 1e3:.0f} ms"


def check(queues: Queues, queue_id: str, labellers: list[Labeller], overlap: int) -> None:
    """Print whether every promise was kept."""
    labels = queues.labels(queue_id)
    people: dict[str, set[str]] = {}
    for label in labels:
        people.setdefault(label.comparison_id, set()).add(label.annotator)
    stored = {(label.annotator, label.comparison_id) for label in labels if label.choice != SKIP}
    acknowledged = {(who.name, item) for who in labellers for item in who.acknowledged}
    decided = [label for label in labels if label.choice in {"a", "b"}]
    first = sum(label.choice == label.shown_order[0] for label in decided)
    swapped = Counter(label.shown_order for label in labels)["ba"]
    error = 1.96 * (0.25 / len(labels)) ** 0.5
    say(f"labels: {len(labels)}; people per comparison: {Counter(map(len, people.values()))}")
    say(f"acknowledged labels that are lost: {len(acknowledged - stored)} of {len(acknowledged)}")
    say(f"labels stored and never acknowledged: {len(stored - acknowledged)}")
    say(f"b shown first: {swapped / len(labels):.3f} (chance 0.5 +- {error:.3f})")
    say(f"choices that went to the answer shown first: {first} of {len(decided)}")
    complete = all(len(who) == overlap for who in people.values())
    say("every promise kept" if complete and not acknowledged - stored else "PROMISE BROKEN")


def measure_figures() -> None:
    """Print how long the admin page counts over 100,000 labels."""
    items, labels = made_queue(50_000, 8, 2, seed=0)
    began = time.monotonic()
    queue_figures(items, labels)
    say(f"figures of {len(labels):,} labels: {time.monotonic() - began:.1f} s")


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotators", type=int, default=8)
    parser.add_argument("--overlap", type=int, default=2)
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--kills", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        root.mkdir()
        queues = open_queues(root / "annotation.sqlite")
        params = QueueParams(overlap=given.overlap)
        queue = queues.publish("bench", small_items(given.items), params, origin="bench")
        queues.invite("admin", "admin")
        names = [f"p{number}" for number in range(given.annotators)]
        tokens = {name: queues.invite(name, "annotator").token for name in names}
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        server = start(root, port, ",".join(names))
        say(f"server is up after {up(url):.1f} s")
        labellers = [Labeller(name, token, url, queue.queue_id) for name, token in tokens.items()]
        threads = [threading.Thread(target=labeller.work) for labeller in labellers]
        for thread in threads:
            thread.start()
        draw = random.Random(1)
        for _ in range(given.kills):
            time.sleep(draw.uniform(0.2, 1.2))
            server.kill()
            server.wait()
            server = start(root, port, ",".join(names))
            say(f"killed; up again after {up(url):.1f} s")
        for thread in threads:
            thread.join()
        server.terminate()
        server.wait()
        answered = [second for who in labellers for second in who.answered_seconds]
        acknowledged = [second for who in labellers for second in who.acknowledged_seconds]
        say(f"a label that met a running server: {percentiles(answered)}")
        say(f"from the key to the acknowledgement, restarts included: {percentiles(acknowledged)}")
        check(queues, queue.queue_id, labellers, given.overlap)
    measure_figures()


if __name__ == "__main__":
    main()
