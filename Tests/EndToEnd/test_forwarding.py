"""Headers about the client and the trace: set for the upstream, believed from trusted proxies only."""

import json
import re

import pytest

from harness import EchoUpstream, Gateway, get, route_all

UNTRUSTED = "127.0.0.1"
PROXY = "127.0.1.1"
TRUSTED_NETWORK = "127.0.1.0/24"
TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-9a-f]\Z")
GIVEN_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ALL_ON = {"forwarding": {"x_forwarded": True, "forwarded": True, "request_id": True, "trace_context": True}}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with EchoUpstream() as upstream:
        with Gateway(
            tmp_path_factory.mktemp("gateway"), {"service": upstream.target}, {"all": route_all()},
            gateway={"trusted_proxies": [TRUSTED_NETWORK], **ALL_ON},
        ) as gateway:
            gateway.upstream = upstream
            yield gateway


def reached(world, headers=(), source=UNTRUSTED, host="app.test"):
    assert get(world.port, "/", headers, source=source, host=host).status == 200
    return world.upstream.last


def test_the_upstream_learns_who_the_client_is(world):
    request = reached(world, host="app.test:8443")
    assert request.values("x-forwarded-for") == ["127.0.0.1"]
    assert request.values("x-forwarded-proto") == ["http"]
    assert request.header("x-forwarded-host") in ("app.test", "app.test:8443")
    assert request.header("x-forwarded-port") == str(world.port)


def test_the_upstream_learns_it_in_the_standard_header_too(world):
    value = reached(world).header("forwarded")
    pairs = dict(pair.split("=", 1) for pair in value.split(";"))
    assert pairs["for"] == "127.0.0.1"
    assert pairs["proto"] == "http"
    assert pairs["host"].strip('"') == "app.test"


@pytest.mark.parametrize("name, value", [
    ("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.test"),
    ("X-Forwarded-Port", "666"), ("Forwarded", "for=6.6.6.6;host=evil.test"), ("X-Real-IP", "6.6.6.6"),
    ("X-Forwarded-Prefix", "/evil")],
    ids=lambda item: item)
def test_what_an_untrusted_client_claims_is_replaced(world, name, value):
    request = reached(world, [(name, value), (name.lower(), value)])
    for key, seen in request.headers:
        if key.lower() == name.lower():
            assert value not in seen and "evil" not in seen


