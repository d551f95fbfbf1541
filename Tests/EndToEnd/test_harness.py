"""The harness itself: its parser is strict, and its peers do as they are told."""

import pytest

from harness import (
    EchoUpstream, Malformed, RawClient, ScriptedUpstream, Truncated, answering, chunked, ok, request_bytes)
from harness.gateway import assert_no_sanitizer_report


def response_to(data, method="GET"):
    with ScriptedUpstream(answering(data, close=True)) as upstream, RawClient(upstream.port) as client:
        return client.send(request_bytes(method)).response(method)


@pytest.mark.parametrize("data", [
    b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX Y: 1\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
], ids=[
    "bare LF", "no space behind the status", "four digits", "HTTP/1.0", "a space in a name", "a NUL", "a folded line",
    "two framings", "two lengths", "a chunk longer than its size", "204 with a length"])
def test_the_parser_refuses(data):
    with pytest.raises(Malformed):
        response_to(data)


@pytest.mark.parametrize("data", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
], ids=["a length", "chunks"])
def test_the_parser_notices_a_truncated_body(data):
    with pytest.raises(Truncated) as error:
        response_to(data)
    assert error.value.partial.body == b"half"


@pytest.mark.parametrize("data, body", [
    (ok(b"hello"), b"hello"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"hello", 2), b"hello"),
    (b"HTTP/1.1 200 OK\r\n\r\nhello", b"hello"),
    (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok(b"hello"), b"hello"),
], ids=["a length", "chunks", "until close", "an informational response before"])
def test_the_parser_reads_every_framing(data, body):
    assert response_to(data).body == body


def test_an_upstream_remembers_what_came():
    with EchoUpstream() as upstream, RawClient(upstream.port) as client:
        data = request_bytes("POST", "/x", [("X-A", "1")], b"hello")
        assert client.send_by_bytes(data).response().status == 200
        assert upstream.received() == data
        assert (upstream.last.method, upstream.last.target, upstream.last.body) == ("POST", "/x", b"hello")


def test_a_malformed_request_at_an_upstream_fails_its_test():
    upstream = EchoUpstream()
    with RawClient(upstream.port) as client:
        client.send(b"GET  / HTTP/1.1\r\n\r\n").rest()
    with pytest.raises(AssertionError):
        upstream.__exit__(None)


@pytest.mark.parametrize("report", [
    "==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x6020", "WARNING: ThreadSanitizer: data race (pid=7)",
    "==7==ERROR: LeakSanitizer: detected memory leaks"])
def test_a_sanitizers_report_is_a_failure(report):
    assert_no_sanitizer_report('{"level":"info","message":"started"}\n')
    with pytest.raises(AssertionError):
        assert_no_sanitizer_report('{"level":"info","message":"started"}\n' + report + "\n")
