"""Rate limits whose buckets are in a Redis that replicas share, and what becomes of them when it isn't there."""

import json
import re
import threading
import time
from collections import Counter

import pytest

from harness import RawClient, eventually, get, request_bytes, route_all
from harness.delay import DelayingProxy
from harness.fake_redis import LOADING, FakeRedis
from harness.redis import RedisSentinel, RedisServer
from identity import Key, World, route, token
from identity.certificates import Authority

PROBLEM = "application/problem+json"
# Longer than any answer may take while the store doesn't: `timeout`, two ticks of the loop's timer, and a slow machine.
DECIDED_SECONDS = 2.0


@pytest.fixture
def replica(gateway_with, upstream_with):
    """Starts a gateway that limits all paths with a store's help."""

    def start(*servers, limit=None, store=None, routes=None, workers=1, env=None, gateway=None, **options):
        upstream = upstream_with()
        redis = {"timeout": "100ms", "breaker": {"open_for": "200ms", "open_for_max": "400ms"}}
        if servers:
            redis["addresses"] = [getattr(server, "address", server) for server in servers]
        redis.update(store or {})
        rule = {"rate": "5/h", "key": "gateway", "store": "shared", "on_failure": "refuse", **(limit or {})}
        return gateway_with(
            upstreams={"service": upstream.target},
            routes=routes or {"all": route_all(plugins={"rate_limit": rule})},
            gateway={"stores": {"shared": {"redis": redis}}, "workers": workers, **(gateway or {})}, env=env, **options)

    return start


def ready(gateway, loops=1):
    eventually(lambda: metric(gateway, "portcullis_store_ready") == loops, 10, "the store being ready")
    return gateway


def metric(gateway, name, **labels):
    return sum(
        value for found, has, value in gateway.metrics()
        if found == name and all(has.get(key) == wanted for key, wanted in labels.items()))


def statuses(gateway, count, **options):
    return [get(gateway.port, **options).status for _ in range(count)]


# The bucket

def test_replicas_share_one_bucket(redis, replica):
    first, second = ready(replica(redis, limit={"burst": 5})), ready(replica(redis, limit={"burst": 5}))
    assert statuses(first, 3) == [200] * 3
    assert statuses(second, 3) == [200, 200, 429]
    refused = get(first.port)
    assert refused.status == 429 and refused.header("content-type") == PROBLEM
    assert 700 <= int(refused.header("retry-after")) <= 720
    assert refused.header("ratelimit-policy") == '"default";q=5;w=3600'
    assert refused.header("ratelimit").startswith('"default";r=0;t=7')


def test_standings_are_those_of_the_store(redis, replica):
    first, second = ready(replica(redis, limit={"burst": 5})), ready(replica(redis, limit={"burst": 5}))
    assert get(first.port).header("ratelimit").startswith('"default";r=4')
    assert get(second.port).header("ratelimit").startswith('"default";r=3')


def test_keys_have_the_prefix_the_limits_name_and_no_text_of_a_client(redis, replica):
    gateway = ready(replica(redis, limit={"key": "header.X-Key", "burst": 2}, store={"prefix": "gw:"}))
    secret = [("X-Key", "a-very-personal-key")]
    assert statuses(gateway, 3, headers=secret) == [200, 200, 429]
    assert statuses(gateway, 1, headers=[("X-Key", "another")]) == [200]
    keys = [key for key in redis.keys() if "probe" not in key]
    assert len(keys) == 2 and all(key.startswith("gw:app/all/rate_limit/default:") for key in keys)
    assert all(len(key.rsplit(":", 1)[1]) == 32 for key in keys) and "personal" not in str(keys)
    # A bucket that is full again has nothing to remember.
    assert all(0 < redis.call("PTTL", key) <= 2 * 720_001 for key in keys)


def test_listings_say_that_the_process_does_not_know_how_buckets_in_a_store_stand(redis, replica):
    gateway = ready(replica(redis, limit={"key": "header.x-key", "burst": 3}))
    assert statuses(gateway, 4, headers=[("X-Key", "one")]) == [200, 200, 200, 429]
    limit = gateway.admin_json("/limits?limit=app/all/rate_limit/default")
    assert (limit["in"], limit["keys_in_use"]) == ("store shared", None)
    assert (limit["decisions"]["allowed"], limit["decisions"]["refused"]) == (3, 1)
    standing = gateway.admin_json("/limits?limit=app/all/rate_limit/default&key=one")
    assert (standing["in"], standing["remaining"], standing["in_use"]) == ("store shared", None, None)
    assert gateway.admin("/limits?limit=app/all/rate_limit/default&key=one&key=two").status == 400


