"""Hop-by-hop headers, and headers that only the gateway may set (RFC 9110 section 7.6.1)."""

import json

import pytest

from harness import EchoUpstream, Gateway, answering, get, ok, request_bytes, exchange, route_all


HOP_BY_HOP = [
    ("Connection", "keep-alive"), ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"),
    ("TE", "gzip"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQAAP__"), ("Proxy-Authorization", "Basic eDp5"),
]


@pytest.mark.parametrize("name, value", HOP_BY_HOP, ids=[name for name, _ in HOP_BY_HOP])
def test_a_hop_by_hop_header_of_a_request_stops_at_the_gateway(world, name, value):
    assert get(world.port, "/", [(name, value), ("X-Stays", "1")]).status == 200
    assert not world.upstream.last.has(name)
    assert world.upstream.last.header("x-stays") == "1"


@pytest.mark.parametrize("name, value", [
    ("Connection", "keep-alive"), ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"), ("Upgrade", "h2c"),
    ("Proxy-Authenticate", "Basic")], ids=lambda item: item)
def test_a_hop_by_hop_header_of_a_response_stops_at_the_gateway(upstream_with, gateway_with, name, value):
    gateway = gateway_with(upstream_with(answering(ok(headers=f"{name}: {value}\r\nX-Stays: 1\r\n".encode()))))
    response = get(gateway.port)
    assert not response.has(name)
    assert response.header("x-stays") == "1"


@pytest.mark.parametrize("connection", [
    ["X-Hop"], ["x-hop"], ["X-HOP, X-Other"], ["keep-alive, X-Hop"], ["X-Other", "X-Hop"], [" , X-Hop ,,"],
    ["X-Hop\t,\tX-Other"], ["close, X-Hop"]], ids=[
    "as written", "lower case", "two", "behind keep-alive", "two lines", "empty members", "tabs", "behind close"])
def test_headers_named_in_connection_are_removed_from_a_request(world, connection):
    lines = [("Connection", value) for value in connection] + [("X-Hop", "1"), ("X-Stays", "1")]
    assert get(world.port, "/", lines).status == 200
    assert not world.upstream.last.has("x-hop")
    assert not world.upstream.last.has("connection")
    assert world.upstream.last.header("x-stays") == "1"


def test_a_header_named_in_connection_is_removed_wherever_it_stands(world):
    assert get(world.port, "/", [("X-Hop", "1"), ("Connection", "X-Hop"), ("X-Hop", "2")]).status == 200
    assert not world.upstream.last.has("x-hop")


def test_headers_named_in_connection_are_removed_from_a_response(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(answering(
        ok(headers=b"X-Hop: 1\r\nConnection: x-hop, X-Two\r\nX-Two: 2\r\nX-Stays: 1\r\n"))))
    response = get(gateway.port)
    assert not response.has("x-hop") and not response.has("x-two")
    assert response.header("x-stays") == "1"


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-ID",
                                  "traceparent"])
def test_connection_cannot_remove_what_the_gateway_sets(world, name):
    headers = [("Connection", f"close, {name}")]
    assert get(world.port, "/", headers).status == 200
    assert world.upstream.last.has(name)


@pytest.mark.parametrize("name, value", [
    ("Content-Length", "4"), ("Transfer-Encoding", "chunked"), ("Host", "app.test"), ("Content-Type", "text/plain")])
def test_connection_cannot_unframe_a_body(world, name, value):
    body = b"4\r\nbody\r\n0\r\n\r\n" if name == "Transfer-Encoding" else b"body"
    headers = [("Connection", name)]
    if name == "Transfer-Encoding":
        headers.append((name, value))
    request = request_bytes("POST", "/", headers, body)
    world.upstream.requests.clear()
    with world.client() as client:
        response = client.send(request + request_bytes("GET", "/next")).response()
        assert response.status in (200, 400), "the body is neither lost nor taken for a request"
        if response.status == 200:
            assert world.upstream.requests[0].body == b"body"
            assert client.response().status == 200


