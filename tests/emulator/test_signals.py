"""Signals to stop, in the middle of something."""

import os
import signal
import threading

import pytest

from emulator import signals


def send(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


def test_they_are_handed_on() -> None:
    came: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    with signals.handled(came.append):
        send()
        send(signal.SIGTERM)
    assert came == [signal.SIGINT, signal.SIGTERM]
    assert signal.getsignal(signal.SIGINT) is before


def test_one_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    came: list[int] = []
    try:
        with signals.handled(came.append):
            send(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert came == []


def test_what_must_not_be_left_half_done_is_done_first() -> None:
    done: list[str] = []

    def work() -> None:
        with signals.deferred(lambda: done.append("told")):
            send()
            send()
            done.append("all")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["told", "told", "all"]


def test_an_error_is_not_lost() -> None:
    def work() -> None:
        with signals.deferred():
            send()
            raise ValueError

    with pytest.raises(KeyboardInterrupt) as caught:
        work()
    assert isinstance(caught.value.__context__, ValueError)


def test_elsewhere_than_in_the_main_thread_there_is_nothing_to_do() -> None:
    done: list[str] = []

    def work() -> None:
        with signals.deferred():
            done.append("all")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["all"]