def test_a_request_that_one_limit_refuses_is_charged_to_none(redis, replica):
    limits = {
        "wide": {"rate": "100/h", "key": "gateway", "store": "shared", "on_failure": "refuse"},
        "narrow": {"rate": "1/h", "key": "gateway", "store": "shared", "on_failure": "refuse"},
    }
    gateway = ready(replica(redis, routes={"all": route_all(plugins={"rate_limit": {"limits": limits}})}))
    assert statuses(gateway, 5) == [200, 429, 429, 429, 429]
    standing = get(gateway.port).header("ratelimit")
    # A burst of what comes in a second, at least one: the wide one has given its token, and no other.
    assert '"wide";r=0' in standing and '"narrow";r=0' in standing
    assert "narrow" in get(gateway.port).body.decode()


SPIFFE = {"id": "spiffe://bank-a/user/{claim.user_id}", "tenant": "{claim.tenant}"}


@pytest.mark.parametrize("wide, narrow", [
    ({}, {}), ({"store": "shared"}, {"store": "shared"}), ({"store": "shared"}, {}), ({}, {"store": "shared"}),
    ({"store": "shared", "batch": 5}, {"store": "shared"})])
def test_what_a_limit_gave_before_the_caller_was_known_is_given_back(tmp_path, redis, wide, narrow):
    """The same for limits of the process and of the store, and whichever of them refuses."""
    key = Key("ES256", "one")
    limits = {"wide": {"rate": "1/h", "burst": 10, "key": "gateway", **wide},
              "narrow": {"rate": "1/h", "burst": 1, "key": "tenant", **narrow}}
    routes = {"all": route("/", rate_limit={"limits": limits}, jwt={"issuer": "corporate"}, spiffe=SPIFFE)}
    stores = {"shared": {"redis": {"addresses": [redis.address], "timeout": "5s"}}}
    with World(tmp_path / "gw", routes, [key], gateway={"stores": stores}) as world:
        ready(world.gateway)
        one, other = (token(key, tenant=tenant) for tenant in ("one", "other"))
        answers = [world.get("/", one) for _ in range(8)]
        assert [answer.status for answer in answers] == [200] + [429] * 7
        assert {remaining(answer, "wide") for answer in answers[1:]} == {9}
        assert remaining(world.get("/", other), "wide") == 8


@pytest.mark.parametrize("backing", [{}, {"store": "shared"}, {"store": "shared", "batch": 4}])
def test_a_bucket_that_a_route_names_twice_is_charged_twice(redis, replica, backing):
    """By a store just as by the process."""
    domain = {"rate_limits": {"both": {"rate": "1/h", "burst": 6, "key": "gateway", **backing},
                              "one": {"rate": "1/h", "burst": 1, "key": "gateway", **backing}}}
    limits = {"first": {"shared": "both"}, "second": {"shared": "both", "cost": 2}}
    routes = {"twice": route_all(match={"prefix": "/twice"}, plugins={"rate_limit": {"limits": limits}}),
              "more": route_all(match={"prefix": "/more"}, plugins={"rate_limit": {"limits": {
                  "first": {"shared": "one"}, "second": {"shared": "one"}}}})}
    if backing.get("batch"):
        domain["rate_limits"]["one"].pop("batch")
    gateway = ready(replica(redis, domain=domain, routes=routes))
    first = get(gateway.port, "/twice")
    assert first.status == 200 and remaining(first, "second") == 3
    if not backing.get("batch"):
        assert remaining(first, "first") == 5
    assert statuses(gateway, 3, target="/twice") == [200, 429, 429]
    assert statuses(gateway, 2, target="/more") == [429, 429]


