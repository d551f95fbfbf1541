"""A client that sends exactly the bytes it is told to."""

import socket
import struct

from .deadline import Deadline
from .wire import Reader, read_response, read_response_head

SECONDS = 5.0


class RawClient:
    """One connection. Use as a context manager; `source` picks the local address (another loopback client)."""

    def __init__(self, port, source=None, receive_buffer=None, send_buffer=None):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if send_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        if source:
            self.sock.bind((source, 0))
        self.sock.settimeout(SECONDS)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def local_port(self):
        return self.sock.getsockname()[1]

    def send(self, data, seconds=SECONDS):
        self.sock.settimeout(seconds)
        self.sock.sendall(data)
        return self

    def send_if_open(self, data, seconds=SECONDS):
        """Sends to a peer that may already have answered and closed."""
        try:
            self.send(data, seconds)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return self

    def send_by_bytes(self, data):
        for index in range(len(data)):
            self.send(data[index:index + 1])
        return self

    def response(self, method="GET", seconds=SECONDS):
        return read_response(self.reader, Deadline(seconds, "a response"), method)

    def response_head(self, seconds=SECONDS):
        return read_response_head(self.reader, Deadline(seconds, "a response head"))

    def body_bytes(self, count, seconds=SECONDS):
        return self.reader.exactly(count, Deadline(seconds, f"{count} bytes of body"))

    def rest(self, seconds=SECONDS):
        """Everything up to the peer's close."""
        return self.reader.to_end(Deadline(seconds, "the close of the connection"))

    def assert_closed(self, seconds=SECONDS):
        rest = self.rest(seconds)
        assert rest == b"", f"bytes before the close: {rest[:300]!r}"

    def is_open(self):
        """True when the peer has neither closed nor sent anything."""
        self.sock.setblocking(False)
        try:
            return self.sock.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False

    def finish_sending(self):
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


def exchange(port, request, method=None, seconds=SECONDS, source=None):
    """One request on a connection of its own."""
    with RawClient(port, source=source) as client:
        client.send_if_open(request)
        return client.response(method or request.split(b" ", 1)[0].decode("latin-1"), seconds)


def request_bytes(method="GET", target="/", headers=(), body=b"", host="app.test", version="HTTP/1.1"):
    """A well-formed request; Content-Length is added when there is a body and no framing was given."""
    lines = [f"{method} {target} {version}"]
    names = {name.lower() for name, _ in headers}
    if host is not None and "host" not in names:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def get(port, target="/", headers=(), host="app.test", source=None, seconds=SECONDS):
    return exchange(port, request_bytes("GET", target, headers, host=host), source=source, seconds=seconds)


def post(port, target="/", body=b"", headers=(), host="app.test", seconds=SECONDS):
    return exchange(port, request_bytes("POST", target, headers, body, host=host), seconds=seconds)
