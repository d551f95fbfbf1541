"""A new configuration on SIGHUP: all of it or nothing, and nobody notices but those it is about."""

import json
import os
import signal
import threading

import pytest

from harness import (
    MEMORY_FACTOR, EchoUpstream, Gateway, RawClient, Truncated, answering, eventually, free_port, get, ok,
    request_bytes, route_all)

RELOADS = int(os.environ.get("RELOADS", "40"))


def said(body, path="/"):
    return {"match": {"path": path}, "respond": {"status": 200, "body": body}}


def body(gateway, target="/"):
    return get(gateway.port, target).body.decode()


@pytest.fixture
def fixed(gateway_with):
    """A gateway that needs no upstream and says `old`."""
    return gateway_with(upstreams={}, routes={"said": said("old"), "kept": said("kept", "/kept")})


def rewrite(gateway, text="new"):
    gateway.write_routes({}, {"said": said(text), "kept": said("kept", "/kept")})


def test_a_good_configuration_takes_effect(fixed):
    rewrite(fixed)
    assert body(fixed) == "old"
    assert fixed.hang_up() == "applied"
    assert body(fixed) == "new"


BROKEN = [
    ("a misspelt key", {"match": {"pth": "/"}, "respond": {"status": 200}}),
    ("an upstream that isn't there", {"match": {"path": "/"}, "upstream": "nowhere"}),
    ("a status that is none", {"match": {"path": "/"}, "respond": {"status": 9999}}),
]


@pytest.mark.parametrize("route", [item[1] for item in BROKEN], ids=[item[0] for item in BROKEN])
def test_a_bad_configuration_changes_nothing(fixed, route):
    digest = digest_of(fixed)
    fixed.write_routes({}, {"said": route, "kept": said("changed", "/kept")})
    assert fixed.hang_up() == "rejected"
    assert (body(fixed), body(fixed, "/kept")) == ("old", "kept")
    assert digest_of(fixed) == digest
    readiness = fixed.admin("/readyz")
    assert readiness.status == 200, "it still serves"
    assert b"reload" in readiness.body.lower() or b"configuration" in readiness.body.lower()

    def told():
        return any(line["level"] == "error" and "app.yaml" in json.dumps(line) for line in fixed.log())

    eventually(told, 5, "the log naming the file")
    rewrite(fixed)
    assert fixed.hang_up() == "applied"
    assert body(fixed) == "new"
    assert b"rejected" not in fixed.admin("/readyz").body


@pytest.mark.parametrize("text", ["", "{", "domain: app\n\troutes: 1\n", "a: 1\na: 2\n", "--- 1\n--- 2\n", "\0"], ids=[
    "nothing", "half a mapping", "a tab", "a key twice", "two documents", "a NUL"])
def test_a_file_that_is_no_yaml_changes_nothing(fixed, text):
    fixed.write("app.yaml", text)
    assert fixed.hang_up() == "rejected"
    assert body(fixed) == "old"


def test_a_folder_that_is_gone_changes_nothing(fixed):
    aside = fixed.folder.with_name("aside")
    fixed.folder.rename(aside)
    assert fixed.hang_up() == "rejected"
    assert body(fixed) == "old"
    aside.rename(fixed.folder)
    rewrite(fixed)
    assert fixed.hang_up() == "applied"
    assert body(fixed) == "new"


def digest_of(gateway):
    infos = [labels for name, labels, _ in gateway.metrics() if name == "portcullis_configuration_info"]
    assert len(infos) == 1
    return infos[0]["digest"]


def test_an_equal_configuration_is_a_no_op(fixed):
    digest = digest_of(fixed)
    with fixed.client() as client:
        assert client.send(request_bytes()).response().body == b"old"
        assert fixed.hang_up() == "unchanged"
        text = (fixed.folder / "app.yaml").read_text()
        fixed.write("app.yaml", "# a comment\n" + text + "\n\n")
        assert fixed.hang_up() == "unchanged"
        assert client.send(request_bytes()).response().body == b"old"
    assert digest_of(fixed) == digest


