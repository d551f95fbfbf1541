"""Waiting with a deadline: a test never sleeps for a fixed time and hopes."""

import time

DEFAULT_SECONDS = 5.0
POLL_SECONDS = 0.005


class Deadline:
    """A point in time; `left()` is what may still be waited, and raises once nothing is."""

    def __init__(self, seconds=DEFAULT_SECONDS, what="the expected event"):
        self.seconds = seconds
        self.what = what
        self.at = time.monotonic() + seconds

    def left(self):
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"{self.what} did not happen within {self.seconds} s")
        return left


def eventually(condition, within=DEFAULT_SECONDS, what="the condition"):
    """Polls `condition` until it is true, and returns what it gave; raises TimeoutError after `within` seconds."""
    deadline = Deadline(within, what)
    while True:
        result = condition()
        if result:
            return result
        deadline.left()
        time.sleep(POLL_SECONDS)


def stays(condition, seconds, what="the condition"):
    """Checks that `condition` stays true for `seconds`: for "nothing happens", which has no event to wait for."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert condition(), f"{what} did not stay true for {seconds} s"
        time.sleep(POLL_SECONDS)