@pytest.mark.parametrize("backing", [{}, {"store": "shared"}])
def test_what_was_charged_twice_is_given_back_twice(tmp_path, redis, backing):
    key = Key("ES256", "one")
    limits = {"first": {"shared": "both"}, "second": {"shared": "both", "cost": 2},
              "narrow": {"rate": "1/h", "burst": 1, "key": "tenant", **backing}}
    routes = {"all": route("/", rate_limit={"limits": limits}, jwt={"issuer": "corporate"}, spiffe=SPIFFE)}
    stores = {"shared": {"redis": {"addresses": [redis.address], "timeout": "5s"}}}
    domain = {"rate_limits": {"both": {"rate": "1/h", "burst": 6, "key": "gateway", **backing}}}
    with World(tmp_path / "gw", routes, [key], gateway={"stores": stores}, domain=domain) as world:
        ready(world.gateway)
        one, other, last = (token(key, tenant=tenant) for tenant in ("one", "other", "last"))
        answers = [world.get("/", one) for _ in range(4)]
        assert [answer.status for answer in answers] == [200] + [429] * 3
        assert {(remaining(answer, "first"), remaining(answer, "second")) for answer in answers[1:]} == {(3, 3)}
        assert [world.get("/", caller).status for caller in (other, last)] == [200, 429]


@pytest.mark.parametrize("wide, narrow", [({}, {}), ({"store": "shared"}, {"store": "shared"}), ({}, {"store": "shared"})])
def test_a_bucket_that_is_full_again_has_no_time(redis, replica, wide, narrow):
    limits = {"wide": {"rate": "1/h", "burst": 4, "key": "header.x-wide", **wide},
              "narrow": {"rate": "1/h", "burst": 1, "key": "header.x-narrow", **narrow}}
    gateway = ready(replica(redis, routes={"all": route_all(plugins={"rate_limit": {"limits": limits}})}))
    assert get(gateway.port, headers=[("X-Wide", "one"), ("X-Narrow", "one")]).status == 200
    refused = get(gateway.port, headers=[("X-Wide", "other"), ("X-Narrow", "one")])
    assert refused.status == 429 and '"wide";r=4, ' in refused.header("ratelimit")


def remaining(answer, limit):
    return int(re.search(rf'"{limit}";r=(\d+)', answer.header("ratelimit"))[1])


def test_shadow_counts_and_refuses_nobody(redis, replica):
    gateway = ready(replica(redis, limit={"burst": 2, "shadow": True}))
    assert statuses(gateway, 5) == [200] * 5
    assert len([key for key in redis.keys() if "default" in key]) == 1


def test_costs_are_charged(redis, replica):
    gateway = ready(replica(redis, limit={"burst": 5, "cost": {"default": 2, "POST": 5}}))
    assert statuses(gateway, 3) == [200, 200, 429]


def test_a_forgotten_script_is_loaded_again_without_a_lost_request(redis, replica):
    gateway = ready(replica(redis, limit={"burst": 10}))
    assert statuses(gateway, 3) == [200] * 3
    redis.call("SCRIPT", "FLUSH")
    assert statuses(gateway, 8) == [200] * 7 + [429]
    assert metric(gateway, "portcullis_store_checks_total", result="refused") == 0


def test_a_changed_limit_keeps_how_full_it_was(redis, replica):
    gateway = ready(replica(redis, limit={"burst": 10}))
    assert statuses(gateway, 5) == [200] * 5
    rule = {"rate": "5/h", "burst": 100, "key": "gateway", "store": "shared", "on_failure": "refuse"}
    text = (gateway.folder / "app.yaml").read_text()
    gateway.write("app.yaml", text.replace('"burst": 10', '"burst": 100'))
    assert gateway.hang_up() == "applied"
    assert rule["burst"] == 100 and get(gateway.port).header("ratelimit").startswith('"default";r=49')
    # The connection stayed.
    assert metric(gateway, "portcullis_store_connects_total", result="success") == 1


def test_all_loops_share(redis, replica):
    gateway = ready(replica(redis, limit={"burst": 20}, workers=2), loops=2)
    counted = Counter(statuses(gateway, 40))
    assert counted == {200: 20, 429: 20}


