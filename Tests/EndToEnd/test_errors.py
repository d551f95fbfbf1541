"""What a client is told when something is wrong: problem details (RFC 9457) with a request id; the cause is logged."""

import json
import re

import pytest

from harness import (
    EchoUpstream, Gateway, ScriptedUpstream, answering, exchange, refused_port, request_bytes, resetting, silent)

CAUSES = {
    "refused": lambda: f"http://127.0.0.1:{refused_port()}",
    "reset": lambda: ScriptedUpstream(resetting),
    "malformed": lambda: ScriptedUpstream(answering(b"nonsense\r\n\r\n", close=True)),
    "silent": lambda: ScriptedUpstream(silent),
    "closed": lambda: ScriptedUpstream(answering(b"", close=True)),
    "switched": lambda: ScriptedUpstream(answering(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", close=True)),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    upstreams = {name: make() for name, make in CAUSES.items()}
    echo = upstreams["echo"] = EchoUpstream()
    routes = {
        name: {"match": {"path": f"/{name}"}, "upstream": name, "timeouts": {"response_header": "300ms"}}
        for name in upstreams}
    routes["echo"]["match"]["methods"] = ["GET"]
    routes["echo"]["limits"] = {"body_bytes_max": "10B"}
    targets = {name: item if isinstance(item, str) else item.target for name, item in upstreams.items()}
    with Gateway(tmp_path_factory.mktemp("gateway"), targets, routes) as gateway:
        gateway.echo = echo
        yield gateway
    for item in upstreams.values():
        if not isinstance(item, str):
            item.stop()


CASES = [
    ("a refused connection", request_bytes("GET", "/refused"), 502),
    ("a connection that was reset", request_bytes("GET", "/reset"), 502),
    ("a malformed response", request_bytes("GET", "/malformed"), 502),
    ("a response that does not come", request_bytes("GET", "/silent"), 504),
    ("a connection closed without a response", request_bytes("GET", "/closed"), 502),
    ("an unsolicited switch of protocols", request_bytes("GET", "/switched"), 502),
    ("no route", request_bytes("GET", "/nowhere"), 404),
    ("another method", request_bytes("DELETE", "/echo"), 405),
    ("a doubtful path", request_bytes("GET", "/%00"), 400),
    ("a bad header", request_bytes("GET", "/echo", [("X Y", "1")]), 400),
    ("another version", request_bytes("GET", "/echo", version="HTTP/2.0"), 505),
    ("an unknown coding", request_bytes("GET", "/echo", [("Transfer-Encoding", "gzip, chunked")]), 501),
    ("an unknown expectation", request_bytes("GET", "/echo", [("Expect", "miracles")]), 417),
    ("a body too large", request_bytes("GET", "/echo", body=b"x" * 11), 413),
    ("a target too long", request_bytes("GET", "/" + "x" * 100_000), 414),
    ("a header too large", request_bytes("GET", "/echo", [("X-Y", "x" * 500_000)]), 431),
]


@pytest.mark.parametrize("request_data, status", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_error_is_a_problem_with_a_request_id_and_a_cause_in_the_log(world, request_data, status):
    with world.client() as client:
        client.send_if_open(request_data)
        response = client.response()
    assert response.status == status
    assert response.header("content-type") == "application/problem+json"
    problem = json.loads(response.body)
    assert problem["status"] == status
    assert problem["title"] and isinstance(problem["title"], str)
    assert re.fullmatch(r"[0-9A-Za-z-]{16,64}", problem["request_id"])
    line = world.access_line(request_id=problem["request_id"])
    assert line["status"] == status
    assert line["error"]


def test_each_cause_has_words_of_its_own_in_the_log(world):
    errors = {}
    for _, data, _ in CASES[:4]:
        with world.client() as client:
            problem = json.loads(client.send(data).response().body)
        errors[data] = world.access_line(request_id=problem["request_id"])["error"]
    assert len(set(errors.values())) == 4, errors


@pytest.mark.parametrize("target", ["/refused", "/malformed", "/silent"])
def test_an_error_tells_the_client_nothing_about_the_inside(world, target):
    with world.client() as client:
        response = client.send(request_bytes("GET", target)).response()
    assert b"127.0.0.1" not in response.body
    assert not re.search(rb":\d{4,5}\b", response.body)


def test_an_error_does_not_repeat_what_the_client_sent(world):
    response = exchange(world.port, request_bytes("GET", "/<script>alert(1)</script>".replace("<", "%3C")))
    assert b"script" not in response.body


@pytest.mark.parametrize("target, status", [("/refused", 502), ("/nowhere", 404), ("/silent", 504)])
def test_the_connection_lives_on_after_an_error_that_is_not_the_clients_framing(world, target, status):
    with world.client() as client:
        assert client.send(request_bytes("GET", target)).response().status == status
        assert client.send(request_bytes("GET", "/echo")).response().status == 200


def test_an_error_in_answer_to_head_has_no_body(world):
    with world.client() as client:
        response = client.send(request_bytes("HEAD", "/nowhere")).response("HEAD")
        assert response.status == 404
        assert client.send(request_bytes("GET", "/echo")).response().status == 200


def test_an_error_to_an_http_1_0_client_closes(world):
    with world.client() as client:
        assert client.send(request_bytes("GET", "/refused", version="HTTP/1.0")).response().status == 502
        client.assert_closed()
