"""Connecting to targets, the pools of kept connections, and what is sent once more."""

import socket
import threading

import pytest

from harness import (
    EchoUpstream, FullBacklog, ScriptedUpstream, answering, eventually, exchange, get, ok, post, refused_port,
    request_bytes, resetting, silent, stays)

PROBLEM = "application/problem+json"


def refused():
    return f"http://127.0.0.1:{refused_port()}"


# Connecting

def test_a_refused_connection_is_502(gateway_with):
    gateway = gateway_with(refused())
    response = get(gateway.port)
    assert (response.status, response.header("content-type")) == (502, PROBLEM)
    assert gateway.access_line(status=502)["error"]


def test_a_connection_that_takes_too_long_is_504(gateway_with):
    with FullBacklog() as full:
        gateway = gateway_with(
            full, upstream={"timeouts": {"connect": "200ms"}}, route={"retries": {"connect_failures_max": 0}})
        response = get(gateway.port)
        assert (response.status, response.header("content-type")) in ((504, PROBLEM), (502, PROBLEM))


def test_another_target_is_tried_when_one_refuses(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(refused(), upstream, route={"retries": {"connect_failures_max": 2}})
    for _ in range(10):
        assert get(gateway.port).status == 200


def test_a_post_may_go_to_another_target_when_nothing_of_it_was_sent(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(refused(), upstream, route={"retries": {"connect_failures_max": 2}})
    for number in range(6):
        assert post(gateway.port, "/", b"body %d" % number).status == 200
    assert [request.body for request in upstream.requests] == [b"body %d" % number for number in range(6)]


def test_when_all_targets_refuse_the_client_gets_502(gateway_with):
    gateway = gateway_with(refused(), refused(), refused(), route={"retries": {"connect_failures_max": 5}})
    assert get(gateway.port).status == 502


def test_a_target_that_comes_back_is_used_again(gateway_with):
    port = refused_port()
    gateway = gateway_with(f"http://127.0.0.1:{port}")
    assert get(gateway.port).status == 502
    with EchoUpstream(port=port):
        eventually(lambda: get(gateway.port).status == 200, what="a 200 from the target that came back")


def test_a_name_is_resolved(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(f"http://localhost:{upstream.port}")
    for _ in range(3):
        assert get(gateway.port).status == 200


def test_a_name_that_does_not_exist_is_an_error_of_its_requests_only(upstream_with, gateway_with):
    gateway = gateway_with(
        upstreams={"lost": ["http://does-not-exist.invalid:80"], "found": [upstream_with().target]},
        routes={"lost": {"match": {"path": "/lost"}, "upstream": "lost"},
                "found": {"match": {"path": "/found"}, "upstream": "found"}})
    assert get(gateway.port, "/found").status == 200
    response = get(gateway.port, "/lost", seconds=15)
    assert response.status in (502, 503)
    assert response.header("content-type") == PROBLEM


@pytest.mark.parametrize("mode, expected", [("preserve", "app.test"), ("target", None)])
def test_the_host_header_is_the_clients_or_the_targets(upstream_with, gateway_with, mode, expected):
    upstream = upstream_with()
    gateway = gateway_with(upstream, upstream={"host_header": mode})
    get(gateway.port)
    assert upstream.last.header("host") == (expected or f"127.0.0.1:{upstream.port}")


# The pool

def test_connections_are_reused_over_client_connections(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(upstream)
    for _ in range(20):
        assert get(gateway.port).status == 200
    assert len(upstream.connections) == 1
    metrics = gateway.metrics()
    assert metrics.sum("portcullis_upstream_connections_opened_total") == 1
    assert metrics.sum("portcullis_upstream_connections_reused_total") == 19


def test_what_connections_do_is_shown(upstream_with, gateway_with):
    release = threading.Event()

    def script(connection):
        while (request := connection.request()) is not None:
            if request.target == "/held":
                assert release.wait(20)
            connection.send(ok())

    upstream = upstream_with(script)
    gateway = gateway_with(upstream)

    def seen():
        metrics = gateway.metrics()
        states = tuple(metrics.sum("portcullis_upstream_connections", state=state) for state in ("active", "idle"))
        target = gateway.admin_json("/upstreams")["upstreams"][0]["targets"][0]
        return states, (target["active_connections"], target["idle_connections"])

    def are(active, idle):
        eventually(lambda: seen() == ((active, idle), (active, idle)), what=f"{active} active and {idle} idle connections")

    are(0, 0)
    clients = [gateway.client() for _ in range(2)]
    for client in clients:
        client.send(request_bytes("GET", "/held"))
    upstream.wait_for_requests(2)
    are(2, 0)
    release.set()
    for client in clients:
        assert client.response().status == 200
        client.close()
    are(0, 2)
    for connection in upstream.connections:
        connection.close()
    are(0, 0)


def test_a_connection_is_never_shared_by_two_requests_at_once(upstream_with, gateway_with):
    everybody = threading.Barrier(10)

    def script(connection):
        while connection.request():
            everybody.wait(10)
            connection.send(ok())

    upstream = upstream_with(script)
    gateway = gateway_with(upstream)
    clients = [gateway.client() for _ in range(10)]
    for client in clients:
        client.send(request_bytes())
    assert [client.response().status for client in clients] == [200] * 10
    assert len(upstream.connections) == 10
    for client in clients:
        client.close()


def test_no_more_idle_connections_are_kept_than_allowed(upstream_with, gateway_with):
    everybody = threading.Barrier(6)

    def script(connection):
        if connection.request():
            everybody.wait(10)
            connection.send(ok())
            connection.until_closed(30)

    upstream = upstream_with(script)
    gateway = gateway_with(upstream, upstream={"keep_alive": {"connections_max": 2}})
    clients = [gateway.client() for _ in range(6)]
    for client in clients:
        client.send(request_bytes())
    for client in clients:
        assert client.response().status == 200
    eventually(lambda: sum(item.closed_by_peer for item in upstream.connections) == 4, what="four closes")
    stays(lambda: sum(item.closed_by_peer for item in upstream.connections) == 4, 0.1)


def test_an_idle_connection_is_closed_after_its_time(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(upstream, upstream={"keep_alive": {"idle_timeout": "300ms"}})
    assert get(gateway.port).status == 200
    eventually(lambda: upstream.connections[0].closed_by_peer, what="the close of the idle connection")
    assert get(gateway.port).status == 200
    assert len(upstream.connections) == 2


def test_a_connection_is_given_up_after_its_number_of_requests(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(upstream, upstream={"keep_alive": {"requests_max": 3}})
    for _ in range(7):
        assert get(gateway.port).status == 200
    assert [request.connection for request in upstream.requests] == [0, 0, 0, 1, 1, 1, 2]


def test_a_connection_that_the_upstream_closed_is_not_used_again(upstream_with, gateway_with):
    def once(connection):
        connection.request()
        connection.send(ok())

    upstream = upstream_with(once)
    gateway = gateway_with(upstream)
    for number in range(20):
        response = post(gateway.port, "/", b"x")
        assert response.status == 200, f"request {number}: {response.body}"
        eventually(lambda: idle_connections(gateway) == 0, what="the notice that the connection is closed")
    assert len(upstream.requests) == 20


def idle_connections(gateway):
    return gateway.metrics().sum("portcullis_upstream_connections", state="idle")


def test_the_number_of_connections_to_an_upstream_is_limited(upstream_with, gateway_with):
    upstream = upstream_with(silent)
    gateway = gateway_with(upstream, upstream={"connections_max": 2})
    clients = [gateway.client() for _ in range(2)]
    for client in clients:
        client.send(request_bytes())
    eventually(lambda: len(upstream.connections) == 2, what="two upstream connections")
    response = get(gateway.port, seconds=10)
    assert (response.status, response.header("content-type")) == (503, PROBLEM)
    assert len(upstream.connections) == 2
    for client in clients:
        client.reset()


def test_an_idle_connection_gives_way_to_one_to_another_target(upstream_with, gateway_with):
    one, two = upstream_with(), upstream_with()
    gateway = gateway_with(one, two, upstream={"connections_max": 1})
    for number in range(12):
        assert get(gateway.port, f"/{number}").status == 200
    assert one.requests and two.requests


def test_an_idle_connection_gives_way_to_one_of_another_loop(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(upstream, upstream={"connections_max": 2}, gateway={"workers": 4})
    clients = [gateway.client() for _ in range(16)]
    for _ in range(6):
        for client in clients:
            assert client.send(request_bytes()).response().status == 200
    assert sum(not item.closed_by_peer for item in upstream.connections) <= 2
    for client in clients:
        client.close()


def test_with_all_connections_at_work_no_loop_gets_more_and_all_are_free_again_later(upstream_with, gateway_with):
    goes_on = threading.Event()

    def held(connection):
        while connection.request():
            goes_on.wait(20)
            connection.send(ok())

    upstream = upstream_with(held)
    gateway = gateway_with(upstream, upstream={"connections_max": 2}, gateway={"workers": 4})
    busy = [gateway.client() for _ in range(2)]
    for client in busy:
        client.send(request_bytes())
    upstream.wait_for_requests(2)
    for _ in range(8):
        response = get(gateway.port)
        assert response.status == 503 and b"pool-exhausted" in response.body
    goes_on.set()
    for client in busy:
        assert client.response().status == 200
    for _ in range(16):
        assert get(gateway.port).status == 200
    for client in busy:
        client.close()


# The keep-alive race (RFC 9110 section 9.2.2)

def racing(ending):
    """Answers one request; when the second arrives, ends the connection without a byte."""
    def script(connection):
        connection.request()
        connection.send(ok(b"first"))
        connection.request()
        getattr(connection, ending)()

    return script


@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_an_idempotent_request_on_a_reused_connection_that_dies_is_sent_once_more(
        upstream_with, gateway_with, method, ending):
    upstream = upstream_with(racing(ending), answering(lambda request: ok() if request.method != "HEAD" else ok(b"")))
    gateway = gateway_with(upstream)
    assert get(gateway.port).body == b"first"
    assert exchange(gateway.port, request_bytes(method, "/again")).status == 200
    assert [(request.connection, request.method) for request in upstream.requests] == [
        (0, "GET"), (0, method), (1, method)]


@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_request_with_side_effects_is_never_sent_twice(upstream_with, gateway_with, method, ending):
    upstream = upstream_with(racing(ending), answering(ok()))
    gateway = gateway_with(upstream)
    assert get(gateway.port).body == b"first"
    response = exchange(gateway.port, request_bytes(method, "/once", body=b"pay 100"))
    assert (response.status, response.header("content-type")) == (502, PROBLEM)
    assert [request.method for request in upstream.requests] == ["GET", method]
    assert get(gateway.port).status == 200


def test_a_repeat_happens_only_once(upstream_with, gateway_with):
    def one(connection):
        connection.request()
        connection.send(ok(b"first"))
        connection.request()

    upstream = upstream_with(one, resetting)
    gateway = gateway_with(upstream)
    assert get(gateway.port).body == b"first"
    assert get(gateway.port).status == 502
    assert len(upstream.requests) == 3


def test_a_fresh_connection_that_dies_is_not_tried_again(upstream_with, gateway_with):
    upstream = upstream_with(resetting)
    gateway = gateway_with(upstream)
    assert get(gateway.port).status == 502
    assert len(upstream.requests) == 1


def test_nothing_is_repeated_once_a_byte_of_response_has_come(upstream_with, gateway_with):
    def half(connection):
        connection.request()
        connection.send(ok(b"first"))
        connection.request()
        connection.send(b"HTTP/1.1 2")

    upstream = upstream_with(half, answering(ok()))
    gateway = gateway_with(upstream)
    assert get(gateway.port).body == b"first"
    assert get(gateway.port).status == 502
    assert len(upstream.requests) == 2


def test_the_repeat_can_be_switched_off(upstream_with, gateway_with):
    upstream = upstream_with(racing("close"), answering(ok()))
    gateway = gateway_with(upstream, route={"retries": {"stale_connection": False}})
    assert get(gateway.port).body == b"first"
    assert get(gateway.port).status == 502


def test_a_put_whose_body_is_repeated_arrives_whole_or_not_at_all(upstream_with, gateway_with):
    upstream = upstream_with(racing("close"), answering(ok()))
    gateway = gateway_with(upstream)
    assert get(gateway.port).body == b"first"
    body = bytes(range(256)) * 400
    response = exchange(gateway.port, request_bytes("PUT", "/", body=body))
    assert response.status in (200, 502)
    assert {request.body for request in upstream.requests if request.method == "PUT"} <= {body}


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 in this Python")
def test_an_ipv6_target(gateway_with):
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 loopback on this machine")
    upstream = ScriptedUpstream(answering(ok(b"six")))
    upstream.listener.close()
    upstream.listener = listener
    threading.Thread(target=upstream._accept, daemon=True).start()
    gateway = gateway_with(f"http://[::1]:{listener.getsockname()[1]}")
    assert get(gateway.port).body == b"six"
    upstream.stop()


# What an upstream says unasked

@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("others", [0, 100, 400], ids=[
    "in the request's stride", "behind the request's stride", "beyond what a turn takes"])
def test_bytes_that_wait_on_an_idle_connection_answer_no_request(upstream_with, gateway_with, method, others):
    """The request and, behind it, bytes on the idle connection are there when the gateway wakes."""
    def script(connection):
        while (request := connection.request()) is not None:
            connection.send(ok(b"answer to " + request.target.encode()))

    upstream = upstream_with(script)
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        assert client.send(request_bytes("GET", "/first")).response().body == b"answer to /first"
        fillers = [gateway.client() for _ in range(others)]
        eventually(lambda: gateway.metrics().sum("portcullis_connections") > others, what="all connections")
        gateway.stand_still()
        client.send(request_bytes(method, "/second"))
        for filler in fillers:
            filler.send(b"G")
        upstream.connections[0].send(ok(b"unasked"))
        gateway.go_on()
        assert client.response().body == b"answer to /second"
        for filler in fillers:
            filler.close()
    assert len(upstream.connections) == 2
