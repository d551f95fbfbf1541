"""Circuit breakers: when they open, what clients get meanwhile, how they close, and what they don't count."""

import json
import math
import threading
import time

import pytest

from harness import (
    HOST, ScriptedUpstream, answering, eventually, get, ok, post, refused_port, request_bytes, resetting, route_all)
from harness.flood import Flood

PROBLEM = "application/problem+json"
NO_RETRY = {"retries": {"connect_failures_max": 0}}


class Moody:
    """An upstream that answers 200 while it is well and `bad` while it isn't; `held` answers wait for `release`."""

    def __init__(self, bad=b"503 Service Unavailable"):
        self.is_well = True
        self.bad = bad
        self.asked = 0
        self.lock = threading.Lock()
        self.held = False
        self.release = threading.Event()
        self.server = ScriptedUpstream(self.serve)

    def serve(self, connection):
        while True:
            if connection.request() is None:
                return
            with self.lock:
                self.asked += 1
            if self.held:
                connection.wait(self.release)
            connection.send(ok() if self.is_well else ok(b"bad", status=self.bad))

    @property
    def target(self):
        return self.server.target


@pytest.fixture
def moody():
    made = []

    def make(**options):
        made.append(Moody(**options))
        return made[-1]

    yield make
    for upstream in made:
        upstream.release.set()
        upstream.server.__exit__(None)


def upstream_state(gateway, name="app/service"):
    return next(item for item in gateway.admin_json("/upstreams")["upstreams"] if item["upstream"] == name)


def breaker_state(gateway):
    return upstream_state(gateway)["circuit_breaker"]["state"]


def breaker(**keys):
    return {"circuit_breaker": {"scope": "upstream", "consecutive_failures": 3, "open_for": "1h", "jitter": "0%", **keys}}


def fail(gateway, upstream, count=3):
    upstream.is_well = False
    return [get(gateway.port).status for _ in range(count)]


def test_it_opens_after_so_many_failures_in_a_row_and_says_when_to_come_again(moody, gateway_with):
    upstream = moody()
    gateway = gateway_with(upstream, upstream=breaker(open_for="300s"))
    assert fail(gateway, upstream) == [503, 503, 503]
    asked = upstream.asked
    response = get(gateway.port)
    assert (response.status, response.header("content-type")) == (503, PROBLEM)
    assert json.loads(response.body)["code"] == "circuit-open"
    assert 290 <= int(response.header("retry-after")) <= 300
    assert upstream.asked == asked, "an open breaker asks nobody"
    line = gateway.access_line(error="circuit-open")
    assert line["refused_by"] == "circuit_breaker" and line["status"] == 503
    state = upstream_state(gateway)["circuit_breaker"]
    assert (state["state"], state["reason"], state["openings"]) == ("open", "consecutive_failures", 1)
    assert 0 < state["open_for_ms"] <= 300_000
    metrics = gateway.metrics()
    assert metrics.sum("portcullis_circuit_breaker_state", upstream="app/service") == 2
    assert metrics.sum("portcullis_refusals_total", by="circuit_breaker") == 1
    assert any(line.get("cause") == "consecutive_failures" for line in gateway.log())


def test_a_success_in_between_begins_the_count_anew(moody, gateway_with):
    upstream = moody()
    gateway = gateway_with(upstream, upstream=breaker())
    for _ in range(3):
        fail(gateway, upstream, 2)
        upstream.is_well = True
        assert get(gateway.port).status == 200
    assert breaker_state(gateway) == "closed"


@pytest.mark.parametrize("kind, script", [("reset", resetting), ("connect", None)])
def test_broken_answers_and_refused_connections_count(upstream_with, gateway_with, kind, script):
    target = upstream_with(script) if script else f"http://127.0.0.1:{refused_port()}"
    gateway = gateway_with(target, upstream=breaker(), route=NO_RETRY)
    statuses = [post(gateway.port).status for _ in range(4)]
    assert statuses == [502, 502, 502, 503]


def test_time_outs_count(upstream_with, gateway_with):
    from harness import silent
    gateway = gateway_with(
        upstream_with(silent), upstream={**breaker(), "timeouts": {"response_header": "100ms"}})
    assert [get(gateway.port).status for _ in range(4)] == [504, 504, 504, 503]


