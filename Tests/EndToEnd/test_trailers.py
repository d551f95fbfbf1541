"""Trailers of both sides at once: each belongs to its own message, whenever and in whatever pieces it comes."""

import random
import threading

import pytest

from harness import Deadline, chunked, eventually, ok, request_bytes
from harness.wire import read_chunked

CHUNKED = [("Transfer-Encoding", "chunked")]
EARLY = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


def read_rest_of_request(connection, request):
    read_chunked(connection.reader, request, Deadline(10, "the rest of a request"))


class Steps:
    """Client and upstream take turns; who waits for a step waits for the gateway to have the bytes before it, too."""

    def __init__(self, count):
        self.events = [threading.Event() for _ in range(count)]

    def done(self, number):
        self.events[number].set()

    def wait(self, number):
        assert self.events[number].wait(10), f"step {number} was not reached"


def settle(gateway):
    """The gateway's one loop has read what was sent before: it has answered another connection since."""
    for _ in range(2):
        with gateway.client() as client:
            client.send(request_bytes("GET", "/", host="nobody.test")).response()


@pytest.mark.parametrize("client_pieces,upstream_pieces", [
    # The answer's trailers begin before the request's are whole, and end behind them.
    ([b"", b"0\r\nX-Long: " + b"v" * 3000 + b"\r\n\r\n"], [b"0\r\nA: 1\r\n", b"\r\n"]),
    ([b"", b"0\r\nX-Sum: " + b"1" * 200 + b"\r\n\r\n"], [b"0\r\nGrpc-Status: 0\r\n", b"Grpc-Message: ok\r\n\r\n"]),
    # The other way round.
    ([b"0\r\nA: 1\r\n", b"\r\n"], [b"0\r\nX-Longer-Trailer-Of-Response: " + b"v" * 3000 + b"\r\n", b"\r\n"]),
], ids=["a long one of the request", "a short one of the request", "the request's first"])
def test_trailers_of_both_sides_in_pieces(upstream_with, gateway_with, client_pieces, upstream_pieces):
    steps = Steps(3)

    def script(connection):
        request = connection.request_head()
        connection.send(EARLY)
        steps.wait(0)
        connection.send(upstream_pieces[0])
        steps.done(1)
        read_rest_of_request(connection, request)
        connection.send(upstream_pieces[1])

    upstream = upstream_with(script)
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", CHUNKED, b"3\r\nabc\r\n" + client_pieces[0]))
        head = client.response_head()
        settle(gateway)
        steps.done(0)
        steps.wait(1)
        settle(gateway)
        client.send(client_pieces[1])
        read_chunked(client.reader, head, Deadline(10, "the response"))
    assert head.body == b"hello"
    assert head.trailers == fields_of(upstream_pieces)
    assert upstream.last.body == b"abc"
    assert upstream.last.trailers == fields_of(client_pieces)


def fields_of(pieces):
    lines = b"".join(pieces).removeprefix(b"0\r\n").removesuffix(b"\r\n\r\n").split(b"\r\n")
    return [tuple(line.decode().split(": ", 1)) for line in lines if line]


def test_no_identity_gets_through_in_a_trailer_beside_one_of_the_answer(upstream_with, gateway_with):
    """What is kept of the answer's trailer has the same length, so its place fits the forged one."""
    steps = Steps(2)

    def script(connection):
        request = connection.request_head()
        connection.send(EARLY)
        steps.wait(0)
        connection.send(b"0\r\nX-Spiffy-ID: spiffe://evil/aaaaaaa\r\n")
        steps.done(1)
        read_rest_of_request(connection, request)
        connection.send(b"\r\n")

    upstream = upstream_with(script)
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        client.send(request_bytes(
            "POST", "/", CHUNKED, b"3\r\nabc\r\n0\r\nX-Spiffe-ID: spiffe://evil/forged!\r\n"))
        head = client.response_head()
        settle(gateway)
        steps.done(0)
        steps.wait(1)
        settle(gateway)
        client.send(b"\r\n")
        read_chunked(client.reader, head, Deadline(10, "the response"))
    assert b"spiffe" not in upstream.received().lower()
    assert upstream.last.trailers == []
    assert head.trailers == [("X-Spiffy-ID", "spiffe://evil/aaaaaaa")]


