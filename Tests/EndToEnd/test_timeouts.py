"""Each time-out towards an upstream, and what it must not do."""

import threading

import pytest

from harness import eventually, get, ok, request_bytes, silent

PROBLEM = "application/problem+json"


def test_a_response_head_that_does_not_come_is_504(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(silent), route={"timeouts": {"response_header": "200ms"}})
    response = get(gateway.port)
    assert (response.status, response.header("content-type")) == (504, PROBLEM)
    assert gateway.access_line(status=504)["error"]


def test_a_response_head_that_drips_is_504_all_the_same(upstream_with, gateway_with):
    """SEMANTICS 5.8: the deadline is a total one, a read time-out alone misses a drip."""
    done = threading.Event()

    def script(connection):
        connection.request()
        connection.dribble(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000, lambda: done.wait(0.02))

    gateway = gateway_with(upstream_with(script), route={"timeouts": {"response_header": "300ms"}})
    assert get(gateway.port, seconds=3).status == 504
    done.set()


def test_informational_responses_do_not_put_off_the_deadline(upstream_with, gateway_with):
    done = threading.Event()

    def script(connection):
        connection.request()
        for _ in range(500):
            connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            if done.wait(0.05):
                return

    gateway = gateway_with(upstream_with(script), route={"timeouts": {"response_header": "300ms"}})
    response = get(gateway.port, seconds=3)
    done.set()
    assert response.status in (502, 504)


def test_a_body_that_stands_still_is_cut_off(upstream_with, gateway_with):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        connection.until_closed()

    upstream = upstream_with(script)
    gateway = gateway_with(upstream, route={"timeouts": {"idle": "200ms"}})
    with gateway.client() as client:
        assert client.send(request_bytes()).response_head().status == 200
        assert client.rest() == b"hello"
    eventually(lambda: upstream.connections[0].closed_by_peer, what="the close of the upstream connection")


def test_a_body_that_goes_on_slowly_is_not_cut_off(upstream_with, gateway_with):
    pause = threading.Event()

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        connection.dribble(b"0123456789", lambda: pause.wait(0.1))

    gateway = gateway_with(upstream_with(script), route={"timeouts": {"idle": "400ms"}})
    assert get(gateway.port).body == b"0123456789"


@pytest.mark.parametrize("begun", [False, True], ids=["before the response", "inside the response"])
def test_a_request_has_a_time_as_a_whole(upstream_with, gateway_with, begun):
    pause = threading.Event()

    def script(connection):
        connection.request()
        if not begun:
            return connection.until_closed()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        connection.dribble(b"x" * 1000, lambda: pause.wait(0.05))

    gateway = gateway_with(upstream_with(script), route={"timeouts": {"request": "400ms"}})
    with gateway.client() as client:
        client.send(request_bytes())
        head = client.response_head(3)
        if begun:
            assert head.status == 200
            assert len(client.rest(3)) < 1000
        else:
            assert head.status == 504
    pause.set()


def test_a_time_out_of_one_request_does_not_disturb_another(upstream_with, gateway_with):
    def script(connection):
        while True:
            request = connection.request()
            if request is None:
                return
            if request.target == "/hang":
                return connection.until_closed()
            connection.send(ok())

    gateway = gateway_with(upstream_with(script), route={"timeouts": {"response_header": "300ms"}})
    with gateway.client() as hanging:
        hanging.send(request_bytes("GET", "/hang"))
        for _ in range(20):
            assert get(gateway.port).status == 200
        assert hanging.response().status == 504
        assert hanging.send(request_bytes()).response().status == 200


def test_a_time_out_of_an_upstream_is_not_tried_again(upstream_with, gateway_with):
    upstream = upstream_with(silent)
    gateway = gateway_with(upstream, route={
        "timeouts": {"response_header": "200ms"}, "retries": {"connect_failures_max": 3}})
    assert get(gateway.port).status == 504
    assert len(upstream.connections) == 1
