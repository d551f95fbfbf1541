"""Responses of an upstream: nothing malformed reaches a client (502), what is cut off looks cut off, and a connection
that said more than it should is not used again."""

import threading

import pytest

from harness import (
    EchoUpstream, Gateway, ScriptedUpstream, Truncated, answering, chunked, eventually, exchange, get, in_turn, ok,
    request_bytes, route_all)


class Chooser:
    """An upstream for a whole module: a test sets what it answers."""

    def __init__(self):
        self.answer = ok()
        self.close = False
        self.upstream = ScriptedUpstream(self.script)

    def script(self, connection):
        while connection.request() is not None:
            connection.send(self.answer)
            if self.close:
                return

    def will(self, answer, close=False):
        self.answer, self.close = answer, close


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    chooser = Chooser()
    with chooser.upstream:
        with Gateway(
            tmp_path_factory.mktemp("gateway"), {"service": chooser.upstream.target}, {"all": route_all()}
        ) as gateway:
            gateway.upstream = chooser
            yield gateway


def by_id(cases):
    return dict(argvalues=[pytest.param(*case[1:], id=case[0]) for case in cases])


def head(*lines, first=b"HTTP/1.1 200 OK"):
    return b"\r\n".join([first, *lines]) + b"\r\n\r\n"


LENGTH = b"Content-Length: 2"

MALFORMED = [
    ("no HTTP at all", b"hello world\r\n\r\n"),
    ("a FTP greeting", b"220 ftp.example.com ready\r\n\r\n"),
    ("HTTP/2 in the status line", head(LENGTH, first=b"HTTP/2 200 OK") + b"ok"),
    ("HTTP/2.0 in the status line", head(LENGTH, first=b"HTTP/2.0 200 OK") + b"ok"),
    ("a version in lower case", head(LENGTH, first=b"http/1.1 200 OK") + b"ok"),
    ("ICY", head(LENGTH, first=b"ICY 200 OK") + b"ok"),
    ("a status of two digits", head(LENGTH, first=b"HTTP/1.1 20 OK") + b"ok"),
    ("a status of four digits", head(LENGTH, first=b"HTTP/1.1 2000 OK") + b"ok"),
    ("a status below 100", head(LENGTH, first=b"HTTP/1.1 099 OK") + b"ok"),
    ("a status that is no number", head(LENGTH, first=b"HTTP/1.1 2x0 OK") + b"ok"),
    ("a negative status", head(LENGTH, first=b"HTTP/1.1 -20 OK") + b"ok"),
    ("no status", head(LENGTH, first=b"HTTP/1.1 ") + b"ok"),
    ("two spaces before the status", head(LENGTH, first=b"HTTP/1.1  200 OK") + b"ok"),
    ("a NUL in the reason", head(LENGTH, first=b"HTTP/1.1 200 O\0K") + b"ok"),
    ("a CR in the reason", head(LENGTH, first=b"HTTP/1.1 200 O\rK") + b"ok"),
    ("a space in a name", head(LENGTH, b"X Y: 1") + b"ok"),
    ("an empty name", head(LENGTH, b": 1") + b"ok"),
    ("a line without a colon", head(LENGTH, b"nonsense") + b"ok"),
    ("a NUL in a value", head(LENGTH, b"X: a\0b") + b"ok"),
    ("a CR in a value", head(LENGTH, b"X: a\rb") + b"ok"),
    ("a bare LF in the head", head(LENGTH, b"X: a\nSet-Cookie: evil") + b"ok"),
    ("a byte beyond ASCII in a name", head(LENGTH, b"X\xe9: 1") + b"ok"),
    ("two different lengths", head(LENGTH, b"Content-Length: 3") + b"okx"),
    ("a list of different lengths", head(b"Content-Length: 2, 3") + b"okx"),
    ("a length that is no number", head(b"Content-Length: two") + b"ok"),
    ("a negative length", head(b"Content-Length: -2") + b"ok"),
    ("a length with a plus sign", head(b"Content-Length: +2") + b"ok"),
    ("an empty length", head(b"Content-Length:") + b"ok"),
    ("a length beyond 64 bits", head(b"Content-Length: 18446744073709551618") + b"ok"),
    ("a length beside chunked", head(LENGTH, b"Transfer-Encoding: chunked") + chunked(b"ok")),
    ("gzip before chunked", head(b"Transfer-Encoding: gzip, chunked") + chunked(b"ok")),
    ("chunked twice", head(b"Transfer-Encoding: chunked, chunked") + chunked(b"ok")),
    ("an unknown coding", head(b"Transfer-Encoding: foo") + b"ok"),
    ("chunked in quotes", head(b'Transfer-Encoding: "chunked"') + chunked(b"ok")),
    ("chunked in HTTP/1.0", head(b"Transfer-Encoding: chunked", first=b"HTTP/1.0 200 OK") + chunked(b"ok")),
    ("a switch of protocols that nobody asked for",
     head(b"Connection: Upgrade", b"Upgrade: websocket", first=b"HTTP/1.1 101 Switching Protocols") + b"\x81\x02hi"),
    ("a switch of protocols and then a response", head(first=b"HTTP/1.1 101 Switching Protocols") + ok()),
    ("informational responses without end", head(first=b"HTTP/1.1 103 Early Hints") * 1000 + ok()),
    ("a head without end", b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 2_000_000),
    ("header lines without end", b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 200_000),
    ("a status line without end", b"HTTP/1.1 200 " + b"x" * 2_000_000),
]


