"""What is tried again, where, how often, and what must never be."""

import collections
import json
import threading
import time

import pytest

from harness import (
    Deadline, FullBacklog, answering, chunked, eventually, exchange, get, ok, post, refused_port, request_bytes, resetting,
    silent)

AGAIN = {"attempts_max": 3, "backoff": {"base": "1ms", "max": "2ms"}}
UNLIMITED = {"retry_budget": {"ratio": "100%", "per_second_min": 1000}}


def again(**options):
    return {"retries": {**AGAIN, **options}}


def status(code, headers=b"", body=b"no"):
    return ok(body, headers, b"%d Refused" % code)


def refused():
    return f"http://127.0.0.1:{refused_port()}"


# What counts

@pytest.mark.parametrize("code", [502, 503, 504])
def test_an_answer_that_is_retried_does_not_reach_the_client(upstream_with, gateway_with, code):
    bad, good = upstream_with(answering(status(code))), upstream_with(answering(ok(b"good")))
    gateway = gateway_with(bad, good, route=again(), upstream=UNLIMITED)
    for _ in range(10):
        response = get(gateway.port)
        assert (response.status, response.body) == (200, b"good")
    assert len(bad.requests) >= 4
    assert len(good.requests) == 10
    lines = [line for line in gateway_lines(gateway, 10)]
    assert sum(line.get("retries", 0) for line in lines) == len(bad.requests)


def gateway_lines(gateway, count):
    return eventually(lambda: (lines := gateway.access_log()) and len(lines) >= count and lines, what="log lines")


@pytest.mark.parametrize("code", [200, 204, 301, 400, 404, 429, 500, 501])
def test_other_answers_go_to_the_client(upstream_with, gateway_with, code):
    upstream = upstream_with(answering(b"HTTP/1.1 204 No Content\r\n\r\n" if code == 204 else status(code)))
    gateway = gateway_with(upstream, route=again(), upstream=UNLIMITED)
    assert get(gateway.port).status == code
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("code", [429, 500])
def test_the_route_says_which_statuses_count(upstream_with, gateway_with, code):
    upstream = upstream_with(answering(status(code)))
    gateway = gateway_with(upstream, route=again(on=[str(code)]), upstream=UNLIMITED)
    assert get(gateway.port).status == code
    assert len(upstream.requests) == 3


def test_the_answer_of_the_last_attempt_reaches_the_client(upstream_with, gateway_with):
    upstream = upstream_with(answering(lambda request: status(503, body=b"try %d" % len(upstream.requests))))
    gateway = gateway_with(upstream, route=again(), upstream=UNLIMITED)
    response = get(gateway.port)
    assert (response.status, response.body) == (503, b"try 3")
    assert gateway.access_line(status=503)["retries"] == 2


@pytest.mark.parametrize("scope", ["upstream", "targets"])
def test_an_answer_after_which_no_target_may_be_asked_is_the_clients(upstream_with, gateway_with, scope):
    upstream = upstream_with(answering(status(503, body=b"upstream")))
    breaker = {"scope": scope, "consecutive_failures": 1, "open_for": "1h"}
    if scope == "targets":
        breaker["ejected_max"] = "100%"
    gateway = gateway_with(upstream, route=again(), upstream={**UNLIMITED, "circuit_breaker": breaker})
    response = get(gateway.port)
    assert (response.status, response.body) == (503, b"upstream")
    line = gateway.access_line(status=503)
    assert not line.get("retries") and not line.get("refused_by") and not line.get("error")
    assert retries(gateway) == 0
    assert json.loads(get(gateway.port).body)["code"] == "circuit-open"
    assert len(upstream.requests) == 1


def retries(gateway):
    return gateway.metrics().sum("portcullis_upstream_retries_total")


def granted(gateway):
    return gateway.metrics().sum("portcullis_retry_budget_grants_total")


def test_a_client_that_leaves_in_the_pause_has_had_no_further_attempt(upstream_with, gateway_with):
    upstream = upstream_with(answering(status(503, b"Retry-After: 5\r\n")))
    gateway = gateway_with(upstream, route=again(retry_after_max="5s"), upstream=UNLIMITED)
    client = gateway.client()
    client.send(request_bytes())
    upstream.wait_for_requests(1)
    eventually(lambda: granted(gateway) == 1, what="the pause before the second attempt")
    client.reset()
    line = eventually(gateway.access_log, what="the log line")[0]
    assert "retries" not in line or line["retries"] == 0
    assert retries(gateway) == 0
    assert len(upstream.requests) == 1


