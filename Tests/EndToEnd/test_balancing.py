"""How a target is picked: in turn by weight, by requests under way, by a hash."""

import collections
import json
import threading

import pytest

from harness import EchoUpstream, Gateway, answering, eventually, get, ok, request_bytes, route_all


def world_of(tmp_path, count, **upstream):
    """A gateway before `count` echo upstreams, named "0", "1", …; `weights` gives their weights."""
    weights = upstream.pop("weights", [1] * count)
    upstreams = [EchoUpstream(str(index)) for index in range(count)]
    targets = [{"url": item.target, "weight": weight} for item, weight in zip(upstreams, weights)]
    gateway = Gateway(tmp_path, {"service": {"targets": targets, **upstream}}, {"all": route_all()})
    return upstreams, gateway


def counts(gateway, number, headers=lambda index: (), source=lambda index: None):
    tally = collections.Counter()
    for index in range(number):
        response = get(gateway.port, "/", headers(index), source=source(index))
        tally[json.loads(response.body)["upstream"]] += 1
    return tally


@pytest.mark.parametrize("weights, expected", [
    ([1, 1, 1], [20, 20, 20]), ([3, 2, 1], [30, 20, 10]), ([1, 0, 1], [30, 0, 30]), ([5, 1, 0], [50, 10, 0])],
    ids=["equal", "three to two to one", "a weight of zero", "five to one and a weight of zero"])
def test_round_robin_follows_the_weights_exactly(tmp_path, weights, expected):
    _, gateway = world_of(tmp_path, len(weights), weights=weights)
    with gateway:
        tally = counts(gateway, 60)
    assert [tally[str(index)] for index in range(len(weights))] == expected


def test_round_robin_is_smooth(tmp_path):
    """A heavy target doesn't get its requests in one run."""
    _, gateway = world_of(tmp_path, 2, weights=[2, 2])
    with gateway:
        order = [json.loads(get(gateway.port).body)["upstream"] for _ in range(8)]
    assert order in (["0", "1"] * 4, ["1", "0"] * 4)


def test_least_requests_avoids_a_busy_target(upstream_with, gateway_with):
    release = threading.Event()

    def busy(connection):
        while connection.request():
            connection.wait(release)
            connection.send(ok(b"busy"))

    slow, quick = upstream_with(busy), upstream_with(answering(ok(b"quick")))
    gateway = gateway_with(slow, quick, upstream={"balancer": "least_requests"})
    with gateway.client() as waiting:
        for number in range(1, 10):
            waiting.send(request_bytes())
            eventually(lambda: len(slow.requests) + len(quick.requests) == number, what="the request at an upstream")
            if slow.requests:
                break
            assert waiting.response().body == b"quick"
        assert [get(gateway.port).body for _ in range(10)] == [b"quick"] * 10
        release.set()
        assert waiting.response().body == b"busy"


def test_requests_under_way_count_over_reloads(upstream_with, gateway_with):
    """A reload must not make a busy target look idle, nor count the end of what it has forgotten."""
    release = threading.Event()

    def holding(name):
        def script(connection):
            while request := connection.request():
                if request.target == "/held":
                    connection.wait(release)
                connection.send(ok(name))
        return script

    one, two = upstream_with(holding(b"one")), upstream_with(holding(b"two"))
    gateway = gateway_with(one, two, upstream={"balancer": "least_requests"})
    with gateway.client() as waiting:
        waiting.send(request_bytes("GET", "/held"))
        eventually(lambda: len(one.requests) + len(two.requests) == 1, what="the request at an upstream")
        free = b"two" if one.requests else b"one"
        for name in ["first", "second"]:
            gateway.gateway_overrides = {"server_header": name}
            gateway.write("gateway.yaml", gateway.gateway_yaml())
            assert gateway.hang_up() == "applied"
            assert [get(gateway.port).body for _ in range(10)] == [free] * 10
        release.set()
        assert waiting.response().body != free
        assert {get(gateway.port).body for _ in range(10)} == {b"one", b"two"}


@pytest.mark.parametrize("key, vary, fix", [
    ({"header": "X-User"}, lambda index: [("X-User", f"user-{index}")], [("X-User", "always")]),
    ({"cookie": "session"}, lambda index: [("Cookie", f"a=b; session=s{index}; c=d")], [("Cookie", "session=always")]),
], ids=["a header", "a cookie"])
def test_consistent_hashing_sends_a_key_to_one_target_and_keys_to_all(tmp_path, key, vary, fix):
    _, gateway = world_of(tmp_path, 3, balancer="consistent_hash", hash_on=key)
    with gateway:
        assert len(counts(gateway, 20, lambda _: fix)) == 1
        spread = counts(gateway, 90, vary)
        assert set(spread) == {"0", "1", "2"} and min(spread.values()) >= 10


def test_consistent_hashing_by_client_address(tmp_path):
    _, gateway = world_of(tmp_path, 3, balancer="consistent_hash", hash_on="client_address")
    with gateway:
        assert len(counts(gateway, 10, source=lambda _: "127.0.0.77")) == 1
        assert set(counts(gateway, 60, source=lambda index: f"127.0.2.{index + 1}")) == {"0", "1", "2"}


def test_consistent_hashing_moves_few_keys_when_a_target_goes(tmp_path):
    upstreams, gateway = world_of(tmp_path, 4, balancer="consistent_hash", hash_on={"header": "X-User"})

    def placement(users):
        return {user: json.loads(get(gateway.port, "/", [("X-User", user)]).body)["upstream"] for user in users}

    users = [f"user-{index}" for index in range(100)]
    with gateway:
        before = placement(users)
        targets = [item.target for item in upstreams[:3]]
        gateway.write_routes(
            {"service": {"targets": targets, "balancer": "consistent_hash", "hash_on": {"header": "X-User"}}},
            {"all": route_all()})
        gateway.hang_up()
        after = placement(users)
    moved = [user for user in users if before[user] != "3" and before[user] != after[user]]
    assert len(moved) <= 5, f"{len(moved)} keys moved between targets that stayed"
