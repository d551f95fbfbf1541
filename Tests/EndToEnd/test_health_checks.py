"""Active health checks, backups, panic, slow start, and the draining of removed targets."""

import threading
import time

import pytest

from harness import EchoUpstream, ScriptedUpstream, eventually, get, ok, refused_port, request_bytes, route_all, stays
from test_circuit_breaker import upstream_state

FAST = {"interval": "50ms", "timeout": "1s", "jitter": "0%", "healthy_threshold": 2, "unhealthy_threshold": 2}


class Checked:
    """An upstream whose /up answers as told, and everything else 200; `served` counts the latter."""

    def __init__(self, check=None, port=None):
        self.check = check or ok(b"all is well")
        self.checks = 0
        self.served = 0
        self.lock = threading.Lock()
        self.heads = []
        self.server = ScriptedUpstream(self.serve, port=port)

    def serve(self, connection):
        while True:
            request = connection.request()
            if request is None:
                return
            if request.target.startswith("/up"):
                self.heads.append(request)
                self.checks += 1
                answer = self.check
                if answer is None:
                    return connection.until_closed(30)
                connection.send(answer)
            else:
                with self.lock:
                    self.served += 1
                connection.send(ok())

    @property
    def target(self):
        return self.server.target


@pytest.fixture
def checked():
    made = []

    def make(*arguments, **options):
        made.append(Checked(*arguments, **options))
        return made[-1]

    yield make
    for upstream in made:
        upstream.server.__exit__(None)


BAD = ok(b"ill", status=b"500 Internal Server Error")


def states(gateway):
    return {item["target"]: item["state"] for item in upstream_state(gateway)["targets"]}


def checks(**keys):
    return {"health_check": {**FAST, "path": "/up", **keys}}


def test_a_target_whose_check_fails_gets_no_requests_until_checks_pass_again(checked, gateway_with):
    good, bad = checked(), checked()
    gateway = gateway_with(good, bad, upstream=checks())
    eventually(lambda: good.checks and bad.checks, what="first checks")
    assert bad.heads[0].header("user-agent") == "portcullis-health-check"
    assert bad.heads[0].header("host") == bad.target.removeprefix("http://")
    bad.check = BAD
    eventually(lambda: states(gateway)[bad.target] == "down", what="the target being down")
    target = next(item for item in upstream_state(gateway)["targets"] if item["target"] == bad.target)
    assert target["reason"] == "health check: status 500"
    served = bad.served
    for _ in range(10):
        assert get(gateway.port).status == 200
    assert bad.served == served
    metrics = gateway.metrics()
    assert metrics.sum("portcullis_upstream_target_up", target=bad.target) == 0
    assert metrics.sum("portcullis_upstream_target_up", target=good.target) == 1
    assert metrics.sum("portcullis_health_checks_total", target=bad.target, result="failed") >= 2
    bad.check = ok(b"all is well")
    eventually(lambda: states(gateway)[bad.target] == "up", what="the target's return")
    eventually(lambda: get(gateway.port) and bad.served > served, what="a request to it")
    messages = [line["message"] for line in gateway.log() if line.get("target") == bad.target]
    assert "a target is down" in messages and "a target is up" in messages


def test_the_first_check_decides_alone(checked, gateway_with):
    bad = checked(BAD)
    gateway = gateway_with(bad, upstream=checks(interval="1h", unhealthy_threshold=100))
    eventually(lambda: states(gateway)[bad.target] == "down", what="the target being down")
    response = get(gateway.port)
    assert response.status == 503
    assert gateway.access_line(status=503)["refused_by"] == "no_healthy_target"


def test_first_checks_are_spread_over_the_interval(gateway_with):
    moments = {}

    def serve(connection):
        request = connection.request()
        moments.setdefault(request.header("host"), []).append(time.monotonic())
        connection.send(ok(b"", b"Connection: close\r\n"))

    # Every address of the loopback network is a target of its own.
    with ScriptedUpstream(serve, address="0.0.0.0") as upstream:
        hosts = [f"127.0.1.{number}" for number in range(1, 41)]
        gateway = gateway_with(*(f"http://{host}:{upstream.port}" for host in hosts), upstream=checks(interval="1s"))
        eventually(lambda: len(moments) == len(hosts), 10, "a check of each target")
        first = sorted(min(times) for times in moments.values())
        at_once = max(sum(moment <= other < moment + 0.1 for other in first) for moment in first)
        assert at_once <= 15, "no more than some in a tenth of a second"
        assert first[-1] - first[0] < 2, "none is long in coming"
        eventually(lambda: set(states(gateway).values()) == {"up"}, what="all being up")


