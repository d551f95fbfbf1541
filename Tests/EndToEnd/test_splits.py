"""A route's requests divided between upstreams: canaries."""

import collections
import json

import pytest

from harness import EchoUpstream, answering, command, get, ok
from identity import Key, World, token

@pytest.fixture
def sides(upstream_with):
    return {name: upstream_with(name=name) for name in "abc"}


def files(sides, weights, key=None, **options):
    split = [{"upstream": name, "weight": weight} for name, weight in weights.items()]
    return (
        {name: sides[name].target for name in weights},
        {"all": {"match": {"prefix": "/"}, "split": {"upstreams": split, "key": key} if key else split, **options}})


def started(gateway_with, sides, weights, key=None, **options):
    upstreams, routes = files(sides, weights, key)
    return gateway_with(upstreams=upstreams, routes=routes, **options)


def side(gateway, **options):
    response = get(gateway.port, **options)
    assert response.status == 200
    return json.loads(response.body)["upstream"]


def by_caller(gateway, count=300):
    return {caller: side(gateway, headers=[("X-Caller", f"caller-{caller}")]) for caller in range(count)}


def test_without_a_key_chance_decides(sides, gateway_with):
    gateway = started(gateway_with, sides, {"a": 80, "b": 20})
    counts = collections.Counter(side(gateway) for _ in range(500))
    # Five standard deviations.
    assert abs(counts["b"] - 100) < 45


def test_a_caller_stays_on_its_side_over_loops_processes_and_reloads(sides, gateway_with):
    weights = {"a": 60, "b": 40}
    gateway = started(gateway_with, sides, weights, {"header": "X-Caller"}, gateway={"workers": 2})
    before = by_caller(gateway)
    assert 60 < sum(where == "b" for where in before.values()) < 180
    assert by_caller(gateway) == before
    other = started(gateway_with, sides, weights, {"header": "X-Caller"})
    assert by_caller(other) == before
    upstreams, routes = files(sides, dict(reversed(weights.items())), {"header": "X-Caller"}, tier=2)
    gateway.write_routes(upstreams, routes)
    assert gateway.hang_up()
    assert by_caller(gateway) == before


def test_a_changed_weight_moves_as_few_as_possible(sides, gateway_with):
    gateway = started(gateway_with, sides, {"a": 90, "b": 5, "c": 5}, {"header": "X-Caller"})
    before = by_caller(gateway)
    gateway.write_routes(*files(sides, {"a": 90, "b": 25, "c": 5}, {"header": "X-Caller"}))
    assert gateway.hang_up()
    after = by_caller(gateway)
    moved = [caller for caller in before if before[caller] != after[caller]]
    assert 15 < len(moved) < 90
    assert {after[caller] for caller in moved} == {"b"}


@pytest.mark.parametrize("key, headers", [
    ({"header": "X-Caller"}, lambda caller: [("X-Caller", caller)]),
    ({"cookie": "sid"}, lambda caller: [("Cookie", f"a=b; sid={caller}; c=d")]),
])
def test_keys(sides, gateway_with, key, headers):
    gateway = started(gateway_with, sides, {"a": 1, "b": 1}, key)
    where = {}
    for number in list(range(40)) * 2:
        caller = f"caller{number}"
        assert where.setdefault(caller, now := side(gateway, headers=headers(caller))) == now
    assert set(where.values()) == {"a", "b"}


def test_the_clients_address_as_the_key(sides, gateway_with):
    gateway = started(gateway_with, sides, {"a": 1, "b": 1}, "client_address")
    where = {}
    for number in list(range(1, 30)) * 2:
        source = f"127.0.0.{number}"
        assert where.setdefault(source, now := side(gateway, source=source)) == now
    assert set(where.values()) == {"a", "b"}


@pytest.mark.parametrize("key, claim", [("spiffe_id", "user_id"), ("tenant", "tenant"), ({"claim": "team"}, "team")])
def test_the_caller_as_the_key(tmp_path, key, claim):
    signing = Key("ES256", "one")
    with EchoUpstream("other") as other:
        plugins = {"jwt": {"issuer": "corporate"},
                   "spiffe": {"id": "spiffe://bank-a/user/{claim.user_id}", "tenant": "{claim.tenant}"}}
        split = {"upstreams": [{"upstream": "service", "weight": 1}, {"upstream": "other", "weight": 1}], "key": key}
        routes = {"all": {"match": {"prefix": "/"}, "split": split, "plugins": plugins}}
        with World(
            tmp_path, routes, [signing], domain={"upstreams": {"other": {"targets": [other.target]}}}
        ) as world:
            where = {}
            for number in list(range(20)) * 2:
                claims = {"user_id": "u", "tenant": "t", "team": "x", claim: f"v{number}"}
                response = world.get("/", token(signing, **claims))
                assert response.status == 200, response.body
                now = json.loads(response.body)["upstream"]
                assert where.setdefault(number, now) == now
            assert set(where.values()) == {"echo", "other"}


def test_a_request_without_the_key_goes_by_chance(sides, gateway_with):
    gateway = started(gateway_with, sides, {"a": 1, "b": 1}, {"header": "X-Caller"})
    assert {side(gateway) for _ in range(40)} == {"a", "b"}


