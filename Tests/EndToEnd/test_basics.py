"""Plain proxying: what goes in comes out, and connections live as RFC 9112 section 9 says."""

import json
import threading
import time

import pytest

from harness import RawClient, answering, chunked, eventually, exchange, get, ok, post, request_bytes, stays


def seen(response):
    assert response.status == 200, response
    return json.loads(response.body)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE", "M-SEARCH"])
def test_a_method_reaches_the_upstream_as_it_is(world, method):
    assert seen(exchange(world.port, request_bytes(method, "/things/1?x=1&x=2")))["method"] == method
    assert world.upstream.last.target == "/things/1?x=1&x=2"


def test_a_head_response_has_the_length_but_no_body(world):
    with world.client() as client:
        response = client.send(request_bytes("HEAD", "/x")).response("HEAD")
        assert response.status == 200
        assert int(response.header("content-length")) > 0
        assert seen(client.send(request_bytes("GET", "/after")).response())["target"] == "/after"


@pytest.mark.parametrize("body", [b"", b"x", b"a=1&b=2", bytes(range(256)), b"0123456789" * 10_000], ids=[
    "an empty body", "one byte", "a form", "every byte value", "100 kB"])
def test_a_body_reaches_the_upstream_unchanged(world, body):
    reached = seen(post(world.port, "/", body, [("Content-Length", str(len(body)))]))
    assert reached["body"].encode("latin-1") == body


def test_a_get_may_have_a_body(world):
    assert seen(exchange(world.port, request_bytes("GET", "/", body=b"query")))["body"] == "query"


def test_header_names_keep_their_case_and_order_towards_the_upstream(world):
    sent = [("X-b", "1"), ("x-A", "2"), ("X-B", "3"), ("ACCEPT", "*/*"), ("cookie", "a=1"), ("Cookie", "b=2")]
    get(world.port, "/order", sent)
    ours = [(name, value) for name, value in world.upstream.last.headers if (name, value) in sent]
    assert ours == sent


def test_header_names_keep_their_case_and_order_towards_the_client(upstream_with, gateway_with):
    lines = [("X-b", "1"), ("sEt-cOOkie", "a=1"), ("x-A", "2"), ("Set-Cookie", "b=2"), ("ETAG", '"x"'), ("X-B", "3")]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines).encode()
    gateway = gateway_with(upstream_with(answering(ok(headers=head))))
    response = get(gateway.port)
    assert [(name, value) for name, value in response.headers if (name, value) in lines] == lines


@pytest.mark.parametrize("value", ["", "a", "a  b", 'quoted "x, y"', "a,b;c=d", "caf\xe9 \xff", "x" * 4000], ids=[
    "empty", "one byte", "inner spaces", "quotes", "delimiters", "obs-text", "4 kB"])
def test_a_header_value_is_not_touched(world, value):
    get(world.port, "/", [("X-Value", value)])
    assert world.upstream.last.header("x-value") == value


def test_the_host_reaches_the_upstream(world):
    get(world.port, "/", host="app.test")
    assert world.upstream.last.header("host") == "app.test"


@pytest.mark.parametrize("status, framing", [(204, b""), (304, b""), (304, b"Content-Length: 5\r\n")], ids=[
    "204", "304", "304 with the length that 200 would have"])
def test_a_status_without_body_ends_at_its_head(upstream_with, gateway_with, status, framing):
    gateway = gateway_with(upstream_with(answering(b"HTTP/1.1 %d X\r\n%sETag: \"1\"\r\n\r\n" % (status, framing))))
    with gateway.client() as client:
        for _ in range(3):
            response = client.send(request_bytes()).response()
            assert (response.status, response.body, response.header("etag")) == (status, b"", '"1"')


@pytest.mark.parametrize("status", [200, 201, 202, 206, 207, 301, 400, 404, 418, 422, 429, 451, 500, 503, 504, 599])
def test_a_final_status_of_the_upstream_is_passed_on(upstream_with, gateway_with, status):
    gateway = gateway_with(upstream_with(answering(ok(b"own words", status=b"%d Own Reason" % status))))
    response = get(gateway.port)
    assert (response.status, response.body) == (status, b"own words")


