"""The end of a connection whose client still sends: it gets its answer all the same (RFC 9112 section 9.6)."""

import http.client
import threading
import time

import pytest

from harness import chunked, eventually, exchange, request_bytes

MIB = 1 << 20


def upload(port, size, in_chunks, path="/"):
    """As most clients do it: everything is written before anything is read."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        piece = b"x" * 65536
        body = iter([piece] * (size // len(piece))) if in_chunks else b"x" * size
        connection.request("POST", path, body=body, headers={"Host": "app.test"}, encode_chunked=in_chunks)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize("size", [11 * MIB, 30 * MIB], ids=["11 MiB", "30 MiB"])
def test_who_writes_all_before_reading_gets_413(upstream_with, gateway_with, size, in_chunks):
    gateway = gateway_with(upstream_with())
    for _ in range(3):
        assert upload(gateway.port, size, in_chunks) == 413


@pytest.mark.parametrize("size", [MIB, 4 * MIB], ids=["1 MiB", "4 MiB"])
def test_who_writes_all_before_reading_gets_404(upstream_with, gateway_with, size):
    gateway = gateway_with(
        upstreams={"service": [upstream_with().target]},
        routes={"one": {"match": {"prefix": "/known"}, "upstream": "service"}})
    for _ in range(5):
        assert upload(gateway.port, size, False, "/unknown") == 404


def test_a_refused_upload_does_not_disturb_others(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with())
    results = []
    thread = threading.Thread(target=lambda: results.append(upload(gateway.port, 500 * MIB, True)))
    thread.start()
    slowest = 0
    while thread.is_alive():
        started = time.monotonic()
        assert exchange(gateway.port, request_bytes()).status == 200
        slowest = max(slowest, time.monotonic() - started)
    assert results == [413]
    assert slowest < 1
    assert gateway.memory_kib() < 200 * 1024


def test_who_stops_sending_without_closing_is_closed(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(), gateway={"workers": 1})
    before = gateway.metrics().sum("portcullis_connections")
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Content-Length", str(20 * MIB))]) + b"x" * 1000)
        assert client.response().status == 413
        client.assert_closed()
        eventually(
            lambda: gateway.metrics().sum("portcullis_connections") <= before, 15, "the end of the connection")


def test_who_sends_without_end_is_cut_off(upstream_with, gateway_with):
    """A drip is no pause; the whole has a time, too."""
    gateway = gateway_with(upstream_with())
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Content-Length", str(20 * MIB))]))
        assert client.response().status == 413
        started = time.monotonic()
        cut_off = None
        while cut_off is None and time.monotonic() - started < 60:
            try:
                client.send(b"x")
                time.sleep(0.25)
            except OSError:
                cut_off = time.monotonic() - started
        assert cut_off is not None and 25 < cut_off < 40


def test_a_drain_does_not_wait_for_who_sends_without_end(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(), gateway={"timeouts": {"drain": "60s"}})
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Content-Length", str(20 * MIB))]))
        assert client.response().status == 413
        stop = threading.Event()

        def drip():
            while not stop.wait(0.2):
                client.send_if_open(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        started = time.monotonic()
        assert gateway.stop(20) == 0
        assert time.monotonic() - started < 12
        stop.set()
        thread.join()


def test_a_refused_body_in_pieces_is_dropped_to_its_end(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(), route={"limits": {"body_bytes_max": "1000B"}})
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Transfer-Encoding", "chunked")], chunked(b"x" * (3 * MIB), 1000)))
        assert client.response().status == 413
        client.assert_closed()
