"""Whom a circuit breaker blames: not clients that send slowly, not the gateway's own queues, not what a reload has
made a thing of the past; and probes that clients hold up keep nobody out."""

import threading
import time

import pytest

from harness import eventually, get, ok, request_bytes, route_all, silent

SLOW_POST = b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000\r\n\r\n"


def breaker(**keys):
    return {"circuit_breaker": {"scope": "upstream", "consecutive_failures": 1, "open_for": "1h", "jitter": "0%", **keys}}


def scoped(scope):
    return {"scope": scope, **({"ejected_max": "100%"} if scope == "targets" else {})}


def state(gateway, scope="upstream"):
    upstream = gateway.admin_json("/upstreams")["upstreams"][0]
    return (upstream["targets"][0] if scope == "targets" else upstream)["circuit_breaker"]


class Orders:
    """An upstream whose request number n is answered when `answer(n)` says so, with 503 when it is told to fail."""

    def __init__(self, failing=0):
        self.lock = threading.Lock()
        self.asked = 0
        self.failing = failing
        self.released = set()
        self.changed = threading.Condition()

    def __call__(self, connection):
        while connection.request(seconds=60) is not None:
            with self.lock:
                number = self.asked
                self.asked += 1
            with self.changed:
                self.changed.wait_for(lambda: number in self.released or "all" in self.released, 30)
            connection.send(ok(status=b"503 Service Unavailable") if number < self.failing else ok())

    def answer(self, number="all"):
        with self.changed:
            self.released.add(number)
            self.changed.notify_all()


@pytest.fixture
def orders(upstream_with):
    made = []

    def make(**options):
        made.append(Orders(**options))
        return made[-1], upstream_with(made[-1], tolerate_errors=True)

    yield make
    for orders in made:
        orders.answer()


def test_a_client_that_sends_until_the_time_is_nearly_over_is_its_own_problem(orders, gateway_with):
    _, upstream = orders()
    gateway = gateway_with(upstream, upstream=breaker(), route={"timeouts": {"request": "1s"}})
    for _ in range(2):
        client = gateway.client()
        client.send(SLOW_POST)
        end = time.monotonic() + 0.7
        sent = 0
        while time.monotonic() < end:
            client.send_if_open(b"x")
            sent += 1
            time.sleep(0.02)
        client.send_if_open(b"x" * (1000 - sent))
        assert client.response("POST").status == 504
    assert (state(gateway)["state"], state(gateway)["consecutive_failures"]) == ("closed", 0)


def test_time_in_the_gateways_queue_is_not_the_targets(orders, gateway_with):
    said, upstream = orders()
    gateway = gateway_with(upstream, upstream=breaker(), route={
        "timeouts": {"request": "1s"}, "concurrency": {"requests_max": 1, "queue": {"requests_max": 9, "wait_max": "9s"}}})
    for first in (0, 2):
        clients = [gateway.client(), gateway.client()]
        clients[0].send(request_bytes())
        upstream.wait_for_requests(first + 1)
        clients[1].send(request_bytes())
        time.sleep(0.7)
        said.answer(first)
        # The first is answered, the second has a target for the rest of its time.
        assert [client.response().status for client in clients] == [200, 504]
    assert state(gateway)["state"] == "closed"


def test_a_target_that_has_a_request_for_all_its_time_is_to_blame(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(silent), upstream=breaker(), route={"timeouts": {"request": "300ms"}})
    assert [get(gateway.port).status for _ in range(2)] == [504, 503]
    assert state(gateway)["state"] == "open"


@pytest.mark.parametrize("scope", ["upstream", "targets"])
def test_probes_that_never_end_keep_nobody_out(orders, gateway_with, scope):
    said, upstream = orders(failing=1)
    said.answer()
    gateway = gateway_with(upstream, upstream=breaker(open_for="100ms", probes=2, **scoped(scope)))
    assert get(gateway.port).status == 503
    eventually(lambda: state(gateway, scope).get("open_for_ms") == 0, what="the open time's end")
    uploads = [gateway.client() for _ in range(2)]
    for upload in uploads:
        upload.send(SLOW_POST)
    eventually(lambda: state(gateway, scope).get("probes_granted") == 2, what="both probes")
    began = time.monotonic()
    statuses = []
    while time.monotonic() - began < 20 and statuses[-2:] != [200, 200]:
        for upload in uploads:
            upload.send(b"x")
        response = get(gateway.port)
        statuses.append(response.status)
        assert response.status == 200 or b'"circuit-open"' in response.body
        time.sleep(0.1)
    assert statuses[0] == 503 and statuses[-2:] == [200, 200]
    assert time.monotonic() - began > 4, "they have some time first"
    assert state(gateway, scope)["state"] == "closed"
    for upload in uploads:
        upload.close()


@pytest.mark.parametrize("scope", ["upstream", "targets"])
def test_a_reload_that_asks_for_fewer_probes_closes_it_when_they_have_succeeded(orders, gateway_with, scope):
    said, upstream = orders(failing=1)
    said.answer()
    keys = {"open_for": "100ms", **scoped(scope)}
    gateway = gateway_with(upstream, upstream=breaker(probes=3, **keys))
    assert get(gateway.port).status == 503
    eventually(lambda: get(gateway.port).status == 200, what="a probe")
    gateway.write_routes({"service": {"targets": [upstream.target], **breaker(probes=1, **keys)}}, {"all": route_all()})
    assert gateway.hang_up() == "applied"
    assert [get(gateway.port).status for _ in range(5)] == [200] * 5
    assert state(gateway, scope)["state"] == "closed"
    assert any(line.get("cause") == "probes" for line in gateway.log())


def test_what_was_under_way_when_a_reload_removed_a_breaker_says_nothing_when_it_is_back(orders, gateway_with):
    said, upstream = orders(failing=4)
    service = {"targets": [upstream.target], **breaker(scope="both", ejected_max="100%", consecutive_failures=2)}
    gateway = gateway_with(upstreams={"service": service}, routes={"all": route_all()})
    clients = [gateway.client() for _ in range(4)]
    for number, client in enumerate(clients):
        client.send(request_bytes())
        upstream.wait_for_requests(number + 1)
    gateway.write_routes({"service": {"targets": [upstream.target]}}, {"all": route_all()})
    assert gateway.hang_up() == "applied"
    for number in range(3):
        said.answer(number)
    assert sorted(client.response().status for client in clients[:3]) == [503] * 3
    gateway.write_routes({"service": service}, {"all": route_all()})
    assert gateway.hang_up() == "applied"
    said.answer()
    assert clients[3].response().status == 503
    assert [get(gateway.port).status for _ in range(3)] == [200] * 3
    assert (state(gateway)["state"], state(gateway)["openings"]) == ("closed", 0)


def test_requests_that_a_breaker_refused_earn_no_retries(orders, gateway_with):
    said, upstream = orders(failing=10**9)
    said.answer()
    gateway = gateway_with(
        upstream, upstream={**breaker(), "retry_budget": {"ratio": "10%", "per_second_min": 0}},
        route={"retries": {"attempts_max": 3, "on": [503]}})
    assert [get(gateway.port).status for _ in range(50)] == [503] * 50
    assert gateway.admin_json("/upstreams")["upstreams"][0]["retry_budget"]["requests"] == 1
