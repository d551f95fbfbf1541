"""Each time-out towards an upstream, and what it must not do."""

import threading
import time

import pytest

from harness import RawClient, answering, eventually, get, ok, request_bytes, silent

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


# Behind a phase in which nobody waited for the upstream

def test_the_time_of_the_response_head_begins_with_the_end_of_a_slow_upload(upstream_with, gateway_with):
    pause = threading.Event()
    gateway = gateway_with(
        upstream_with(silent),
        route={"timeouts": {"response_header": "300ms", "idle": "400ms", "request": "20s"}})
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Content-Length", "3")]))
        pause.wait(1)
        started = time.monotonic()
        assert client.send(b"abc").response(seconds=10).status == 504
        assert 0.25 < time.monotonic() - started < 3


def test_a_response_that_stands_still_behind_a_slow_reader_is_cut_off(upstream_with, gateway_with):
    size = 50_000_000
    read_on = threading.Event()

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        connection.sock.setblocking(False)
        # What fits into the buffers between here and the client, and then no more.
        while not read_on.wait(0.02):
            try:
                connection.sock.send(b"x" * 65536)
            except BlockingIOError:
                pass
        connection.until_closed()

    upstream = upstream_with(script)
    gateway = gateway_with(upstream, route={"timeouts": {"idle": "300ms", "request": "30s"}})
    with RawClient(gateway.port, receive_buffer=4096) as client:
        assert client.send(request_bytes()).response_head().status == 200
        threading.Event().wait(1.2)
        assert upstream.connections[0].closed_by_peer is False, "who waits for the client doesn't wait for the upstream"
        read_on.set()
        started = time.monotonic()
        assert 0 < len(client.rest(15)) < size
        assert time.monotonic() - started < 10
    assert gateway.access_line(status=200)["error"]


def test_a_target_that_stops_to_read_late_in_an_upload_is_given_up(upstream_with, gateway_with):
    pause = threading.Event()
    done = threading.Event()

    def script(connection):
        connection.request_head()
        done.wait(20)

    gateway = gateway_with(upstream_with(script), route={"timeouts": {
        "response_header": "300ms", "idle": "400ms", "request": "30s"}, "limits": {"body_bytes_max": "100MiB"}})
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Content-Length", "90000000")]))
        pause.wait(1)
        started = time.monotonic()
        client.send_if_open(b"x" * 20_000_000, seconds=15)
        assert client.response(seconds=15).status == 504
        assert time.monotonic() - started < 10
    done.set()


def test_a_client_that_stops_to_send_behind_a_slow_target_is_408(upstream_with, gateway_with):
    read_on = threading.Event()

    def script(connection):
        connection.request_head()
        read_on.wait(10)
        connection.until_closed()

    gateway = gateway_with(
        upstream_with(script), gateway={"timeouts": {"body_idle": "300ms"}},
        route={"timeouts": {"idle": "20s", "request": "30s"}, "limits": {"body_bytes_max": "100MiB"}})
    with RawClient(gateway.port) as client:
        client.send(request_bytes("POST", "/", [("Content-Length", "90000000")]))
        client.sock.setblocking(False)
        stopped = time.monotonic()
        # All that fits into the buffers, and then no more.
        while time.monotonic() - stopped < 1:
            try:
                client.sock.send(b"x" * 65536)
                stopped = time.monotonic()
            except BlockingIOError:
                time.sleep(0.02)
        assert client.is_open(), "who waits for the upstream doesn't wait for the client"
        read_on.set()
        started = time.monotonic()
        assert client.response(seconds=15).status == 408
        assert time.monotonic() - started < 10


# A client that is slower than the whole request may take

def failures(gateway):
    return {
        tuple(labels.items()): value for name, labels, value in gateway.metrics()
        if name == "portcullis_upstream_failures_total" and value > 0}


def test_a_slow_upload_is_not_charged_to_the_upstream(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(tolerate_errors=True), route={"timeouts": {"request": "300ms"}})
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Content-Length", "100")]) + b"some")
        response = client.response("POST")
        assert (response.status, response.header("connection")) == (408, "close")
        assert b'"code":"request-too-slow"' in response.body
    line = gateway.access_line(path="/")
    assert (line["error"], line["refused_by"]) == ("request-too-slow", "request")
    assert failures(gateway) == {}
    assert not [line for line in gateway.log() if line["message"] == "a request failed"]


def test_a_slow_reader_is_not_charged_to_the_upstream(upstream_with, gateway_with):
    size = 20_000_000

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        connection.send(b"x" * size, 10)

    gateway = gateway_with(
        upstream_with(script, tolerate_errors=True), route={"timeouts": {"request": "300ms"}})
    with gateway.client(receive_buffer=16 * 1024) as client:
        client.send(request_bytes())
        assert client.response_head().status == 200
        line = eventually(lambda: gateway.access_log(), 5, "the line of the request")[-1]
        assert (line["status"], line["error"], line.get("refused_by")) == (200, "client-stalled", None)
        assert line["bytes_out"] < size
        eventually(lambda: gateway.metrics().sum("portcullis_connections") == 0, 5, "the end of the connection")
    assert failures(gateway) == {}


# Time in which the gateway itself stood still

def test_an_answer_that_came_while_the_process_was_stopped_is_in_time(upstream_with, gateway_with):
    got_request, answered = threading.Event(), threading.Event()

    def script(connection):
        connection.request()
        got_request.set()
        connection.wait(answered)
        connection.send(ok(b"done"))
        connection.until_closed()

    gateway = gateway_with(upstream_with(script), route={"timeouts": {"response_header": "300ms"}})
    with gateway.client() as client:
        client.send(request_bytes())
        assert got_request.wait(5)
        gateway.stand_still()
        answered.set()
        time.sleep(0.6)
        gateway.go_on()
        assert client.response().body == b"done"


def test_a_head_that_came_while_the_process_was_stopped_is_in_time(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(answering(ok())), gateway={"timeouts": {"header_read": "300ms"}})
    with gateway.client() as client:
        head = request_bytes()
        client.send(head[:10])
        assert get(gateway.port).status == 200
        gateway.stand_still()
        client.send(head[10:])
        time.sleep(0.6)
        gateway.go_on()
        assert client.response().status == 200
