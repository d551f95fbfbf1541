"""Requests whose framing, syntax, target or host is ambiguous: refused, the connection closed, and nothing of them
reaches an upstream (RFC 9112 sections 2.2, 3, 5, 6, 7 and 11)."""

import uuid

import pytest

from harness import RawClient, chunked, exchange, get, request_bytes

TARGET = b"/"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n"


def fence(world):
    """A request that was certainly sent after everything before it; returns what else had reached the upstream."""
    marker = f"/fence-{uuid.uuid4()}"
    assert get(world.port, marker).status == 200
    return [request for request in world.upstream.requests if not request.target.startswith("/fence-")]


def assert_refused(world, data, statuses):
    world.upstream.requests.clear()
    with world.client() as client:
        client.send_if_open(data)
        response = client.response("GET")
        assert response.status in statuses, (response.status, response.body[:300])
        assert response.closes, "the answer does not say Connection: close"
        assert response.header("content-type") == "application/problem+json"
        client.assert_closed()
    reached = fence(world)
    assert reached == [], f"reached the upstream: {reached}"


def head(*lines, first=b"POST / HTTP/1.1", host=b"Host: app.test"):
    return b"\r\n".join([first] + ([host] if host is not None else []) + list(lines)) + b"\r\n\r\n"


def by_id(cases):
    return dict(argvalues=[pytest.param(*case[1:], id=case[0]) for case in cases])


