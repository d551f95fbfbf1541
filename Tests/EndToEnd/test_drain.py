"""SIGTERM: what is under way is finished, nothing new is begun, and the exit is clean."""

import signal
import threading

import pytest

from harness import Gateway, RawClient, Truncated, command, eventually, get, ok, request_bytes


def holding(release):
    def script(connection):
        while connection.request():
            connection.wait(release, 20)
            connection.send(ok(b"finished"))

    return script


def exits(gateway, seconds=5):
    return gateway.wait(seconds)


def refuses(port):
    try:
        RawClient(port).close()
        return False
    except OSError:
        return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_gateway_ends_at_once_with_0(gateway_with, upstream_with, number):
    gateway = gateway_with(upstream_with())
    assert get(gateway.port).status == 200
    gateway.signal(number)
    assert exits(gateway) == 0


def test_a_request_in_flight_is_finished(upstream_with, gateway_with):
    release = threading.Event()
    upstream = upstream_with(holding(release))
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        client.send(request_bytes())
        upstream.wait_for_requests(1)
        gateway.signal(signal.SIGTERM)
        eventually(lambda: refuses(gateway.port), what="the end of listening")
        assert gateway.process.poll() is None
        release.set()
        response = client.response()
        assert (response.body, response.closes) == (b"finished", True)
        client.assert_closed()
    assert exits(gateway) == 0


def test_a_body_in_flight_is_finished(upstream_with, gateway_with):
    release = threading.Event()

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        connection.wait(release)
        connection.send(b"final")

    gateway = gateway_with(upstream_with(script))
    with gateway.client() as client:
        assert client.send(request_bytes()).response_head().status == 200
        gateway.signal(signal.SIGTERM)
        eventually(lambda: refuses(gateway.port), what="the end of listening")
        release.set()
        assert client.body_bytes(10) == b"firstfinal"
        client.assert_closed()
    assert exits(gateway) == 0