@pytest.mark.parametrize("keys, answer, state", [
    ({"statuses": [204, "300-310"]}, ok(status=b"305 Use"), "up"),
    ({"statuses": [204, "300-310"]}, ok(), "down"),
    ({"body_contains": "is well"}, ok(b"all is well"), "up"),
    ({"body_contains": "is well"}, ok(b"all is lost"), "down"),
    ({"body_contains": "is well"}, ok(b"x" * 70_000 + b"is well"), "down"),
    ({"body_contains": "is well"},
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nis w\r\n3\r\nell\r\n0\r\n\r\n", "up"),
    ({"method": "HEAD"}, b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "up"),
    ({"timeout": "50ms"}, None, "down"),
    ({}, b"not http at all\r\n\r\n", "down"),
])
def test_status_and_content_decide(checked, gateway_with, keys, answer, state):
    upstream = checked(answer)
    upstream.check = answer
    gateway = gateway_with(upstream, upstream=checks(interval="1h", **keys))
    eventually(
        lambda: upstream_state(gateway)["targets"][0]["health_check"]["state"] == state, what=f"the target being {state}")


def test_for_tcp_a_connection_is_enough(upstream_with, gateway_with):
    from harness import silent
    upstream = upstream_with(silent)
    lost = f"http://127.0.0.1:{refused_port()}"
    gateway = gateway_with(upstream, lost, upstream={"health_check": {**FAST, "type": "tcp"}})
    eventually(
        lambda: states(gateway) == {upstream.target: "up", lost: "down"}, what="one target up, the other down")


def test_a_reload_keeps_what_checks_have_found_and_forgets_targets_that_are_gone(checked, gateway_with):
    good, bad = checked(), checked(BAD)
    gateway = gateway_with(good, bad, upstream=checks())
    eventually(lambda: states(gateway)[bad.target] == "down", what="the target being down")
    gateway.write_routes(
        {"service": {"targets": [good.target, bad.target], **checks(interval="1h")}}, {"all": route_all()})
    assert gateway.hang_up() == "applied"
    assert states(gateway)[bad.target] == "down"
    for _ in range(6):
        assert get(gateway.port).status == 200
    assert bad.served == 0
    gateway.write_routes({"service": {"targets": [good.target], **checks(interval="1h")}}, {"all": route_all()})
    assert gateway.hang_up() == "applied"
    before = bad.checks
    stays(lambda: bad.checks == before, 0.2, "nobody checking a target that is gone")


def test_a_removed_target_answers_what_is_under_way_and_is_shown_meanwhile(checked, upstream_with, gateway_with):
    asked, release = threading.Event(), threading.Event()

    def script(connection):
        while connection.request():
            asked.set()
            connection.wait(release)
            connection.send(ok(b"late"))

    slow = upstream_with(script)
    gateway = gateway_with(slow)
    client = gateway.client()
    client.send(request_bytes())
    assert asked.wait(5)
    other = checked()
    gateway.write_routes({"service": [other.target]}, {"all": route_all()})
    assert gateway.hang_up() == "applied"
    assert upstream_state(gateway)["draining"] == [{"target": slow.target, "active_connections": 1}]
    assert get(gateway.port).status == 200 and other.served == 1
    release.set()
    response = client.response()
    assert (response.status, response.body) == (200, b"late")
    client.close()
    eventually(lambda: "draining" not in upstream_state(gateway), what="the end of draining")


def test_backups_get_requests_only_when_the_others_are_down(checked, gateway_with):
    first, backup = checked(), checked()
    gateway = gateway_with(first, {"url": backup.target, "priority": 1}, upstream=checks())
    for _ in range(10):
        assert get(gateway.port).status == 200
    assert backup.served == 0
    first.check = BAD
    eventually(lambda: states(gateway)[first.target] == "down", what="the first being down")
    served = first.served
    for _ in range(5):
        assert get(gateway.port).status == 200
    assert (first.served, backup.served) == (served, 5)
    first.check = ok()
    eventually(lambda: states(gateway)[first.target] == "up", what="the first being back")
    for _ in range(5):
        assert get(gateway.port).status == 200
    assert backup.served == 5


def test_in_a_panic_all_targets_are_used(checked, gateway_with):
    upstreams = [checked() for _ in range(3)]
    for upstream in upstreams[:2]:
        upstream.check = BAD
    gateway = gateway_with(*upstreams, upstream={**checks(), "panic_threshold": "50%"})
    eventually(lambda: sorted(states(gateway).values()) == ["down", "down", "up"], what="two targets being down")
    for _ in range(30):
        assert get(gateway.port).status == 200
    assert all(upstream.served >= 9 for upstream in upstreams)


def test_a_target_that_comes_back_gets_its_share_slowly(checked, gateway_with):
    first, second = checked(), checked()
    gateway = gateway_with(first, second, upstream={**checks(), "slow_start": "1h"})
    for _ in range(20):
        assert get(gateway.port).status == 200
    assert second.served >= 9, "who was there from the start has the whole share"
    second.check = BAD
    eventually(lambda: states(gateway)[second.target] == "down", what="the target being down")
    second.check = ok()
    eventually(lambda: states(gateway)[second.target] == "slow_start", what="the target's return")
    served = second.served
    for _ in range(110):
        assert get(gateway.port).status == 200
    assert 9 <= second.served - served <= 11


def test_the_share_has_grown_when_the_time_is_over(checked, gateway_with):
    first, second = checked(), checked(BAD)
    gateway = gateway_with(first, second, upstream={**checks(), "slow_start": "300ms"})
    eventually(lambda: states(gateway)[second.target] == "down", what="the target being down")
    second.check = ok()
    eventually(lambda: states(gateway)[second.target] == "up", what="the end of the slow start")
    served = second.served
    for _ in range(20):
        assert get(gateway.port).status == 200
    assert second.served - served >= 9
