"""The page in a real browser: by keys, by taps, with hostile texts and without a network."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from storage.tables.labels import HumanLabel
from storage.tables.table import Message, row_id
from tasks.annotation.comparison_item import ComparisonItem, Response
from tasks.annotation.params import QueueParams
from tasks.annotation.queue.assignment import Assignment, GivenLabel
from tasks.annotation.queue.queues import Queues, open_queues

playwright_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytestmark = pytest.mark.browser

ADA = "ada"
SETTLED_MS = 400
"""Longer than a key or a tap is ignored after a comparison appears."""


class Site(NamedTuple):
    queues: Queues
    address: str

    def publish(self, items: list[ComparisonItem], **params: Any) -> str:
        return self.queues.publish("made", items, QueueParams(**params), origin="made").queue_id

    def labels(self, queue_id: str) -> list[HumanLabel]:
        return self.queues.labels(queue_id)


class Visit:
    """A page with everything that it did besides."""

    def __init__(self, page: Any, site: Site) -> None:
        self.page = page
        self.site = site
        self.trouble: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", lambda said: self.trouble.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        page.on("dialog", self._dismiss)
        page.context.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _dismiss(self, dialog: Any) -> None:
        self.trouble.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, queue_id: str, path: str = "") -> "Visit":
        self.page.goto(f"{self.site.address}/q/{queue_id}{path}")
        if not path:
            self.settle()
        return self

    def settle(self) -> None:
        """Wait until the page takes a choice."""
        self.page.wait_for_selector('#main[aria-busy="false"]')
        self.page.wait_for_timeout(SETTLED_MS)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def say(self, *keys: str) -> None:
        """Press keys of which the last one settles the comparison."""
        before = self.page.text_content("#mine")
        self.press(*keys)
        self.page.wait_for_function(
            "before => document.getElementById('mine').textContent !== before", arg=before
        )
        self.settle()

    def shown(self) -> tuple[str, list[str]]:
        """Return the conversation and the answers as they stand on the screen."""
        answers = self.page.locator(".answer-text").all_inner_texts()
        return self.page.inner_text("#turns"), answers


def found_chromium(playwright: Any) -> str | None:
    own = playwright.chromium.executable_path
    candidates = (os.environ.get("CHROMIUM"), shutil.which("chromium"), own)
    return next((path for path in candidates if path and Path(path).exists()), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright_api.sync_playwright() as playwright:
        path = found_chromium(playwright)
        if path is None:
            pytest.skip("needs Chromium: set CHROMIUM to its path, or put it on PATH")
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with served(tmp_path / "queues.sqlite", local_annotator=ADA) as running:
        yield running


@contextmanager
def served(path: Path, local_annotator: str | None) -> Iterator[Site]:
    from tasks.annotation.page.app import make_app
    from tasks.annotation.page.page_settings import PageSettings
    from tasks.annotation.page.serve_page import listening, page_server

    queues = open_queues(path)
    app = make_app(queues, PageSettings(local_annotator=local_annotator))
    with listening("127.0.0.1", 0) as listener:
        server = page_server(app)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Site(queues, f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture
def visit(browser: Any, site: Site) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield Visit(context.new_page(), site)
    context.close()


def item(number: int, *answers: str, question: str = "") -> ComparisonItem:
    texts = answers or (f"The first answer to {number}.", f"Another answer to {number}.")
    return ComparisonItem(
        prompt_id=row_id("prompt", number),
        source="made",
        split="train",
        messages=(Message("user", question or f"Question {number}?"),),
        origin="made",
        responses=tuple(
            Response(completion_id=row_id("completion", number, which), text=text)
            for which, text in enumerate(texts)
        ),
    )


def on_screen(label: HumanLabel) -> str:
    """Return the choice as a position on the screen."""
    if len(label.choice) > 1:
        return label.choice
    return str(label.shown_order.index(label.choice) + 1)


def test_ten_comparisons_are_labelled_with_keys_alone(visit: Visit, site: Site) -> None:
    queue_id = site.publish([item(number) for number in range(10)])
    visit.open(queue_id)
    for keys in (
        ["1"],
        ["2"],
        ["t"],
        ["b"],
        ["s"],
        ["ArrowLeft"],
        ["ArrowRight"],
        ["Shift+Digit1"],
    ):
        visit.say(*keys)
    visit.press("n")
    visit.page.keyboard.type("too short, but true 12tbsu?")  # each of them a key elsewhere
    visit.press("Enter", "v")
    visit.say("2")
    visit.say("1")
    visit.page.wait_for_selector("#empty:not([hidden])")
    assert visit.page.inner_text("#empty-title") == "All done"
    visit.press("u")  # the tenth, and better so
    visit.settle()
    assert "you had said: better" in visit.page.inner_text("#answer-1")
    visit.say("t")
    labels = site.labels(queue_id)
    said = [on_screen(label) for label in labels]
    assert said == ["1", "2", "tie", "both_bad", "skip", "1", "2", "1", "2", "tie"]
    assert len({label.comparison_id for label in labels}) == 10
    assert [label.strength for label in labels] == [None] * 7 + ["clear", "slight", None]
    assert [label.note for label in labels] == [""] * 8 + ["too short, but true 12tbsu?", ""]
    assert all(0 < label.seconds < 60 for label in labels)
    assert visit.trouble == []


def test_of_four_answers_the_best_and_the_worst_are_named(visit: Visit, site: Site) -> None:
    queue_id = site.publish([item(number, "A", "B", "C", "D") for number in range(3)])
    visit.open(queue_id)
    visit.say("3", "1")
    visit.say("2", "Backspace", "4", "4", "Escape", "1", "2")  # taken back twice; 4 is not both
    # The first of them, on to the second, and Enter; then back to the first as the worst.
    visit.say("ArrowRight", "ArrowRight", "Enter", "ArrowLeft", "Enter")
    labels = site.labels(queue_id)
    worst = [label.shown_order.index(label.worst or "") + 1 for label in labels]
    assert [on_screen(label) for label in labels] == ["3", "1", "2"]
    assert worst == [1, 2, 1]
    assert visit.trouble == []


PRESS_AT_ONCE = """() => new MutationObserver(() =>
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "1", bubbles: true }))
).observe(document.getElementById("main"), {
  subtree: true, childList: true, attributes: true, attributeFilter: ["aria-busy"],
})"""


def test_a_press_too_many_does_not_label_the_next_comparison(visit: Visit, site: Site) -> None:
    queue_id = site.publish([item(number) for number in range(5)])
    visit.open(queue_id)
    visit.press("1", "1", "1")
    visit.settle()
    assert [on_screen(label) for label in site.labels(queue_id)] == ["1"]
    visit.page.dblclick("#choices .choice >> nth=2")  # both bad
    visit.settle()
    assert [on_screen(label) for label in site.labels(queue_id)] == ["1", "both_bad"]
    visit.page.evaluate(PRESS_AT_ONCE)  # as soon as the next one is there
    visit.say("t")
    assert [on_screen(label) for label in site.labels(queue_id)] == ["1", "both_bad", "tie"]


def test_a_phone_is_enough(browser: Any, site: Site) -> None:
    queue_id = site.publish([item(0), item(1), item(2, "A", "B", "C")])
    context = browser.new_context(
        viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True
    )
    visit = Visit(context.new_page(), site).open(queue_id)
    for choices in (["Answer 2"], ["Both bad"], ["Answer 3", "Answer 1"]):
        names = visit.page.locator("#choices")
        for target in visit.page.locator("#bar button:visible").all():
            box = target.bounding_box()
            assert min(box["width"], box["height"]) >= 48, target.inner_text()
        for choice in choices:
            names.get_by_role("button", name=choice, exact=True).tap()
        visit.page.wait_for_timeout(SETTLED_MS)
        visit.settle()
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 400
    labels = site.labels(queue_id)
    assert [on_screen(label) for label in labels] == ["2", "both_bad", "3"]
    assert labels[2].worst == labels[2].shown_order[0]
    assert visit.trouble == []
    context.close()


HOSTILE = (
    '<script>alert(1)</script><img src=x onerror="alert(2)"><svg onload=alert(3)>',
    "[a](javascript:alert(4)) ![b](https://elsewhere.invalid/x.png) <https://elsewhere.invalid/>",
    '"><iframe src="https://elsewhere.invalid"></iframe><base href="https://elsewhere.invalid/">',
    "```html\n</code></pre><script>alert(5)</script>\n```",
    '<style>@import "https://elsewhere.invalid/x.css";body{display:none}</style>',
    "\u202e<link rel=prefetch href=https://elsewhere.invalid/y> &lt;script&gt;alert(6)&lt;/script&gt;",
)


def test_hostile_texts_are_texts(visit: Visit, site: Site) -> None:
    pairs = zip(HOSTILE, reversed(HOSTILE), strict=True)
    items = [item(number, *texts, question=texts[0]) for number, texts in enumerate(pairs)]
    queue_id = site.publish(items, instructions=HOSTILE[0], overlap=2)
    visit.open(queue_id)
    scripts = visit.page.locator("script").count()
    for _ in items:
        assert "alert(" in "".join(visit.shown()[1]) or "elsewhere" in "".join(visit.shown()[1])
        assert (
            visit.page.locator("#comparison :is(script, img, iframe, style, svg, link)").count()
            == 0
        )
        visit.say("1")
    disagree(site, queue_id)
    visit.open(queue_id, "/admin")
    visit.page.wait_for_selector(".conflict")
    assert visit.page.locator(".conflict :is(script, img, iframe, style, link)").count() == 0
    assert visit.page.locator("script").count() <= scripts
    visit.page.wait_for_timeout(SETTLED_MS)
    assert visit.trouble == []  # a violation of the policy would be in the console
    assert visit.hosts == {urlsplit(site.address).netloc}


def disagree(site: Site, queue_id: str) -> None:
    """Let somebody say of every comparison that the other answer is better."""
    said = {label.comparison_id: label.choice for label in site.labels(queue_id)}
    grace = site.queues.annotator("grace").annotator_id
    while True:
        now = datetime.now(UTC)
        shown = site.queues.next_item(queue_id, grace, now)
        if not isinstance(shown, Assignment):
            return
        other = "b" if said[shown.item.item_id] == "a" else "a"
        label = GivenLabel(item_id=shown.item.item_id, choice=other)
        site.queues.give(queue_id, grace, label, now)


def test_conflicts_are_settled_with_keys_on_the_admin_page(visit: Visit, site: Site) -> None:
    queue_id = site.publish([item(0), item(1)], overlap=2)
    visit.open(queue_id)
    visit.say("1")
    visit.say("2")
    disagree(site, queue_id)
    visit.open(queue_id, "/admin")
    assert visit.page.inner_text("#num-conflicts") == "2"
    first, second = visit.page.locator(".conflict").all()
    first.get_by_role("button", name="b is better").press("Enter")
    second.get_by_role("textbox").fill("equally good")
    second.get_by_role("button", name="Tie").press("Space")
    visit.page.wait_for_selector("#num-conflicts:text-is('0')")
    settled = [label for label in site.labels(queue_id) if label.is_adjudication]
    assert [(label.choice, label.note) for label in settled] == [("b", ""), ("tie", "equally good")]
    visit.page.reload()
    assert visit.page.locator(".conflict").count() == 0
    visit.page.get_by_role("button", name="Close the queue").click()
    visit.page.wait_for_selector("text=Reopen the queue")
    assert not site.queues.queue(queue_id).is_open
    assert visit.trouble == []


def test_a_reload_shows_the_same_comparison_with_its_note(visit: Visit, site: Site) -> None:
    queue_id = site.publish([item(number) for number in range(5)])
    visit.open(queue_id)
    visit.say("1")
    before = visit.shown()
    visit.press("n")
    visit.page.keyboard.type("look this up")
    visit.press("Control+Enter", "c")
    visit.page.reload()
    visit.settle()
    assert visit.shown() == before
    visit.say("2")
    label = site.labels(queue_id)[1]
    assert (label.note, label.strength, on_screen(label)) == ("look this up", "clear", "2")


def test_a_label_given_offline_is_kept_and_saved_once(visit: Visit, site: Site) -> None:
    queue_id = site.publish([item(number) for number in range(3)])
    visit.open(queue_id)
    before = visit.shown()
    visit.page.context.set_offline(True)
    visit.press("2")
    visit.page.wait_for_selector("text=Not saved yet")
    visit.press("1", "t", "u")  # nothing else until it is saved
    assert visit.shown() == before
    assert site.labels(queue_id) == []
    visit.page.context.set_offline(False)
    visit.page.wait_for_selector("#mine:text-is('1')")
    visit.settle()
    assert [on_screen(label) for label in site.labels(queue_id)] == ["2"]
    assert visit.shown() != before


def test_leaving_with_an_unsaved_label_asks_and_keeps_it(visit: Visit, site: Site) -> None:
    queue_id = site.publish([item(number) for number in range(3)])
    visit.open(queue_id)
    visit.page.route(re.compile("/label$"), lambda route: route.abort())
    visit.press("b")
    visit.page.wait_for_selector("text=Not saved yet")
    visit.page.close(run_before_unload=True)
    visit.page.wait_for_timeout(SETTLED_MS)
    assert [said for said in visit.trouble if said.startswith("dialog")] == ["dialog: "]
    assert not visit.page.is_closed()
    assert site.labels(queue_id) == []
    again = Visit(visit.page.context.new_page(), site).open(queue_id)
    assert [on_screen(label) for label in site.labels(queue_id)] == ["both_bad"]
    assert again.page.inner_text("#mine") == "1"


def test_a_lost_reply_does_not_make_a_second_label(visit: Visit, site: Site) -> None:
    queue_id = site.publish([item(number) for number in range(3)])
    visit.open(queue_id)
    sent = []

    def lose(route: Any) -> None:
        sent.append(route.fetch().json())  # the server has it, the page does not hear of it
        route.abort()

    visit.page.route(re.compile("/label$"), lose, times=1)
    visit.say("1")
    assert [reply["saved"] for reply in sent] == [True]
    assert [on_screen(label) for label in site.labels(queue_id)] == ["1"]


def test_who_was_overtaken_reads_why_and_goes_on(visit: Visit, site: Site) -> None:
    queue_id = site.publish([item(0), item(1)], lease_minutes=0.001)
    visit.open(queue_id)
    grace = site.queues.annotator("grace").annotator_id
    shown = visit.shown()[0]
    for _ in range(2):  # one of the two is on the screen, and its lease of 60 ms is over
        now = datetime.now(UTC)
        got = site.queues.next_item(queue_id, grace, now)
        assert isinstance(got, Assignment)
        choice = "a" if got.item.messages[0].content in shown else "skip"
        site.queues.give(queue_id, grace, GivenLabel(item_id=got.item.item_id, choice=choice), now)
    visit.press("1")
    visit.page.wait_for_selector('#status[data-kind="trouble"]')
    visit.settle()
    assert visit.page.inner_text("#status-text") != ""
    assert visit.shown()[0] != shown
    assert [label.annotator for label in site.labels(queue_id)] == ["grace", "grace"]


def test_nothing_can_be_chosen_before_the_reading_time_is_over(visit: Visit, site: Site) -> None:
    queue_id = site.publish([item(0)], min_reading_seconds=3.0)
    visit.open(queue_id)
    visit.press("1", "t")
    visit.page.locator("#choices").get_by_role("button", name="Tie").dispatch_event("click")
    assert re.fullmatch(r"Read for [1-3] more seconds?", visit.page.inner_text("#status-text"))
    assert site.labels(queue_id) == []
    visit.page.wait_for_selector('.choice[aria-disabled="false"]')
    visit.say("2")
    assert [on_screen(label) for label in site.labels(queue_id)] == ["2"]
    assert visit.trouble == []


def test_a_personal_link_signs_in_and_a_new_one_saves_what_was_kept(
    browser: Any, tmp_path: Path
) -> None:
    with served(tmp_path / "queues.sqlite", local_annotator=None) as site:
        queue_id = site.publish([item(number) for number in range(3)])
        context = browser.new_context()
        visit = Visit(context.new_page(), site)
        token = site.queues.invite(ADA, "annotator").token
        visit.page.goto(f"{site.address}/join#{token}")
        visit.page.wait_for_url(f"{site.address}/q/{queue_id}")
        visit.settle()
        assert token not in visit.page.evaluate("document.documentElement.outerHTML")
        visit.page.go_back()
        assert token not in visit.page.url
        visit.open(queue_id)
        token = site.queues.invite(ADA, "annotator").token  # the first one is void from now on
        visit.press("2")
        visit.page.wait_for_selector("text=You are signed out")
        visit.page.goto(f"{site.address}/join#{token}")
        visit.page.wait_for_url(f"{site.address}/q/{queue_id}")
        visit.settle()
        assert [on_screen(label) for label in site.labels(queue_id)] == ["2"]
        context.close()


def test_light_or_dark_is_remembered(visit: Visit, site: Site) -> None:
    queue_id = site.publish([item(0)])
    visit.open(queue_id)
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light = visit.page.evaluate(background)
    visit.page.get_by_role("button", name="Light or dark").click()
    dark = visit.page.evaluate(background)
    visit.page.reload()
    assert light != dark
    assert visit.page.evaluate(background) == dark


def test_help_opens_and_closes_and_takes_the_keys(visit: Visit, site: Site) -> None:
    queue_id = site.publish([item(0), item(1)])
    visit.open(queue_id)
    visit.press("?", "1", "t")
    assert visit.page.is_visible("dialog.help")
    visit.page.get_by_label("Use these keys").uncheck()
    visit.press("Escape", "1")
    assert not visit.page.is_visible("dialog.help")
    visit.page.wait_for_timeout(SETTLED_MS)
    assert site.labels(queue_id) == []


def test_a_megabyte_is_shown_in_whole(visit: Visit, site: Site) -> None:
    words = "".join(f"word {number}\n" for number in range(100_000))
    word = "x" * 1_000_000
    assert len(words) > 1_000_000
    queue_id = site.publish([item(0, words, word)])
    visit.open(queue_id)
    shown = visit.page.locator(".answer-text").evaluate_all(
        "all => all.map(one => one.textContent)"
    )
    visit.say("1")
    assert sorted(shown) == sorted([words, word])
    assert visit.trouble == []


def test_who_has_to_wait_is_told_and_sees_by_itself_what_comes(visit: Visit, site: Site) -> None:
    queue_id = site.publish([item(0)])
    grace = site.queues.annotator("grace").annotator_id
    site.queues.next_item(queue_id, grace, datetime.now(UTC))
    visit.page.clock.install()
    visit.open(queue_id)
    assert visit.page.inner_text("#empty-title") == "Nothing for you just now"
    site.queues.close(queue_id)
    visit.page.clock.fast_forward(16_000)
    visit.page.wait_for_selector("text=This queue is closed")
    assert visit.trouble == []


CLOCK = """async () => {
  const { Clock } = await import("/static/clock.js");
  let now = 0;
  performance.now = () => now;
  const clock = new Clock();
  const seen = [];
  const at = (seconds) => { now = 1000 * seconds; seen.push(clock.seconds); };
  clock.start();
  at(60);
  at(600);
  document.dispatchEvent(new Event("keydown"));
  at(605);
  Object.defineProperty(document, "hidden", { value: true, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
  at(900);
  Object.defineProperty(document, "hidden", { value: false, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
  at(910);
  return seen;
}"""


def test_seconds_count_while_somebody_is_there(visit: Visit, site: Site) -> None:
    visit.open(site.publish([item(0)]))
    # Two minutes after the last sign of life it pauses, and at once while the page is out of sight.
    assert visit.page.evaluate(CLOCK) == [60, 120, 125, 125, 135]


@pytest.mark.parametrize(
    ("event", "action"),
    [
        pytest.param({"key": "1"}, {"name": "pick", "position": 1, "isClear": False}, id="a digit"),
        pytest.param(
            {"key": "!", "code": "Digit1", "shiftKey": True},
            {"name": "pick", "position": 1, "isClear": True},
            id="shift and a digit",
        ),
        pytest.param(
            {"key": "&", "code": "Digit1"},
            {"name": "pick", "position": 1, "isClear": False},
            id="a digit on a French keyboard",
        ),
        pytest.param(
            {"key": "2", "code": "Digit2", "shiftKey": True},
            {"name": "pick", "position": 2, "isClear": False},
            id="shift and a digit on a French keyboard",
        ),
        pytest.param({"key": "T", "shiftKey": True}, {"name": "tie"}, id="a capital letter"),
        pytest.param({"key": "\u0435", "code": "KeyT"}, {"name": "tie"}, id="a Russian keyboard"),
        pytest.param({"key": "s", "ctrlKey": True}, None, id="a key of the browser"),
        pytest.param({"key": "1", "repeat": True}, None, id="a key held down"),
        pytest.param({"key": "t", "isComposing": True}, None, id="a character being composed"),
        pytest.param({"key": "constructor"}, None, id="no key"),
        pytest.param({"key": "0"}, None, id="zero"),
    ],
)
def test_keys_mean_the_same_on_every_keyboard(
    visit: Visit, site: Site, event: dict[str, Any], action: dict[str, Any] | None
) -> None:
    visit.page.goto(f"{site.address}/")
    asked = "async (event) => (await import('/static/keys.js')).actionOf(new KeyboardEvent('keydown', event))"
    assert visit.page.evaluate(asked, event) == action