def test_the_log_says_what_was_added_changed_removed_and_kept(gateway_with):
    gateway = gateway_with(upstreams={}, routes={
        "stays": said("1", "/1"), "changes": said("2", "/2"), "goes": said("3", "/3")})
    gateway.write_routes({}, {"stays": said("1", "/1"), "changes": said("two", "/2"), "comes": said("4", "/4")})
    assert gateway.hang_up() == "applied"

    def line():
        return [item for item in gateway.log() if "added" in json.dumps(item) and "kept" in json.dumps(item)]

    text = json.dumps(eventually(line, what="the log line about the reload")[-1])
    for word in ("added", "changed", "removed", "kept", "comes", "changes", "goes"):
        assert word in text, f"{word} is not in {text}"


def test_requests_in_flight_finish_on_their_snapshot(upstream_with, gateway_with):
    release = threading.Event()

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        connection.wait(release)
        connection.send(b"final")

    upstream = upstream_with(script)
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        assert client.send(request_bytes()).response_head().status == 200
        gateway.write_routes({}, {"all": said("new")})
        assert gateway.hang_up() == "applied"
        assert body(gateway) == "new"
        release.set()
        assert client.body_bytes(10) == b"firstfinal"
        assert client.send(request_bytes()).response().body == b"new", "the next request sees the new world"


def test_a_request_waiting_for_its_upstream_finishes_on_its_snapshot(upstream_with, gateway_with):
    release = threading.Event()

    def script(connection):
        connection.request()
        connection.wait(release)
        connection.send(ok(b"old world"))

    upstream = upstream_with(script)
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        client.send(request_bytes())
        upstream.wait_for_requests(1)
        gateway.write_routes({}, {"all": said("new")})
        assert gateway.hang_up() == "applied"
        release.set()
        assert client.response().body == b"old world"


