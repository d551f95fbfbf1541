"""Every traffic feature at once, on several loops, while reloads change its settings and what it needs comes and goes."""

import collections
import os
import threading

import pytest

from harness import Background, EchoUpstream, RawClient, ScriptedUpstream, echo, eventually, ok, request_bytes
from harness.redis import RedisServer

RELOADS = int(os.environ.get("RELOADS", "24"))
LOOPS = 3
BODY = b'{"amount": 1, "secret": "x"}'
# What each route may answer while a target fails, Redis is gone and limits are full.
EXPECTED = {
    "limited": {200, 429}, "shared": {200, 429}, "edited": {200}, "split": {200}, "few": {200, 503},
    "failing": {200, 502, 503}, "retried": {200, 502, 503},
}


class Moody:
    """Answers its requests, health checks too, with 200, 503 or an end of the connection, as its mood is."""

    def __init__(self):
        self.mood = "well"
        self.server = ScriptedUpstream(self.serve)

    def serve(self, connection):
        while (request := connection.request()) is not None:
            if self.mood == "resets":
                return connection.reset()
            connection.send(echo(request) if self.mood == "well" else ok(status=b"503 Service Unavailable"))

    def __enter__(self):
        return self.server.target, self

    def __exit__(self, failure, *_):
        self.server.__exit__(failure)


def plugins(number):
    def limit(rate, **options):
        return {"rate_limit": {"rate": f"{rate}/s", "burst": 5 + number % 2, "key": "header.X-Caller", **options}}

    return {
        "limited": limit(50 + number % 3, keys_max=16 << number % 2),
        "shared": limit(60, store="shared", on_failure="local", batch=1 + number % 2 * 4),
        "edited": {
            "request_transform": {
                "headers": {"set": {"X-Version": str(number)}}, "body": {"json": {
                    "remove": ["/secret"], "set": {"/version": str(number), "/caller": "{header.X-Caller}"}}}},
            "response_transform": {"body": {"json": {"remove": ["/headers"], "set": {"/version": str(number)}}}}},
    }


def domain(steady, moody, number):
    """A configuration that has another number in every feature."""
    targets = [steady, moody] if number % 4 else [moody]
    scope = ["both", "upstream", "targets"][number % 3]
    upstreams = {
        "steady": {"targets": [steady], "balancer": ["round_robin", "least_requests"][number % 2]},
        "moody": {
            "targets": targets,
            "circuit_breaker": {
                "scope": scope, **({} if scope == "upstream" else {"ejected_max": "100%"}),
                "consecutive_failures": 3 + number % 2, "window": "1s", "failure_ratio": "50%", "volume_min": 10,
                "open_for": "20ms", "open_for_max": "100ms"},
            "health_check": {"path": f"/up/{number}", "interval": "50ms", "unhealthy_threshold": 1 + number % 2},
            "slow_start": "100ms", "panic_threshold": f"{number % 2 * 50}%",
            "retry_budget": {"ratio": f"{20 + number}%", "per_second_min": 5},
            "concurrency": {"requests_max": 2 + number % 3, "queue": {"requests_max": 50, "wait_max": "5s"}}},
    }
    routes = {name: {"match": {"prefix": f"/{name}"}, "upstream": "steady"} for name in EXPECTED}
    for name, settings in plugins(number).items():
        routes[name]["plugins"] = settings
    for name in ("failing", "retried"):
        routes[name]["upstream"] = "moody"
    routes["few"]["concurrency"] = {"requests_max": 1 + number % 2, "queue": {"requests_max": 1, "wait_max": "50ms"}}
    routes["retried"]["retries"] = {
        "attempts_max": 2 + number % 2, "methods": ["POST"], "backoff": {"base": "1ms", "max": "5ms"}}
    del routes["split"]["upstream"]
    sides = [{"upstream": "steady", "weight": number % 3}, {"upstream": "other", "weight": 1}]
    upstreams["other"] = [steady]
    routes["split"]["split"] = {"upstreams": sides, "key": {"header": "X-Caller"}}
    return {"upstreams": upstreams, "routes": routes}


class Callers(Background):
    """For each route some clients that never pause."""

    def __init__(self, gateway, clients=2):
        super().__init__()
        self.gateway = gateway
        self.answers = {name: collections.Counter() for name in EXPECTED}
        self.threads = [
            threading.Thread(target=self.ask, args=(name, caller)) for name in EXPECTED for caller in range(clients)]
        self.threads.append(threading.Thread(target=self.look))

    def ask(self, name, caller):
        headers = [("Content-Type", "application/json")]
        try:
            count = 0
            while not self.ending.is_set():
                with RawClient(self.gateway.port) as client:
                    # New connections from time to time, so that every loop has every route's requests.
                    for _ in range(5):
                        count += 1
                        named = [*headers, ("X-Caller", f"{caller}-{count % 40}")]
                        client.send(request_bytes("POST", f"/{name}/{count}", named, body=BODY))
                        response = client.response("POST", seconds=20)
                        with self.lock:
                            self.answers[name][response.status] += 1
                        if response.closes:
                            break
        except Exception as failure:
            self.failures.append((name, failure))

    def look(self):
        """Reads what the admin listener shows of all this."""
        paths = ("/metrics", "/upstreams", "/limits", "/stores", "/routes", "/config")
        try:
            while not self.ending.is_set():
                for path in paths:
                    assert self.gateway.admin(path, seconds=20).status == 200, path
        except Exception as failure:
            self.failures.append(("admin", failure))

    def more(self, count):
        goal = {name: sum(answers.values()) + count for name, answers in self.answers.items()}
        eventually(
            lambda: self.failures or all(sum(self.answers[name].values()) >= goal[name] for name in goal),
            30, f"{count} more answers on every route: {self.answers}")


@pytest.mark.slow
def test_nothing_hangs_is_lost_or_left_behind(tmp_path, gateway_with):
    redis = RedisServer(tmp_path / "redis")
    with EchoUpstream() as steady, Moody() as (target, moody), redis:
        store = {"addresses": [redis.address], "timeout": "500ms", "breaker": {"open_for": "100ms", "open_for_max": "200ms"}}
        gateway = gateway_with(
            **domain(steady.target, target, 0), gateway={"workers": LOOPS, "stores": {"shared": {"redis": store}}})
        with Callers(gateway) as callers:
            for number in range(1, RELOADS + 1):
                moody.mood = ["well", "ill", "resets"][number % 3]
                if number % 6 == 2:
                    redis.kill()
                if number % 6 == 5:
                    redis.start()
                gateway.write_routes(**domain(steady.target, target, number))
                assert gateway.hang_up(20) == "applied"
                callers.more(5)
            moody.mood = "well"
            if redis.process.poll() is not None:
                redis.start()
            eventually(lambda: gateway.metrics().sum("portcullis_store_ready") == LOOPS, 20, "the store being ready")
            callers.more(40)
        unexpected = {name: dict(found) for name, found in callers.answers.items() if set(found) - EXPECTED[name]}
        assert unexpected == {}, callers.answers
        assert all(answers[200] > 0 for answers in callers.answers.values()), callers.answers
        eventually(lambda: gateway.metrics().sum("portcullis_concurrency_requests") == 0, what="nobody holding a place")