@pytest.mark.parametrize("status", [b"500 Internal Server Error", b"404 Not Found", b"429 Too Many Requests"])
def test_other_statuses_do_not_count_unless_they_are_named(moody, gateway_with, status):
    upstream = moody(bad=status)
    code = int(status[:3])
    gateway = gateway_with(upstream, upstream=breaker())
    assert fail(gateway, upstream, 6) == [code] * 6
    named = gateway_with(upstream, upstream=breaker(failures=[code]))
    assert fail(named, upstream, 4) == [code, code, code, 503]


def test_clients_that_leave_do_not_count(upstream_with, gateway_with):
    upstream = upstream_with(lambda connection: connection.request() and connection.until_closed(10))
    gateway = gateway_with(upstream, upstream=breaker(consecutive_failures=1))
    for number in range(3):
        client = gateway.client()
        client.send(request_bytes())
        upstream.wait_for_requests(number + 1)
        client.reset()
    eventually(lambda: len(gateway.access_log()) == 3, what="three lines")
    state = upstream_state(gateway)["circuit_breaker"]
    assert (state["state"], state["consecutive_failures"]) == ("closed", 0)


def test_what_the_gateway_refuses_itself_does_not_count(moody, gateway_with):
    upstream = moody()
    gateway = gateway_with(
        upstream, upstream=breaker(consecutive_failures=1), route={"limits": {"body_bytes_max": "10B"}})
    for _ in range(3):
        assert post(gateway.port, body=b"x" * 11).status == 413
    assert breaker_state(gateway) == "closed"


def test_after_the_open_time_as_many_probes_go_as_there_are_and_then_it_closes(moody, gateway_with):
    upstream = moody()
    gateway = gateway_with(upstream, upstream=breaker(open_for="300ms", probes=2), gateway={"workers": 2})
    fail(gateway, upstream)
    assert get(gateway.port).status == 503
    upstream.is_well = True
    upstream.held = True
    asked = upstream.asked
    clients = [gateway.client() for _ in range(20)]
    eventually(lambda: upstream_state(gateway)["circuit_breaker"].get("open_for_ms") == 0, what="the open time's end")
    for client in clients:
        client.send(request_bytes())
    eventually(lambda: upstream.asked == asked + 2, what="two probes")
    assert breaker_state(gateway) == "half_open"
    refused = sum(1 for line in eventually(
        lambda: len([line for line in gateway.access_log() if line["status"] == 503]) >= 18 + 4
        and gateway.access_log(), what="eighteen refusals") if line.get("error") == "circuit-open")
    assert refused >= 18
    upstream.release.set()
    statuses = [client.response().status for client in clients]
    assert sorted(statuses) == [200] * 2 + [503] * 18, "a recovering upstream is not stampeded"
    for client in clients:
        client.close()
    assert breaker_state(gateway) == "closed"
    assert get(gateway.port).status == 200


@pytest.mark.parametrize("leave, seconds", [("reset", "60s"), ("close", "1s"), ("finish_sending", "1s")])
def test_a_probe_whose_client_leaves_does_not_keep_its_place(moody, gateway_with, leave, seconds):
    """At once where the gateway can tell, else when the attempt's time is over."""
    upstream = moody()
    gateway = gateway_with(
        upstream, upstream=breaker(open_for="200ms", open_growth=1, probes=1),
        route={"timeouts": {"response_header": seconds}})
    fail(gateway, upstream)
    upstream.is_well = upstream.held = True
    asked = upstream.asked
    client = gateway.client()

    def is_probe():
        lines = len(gateway.access_log())
        client.send(request_bytes())
        eventually(lambda: upstream.asked > asked or len(gateway.access_log()) > lines, what="the request's fate")
        return upstream.asked > asked or not client.response()

    eventually(is_probe, what="the open time's end")
    assert get(gateway.port).status == 503, "its place is taken"
    upstream.held = False
    getattr(client, leave)()
    eventually(lambda: get(gateway.port).status == 200, 10, "another probe")
    assert breaker_state(gateway) == "closed"