def test_an_upload_in_flight_is_finished(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Content-Length", "10")]) + b"first")
        eventually(lambda: upstream.received().endswith(b"first"), what="half of the body")
        gateway.signal(signal.SIGTERM)
        eventually(lambda: refuses(gateway.port), what="the end of listening")
        assert client.send(b"final").response().status == 200
    assert exits(gateway) == 0
    assert upstream.last.body == b"firstfinal"


def test_idle_connections_are_closed(upstream_with, gateway_with):
    release = threading.Event()
    upstream = upstream_with(holding(release))
    gateway = gateway_with(upstream)
    release.set()
    with gateway.client() as idle, gateway.client() as fresh, gateway.client() as busy:
        assert idle.send(request_bytes()).response().status == 200
        release.clear()
        busy.send(request_bytes())
        upstream.wait_for_requests(2)
        gateway.signal(signal.SIGTERM)
        idle.assert_closed()
        fresh.assert_closed()
        release.set()
        assert busy.response().status == 200
    assert exits(gateway) == 0


def test_a_drain_ends_after_its_time_whatever_is_under_way(upstream_with, gateway_with):
    upstream = upstream_with(holding(threading.Event()))
    gateway = gateway_with(upstream, gateway={"timeouts": {"drain": "500ms"}})
    gateway.expected_exit = None
    with gateway.client() as client:
        client.send(request_bytes())
        upstream.wait_for_requests(1)
        gateway.signal(signal.SIGTERM)
        exits(gateway, 5)
        with pytest.raises((Truncated, ConnectionError)):
            client.response()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("drain, signals", [("200ms", 1), ("0s", 1), ("1m", 2)], ids=["in time", "at once", "by force"])
def test_what_is_cut_off_has_its_lines(upstream_with, gateway_with, workers, drain, signals):
    upstream = upstream_with(holding(threading.Event()))
    gateway = gateway_with(upstream, gateway={"timeouts": {"drain": drain}, "workers": workers})
    clients = [gateway.client() for _ in range(20)]
    for number, client in enumerate(clients):
        client.send(request_bytes("GET", f"/{number}"))
    upload = gateway.client()
    upload.send(request_bytes("POST", "/upload", [("Content-Length", "10")]) + b"first")
    upstream.wait_for_requests(20)
    eventually(lambda: b"POST /upload" in upstream.received(), what="the upload")
    for _ in range(signals):
        gateway.signal(signal.SIGTERM)
        # Two signals of a number that wait together are one.
        eventually(lambda: refuses(gateway.port), what="the end of listening")
    assert exits(gateway) == 0
    lines = gateway.access_log()
    assert sorted(line["path"] for line in lines) == sorted(["/upload", *(f"/{number}" for number in range(20))])
    assert {(line["status"], line["error"]) for line in lines} == {(0, "drain-ended")}
    for client in [*clients, upload]:
        client.close()


def test_a_response_that_is_cut_off_has_its_line(upstream_with, gateway_with):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        connection.until_closed()

    gateway = gateway_with(upstream_with(script), gateway={"timeouts": {"drain": "200ms"}})
    with gateway.client() as client:
        assert client.send(request_bytes()).response_head().status == 200
        gateway.signal(signal.SIGTERM)
        assert exits(gateway) == 0
    assert [(line["status"], line["error"]) for line in gateway.access_log()] == [(200, "drain-ended")]


def test_readiness_ends_before_the_process_does(upstream_with, gateway_with):
    """A load balancer must see the drain; liveness stays."""
    release = threading.Event()
    upstream = upstream_with(holding(release))
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        client.send(request_bytes())
        upstream.wait_for_requests(1)
        gateway.signal(signal.SIGTERM)
        eventually(lambda: gateway.admin("/readyz").status == 503, what="/readyz answering 503")
        assert gateway.admin("/livez").status == 200
        release.set()
        assert client.response().status == 200
    assert exits(gateway) == 0


def test_a_pipelined_request_behind_the_one_in_flight_is_not_lost_in_silence(upstream_with, gateway_with):
    """The answer says close, so the client knows that the second one wasn't served (RFC 9112 section 9.6)."""
    release = threading.Event()
    upstream = upstream_with(holding(release))
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        client.send(request_bytes("GET", "/1") + request_bytes("GET", "/2"))
        upstream.wait_for_requests(1)
        gateway.signal(signal.SIGTERM)
        eventually(lambda: refuses(gateway.port), what="the end of listening")
        release.set()
        first = client.response()
        if not first.closes:
            assert client.response().closes
        client.assert_closed()
    assert exits(gateway) == 0


def test_a_hang_up_during_a_drain_does_no_harm(upstream_with, gateway_with):
    release = threading.Event()
    upstream = upstream_with(holding(release))
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        client.send(request_bytes())
        upstream.wait_for_requests(1)
        gateway.signal(signal.SIGTERM)
        gateway.signal(signal.SIGHUP)
        gateway.signal(signal.SIGTERM)
        eventually(lambda: refuses(gateway.port), what="the end of listening")
        release.set()
        try:
            assert client.response().status == 200
        except (Truncated, ConnectionError):
            pass  # a second SIGTERM may mean: at once
    gateway.expected_exit = None
    exits(gateway)


def test_the_access_log_is_complete_after_the_exit(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with())
    for number in range(50):
        assert get(gateway.port, f"/{number}").status == 200
    gateway.signal(signal.SIGTERM)
    assert exits(gateway) == 0
    assert [line["path"] for line in gateway.access_log()] == [f"/{number}" for number in range(50)]


def test_the_port_is_free_for_a_successor(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with())
    gateway.signal(signal.SIGTERM)
    assert exits(gateway) == 0
    gateway.start()
    assert get(gateway.port).status == 200


def test_a_configuration_with_errors_does_not_start(gateway_with, tmp_path):
    (tmp_path / "gateway.yaml").write_text("listeners: {}\nnonsense: 1\n")
    result = command("run", tmp_path)
    assert result.returncode == 1
    assert "nonsense" in result.stderr


def test_a_port_in_use_does_not_start(upstream_with, gateway_with, tmp_path):
    taken = upstream_with().port
    gateway = Gateway(tmp_path / "taken", upstreams={}, routes={}, start=False)
    gateway.ports = {"main": taken}
    gateway.write("gateway.yaml", gateway.gateway_yaml())
    result = command("run", gateway.folder)
    assert result.returncode not in (0, None)
    assert str(taken) in result.stderr
