"""The access log: one JSON line per request, and files that can be rotated."""

import json
import re
import signal

import pytest

from harness import (
    EchoUpstream, Gateway, answering, eventually, exchange, get, ok, parse_log, post, refused_port, request_bytes,
    resetting, route_all)

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with EchoUpstream() as upstream:
        routes = {"all": route_all(), "lost": {"match": {"path": "/lost"}, "upstream": "lost"}}
        upstreams = {"service": [upstream.target], "lost": [f"http://127.0.0.1:{refused_port()}"]}
        with Gateway(tmp_path_factory.mktemp("gateway"), upstreams, routes) as gateway:
            gateway.upstream = upstream
            yield gateway


def test_a_line_tells_all_about_a_request(world):
    headers = [("User-Agent", "test/1"), ("Referer", "https://from.test/")]
    response = get(world.port, "/lines/a%20b?x=1&y=%22", headers)
    line = world.access_line(path="/lines/a%20b")
    assert TIME.match(line["time"])
    assert line["request_id"] == world.upstream.last.header("x-request-id")
    assert line["trace_id"] == world.upstream.last.header("traceparent").split("-")[1]
    expected = {
        "client": "127.0.0.1", "listener": "main", "protocol": "HTTP/1.1", "method": "GET", "host": "app.test",
        "query": "x=1&y=%22", "status": 200, "route": "app/all", "user_agent": "test/1",
        "referer": "https://from.test/"}
    assert {key: line.get(key) for key in expected} == expected
    assert line["upstream"].endswith(str(world.upstream.port))
    assert line["bytes_in"] == len(request_bytes("GET", "/lines/a%20b?x=1&y=%22", headers))
    assert line["bytes_out"] == len(response.head_bytes) + len(response.body)
    assert 0 < line["upstream_ms"] <= line["duration_ms"] < 5000
    assert "error" not in line and "retries" not in line


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 20 + b"0\r\nX-T: trailer\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
], ids=["a length", "chunks and trailers", "an interim answer"])
def test_all_that_is_written_is_counted(upstream_with, gateway_with, answer):
    gateway = gateway_with(upstream_with(answering(answer)))
    with gateway.client() as client:
        written = client.send(request_bytes("GET", "/", [("Connection", "close"), ("TE", "trailers")])).rest()
    assert gateway.access_line(path="/")["bytes_out"] == len(written)


def test_bodies_are_counted(world):
    post(world.port, "/counted", b"x" * 10_000)
    assert 10_000 < world.access_line(path="/counted")["bytes_in"] < 10_500


@pytest.mark.parametrize("data, expected", [
    (request_bytes("GET", "/lost"), {"status": 502, "route": "app/lost"}),
    (request_bytes("GET", "/log-x", host="nobody.test"), {"path": "/log-x"}),
    (request_bytes("GET", "/log-y", [("Content-Length", "x")]), {"status": 400}),
    (b"nonsense\r\n\r\n", {"status": 400}),
], ids=["an upstream that is away", "no route", "a bad header", "no HTTP at all"])
def test_a_request_that_failed_has_its_line_too(world, data, expected):
    before = len(world.access_log())
    response = exchange(world.port, data, "GET")
    eventually(lambda: len(world.access_log()) > before, what="a line")
    line = world.access_line(request_id=json.loads(response.body)["request_id"])
    assert {key: line.get(key) for key in expected} == expected
    assert line["status"] == response.status
    assert line["error"]


@pytest.mark.parametrize("value", [
    'a"b', "back\\slash", "caf\xe9", "\xff\xfe", "tab\there", "</script>", "\u00e2\u0082\u00ac",
], ids=["a quote", "a backslash", "latin-1", "no UTF-8", "a tab", "markup", "UTF-8"])
def test_whatever_a_client_sends_the_line_is_json(world, value):
    target = f"/json/{abs(hash(value))}"
    get(world.port, target, [("User-Agent", value)])
    assert world.access_line(path=target)["user_agent"]
    for line in world.stdout_path.read_bytes().splitlines():
        json.loads(line.decode("utf-8"))


