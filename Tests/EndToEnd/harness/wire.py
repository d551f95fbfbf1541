"""HTTP/1.1 as bytes on a socket: a strict parser of our own for both directions (RFC 9112).

It accepts nothing that a lenient client would forgive, so a malformed message of the gateway is a failing test.
"""

import re
import socket
from dataclasses import dataclass, field

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
VALUE = re.compile(rb"[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?\Z|\Z")
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9][0-9][0-9]) ([\t\x20-\x7e\x80-\xff]*)\Z")
REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) (HTTP/1\.[01])\Z")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[\t ]*;[^\r\n]*)?\Z")
LINE_LIMIT = 1 << 20


class Malformed(Exception):
    """The peer sent something that is not HTTP/1.1."""


class Truncated(Exception):
    """The peer ended the connection inside a message; `partial` is what had come."""

    def __init__(self, partial=None, reset=False):
        super().__init__(f"connection {'reset' if reset else 'closed'} inside a message: {partial}")
        self.partial = partial
        self.reset = reset


@dataclass
class Message:
    """What requests and responses share. Header names and values keep their case and order."""

    headers: list = field(default_factory=list)
    body: bytes = b""
    trailers: list = field(default_factory=list)
    framing: str = "none"  # none | length | chunked | close
    head_bytes: bytes = b""

    def values(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        """The single value of a field, None when absent; a repeated field is an error of the test."""
        values = self.values(name)
        assert len(values) <= 1, f"{name} is repeated: {values}"
        return values[0] if values else None

    def has(self, name):
        return bool(self.values(name))

    def names(self):
        return [name for name, _ in self.headers]


@dataclass
class Request(Message):
    method: str = ""
    target: str = ""
    version: str = "HTTP/1.1"


@dataclass
class Response(Message):
    status: int = 0
    reason: str = ""
    interim: list = field(default_factory=list)  # the 1xx responses that came before

    @property
    def closes(self):
        return any("close" in value.lower() for value in self.values("connection"))


class Reader:
    """Buffered reads from a socket, each under a deadline."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = bytearray()
        self.at_end = False
        self.was_reset = False

    def fill(self, deadline):
        """One more read into the buffer; False at the end of the stream."""
        if self.at_end:
            return False
        self.sock.settimeout(deadline.left())
        try:
            data = self.sock.recv(65536)
        except socket.timeout:
            raise TimeoutError(f"{deadline.what} did not happen within {deadline.seconds} s") from None
        except (ConnectionResetError, BrokenPipeError):
            self.was_reset = True
            data = b""
        if not data:
            self.at_end = True
            return False
        self.buffer += data
        return True

    def line(self, deadline):
        """One line without its CRLF. A bare LF or CR is malformed."""
        while True:
            end = self.buffer.find(b"\n")
            if end >= 0:
                line = bytes(self.buffer[:end + 1])
                del self.buffer[:end + 1]
                if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
                    raise Malformed(f"line not ended by CRLF: {line!r}")
                return line[:-2]
            if len(self.buffer) > LINE_LIMIT:
                raise Malformed("endless line")
            if not self.fill(deadline):
                raise Truncated(bytes(self.buffer), self.was_reset)

    def exactly(self, count, deadline):
        while len(self.buffer) < count:
            if not self.fill(deadline):
                partial = bytes(self.buffer)
                self.buffer.clear()
                raise Truncated(partial, self.was_reset)
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def some(self, deadline):
        """Whatever is there, at least a byte; empty at the end of the stream."""
        if not self.buffer:
            self.fill(deadline)
        data = bytes(self.buffer)
        self.buffer.clear()
        return data

    def to_end(self, deadline):
        while self.fill(deadline):
            pass
        data = bytes(self.buffer)
        self.buffer.clear()
        return data


def parse_fields(lines):
    fields = []
    for line in lines:
        name, colon, value = line.partition(b":")
        value = value.strip(b" \t")
        if not colon or not TOKEN.match(name) or not VALUE.match(value):
            raise Malformed(f"field line: {line!r}")
        fields.append((name.decode("latin-1"), value.decode("latin-1")))
    return fields


def read_fields(reader, deadline):
    lines = []
    while True:
        line = reader.line(deadline)
        if not line:
            return lines
        lines.append(line)


def read_chunked(reader, message, deadline):
    body = bytearray()
    try:
        while True:
            size_line = CHUNK_SIZE.match(reader.line(deadline))
            if not size_line:
                raise Malformed("chunk size line")
            size = int(size_line.group(1), 16)
            if size == 0:
                message.trailers = parse_fields(read_fields(reader, deadline))
                return
            body += reader.exactly(size, deadline)
            if reader.exactly(2, deadline) != b"\r\n":
                raise Malformed("chunk data not followed by CRLF")
    except Truncated as error:
        if isinstance(error.partial, bytes):
            body += error.partial
        message.body = bytes(body)
        raise Truncated(message, error.reset) from None
    finally:
        message.body = bytes(body)


def read_body(reader, message, deadline, until_close):
    """The body by the framing rules of RFC 9112 section 6.3; more than one way of framing is malformed."""
    codings = [coding.strip().lower() for value in message.values("transfer-encoding") for coding in value.split(",")]
    lengths = message.values("content-length")
    if codings and lengths:
        raise Malformed("Content-Length beside Transfer-Encoding")
    if codings:
        if codings != ["chunked"]:
            raise Malformed(f"transfer codings {codings}")
        message.framing = "chunked"
        read_chunked(reader, message, deadline)
    elif lengths:
        if len(lengths) != 1 or not re.fullmatch(r"[0-9]{1,18}", lengths[0]):
            raise Malformed(f"Content-Length {lengths}")
        message.framing = "length"
        try:
            message.body = reader.exactly(int(lengths[0]), deadline)
        except Truncated as error:
            message.body = error.partial
            raise Truncated(message, error.reset) from None
    elif until_close:
        message.framing = "close"
        message.body = reader.to_end(deadline)
        if reader.was_reset:
            raise Truncated(message, True)


def read_response_head(reader, deadline):
    first = reader.line(deadline)
    match = STATUS_LINE.match(first)
    if not match:
        raise Malformed(f"status line: {first!r}")
    lines = read_fields(reader, deadline)
    return Response(
        status=int(match.group(1)), reason=match.group(2).decode("latin-1"), headers=parse_fields(lines),
        head_bytes=b"\r\n".join([first] + lines) + b"\r\n\r\n")


def read_response(reader, deadline, method="GET"):
    """The next final response with its body; 1xx responses are collected in `interim`."""
    interim = []
    while True:
        response = read_response_head(reader, deadline)
        if response.status >= 200:
            break
        if response.has("content-length") or response.has("transfer-encoding"):
            raise Malformed("framing in a 1xx response")
        interim.append(response)
    response.interim = interim
    if response.status in (204,) and (response.has("content-length") or response.has("transfer-encoding")):
        raise Malformed("framing in a 204 response")
    if method != "HEAD" and response.status not in (204, 304):
        read_body(reader, response, deadline, until_close=True)
    return response


def read_request_head(reader, deadline):
    """The next request's head, or None when the peer closed before its first byte."""
    if not reader.buffer and not reader.fill(deadline):
        return None
    first = reader.line(deadline)
    match = REQUEST_LINE.match(first)
    if not match:
        raise Malformed(f"request line: {first!r}")
    method, target, version = (group.decode("latin-1") for group in match.groups())
    lines = read_fields(reader, deadline)
    return Request(
        method=method, target=target, version=version, headers=parse_fields(lines),
        head_bytes=b"\r\n".join([first] + lines) + b"\r\n\r\n")


def chunked(data, size=None, trailers=b""):
    """`data` in the chunked coding, in chunks of `size` bytes."""
    size = size or max(len(data), 1)
    out = bytearray()
    for start in range(0, len(data), size):
        piece = data[start:start + size]
        out += b"%x\r\n%s\r\n" % (len(piece), piece)
    return bytes(out) + b"0\r\n" + trailers + b"\r\n"