def test_connection_cannot_remove_a_header_that_a_plugin_sets(tmp_path):
    route = route_all(plugins={"request_transform": {"headers": {"set": {"X-Account": "gateway"}}}})
    with EchoUpstream() as upstream, Gateway(tmp_path, {"service": upstream.target}, {"all": route}) as gateway:
        get(gateway.port, "/", [("Connection", "X-Account"), ("X-Account", "client")])
        assert upstream.last.values("x-account") == ["gateway"]


IDENTITY = ["X-Spiffe-ID", "x-spiffe-id", "X-SPIFFE-ID", "X_Spiffe_ID", "X-Spiffe_ID", "x_spiffe-id"]


@pytest.mark.parametrize("name", IDENTITY)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_an_identity_header_of_a_client_never_reaches_an_upstream(world, name, method):
    request = request_bytes(method, "/", [(name, "spiffe://bank/user/1"), (name, "twice"), ("X-Stays", "1")])
    assert exchange(world.port, request).status == 200
    reached = [key for key, _ in world.upstream.last.headers]
    assert [key for key in reached if key.lower().replace("_", "-") == "x-spiffe-id"] == []
    assert world.upstream.last.header("x-stays") == "1"


@pytest.mark.parametrize("name", IDENTITY)
def test_an_identity_header_is_stripped_from_trusted_proxies_too(tmp_path, name):
    with EchoUpstream() as upstream, Gateway(
        tmp_path, {"service": upstream.target}, {"all": route_all()}, gateway={"trusted_proxies": ["127.0.0.0/8"]}
    ) as gateway:
        get(gateway.port, "/", [(name, "spiffe://bank/user/1")])
        assert b"spiffe" not in upstream.received().lower()


@pytest.mark.parametrize("name", ["X_Forwarded_For", "X-Forwarded_For", "x_forwarded-for", "X_Request_ID",
                                  "X_Forwarded_Proto", "X_Forwarded_Host"])
def test_spellings_with_underscores_of_headers_that_the_gateway_sets_are_dropped(world, name):
    get(world.port, "/", [(name, "evil")])
    assert "evil" not in [value for _, value in world.upstream.last.headers]


def test_other_headers_with_underscores_are_left_alone(world):
    get(world.port, "/", [("X_Custom_Field", "1")])
    assert world.upstream.last.header("X_Custom_Field") == "1"


def test_te_trailers_may_pass_but_nothing_else_of_te(world):
    get(world.port, "/", [("Connection", "TE"), ("TE", "trailers, deflate;q=0.5")])
    assert world.upstream.last.values("te") in ([], ["trailers"])


def test_no_header_of_the_gateways_making_reaches_the_client_by_surprise(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(answering(ok(headers=b"X-Own: 1\r\nServer: service\r\n"))))
    response = get(gateway.port)
    assert response.values("server") == ["service"]
    assert {name.lower() for name in response.names()} <= {
        "x-own", "server", "content-length", "date", "x-request-id", "via", "connection"}


@pytest.mark.parametrize("plans, status", [
    (["h2c"], 200), (["h2c", "H2C"], 200), (["h2c", "websocket"], 501), (["websocket", "h2c"], 501),
    (["h2c, websocket"], 501), (["TLS/1.2"], 501)])
def test_an_upgrade_to_something_else_is_refused_in_any_order_of_lines(world, plans, status):
    headers = [("Connection", "Upgrade"), *(("Upgrade", plan) for plan in plans)]
    assert get(world.port, "/", headers).status == status


@pytest.mark.parametrize("plan", ["h2c", "websocket"])
def test_an_upgrade_request_keeps_the_connection_in_http_1_1(world, plan):
    world.upstream.requests.clear()
    headers = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", plan), ("HTTP2-Settings", "AAMAAABkAAQAAP__")]
    response = get(world.port, "/", headers)
    assert response.status != 101
    if response.status == 200:
        reached = json.loads(response.body)["headers"]
        assert {"upgrade", "http2-settings", "connection"} & {name.lower() for name, _ in reached} == set()
