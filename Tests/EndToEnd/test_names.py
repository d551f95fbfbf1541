"""Upstreams by name: what happens to connections when a name has other addresses."""

import threading

import pytest

from harness import ScriptedUpstream, answering, eventually, free_port, get, ok, request_bytes, route_all, stays
from harness.gateway import Gateway
from harness.names import Names

NAME = "service.test"


@pytest.fixture
def names(tmp_path):
    return Names(tmp_path)


def named(text, port, address):
    return ScriptedUpstream(answering(lambda request: ok(text)), port=port, address=address)


def started(tmp_path, names, port, **gateway):
    return Gateway(
        tmp_path / "gateway", {"service": f"http://{NAME}:{port}"}, {"all": route_all()},
        gateway={"dns": {"refresh": "1s"}, **gateway}, env=names.environment)


def test_traffic_follows_a_name_although_old_connections_are_busy_all_the_time(tmp_path, names):
    port = free_port()
    names.set({NAME: ["127.0.0.1"]})
    with named(b"old", port, "127.0.0.1") as old, named(b"new", port, "127.0.0.2"), \
            started(tmp_path, names, port) as gateway:
        assert get(gateway.port).body == b"old"
        names.set({NAME: ["127.0.0.2"]})
        eventually(lambda: get(gateway.port).body == b"new", 10, "an answer from the new address")
        eventually(lambda: all(item.closed_by_peer for item in old.connections), what="the close of old connections")
        for _ in range(20):
            assert get(gateway.port).body == b"new"


def test_a_request_under_way_ends_where_it_began_and_its_connection_with_it(tmp_path, names):
    port = free_port()
    names.set({NAME: ["127.0.0.1"]})
    goes_on = threading.Event()

    def slow(connection):
        if connection.request():
            goes_on.wait(20)
            connection.send(ok(b"old"))
            connection.until_closed(20)

    later = answering(lambda request: ok(b"old"))
    with ScriptedUpstream(slow, later, port=port) as old, named(b"new", port, "127.0.0.2"), \
            started(tmp_path, names, port, workers=1) as gateway:
        with gateway.client() as client:
            client.send(request_bytes())
            old.wait_for_requests(1)
            names.set({NAME: ["127.0.0.2"]})
            eventually(lambda: get(gateway.port).body == b"new", 10, "an answer from the new address")
            goes_on.set()
            assert client.response().body == b"old"
            eventually(lambda: old.connections[0].closed_by_peer, what="the close of the old connection")
            client.send(request_bytes())
            assert client.response().body == b"new"


def test_a_connection_to_an_address_that_stays_is_kept(tmp_path, names):
    port = free_port()
    names.set({NAME: ["127.0.0.1"]})
    with named(b"one", port, "127.0.0.1") as one, named(b"two", port, "127.0.0.2") as two, \
            started(tmp_path, names, port, workers=1) as gateway:
        assert get(gateway.port).body == b"one"
        names.set({NAME: ["127.0.0.1", "127.0.0.2"]})

        def addresses():
            return gateway.admin_json("/upstreams")["upstreams"][0]["targets"][0]["addresses"]

        eventually(lambda: len(addresses()) == 2, 10, "two addresses")
        for _ in range(5):
            assert get(gateway.port).body == b"one"
        assert len(one.connections) == 1 and not two.connections
        stays(lambda: not one.connections[0].closed_by_peer, 0.1)


def test_connections_under_way_together_are_spread_over_all_addresses(tmp_path, names):
    port = free_port()
    names.set({NAME: ["127.0.0.1", "127.0.0.2"]})
    everybody = threading.Barrier(8)

    def together(connection):
        while connection.request():
            everybody.wait(20)
            connection.send(ok())

    with ScriptedUpstream(together, port=port) as one, ScriptedUpstream(together, port=port, address="127.0.0.2") as two, \
            started(tmp_path, names, port, workers=1) as gateway:
        clients = [gateway.client() for _ in range(8)]
        for client in clients:
            client.send(request_bytes())
        for client in clients:
            assert client.response().status == 200
            client.close()
        assert (len(one.connections), len(two.connections)) == (4, 4)