def test_a_trusted_proxy_is_believed_about_the_client(world):
    request = reached(world, [
        ("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "public.test"),
        ("X-Forwarded-Port", "443")], PROXY)
    assert ",".join(request.values("x-forwarded-for")).replace(" ", "").split(",") == ["203.0.113.7", PROXY]
    assert request.header("x-forwarded-proto") == "https"
    assert request.header("x-forwarded-host") == "public.test"
    assert request.header("x-forwarded-port") == "443"


def test_a_trusted_proxy_without_forwarding_headers_is_the_client_itself(world):
    assert reached(world, source=PROXY).header("x-forwarded-for") == PROXY


@pytest.mark.parametrize("lines, client", [
    (["203.0.113.7"], "203.0.113.7"),
    (["6.6.6.6, 203.0.113.7"], "203.0.113.7"),
    (["6.6.6.6", "203.0.113.7"], "203.0.113.7"),
    (["203.0.113.7, 127.0.1.9"], "203.0.113.7"),
    (["2001:db8::7"], "2001:db8::7"),
    (["203.0.113.7", "127.0.1.9"], "203.0.113.7"),
    (["127.0.1.8, 127.0.1.9"], "127.0.1.8"),
    (["203.0.113.7:5555"], "203.0.113.7"),
    (["[2001:db8::7]:5555"], "2001:db8::7"),
    (["203.0.113.7, ", ""], "203.0.113.7"),
    ([""], PROXY),
    (["not an address"], "unknown"),
    (["6.6.6.6, nonsense"], "unknown"),
], ids=[
    "one address", "a client's own claim before it", "claims on two lines", "a second trusted proxy behind it",
    "an IPv6 address", "a second trusted proxy on a line of its own", "only trusted proxies", "a port behind it",
    "IPv6 with a port", "empty elements", "an empty line", "no address at all", "an address behind nonsense"])
def test_the_client_is_the_last_address_that_is_not_a_trusted_proxy(world, lines, client):
    """What the access log calls the client, with X-Forwarded-For read from the right."""
    target = f"/client/{hash(tuple(lines)) & 0xffffff}"
    get(world.port, target, [("X-Forwarded-For", line) for line in lines], source=PROXY)
    assert world.access_line(path=target)["client"] == client


@pytest.mark.parametrize("headers, client, x_for, x_proto, x_host, forwarded", [
    ([("Forwarded", "for=203.0.113.7;proto=https;host=public.test")], "203.0.113.7", f"203.0.113.7, {PROXY}", "https",
     "public.test", ["for=203.0.113.7;proto=https;host=public.test", "HOP"]),
    ([("Forwarded", "for=6.6.6.6"), ("Forwarded", 'for="[2001:db8::7]:47", for=127.0.1.9')], "2001:db8::7",
     f"2001:db8::7, {PROXY}", "http", "app.test", ["for=6.6.6.6", 'for="[2001:db8::7]:47", for=127.0.1.9', "HOP"]),
    ([("Forwarded", "for=_hidden")], "unknown", f"unknown, {PROXY}", "http", "app.test", ["for=_hidden", "HOP"]),
    ([("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https")], "203.0.113.7", f"203.0.113.7, {PROXY}",
     "https", "app.test", ['for=203.0.113.7;host="app.test";proto=https, HOP']),
    ([("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"), ("Forwarded", "for=6.6.6.6;proto=http")],
     "203.0.113.7", f"203.0.113.7, {PROXY}", "https", "app.test",
     ['for=203.0.113.7;host="app.test";proto=https, HOP']),
    ([("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"), ("Forwarded", "for=203.0.113.7;proto=http")],
     "203.0.113.7", f"203.0.113.7, {PROXY}", "https", "app.test",
     ['for=203.0.113.7;host="app.test";proto=https, HOP']),
    ([("X-Forwarded-For", "203.0.113.7"), ("Forwarded", "for=203.0.113.7;proto=https")], "203.0.113.7",
     f"203.0.113.7, {PROXY}", "https", "app.test", ["for=203.0.113.7;proto=https", "HOP"]),
    ([("X-Forwarded-Proto", "https")], PROXY, PROXY, "https", "app.test", [f'for={PROXY};host="app.test";proto=https']),
    ([("X-Forwarded-Proto", "http"), ("X-Forwarded-Proto", "https")], PROXY, PROXY, "https", "app.test",
     [f'for={PROXY};host="app.test";proto=https']),
    ([("X-Forwarded-For", "203.0.113.7,, "), ("X-Forwarded-Host", 'a"b')], "203.0.113.7", f"203.0.113.7, {PROXY}",
     "http", 'a"b', ["for=203.0.113.7;proto=http, HOP"]),
], ids=[
    "Forwarded only", "several lines and elements", "an obfuscated client", "X-Forwarded only", "they contradict",
    "they agree about the client only", "they agree", "a scheme only", "two schemes: the last", "a host that is none"])
def test_the_upstream_is_told_one_story(world, headers, client, x_for, x_proto, x_host, forwarded):
    hop = f'for={PROXY};host="app.test";proto=http'
    target = f"/story/{hash(str(headers)) & 0xffffff}"
    assert get(world.port, target, headers, source=PROXY).status == 200
    request = world.upstream.last
    assert world.access_line(path=target)["client"] == client
    assert request.values("x-forwarded-for") == [x_for]
    assert request.values("x-forwarded-proto") == [x_proto]
    assert request.values("x-forwarded-host") == [x_host]
    assert request.values("forwarded") == [line.replace("HOP", hop) for line in forwarded]


@pytest.mark.parametrize("lists", [{"allow": ["127.0.0.0/8"]}, {"deny": ["203.0.113.0/24"]}], ids=["allow", "deny"])
def test_a_client_whom_nobody_knows_is_refused(tmp_path, lists):
    unknown = [("X-Forwarded-For", "unknown"), ("X-Forwarded-For", "203.0.113.7, _x"), ("Forwarded", "for=unknown"),
               ("Forwarded", "proto=https"), ("X-Forwarded-For", "203.0.113.7:99999")]
    denied = [("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-For", "203.0.113.7:5555"),
              ("X-Forwarded-For", "203.0.113.7,"), ("Forwarded", "for=203.0.113.7"),
              ("Forwarded", 'for="203.0.113.7:80"')]
    with EchoUpstream() as upstream, Gateway(
        tmp_path, {"service": upstream.target}, {"all": route_all(plugins={"ip_restriction": lists})},
        gateway={"trusted_proxies": [TRUSTED_NETWORK]},
    ) as gateway:
        for header in unknown + denied:
            assert get(gateway.port, "/", [header], source=PROXY).status == 403, header
        assert get(gateway.port, "/", [("X-Forwarded-For", "127.0.0.9:80")], source=PROXY).status == 200
        assert len(upstream.requests) == 1


def test_what_a_file_restricts_is_open_on_a_route_that_turns_it_off(tmp_path):
    routes = {
        "closed": {"match": {"path": "/closed"}, "respond": {"status": 204}},
        "open": {"match": {"path": "/open"}, "respond": {"status": 204},
                 "plugins": {"ip_restriction": {"enabled": False}}},
    }
    with Gateway(
        tmp_path, {}, routes, domain={"plugins": {"ip_restriction": {"deny": ["127.0.0.0/8"]}}}
    ) as gateway:
        assert get(gateway.port, "/closed").status == 403
        assert get(gateway.port, "/open").status == 204


def test_a_client_whom_nobody_knows_has_no_bucket_of_the_proxys(tmp_path):
    limits = {"rate_limit": {"rate": "1/h", "burst": 1}}
    with EchoUpstream() as upstream, Gateway(
        tmp_path, {"service": upstream.target}, {"all": route_all(plugins=limits)},
        gateway={"trusted_proxies": [TRUSTED_NETWORK]},
    ) as gateway:
        for _ in range(3):
            refused = get(gateway.port, "/", [("X-Forwarded-For", "unknown")], source=PROXY)
            assert refused.status == 400 and json.loads(refused.body)["code"] == "rate-limit-key-missing"
        assert get(gateway.port, "/", source=PROXY).status == 200
        assert get(gateway.port, "/", [("X-Forwarded-For", "203.0.113.7:1")], source=PROXY).status == 200
        assert get(gateway.port, "/", [("X-Forwarded-For", "203.0.113.7:2")], source=PROXY).status == 429


def test_an_untrusted_client_is_logged_by_its_own_address(world):
    get(world.port, "/client/own", [("X-Forwarded-For", "6.6.6.6")], source=UNTRUSTED)
    assert world.access_line(path="/client/own")["client"] == UNTRUSTED


# Request id

def test_each_request_gets_an_id_of_its_own(world):
    ids = {reached(world).header("x-request-id") for _ in range(20)}
    assert len(ids) == 20
    assert all(re.fullmatch(r"[0-9A-Za-z-]{16,64}", value) for value in ids)


def test_an_untrusted_clients_request_id_is_replaced(world):
    assert reached(world, [("X-Request-ID", "chosen")]).values("x-request-id") != ["chosen"]


def test_a_trusted_proxys_request_id_is_kept(world):
    assert reached(world, [("X-Request-ID", "from-the-edge-1")], PROXY).values("x-request-id") == ["from-the-edge-1"]


@pytest.mark.parametrize("value", ["", "x" * 5000, 'a"b', "a b\tc"], ids=["empty", "too long", "a quote", "spaces"])
def test_an_unfit_request_id_is_replaced_even_from_a_trusted_proxy(world, value):
    seen = reached(world, [("X-Request-ID", value)], PROXY).header("x-request-id")
    assert seen and seen != value


def test_the_request_id_is_the_one_in_the_access_log(world):
    get(world.port, "/with-id")
    assert world.access_line(path="/with-id")["request_id"] == world.upstream.last.header("x-request-id")


# Trace context (W3C)

def test_a_request_without_a_trace_begins_one(world):
    request = reached(world)
    assert TRACEPARENT.match(request.header("traceparent"))


def test_a_trusted_proxys_trace_goes_on_with_a_new_parent(world):
    request = reached(world, [("traceparent", GIVEN_TRACE), ("tracestate", "a=1,b=2")], PROXY)
    version, trace, parent, flags = request.header("traceparent").split("-")
    assert (version, trace, flags) == ("00", "4bf92f3577b34da6a3ce929d0e0e4736", "01")
    assert TRACEPARENT.match(request.header("traceparent"))
    assert request.header("tracestate") == "a=1,b=2"


def test_an_untrusted_clients_trace_is_not_gone_on_with(world):
    request = reached(world, [("traceparent", GIVEN_TRACE), ("tracestate", "a=1")])
    assert TRACEPARENT.match(request.header("traceparent"))
    assert "4bf92f3577b34da6a3ce929d0e0e4736" not in request.header("traceparent")
    assert not request.has("tracestate")


@pytest.mark.parametrize("value", [
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
    "nonsense", "",
], ids=["a trace of zeros", "a parent of zeros", "version ff", "upper case", "no flags", "something behind version 00",
        "nonsense", "empty"])
def test_an_invalid_traceparent_is_replaced_by_a_new_trace(world, value):
    seen = reached(world, [("traceparent", value)], PROXY).header("traceparent")
    assert TRACEPARENT.match(seen)
    assert "4bf92f3577b34da6a3ce929d0e0e4736" not in seen


def test_two_traceparents_are_no_trace(world):
    seen = reached(world, [("traceparent", GIVEN_TRACE), ("traceparent", GIVEN_TRACE)], PROXY).header("traceparent")
    assert "4bf92f3577b34da6a3ce929d0e0e4736" not in seen


def test_without_trusted_proxies_nobody_is_believed(tmp_path):
    with EchoUpstream() as upstream, Gateway(tmp_path, {"service": upstream.target}, {"all": route_all()}) as gateway:
        get(gateway.port, "/", [("X-Forwarded-For", "6.6.6.6"), ("X-Request-ID", "chosen")])
        assert upstream.last.values("x-forwarded-for") == ["127.0.0.1"]
        assert upstream.last.header("x-request-id") != "chosen"


@pytest.mark.parametrize("key, names", [
    ("x_forwarded", ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port"]),
    ("forwarded", ["Forwarded"]), ("request_id", ["X-Request-ID"]), ("trace_context", ["traceparent"])])
def test_headers_that_are_switched_off_are_not_set_and_a_clients_ones_do_not_pass(tmp_path, key, names):
    forwarding = {**ALL_ON["forwarding"], key: False}
    with EchoUpstream() as upstream, Gateway(
        tmp_path, {"service": upstream.target}, {"all": route_all()}, gateway={"forwarding": forwarding}
    ) as gateway:
        get(gateway.port, "/", [(name, "claimed") for name in names])
        for name in names:
            assert "claimed" not in upstream.last.values(name)


@pytest.mark.parametrize("headers, moved, secured", [
    ([], "http://app.test:8080/b", "https://app.test/t"),
    ([("X-Forwarded-Proto", "https")], "https://app.test:8080/b", "https://app.test/t"),
    ([("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "pub.test")], "https://pub.test/b", "https://pub.test/t"),
    ([("X-Forwarded-Host", "pub.test:81")], "http://pub.test:81/b", "https://pub.test/t"),
    ([("Forwarded", "for=1.2.3.4;proto=https;host=pub.test")], "https://pub.test/b", "https://pub.test/t"),
    ([("X-Forwarded-Proto", "ftp"), ("X-Forwarded-Host", "a@b/c")], "http://app.test:8080/b", "https://app.test/t"),
    ([("X-Forwarded-Proto", "HTTPS")], "https://app.test:8080/b", "https://app.test/t")])
@pytest.mark.parametrize("sent", [{}, {"x_forwarded": False}, {"x_forwarded": False, "forwarded": True}],
                         ids=["X-Forwarded", "nothing", "Forwarded"])
def test_a_redirect_leads_to_what_the_client_has_asked_for(gateway_with, headers, moved, secured, sent):
    gateway = gateway_with(
        upstreams={}, gateway={"trusted_proxies": [TRUSTED_NETWORK], "forwarding": sent}, routes={
            "moved": {"match": {"path": "/a"}, "redirect": {"path": "/b"}},
            "secured": {"match": {"path": "/t"}, "redirect": {"scheme": "https"}}})

    def location(path, source):
        return get(gateway.port, path, headers, host="app.test:8080", source=source).header("location")

    assert (location("/a", PROXY), location("/t", PROXY)) == (moved, secured)
    assert location("/a", UNTRUSTED) == "http://app.test:8080/b"
