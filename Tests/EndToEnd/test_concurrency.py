"""How many requests are under way at a time: of a route, to an upstream, over all loops."""

import collections
import threading
import time

import pytest

from harness import ScriptedUpstream, eventually, get, ok, request_bytes, route_all, stays

PROBLEM = "application/problem+json"


class Held:
    """Answers when it is told to; counts how many requests it has at a time."""

    def __init__(self):
        self.lock = threading.Lock()
        self.now = self.most = 0
        self.places = threading.Semaphore(0)
        self.targets = []

    def script(self, connection):
        while (request := connection.request()) is not None:
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
                self.targets.append(request.target)
            assert self.places.acquire(timeout=20)
            with self.lock:
                self.now -= 1
            connection.send(ok())

    def release(self, count=1):
        self.places.release(count)


@pytest.fixture
def held(upstream_with):
    held = Held()
    held.upstream = upstream_with(held.script)
    yield held
    held.release(10_000)


def limited(requests_max, queue=None, wait=None):
    concurrency = {"requests_max": requests_max}
    if queue:
        concurrency["queue"] = {"requests_max": queue, **({"wait_max": wait} if wait else {})}
    return {"concurrency": concurrency}


def sent(gateway, *targets):
    clients = [gateway.client() for _ in targets]
    for client, target in zip(clients, targets):
        client.send(request_bytes(target=target))
    return clients


def close(clients):
    for client in clients:
        client.close()


@pytest.mark.parametrize("place", ["route", "upstream"])
def test_what_is_too_much_is_503(held, gateway_with, place):
    gateway = gateway_with(held.upstream, **{place: limited(2)})
    clients = sent(gateway, "/1", "/2")
    eventually(lambda: held.now == 2, what="two requests at the upstream")
    response = get(gateway.port, "/3")
    assert (response.status, response.header("content-type"), response.header("retry-after")) == (503, PROBLEM, "1")
    line = gateway.access_line(status=503)
    assert (line["refused_by"], line["error"]) == ("concurrency", "concurrency-limit")
    held.release(2)
    assert [client.response().status for client in clients] == [200, 200]
    held.release()
    assert get(gateway.port, "/4").status == 200
    assert held.most == 2
    close(clients)
    metrics = gateway.metrics()
    name = "app/all" if place == "route" else "app/service"
    assert metrics.sum("portcullis_concurrency_refusals_total", **{place: name}, reason="full") == 1
    assert metrics.sum("portcullis_refusals_total", route="app/all", by="concurrency") == 1
    eventually(lambda: gateway.metrics().sum("portcullis_concurrency_requests", **{place: name}, state="active") == 0)


@pytest.mark.parametrize("place", ["route", "upstream"])
def test_requests_wait_in_order(held, gateway_with, place):
    gateway = gateway_with(held.upstream, **{place: limited(1, queue=3, wait="20s")})
    clients = []
    for number in range(4):
        clients += sent(gateway, f"/{number}")
        if number == 0:
            eventually(lambda: held.now == 1, what="the first at the upstream")
        else:
            eventually(lambda: waiting(gateway) == number, what="the next in the queue")
    assert get(gateway.port, "/too-many").status == 503
    for number, client in enumerate(clients):
        assert held.now == 1
        held.release()
        assert client.response().status == 200
        eventually(lambda: held.now == (1 if number < 3 else 0), what="the next at the upstream")
    assert held.targets == ["/0", "/1", "/2", "/3"]
    assert held.most == 1
    close(clients)


def waiting(gateway):
    return gateway.metrics().sum("portcullis_concurrency_requests", state="waiting")


def test_a_wait_that_is_too_long_is_503(held, gateway_with):
    gateway = gateway_with(held.upstream, route=limited(1, queue=3, wait="200ms"))
    clients = sent(gateway, "/1")
    eventually(lambda: held.now == 1)
    start = time.monotonic()
    response = get(gateway.port, "/2")
    assert 0.2 <= time.monotonic() - start < 2
    assert (response.status, response.header("retry-after")) == (503, "1")
    assert gateway.access_line(status=503)["error"] == "concurrency-wait"
    assert gateway.metrics().sum("portcullis_concurrency_refusals_total", route="app/all", reason="waited") == 1
    held.release()
    assert clients[0].response().status == 200
    close(clients)