def test_a_body_on_its_way_up_survives_a_reload(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(upstream)
    with gateway.client() as client:
        client.send(request_bytes("POST", "/", [("Content-Length", "10")]) + b"first")
        eventually(lambda: upstream.connections and upstream.received().endswith(b"first"), what="half of the body")
        gateway.write_routes({}, {"all": said("new")})
        assert gateway.hang_up() == "applied"
        assert client.send(b"final").response().status == 200
    assert upstream.last.body == b"firstfinal"


def test_pools_survive(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(upstream)
    assert get(gateway.port).status == 200
    routes = {"all": route_all(), "more": said("more", "/more")}
    gateway.write_routes({"service": [upstream.target]}, routes)
    assert gateway.hang_up() == "applied"
    assert get(gateway.port).status == 200
    assert body(gateway, "/more") == "more"
    assert len(upstream.connections) == 1


def test_connections_to_a_target_that_is_gone_are_closed(upstream_with, gateway_with):
    old, new = upstream_with(), upstream_with()
    gateway = gateway_with(old)
    assert get(gateway.port).status == 200
    gateway.write_routes({"service": [new.target]}, {"all": route_all()})
    assert gateway.hang_up() == "applied"
    assert get(gateway.port).status == 200
    assert len(new.requests) == 1
    eventually(lambda: old.connections[0].closed_by_peer, 10, "the close of the old connection")


def test_connections_of_an_upstream_that_went_count_when_it_comes_back(upstream_with, gateway_with):
    release = threading.Event()

    def holding(connection):
        while request := connection.request():
            if request.target == "/held":
                connection.wait(release)
            connection.send(ok(b"here"))

    upstream = upstream_with(holding)
    service = {"service": {"targets": [upstream.target], "connections_max": 1}}
    gateway = gateway_with(upstreams=service, routes={"all": route_all()})
    with gateway.client() as waiting:
        waiting.send(request_bytes("GET", "/held"))
        eventually(lambda: upstream.requests, what="the request at the upstream")
        gateway.write_routes({}, {"all": said("none")})
        assert gateway.hang_up() == "applied"
        gateway.write_routes(service, {"all": route_all()})
        assert gateway.hang_up() == "applied"
        assert get(gateway.port).status == 503
        assert len(upstream.connections) == 1
        release.set()
        assert waiting.response().body == b"here"
    eventually(lambda: get(gateway.port).status == 200, what="room for another connection")


def test_counters_survive(fixed):
    body(fixed)
    before = fixed.metrics().sum("portcullis_http_requests_total")
    rewrite(fixed)
    fixed.hang_up()
    assert fixed.metrics().sum("portcullis_http_requests_total") >= before


def can_connect(port):
    try:
        RawClient(port).close()
        return True
    except OSError:
        return False


def test_a_listener_is_added_and_removed(fixed):
    extra = free_port()
    ports = {**fixed.ports, "extra": extra}
    assert not can_connect(extra)
    with fixed.client() as old:
        assert old.send(request_bytes()).response().status == 200
        fixed.ports = ports
        fixed.write("gateway.yaml", fixed.gateway_yaml())
        assert fixed.hang_up() == "applied"
        assert get(extra).body == b"old"
        with RawClient(extra) as client:
            assert client.send(request_bytes()).response().status == 200
            fixed.ports = {"main": fixed.ports["main"]}
            fixed.write("gateway.yaml", fixed.gateway_yaml())
            assert fixed.hang_up() == "applied"
            eventually(lambda: not can_connect(extra), what="the end of the listener")
            client.send_if_open(request_bytes())
            try:
                assert client.response().status in (200, 404, 421), "a connection of the old listener ends politely"
            except (Truncated, TimeoutError):
                pass
        assert old.send(request_bytes()).response().status == 200, "the kept listener's connections live on"


def test_a_request_that_a_removed_listener_has_half_is_never_another_listeners(gateway_with):
    """The kept listener moves up to the removed one's place in the configuration."""
    gateway = gateway_with(listeners=("external", "internal"), upstreams={}, routes={
        "public": {"match": {"path": "/secret", "listeners": ["external"]}, "respond": {"status": 200, "body": "public"}},
        "secret": {"match": {"path": "/secret", "listeners": ["internal"]}, "respond": {"status": 200, "body": "secret"}},
    })
    with gateway.client("external") as client, gateway.client("external") as late:
        request = request_bytes(target="/secret")
        client.send(request[:-2])
        gateway.ports = {"internal": gateway.ports["internal"]}
        gateway.write("gateway.yaml", gateway.gateway_yaml())
        gateway.write_routes({}, {
            "secret": {"match": {"path": "/secret", "listeners": ["internal"]}, "respond": {"status": 200, "body": "secret"}}})
        assert gateway.hang_up() == "applied"
        answer = client.send(request[-2:]).response()
        assert (answer.status, answer.body) == (200, b"public"), "it is served as when it began"
        late.send_if_open(request)
        try:
            assert late.response().body == b"public"
        except (Truncated, TimeoutError):
            pass
    assert get(gateway.ports["internal"], "/secret").body == b"secret"


def test_a_reload_that_changes_nothing_shows_the_new_places(fixed):
    place = json.loads(fixed.admin("/routes").body)["routes"][0]["place"]
    name = next(path.name for path in fixed.folder.glob("*.yaml") if path.name != "gateway.yaml")
    fixed.write(name, "\n\n" + (fixed.folder / name).read_text())
    assert fixed.hang_up() == "unchanged"
    file, line, column = place.rsplit(":", 2)
    assert json.loads(fixed.admin("/routes").body)["routes"][0]["place"] == f"{file}:{int(line) + 2}:{column}"


def test_a_listener_whose_address_cannot_be_had_rejects_the_configuration(fixed, upstream_with):
    taken = upstream_with().port
    fixed.ports = {**fixed.ports, "extra": taken}
    rewrite(fixed)
    fixed.write("gateway.yaml", fixed.gateway_yaml())
    assert fixed.hang_up() == "rejected"
    assert body(fixed) == "old"


@pytest.mark.parametrize("moves", ["listener", "admin"])
def test_an_address_that_an_own_listener_holds_is_told_with_whose_it_is(fixed, moves):
    """It is free only after the reload: there, the kernel gives one port to addresses that overlap only once."""
    document = fixed.gateway_yaml()
    if moves == "listener":
        document["listeners"]["main"]["address"] = f"0.0.0.0:{fixed.port}"
        holder = "listener main"
    else:
        document["admin"] = {"address": f"127.0.0.1:{fixed.port}"}
        document["listeners"]["main"]["address"] = f"127.0.0.1:{free_port()}"
        holder = "listener main"
    fixed.write("gateway.yaml", document)
    assert fixed.hang_up() == "rejected"
    error = fixed.admin_json("/readyz")["last_reload"]["errors"][0]
    assert f"own {holder} (" in error and "gateway.yaml:" in error and "reload of its own" in error
    assert body(fixed) == "old"


def test_an_admin_address_that_cannot_be_had_rejects_the_whole_configuration(fixed, upstream_with):
    """Not half of it: the old routes stay, and the old admin listener answers."""
    taken = upstream_with().port
    old = fixed.admin_port
    rewrite(fixed)
    fixed.admin_port = taken
    fixed.write("gateway.yaml", fixed.gateway_yaml())
    fixed.admin_port = old
    assert fixed.hang_up() == "rejected"
    assert body(fixed) == "old"


def test_the_admin_listener_may_move_to_another_port(fixed):
    rewrite(fixed)
    fixed.admin_port = free_port()
    fixed.write("gateway.yaml", fixed.gateway_yaml())
    fixed.signal(signal.SIGHUP)
    eventually(lambda: can_connect(fixed.admin_port), what="the new admin listener")
    assert fixed.is_ready()
    assert body(fixed) == "new"


def test_a_listener_may_move_to_another_port(fixed):
    old = fixed.ports["main"]
    fixed.ports = {"main": free_port()}
    fixed.write("gateway.yaml", fixed.gateway_yaml())
    assert fixed.hang_up() == "applied"
    assert body(fixed) == "old"
    eventually(lambda: not can_connect(old), what="the end of the old port")


def test_requests_without_a_route_are_counted_after_many_reloads(fixed):
    """Nothing of a world that is gone is touched by them."""
    clients = [fixed.client() for _ in range(20)]
    for client in clients:
        assert client.send(request_bytes("GET", "/nowhere")).response().status == 404
        client.send(request_bytes()[:10])
    for number in range(5):
        rewrite(fixed, str(number))
        assert fixed.hang_up() == "applied"
        for _ in range(5):
            assert get(fixed.port, "/nowhere").status == 404
            assert get(fixed.port, "/", [("X Y", "1")]).status == 400
    for client in clients:
        assert client.send(request_bytes()[10:]).response().status == 200
        assert client.send(request_bytes("GET", "/nowhere")).response().status == 404
        client.close()


def test_limits_of_a_listener_take_effect_on_new_requests(fixed):
    assert get(fixed.port, "/kept", [("X", "x" * 3000)]).status == 200
    fixed.gateway_overrides = {"listeners": {"main": {"limits": {"header_bytes_max": "1KiB"}}}}
    fixed.write("gateway.yaml", fixed.gateway_yaml())
    assert fixed.hang_up() == "applied"
    assert get(fixed.port, "/kept", [("X", "x" * 3000)]).status == 431


def test_limits_of_a_listener_reach_connections_that_are_open(fixed):
    def limited_to(**limits):
        fixed.write("gateway.yaml", fixed.gateway_yaml(limits=limits))
        assert fixed.hang_up() == "applied"

    long_header = request_bytes("GET", "/kept", [("X", "x" * 3000)])
    with fixed.client() as one, fixed.client() as other, fixed.client() as third:
        for client in (one, other, third):
            assert client.send(long_header).response().status == 200
        limited_to(header_bytes_max="1KiB", target_bytes_max="256B")
        assert one.send(long_header).response().status == 431
        assert other.send(request_bytes("GET", "/kept?" + "x" * 3000)).response().status == 414
        assert third.send(request_bytes("GET", "/kept")).response().status == 200
        limited_to(header_bytes_max="32KiB")
        assert third.send(long_header).response().status == 200


def test_a_shorter_idle_time_reaches_connections_that_are_open(fixed):
    with fixed.client() as client:
        assert client.send(request_bytes("GET", "/kept")).response().status == 200
        fixed.write("gateway.yaml", fixed.gateway_yaml(timeouts={"keep_alive_idle": "200ms"}))
        assert fixed.hang_up() == "applied"
        client.assert_closed()


def test_a_value_from_a_file_is_read_anew(gateway_with):
    gateway = gateway_with(upstreams={}, routes={"said": said("${file:words/said}")}, files={"words/said": "old"})
    assert body(gateway) == "old"
    gateway.write("words/said", "new")
    assert gateway.hang_up() == "applied"
    assert body(gateway) == "new"


def test_a_domain_file_that_begins_to_take_text_from_elsewhere_is_rejected(fixed):
    """An absolute path, and a way up: what else the process may read is not the team's to see."""
    for path in ("/etc/hostname", "../stderr.log"):
        fixed.write_routes({}, {"said": said("${file:%s}" % path)})
        assert fixed.hang_up() == "rejected"
    assert any("only gateway.yaml may take text from elsewhere" in str(line) for line in fixed.log())


def test_a_flurry_of_signals_ends_in_the_last_configuration(fixed):
    for number in range(50):
        rewrite(fixed, f"version {number}")
        fixed.signal(signal.SIGHUP)
    eventually(lambda: body(fixed) == "version 49", what="the last version")
    # It is served a moment before it is counted.
    eventually(lambda: fixed.hang_up() == "unchanged", what="a reload with nothing to apply")
    assert body(fixed) == "version 49"


class Load:
    """Clients that never pause, on kept connections and on new ones; everything that fails is remembered."""

    def __init__(self, port):
        self.port, self.failures, self.count = port, [], 0
        self.stopping = threading.Event()
        runs = [self.kept, self.kept, self.short, self.short]
        self.threads = [threading.Thread(target=run) for run in runs]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(10)

    def one(self, client):
        response = client.send(request_bytes("POST", "/load", body=b"x")).response()
        self.count += 1
        if response.status != 200:
            self.failures.append(response)
        return response

    def kept(self):
        client = RawClient(self.port)
        while not self.stopping.is_set():
            try:
                if self.one(client).closes:
                    client.close()
                    client = RawClient(self.port)
            except Exception as error:
                self.failures.append(repr(error))
                client = RawClient(self.port)
        client.close()

    def short(self):
        while not self.stopping.is_set():
            try:
                with RawClient(self.port) as client:
                    self.one(client)
            except Exception as error:
                self.failures.append(repr(error))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_reloads_under_load_cost_no_request_no_memory_and_no_descriptor(tmp_path, workers):
    with EchoUpstream() as upstream, Gateway(
        tmp_path, {"service": upstream.target}, {"all": route_all()}, gateway={"workers": workers}
    ) as gateway:
        good = [
            json.loads((gateway.folder / "app.yaml").read_text()),
            {"domain": "app", "upstreams": {"service": {"targets": [upstream.target]}},
             "routes": {"all": route_all(), **{f"r{n}": said(str(n), f"/r/{n}") for n in range(50)}}},
        ]
        results = []
        with Load(gateway.port) as load:
            for number in range(RELOADS):
                if number == RELOADS // 4:
                    memory, descriptors = gateway.memory_kib(), gateway.descriptors()
                gateway.write("app.yaml", "nonsense: 1\n" if number % 4 == 3 else good[number % 4 % 2])
                results.append(gateway.hang_up())
            grown = gateway.memory_kib() - memory
            more = gateway.descriptors() - descriptors
        assert load.failures == []
        assert load.count > RELOADS
        assert results.count("rejected") == RELOADS // 4
        assert grown < 4 * 1024 * MEMORY_FACTOR, f"{grown} KiB more"
        assert more < 20, f"{more} descriptors more"


def test_a_kept_connection_is_not_closed_by_a_reload(fixed):
    with fixed.client() as client:
        for number in range(10):
            rewrite(fixed, str(number))
            fixed.hang_up()
            response = client.send(request_bytes()).response()
            assert (response.body.decode(), response.closes) == (str(number), False)


def test_a_half_sent_request_survives_a_reload(fixed):
    with fixed.client() as client:
        data = request_bytes()
        client.send(data[:20])
        rewrite(fixed)
        fixed.hang_up()
        assert client.send(data[20:]).response().status == 200


def test_an_upstream_answering_during_reloads_is_never_asked_twice(upstream_with, gateway_with):
    upstream = upstream_with(answering(ok()))
    gateway = gateway_with(upstream)
    for number in range(10):
        gateway.write_routes({"service": [upstream.target]}, {"all": route_all(), "n": said(str(number), "/n")})
        gateway.hang_up()
        assert get(gateway.port, f"/{number}").status == 200
    assert [request.target for request in upstream.requests] == [f"/{number}" for number in range(10)]
