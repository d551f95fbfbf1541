"""The time that upstreams took, in the access log and in the histogram, when they brought no whole answer; and what
clients sent that never became a request.
"""

import pytest

from harness import answering, eventually, get, ok, refused_port, request_bytes, resetting, silent

ROUTE = 'portcullis_http_upstream_duration_seconds_count'
TIMES_OUT = {"timeouts": {"response_header": "150ms"}}
AGAIN = {"retries": {"attempts_max": 2, "per_try_timeout": "150ms", "backoff": {"base": "1ms", "max": "2ms"}}}


def lone_line(gateway):
    return eventually(lambda: (lines := gateway.access_log()) and lines[0], what="the log's line")


@pytest.mark.parametrize("script, route, status, milliseconds", [
    (silent, TIMES_OUT, 504, 140),
    (silent, AGAIN, 504, 280),
    (resetting, {}, 502, 0),
    (answering(b"nonsense\r\n\r\n", close=True), {}, 502, 0),
], ids=["time-out", "two attempts", "reset", "garbage"])
def test_attempts_without_an_answer_take_their_time_too(upstream_with, gateway_with, script, route, status, milliseconds):
    gateway = gateway_with(
        upstream_with(script), route=route, upstream={"retry_budget": {"per_second_min": 1000}})
    assert get(gateway.port).status == status
    line = lone_line(gateway)
    assert milliseconds <= line["upstream_ms"] <= line["duration_ms"]
    assert gateway.metrics().sum(ROUTE, route="app/all") == 1


def test_an_attempt_at_a_port_where_nobody_listens_counts(gateway_with):
    gateway = gateway_with(f"http://127.0.0.1:{refused_port()}")
    assert get(gateway.port).status == 502
    assert 0 <= lone_line(gateway)["upstream_ms"] <= lone_line(gateway)["duration_ms"]
    assert gateway.metrics().sum(ROUTE, route="app/all") == 1


def test_an_answer_that_breaks_off_counts_once(upstream_with, gateway_with):
    upstream = upstream_with(answering(ok(b"x" * 10)[:-5], close=True))
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        client.send(request_bytes())
        assert client.rest().endswith(b"x" * 5)
    line = lone_line(gateway)
    assert line["error"] == "response-truncated" and 0 <= line["upstream_ms"] <= line["duration_ms"]
    assert gateway.metrics().sum(ROUTE, route="app/all") == 1


def test_a_request_that_asks_no_upstream_has_no_such_time(gateway_with):
    routes = {"fixed": {"match": {}, "respond": {"status": 204}}}
    gateway = gateway_with(upstreams={}, routes=routes)
    assert get(gateway.port).status == 204
    assert "upstream_ms" not in lone_line(gateway)
    assert gateway.metrics().sum(ROUTE) == 0


@pytest.mark.parametrize("data, status", [
    (request_bytes("GET", "/", [("X-Long", "x" * 50_000)]), 431),
    (b"GET / HTTP/1.1\r\nHost\r\n\r\n", 400),
    (request_bytes("TRACE", "/"), 501),
    (b"GET / HTTP/1.1\r\nHost: app.test\r\n", 408),
], ids=["too large", "malformed", "TRACE", "never complete"])
def test_what_never_became_a_request_was_read_nonetheless(gateway_with, data, status):
    gateway = gateway_with(
        upstreams={}, routes={"fixed": {"match": {}, "respond": {"status": 204}}},
        gateway={"timeouts": {"header_read": "200ms"}})
    with gateway.client() as client:
        client.send_if_open(data)
        assert client.response_head().status == status
    line = lone_line(gateway)
    # Of a head that is too large, what had come when that was certain.
    assert line["bytes_in"] == len(data) if status != 431 else 10_000 < line["bytes_in"] <= len(data)
    assert gateway.metrics().sum("portcullis_http_request_bytes_total") == line["bytes_in"]
