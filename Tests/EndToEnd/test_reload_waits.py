"""A reload that has to wait for names holds nobody up, and whatever it says is bounded."""

import json
import signal
import time

import pytest

from harness import EchoUpstream, command, eventually, get
from harness.names import HELD, Names


def said(body, path="/"):
    return {"match": {"path": path}, "respond": {"status": 200, "body": body}}


def body(gateway, target="/"):
    return get(gateway.port, target).body.decode()


@pytest.fixture
def held(tmp_path, gateway_with):
    """A gateway that says `old`, and can't look the name `held.test` up before `held.release()`."""
    names = Names(tmp_path)
    names.set({"held.test": HELD})
    gateway = gateway_with(upstreams={}, routes={"said": said("old")}, env=names.environment)
    gateway.release = lambda: names.set({"held.test": ["127.0.0.1"]})
    yield gateway
    # Threads of the gateway may wait for it.
    gateway.release()


def lead_to(gateway, name, port, text, timeout="1m"):
    gateway.gateway_overrides = {"dns": {"timeout": timeout}}
    gateway.write("gateway.yaml", gateway.gateway_yaml())
    gateway.write_routes(
        {"named": [f"http://{name}:{port}"]},
        {"said": said(text), "named": {"match": {"prefix": "/named"}, "upstream": "named"}})


def outcomes(gateway):
    return {result: count for result, count in gateway.reloads().items() if count}


def test_names_that_take_their_time_hold_nobody_up(held):
    with EchoUpstream() as upstream:
        lead_to(held, "held.test", upstream.port, "new")
        held.signal(signal.SIGHUP)
        start = time.monotonic()
        while time.monotonic() - start < 0.5:
            assert held.admin("/livez", seconds=1).status == 200
            assert body(held) == "old"
        assert outcomes(held) == {}
        held.release()
        eventually(lambda: outcomes(held) == {"applied": 1}, what="the reload")
        assert body(held) == "new"
        assert get(held.port, "/named").status == 200


def test_names_that_take_too_long_are_not_waited_for(held):
    with EchoUpstream() as upstream:
        lead_to(held, "held.test", upstream.port, "new", timeout="300ms")
        start = time.monotonic()
        assert held.hang_up() == "applied"
        assert 0.25 < time.monotonic() - start < 5
        assert body(held) == "new"
        assert get(held.port, "/named").status == 503
        held.release()
        eventually(lambda: get(held.port, "/named").status == 200, what="the name's address")


def test_what_is_asked_for_meanwhile_is_not_forgotten(held):
    lead_to(held, "held.test", 9, "new")
    held.signal(signal.SIGHUP)
    assert held.admin("/livez").status == 200
    held.write_routes({}, {"said": said("newest")})
    for _ in range(3):
        held.signal(signal.SIGHUP)
        assert held.admin("/livez").status == 200
    assert outcomes(held) == {}
    held.release()
    eventually(lambda: body(held) == "newest", what="the newest configuration")
    eventually(lambda: outcomes(held) == {"applied": 2}, what="two reloads")


def test_the_gateway_ends_at_once_all_the_same(held):
    lead_to(held, "held.test", 9, "new")
    held.signal(signal.SIGHUP)
    assert held.admin("/livez").status == 200
    start = time.monotonic()
    assert held.stop() == 0
    assert time.monotonic() - start < 2
    assert any(line["message"].startswith("reload given up") for line in held.log())


def wrong_routes(count):
    routes = {f"r{number}": {"match": {"pth": f"/{number}"}, "respond": {"status": 200}} for number in range(count)}
    return {"domain": "app", "routes": routes}


def messages(gateway, beginning):
    return [line for line in gateway.log() if line["message"].startswith(beginning)]


@pytest.mark.parametrize("count, shown", [(49, 49), (300, 300), (600, 500)])
def test_many_errors_are_counted_and_the_first_are_logged(gateway_with, count, shown):
    gateway = gateway_with(upstreams={}, routes={"said": said("old")})
    gateway.write("app.yaml", wrong_routes(count))
    for _ in range(3):
        assert gateway.hang_up() == "rejected"
    logged = min(count, 50)
    rejected = eventually(lambda: len(messages(gateway, "reload rejected")) == 3 and messages(gateway, "reload rejected"),
                          what="three summaries")
    assert [line["errors"] for line in rejected] == [count] * 3
    eventually(lambda: len([line for line in messages(gateway, "configuration") if "problem" in line]) == 3 * logged,
               what="the errors in the log")
    left = [line["left_out"] for line in messages(gateway, "configuration: further findings")]
    assert left == ([count - logged] * 3 if count > logged else [])
    reload = gateway.admin_json("/readyz")["last_reload"]
    assert (reload["error_count"], len(reload["errors"])) == (count, 20)
    assert body(gateway) == "old"
    lost = [value for name, labels, value in gateway.metrics()
            if name == "portcullis_log_lines_dropped_total" and labels["log"] == "error"]
    assert lost == [0]

    result = command("check", gateway.folder)
    last = result.stdout.rstrip().splitlines()[-1]
    assert last == f"{count} errors, 0 warnings" + ("; the first 500 are shown" if shown < count else "")
    found = json.loads(command("check", gateway.folder, "--format", "json").stdout)
    assert (found["errors"], len(found["diagnostics"])) == (count, shown)
    assert found.get("not_shown", 0) == count - shown