def test_a_reload_that_changes_the_store_loses_no_request_that_waits(replica):
    with FakeRedis() as redis:
        limit = {"rate": "1000/s", "burst": 1000}
        gateway = ready(replica(redis, limit=limit, store={"timeout": "9s"}))
        for change, settings in enumerate(({"timeout": "8s"}, {"timeout": "8s", "prefix": "b:"})):
            redis.hold()
            clients = [RawClient(gateway.port) for _ in range(4)]
            for client in clients:
                client.send(request_bytes("GET", "/"))
            eventually(lambda: metric(gateway, "portcullis_requests_active") >= 4, 10, "requests that wait")
            stores = {"shared": {"redis": {**redis_settings(redis), **settings}}}
            gateway.write("gateway.yaml", gateway.gateway_yaml(stores=stores))
            assert gateway.hang_up() == "applied"
            redis.go_on()
            assert [client.response().status for client in clients] == [200] * 4, f"change {change}"
            assert statuses(ready(gateway), 2) == [200] * 2
            for client in clients:
                client.close()
        assert metric(gateway, "portcullis_store_checks_total", result="skipped") == 0
        # The links that gave way have ended.
        eventually(lambda: redis.open == 1, 10, "one connection being left")


def test_a_reload_that_drops_the_store_loses_no_request_that_waits(replica):
    with FakeRedis() as redis:
        gateway = ready(replica(redis, limit={"rate": "1000/s", "burst": 1000}, store={"timeout": "9s"}))
        redis.hold()
        with RawClient(gateway.port) as client:
            client.send(request_bytes("GET", "/"))
            eventually(lambda: "EVALSHA" in redis.held, 10, "the question")
            domain = json.loads((gateway.folder / "app.yaml").read_text())
            for name in ("store", "on_failure"):
                del domain["routes"]["all"]["plugins"]["rate_limit"][name]
            gateway.write("app.yaml", domain)
            gateway.write("gateway.yaml", gateway.gateway_yaml(stores={}))
            assert gateway.hang_up() == "applied"
            redis.go_on()
            assert client.response().status == 200
        eventually(lambda: redis.open == 0, 20, "no connection being left")


def redis_settings(redis):
    return {"addresses": [redis.address], "breaker": {"open_for": "200ms", "open_for_max": "400ms"}}


def test_connections_that_redis_closes_because_nobody_uses_them_are_no_failures(tmp_path, replica):
    with RedisServer(tmp_path / "redis", "timeout 1") as redis:
        gateway = ready(replica(redis, limit={"burst": 100}, store={"breaker": {"failures": 1}}))

        def connects():
            return metric(gateway, "portcullis_store_connects_total", result="success")

        eventually(lambda: connects() >= 4, 30, "three connections having been closed")
        assert metric(gateway, "portcullis_store_openings_total") == 0 and problems(gateway) == []
        assert statuses(ready(gateway), 3) == [200] * 3


def test_another_ipv6_prefix_leaves_the_buckets_of_other_keys_as_they_are(redis, replica):
    limit = {"burst": 2, "key": ["client_address", "header.x-key"]}
    gateway = ready(replica(redis, limit=limit))
    key = [("X-Key", "one")]
    assert statuses(gateway, 3, headers=key) == [200, 200, 429]
    text = (gateway.folder / "app.yaml").read_text()
    gateway.write("app.yaml", text.replace('"burst": 2', '"burst": 2, "ipv6_prefix": 48'))
    assert gateway.hang_up() == "applied"
    assert statuses(gateway, 1, headers=key) == [429]


def test_a_batch_promises_no_more_than_the_quota(redis, replica):
    gateway = ready(replica(redis, limit={"rate": "100/s", "burst": 100, "batch": 50, "headers": "both"}))
    first = get(gateway.port)
    assert int(first.header("x-ratelimit-remaining")) == 99
    time.sleep(0.7)
    told = get(gateway.port)
    assert 90 <= int(told.header("x-ratelimit-remaining")) <= 100
    assert told.header("ratelimit").startswith(f'"default";r={told.header("x-ratelimit-remaining")}')


# Load

class Load(threading.Thread):
    """Sends batches of requests to one gateway until a moment, and counts what comes back."""

    def __init__(self, port, until, batch=10):
        super().__init__(daemon=True)
        self.port, self.until, self.batch = port, until, batch
        self.counts = Counter()
        self.slowest = 0.0
        self.failure = None

    def run(self):
        try:
            with RawClient(self.port) as client:
                while (now := time.monotonic()) < self.until:
                    client.send(request_bytes("GET", "/") * self.batch)
                    for _ in range(self.batch):
                        self.counts[client.response().status] += 1
                    self.slowest = max(self.slowest, time.monotonic() - now)
        except Exception as failure:  # told to the test, which knows what to make of it
            self.failure = failure