def test_a_shorter_wait_holds_behind_those_who_have_come_before(held, gateway_with):
    gateway = gateway_with(held.upstream, route=limited(1, queue=3, wait="60s"))
    clients = sent(gateway, "/1")
    eventually(lambda: held.now == 1)
    clients += sent(gateway, "/2")
    eventually(lambda: waiting(gateway) == 1)
    gateway.write_routes(
        {"service": {"targets": [held.upstream.target]}}, {"all": route_all(**limited(1, queue=3, wait="300ms"))})
    assert gateway.hang_up() == "applied"
    start = time.monotonic()
    assert get(gateway.port, "/3").status == 503
    assert time.monotonic() - start < 5
    assert clients[1].response().status == 503
    held.release()
    assert clients[0].response().status == 200
    close(clients)


@pytest.mark.parametrize("leave", ["close", "reset", "finish_sending"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_client_that_leaves_the_queue_makes_room(held, gateway_with, leave, method):
    gateway = gateway_with(held.upstream, route=limited(1, queue=1, wait="20s"))
    first = sent(gateway, "/1")
    eventually(lambda: held.now == 1)
    leaver = gateway.client()
    leaver.send(request_bytes(method, "/leaver", body=b"x" * 10 if method == "PUT" else b""))
    eventually(lambda: waiting(gateway) == 1)
    getattr(leaver, leave)()
    eventually(lambda: waiting(gateway) == 0, what="the free place in the queue")
    second = sent(gateway, "/2")
    eventually(lambda: waiting(gateway) == 1)
    held.release(2)
    assert first[0].response().status == second[0].response().status == 200
    assert held.targets == ["/1", "/2"]
    close(first + second)
    leaver.close()


def test_content_waits_with_its_request(held, gateway_with):
    gateway = gateway_with(held.upstream, route=limited(1, queue=1, wait="20s"))
    first = sent(gateway, "/1")
    eventually(lambda: held.now == 1)
    client = gateway.client()
    client.send(request_bytes("POST", "/2", body=b"c" * 300_000), seconds=5)
    eventually(lambda: waiting(gateway) == 1)
    held.release(2)
    assert client.response().status == 200
    assert held.upstream.last.body == b"c" * 300_000
    close(first + [client])


def test_the_requests_own_time_runs_in_the_queue(held, gateway_with):
    gateway = gateway_with(
        upstreams={"service": {"targets": [held.upstream.target], **limited(1, queue=1, wait="20s")}},
        routes={
            "patient": {"match": {"path": "/1"}, "upstream": "service"},
            "hasty": {"match": {"path": "/2"}, "upstream": "service", "timeouts": {"request": "300ms"}}})
    first = sent(gateway, "/1")
    eventually(lambda: held.now == 1)
    assert get(gateway.port, "/2").status == 503
    line = gateway.access_line(status=503)
    assert (line["error"], line["refused_by"]) == ("concurrency-wait", "concurrency")
    eventually(lambda: waiting(gateway) == 0)
    held.release()
    assert first[0].response().status == 200
    close(first)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("place", ["route", "upstream"])
def test_the_limit_is_exact_over_all_loops_and_nobody_is_forgotten(upstream_with, gateway_with, workers, place):
    lock = threading.Lock()
    under_way = [0, 0]

    def script(connection):
        while connection.request() is not None:
            with lock:
                under_way[0] += 1
                under_way[1] = max(under_way)
            time.sleep(0.001)
            with lock:
                under_way[0] -= 1
            connection.send(ok())

    gateway = gateway_with(
        upstream_with(script), gateway={"workers": workers}, **{place: limited(3, queue=100, wait="20s")})
    counts = collections.Counter()

    def load():
        with gateway.client() as client:
            for _ in range(40):
                client.send(request_bytes())
                counts[client.response(seconds=15).status] += 1

    threads = [threading.Thread(target=load) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert counts == {200: 24 * 40}
    assert under_way[1] <= 3
    eventually(lambda: waiting(gateway) == 0)
    eventually(lambda: gateway.metrics().sum("portcullis_concurrency_requests", state="active") == 0)


def test_counts_are_kept_over_a_reload(held, gateway_with):
    route = {"match": {"prefix": "/"}, "upstream": "service", **limited(2, queue=2, wait="20s")}
    upstreams = {"service": held.upstream.target}
    gateway = gateway_with(upstreams=upstreams, routes={"all": route}, gateway={"workers": 2})
    clients = sent(gateway, "/1", "/2")
    eventually(lambda: held.now == 2)
    clients += sent(gateway, "/3", "/4")
    eventually(lambda: waiting(gateway) == 2)
    gateway.write_routes(upstreams, {"all": {**route, "tier": 1}})
    assert gateway.hang_up()
    assert waiting(gateway) == 2
    assert get(gateway.port, "/5").status == 503
    gateway.write_routes(upstreams, {"all": {**route, **limited(3, queue=2, wait="20s")}})
    assert gateway.hang_up()
    eventually(lambda: held.now == 3, what="the one that the higher limit lets in")
    held.release(4)
    assert [client.response().status for client in clients] == [200] * 4
    close(clients)
    held.release(10)
    assert get(gateway.port, "/6").status == 200


def test_a_limit_that_a_reload_takes_away_lets_those_go_who_wait(held, gateway_with):
    route = {"match": {"prefix": "/"}, "upstream": "service"}
    upstreams = {"service": held.upstream.target}
    gateway = gateway_with(upstreams=upstreams, routes={"all": {**route, **limited(1, queue=5, wait="20s")}})
    clients = sent(gateway, "/1")
    eventually(lambda: held.now == 1)
    clients += sent(gateway, "/2", "/3")
    eventually(lambda: waiting(gateway) == 2)
    gateway.write_routes(upstreams, {"all": route})
    assert gateway.hang_up()
    held.release(10)
    assert [client.response().status for client in clients] == [200] * 3
    assert get(gateway.port, "/4").status == 200
    close(clients)


def test_both_limits_hold(held, gateway_with):
    gateway = gateway_with(
        upstreams={"service": {"targets": [held.upstream.target], **limited(2, queue=10, wait="20s")}},
        routes={
            "a": {"match": {"prefix": "/a"}, "upstream": "service", **limited(1, queue=10, wait="20s")},
            "b": {"match": {"prefix": "/b"}, "upstream": "service"}})
    clients = sent(gateway, "/a/1", "/a/2", "/a/3", "/b/1", "/b/2", "/b/3")
    eventually(lambda: held.now == 2)
    stays(lambda: held.now == 2, 0.1)
    held.release(6)
    assert [client.response().status for client in clients] == [200] * 6
    assert held.most == 2
    close(clients)


def test_introspection_shows_the_counts(held, gateway_with):
    gateway = gateway_with(held.upstream, route=limited(1, queue=4, wait="20s"), upstream=limited(7))
    clients = sent(gateway, "/1", "/2")
    eventually(lambda: waiting(gateway) == 1 and held.now == 1)
    shown = gateway.admin_json("/limits")["concurrency"]
    assert shown == [
        {"scope": "route", "name": "app/all", "requests_max": 1, "requests": 1, "queue_max": 4, "waiting": 1,
         "wait_max": "20s", "refused_full": 0, "refused_waited": 0},
        {"scope": "upstream", "name": "app/service", "requests_max": 7, "requests": 1, "queue_max": 0, "waiting": 0,
         "wait_max": "1s", "refused_full": 0, "refused_waited": 0}]
    held.release(2)
    close(clients)