def test_trailers_of_an_answer_that_is_dropped_do_not_touch_the_request(upstream_with, gateway_with):
    """The request's trailers are half there when its first attempt is answered with 503 and trailers."""
    half_there = threading.Event()

    def failing(connection):
        connection.request_head()
        connection.wait(half_there)
        connection.send(b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(
            b"", trailers=b"X-Long-Name-Of-A-Trailer: " + b"v" * 2000 + b"\r\n").removeprefix(b"0\r\n\r\n"))
        connection.until_closed()

    def answering(connection):
        connection.request()
        connection.send(ok(b"second"))

    upstream = upstream_with(failing, answering)
    gateway = gateway_with(upstream, route={"retries": {"attempts_max": 2, "methods": ["POST"]}})
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", CHUNKED, b"3\r\nabc\r\n0\r\nA: 1\r\n"))
        upstream.wait_for_requests(1)
        settle(gateway)
        half_there.set()
        eventually(lambda: len(upstream.connections) == 2, what="the second attempt")
        client.send(b"\r\n")
        assert client.response().body == b"second"
    assert upstream.last.body == b"abc"
    assert upstream.last.trailers == [("A", "1")]


NAMES = ["A", "Grpc-Status", "X-Sum", "X-A-Trailer-With-A-Long-Name"]
DROPPED = ["X-Spiffe-ID", "Content-Length", "Authorization", "X-Forwarded-For"]


def random_trailers(chance, letter):
    """As bytes, and what of them may arrive."""
    sent, kept = b"", []
    for _ in range(chance.randrange(7)):
        name = chance.choice(NAMES if chance.random() < 0.7 else DROPPED)
        value = letter * chance.randrange(1, 5 if name == "Content-Length" else 300)
        sent += f"{name}: {value}\r\n".encode()
        if name in NAMES:
            kept.append((name, value))
    return sent, kept


def send_in_pieces(send, data, chance, pause):
    while data:
        size = chance.choice([1, 3, 10, 50, 400])
        send(data[:size])
        data = data[size:]
        pause.wait(chance.random() * 0.002)


@pytest.mark.parametrize("seed", range(4))
def test_random_trailers_of_both_sides_at_once(upstream_with, gateway_with, seed):
    pause = threading.Event()
    sent = {}

    def script(connection):
        while (request := connection.request_head()) is not None:
            trailers, chance = sent[request.target]
            connection.send(EARLY)
            writer = threading.Thread(
                target=send_in_pieces, args=(connection.send, b"0\r\n" + trailers + b"\r\n", chance, pause))
            writer.start()
            read_rest_of_request(connection, request)
            writer.join()

    upstream = upstream_with(script)
    gateway = gateway_with(upstream)
    failures = []

    def converse(number):
        chance = random.Random(seed * 100 + number)
        for turn in range(12):
            target = f"/{number}/{turn}"
            own, own_kept = random_trailers(chance, "1")
            others, others_kept = random_trailers(chance, "2")
            sent[target] = others, random.Random(chance.random())
            with gateway.client() as client:
                client.send(request_bytes("POST", target, CHUNKED, b"3\r\nabc\r\n"))
                head = client.response_head()
                reader = threading.Thread(
                    target=read_chunked, args=(client.reader, head, Deadline(10, "a response")))
                reader.start()
                # The answer may be over first: then the rest of the request is nobody's.
                send_in_pieces(client.send_if_open, b"0\r\n" + own + b"\r\n", chance, pause)
                reader.join()
            got = [request for request in upstream.requests if request.target == target][0]
            if head.body != b"hello" or head.trailers != others_kept:
                failures.append((target, "to the client", head.body, head.trailers, others_kept))
            if got.trailers and got.trailers != own_kept:
                failures.append((target, "to the upstream", got.trailers, own_kept))

    threads = [threading.Thread(target=converse, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