def test_a_side_of_weight_0_takes_nobody(sides, gateway_with):
    gateway = started(gateway_with, sides, {"a": 0, "b": 1})
    assert {side(gateway) for _ in range(40)} == {"b"}


def test_each_side_has_its_own_host_header(sides, gateway_with):
    upstreams, routes = files(sides, {"a": 1, "b": 1})
    upstreams["b"] = {"targets": [upstreams["b"]], "host_header": "target"}
    gateway = gateway_with(upstreams=upstreams, routes=routes)
    for _ in range(40):
        side(gateway)
    assert {request.header("host") for request in sides["a"].requests} == {"app.test"}
    assert {request.header("host") for request in sides["b"].requests} == {f"127.0.0.1:{sides['b'].port}"}


def test_a_retry_stays_on_its_side(sides, upstream_with, gateway_with):
    bad = upstream_with(answering(ok(b"", b"", b"503 No")))
    gateway = gateway_with(
        upstreams={"a": bad.target, "b": sides["b"].target},
        routes={"all": {
            "match": {"prefix": "/"}, "retries": {"attempts_max": 2},
            "split": {"key": {"header": "X-Caller"},
                      "upstreams": [{"upstream": "a", "weight": 1}, {"upstream": "b", "weight": 1}]}}})
    statuses = collections.Counter(
        get(gateway.port, headers=[("X-Caller", str(caller))]).status for caller in range(40))
    assert set(statuses) == {200, 503}
    assert len(bad.requests) > statuses[503]
    assert len(sides["b"].requests) == statuses[200]


def explained(gateway, *options):
    """What `explain` says, for people and for programs."""
    words = ["explain", gateway.folder, "GET", "http://app.test/x", *options]
    text, told = command(*words), command(*words, "--format", "json")
    assert text.returncode == told.returncode == 0, text.stderr + told.stderr
    return text.stdout, json.loads(told.stdout)


def test_explain_says_which_side_takes_the_request(sides, gateway_with):
    gateway = started(gateway_with, sides, {"a": 60, "b": 40}, {"header": "X-Caller"})
    seen = set()
    for number in range(8):
        caller = f"caller{number}"
        taken = side(gateway, headers=[("X-Caller", caller)])
        seen.add(taken)
        text, told = explained(gateway, "--header", f"X-Caller: {caller}")
        assert told["upstream"] == f"app/{taken}" and told["split"]["decision"] == "by header X-Caller"
        assert [(one["upstream"], one["weight"], one["taken"]) for one in told["split"]["sides"]] == [
            ("app/a", 60, taken == "a"), ("app/b", 40, taken == "b")]
        weight = {"a": 60, "b": 40}[taken]
        assert f"{taken}, weight {weight}: takes this request" in text and text.count("takes this request") == 1
        # The steps are those of that side's upstream.
        assert f"http://127.0.0.1:{sides[taken].port}, weight 1" in text
    assert seen == {"a", "b"}


@pytest.mark.parametrize("key, options, decision, taken", [
    (None, (), "by chance: it has no key", None),
    ({"cookie": "sid"}, (), "by chance: the request has no cookie sid", None),
    ("client_address", (), "by client_address: --client says whose request it is", None),
    ("client_address", ("--client", "192.0.2.1"), "by client_address", True),
])
def test_explain_says_why_it_cannot_tell_the_side(sides, gateway_with, key, options, decision, taken):
    gateway = started(gateway_with, sides, {"a": 95, "b": 5}, key)
    text, told = explained(gateway, *options)
    assert told["split"]["decision"] == decision and decision in text
    assert (told["upstream"] is not None) == (taken is not None)
    assert "a, weight 95" in text and "b, weight 5" in text


def test_explain_knows_the_only_side_that_takes_anybody(sides, gateway_with):
    gateway = started(gateway_with, sides, {"a": 0, "b": 1})
    _, told = explained(gateway)
    assert told["upstream"] == "app/b" and told["split"]["decision"] == "no other side has a weight"


@pytest.mark.parametrize("key", ["spiffe_id", "tenant", {"claim": "team"}])
def test_explain_asks_for_the_caller_where_it_is_the_key(tmp_path, key):
    signing = Key("ES256", "one")
    plugins = {"jwt": {"issuer": "corporate"},
               "spiffe": {"id": "spiffe://bank-a/user/{claim.user_id}", "tenant": "{claim.tenant}"}}
    with EchoUpstream("other") as other:
        split = {"upstreams": [{"upstream": "service", "weight": 1}, {"upstream": "other", "weight": 1}], "key": key}
        routes = {"all": {"match": {"prefix": "/"}, "split": split, "plugins": plugins}}
        with World(
            tmp_path, routes, [signing], domain={"upstreams": {"other": {"targets": [other.target]}}}
        ) as world:
            for number in range(6):
                text = token(signing, user_id=f"u{number}", tenant=f"t{number}", team=f"x{number}")
                name = json.loads(world.get("/x", text).body)["upstream"].replace("echo", "service")
                assert explained(world.gateway, "--token", text)[1]["upstream"] == f"app/{name}"
