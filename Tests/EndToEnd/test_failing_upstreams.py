"""Upstreams as processes that are killed, stopped, slowed down and restarted under load: what clients get, by status.

Each test asserts bounds, and prints the counts: `pytest -s` shows them. A client whose answer broke off behind its
head counts as `cut`, one without an answer in time as `hang`: there must be none of these.
"""

import time

import pytest

from harness import eventually
from harness.process import Load, ProcessUpstream
from test_circuit_breaker import upstream_state

BREAKER = {"consecutive_failures": 3, "open_for": "500ms", "jitter": "0%", "probes": 2, "open_for_max": "1s"}


@pytest.fixture
def processes(tmp_path):
    started = []

    def start(count):
        for _ in range(count):
            started.append(ProcessUpstream(tmp_path, f"upstream{len(started)}"))
        return started[-count:]

    yield start
    for process in started:
        process.__exit__()


def states(gateway):
    return {item["target"]: item["state"] for item in upstream_state(gateway)["targets"]}


def share(load, process):
    return load.served[b"ok %d" % process.process.pid]


def settle(load, requests=200):
    """The counts of that many further requests."""
    load.look()
    eventually(lambda: sum(load.counts.values()) >= requests, 20, f"{requests} requests")
    return load.look()


def test_one_of_two_targets_is_killed_and_comes_back(processes, gateway_with):
    first, second = processes(2)
    gateway = gateway_with(first, second, upstream={"circuit_breaker": BREAKER})
    with Load(gateway.port) as load:
        assert set(settle(load)) == {200}
        second.kill()
        eventually(lambda: states(gateway)[second.target] in ("ejected", "probing"), 10, "the target being out")
        during = load.look()
        # What was under way on it is lost to those clients, at most one request each; the rest is saved by the other.
        print("killed:", dict(during), "slowest", load.slowest)
        assert during[200] > 0 and set(during) <= {200, 502, "cut"} and during[502] + during["cut"] <= 8
        after = settle(load)
        print("while it is gone:", dict(after))
        assert set(after) == {200}
        second.start()
        eventually(lambda: states(gateway)[second.target] == "up", 10, "the target being back")
        back = settle(load)
        print("when it is back:", dict(back), "of it", share(load, second))
        assert set(back) == {200} and share(load, second) > 50
    assert load.slowest < 4


def test_one_of_two_targets_is_stopped_and_goes_on(processes, gateway_with):
    first, second = processes(2)
    gateway = gateway_with(first, second, upstream={
        "circuit_breaker": BREAKER, "timeouts": {"response_header": "300ms", "connect": "300ms"}})
    with Load(gateway.port) as load:
        assert set(settle(load)) == {200}
        second.pause()
        eventually(lambda: states(gateway)[second.target] in ("ejected", "probing"), 10, "the target being out")
        during = load.look()
        print("stopped:", dict(during))
        assert during[200] > 0 and set(during) <= {200, 504} and during[504] <= 16
        begun = time.monotonic()
        after = settle(load, 400)
        print("while it stands still:", dict(after))
        # Probes: two at most in each open time of half a second and more, and those of all clients at the beginning.
        probes = 2 * ((time.monotonic() - begun) / 0.5 + 1)
        assert set(after) <= {200, 504} and after[504] <= 8 + probes
        second.resume()
        eventually(lambda: states(gateway)[second.target] == "up", 10, "the target being back")
        back = settle(load)
        print("when it goes on:", dict(back), "of it", share(load, second))
        assert set(back) == {200} and share(load, second) > 50
    assert load.slowest < 4


def test_one_of_two_targets_becomes_slow(processes, gateway_with):
    first, second = processes(2)
    gateway = gateway_with(first, second, upstream={"circuit_breaker": {
        **BREAKER, "scope": "targets", "slow_ratio": "50%", "slow_time": "100ms", "volume_min": 5, "window": "2s"}})
    with Load(gateway.port) as load:
        assert set(settle(load)) == {200}
        second.delay(0.3)
        eventually(lambda: states(gateway)[second.target] in ("ejected", "probing"), 10, "the target being out")
        during = settle(load, 400)
        print("slow:", dict(during), "of it", share(load, second))
        assert set(during) == {200} and share(load, second) <= 20
        second.delay(0)
        eventually(lambda: states(gateway)[second.target] == "up", 10, "the target being back")
        back = settle(load)
        assert set(back) == {200} and share(load, second) > 50


def test_the_only_target_is_restarted(processes, gateway_with):
    (only,) = processes(1)
    gateway = gateway_with(only, upstream={"circuit_breaker": BREAKER}, gateway={"workers": 2})
    with Load(gateway.port) as load:
        assert set(settle(load)) == {200}
        only.kill()
        eventually(lambda: load.count(503) > 100, 10, "refusals by the breaker")
        during = load.look()
        print("gone:", dict(during))
        # The breaker answers at once; connections are tried by probes only.
        assert set(during) <= {200, 502, 503, "cut"} and during[502] <= 24 and during["cut"] <= 8
        only.start()
        eventually(lambda: upstream_state(gateway)["circuit_breaker"]["state"] == "closed", 10, "the breaker closing")
        back = settle(load)
        print("when it is back:", dict(back))
        assert set(back) == {200}
    assert load.slowest < 4


def test_health_checks_take_a_stopped_target_out_and_back(processes, gateway_with):
    first, second = processes(2)
    gateway = gateway_with(first, second, upstream={
        "health_check": {"interval": "100ms", "timeout": "200ms", "unhealthy_threshold": 2, "healthy_threshold": 2},
        "timeouts": {"response_header": "500ms"}})
    with Load(gateway.port) as load:
        assert set(settle(load)) == {200}
        second.pause()
        eventually(lambda: states(gateway)[second.target] == "down", 10, "the target being down")
        # What was sent to it before has timed out by now, or does soon.
        eventually(lambda: load.count(200) > 300, 10, "requests that go elsewhere")
        print("stopped:", dict(load.look()))
        after = settle(load)
        print("while it is down:", dict(after))
        assert set(after) <= {200, 504} and after[504] <= 8
        second.resume()
        eventually(lambda: states(gateway)[second.target] == "up", 10, "the target being back")
        back = settle(load)
        assert set(back) <= {200, 504} and back[504] <= 8 and share(load, second) > 50
