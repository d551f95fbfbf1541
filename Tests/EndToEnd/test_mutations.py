"""Good messages with a few bytes changed, by a seeded generator: whatever comes out on the other side is well-formed.

`FUZZ_ITERATIONS` asks for more than the usual number of rounds.
"""

import os
import random

import pytest

from harness import (
    EchoUpstream, Gateway, Malformed, ScriptedUpstream, Truncated, chunked, get, ok, request_bytes, route_all)

ROUNDS = int(os.environ.get("FUZZ_ITERATIONS", "150"))
INTERESTING = [
    b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b",", b";", b"0", b"-1", b"+", b"%", b"/", b"\x80", b"\xff",
    b"\x0b", b"\r\n\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: x\r\n", b"HTTP/1.1"]

REQUESTS = [
    request_bytes("GET", "/a/b?c=d", [("X-A", "1"), ("Cookie", "a=b")]),
    request_bytes("POST", "/a", [("Content-Length", "5")], b"hello"),
    request_bytes("POST", "/a", [("Transfer-Encoding", "chunked")], chunked(b"hello", 2, b"X-T: 1\r\n")),
    request_bytes("GET", "http://app.test/x", [("Connection", "X-A, close"), ("X-A", "1")]),
]
RESPONSES = [
    ok(b"hello", b"X-A: 1\r\nSet-Cookie: a=b\r\n"),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"hello", 2, b"X-T: 1\r\n"),
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok(b"hello"),
    b"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 5\r\n\r\n",
]


def mutated(message, chance):
    message = bytearray(message)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(message))
        kind = chance.randrange(4)
        if kind == 0:
            message[place] = chance.randrange(256)
        elif kind == 1:
            message[place:place] = chance.choice(INTERESTING)
        elif kind == 2:
            del message[place:place + chance.randint(1, 4)]
        else:
            message[place:place + 1] = chance.choice(INTERESTING)
        if not message:
            return b"\0"
    return bytes(message)


@pytest.mark.parametrize("seed", range(len(REQUESTS)))
def test_no_mutated_request_reaches_the_upstream_malformed(tmp_path, seed):
    chance = random.Random(seed)
    with EchoUpstream() as upstream, Gateway(tmp_path, {"service": upstream.target}, {"all": route_all()}) as gateway:
        for _ in range(ROUNDS):
            data = mutated(REQUESTS[seed], chance)
            with gateway.client() as client:
                client.send_if_open(data).finish_sending()
                answered = 0
                try:
                    while True:
                        response = client.response()
                        answered += response.status == 200
                except Truncated as end:
                    assert end.partial in (b"", None), f"{data!r} got a broken answer: {end.partial!r}"
                except Malformed as error:
                    raise AssertionError(f"{data!r} got a malformed answer: {error}") from None
            upstream.requests.clear()
            assert get(gateway.port, "/alive").status == 200, data
            assert upstream.errors == [], f"{data!r} reached the upstream malformed: {upstream.errors}"


@pytest.mark.parametrize("seed", range(len(RESPONSES)))
def test_no_mutated_response_reaches_the_client_malformed(tmp_path, seed):
    chance = random.Random(1000 + seed)
    answer = [b""]

    def script(connection):
        while connection.request() is not None:
            connection.send(answer[0])
            if answer[0] != ok():
                return

    with ScriptedUpstream(script) as upstream:
        with Gateway(tmp_path, {"service": upstream.target}, {"all": route_all()}) as gateway:
            for _ in range(ROUNDS):
                answer[0] = mutated(RESPONSES[seed], chance)
                with gateway.client() as client:
                    client.send(request_bytes())
                    try:
                        client.response()
                    except Truncated:
                        pass
                    except Malformed as error:
                        raise AssertionError(f"{answer[0]!r} reached the client malformed: {error}") from None
            answer[0] = ok()
            assert get(gateway.port).status == 200