def loaded(gateways, seconds, threads=1, during=None, batch=10):
    start = time.monotonic()
    loads = [Load(gateway.port, start + seconds, batch) for gateway in gateways for _ in range(threads)]
    for load in loads:
        load.start()
    if during:
        during()
    for load in loads:
        load.join(seconds + 30)
        assert not load.is_alive() and load.failure is None, f"a load hangs or failed: {load.failure!r}"
    return sum((load.counts for load in loads), Counter()), max(load.slowest for load in loads), time.monotonic() - start


# When Redis isn't there

DECISIONS = {"refuse": 503, "allow": 200, "local": 200}


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_killed_redis_is_decided_about_at_once_and_comes_back(redis, replica, decision):
    gateway = ready(replica(redis, limit={"rate": "1000000/s", "burst": 1000000, "on_failure": decision}))

    def interrupt():
        time.sleep(1)
        redis.kill()
        eventually(lambda: metric(gateway, "portcullis_store_ready") == 0, what="the loss being noticed")
        time.sleep(1)
        redis.start()
        ready(gateway)

    counts, slowest, _ = loaded([gateway], 4, during=interrupt)
    assert set(counts) <= {200, DECISIONS[decision]} and slowest < DECIDED_SECONDS, (counts, slowest)
    if decision == "refuse":
        assert counts[503] > 0, counts
    assert metric(gateway, "portcullis_store_checks_total", result="skipped") > 0
    assert statuses(gateway, 3) == [200] * 3


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_stopped_redis_is_decided_about_at_once_and_goes_on(redis, replica, decision):
    gateway = ready(replica(redis, limit={"rate": "1000000/s", "burst": 1000000, "on_failure": decision}))
    redis.stop()
    try:
        counts, slowest, _ = loaded([gateway], 1.5, threads=2)
        assert set(counts) == {DECISIONS[decision]} and slowest < DECIDED_SECONDS, (counts, slowest)
        # Once it is known, nobody waits any more.
        started = time.monotonic()
        assert statuses(gateway, 10) == [DECISIONS[decision]] * 10
        assert time.monotonic() - started < DECIDED_SECONDS
        assert metric(gateway, "portcullis_store_checks_total", result="timed-out") > 0
        assert metric(gateway, "portcullis_store_openings_total") > 0
    finally:
        redis.go_on()
    ready(gateway)
    assert statuses(gateway, 3) == [200] * 3


def test_a_slow_redis_is_as_good_as_none_until_it_is_quick_again(redis, replica):
    with DelayingProxy(redis.port) as proxy:
        gateway = ready(replica(f"127.0.0.1:{proxy.port}", limit={"burst": 1000}))
        assert statuses(gateway, 2) == [200] * 2
        proxy.delay = 0.6
        counts, slowest, _ = loaded([gateway], 2, batch=1)
        assert set(counts) <= {200, 503} and counts[503] > 10 and slowest < DECIDED_SECONDS, (counts, slowest)
        proxy.delay = 0
        ready(gateway)
        assert statuses(gateway, 3) == [200] * 3


@pytest.mark.parametrize("on_failure", ["refuse", "allow", "local"])
def test_a_request_whose_time_ends_while_it_waits_for_redis_is_refused_by_its_limit(redis, replica, on_failure):
    with DelayingProxy(redis.port) as proxy:
        rule = {"rate": "1000/s", "key": "gateway", "store": "shared", "on_failure": on_failure}
        gateway = ready(replica(
            f"127.0.0.1:{proxy.port}", store={"timeout": "5s"},
            routes={"all": {**route_all(plugins={"rate_limit": rule}), "timeouts": {"request": "300ms"}}}))
        assert statuses(gateway, 2) == [200] * 2
        proxy.delay = 2.0
        assert get(gateway.port).status == 503
        line = gateway.access_line(status=503)
        assert (line["error"], line["refused_by"]) == ("rate-limit-unavailable", "rate_limit")


def test_the_local_limit_holds_while_redis_is_gone(redis, replica):
    gateway = ready(replica(redis, limit={"burst": 4, "on_failure": "local"}))
    assert statuses(gateway, 2) == [200] * 2
    redis.kill()
    counted = statuses(gateway, 8)
    # The loop's own bucket is as full as it was left: nobody used it before.
    assert counted == [200] * 4 + [429] * 4
    redis.start()
    ready(gateway)