@pytest.mark.parametrize("answer", **by_id(MALFORMED))
def test_a_malformed_response_is_answered_with_502(world, answer):
    world.upstream.will(answer, close=True)
    with world.client() as client:
        response = client.send(request_bytes()).response()
        assert response.status == 502, (response, response.body[:300])
        assert response.header("content-type") == "application/problem+json"
        assert not response.has("set-cookie")
        world.upstream.will(ok(b"next"))
        if not response.closes:
            assert client.send(request_bytes("GET", "/next")).response().body == b"next"
        else:
            client.assert_closed()


@pytest.mark.parametrize("answer", **by_id([
    ("a folded line", head(LENGTH, b"X: a\r\n b") + b"ok"),
    ("a space before a colon", head(LENGTH, b"X : a") + b"ok"),
    ("two equal lengths", head(LENGTH, LENGTH) + b"ok"),
    ("a list of equal lengths", head(b"Content-Length: 2, 2") + b"ok"),
    ("a status above 599", head(LENGTH, first=b"HTTP/1.1 999 OK") + b"ok"),
    ("no space behind the status", head(LENGTH, first=b"HTTP/1.1 200") + b"ok"),
    ("lines that end with LF", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
    ("a control character in a value", head(LENGTH, b"X: a\x01b") + b"ok"),
    ("204 with a length", head(LENGTH, first=b"HTTP/1.1 204 No Content")),
    ("204 with chunked", head(b"Transfer-Encoding: chunked", first=b"HTTP/1.1 204 No Content")),
    ("a 1xx with a length", head(LENGTH, first=b"HTTP/1.1 103 Early Hints") + ok()),
]))
def test_what_a_proxy_may_repair_is_repaired_or_refused(world, answer):
    """RFC 9112 sections 5.1, 5.2 and 6.3 let a proxy do either; our strict parser checks what the client sees."""
    world.upstream.will(answer, close=True)
    with world.client() as client:
        assert client.send(request_bytes()).response().status in (200, 204, 502, 999)
    world.upstream.will(ok())


@pytest.mark.parametrize("answer, method", **by_id([
    ("nothing", b"", "GET"),
    ("half a status line", b"HTTP/1.1 2", "GET"),
    ("half a head", b"HTTP/1.1 200 OK\r\nX: 1\r\n", "GET"),
    ("nothing, for a POST", b"", "POST"),
    ("only an informational response", head(first=b"HTTP/1.1 103 Early Hints"), "GET"),
]))
def test_a_close_before_the_end_of_the_head_is_answered_with_502(upstream_with, gateway_with, answer, method):
    gateway = gateway_with(upstream_with(answering(answer, close=True)))
    response = exchange(gateway.port, request_bytes(method, "/", [("Content-Length", "0")]))
    assert response.status == 502
    assert response.header("content-type") == "application/problem+json"


CUT_OFF = [
    ("with a length", head(b"Content-Length: 100") + b"0123456789", b"0123456789"),
    ("with a length, before the first byte", head(b"Content-Length: 100"), b""),
    ("with chunks, inside one", head(b"Transfer-Encoding: chunked") + b"64\r\n0123456789", b"0123456789"),
    ("with chunks, between two", head(b"Transfer-Encoding: chunked") + b"a\r\n0123456789\r\n", b"0123456789"),
    ("with chunks, inside the last", head(b"Transfer-Encoding: chunked") + b"a\r\n0123456789\r\n0\r\n", b"0123456789"),
    ("with chunks, inside a size", head(b"Transfer-Encoding: chunked") + b"a\r\n0123456789\r\n1", b"0123456789"),
]


@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("answer, body", **by_id(CUT_OFF))
def test_a_response_cut_off_looks_cut_off(upstream_with, gateway_with, answer, body, ending):
    def script(connection):
        connection.request()
        connection.send(answer)
        if ending == "reset":
            connection.wait(arrived)
            connection.reset()

    arrived = threading.Event()
    gateway = gateway_with(upstream_with(script))
    with gateway.client() as client:
        client.send(request_bytes())
        if ending == "reset":
            assert client.response_head().status == 200
            arrived.set()
            rest = client.rest()
            assert not rest.endswith(b"0\r\n\r\n")
        else:
            with pytest.raises(Truncated) as error:
                client.response()
            received = getattr(error.value.partial, "body", b"")
            assert body.startswith(received)


@pytest.mark.parametrize("chunks", [
    b"5\r\nhello\r\nX\r\n", b"5\r\nhello!\r\n", b"5\r\nhello\r\n-1\r\n", b"5\r\nhello\n0\r\n\r\n",
    b"5\r\nhello\r\nffffffffffffffffff\r\n", b"5\r\nhello\r\n0\r\nbad trailer\r\n\r\n"], ids=[
    "a size that is no number", "data longer than its size", "a negative size", "LF behind data",
    "a size beyond 64 bits", "a bad trailer"])
def test_malformed_chunks_of_an_upstream_cut_the_response_off(world, chunks):
    world.upstream.will(head(b"Transfer-Encoding: chunked") + chunks)
    with world.client() as client:
        client.send(request_bytes())
        try:
            response = client.response()
            assert response.status == 502, "a malformed body was passed on as complete"
        except Truncated:
            pass
    world.upstream.will(ok())


@pytest.mark.parametrize("answer", [head(b"Content-Length: 100") + b"0123456789",
                                    head(b"Transfer-Encoding: chunked") + b"a\r\n0123456789\r\n"],
                         ids=["with a length", "with chunks"])
def test_a_response_cut_off_looks_cut_off_to_an_http_1_0_client_too(upstream_with, gateway_with, answer):
    gateway = gateway_with(upstream_with(answering(answer, close=True)))
    with gateway.client() as client:
        client.send(request_bytes(version="HTTP/1.0"))
        with pytest.raises(Truncated):
            client.response()


# More than was announced

SURPLUS = [
    ("behind a length", ok(b"ok") + b"surplus", "GET", b"ok"),
    ("a whole response behind a length", ok(b"ok") + ok(b"smuggled"), "GET", b"ok"),
    ("behind the last chunk", head(b"Transfer-Encoding: chunked") + chunked(b"ok") + b"surplus", "GET", b"ok"),
    ("a body in answer to HEAD", ok(b"surplus"), "HEAD", b""),
    ("a body behind 304", head(b"Content-Length: 7", first=b"HTTP/1.1 304 Not Modified") + b"surplus", "GET", b""),
    ("a body behind 204", head(first=b"HTTP/1.1 204 No Content") + b"surplus", "GET", b""),
]


@pytest.mark.parametrize("answer, method, body", **by_id(SURPLUS))
def test_surplus_bytes_cost_the_upstream_connection_and_nothing_else(upstream_with, gateway_with, answer, method, body):
    def surplus(connection):
        connection.request()
        connection.send(answer)
        connection.until_closed()

    upstream = upstream_with(surplus, answering(ok(b"clean")))
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        assert client.send(request_bytes(method)).response(method).body == body
        assert client.send(request_bytes()).response().body == b"clean"
    assert len(upstream.connections) == 2
    eventually(lambda: upstream.connections[0].closed_by_peer, what="the gateway's close")


def test_bytes_on_an_idle_connection_are_nobodys_response(upstream_with, gateway_with):
    def late(connection):
        connection.request()
        connection.send(ok(b"first"))
        connection.wait(answered)
        connection.send(ok(b"smuggled"))
        connection.until_closed()

    answered = threading.Event()
    upstream = upstream_with(late, answering(ok(b"clean")))
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        assert client.send(request_bytes()).response().body == b"first"
        answered.set()
        eventually(lambda: upstream.connections[0].closed_by_peer, what="the gateway's close")
        assert client.send(request_bytes()).response().body == b"clean"


# Informational responses

@pytest.mark.parametrize("interim", [
    [(103, b"Link: </a.css>; rel=preload")],
    [(103, b"Link: </a>"), (103, b"Link: </b>")],
    [(102, b"X-Progress: 1")],
    [(199, b"X-Odd: 1")],
], ids=["103", "two of 103", "102", "an unknown one"])
def test_informational_responses_are_passed_on_before_the_final_one(world, interim):
    lines = b"".join(head(line, first=b"HTTP/1.1 %d Interim" % status) for status, line in interim)
    world.upstream.will(lines + ok(b"final"))
    response = get(world.port)
    assert (response.status, response.body) == (200, b"final")
    assert [item.status for item in response.interim] == [status for status, _ in interim]
    for item, (_, line) in zip(response.interim, interim):
        name, value = line.decode().split(": ")
        assert item.header(name) == value


def test_an_informational_response_comes_at_once(upstream_with, gateway_with):
    hinted = threading.Event()

    def script(connection):
        connection.request()
        connection.send(head(b"Link: </a.css>", first=b"HTTP/1.1 103 Early Hints"))
        connection.wait(hinted)
        connection.send(ok())

    gateway = gateway_with(upstream_with(script))
    with gateway.client() as client:
        assert client.send(request_bytes()).response_head().status == 103
        hinted.set()
        assert client.response().status == 200


def test_an_http_1_0_client_gets_no_informational_response(world):
    world.upstream.will(head(first=b"HTTP/1.1 103 Early Hints") + ok(b"final"))
    response = exchange(world.port, request_bytes(version="HTTP/1.0"))
    assert (response.status, response.interim) == (200, [])


def test_hop_by_hop_headers_of_an_informational_response_are_removed(world):
    world.upstream.will(head(b"Connection: X-Hop", b"X-Hop: 1", b"X-End: 1", first=b"HTTP/1.1 103 Early Hints") + ok())
    interim = get(world.port).interim
    assert [item.names() for item in interim] == [["X-End"]]


# Framings and trailers

@pytest.mark.parametrize("answer", **by_id([
    ("a length", ok(b"hello")),
    ("chunks", head(b"Transfer-Encoding: chunked") + chunked(b"hello", 2)),
    ("chunks with extensions", head(b"Transfer-Encoding: chunked") + b'5;a="b"\r\nhello\r\n0;c\r\n\r\n'),
    ("chunked in upper case", head(b"transfer-encoding: CHUNKED") + chunked(b"hello", 2)),
    ("until close", head() + b"hello"),
    ("until close, as it says", head(b"Connection: close") + b"hello"),
]))
@pytest.mark.parametrize("dribbled", [False, True], ids=["whole", "byte by byte"])
def test_every_framing_of_a_response_arrives(upstream_with, gateway_with, answer, dribbled):
    def script(connection):
        connection.request()
        connection.dribble(answer) if dribbled else connection.send(answer)

    gateway = gateway_with(upstream_with(script))
    with gateway.client() as client:
        for _ in range(2):
            assert client.send(request_bytes()).response().body == b"hello"


def test_trailers_of_a_response_stay_trailers(world):
    world.upstream.will(
        head(b"Trailer: X-Sum", b"Transfer-Encoding: chunked") + chunked(b"hello", 2, b"X-Sum: 5\r\nx-b: 2\r\n"))
    response = get(world.port, headers=[("TE", "trailers")])
    assert response.body == b"hello"
    assert response.trailers == [("X-Sum", "5"), ("x-b", "2")]
    assert not response.has("x-sum")
    world.upstream.will(ok())


@pytest.mark.parametrize("field", [
    "Content-Length: 3", "Transfer-Encoding: chunked", "Connection: X-Sum", "Set-Cookie: a=1", "Host: x"])
def test_framing_in_response_trailers_is_dropped_or_refused(world, field):
    world.upstream.will(head(b"Transfer-Encoding: chunked") + chunked(b"hello", 2, field.encode() + b"\r\n"))
    try:
        response = get(world.port)
        name = field.split(":")[0].lower()
        assert name not in [trailer.lower() for trailer, _ in response.trailers] or name in ("set-cookie", "host")
    except Truncated:
        pass
    world.upstream.will(ok())


def test_trailers_of_a_request_stay_trailers(tmp_path):
    with EchoUpstream() as upstream:
        with Gateway(tmp_path, {"service": upstream.target}, {"all": route_all()}) as gateway:
            body = chunked(b"hello", 2, b"X-Sum: 5\r\nx-b: 2\r\n")
            request = request_bytes("POST", "/", [("Trailer", "X-Sum"), ("Transfer-Encoding", "chunked")], body)
            assert exchange(gateway.port, request).status == 200
        assert upstream.last.body == b"hello"
        assert upstream.last.trailers == [("X-Sum", "5"), ("x-b", "2")]
        assert not upstream.last.has("x-sum")


@pytest.mark.parametrize("field", [
    "X-Spiffe-ID: spiffe://evil/x", "Content-Length: 5", "Transfer-Encoding: chunked", "Host: other.test",
    "X-Forwarded-For: 1.1.1.1", "Authorization: Bearer x"])
def test_trailers_of_a_request_cannot_smuggle_fields(tmp_path, field):
    """RFC 9110 section 6.5.1: fields for framing, routing and authentication don't belong into trailers."""
    with EchoUpstream() as upstream:
        with Gateway(tmp_path, {"service": upstream.target}, {"all": route_all()}) as gateway:
            body = chunked(b"hello", 2, field.encode() + b"\r\nX-Fine: 1\r\n")
            response = exchange(gateway.port, request_bytes("POST", "/", [("Transfer-Encoding", "chunked")], body))
        if response.status == 200:
            name = field.split(":")[0].lower()
            assert name not in [trailer.lower() for trailer, _ in upstream.last.trailers]
        else:
            assert response.status == 400


def test_a_response_that_comes_before_the_whole_request_is_passed_on(upstream_with, gateway_with):
    """RFC 9112 section 9.5: an upstream may refuse a body before it has read it."""
    def script(connection):
        connection.request_head()
        connection.send(ok(b"too much", b"Connection: close\r\n", b"413 Content Too Large"))

    gateway = gateway_with(upstream_with(script))
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Content-Length", "1000000")]) + b"x" * 1000)
        response = client.response()
        assert (response.status, response.body) == (413, b"too much")


def test_each_response_of_a_connection_belongs_to_its_request(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(in_turn(ok(b"1"), ok(b"2") , ok(b"3"))))
    with gateway.client() as client:
        assert [client.send(request_bytes()).response().body for _ in range(3)] == [b"1", b"2", b"3"]
