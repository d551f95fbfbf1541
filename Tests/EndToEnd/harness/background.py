"""Clients that go on in threads of their own while a test does something else."""

import threading


class Background:
    """Runs `threads` while its `with` block does. They end when `ending` is set, and put what goes wrong into `failures`."""

    def __init__(self):
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.failures = []
        self.threads = []

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self.threads), "a request hangs"
        assert not self.failures, self.failures