# HTTP/1.0

def test_an_http_1_0_client_gets_a_close(world):
    with world.client() as client:
        response = client.send(request_bytes("GET", "/old", version="HTTP/1.0")).response()
        assert seen(response)["target"] == "/old"
        client.assert_closed()


def test_an_http_1_0_client_never_sees_chunks(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(answering(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"hello world", 4))))
    with gateway.client() as client:
        response = client.send(request_bytes(version="HTTP/1.0")).response()
        assert (response.body, response.framing) == (b"hello world", "close")


def test_an_http_1_0_client_that_asks_for_keep_alive_is_told_whether_it_got_it(world):
    with world.client() as client:
        client.send(request_bytes("GET", "/1", [("Connection", "keep-alive")], version="HTTP/1.0"))
        response = client.response()
        if any("keep-alive" in value.lower() for value in response.values("connection")):
            assert response.framing == "length"
            assert seen(client.send(request_bytes("GET", "/2", version="HTTP/1.0")).response())["target"] == "/2"
        client.assert_closed()


def test_the_upstream_is_always_spoken_to_in_http_1_1(world):
    exchange(world.port, request_bytes("GET", "/", version="HTTP/1.0"))
    assert world.upstream.last.version == "HTTP/1.1"


def test_an_http_1_0_response_is_passed_on_as_1_1(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(answering(b"HTTP/1.0 200 OK\r\n\r\nold style", close=True)))
    with gateway.client() as client:
        for _ in range(2):
            response = client.send(request_bytes()).response()
            assert (response.status, response.body, response.framing) == (200, b"old style", "chunked")


# Keep-alive and pipelining

