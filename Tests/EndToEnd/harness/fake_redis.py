"""A server that speaks just enough of Redis' protocol to be a store, and says what a test wants it to."""

import socket
import threading

from .ports import free_port

LOADING = b"-LOADING Redis is loading the dataset in memory\r\n"


class FakeRedis:
    """Lets every bucket's request through, or answers every command with `error`. `commands` has their names, `open` is
    how many connections there are. `hold` keeps answers back until `go_on`; `held` has the names of their commands.

    Of buckets that requests are charged to it says `numbers`, if there are any, such as `(500_000_000, 1)`.
    """

    def __init__(self, error=None, numbers=None):
        self.error = error
        self.numbers = numbers
        self.commands = []
        self.held = []
        self.open = 0
        self.flows = threading.Event()
        self.flows.set()
        self.lock = threading.Lock()
        self.port = free_port()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Shutting down wakes the thread that accepts.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def hold(self):
        self.held = []
        self.flows.clear()

    def go_on(self):
        self.flows.set()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _count(self, change):
        with self.lock:
            self.open += change

    def _serve(self, connection):
        self._count(1)
        try:
            self._answer_all(connection)
        finally:
            self._count(-1)

    def _answer_all(self, connection):
        with connection, connection.makefile("rb") as stream:
            try:
                while words := self._command(stream):
                    self.commands.append(words[0])
                    # New connections greet while others wait.
                    if words[0] == "EVALSHA" and not words[3].endswith("0" * 32) and not self.flows.is_set():
                        self.held.append(words[0])
                        self.flows.wait(30)
                    connection.sendall(self.error or self._answer(words))
            except OSError:
                pass

    @staticmethod
    def _command(stream):
        line = stream.readline()
        if not line:
            return None
        words = []
        for _ in range(int(line[1:])):
            length = int(stream.readline()[1:])
            words.append(stream.read(length + 2)[:-2].decode())
        return words

    def _answer(self, words):
        if words[0] == "ROLE":
            return b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
        if words[0] == "SCRIPT":
            return b"$40\r\n" + b"ab" * 20 + b"\r\n"
        if words[0] == "EVALSHA":
            buckets = int(words[2])
            is_probe = words[3].endswith("probe:" + "0" * 32)
            # Half a second until each is full again, and a token taken.
            numbers = (500_000_000, 1) if is_probe or not self.numbers else self.numbers
            return b"*%d\r\n" % (2 * buckets) + b":%d\r\n:%d\r\n" % numbers * buckets
        return b"+OK\r\n"
