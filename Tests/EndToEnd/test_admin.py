"""The admin listener: probes, metrics, and what the gateway thinks it is doing."""

import json
import shutil
import socket
import subprocess

import pytest

from harness import (
    MEMORY_FACTOR, EchoUpstream, Gateway, RawClient, command, eventually, exchange, get, refused_port, request_bytes)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with EchoUpstream() as upstream:
        routes = {
            "accounts": {"match": {"path": "/accounts/{id}", "methods": ["GET"]}, "upstream": "service"},
            "lost": {"match": {"path": "/lost"}, "upstream": "lost"},
            "secret": {"match": {"path": "/secret"}, "respond": {"status": 200, "body": "${env:E2E_SECRET}"}},
        }
        upstreams = {"service": [upstream.target], "lost": [f"http://127.0.0.1:{refused_port()}"]}
        with Gateway(
            tmp_path_factory.mktemp("gateway"), upstreams, routes, env={"E2E_SECRET": "hunter2-do-not-show"}
        ) as gateway:
            gateway.upstream = upstream
            yield gateway


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_probes_answer_200(world, path, method):
    assert world.admin(path, method).status == 200


def test_the_metrics_are_what_promtool_accepts(world):
    get(world.port, "/accounts/1")
    get(world.port, "/lost")
    get(world.port, "/nowhere")
    text = world.admin("/metrics")
    assert text.header("content-type").startswith("text/plain; version=0.0.4")
    assert shutil.which("promtool"), "promtool is missing: apt-get install prometheus"
    result = subprocess.run(["promtool", "check", "metrics"], input=text.body, capture_output=True)
    assert result.returncode == 0, result.stderr.decode() + result.stdout.decode()
    assert result.stderr == b"" and result.stdout == b"", "promtool has something to say"


def test_requests_are_counted_by_route_method_and_status_class(world):
    def count(**labels):
        samples = world.metrics().matching("portcullis_http_requests_total", **labels)
        return sum(value for _, _, value in samples)

    good = dict(route="app/accounts", method="GET", status_class="2xx")
    bad = dict(route="app/lost", method="GET", status_class="5xx")
    before = count(**good), count(**bad)
    for number in range(5):
        get(world.port, f"/accounts/{number}")
    get(world.port, "/lost")
    eventually(lambda: (count(**good) - before[0], count(**bad) - before[1]) == (5, 1), what="the counts")


def test_an_odd_method_does_not_make_a_label_of_its_own(world):
    for number in range(20):
        exchange(world.port, request_bytes(f"ODD{number}", "/nowhere"))
    methods = {labels["method"] for _, labels, _ in world.metrics().matching("portcullis_http_requests_total")}
    assert not any(method.startswith("ODD") for method in methods)


def test_an_odd_path_does_not_make_a_label_of_its_own(world):
    before = len(world.metrics())
    for number in range(50):
        get(world.port, f"/nowhere/{number}")
    assert len(world.metrics()) - before < 60


def test_latency_is_a_histogram_in_total_and_of_the_upstream(world):
    get(world.port, "/accounts/1")
    metrics = world.metrics()
    for name in ("portcullis_http_request_duration_seconds", "portcullis_http_upstream_duration_seconds"):
        total = metrics.sum(f"{name}_count", route="app/accounts")
        assert total >= 1
        infinite = metrics.sum(f"{name}_bucket", route="app/accounts", le="+Inf")
        assert infinite == total
        assert 0 < metrics.sum(f"{name}_sum", route="app/accounts") < 60


def test_connections_are_counted_and_go_down_again(world):
    eventually(lambda: world.metrics().sum("portcullis_connections") == 0, what="no open connection")
    with world.client() as client:
        client.send(request_bytes("GET", "/accounts/1"))
        client.response()
        assert world.metrics().sum("portcullis_connections") == 1
    eventually(lambda: world.metrics().sum("portcullis_connections") == 0, what="no open connection")
    assert world.metrics().sum("portcullis_connections_accepted_total") >= 1


def test_a_failure_of_an_upstream_is_counted_with_its_cause(world):
    get(world.port, "/lost")
    failures = world.metrics().matching("portcullis_upstream_failures_total", cause="connect_refused")
    assert sum(value for _, _, value in failures) >= 1


def test_a_refused_request_is_counted(world):
    def count():
        return sum(value for _, _, value in world.metrics().matching("portcullis_requests_refused_total"))

    before = count()
    exchange(world.port, request_bytes("GET", "/", [("X Y", "1")]))
    assert count() == before + 1


def test_the_configurations_digest_is_told(world):
    infos = [labels for name, labels, _ in world.metrics() if name == "portcullis_configuration_info"]
    assert len(infos) == 1 and len(infos[0]["digest"]) >= 16


def test_the_configuration_is_shown_without_its_secrets(world):
    response = world.admin("/config")
    assert response.status == 200
    assert b"hunter2" not in response.body
    assert b"accounts" in response.body
    assert get(world.port, "/secret").body == b"hunter2-do-not-show", "it is in use all the same"


def test_the_routes_are_listed(world):
    text = json.dumps(world.admin_json("/routes"))
    for word in ("accounts", "lost", "secret", "/accounts/{id}", "app.test", "app.yaml"):
        assert word in text


