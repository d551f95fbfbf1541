"""Bodies are streamed in both directions: memory per request is bounded whatever their size, and a slow side slows
down the other one."""

import hashlib
import threading
import time

import pytest

from harness import MEMORY_FACTOR, Deadline, chunked, eventually, exchange, ok, request_bytes, stays

MIB = 1 << 20
SIZE = 50 * MIB
GROWTH_KIB = 8 * 1024 * MEMORY_FACTOR
BLOCK = bytes(range(256)) * 256  # 64 KiB


def sha(data):
    return hashlib.sha256(data).hexdigest()


def produce(connection, framing, size, sent=None):
    if framing == "length":
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
    else:
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(size // len(BLOCK)):
        connection.send(BLOCK if framing == "length" else b"%x\r\n%s\r\n" % (len(BLOCK), BLOCK), seconds=60)
        if sent:
            sent.append(len(BLOCK))
    if framing == "chunked":
        connection.send(b"0\r\n\r\n")


def digest_of_blocks(size):
    return sha(BLOCK * (size // len(BLOCK)))


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_50_mib_come_down_in_bounded_memory(upstream_with, gateway_with, framing):
    def script(connection):
        while connection.request():
            produce(connection, framing, SIZE)

    gateway = gateway_with(upstream_with(script))
    with gateway.client() as client:
        before = gateway.memory_kib()
        gateway.reset_peak_memory()
        response = client.send(request_bytes()).response(seconds=60)
        assert (response.framing, sha(response.body)) == (framing, digest_of_blocks(SIZE))
        assert gateway.memory_kib("VmHWM") - before < GROWTH_KIB


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_50_mib_go_up_in_bounded_memory(upstream_with, gateway_with, framing):
    digest = []

    def script(connection):
        request = connection.request(60)
        digest.append((request.framing, sha(request.body)))
        connection.send(ok())

    gateway = gateway_with(upstream_with(script), route={"limits": {"body_bytes_max": "100MiB"}})
    before = gateway.memory_kib()
    gateway.reset_peak_memory()
    with gateway.client() as client:
        if framing == "length":
            client.send(request_bytes("POST", "/", [("Content-Length", str(SIZE))]))
        else:
            client.send(request_bytes("POST", "/", [("Transfer-Encoding", "chunked")]))
        for _ in range(SIZE // len(BLOCK)):
            client.send(BLOCK if framing == "length" else b"%x\r\n%s\r\n" % (len(BLOCK), BLOCK), seconds=60)
        if framing == "chunked":
            client.send(b"0\r\n\r\n")
        assert client.response(seconds=30).status == 200
    assert digest == [(framing, digest_of_blocks(SIZE))]
    assert gateway.memory_kib("VmHWM") - before < GROWTH_KIB


def settled(counter):
    """Waits until `counter` has stood still for 0.3 s, and returns it."""
    last = [-1, time.monotonic()]

    def still():
        now = counter()
        if now != last[0]:
            last[:] = [now, time.monotonic()]
        return time.monotonic() - last[1] > 0.3

    eventually(still, 15, "a standstill")
    return counter()


def test_a_slow_reader_slows_the_upstream_down(upstream_with, gateway_with):
    sent = []

    def script(connection):
        connection.request()
        produce(connection, "length", SIZE, sent)

    gateway = gateway_with(upstream_with(script))
    before = gateway.memory_kib()
    with gateway.client(receive_buffer=32 * 1024) as client:
        client.send(request_bytes())
        assert client.response_head().status == 200
        assert settled(lambda: sum(sent)) < SIZE * 3 // 4, "the upstream was read on though nobody takes it"
        assert gateway.memory_kib() - before < GROWTH_KIB
        with gateway.client() as other:
            other.send(b"GET / HTTP/1.1\r\nHost: nobody.invalid\r\n\r\n")
            assert other.response().status in (404, 421)
        assert len(client.body_bytes(SIZE, 60)) == SIZE


def test_a_slow_upstream_slows_the_client_down(upstream_with, gateway_with):
    release = threading.Event()

    def script(connection):
        connection.request_head()
        connection.wait(release)
        connection.reader.exactly(SIZE, Deadline(60))
        connection.send(ok())

    gateway = gateway_with(upstream_with(script), route={"limits": {"body_bytes_max": "100MiB"}})
    before = gateway.memory_kib()
    sent = []
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Content-Length", str(SIZE))]))

        def send():
            for _ in range(SIZE // len(BLOCK)):
                client.send(BLOCK, seconds=60)
                sent.append(len(BLOCK))

        sender = threading.Thread(target=send)
        sender.start()
        try:
            assert settled(lambda: sum(sent)) < SIZE * 3 // 4, "the client was read on though nobody takes it"
            assert gateway.memory_kib() - before < GROWTH_KIB
        finally:
            release.set()
            sender.join(60)
        assert client.response(seconds=30).status == 200


def test_fifty_slow_readers_cost_bounded_memory(upstream_with, gateway_with):
    def script(connection):
        connection.request()
        produce(connection, "length", 4 * MIB)

    gateway = gateway_with(upstream_with(script))
    before = gateway.memory_kib()
    clients = [gateway.client(receive_buffer=16 * 1024) for _ in range(50)]
    try:
        for client in clients:
            client.send(request_bytes())
        for client in clients:
            assert client.response_head(30).status == 200
        settled(lambda: gateway.memory_kib())
        assert gateway.memory_kib() - before < 50 * 256 + GROWTH_KIB
    finally:
        for client in clients:
            client.close()


def test_a_body_is_passed_on_as_it_comes(upstream_with, gateway_with):
    """Neither side waits for the end of the body."""
    steps = [threading.Event() for _ in range(3)]

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab")
        connection.wait(steps[0])
        connection.send(b"cd")
        connection.wait(steps[1])
        connection.send(b"ef")

    gateway = gateway_with(upstream_with(script))
    with gateway.client() as client:
        assert client.send(request_bytes()).response_head().status == 200
        assert client.body_bytes(2) == b"ab"
        steps[0].set()
        assert client.body_bytes(2) == b"cd"
        steps[1].set()
        assert client.body_bytes(2) == b"ef"


def test_a_request_body_is_passed_on_as_it_comes(upstream_with, gateway_with):
    arrived = [threading.Event(), threading.Event()]

    def script(connection):
        connection.request_head()
        for event in arrived:
            connection.reader.exactly(2, Deadline(10))
            event.set()
        connection.send(ok())

    gateway = gateway_with(upstream_with(script))
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Content-Length", "4")]))
        for event in arrived:
            client.send(b"ab")
            assert event.wait(5)
        assert client.response().status == 200


def test_a_dialogue_in_both_directions_at_once_flows(upstream_with, gateway_with):
    """A response may begin while the request still goes on (an echo service)."""

    def script(connection):
        connection.request_head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        for _ in range(10):
            connection.send(connection.reader.exactly(1, Deadline(10)))

    gateway = gateway_with(upstream_with(script))
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Content-Length", "10")]))
        assert client.response_head().status == 200
        for digit in b"0123456789":
            client.send(bytes([digit]))
            assert client.body_bytes(1) == bytes([digit])


# Bodies that stop too early

@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_client_that_leaves_inside_its_body_leaves_no_whole_request_behind(upstream_with, gateway_with, framing):
    upstream = upstream_with()
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        if framing == "length":
            client.send(request_bytes("POST", "/", [("Content-Length", "100")]) + b"only a part")
        else:
            client.send(request_bytes("POST", "/", [("Transfer-Encoding", "chunked")]) + b"5\r\nhello\r\n")
    eventually(lambda: not upstream.connections or upstream.connections[0].sock.fileno() == -1, what="the close")
    assert upstream.requests == []


def test_a_client_that_leaves_inside_a_response_costs_the_upstream_connection(upstream_with, gateway_with):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000)
        connection.until_closed()

    upstream = upstream_with(script)
    gateway = gateway_with(upstream)
    client = gateway.client()
    client.send(request_bytes())
    client.body_bytes(100)
    client.reset()
    eventually(lambda: upstream.connections[0].closed_by_peer, what="the close of the upstream connection")


def test_a_client_that_leaves_before_the_response_costs_the_upstream_connection(upstream_with, gateway_with):
    def script(connection):
        connection.request()
        connection.until_closed()

    upstream = upstream_with(script)
    gateway = gateway_with(upstream)
    client = gateway.client()
    client.send(request_bytes())
    upstream.wait_for_requests(1)
    client.reset()
    eventually(lambda: upstream.connections[0].closed_by_peer, what="the close of the upstream connection")


def reset(client):
    client.reset()


def reset_after_the_end(client):
    """Closes with bytes unread after a half-close: the kernel resets."""
    client.finish_sending()
    client.reset()


def reset_with_a_request_waiting(client):
    client.send(request_bytes("GET", "/next"))
    client.reset()


@pytest.mark.parametrize("leave", [reset, reset_after_the_end, reset_with_a_request_waiting])
def test_a_client_that_is_gone_is_noticed_while_the_upstream_is_silent(upstream_with, gateway_with, leave):
    upstream = upstream_with(lambda connection: (connection.request(), connection.until_closed()))
    gateway = gateway_with(upstream)
    client = gateway.client()
    client.send(request_bytes("GET", "/gone"))
    upstream.wait_for_requests(1)
    leave(client)
    eventually(lambda: upstream.connections[0].closed_by_peer, 2, "the close of the upstream connection")
    line = gateway.access_line(path="/gone")
    assert (line["status"], line["error"]) == (0, "client-left")
    assert len(upstream.connections) == 1


def test_a_client_that_only_ended_its_sending_side_gets_its_answer(upstream_with, gateway_with):
    answer = threading.Event()

    def script(connection):
        connection.request()
        connection.wait(answer)
        connection.send(ok(b"late"))

    upstream = upstream_with(script)
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        client.send(request_bytes()).finish_sending()
        upstream.wait_for_requests(1)
        stays(lambda: not upstream.connections[0].closed_by_peer, 0.3, "the upstream connection")
        answer.set()
        assert client.response().body == b"late"


def test_bytes_behind_a_body_are_the_next_request(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        client.send(request_bytes("POST", "/1", [("Content-Length", "2")]) + b"ab" + request_bytes("GET", "/2"))
        assert client.response().status == 200
        assert client.response().status == 200
    assert [(request.target, request.body) for request in upstream.requests] == [("/1", b"ab"), ("/2", b"")]


@pytest.mark.parametrize("sizes", [[1] * 500, [65536] * 20, [1, 100_000, 1, 100_000], [8191, 8192, 8193, 16384, 16385]],
                         ids=["many of one byte", "large ones", "small and large", "around page sizes"])
def test_chunks_of_any_size_add_up_to_the_same_body(upstream_with, gateway_with, sizes):
    pieces = [bytes([65 + index % 26]) * size for index, size in enumerate(sizes)]
    coded = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"

    def script(connection):
        request = connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded)
        assert request.body == b"".join(pieces)

    gateway = gateway_with(upstream_with(script))
    response = exchange(gateway.port, request_bytes("POST", "/", [("Transfer-Encoding", "chunked")], coded))
    assert response.body == b"".join(pieces)


# Expect: 100-continue (RFC 9110 section 10.1.1)

EXPECTING = request_bytes("POST", "/", [("Expect", "100-continue"), ("Content-Length", "5")])


def test_a_client_that_expects_100_continue_is_told_to_continue(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        assert client.send(EXPECTING).response_head().status == 100
        response = client.send(b"hello").response()
        assert (response.status, response.interim) == (200, [])
    assert upstream.last.body == b"hello"


def test_a_100_of_the_upstream_is_passed_on_once(upstream_with, gateway_with):

    def script(connection):
        connection.request_head()
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert connection.reader.exactly(5, Deadline(5)) == b"hello"
        connection.send(ok(b"done"))

    gateway = gateway_with(upstream_with(script))
    with gateway.client() as client:
        assert client.send(EXPECTING).response_head().status == 100
        response = client.send(b"hello").response()
        assert (response.body, response.interim) == (b"done", [])


def test_a_final_status_instead_of_100_reaches_the_client_without_its_body(upstream_with, gateway_with):
    def script(connection):
        connection.request_head()
        connection.send(ok(b"no", status=b"403 Forbidden"))
        connection.until_closed()

    upstream = upstream_with(script)
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        response = client.send(EXPECTING).response()
        interim = [item.status for item in response.interim]
        assert response.status == 403
        assert interim in ([], [100])
        if not interim:
            assert response.closes or client.is_open()


def test_a_client_that_does_not_wait_for_100_is_served(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        response = client.send(EXPECTING + b"hello").response()
        assert response.status == 200
        assert client.send(request_bytes()).response().status == 200
    assert upstream.requests[0].body == b"hello"


def test_an_expectation_in_http_1_0_is_ignored(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with())
    request = request_bytes("POST", "/", [("Expect", "100-continue"), ("Content-Length", "5")], version="HTTP/1.0")
    with gateway.client() as client:
        response = client.send(request + b"hello").response()
        assert (response.status, response.interim) == (200, [])


@pytest.mark.parametrize("value", ["100-continue", "100-Continue", "100-CONTINUE"])
def test_the_expectation_is_compared_without_case(upstream_with, gateway_with, value):
    gateway = gateway_with(upstream_with())
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Expect", value), ("Content-Length", "2")]))
        assert client.response_head().status == 100
        assert client.send(b"ok").response().status == 200


def test_an_unread_expected_body_is_never_taken_for_a_request(upstream_with, gateway_with):
    """After a final status the client may either send the body or not: the connection cannot go on in doubt."""
    def script(connection):
        connection.request_head()
        connection.send(ok(b"no", status=b"403 Forbidden"))
        connection.until_closed()

    smuggled = request_bytes("GET", "/smuggled")
    upstream = upstream_with(script)
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Expect", "100-continue"), ("Content-Length", str(len(smuggled)))]))
        assert client.response().status == 403
        client.send_if_open(smuggled)
        stays(lambda: [request.target for request in upstream.requests] == ["/"], 0.2)


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", ok(b"early"),
    b"HTTP/1.1 204 No Content\r\n\r\n", ok(b"no", status=b"403 Forbidden"),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"early")],
    ids=["307", "200", "204", "403", "200 in chunks"])
@pytest.mark.parametrize("headers, begun", [
    ([("Expect", "100-continue"), ("Content-Length", "5")], b""), ([("Content-Length", "5")], b"he"),
    ([("Transfer-Encoding", "chunked")], b"5\r\nhello\r\n")], ids=["expected", "begun", "not ended"])
def test_an_answer_before_the_end_of_the_body_is_the_last_one_and_says_so(
        upstream_with, gateway_with, answer, headers, begun):
    """RFC 9112 section 9.6: a client that knows sends its next request elsewhere."""
    def script(connection):
        connection.request_head()
        connection.send(answer)
        connection.until_closed()

    upstream = upstream_with(script)
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        client.send(request_bytes("PUT", "/a", headers) + begun)
        response = client.response("PUT")
        assert response.closes
        client.send_if_open(request_bytes("GET", "/b"))
        client.assert_closed()
    assert [request.target for request in upstream.requests] == ["/a"]
