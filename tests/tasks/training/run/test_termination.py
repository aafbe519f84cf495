import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.training.run.termination import termination_watched


@pytest.fixture
def told():
    """Return what an earlier handler of SIGTERM was told, which there is during the test."""
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    yield heard
    signal.signal(signal.SIGTERM, before)


def test_a_signal_is_noted_and_handed_on_once_at_the_end(told):
    earlier = signal.getsignal(signal.SIGTERM)
    with termination_watched() as termination:
        assert not termination.is_asked
        for _ in range(2):  # whoever asks twice does not break off the checkpoint
            signal.raise_signal(signal.SIGTERM)
        assert termination.is_asked
        assert told == []
    assert told == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is earlier


def test_without_a_signal_the_earlier_handler_hears_nothing(told):
    with termination_watched():
        pass
    assert told == []


class EndedError(Exception):
    """What an earlier handler raises, as Prefect's engine does."""


def break_off_training():
    with termination_watched():
        signal.raise_signal(signal.SIGTERM)
        raise RuntimeError("stopped after step 3")


def test_an_earlier_handler_that_raises_ends_the_flow_with_its_own_error():
    def end(*_):
        raise EndedError

    before = signal.signal(signal.SIGTERM, end)
    try:
        with pytest.raises(EndedError) as caught:
            break_off_training()
        assert "stopped after step 3" in str(caught.value.__context__)
    finally:
        signal.signal(signal.SIGTERM, before)


def in_a_thread(work):
    with ThreadPoolExecutor(1, thread_name_prefix="worker") as pool:
        return pool.submit(work).result()


def watch_and_ask():
    with termination_watched() as termination:
        asked = threading.Event()
        threading.Thread(target=asked.wait, args=(0,)).start()
        os.kill(os.getpid(), signal.SIGTERM)
        return termination


def test_a_worker_thread_says_that_it_cannot_handle_the_signal(told, caplog):
    """The earlier handler gets it at once, in the main thread."""
    assert not in_a_thread(watch_and_ask).is_asked
    assert "training runs in thread worker_0: it cannot handle SIGTERM there" in caplog.text
    assert told == [signal.SIGTERM]


def test_a_worker_thread_shares_what_the_main_thread_watches(told, caplog):
    with termination_watched() as watched:
        assert in_a_thread(watch_and_ask) is watched
        assert watched.is_asked
        assert told == []
    assert told == [signal.SIGTERM]
    assert caplog.text == ""