PAUSE = b"Retry-After: 1\r\n"
OPENS = {"circuit_breaker": {"scope": "upstream", "consecutive_failures": 2, "open_for": "1h"}}


def refused_after_a_pause(gateway, upstream, headers=()):
    """A client whose request is to be tried again, and another one's failure that opens the breaker meanwhile."""
    client = gateway.client()
    client.send(request_bytes(headers=headers))
    upstream.wait_for_requests(1)
    assert get(gateway.port, "/other").body == b"no"
    return client


def test_an_answer_is_kept_until_another_attempt_begins(upstream_with, gateway_with):
    """What nobody knew when the answer came: a breaker opens in the pause."""
    mine = status(503, PAUSE, b"mine" * 5000)
    upstream = upstream_with(answering(lambda request: mine if request.target == "/" else status(503)))
    gateway = gateway_with(upstream, route=again(retry_after_max="1s"), upstream={**UNLIMITED, **OPENS})
    client = refused_after_a_pause(gateway, upstream)
    response = client.response()
    assert (response.status, response.header("retry-after"), response.body) == (503, "1", b"mine" * 5000)
    assert get(gateway.port, "/more").status == 503 and len(upstream.requests) == 2
    client.send(request_bytes())
    assert json.loads(client.response().body)["code"] == "circuit-open"
    client.close()


def test_an_answer_that_was_kept_is_transformed_like_any_other(upstream_with, gateway_with):
    mine = status(503, PAUSE + b"Content-Type: application/json\r\n", b'{"a":1}')
    upstream = upstream_with(answering(lambda request: mine if request.target == "/" else status(503)))
    transform = {"response_transform": {"body": {"json": {"set": {"/b": 2}}, "on_unfit": "pass"}}}
    gateway = gateway_with(
        upstream, route={**again(retry_after_max="1s"), "plugins": transform}, upstream={**UNLIMITED, **OPENS})
    client = refused_after_a_pause(gateway, upstream)
    response = client.response()
    assert (response.status, json.loads(response.body)) == (503, {"a": 1, "b": 2})
    client.close()


def test_an_answer_that_is_still_coming_when_no_attempt_can_be_made_goes_on(upstream_with, gateway_with):
    release = threading.Event()

    def late(connection):
        connection.request()
        connection.send(b"HTTP/1.1 503 No\r\n" + PAUSE + b"Content-Length: 8\r\n\r\nfour")
        connection.wait(release)
        connection.send(b"more")

    upstream = upstream_with(late, answering(status(503)))
    gateway = gateway_with(upstream, route=again(retry_after_max="1s"), upstream={**UNLIMITED, **OPENS})
    client = refused_after_a_pause(gateway, upstream, headers=[("Connection", "close")])
    assert client.response_head().status == 503
    release.set()
    assert client.rest().endswith(b"fourmore")
    client.close()


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 503 No\r\n" + PAUSE + b"Content-Length: 8\r\n\r\nfour", status(503, PAUSE, b"x" * 1_000_000)],
    ids=["broken off", "too long"])
def test_an_answer_that_is_not_at_hand_any_more_is_not_passed_on(upstream_with, gateway_with, answer):
    upstream = upstream_with(answering(answer, close=True), answering(status(503)))
    gateway = gateway_with(upstream, route=again(retry_after_max="1s"), upstream={**UNLIMITED, **OPENS})
    client = refused_after_a_pause(gateway, upstream)
    assert json.loads(client.response().body)["code"] == "circuit-open"
    client.close()


def test_an_answer_is_the_clients_when_there_is_no_connection_for_another_attempt(upstream_with, gateway_with):
    upstream = upstream_with(answering(status(503, PAUSE, b"mine"), close=True), silent)
    gateway = gateway_with(upstream, route=again(retry_after_max="1s"), upstream={**UNLIMITED, "connections_max": 1})
    clients = [gateway.client(), gateway.client()]
    clients[0].send(request_bytes())
    upstream.wait_for_requests(1)
    eventually(lambda: gateway.metrics().sum("portcullis_upstream_connections", state="active") == 0, what="the free place")
    clients[1].send(request_bytes("GET", "/other"))
    response = clients[0].response()
    assert (response.status, response.body) == (503, b"mine")
    for client in clients:
        client.reset()