def test_the_upstreams_are_listed_with_their_targets(world):
    get(world.port, "/accounts/1")
    text = json.dumps(world.admin_json("/upstreams"))
    assert "service" in text and str(world.upstream.port) in text


@pytest.mark.parametrize("path, status", [("/nowhere", 404), ("/", None), ("/metrics/", 404), ("/livez?verbose", 200)])
def test_other_paths_are_answered_too(world, path, status):
    response = world.admin(path)
    assert response.status == status if status else response.status in (200, 404)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/config", "/routes", "/upstreams", "/issuers"])
def test_only_reading_is_allowed(world, path):
    response = world.admin(path, "POST")
    assert response.status == 405
    assert "GET" in response.header("allow")


def test_the_admin_paths_are_not_on_the_public_listener(world):
    for path in ("/livez", "/readyz", "/metrics", "/config"):
        assert get(world.port, path).status == 404


def test_the_admin_listener_serves_several_requests_on_one_connection(world):
    with RawClient(world.admin_port) as client:
        for path in ("/livez", "/metrics", "/readyz", "/config"):
            assert client.send(request_bytes("GET", path, host="localhost")).response().status == 200


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n"],
    ids=["no Host", "nonsense", "a bad length"])
def test_the_admin_listener_is_as_strict_as_the_others(world, data):
    assert exchange(world.admin_port, data, "GET").status in (400, 505)


@pytest.mark.parametrize("host", ["evil.example.com", "evil.example.com:9901"])
def test_a_rebound_name_does_not_open_the_configuration(world, host):
    """A browser that was lured to a name pointing at 127.0.0.1 sends that name as Host."""
    response = exchange(world.admin_port, request_bytes("GET", "/config", host=host))
    assert response.status in (200, 400, 403, 421)


def test_the_admin_listener_answers_under_load(world):
    clients = [world.client() for _ in range(100)]
    for client in clients:
        client.send(request_bytes("GET", "/accounts/1"))
    assert world.admin("/livez").status == 200
    for client in clients:
        assert client.response().status == 200
        client.close()


def test_a_loopback_address_is_all_that_admin_takes_by_itself(tmp_path):
    gateway = Gateway(tmp_path, start=False)
    route = {"match": {"path": "/"}, "respond": {"status": 200}}
    gateway.write("app.yaml", {"domain": "app", "routes": {"all": route}})
    content = gateway.gateway_yaml()
    content["admin"] = {"address": "0.0.0.0:9901"}
    gateway.write("gateway.yaml", content)
    result = command("check", gateway.folder)
    assert result.returncode == 1
    assert "admin" in result.stdout + result.stderr


def test_who_does_not_read_large_answers_gets_no_more_of_them(gateway_with):
    """Each is made whole: scrapers that stand still must not take the process's memory."""
    names = [f"route-with-a-name-that-takes-its-room-{number:05}" for number in range(2000)]
    routes = {name: {"match": {"path": f"/{name}"}, "respond": {"status": 200, "body": "x"}} for name in names}
    gateway = gateway_with(upstreams={}, routes=routes)
    size = len(gateway.admin("/config", seconds=30).body)
    gateway.reset_peak_memory()
    before = gateway.memory_kib("VmHWM")
    stalled = []
    try:
        for _ in range(24 * 1024 * 1024 // size + 40):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", gateway.admin_port))
            sock.sendall(request_bytes("GET", "/config", host="localhost"))
            stalled.append(sock)
        refused = eventually(
            lambda: [answer for answer in [gateway.admin("/config", seconds=30)] if answer.status == 503], 30,
            "the refusal of another answer")[0]
        assert refused.header("retry-after") == "1"
        assert json.loads(refused.body)["code"] == "answers-unread"
        assert gateway.admin("/livez").status == gateway.admin("/readyz").status == 200
        assert gateway.memory_kib("VmHWM") - before < (96 * 1024 + 4 * size // 1024) * MEMORY_FACTOR
    finally:
        for sock in stalled:
            sock.close()
    eventually(lambda: gateway.admin("/config", seconds=30).status == 200, what="room for answers")


def test_probes_are_answered_while_others_hold_all_connections(gateway_with):
    gateway = gateway_with(upstreams={}, routes={"all": {"match": {"path": "/"}, "respond": {"status": 204}}})
    held = [socket.create_connection(("127.0.0.1", gateway.admin_port)) for _ in range(256)]
    try:
        for _ in range(3):
            assert gateway.admin("/livez").status == 200
        # A probe's own connection makes room for the next one.
        assert gateway.metrics().sum("portcullis_admin_connections_displaced_total") >= 1
        # The one that did nothing for longest had to go, and not the last one.
        held[0].settimeout(5)
        assert held[0].recv(1) == b""
        held[-1].sendall(request_bytes("GET", "/livez", host="localhost"))
        held[-1].settimeout(5)
        assert held[-1].recv(12) == b"HTTP/1.1 200"
        assert any(line["message"].startswith("too many admin connections") for line in gateway.log())
    finally:
        for sock in held:
            sock.close()