def test_retry_after_is_what_is_left_of_the_open_time(moody, gateway_with):
    upstream = moody()
    gateway = gateway_with(upstream, upstream=breaker(open_for="3s", probes=1))
    before = time.monotonic()
    fail(gateway, upstream)
    after = time.monotonic()
    upstream.is_well = True
    told = []

    def asked():
        start = time.monotonic()
        response = get(gateway.port)
        if response.status == 200:
            return True
        least, most = before + 3 - time.monotonic(), after + 3 - start
        told.append(int(response.header("retry-after")))
        assert max(math.ceil(least), 1) <= told[-1] <= max(math.ceil(most), 1), (least, told[-1], most)
        return False

    eventually(asked, 10, "an answer from the upstream")
    # Whoever comes then finds it open for requests.
    assert told == sorted(told, reverse=True) and set(told) == {1, 2, 3}
    assert time.monotonic() >= before + 3


RECOVERY_SECONDS = 2
OFFERED = 400


class Counter:
    """An upstream that notes when each request comes; it answers 503 until it is well."""

    def __init__(self):
        self.is_well = False
        self.times = []
        self.server = ScriptedUpstream(self.serve)

    def serve(self, connection):
        while data := connection.sock.recv(65536):
            count = data.count(b"\r\n\r\n")
            self.times += [time.monotonic()] * count
            connection.sock.sendall((ok(b"") if self.is_well else ok(b"", status=b"503 Service Unavailable")) * count)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_upstream_that_has_recovered_gets_its_load_little_by_little(tmp_path, gateway_with, workers):
    upstream = Counter()
    with upstream.server:
        policy = breaker(open_for="500ms", probes=3, recover_for=f"{RECOVERY_SECONDS}s")
        gateway = gateway_with(upstream.server, upstream=policy, gateway={"workers": workers})
        assert [get(gateway.port).status for _ in range(4)] == [503] * 4
        upstream.is_well = True
        failed = len(upstream.times)
        stream, = Flood(tmp_path).run(RECOVERY_SECONDS + 2, (gateway.port, "/", OFFERED, 8))
        assert set(stream.statuses) == {200, 503}
        times = upstream.times[failed:]
        assert len(times) == stream.count(200), "nothing is lost, and nothing sent twice"
        # From the last probe on.
        since = [moment - times[2] for moment in times]
        bins = [sum(number <= moment * 10 < number + 1 for moment in since[3:]) for number in range(int(since[-1] * 10))]
        print("requests per 100 ms:", bins)
        for number in range(1, RECOVERY_SECONDS * 10):
            came, due = sum(bins[:number]), admitted(number / 10)
            # A busy machine may hold some back for a moment.
            assert came <= due * 1.15 + 10, (number, came, due, bins)
        came, due = sum(bins[:RECOVERY_SECONDS * 10]), admitted(RECOVERY_SECONDS)
        assert abs(came - due) < due * 0.15, (came, due, bins)
        assert sum(bins[:3]) < OFFERED * 0.3 / 2, "no stampede"
        assert get(gateway.port).status == 200 and breaker_state(gateway) == "closed"


def admitted(seconds):
    """What the law lets through in that time: a tenth of what is offered at first, then more in proportion."""
    return OFFERED * (0.1 * seconds + 0.45 * seconds ** 2 / RECOVERY_SECONDS)


def test_introspection_shows_a_recovery_and_failures_end_it(moody, gateway_with):
    upstream = moody()
    gateway = gateway_with(upstream, upstream=breaker(open_for="200ms", probes=1, recover_for="1h"))
    fail(gateway, upstream)
    upstream.is_well = True
    eventually(lambda: get(gateway.port).status == 200, what="a probe")
    state = upstream_state(gateway)["circuit_breaker"]
    assert (state["state"], state["share"], state["streak"]) == ("recovering", "10%", 1)
    assert 3_500_000 < state["recovered_in_ms"] <= 3_600_000
    assert gateway.metrics().sum("portcullis_circuit_breaker_state", upstream="app/service") == 3
    answers = [get(gateway.port) for _ in range(20)]
    assert [answer.status for answer in answers].count(200) == 2
    refused = next(answer for answer in answers if answer.status == 503)
    assert json.loads(refused.body)["code"] == "circuit-open" and refused.header("retry-after") == "1"
    upstream.is_well = False
    eventually(lambda: get(gateway.port) and breaker_state(gateway) == "open", what="the breaker opening again")
    assert upstream_state(gateway)["circuit_breaker"]["streak"] == 2


