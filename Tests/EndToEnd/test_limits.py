"""Each limit on what a client can make grow (DESIGN rule 8), each with its answer."""

import threading

import pytest

from harness import (
    EchoUpstream, Gateway, RawClient, answering, chunked, eventually, exchange, ok, request_bytes, route_all,
    silent, stays)

LISTENER = {
    "limits": {
        "header_bytes_max": "4096B", "header_count_max": 20, "target_bytes_max": "1000B",
        "requests_per_connection_max": 5},
    "timeouts": {"header_read": "300ms", "body_idle": "300ms", "keep_alive_idle": "400ms", "write_idle": "500ms"},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with EchoUpstream() as upstream:
        with Gateway(
            tmp_path_factory.mktemp("gateway"), {"service": upstream.target},
            {"all": route_all(limits={"body_bytes_max": "1000B"})}, gateway={"listeners": {"main": LISTENER}},
        ) as gateway:
            gateway.upstream = upstream
            yield gateway


def refused(world, data, status, method="GET"):
    world.upstream.requests.clear()
    with world.client() as client:
        client.send_if_open(data)
        response = client.response(method)
        assert response.status == status
        assert response.closes
        client.assert_closed()
    assert [request for request in world.upstream.requests if request.target == "/limited"] == []


def headers_of(size):
    """Header lines of about `size` bytes together."""
    lines, left = [], size - len("Host: app.test\r\n")
    while left > 0:
        piece = min(left, 500)
        lines.append((f"X-{len(lines)}", "x" * max(piece - 10, 0)))
        left -= piece
    return lines


@pytest.mark.parametrize("size, status", [(3900, 200), (4300, 431), (100_000, 431)])
def test_header_bytes_are_limited(world, size, status):
    data = request_bytes("GET", "/limited", headers_of(size))
    if status == 200:
        assert exchange(world.port, data).status == 200
    else:
        refused(world, data, status)


@pytest.mark.parametrize("target", ["/", "/" + "a" * 899], ids=["short", "long"])
@pytest.mark.parametrize("size, status", [(4095, 200), (4096, 200), (4097, 431)])
def test_header_bytes_are_those_of_the_header_lines_alone(world, size, status, target):
    lines = b"Host: app.test\r\nConnection: close\r\n"
    lines += b"X: " + b"x" * (size - len(lines) - 5) + b"\r\n"
    assert exchange(world.port, b"GET " + target.encode() + b" HTTP/1.1\r\n" + lines + b"\r\n").status == status


CHUNKED = [("Transfer-Encoding", "chunked")]


@pytest.mark.parametrize("sent", [b"3e9\r\n", b"fffffffffffffff;a=b\r\n", b"3e8\r\n" + b"x" * 1000 + b"\r\n1\r\n"])
def test_a_chunk_that_cannot_fit_is_refused_when_it_is_announced(world, sent):
    refused(world, request_bytes("POST", "/limited", CHUNKED) + sent, 413)


def test_a_chunk_is_refused_before_any_of_it_is_passed_on(upstream_with, gateway_with):
    upstream = upstream_with(silent)
    gateway = gateway_with(upstream, route={"limits": {"body_bytes_max": "1000B"}})
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", CHUNKED) + b"5\r\nfirst\r\n")
        eventually(lambda: b"first" in upstream.received(), what="the chunk that fits")
        client.send(b"3e4\r\nsecond")
        assert client.response("POST").status == 413
    eventually(lambda: upstream.connections[0].closed_by_peer, what="the close of the upstream connection")
    assert b"second" not in upstream.received()


def test_chunks_up_to_the_limit_are_accepted(world):
    body = b"3e7\r\n" + b"x" * 999 + b"\r\n1\r\ny\r\n0\r\n\r\n"
    assert exchange(world.port, request_bytes("POST", "/fits", CHUNKED, body)).status == 200


def test_one_large_header_is_limited_like_many_small_ones(world):
    refused(world, request_bytes("GET", "/limited", [("X", "x" * 5000)]), 431)


@pytest.mark.parametrize("count, status", [(19, 200), (20, 431), (200, 431)])
def test_header_lines_are_limited(world, count, status):
    """Host is the first of them."""
    data = request_bytes("GET", "/limited", [(f"X-{index}", "") for index in range(count)])
    if status == 200:
        assert exchange(world.port, data).status == 200
    else:
        refused(world, data, status)


@pytest.mark.parametrize("length, status", [(1000, 200), (1001, 414), (100_000, 414)])
def test_the_target_is_limited(world, length, status):
    data = request_bytes("GET", "/" + "x" * (length - 1))
    if status == 200:
        assert exchange(world.port, data).status == 200
    else:
        refused(world, data, status)


@pytest.mark.parametrize("data", [b"GET /" + b"x" * 3_000_000, b"GET / HTTP/1.1\r\nX: " + b"x" * 3_000_000],
                         ids=["a target without end", "a header without end"])
def test_an_endless_head_is_refused_before_its_end(world, data):
    with world.client() as client:
        client.send_if_open(data)
        assert client.response().status in (414, 431)


@pytest.mark.parametrize("size, status", [(1000, 200), (1001, 413), (10_000_000, 413)])
def test_a_body_with_a_length_is_limited_by_its_length(world, size, status):
    """Refused at the head: the body needn't come."""
    head = request_bytes("POST", "/limited", [("Content-Length", str(size))])
    if status == 200:
        assert exchange(world.port, head + b"x" * size).status == 200
    else:
        refused(world, head, status)


@pytest.mark.parametrize("size, piece, status", [
    (1000, 100, 200), (1001, 100, 413), (1001, 1001, 413), (100_000, 1, 413)])
def test_a_chunked_body_is_limited_by_what_comes(world, size, piece, status):
    data = request_bytes("POST", "/limited", [("Transfer-Encoding", "chunked")], chunked(b"x" * size, piece))
    world.upstream.requests.clear()
    with world.client() as client:
        client.send_if_open(data)
        response = client.response()
        assert response.status == status
        if status == 413:
            client.assert_closed()
            assert world.upstream.requests == []


def test_a_body_that_is_expected_and_too_large_is_not_asked_for(world):
    headers = [("Expect", "100-continue"), ("Content-Length", "1001")]
    with world.client() as client:
        response = client.send(request_bytes("POST", "/limited", headers)).response()
        assert (response.status, response.interim) == (413, [])


# Time

def test_a_head_that_takes_too_long_is_408(world):
    with world.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: app.test\r\n")
        assert client.response(seconds=3).status == 408
        client.assert_closed()


def test_a_head_that_drips_is_408_too(world):
    """A slow client can't win time byte by byte."""
    stop = threading.Event()
    with world.client() as client:
        def drip():
            for byte in b"GET / HTTP/1.1\r\nHost: app.test\r\n" + b"X-Y: z\r\n" * 20:
                if stop.wait(0.05):
                    return
                client.send_if_open(bytes([byte]))
        thread = threading.Thread(target=drip)
        thread.start()
        assert client.response(seconds=3).status == 408
        stop.set()
        thread.join()


def test_the_second_head_of_a_connection_has_the_same_time(world):
    with world.client() as client:
        assert client.send(request_bytes()).response().status == 200
        client.send(b"GET / HT")
        assert client.response(seconds=3).status == 408


def test_a_connection_that_never_says_a_word_is_closed(world):
    with world.client() as client:
        rest = client.rest(3)
        assert rest == b"" or rest.startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_closed_without_a_word(world):
    with world.client() as client:
        assert client.send(request_bytes()).response().status == 200
        assert client.is_open()
        client.assert_closed(3)


def test_a_body_that_stands_still_is_408(world):
    with world.client() as client:
        client.send(request_bytes("POST", "/", [("Content-Length", "100")]) + b"hello")
        assert client.response(seconds=3).status == 408
        client.assert_closed()
    assert [request for request in world.upstream.requests if request.body.startswith(b"hello")] == []


def test_a_client_that_takes_nothing_is_let_go(upstream_with, gateway_with):
    size = 50_000_000

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        connection.send(b"x" * size, 20)

    upstream = upstream_with(script)
    gateway = gateway_with(upstream, gateway={"listeners": {"main": {"timeouts": {"write_idle": "300ms"}}}})
    with gateway.client(receive_buffer=16 * 1024) as client:
        client.send(request_bytes())
        # Before the gateway has taken the connection there are none either.
        eventually(lambda: gateway.metrics().sum("portcullis_connections") == 1, 10, "the connection")
        eventually(lambda: gateway.metrics().sum("portcullis_connections") == 0, 10, "the end of the connection")
        assert len(client.rest(20)) < size


def test_requests_per_connection_are_limited_and_the_last_one_says_so(world):
    with world.client() as client:
        closes = [client.send(request_bytes()).response().closes for _ in range(5)]
        assert closes == [False] * 4 + [True]
        client.assert_closed()


# Connections

def connections_limited(tmp_path, **where):
    upstream = EchoUpstream()
    return upstream, Gateway(tmp_path, {"service": upstream.target}, {"all": route_all()}, **where)


def served(client):
    try:
        client.send(request_bytes())
        return client.response().status == 200
    except Exception:
        return False


def assert_full(gateway, port=None, source=None):
    """A connection over the limit is refused: closed at once, perhaps with a 503."""
    with RawClient(port or gateway.port, source=source) as extra:
        extra.send_if_open(request_bytes())
        rest = extra.rest()
        assert rest == b"" or rest.startswith(b"HTTP/1.1 503 ") or rest.startswith(b"HTTP/1.1 429 ")


LIMITS = [
    ("per listener", {"listeners": {"main": {"limits": {"connections_max": 3}}}}, "listener"),
    ("of all listeners", {"limits": {"connections_max": 3}}, None),
    ("per client", {"limits": {"connections_per_client_max": 3}}, "client"),
]


@pytest.mark.parametrize("settings", [item[1] for item in LIMITS], ids=[item[0] for item in LIMITS])
def test_connections_are_limited_and_a_place_becomes_free_again(tmp_path, settings):
    upstream, gateway = connections_limited(tmp_path, gateway=settings)
    with upstream, gateway:
        clients = [gateway.client() for _ in range(3)]
        assert all(served(client) for client in clients)
        assert_full(gateway)
        assert gateway.metrics().sum("portcullis_connections_refused_total") >= 1
        assert all(served(client) for client in clients), "those inside don't notice"
        clients.pop().close()

        def place():
            with gateway.client() as client:
                return served(client)

        eventually(place, what="a free place")
        for client in clients:
            client.close()


def test_a_request_that_came_with_a_refused_connection_does_not_cost_it_the_answer(tmp_path):
    """Closing over its unread bytes would be a reset."""
    upstream, gateway = connections_limited(tmp_path, gateway={"limits": {"connections_max": 1}})
    with upstream, gateway, gateway.client() as client:
        assert served(client)
        for size in (0, 100_000):
            gateway.stand_still()
            with gateway.client() as extra:
                extra.send(request_bytes("POST", "/", [("Content-Length", str(size))]) + b"x" * size)
                gateway.go_on()
                assert extra.response().status == 503
                extra.assert_closed()
                assert not extra.reader.was_reset


def test_connections_of_one_client_do_not_count_for_another(tmp_path):
    upstream, gateway = connections_limited(tmp_path, gateway={"limits": {"connections_per_client_max": 2}})
    with upstream, gateway:
        clients = [gateway.client(source="127.0.0.5") for _ in range(2)]
        assert all(served(client) for client in clients)
        assert_full(gateway, source="127.0.0.5")
        with gateway.client(source="127.0.0.6") as other:
            assert served(other)
        for client in clients:
            client.close()


def test_a_full_listener_does_not_fill_another(tmp_path):
    upstream, gateway = connections_limited(
        tmp_path, listeners=("main", "second"), gateway={"listeners": {"main": {"limits": {"connections_max": 1}}}})
    with upstream, gateway, gateway.client("main") as client:
        assert served(client)
        assert_full(gateway, gateway.ports["main"])
        with gateway.client("second") as other:
            assert served(other)


def test_all_listeners_count_together(tmp_path):
    upstream, gateway = connections_limited(
        tmp_path, listeners=("main", "second"), gateway={"limits": {"connections_max": 2}})
    with upstream, gateway, gateway.client("main") as first, gateway.client("second") as second:
        assert served(first) and served(second)
        assert_full(gateway, gateway.ports["main"])
        assert_full(gateway, gateway.ports["second"])


def test_slow_clients_cost_only_their_own_connections(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with())
    slow = [gateway.client() for _ in range(200)]
    for client in slow:
        client.send(b"GET / HTTP/1.1\r\nHost: app.test\r\nX-Slow: ")
    for _ in range(50):
        assert exchange(gateway.port, request_bytes(), seconds=1).status == 200
    assert gateway.memory_kib() < 200 * 1024
    for client in slow:
        client.close()


def test_a_long_response_may_take_longer_than_the_idle_times(upstream_with, gateway_with):
    """The limits are on standing still, not on lasting long."""
    pause = threading.Event()

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
        connection.dribble(b"x" * 20, lambda: pause.wait(0.05))

    gateway = gateway_with(upstream_with(script), gateway={"listeners": {"main": LISTENER}})
    assert len(exchange(gateway.port, request_bytes()).body) == 20


def test_an_idle_connection_within_its_time_stays_open(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(answering(ok())))
    with gateway.client() as client:
        assert client.send(request_bytes()).response().status == 200
        stays(client.is_open, 0.3, "the idle connection")