LENGTHS = [
    ("Content-Length beside Transfer-Encoding",
     head(b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"0\r\n\r\n" + SMUGGLED, {400}),
    ("Transfer-Encoding beside Content-Length, the other way round",
     head(b"Transfer-Encoding: chunked", b"Content-Length: 4") + b"0\r\n\r\n" + SMUGGLED, {400}),
    ("two different lengths", head(b"Content-Length: 4", b"Content-Length: 5") + b"body" + SMUGGLED, {400}),
    ("two equal lengths", head(b"Content-Length: 4", b"Content-Length: 4") + b"body" + SMUGGLED, {400}),
    ("a list of lengths", head(b"Content-Length: 4, 4") + b"body" + SMUGGLED, {400}),
    ("a length with a plus sign", head(b"Content-Length: +4") + b"body", {400}),
    ("a negative length", head(b"Content-Length: -1") + b"body", {400}),
    ("a hexadecimal length", head(b"Content-Length: 0x4") + b"body", {400}),
    ("a length with an inner space", head(b"Content-Length: 4 4") + b"body", {400}),
    ("an empty length", head(b"Content-Length:"), {400}),
    ("a length with a decimal point", head(b"Content-Length: 4.0") + b"body", {400}),
    ("a length with an exponent", head(b"Content-Length: 1e1") + b"body", {400}),
    ("a length with an underscore", head(b"Content-Length: 1_0") + b"body", {400}),
    ("a length with letters behind", head(b"Content-Length: 4abc") + b"body", {400}),
    ("a quoted length", head(b'Content-Length: "4"') + b"body", {400}),
    ("a length beyond 64 bits", head(b"Content-Length: 18446744073709551620") + b"body", {400, 413}),
    ("a length beyond 63 bits", head(b"Content-Length: 9223372036854775808") + b"body", {400, 413}),
    ("a length of forty digits", head(b"Content-Length: " + b"9" * 40) + b"body", {400, 413}),
    ("a length with a vertical tab", head(b"Content-Length: \x0b4") + b"body", {400}),
    ("a length with a space before the colon", head(b"Content-Length : 4") + b"body", {400}),
    ("a folded length", head(b"Content-Length:\r\n 4") + b"body", {400}),
    ("a second length in another case", head(b"Content-Length: 4", b"content-length: 40") + b"body", {400}),
]

CODINGS = [
    ("gzip alone", head(b"Transfer-Encoding: gzip") + b"x", {400, 501}),
    ("gzip before chunked", head(b"Transfer-Encoding: gzip, chunked") + chunked(b"x"), {501}),
    ("gzip after chunked", head(b"Transfer-Encoding: chunked, gzip") + chunked(b"x"), {400, 501}),
    ("chunked twice in one line", head(b"Transfer-Encoding: chunked, chunked") + chunked(b"x"), {400, 501}),
    ("chunked twice in two lines",
     head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + chunked(b"x"), {400, 501}),
    ("identity", head(b"Transfer-Encoding: identity"), {400, 501}),
    ("identity and then chunked",
     head(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked") + chunked(b"x"), {400, 501}),
    ("a name that ends in chunked", head(b"Transfer-Encoding: xchunked") + chunked(b"x"), {400, 501}),
    ("a name that begins with chunked", head(b"Transfer-Encoding: chunkedx") + chunked(b"x"), {400, 501}),
    ("chunked with a parameter", head(b"Transfer-Encoding: chunked;q=1") + chunked(b"x"), {400, 501}),
    ("chunked in quotes", head(b'Transfer-Encoding: "chunked"') + chunked(b"x"), {400, 501}),
    ("chunked behind a vertical tab", head(b"Transfer-Encoding: \x0bchunked") + chunked(b"x"), {400, 501}),
    ("chunked behind a comma", head(b"Transfer-Encoding: ,chunked") + chunked(b"x"), {400, 501}),
    ("chunked before a comma", head(b"Transfer-Encoding: chunked,") + chunked(b"x"), {400, 501}),
    ("an empty coding", head(b"Transfer-Encoding:") + chunked(b"x"), {400, 501}),
    ("a space before the colon", head(b"Transfer-Encoding : chunked") + chunked(b"x"), {400}),
    ("a folded coding", head(b"Transfer-Encoding:\r\n chunked") + chunked(b"x"), {400}),
    ("a space before the name", head(b" Transfer-Encoding: chunked") + chunked(b"x"), {400}),
    ("a NUL behind chunked", head(b"Transfer-Encoding: chunked\0") + chunked(b"x"), {400}),
    ("chunked in HTTP/1.0",
     head(b"Transfer-Encoding: chunked", first=b"POST / HTTP/1.0") + chunked(b"x"), {400}),
    ("chunked in HTTP/1.0 with keep-alive",
     head(b"Connection: keep-alive", b"Transfer-Encoding: chunked", first=b"POST / HTTP/1.0") + chunked(b"x"), {400}),
]

CHUNKED = head(b"Transfer-Encoding: chunked")
CHUNKS = [
    ("a size that is no number", CHUNKED + b"g\r\nx\r\n0\r\n\r\n", {400}),
    ("a size with 0x", CHUNKED + b"0x1\r\nx\r\n0\r\n\r\n", {400}),
    ("a size with a plus sign", CHUNKED + b"+1\r\nx\r\n0\r\n\r\n", {400}),
    ("a negative size", CHUNKED + b"-1\r\nx\r\n0\r\n\r\n", {400}),
    ("a size behind a space", CHUNKED + b" 1\r\nx\r\n0\r\n\r\n", {400}),
    ("an empty size", CHUNKED + b"\r\nx\r\n0\r\n\r\n", {400}),
    ("an extension without a size", CHUNKED + b";a=b\r\nx\r\n0\r\n\r\n", {400}),
    ("a size of seventeen digits", CHUNKED + b"10000000000000001\r\nx\r\n0\r\n\r\n", {400, 413}),
    ("a size of sixteen f", CHUNKED + b"ffffffffffffffff\r\nx", {400, 413}),
    ("data longer than its size", CHUNKED + b"1\r\nxy\r\n0\r\n\r\n", {400}),
    ("data without CRLF behind it", CHUNKED + b"1\r\nx0\r\n\r\n", {400}),
    ("data with LF behind it", CHUNKED + b"1\r\nx\n0\r\n\r\n", {400}),
    ("a size line that ends with LF", CHUNKED + b"1\nx\r\n0\r\n\r\n", {400}),
    ("a size line that ends with CR", CHUNKED + b"1\rx\r\n0\r\n\r\n", {400}),
    ("a CR inside an extension", CHUNKED + b"1;a\rb\r\nx\r\n0\r\n\r\n", {400}),
    ("a LF inside an extension", CHUNKED + b"1;a\nb\r\nx\r\n0\r\n\r\n", {400}),
    ("a NUL inside an extension", CHUNKED + b"1;a\0b\r\nx\r\n0\r\n\r\n", {400}),
    ("an endless extension", CHUNKED + b"1;" + b"a" * 200_000 + b"\r\nx\r\n0\r\n\r\n", {400, 413, 431}),
    ("endless zeros before a size", CHUNKED + b"0" * 200_000 + b"1\r\nx\r\n0\r\n\r\n", {400, 413, 431}),
    ("a last chunk that ends with LF", CHUNKED + b"0\n\r\n", {400}),
    ("a trailer with a bad name", CHUNKED + b"1\r\nx\r\n0\r\nBad Name: x\r\n\r\n", {400}),
    ("a trailer without a colon", CHUNKED + b"1\r\nx\r\n0\r\nnonsense\r\n\r\n", {400}),
    ("a folded trailer", CHUNKED + b"1\r\nx\r\n0\r\nA: x\r\n y\r\n\r\n", {400}),
    ("a NUL in a trailer", CHUNKED + b"1\r\nx\r\n0\r\nA: x\0y\r\n\r\n", {400}),
    ("trailers without end", CHUNKED + b"1\r\nx\r\n0\r\n" + b"A: x\r\n" * 30_000 + b"\r\n", {400, 413, 431}),
    ("a trailer line without end", CHUNKED + b"1\r\nx\r\n0\r\nA: " + b"x" * 300_000 + b"\r\n\r\n", {400, 413, 431}),
]

FIELDS = [
    ("a space in a name", head(b"X Y: 1"), {400}),
    ("a space before the colon", head(b"X-Y : 1"), {400}),
    ("a tab before the colon", head(b"X-Y\t: 1"), {400}),
    ("an empty name", head(b": 1"), {400}),
    ("a line without a colon", head(b"nonsense"), {400}),
    ("a folded line", head(b"X-Y: 1\r\n 2"), {400}),
    ("a line folded with a tab", head(b"X-Y: 1\r\n\t2"), {400}),
    ("a first line that begins with a space", head(host=b" Host: app.test"), {400}),
    ("a first line of only a space", b"GET / HTTP/1.1\r\n \r\nHost: app.test\r\n\r\n", {400}),
    ("a NUL in a value", head(b"X-Y: a\0b"), {400}),
    ("a CR in a value", head(b"X-Y: a\rb"), {400}),
    ("a CR at the end of a value", head(b"X-Y: a\r"), {400}),
    ("a control character in a value", head(b"X-Y: a\x01b"), {400}),
    ("DEL in a value", head(b"X-Y: a\x7fb"), {400}),
    ("a byte beyond ASCII in a name", head(b"X-\xe9: 1"), {400}),
    ("a quote in a name", head(b'X"Y: 1'), {400}),
    ("a parenthesis in a name", head(b"X(Y): 1"), {400}),
    ("a slash in a name", head(b"X/Y: 1"), {400}),
    ("a NUL in a name", head(b"X\0Y: 1"), {400}),
    ("lines that end with LF", b"GET / HTTP/1.1\nHost: app.test\n\n", {400}),
    ("one line that ends with LF", b"GET / HTTP/1.1\r\nHost: app.test\nX-Y: 1\r\n\r\n", {400}),
    ("an empty line that is only LF", b"GET / HTTP/1.1\r\nHost: app.test\r\n\n", {400}),
    ("a header hidden behind a bare LF", head(b"X-Y: 1\nTransfer-Encoding: chunked") + b"0\r\n\r\n", {400}),
]

LINES = [
    ("a version in lower case", head(first=b"GET / http/1.1"), {400, 505}),
    ("HTTP/2.0", head(first=b"GET / HTTP/2.0"), {505}),
    ("HTTP/3.0", head(first=b"GET / HTTP/3.0"), {505}),
    ("HTTP/0.9", head(first=b"GET / HTTP/0.9"), {400, 505}),
    ("HTTP/1.10", head(first=b"GET / HTTP/1.10"), {400, 505}),
    ("HTTP/11", head(first=b"GET / HTTP/11"), {400, 505}),
    ("HTTP/1", head(first=b"GET / HTTP/1"), {400, 505}),
    ("no version", b"GET /\r\n\r\n", {400, 505}),
    ("another protocol", head(first=b"GET / RTSP/1.0"), {400, 505}),
    ("two spaces after the method", head(first=b"GET  / HTTP/1.1"), {400}),
    ("two spaces before the version", head(first=b"GET /  HTTP/1.1"), {400}),
    ("a space behind the version", head(first=b"GET / HTTP/1.1 "), {400, 505}),
    ("tabs between the parts", head(first=b"GET\t/\tHTTP/1.1"), {400}),
    ("a space in the target", head(first=b"GET /a b HTTP/1.1"), {400}),
    ("a space before the method", head(first=b" GET / HTTP/1.1"), {400}),
    ("no method", head(first=b"/ HTTP/1.1"), {400}),
    ("a parenthesis in the method", head(first=b"GE(T / HTTP/1.1"), {400}),
    ("a NUL in the method", head(first=b"GE\0T / HTTP/1.1"), {400}),
    ("a CR in the request line", head(first=b"GET / \rHTTP/1.1"), {400}),
    ("a header smuggled by a bare CR", head(first=b"GET / HTTP/1.1\rX: y"), {400, 505}),
    ("the start of a TLS handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n", {400}),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0", {400, 505}),
    ("a method of 100 kB", head(first=b"A" * 100_000 + b" / HTTP/1.1"), {400, 414, 431, 501}),
]

TARGETS = [
    ("a fragment", head(first=b"GET /a#b HTTP/1.1"), {400}),
    ("a relative target", head(first=b"GET a HTTP/1.1"), {400}),
    ("an asterisk with GET", head(first=b"GET * HTTP/1.1"), {400}),
    ("an authority with GET", head(first=b"GET app.test:80 HTTP/1.1"), {400}),
    ("CONNECT", head(first=b"CONNECT app.test:80 HTTP/1.1"), {400, 405, 501}),
    ("user information in an absolute target", head(first=b"GET http://me@app.test/ HTTP/1.1"), {400}),
    ("an absolute target without host", head(first=b"GET http:///x HTTP/1.1"), {400}),
    ("an absolute target of another scheme", head(first=b"GET ftp://app.test/x HTTP/1.1"), {400, 421}),
    ("an absolute target with a bad port", head(first=b"GET http://app.test:x/ HTTP/1.1"), {400}),
    ("a byte beyond ASCII", head(first=b"GET /\xc3\xa9 HTTP/1.1"), {400}),
    ("a control character", head(first=b"GET /\x01 HTTP/1.1"), {400}),
    ("DEL", head(first=b"GET /\x7f HTTP/1.1"), {400}),
    ("a NUL", head(first=b"GET /\0 HTTP/1.1"), {400}),
    ("a backslash", head(first=b"GET /a\\b HTTP/1.1"), {400}),
]

HOSTS = [
    ("no Host", head(first=b"GET / HTTP/1.1", host=None), {400}),
    ("two different Hosts", head(b"Host: other.test", first=b"GET / HTTP/1.1"), {400}),
    ("two equal Hosts", head(b"Host: app.test", first=b"GET / HTTP/1.1"), {400}),
    ("two Hosts beside an absolute target", head(b"Host: app.test", first=b"GET http://app.test/ HTTP/1.1"), {400}),
    ("no Host beside an absolute target", head(first=b"GET http://app.test/ HTTP/1.1", host=None), {400}),
    ("a list of Hosts", head(host=b"Host: app.test, other.test"), {400}),
    ("a Host with a space", head(host=b"Host: app test"), {400}),
    ("a Host with user information", head(host=b"Host: me@app.test"), {400}),
    ("a Host with a path", head(host=b"Host: app.test/x"), {400}),
    ("a Host with a query", head(host=b"Host: app.test?x"), {400}),
    ("a Host with a port that is no number", head(host=b"Host: app.test:x"), {400}),
    ("a Host with a port too large", head(host=b"Host: app.test:65536"), {400}),
    ("a Host with two ports", head(host=b"Host: app.test:80:80"), {400}),
    ("a Host that is a URL", head(host=b"Host: http://app.test"), {400}),
    ("a Host with an open bracket", head(host=b"Host: [::1"), {400}),
    ("a Host with a byte beyond ASCII", head(host=b"Host: app\xe9.test"), {400}),
    ("a Host before a colon with a space", head(host=b"Host : app.test"), {400}),
]


@pytest.mark.parametrize("data, statuses", **by_id(LENGTHS))
def test_a_doubtful_content_length_is_refused(world, data, statuses):
    assert_refused(world, data, statuses)


@pytest.mark.parametrize("data, statuses", **by_id(CODINGS))
def test_a_doubtful_transfer_encoding_is_refused(world, data, statuses):
    assert_refused(world, data, statuses)


@pytest.mark.parametrize("data, statuses", **by_id(CHUNKS))
def test_malformed_chunks_are_refused(world, data, statuses):
    assert_refused(world, data, statuses)


@pytest.mark.parametrize("data, statuses", **by_id(FIELDS))
def test_a_malformed_header_line_is_refused(world, data, statuses):
    assert_refused(world, data, statuses)


@pytest.mark.parametrize("data, statuses", **by_id(LINES))
def test_a_malformed_request_line_is_refused(world, data, statuses):
    assert_refused(world, data, statuses)


@pytest.mark.parametrize("data, statuses", **by_id(TARGETS))
def test_a_doubtful_target_is_refused(world, data, statuses):
    assert_refused(world, data, statuses)


@pytest.mark.parametrize("data, statuses", **by_id(HOSTS))
def test_a_doubtful_host_is_refused(world, data, statuses):
    assert_refused(world, data, statuses)


def test_an_expectation_other_than_100_continue_is_refused(world):
    assert_refused(world, head(b"Expect: 200-ok", b"Content-Length: 4") + b"body", {417})


def test_an_empty_host_belongs_to_nobody(world):
    world.upstream.requests.clear()
    assert exchange(world.port, head(host=b"Host:", first=b"GET / HTTP/1.1")).status in (400, 404, 421)
    assert fence(world) == []


@pytest.mark.parametrize("field", [
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked", b"TRANSFER-ENCODING:CHUNKED",
    b"Transfer-Encoding:\t chunked \t"], ids=["as usual", "capitalised", "without space", "within white space"])
def test_chunked_may_be_written_in_any_case_and_white_space(world, field):
    response = exchange(world.port, head(field) + chunked(b"hello", 2))
    assert response.status == 200
    assert world.upstream.last.body == b"hello"


@pytest.mark.parametrize("body", [
    b"5\r\nhello\r\n0\r\n\r\n", b"005\r\nhello\r\n000\r\n\r\n", b"5;a\r\nhello\r\n0;b=c\r\n\r\n",
    b'5;a="b;c"\r\nhello\r\n0\r\n\r\n', b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"], ids=[
    "plain", "leading zeros", "extensions", "a quoted extension", "two chunks"])
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "byte by byte"])
def test_well_formed_chunks_are_accepted(world, body, whole):
    with world.client() as client:
        data = CHUNKED + body + request_bytes("GET", "/next")
        client.send(data) if whole else client.send_by_bytes(data)
        assert client.response().status == 200
        assert client.response().status == 200
    first, second = world.upstream.requests[-2:]
    assert (first.body, second.target) == (b"hello", "/next")
    assert b";" not in b"".join(connection.received for connection in world.upstream.connections), "an extension"


def test_a_bad_request_behind_a_good_one_is_refused_after_the_good_one_is_answered(world):
    with world.client() as client:
        client.send(request_bytes("GET", "/good") + head(b"Content-Length: x") + SMUGGLED)
        assert client.response().status == 200
        response = client.response()
        assert response.status == 400 and response.closes
        client.assert_closed()


def test_only_one_request_reaches_the_upstream_when_a_body_looks_like_another(world):
    world.upstream.requests.clear()
    with world.client() as client:
        client.send(head(b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED)
        assert client.response().status == 200
    assert [request.target for request in fence(world)] == ["/"]


def test_a_refused_request_whose_body_is_still_coming_gets_its_answer_and_not_a_reset(world):
    with RawClient(world.port) as client:
        client.send_if_open(head(b"X Y: 1", b"Content-Length: 3000000") + b"x" * 3_000_000)
        assert client.response().status == 400


@pytest.mark.parametrize("size", range(1, 40))
def test_a_head_cut_off_anywhere_reaches_nobody(world, size):
    world.upstream.requests.clear()
    data = head(b"Content-Length: 4") + b"body"
    with world.client() as client:
        client.send(data[:-size]).finish_sending()
        client.rest()
    assert fence(world) == []