def test_a_target_that_recovers_shares_with_the_others(moody, gateway_with):
    good, bad = moody(), moody()
    bad.is_well = False
    gateway = gateway_with(
        good, bad, upstream=breaker(scope="targets", open_for="200ms", probes=1, recover_for="1h"))
    eventually(lambda: get(gateway.port) and states(gateway)[bad.target] == "ejected", what="the target being out")
    bad.is_well = True
    eventually(lambda: get(gateway.port) and states(gateway)[bad.target] == "recovering", what="its return")
    before = bad.asked
    assert [get(gateway.port).status for _ in range(80)] == [200] * 80, "what one doesn't take the other does"
    assert 2 <= bad.asked - before <= 12


def states(gateway):
    return {item["target"]: item["state"] for item in upstream_state(gateway)["targets"]}


def test_a_failed_probe_opens_it_for_longer(moody, gateway_with):
    upstream = moody()
    gateway = gateway_with(upstream, upstream=breaker(open_for="100ms", open_growth=10, probes=1))
    fail(gateway, upstream)
    asked = upstream.asked
    eventually(lambda: get(gateway.port) and upstream.asked == asked + 1, what="a probe")
    state = upstream_state(gateway)["circuit_breaker"]
    assert (state["state"], state["reason"], state["streak"]) == ("open", "failed_probe", 2)
    assert 500 < state["open_for_ms"] <= 1_000


def test_a_part_of_failures_opens_it_once_there_are_enough_requests(moody, gateway_with):
    upstream = moody()
    gateway = gateway_with(
        upstream, upstream=breaker(consecutive_failures=0, failure_ratio="50%", volume_min=10, window="60s"))
    for number in range(10):
        assert breaker_state(gateway) == "closed", number
        upstream.is_well = number % 2 == 0
        get(gateway.port)
    assert upstream_state(gateway)["circuit_breaker"]["reason"] == "failure_ratio"


def test_a_part_of_slow_answers_opens_it(upstream_with, gateway_with):
    late = threading.Event()

    def script(connection):
        while connection.request():
            late.wait(0.05)
            connection.send(ok())

    gateway = gateway_with(
        upstream_with(script),
        upstream=breaker(consecutive_failures=0, slow_ratio="100%", slow_time="20ms", volume_min=3))
    assert [get(gateway.port).status for _ in range(4)] == [200, 200, 200, 503]
    assert upstream_state(gateway)["circuit_breaker"]["reason"] == "slow_ratio"


def test_a_fallback_is_answered_in_place_of_503(moody, gateway_with):
    upstream = moody()
    fallback = {"status": 203, "content_type": "application/json", "body": '{"stale": true}'}
    gateway = gateway_with(upstream, upstream=breaker(fallback=fallback))
    fail(gateway, upstream)
    response = get(gateway.port)
    assert (response.status, response.header("content-type"), response.body) == (
        203, "application/json", b'{"stale": true}')
    assert gateway.access_line(status=203)["refused_by"] == "circuit_breaker"


def test_a_target_that_fails_is_left_out_and_comes_back(moody, gateway_with):
    good, bad = moody(), moody()
    gateway = gateway_with(good, bad, upstream={
        "circuit_breaker": {"consecutive_failures": 2, "open_for": "300ms", "jitter": "0%", "probes": 1}})
    bad.is_well = False
    eventually(lambda: get(gateway.port) and bad.asked >= 2, what="two failures")
    targets = {item["target"]: item for item in upstream_state(gateway)["targets"]}
    assert targets[bad.target]["state"] in ("ejected", "probing")
    assert targets[bad.target]["reason"].startswith("circuit breaker: ")
    assert targets[good.target]["state"] == "up"
    asked = bad.asked
    statuses = [get(gateway.port).status for _ in range(20)]
    assert statuses.count(503) <= 1, "only a probe can still fail"
    assert bad.asked <= asked + 1
    bad.is_well = True
    eventually(lambda: get(gateway.port).status == 200 and bad.asked >= asked + 5, what="the target's return")
    assert upstream_state(gateway)["circuit_breaker"]["state"] == "closed"


