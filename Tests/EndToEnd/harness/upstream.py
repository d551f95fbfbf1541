"""Upstreams that do exactly what a test tells them to, and remember every byte that reached them.

A script is a function of one `Connection`. Connection n of a `ScriptedUpstream` runs script n; the last script serves
all further connections.
"""

import json
import socket
import struct
import threading

from .deadline import Deadline, eventually
from .ports import free_port
from .wire import Reader, Truncated, read_body, read_request_head

SECONDS = 10.0


class RecordingReader(Reader):
    def __init__(self, sock):
        super().__init__(sock)
        self.received = bytearray()

    def fill(self, deadline):
        before = len(self.buffer)
        more = super().fill(deadline)
        self.received += self.buffer[before:]
        return more


class Connection:
    """The upstream's end of one connection from the gateway."""

    def __init__(self, upstream, sock, index):
        self.upstream = upstream
        self.sock = sock
        self.index = index
        self.reader = RecordingReader(sock)
        self.closed_by_peer = False

    @property
    def received(self):
        return bytes(self.reader.received)

    def request(self, seconds=SECONDS):
        """Reads one whole request, None when the gateway closed instead; anything malformed fails the test.

        Answers 100 to a request that expects it, as RFC 9110 section 10.1.1 demands of a server.
        """
        deadline = Deadline(seconds, "a request at the upstream")
        request = read_request_head(self.reader, deadline)
        if request is not None:
            if request.has("expect") and not self.reader.buffer:
                self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            read_body(self.reader, request, deadline, until_close=False)
        return self._note(request)

    def request_head(self, seconds=SECONDS):
        return self._note(read_request_head(self.reader, Deadline(seconds, "a request head at the upstream")))

    def _note(self, request):
        if request is None:
            self.closed_by_peer = True
        else:
            request.connection = self.index
            self.upstream.requests.append(request)
        return request

    def send(self, data, seconds=SECONDS):
        self.sock.settimeout(seconds)
        self.sock.sendall(data)

    def dribble(self, data, between=None):
        """One byte a segment; `between` is called after each."""
        for index in range(len(data)):
            self.send(data[index:index + 1])
            if between:
                between()

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wait(self, event, seconds=SECONDS):
        if not event.wait(seconds):
            raise TimeoutError(f"the test did not release the upstream within {seconds} s")

    def until_closed(self, seconds=SECONDS):
        """Reads and drops until the gateway closes."""
        self.reader.to_end(Deadline(seconds, "the gateway's close"))
        self.closed_by_peer = True


class ScriptedUpstream:
    """A server on a free port. `requests` has every request read so far, `connections` every connection accepted."""

    def __init__(self, *scripts, port=None, tolerate_errors=False, address="127.0.0.1"):
        self.scripts = scripts
        self.requests = []
        self.connections = []
        self.errors = []
        self.tolerate_errors = tolerate_errors
        self.stopping = threading.Event()
        self.port = port or free_port()
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, self.port))
        self.listener.listen(512)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @property
    def target(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        self.stop()
        if failure is None and not self.tolerate_errors:
            assert not self.errors, f"the upstream's scripts failed: {self.errors}"

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, sock, len(self.connections))
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        script = self.scripts[min(connection.index, len(self.scripts) - 1)]
        try:
            script(connection)
        except (Truncated, OSError):
            pass  # the gateway closed, or the test is over
        except Exception as error:
            self.errors.append(error)
        finally:
            connection.close()

    def stop(self):
        self.stopping.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.thread.join(2)
        for connection in self.connections:
            connection.close()

    def received(self):
        """Every byte that any connection brought."""
        return b"".join(connection.received for connection in self.connections)

    def wait_for_requests(self, count, seconds=5):
        eventually(lambda: len(self.requests) >= count, seconds, f"request {count} at the upstream")
        return self.requests

    @property
    def last(self):
        return self.requests[-1]


# Scripts

def answering(response, close=False):
    """Answers each request on the connection with the bytes `response` (or what it returns for the request)."""

    def script(connection):
        while True:
            request = connection.request()
            if request is None:
                return
            connection.send(response(request) if callable(response) else response)
            if close:
                return

    return script


def in_turn(*responses):
    """Answers request n of a connection with response n; closes after the last."""

    def script(connection):
        for response in responses:
            if connection.request() is None:
                return
            connection.send(response)

    return script


def silent(connection):
    """Reads everything and never answers."""
    connection.until_closed(60)


def resetting(connection):
    connection.request()
    connection.reset()


def ok(body=b"ok", headers=b"", status=b"200 OK"):
    """A length-framed response."""
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, headers, len(body), body)


def echo(request, name="echo"):
    """The request as JSON, for tests of what reached the upstream."""
    body = json.dumps({
        "upstream": name, "connection": getattr(request, "connection", None), "method": request.method,
        "target": request.target, "headers": request.headers, "body": request.body.decode("latin-1"),
        "trailers": request.trailers, "framing": request.framing,
    }).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head if request.method == "HEAD" else head + body


class EchoUpstream(ScriptedUpstream):
    """Answers 200 with the request as JSON; `name` tells several apart."""

    def __init__(self, name="echo", port=None, tolerate_errors=False):
        super().__init__(answering(lambda request: echo(request, name)), port=port, tolerate_errors=tolerate_errors)
        self.name = name


def refused_port():
    """A port on which nobody listens: connecting is refused at once."""
    return free_port()


class FullBacklog:
    """A listener whose queue is full, so that connecting to it gets no answer: a connect time-out to order."""

    def __init__(self):
        self.port = free_port()
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(0)
        self.fillers = []
        for _ in range(4):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(filler)

    @property
    def target(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for filler in self.fillers:
            filler.close()
        self.listener.close()