def test_a_restarted_redis_that_keeps_its_data_keeps_the_buckets(tmp_path, replica):
    with RedisServer(tmp_path / "redis", kept=True) as redis:
        gateway = ready(replica(redis, limit={"burst": 5}))
        assert statuses(gateway, 4) == [200] * 4
        redis.kill()
        redis.start()
        eventually(lambda: metric(gateway, "portcullis_store_ready") == 1 and get(gateway.port).status == 200, 10)
        assert statuses(gateway, 2) == [429] * 2


def test_a_gateway_starts_without_redis_and_takes_it_when_it_comes(tmp_path, replica):
    redis = RedisServer(tmp_path / "redis")
    gateway = replica(redis, limit={"burst": 5})
    refused = get(gateway.port)
    assert refused.status == 503 and refused.header("content-type") == PROBLEM
    assert int(refused.header("retry-after")) >= 1
    with redis:
        ready(gateway)
        assert statuses(gateway, 6) == [200] * 5 + [429]


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_redis_that_loads_its_data_is_decided_about_and_then_asked(replica, decision):
    with FakeRedis(error=LOADING) as redis:
        gateway = replica(redis, limit={"burst": 1000, "on_failure": decision})
        eventually(lambda: problems(gateway) == ["loading"], 10, "a line in the log")
        started = time.monotonic()
        assert statuses(gateway, 20) == [DECISIONS[decision]] * 20
        assert time.monotonic() - started < DECIDED_SECONDS
        # It is tried from time to time, however many requests there are.
        assert "EVALSHA" not in redis.commands and redis.commands.count("ROLE") < 20
        redis.error = None
        ready(gateway)
        asked = redis.commands.count("EVALSHA")
        assert statuses(gateway, 3) == [200] * 3
        assert redis.commands.count("EVALSHA") == asked + 3


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_redis_that_is_restarted_and_loads_its_data_is_left_alone_until_it_has(replica, decision):
    with FakeRedis() as redis:
        gateway = ready(replica(redis, limit={"burst": 1000, "on_failure": decision}))
        assert statuses(gateway, 3) == [200] * 3
        redis.error = LOADING
        # A request of which the store says so is decided about like any other.
        assert statuses(gateway, 20) == [DECISIONS[decision]] * 20
        assert metric(gateway, "portcullis_store_ready") == 0 and "loading" in problems(gateway)
        redis.error = None
        ready(gateway)
        asked = redis.commands.count("EVALSHA")
        assert statuses(gateway, 3) == [200] * 3
        assert redis.commands.count("EVALSHA") == asked + 3


@pytest.mark.parametrize("batch", [{}, {"batch": 100}], ids=["alone", "batch"])
@pytest.mark.parametrize("numbers", [(500, 2**63 - 1), (500, 101), (500, -1), (2**63 - 1, 1), (-(2**63), 0)])
def test_a_redis_that_says_what_cannot_be_is_not_believed(replica, numbers, batch):
    with FakeRedis() as redis:
        gateway = ready(replica(redis, limit={"burst": 1000, "on_failure": "refuse", **batch}))
        redis.numbers = numbers
        assert statuses(gateway, 20) == [503] * 20
        assert set(problems(gateway)) == {"unexpected-reply"}
        redis.numbers = None
        ready(gateway)
        assert statuses(gateway, 3) == [200] * 3


def problems(gateway):
    return [line["problem"] for line in gateway.log() if line.get("store") == "shared" and "problem" in line]


def test_clients_that_leave_while_redis_says_nothing_leave_nothing_behind(redis, replica):
    gateway = ready(replica(redis, limit={"burst": 1000}, store={"timeout": "5s"}))
    redis.stop()
    try:
        for _ in range(50):
            client = RawClient(gateway.port)
            client.send(request_bytes("GET", "/"))
            client.close()
    finally:
        redis.go_on()
    eventually(lambda: metric(gateway, "portcullis_requests_active") <= 1, 10, "nothing being under way")
    assert get(gateway.port).status == 200


# Getting in