def test_no_more_targets_are_out_than_allowed(moody, gateway_with):
    upstreams = [moody() for _ in range(3)]
    gateway = gateway_with(*upstreams, upstream={
        "circuit_breaker": {"scope": "targets", "consecutive_failures": 1, "open_for": "1h", "ejected_max": "67%"}})
    for upstream in upstreams:
        upstream.is_well = False
    assert {get(gateway.port).status for _ in range(12)} == {503}
    state = upstream_state(gateway)
    assert state["ejected"] == state["ejected_max"] == 2
    asked = sum(upstream.asked for upstream in upstreams)
    get(gateway.port)
    assert sum(upstream.asked for upstream in upstreams) == asked + 1, "the one that is left is asked"


@pytest.mark.parametrize("left, part", [(2, "50%"), (4, "25%")], ids=["fewer targets", "a lower part"])
def test_after_a_reload_no_more_targets_are_out_than_allowed(moody, gateway_with, left, part):
    upstreams = [moody() for _ in range(4)]
    settings = {"scope": "targets", "consecutive_failures": 1, "open_for": "1h", "jitter": "0%", "ejected_max": "50%"}
    gateway = gateway_with(*upstreams, upstream={"circuit_breaker": settings})
    for upstream in upstreams[:2]:
        upstream.is_well = False
    eventually(lambda: get(gateway.port) and upstream_state(gateway)["ejected"] == 2, what="two being out")
    kept = upstreams[:left]
    gateway.write_routes(
        {"service": {"targets": [upstream.target for upstream in kept],
                     "circuit_breaker": {**settings, "ejected_max": part}}}, {"all": route_all()})
    assert gateway.hang_up() == "applied"
    state = upstream_state(gateway)
    assert state["ejected"] == state["ejected_max"] == 1
    asked = sum(upstream.asked for upstream in upstreams[:2])
    answers = [get(gateway.port) for _ in range(8)]
    assert all(answer.body in (b"ok", b"bad") for answer in answers), "the gateway itself refuses nobody"
    assert sum(upstream.asked for upstream in upstreams[:2]) > asked
    assert upstream_state(gateway)["ejected"] == 1


def test_when_all_targets_are_out_clients_hear_when_to_come_again(moody, gateway_with):
    upstream = moody()
    gateway = gateway_with(upstream, upstream={"circuit_breaker": {
        "scope": "targets", "consecutive_failures": 1, "open_for": "100s", "jitter": "0%", "ejected_max": "100%"}})
    fail(gateway, upstream, 1)
    response = get(gateway.port)
    assert response.status == 503 and json.loads(response.body)["code"] == "circuit-open"
    assert 90 <= int(response.header("retry-after")) <= 100


def test_a_reload_keeps_an_open_breaker_open(moody, gateway_with):
    upstream = moody()
    gateway = gateway_with(upstream, upstream=breaker())
    fail(gateway, upstream)
    gateway.write_routes({"service": {"targets": [upstream.target], **breaker(probes=7)}}, {"all": route_all(tier=2)})
    assert gateway.hang_up() == "applied"
    upstream.is_well = True
    assert get(gateway.port).status == 503
    assert breaker_state(gateway) == "open"
    gateway.write_routes({"service": {"targets": [upstream.target]}}, {"all": route_all()})
    assert gateway.hang_up() == "applied"
    assert get(gateway.port).status == 200


def test_an_operator_can_reset_it(moody, gateway_with):
    upstream = moody()
    gateway = gateway_with(upstream, upstream=breaker())
    fail(gateway, upstream)
    upstream.is_well = True
    assert get(gateway.port).status == 503
    assert gateway.admin("/upstreams/app/service/reset").status == 405
    assert gateway.admin("/upstreams/app/other/reset", "POST").status == 404
    response = gateway.admin("/upstreams/app/service/reset", "POST")
    assert response.status == 200 and json.loads(response.body)["closed"] == ["app/service"]
    assert get(gateway.port).status == 200


def test_explain_shows_it(moody, gateway_with):
    from harness import command
    upstream = moody()
    gateway = gateway_with(upstream, upstream=breaker(failure_ratio="50%"))
    shown = command("explain", gateway.folder, "GET", f"http://{HOST}/x")
    assert shown.returncode == 0, shown.stderr
    assert "circuit_breaker" in shown.stdout and "failure_ratio" in shown.stdout