def test_a_hundred_requests_share_one_connection_on_each_side(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        for number in range(100):
            assert seen(client.send(request_bytes("GET", f"/{number}")).response())["target"] == f"/{number}"
    assert len(upstream.connections) == 1


def pipeline():
    requests = []
    for number in range(10):
        if number % 3 == 0:
            requests.append(request_bytes("GET", f"/{number}"))
        elif number % 3 == 1:
            requests.append(request_bytes("POST", f"/{number}", body=b"body %d" % number))
        else:
            requests.append(request_bytes(
                "POST", f"/{number}", [("Transfer-Encoding", "chunked")], chunked(b"body %d" % number, 3)))
    return requests


@pytest.mark.parametrize("send", [
    lambda client, data: client.send(data),
    lambda client, data: client.send_by_bytes(data),
    lambda client, data: [client.send(data[start:start + 7]) for start in range(0, len(data), 7)],
], ids=["in one segment", "byte by byte", "in pieces of seven bytes"])
def test_ten_pipelined_requests_are_answered_in_order(world, send):
    with world.client() as client:
        send(client, b"".join(pipeline()))
        for number in range(10):
            reached = seen(client.response())
            assert reached["target"] == f"/{number}"
            assert reached["body"] == ("" if number % 3 == 0 else f"body {number}")


@pytest.mark.parametrize("body_bytes", [10, 1_000, 3_000, 20_000])
def test_hundreds_of_pipelined_requests_are_answered_however_long_their_answers(
        upstream_with, gateway_with, body_bytes):
    body = b"x" * body_bytes
    upstream = upstream_with(answering(ok(body)))
    gateway = gateway_with(upstreams={"service": {"targets": [upstream.target]}}, routes={
        "passed-on": {"match": {"path": "/passed-on/{rest...}"}, "upstream": "service"},
        "fixed": {"match": {"path": "/fixed/{rest...}"}, "respond": {"status": 203, "body": body.decode()}},
    })
    with gateway.client() as client:
        requests = [("fixed" if number % 50 else "passed-on", number) for number in range(300)]
        client.send(b"".join(request_bytes("GET", f"/{kind}/{number}") for kind, number in requests))
        for kind, _ in requests:
            answer = client.response()
            assert (answer.status, len(answer.body)) == (203 if kind == "fixed" else 200, body_bytes)


def test_pipelined_requests_behind_a_read_that_ends_with_a_request_are_answered(gateway_with):
    """A read takes 8 KiB, 32 requests; the last of their answers fills what may wait to be written."""
    gateway = gateway_with(upstreams={}, routes={
        "fixed": {"match": {"path": "/"}, "respond": {"status": 200, "body": "x" * 4000}}},
        gateway={"timeouts": {"keep_alive_idle": "30s"}})
    unpadded = len(request_bytes("GET", "/", [("X", "")]))
    request = request_bytes("GET", "/", [("X", "y" * (256 - unpadded))])
    with gateway.client() as client:
        assert client.send(request_bytes()).response().status == 200
        gateway.stand_still()
        client.send(request * 128)
        gateway.go_on()
        for _ in range(128):
            assert len(client.response().body) == 4000


@pytest.mark.parametrize("method, target, status", [
    ("GET", "/fixed", 200), ("HEAD", "/fixed", 200), ("GET", "/none", 204), ("HEAD", "/all", 200)])
@pytest.mark.parametrize("sent", [-5, 30], ids=["in its content", "in its head"])
def test_an_answer_stays_whole_when_the_next_request_breaks_off(
        upstream_with, gateway_with, method, target, status, sent):
    gateway = gateway_with(upstreams={"service": {"targets": [upstream_with(tolerate_errors=True).target]}}, routes={
        "fixed": {"match": {"path": "/fixed"}, "respond": {"status": 200, "body": "fixed"}},
        "none": {"match": {"path": "/none"}, "respond": {"status": 204}},
        "all": {"match": {"path": "/all"}, "upstream": "service"}})
    with gateway.client() as client:
        client.send(request_bytes(method, target) + request_bytes("POST", "/all", body=b"0123456789")[:sent])
        client.finish_sending()
        assert client.response(method).status == status
        rest = client.rest()
        assert rest == b"" or rest.startswith(b"HTTP/1.1 400 ")


def test_pipelined_requests_behind_connection_close_are_not_served(world):
    with world.client() as client:
        client.send(request_bytes("GET", "/1", [("Connection", "close")]) + request_bytes("GET", "/never"))
        assert seen(client.response())["target"] == "/1"
        client.assert_closed()
    assert world.upstream.last.target == "/1"


@pytest.mark.parametrize("value", ["close", "Close", "CLOSE", "close, x-foo", "x-foo , close", "keep-alive, close"])
def test_connection_close_is_answered_with_close(world, value):
    with world.client() as client:
        response = client.send(request_bytes("GET", "/", [("Connection", value)])).response()
        assert response.status == 200 and response.closes
        client.assert_closed()


@pytest.mark.parametrize("response", [
    ok(headers=b"Connection: close\r\n"), b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
], ids=["with a length", "until close"])
def test_an_upstream_that_closes_does_not_cost_the_client_its_connection(upstream_with, gateway_with, response):
    upstream = upstream_with(answering(response, close=True))
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        for _ in range(3):
            answer = client.send(request_bytes()).response()
            assert (answer.body, answer.closes) == (b"ok", False)
    assert len(upstream.connections) == 3


def test_empty_lines_before_a_request_are_skipped(world):
    with world.client() as client:
        client.send(b"\r\n" + request_bytes("GET", "/1"))
        assert seen(client.response())["target"] == "/1"
        client.send(b"\r\n" + request_bytes("GET", "/2"))
        assert seen(client.response())["target"] == "/2"


def test_an_empty_line_behind_a_body_is_not_the_beginning_of_a_request(upstream_with, gateway_with):
    """RFC 9112 section 2.2: the connection is idle, and the next request's time is its own."""
    gateway = gateway_with(
        upstream_with(), gateway={"timeouts": {"header_read": "300ms", "keep_alive_idle": "20s"}})
    for pieces in ([b"a\r\n"], [b"a", b"\r\n"], [b"a\r", b"\n"], [b"a", b"\r", b"\n"]):
        with gateway.client() as client:
            client.send(request_bytes("POST", "/first", [("Content-Length", "1")]))
            client.send(pieces[0])
            assert client.response().status == 200
            for piece in pieces[1:]:
                client.send(piece)
                stays(client.is_open, 0.1, "the idle connection")
            stays(client.is_open, 0.8, "the idle connection")
            started = time.monotonic()
            assert seen(client.send(request_bytes("GET", "/second")).response())["target"] == "/second"
            took = time.monotonic() - started
            line = eventually(lambda: [line for line in gateway.access_log() if line["path"] == "/second"])[-1]
            assert line["duration_ms"] <= took * 1000 + 20
    assert {line["status"] for line in gateway.access_log()} == {200}, "what was no request has no line"


def test_an_idle_connection_with_an_empty_line_ends_in_silence(upstream_with, gateway_with):
    gateway = gateway_with(
        upstream_with(), gateway={"timeouts": {"header_read": "200ms", "keep_alive_idle": "500ms"}})
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Content-Length", "1")]) + b"a\r\n")
        assert client.response().status == 200
        client.assert_closed()
    with gateway.client() as client:
        client.send(b"\r\n").finish_sending()
        client.assert_closed()


def test_a_client_that_ends_its_sending_side_still_gets_the_answer(world):
    with world.client() as client:
        client.send(request_bytes("GET", "/half")).finish_sending()
        assert seen(client.response())["target"] == "/half"
        client.assert_closed()


def test_many_clients_at_once_get_each_their_own_answer(world):
    failures = []

    def run(number):
        try:
            with world.client() as client:
                for turn in range(20):
                    target = f"/{number}/{turn}"
                    assert seen(client.send(request_bytes("GET", target)).response())["target"] == target
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []


# Target forms (RFC 9112 section 3.2)

@pytest.mark.parametrize("target, host, reached", [
    ("http://app.test/x?y=1", "app.test", "/x?y=1"),
    ("http://app.test/x", "elsewhere.test", "/x"),
    ("http://app.test:80/x", "app.test", "/x"),
    ("HTTP://APP.TEST/x", "app.test", "/x"),
    ("http://app.test", "app.test", "/"),
    ("http://app.test?y=1", "app.test", "/?y=1"),
], ids=[
    "same host", "its host replaces Host", "a port", "scheme and host without regard to case", "an empty path is /",
    "an empty path before a query is /"])
def test_an_absolute_target_is_sent_on_in_origin_form(world, target, host, reached):
    assert seen(get(world.port, target, host=host))["target"] == reached
    assert world.upstream.last.header("host").lower().split(":")[0] == "app.test"


@pytest.mark.parametrize("host", ["app.test", "APP.TEST", "App.Test", "app.test:80", "app.test:8080"])
def test_a_host_is_compared_without_case_and_port(world, host):
    assert get(world.port, "/", host=host).status == 200


def test_an_upgrade_is_not_passed_on(world):
    before = len(world.upstream.requests)
    headers = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
               ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
    response = get(world.port, "/", headers)
    assert response.status in (200, 400, 426, 501)
    for request in world.upstream.requests[before:]:
        assert not request.has("upgrade") and not request.has("connection")


def test_a_response_has_no_body_bytes_behind_its_end(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(answering(ok(b""))))
    with gateway.client() as client:
        client.send(request_bytes("GET", "/", [("Connection", "close")]))
        assert client.response().body == b""
        client.assert_closed()


def test_two_gateways_in_a_row_serve_through_each_other(upstream_with, gateway_with):
    upstream = upstream_with()
    behind = gateway_with(upstream)
    front = gateway_with(f"http://127.0.0.1:{behind.port}")
    with RawClient(front.port) as client:
        for number in range(5):
            reached = seen(client.send(request_bytes("POST", f"/{number}", body=b"x" * number)).response())
            assert (reached["target"], len(reached["body"])) == (f"/{number}", number)