def test_a_password_is_given(tmp_path, replica):
    with RedisServer(tmp_path / "redis", "requirepass open-sesame", password="open-sesame") as redis:
        gateway = ready(replica(redis, store={"password": "${env:REDIS_PASSWORD}"}, env={
            "REDIS_PASSWORD": "open-sesame"}))
        assert get(gateway.port).status == 200
        assert "open-sesame" not in gateway.admin("/config").body.decode() + gateway.stderr()


@pytest.mark.parametrize("given", [None, "wrong"])
def test_a_wrong_password_is_no_way_in(tmp_path, replica, given):
    with RedisServer(tmp_path / "redis", "requirepass open-sesame", password="open-sesame") as redis:
        store = {"password": "${env:REDIS_PASSWORD}"} if given else {}
        gateway = replica(redis, store=store, env={"REDIS_PASSWORD": "wrong"})
        assert get(gateway.port).status == 503
        problem = "wrong-password" if given else "not-authenticated"
        eventually(lambda: any(line.get("problem") == problem for line in gateway.log()), what="a line in the log")


def test_an_acl_user_needs_few_rights(tmp_path, replica):
    acl = ("user gateway on >open-sesame resetkeys ~portcullis:* resetchannels -@all "
           "+select +role +script|load +evalsha +time +mget +set")
    with RedisServer(tmp_path / "redis", "user default on nopass ~* &* +@all", acl) as redis:
        gateway = ready(replica(
            redis, store={"username": "gateway", "password": "${env:REDIS_PASSWORD}", "database": 2},
            env={"REDIS_PASSWORD": "open-sesame"}))
        assert statuses(gateway, 2) == [200, 429]


@pytest.fixture
def secured(tmp_path):
    """A Redis with TLS, whose certificate an authority of the test's own has issued."""
    authority = Authority(tmp_path / "authority")
    with RedisServer(tmp_path / "redis", tls=(authority.server_file(), authority.path)) as redis:
        redis.authority = authority
        yield redis


def test_tls_is_spoken_with_a_server_that_proves_who_it_is(secured, replica):
    by_address = ready(replica(secured, store={"tls": {"ca_file": str(secured.authority.path)}}))
    assert statuses(by_address, 2) == [200, 429]
    by_name = ready(replica(f"localhost:{secured.port}", store={
        "prefix": "other:", "tls": {"ca_file": str(secured.authority.path), "server_name": "localhost"}}))
    assert statuses(by_name, 2) == [200, 429]


@pytest.mark.parametrize("tls", [{"server_name": "other.test"}, {"ca_file": None}, None])
def test_a_server_that_does_not_prove_who_it_is_is_not_asked(secured, replica, tls):
    if tls is not None:
        tls = {key: value for key, value in {"ca_file": str(secured.authority.path), **tls}.items() if value}
    gateway = replica(secured, store={"tls": tls} if tls is not None else {})
    assert get(gateway.port).status == 503
    eventually(lambda: any(line.get("store") == "shared" for line in gateway.log()), what="a line in the log")
    assert metric(gateway, "portcullis_store_ready") == 0


# Several servers

def test_a_replica_is_passed_over_for_the_master(tmp_path, redis, replica):
    with RedisServer(tmp_path / "replica", f"replicaof 127.0.0.1 {redis.port}") as copy:
        gateway = ready(replica(copy, redis))
        assert get(gateway.port).status == 200
        assert len([key for key in redis.keys() if "default" in key]) == 1


def test_a_sentinel_says_where_the_master_is_and_where_the_next_one_is(tmp_path, replica):
    with RedisServer(tmp_path / "first") as first, \
            RedisServer(tmp_path / "second", f"replicaof 127.0.0.1 {first.port}") as second, \
            RedisSentinel(tmp_path / "sentinel", first) as sentinel:
        eventually(lambda: "slave0" in first.call("INFO", "replication"), 10, "the replica following")
        eventually(
            lambda: len(sentinel.call("SENTINEL", "REPLICAS", "main")) == 1, 15, "the Sentinel knowing the replica")
        gateway = ready(replica(limit={"burst": 1000}, store={
            "sentinel": {"master": "main", "addresses": [sentinel.address]}}))
        assert statuses(gateway, 3) == [200] * 3
        first.kill()
        eventually(
            lambda: sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")[1] == str(second.port), 20,
            "the fail-over")
        ready(gateway)
        assert statuses(gateway, 3) == [200] * 3
        assert [key for key in second.keys() if "default" in key]
