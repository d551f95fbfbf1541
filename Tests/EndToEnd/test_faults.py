"""System calls that fail: nothing crashes, the error is answered or the call repeated, and what comes next is served."""

import pytest

from harness import EchoUpstream, Gateway, Truncated, eventually, get, request_bytes, route_all
from harness.faults import Faults

LISTENER = {"timeouts": {"header_read": "500ms", "write_idle": "500ms"}}
TIMEOUTS = {"connect": "500ms", "response_header": "500ms", "idle": "500ms"}
ALWAYS = 1_000_000
CLOSED = None


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    faults = Faults(tmp_path_factory.mktemp("faults"))
    with EchoUpstream() as upstream:
        with Gateway(
            tmp_path_factory.mktemp("gateway"), {"service": {"targets": [upstream.target], "timeouts": TIMEOUTS}},
            {"all": route_all()}, gateway={"listeners": {"main": LISTENER}}, env=faults.environment,
        ) as gateway:
            gateway.faults = faults
            gateway.upstream = upstream
            yield gateway


@pytest.fixture(autouse=True)
def heals(world):
    """Each test begins without idle upstream connections, and ends with a gateway that serves."""
    for connection in world.upstream.connections:
        connection.close()
    eventually(lambda: metric(world, "portcullis_upstream_connections", state="idle") == 0, what="an empty pool")
    yield
    world.faults.clear()
    assert world.process.poll() is None
    assert get(world.port, "/after").status == 200


def metric(world, wanted, **labels):
    return sum(
        value for name, found, value in world.metrics()
        if name == wanted and all(found.get(key) == label for key, label in labels.items()))


def outcome(world, method="GET", body=b""):
    """The status of one request on a connection of its own; CLOSED when the connection ends without an answer."""
    with world.client() as client:
        return answer(client, method, body)


def answer(client, method="GET", body=b""):
    try:
        client.send(request_bytes(method, "/faulty", body=body))
        return client.response(method).status
    except (Truncated, ConnectionResetError, BrokenPipeError):
        return CLOSED


# For one request on a connection that is known already, calls come in this order: recv (head), socket, connect,
# epoll_ctl (upstream), send (request), recv (response), send (response). Before the first one on a new connection there
# are accept4 and, if the request isn't there at once, recv and epoll_ctl (client).

@pytest.mark.parametrize("call, name, times", [
    *[("accept4", name, 3) for name in ("EINTR", "ECONNABORTED", "EPROTO", "EAGAIN")],
    *[("accept4", name, 3) for name in ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM")],
    ("epoll_wait", "EINTR", 5),
    *[(call, "EINTR", 3) for call in ("recv", "send", "sendmsg", "connect", "read", "write")],
])
def test_a_call_that_may_be_repeated_is(world, call, name, times):
    world.faults.fail(call, name, times)
    assert outcome(world, "POST", b"content") == 200


@pytest.mark.parametrize("call, name, skip, outcomes", [
    # The upstream can't be reached.
    *[("socket", name, 0, {502, 503}) for name in ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM")],
    *[("connect", name, 0, {502, 503}) for name in (
        "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL", "EAGAIN", "ENETUNREACH", "EHOSTUNREACH", "EACCES", "ECONNREFUSED")],
    ("connect", "ETIMEDOUT", 0, {502, 503, 504}),
    *[("epoll_ctl", name, 0, {502, 503}) for name in ("ENOMEM", "ENOSPC")],
    # The client's side fails.
    *[("recv", name, 0, {CLOSED}) for name in ("ECONNRESET", "ETIMEDOUT", "ENOMEM", "EIO")],
    # The upstream's side fails.
    *[("recv", name, 1, {502, 503, 504}) for name in ("ECONNRESET", "ETIMEDOUT", "ENOMEM", "EIO")],
    *[("send", name, 0, {CLOSED, 502, 503, 504}) for name in ("EPIPE", "ECONNRESET", "ENOBUFS", "ENOMEM")],
    # Nothing there although the kernel said so: somebody's time runs out.
    ("recv", "EAGAIN", 1, {504}),
    ("send", "EAGAIN", 0, {CLOSED, 408, 504}),
    ("send", "EAGAIN", 1, {CLOSED}),
])
def test_a_call_that_fails_costs_its_request_only(world, call, name, skip, outcomes):
    with world.client() as client:
        client.send(b"OPTIONS * HTTP/1.1\r\nHost: example.test\r\n\r\n")
        assert client.response("OPTIONS").status < 300
        world.faults.fail(call, name, ALWAYS, skip)
        found = answer(client)
    assert world.faults.hits(call) > 0
    assert found in outcomes


@pytest.mark.parametrize("name", ["ENOMEM", "ENOSPC"])
def test_a_client_that_cannot_be_watched_is_closed(world, name):
    world.faults.fail("epoll_ctl", name, ALWAYS)
    with world.client() as client:
        # Nothing is sent: the gateway has to wait for it.
        client.assert_closed()
    assert world.faults.hits("epoll_ctl") > 0


def test_a_client_from_whom_nothing_ever_comes_runs_out_of_time(world):
    world.faults.fail("recv", "EAGAIN", ALWAYS)
    assert outcome(world) in {CLOSED, 408}
    assert world.faults.hits("recv") > 0


def test_descriptors_that_ran_out_are_counted_and_told(world):
    before = metric(world, "portcullis_connections_refused_total", limit="descriptors")
    world.faults.fail("accept4", "EMFILE")
    assert outcome(world) == 200
    assert metric(world, "portcullis_connections_refused_total", limit="descriptors") == before + 1
    assert any(line["message"] == "accepting a connection failed" for line in world.log())


def test_a_listener_that_cannot_be_watched_again_is_tried_again(world):
    """After a failed accept a listener pauses: it is taken out of epoll, and put back later."""
    world.faults.fail("epoll_ctl", "ENOMEM", times=2, skip=1)
    world.faults.fail("accept4", "EMFILE")
    assert outcome(world) == 200
    assert world.faults.hits("epoll_ctl") == 2


def test_a_reload_survives_interrupted_calls(world):
    world.write_routes(
        {"service": {"targets": [world.upstream.target], "timeouts": TIMEOUTS}}, {"all": route_all(tier=2)})
    for call in ("read", "write", "epoll_wait"):
        world.faults.fail(call, "EINTR", 3)
    assert world.hang_up() in ("applied", "rejected")


@pytest.mark.parametrize("name", ["ENOSPC", "EIO", "EAGAIN"])
def test_logs_that_cannot_be_written_cost_no_request(world, name):
    world.faults.fail("write", name, 2)
    assert [outcome(world) for _ in range(5)] == [200] * 5