def test_without_the_key_nothing_changes(upstream_with, gateway_with):
    upstream = upstream_with(answering(status(503)))
    gateway = gateway_with(upstream)
    assert get(gateway.port).status == 503
    assert len(upstream.requests) == 1


def test_a_connection_that_dies_before_an_answer(upstream_with, gateway_with):
    bad, good = upstream_with(resetting), upstream_with(answering(ok(b"good")))
    gateway = gateway_with(bad, good, route=again(), upstream=UNLIMITED)
    assert [get(gateway.port).body for _ in range(6)] == [b"good"] * 6
    assert bad.requests


def test_a_connection_that_dies_within_the_head_of_an_answer(upstream_with, gateway_with):
    def half(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nX-Half")

    bad, good = upstream_with(half), upstream_with(answering(ok(b"good")))
    gateway = gateway_with(bad, good, route=again(), upstream=UNLIMITED)
    for _ in range(4):
        response = get(gateway.port)
        assert (response.body, response.has("x-half")) == (b"good", False)


def test_nothing_is_retried_once_a_byte_of_the_answer_went_out(upstream_with, gateway_with):
    def cut(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    upstream = upstream_with(cut)
    gateway = gateway_with(upstream, route=again(), upstream=UNLIMITED)
    client = gateway.client()
    client.send(request_bytes())
    assert client.rest().endswith(b"half")
    client.close()
    assert len(upstream.requests) == 1


def test_nothing_is_retried_after_an_interim_answer(upstream_with, gateway_with):
    def hint(connection):
        connection.request()
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")

    upstream = upstream_with(hint)
    gateway = gateway_with(upstream, route=again(), upstream=UNLIMITED)
    client = gateway.client()
    client.send(request_bytes())
    assert client.response_head().status == 103
    assert client.response().status == 502
    client.close()
    assert len(upstream.requests) == 1


def test_a_malformed_answer_is_not_retried(upstream_with, gateway_with):
    upstream = upstream_with(answering(b"HTTP/9 what\r\n\r\n", close=True))
    gateway = gateway_with(upstream, route=again(), upstream=UNLIMITED)
    assert get(gateway.port).status == 502
    assert len(upstream.requests) == 1


def test_one_target_is_asked_again_when_there_is_no_other(upstream_with, gateway_with):
    upstream = upstream_with(answering(lambda request: status(503) if len(upstream.requests) < 3 else ok(b"third")))
    gateway = gateway_with(upstream, route=again(), upstream=UNLIMITED)
    assert get(gateway.port).body == b"third"
    assert len(upstream.connections) == 1, "the connection is used again when its answer is complete"


def test_another_target_is_asked_before_one_is_asked_again(upstream_with, gateway_with):
    upstreams = [upstream_with(answering(status(503))) for _ in range(3)]
    gateway = gateway_with(*upstreams, route=again(), upstream=UNLIMITED)
    for count in range(1, 6):
        assert get(gateway.port).status == 503
        assert [len(upstream.requests) for upstream in upstreams] == [count] * 3


def test_a_target_that_was_tried_is_asked_again_when_a_breaker_keeps_the_other_out(upstream_with, gateway_with):
    upstream = upstream_with(answering(
        lambda request: ok(b"good") if request.target == "/" or len(upstream.requests) > begun else status(503)))
    breaker = {"scope": "targets", "consecutive_failures": 1, "failures": ["connect"], "open_for": "1h"}
    gateway = gateway_with(upstream, refused(), route=again(attempts_max=3), upstream={
        **UNLIMITED, "circuit_breaker": breaker})
    begun = 0
    eventually(lambda: get(gateway.port) and ejected(gateway) == 1, what="the other being out")
    begun = len(upstream.requests) + 2
    assert get(gateway.port, "/again").body == b"good"
    assert [request.target for request in upstream.requests[-3:]] == ["/again"] * 3


def ejected(gateway):
    return gateway.admin_json("/upstreams")["upstreams"][0]["ejected"]


def test_no_connection_is_another_attempt_after_those_that_are_free(upstream_with, gateway_with):
    good = upstream_with(answering(ok(b"good")))
    gateway = gateway_with(
        refused(), refused(), refused(), good, route=again(attempts_max=4, connect_failures_max=0), upstream=UNLIMITED)
    for _ in range(4):
        assert get(gateway.port).body == b"good"
        assert post(gateway.port, body=b"x").body == b"good"


# Time

def test_an_attempt_has_a_time_of_its_own(upstream_with, gateway_with):
    mute, good = upstream_with(silent), upstream_with(answering(ok(b"good")))
    gateway = gateway_with(mute, good, route=again(per_try_timeout="100ms"), upstream=UNLIMITED)
    start = time.monotonic()
    assert [get(gateway.port).body for _ in range(4)] == [b"good"] * 4
    assert time.monotonic() - start < 5


def test_when_every_attempt_takes_too_long_the_client_gets_504(upstream_with, gateway_with):
    upstream = upstream_with(silent)
    gateway = gateway_with(upstream, route=again(per_try_timeout="100ms"), upstream=UNLIMITED)
    start = time.monotonic()
    assert get(gateway.port).status == 504
    assert 0.3 <= time.monotonic() - start < 3
    line = gateway.access_line(status=504)
    assert (line["error"], line["retries"]) == ("attempt-timed-out", 2)
    assert len(upstream.connections) == 3


def test_a_slow_connect_counts_for_the_attempt(upstream_with, gateway_with):
    with FullBacklog() as full:
        good = upstream_with(answering(ok(b"good")))
        gateway = gateway_with(full, good, route=again(per_try_timeout="150ms"), upstream=UNLIMITED)
        assert [get(gateway.port).body for _ in range(4)] == [b"good"] * 4


def test_the_whole_stays_within_the_requests_time(upstream_with, gateway_with):
    upstream = upstream_with(silent)
    gateway = gateway_with(
        upstream, upstream=UNLIMITED,
        route={**again(attempts_max=10, per_try_timeout="200ms"), "timeouts": {"request": "500ms"}})
    start = time.monotonic()
    assert get(gateway.port).status == 504
    assert time.monotonic() - start < 2
    assert len(upstream.connections) <= 3


def test_a_pause_that_does_not_fit_the_requests_time_is_not_made(upstream_with, gateway_with):
    upstream = upstream_with(answering(status(503, b"Retry-After: 1\r\n")))
    gateway = gateway_with(
        upstream, upstream=UNLIMITED, route={**again(), "timeouts": {"request": "900ms"}})
    start = time.monotonic()
    assert get(gateway.port).status == 503
    assert time.monotonic() - start < 0.8
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("value, attempts", [("0", 3), ("1", 3), ("2", 1), ("99999999999999999999", 1),
                                             ("Fri, 31 Dec 2027 23:59:59 GMT", 1), ("soon", 1)])
def test_retry_after_is_waited_for_within_its_bound(upstream_with, gateway_with, value, attempts):
    upstream = upstream_with(answering(status(503, b"Retry-After: %s\r\n" % value.encode())))
    gateway = gateway_with(upstream, upstream=UNLIMITED, route=again(retry_after_max="1s"))
    start = time.monotonic()
    response = get(gateway.port)
    took = time.monotonic() - start
    assert (response.status, response.header("retry-after")) == (503, value)
    assert len(upstream.requests) == attempts
    if value == "1":
        assert took >= 2


def endless_refusal(connection):
    connection.request()
    connection.send(b"HTTP/1.1 503 No\r\nContent-Length: 1000\r\n\r\nbegin")
    connection.until_closed()


def test_an_answer_that_does_not_end_does_not_hold_the_next_attempt_up(upstream_with, gateway_with):
    upstream = upstream_with(endless_refusal, answering(ok(b"good")))
    gateway = gateway_with(upstream, upstream=UNLIMITED, route=again())
    start = time.monotonic()
    assert get(gateway.port).body == b"good"
    assert time.monotonic() - start < 2


def test_a_connection_that_waits_for_the_end_of_such_an_answer_gives_way(upstream_with, gateway_with):
    upstream = upstream_with(endless_refusal, answering(ok(b"good")))
    gateway = gateway_with(upstream, upstream={**UNLIMITED, "connections_max": 1}, route=again())
    assert get(gateway.port).body == b"good"


def test_a_large_answer_is_not_read_for_nothing(upstream_with, gateway_with):
    upstream = upstream_with(answering(status(503, body=b"x" * 1_000_000)), answering(ok(b"good")))
    gateway = gateway_with(upstream, upstream=UNLIMITED, route=again())
    assert get(gateway.port).body == b"good"


def test_a_client_that_leaves_in_a_pause_ends_it(upstream_with, gateway_with):
    upstream = upstream_with(answering(status(503, b"Retry-After: 1\r\n")))
    gateway = gateway_with(upstream, upstream=UNLIMITED, route=again())
    client = gateway.client()
    client.send(request_bytes())
    upstream.wait_for_requests(1)
    client.reset()
    eventually(lambda: gateway.metrics().sum("portcullis_requests_active") == 0, what="the exchange's end")
    assert gateway.access_line(error="client-left")


# Methods and content

@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_idempotent_methods_are_sent_again(upstream_with, gateway_with, method):
    upstream = upstream_with(answering(lambda request: b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"))
    gateway = gateway_with(upstream, route=again(), upstream=UNLIMITED)
    assert exchange(gateway.port, request_bytes(method)).status == 503
    assert [request.method for request in upstream.requests] == [method] * 3


@pytest.mark.parametrize("method", ["POST", "PATCH", "PROPFIND"])
@pytest.mark.parametrize("script", [answering(status(503)), resetting], ids=["status", "reset"])
def test_others_are_not_unless_the_route_lists_them(upstream_with, gateway_with, method, script):
    upstream = upstream_with(script)
    gateway = gateway_with(upstream, route=again(), upstream=UNLIMITED)
    assert exchange(gateway.port, request_bytes(method, body=b"pay")).status in (502, 503)
    assert len(upstream.requests) == 1
    listed = gateway_with(upstream, route=again(methods=["GET", method]), upstream=UNLIMITED)
    assert exchange(listed.port, request_bytes(method, body=b"pay")).status in (502, 503)
    assert len(upstream.requests) == 4
    assert {request.body for request in upstream.requests} == {b"pay"}


def test_a_method_that_the_route_leaves_out_is_not_sent_again(upstream_with, gateway_with):
    upstream = upstream_with(answering(status(503)))
    gateway = gateway_with(upstream, route=again(methods=["GET"]), upstream=UNLIMITED)
    assert exchange(gateway.port, request_bytes("PUT", body=b"x")).status == 503
    assert len(upstream.requests) == 1


BODIES = [b"x", bytes(range(256)) * 32, b"y" * 65_536]


@pytest.mark.parametrize("body", BODIES, ids=len)
@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("script", [answering(status(503)), resetting], ids=["status", "reset"])
def test_content_is_sent_again_as_it_was(upstream_with, gateway_with, body, framing, script):
    bad, good = upstream_with(script), upstream_with(answering(ok(b"good")))
    gateway = gateway_with(bad, good, route=again(), upstream=UNLIMITED)
    request = (
        request_bytes("PUT", body=body) if framing == "length"
        else request_bytes("PUT", headers=[("Transfer-Encoding", "chunked")]) + chunked(body, 1000))
    for _ in range(4):
        assert exchange(gateway.port, request).body == b"good"
    assert {request.body for request in good.requests} == {body}
    assert {request.body for request in bad.requests} == {body}


def test_an_empty_chunked_request_is_sent_again_whole(upstream_with, gateway_with):
    bad, good = upstream_with(resetting), upstream_with(answering(ok(b"good")))
    gateway = gateway_with(bad, good, route=again(), upstream=UNLIMITED)
    for _ in range(4):
        request = request_bytes("PUT", headers=[("Transfer-Encoding", "chunked")]) + b"0\r\n\r\n"
        assert exchange(gateway.port, request).body == b"good"


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_more_content_than_is_kept_is_not_sent_again(upstream_with, gateway_with, framing):
    upstream = upstream_with(answering(status(503)))
    gateway = gateway_with(upstream, route=again(body_bytes_max="1KiB"), upstream=UNLIMITED)
    body = b"z" * 1025
    request = (
        request_bytes("PUT", body=body) if framing == "length"
        else request_bytes("PUT", headers=[("Transfer-Encoding", "chunked")]) + chunked(body, 100))
    assert exchange(gateway.port, request).status == 503
    assert len(upstream.requests) == 1


def test_content_that_comes_slowly_goes_on_where_it_was(upstream_with, gateway_with):
    """The first attempt dies in the middle of the content; what came before is sent again, the rest follows."""
    died = threading.Event()

    def dies(connection):
        connection.request_head()
        connection.reader.exactly(5, Deadline(5))
        connection.reset()
        died.set()

    upstream = upstream_with(dies, answering(ok(b"good")))
    gateway = gateway_with(upstream, route=again(), upstream=UNLIMITED)
    client = gateway.client()
    client.send(request_bytes("PUT", headers=[("Content-Length", "10")]) + b"first")
    assert died.wait(5)
    eventually(lambda: len(upstream.connections) == 2, what="the second attempt")
    client.send(b"after")
    assert client.response().body == b"good"
    client.close()
    assert upstream.last.body == b"firstafter"


def test_an_answer_that_comes_before_the_content_does_is_retried_with_all_of_it(upstream_with, gateway_with):
    refused = threading.Event()

    def early(connection):
        connection.request_head()
        connection.send(status(503))
        refused.set()

    upstream = upstream_with(early, answering(ok(b"good")))
    gateway = gateway_with(upstream, route=again(), upstream=UNLIMITED)
    client = gateway.client()
    client.send(request_bytes("PUT", headers=[("Content-Length", "10")]) + b"first")
    assert refused.wait(5)
    eventually(lambda: len(upstream.connections) == 2, what="the second attempt")
    client.send(b"after")
    assert client.response().body == b"good"
    client.close()
    assert upstream.last.body == b"firstafter"


def test_a_stale_connection_is_replaced_with_its_content(upstream_with, gateway_with):
    def racing(connection):
        connection.request()
        connection.send(ok(b"first"))
        connection.request()

    upstream = upstream_with(racing, answering(ok(b"second")))
    gateway = gateway_with(upstream, route=again(), upstream=UNLIMITED)
    assert get(gateway.port).body == b"first"
    assert exchange(gateway.port, request_bytes("PUT", body=b"content")).body == b"second"
    assert upstream.last.body == b"content"


# The budget

def test_the_budget_bounds_the_retries(upstream_with, gateway_with):
    upstream = upstream_with(answering(status(503)))
    gateway = gateway_with(
        upstream, route=again(), upstream={"retry_budget": {"ratio": "20%", "per_second_min": 0}})
    for _ in range(100):
        assert get(gateway.port).status == 503
    assert 100 < len(upstream.requests) <= 120
    metrics = gateway.metrics()
    assert metrics.sum("portcullis_upstream_retries_total") == len(upstream.requests) - 100
    assert metrics.sum("portcullis_retry_budget_refusals_total", upstream="app/service") > 0


def test_the_budgets_minimum_is_there_for_few_requests(upstream_with, gateway_with):
    upstream = upstream_with(answering(status(503)))
    gateway = gateway_with(
        upstream, route=again(attempts_max=10), upstream={"retry_budget": {"ratio": "0%", "per_second_min": 3}})
    start = time.monotonic()
    for _ in range(20):
        get(gateway.port)
    seconds = time.monotonic() - start
    assert 3 <= len(upstream.requests) - 20 <= 3 * (int(seconds) + 2)


def test_the_budget_is_one_for_all_loops_and_kept_over_a_reload(upstream_with, gateway_with):
    upstream = upstream_with(answering(status(503)))
    options = {"targets": [upstream.target], "retry_budget": {"ratio": "10%", "per_second_min": 0}}
    routes = {"all": {"match": {"prefix": "/"}, "upstream": "service", **again()}}
    gateway = gateway_with(upstreams={"service": options}, routes=routes, gateway={"workers": 2})
    for _ in range(100):
        get(gateway.port)
    before = len(upstream.requests) - 100
    assert before == 10
    routes["more"] = {"match": {"path": "/more"}, "upstream": "service"}
    gateway.write_routes({"service": options}, routes)
    assert gateway.hang_up()
    for _ in range(20):
        get(gateway.port)
    assert len(upstream.requests) - 120 == 12


def test_introspection_shows_the_budget(upstream_with, gateway_with):
    upstream = upstream_with(answering(status(503)))
    gateway = gateway_with(upstream, route=again(), upstream=UNLIMITED)
    get(gateway.port)
    budget = gateway.admin_json("/upstreams")["upstreams"][0]["retry_budget"]
    assert budget["ratio"] == "100%" and budget["per_second_min"] == 1000
    assert (budget["requests"], budget["retries"], budget["granted"], budget["refused"]) == (1, 2, 2, 0)


# Together

def test_many_requests_at_once_are_all_saved(upstream_with, gateway_with):
    bad, good = upstream_with(answering(status(503))), upstream_with(answering(ok(b"good")))
    gateway = gateway_with(bad, good, route=again(), upstream=UNLIMITED, gateway={"workers": 2})
    counts = collections.Counter()

    def load():
        with gateway.client() as client:
            for number in range(50):
                if number % 2:
                    client.send(request_bytes("PUT", body=b"c" * number * 100))
                else:
                    client.send(request_bytes())
                response = client.response()
                counts[response.status, response.body] += 1

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert counts == {(200, b"good"): 400}