def test_a_client_that_left_is_told_apart(upstream_with, gateway_with):
    upstream = upstream_with(lambda connection: (connection.request(), connection.until_closed()))
    gateway = gateway_with(upstream)
    client = gateway.client()
    client.send(request_bytes("GET", "/left"))
    upstream.wait_for_requests(1)
    client.reset()
    line = gateway.access_line(path="/left")
    assert line["status"] in (0, 499) and line["error"]


def test_a_truncated_response_is_told_apart(upstream_with, gateway_with):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    gateway = gateway_with(upstream_with(script))
    with gateway.client() as client:
        client.send(request_bytes("GET", "/half"))
        client.rest()
    line = gateway.access_line(path="/half")
    assert line["status"] == 200 and line["error"]


def test_a_repeated_request_says_so(upstream_with, gateway_with):
    def racing(connection):
        connection.request()
        connection.send(ok())
        connection.request()

    gateway = gateway_with(upstream_with(racing, lambda connection: (connection.request(), connection.send(ok()))))
    get(gateway.port, "/1")
    get(gateway.port, "/2")
    assert gateway.access_line(path="/2")["retries"] == 1


def test_each_pipelined_request_has_its_line(world):
    with world.client() as client:
        client.send(b"".join(request_bytes("GET", f"/pipelined/{number}") for number in range(10)))
        for _ in range(10):
            assert client.response().status == 200
    for number in range(10):
        assert world.access_line(path=f"/pipelined/{number}")["status"] == 200


def test_a_file_is_written_and_opened_anew_on_sigusr1(tmp_path, upstream_with, gateway_with):
    path = tmp_path / "access.log"
    gateway = gateway_with(upstream_with(), gateway={"access_log": {"file": str(path)}})
    get(gateway.port, "/before")
    eventually(lambda: path.exists() and parse_log(path), what="a line in the file")
    rotated = path.with_suffix(".1")
    path.rename(rotated)
    get(gateway.port, "/between")
    eventually(lambda: len(parse_log(rotated)) == 2, what="a line in the renamed file")
    gateway.signal(signal.SIGUSR1)
    eventually(path.exists, what="the new file")
    get(gateway.port, "/after")
    eventually(lambda: parse_log(path), what="a line in the new file")
    assert [line["path"] for line in parse_log(rotated)] == ["/before", "/between"]
    assert [line["path"] for line in parse_log(path)] == ["/after"]


def test_nothing_is_lost_when_the_log_is_opened_anew_under_load(tmp_path, upstream_with, gateway_with):
    path = tmp_path / "access.log"
    gateway = gateway_with(upstream_with(), gateway={"access_log": {"file": str(path)}})
    files = []
    with gateway.client() as client:
        for number in range(200):
            if number % 40 == 20:
                eventually(path.exists, what="the log file")
                files.append(path.with_suffix(f".{number}"))
                path.rename(files[-1])
                gateway.signal(signal.SIGUSR1)
            assert client.send(request_bytes("GET", f"/{number}")).response().status == 200

    def lines():
        return [line["path"] for file in [*files, path] if file.exists() for line in parse_log(file)]

    eventually(lambda: len(lines()) == 200, what="all lines")
    assert sorted(lines()) == sorted(f"/{number}" for number in range(200))


def test_it_can_be_switched_off(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(), gateway={"access_log": {"enabled": False}})
    assert get(gateway.port).status == 200
    gateway.stop()
    assert gateway.access_log() == []


def test_the_error_log_is_json_too(world):
    assert world.log()
    for line in world.log():
        assert TIME.match(line["time"]) and line["level"] in ("debug", "info", "warning", "error")
        assert line["message"]


@pytest.mark.parametrize("failing", [resetting], ids=["resets"])
def test_a_flood_of_upstream_errors_does_not_flood_the_error_log(upstream_with, gateway_with, failing):
    gateway = gateway_with(upstream_with(failing))
    for _ in range(200):
        assert get(gateway.port).status == 502
    assert len(gateway.log()) < 120
    eventually(lambda: len([line for line in gateway.access_log() if line["status"] == 502]) == 200, what="200 lines")
