"""Which route takes a request, and with which path it goes on (DESIGN section 2)."""

import json

import pytest

from harness import EchoUpstream, Gateway, exchange, get, request_bytes

HOSTS = ["app.test", "*.wild.test", "exact.wild.test", "other.test", "edge.test"]

ROUTES = {
    "root": {"match": {"hosts": ["app.test"], "path": "/"}},
    "literal": {"match": {"hosts": ["app.test"], "path": "/accounts/me"}},
    "template": {"match": {"hosts": ["app.test"], "path": "/accounts/{id}"}},
    "nested": {"match": {"hosts": ["app.test"], "path": "/accounts/{id}/orders/{order}"}},
    "rest": {"match": {"hosts": ["app.test"], "path": "/files/{path...}"}},
    "prefix": {"match": {"hosts": ["app.test"], "prefix": "/api"}},
    "longer": {"match": {"hosts": ["app.test"], "prefix": "/api/v2"}},
    "read": {"match": {"hosts": ["app.test"], "path": "/methods", "methods": ["GET"]}},
    "write": {"match": {"hosts": ["app.test"], "path": "/methods", "methods": ["POST", "PUT"]}},
    "canary": {"match": {"hosts": ["app.test"], "path": "/flag", "headers": {"X-Canary": "yes"}}},
    "query": {"match": {"hosts": ["app.test"], "path": "/flag", "query": {"version": "2"}}},
    "plain": {"match": {"hosts": ["app.test"], "path": "/flag"}},
    "slashes": {"match": {"hosts": ["app.test"], "path": "/objects/{key}"}, "allow_encoded_slash": True},
    "any": {"match": {"hosts": ["app.test"], "prefix": "/canonical"}},
    "strip": {"match": {"hosts": ["app.test"], "prefix": "/strip/me"}, "rewrite": {"strip_prefix": "/strip/me"}},
    "replace": {"match": {"hosts": ["app.test"], "path": "/users/{id}/pic/{size}"},
                "rewrite": {"path": "/img/{size}/{id}.png"}},
    "replace-rest": {"match": {"hosts": ["app.test"], "path": "/old/{rest...}"}, "rewrite": {"path": "/new/{rest}"}},
    "replace-inner": {"match": {"hosts": ["app.test"], "path": "/inner/{rest...}"},
                      "rewrite": {"path": "/new/{rest}/index"}},
    "replace-first": {"match": {"hosts": ["app.test"], "path": "/first/{x}/{rest...}"},
                      "rewrite": {"path": "/{rest}/{x}"}},
    "rehost": {"match": {"hosts": ["app.test"], "path": "/rehost"}, "rewrite": {"host": "inner.test"}},
    "wild": {"match": {"hosts": ["*.wild.test"], "prefix": "/"}},
    "exact": {"match": {"hosts": ["exact.wild.test"], "prefix": "/x"}},
    "other": {"match": {"hosts": ["other.test"], "prefix": "/"}},
}
ACTIONS = {
    "go": {"match": {"hosts": ["app.test"], "path": "/go/{id}"},
           "redirect": {"location": "https://new.test/{id}", "status": 308}},
    "go-first": {"match": {"hosts": ["app.test"], "path": "/go-first/{x}/{rest...}"},
                 "redirect": {"location": "/{rest}/{x}"}},
    "go-home": {"match": {"hosts": ["app.test"], "path": "/go-home/{rest...}"}, "redirect": {"path": "/{rest}/home"}},
    "https": {"match": {"hosts": ["app.test"], "prefix": "/secure"},
              "redirect": {"scheme": "https", "status": 301}},
    "said": {"match": {"hosts": ["app.test"], "path": "/said"},
             "respond": {"status": 418, "body": "short and stout\n", "content_type": "text/plain",
                         "headers": {"X-Pot": "1"}}},
    "fine": {"match": {"hosts": ["app.test"], "path": "/fine"}, "respond": {"status": 200, "body": "fine"}},
    "gone": {"match": {"hosts": ["app.test"], "path": "/nothing"}, "respond": {"status": 204}},
    "edge": {"match": {"hosts": ["edge.test"], "prefix": "/", "listeners": ["second"]},
             "respond": {"status": 200, "body": "edge"}},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Each route leads to an upstream of its own, named like it."""
    upstreams = {name: EchoUpstream(name) for name in ROUTES}
    routes = {name: {**route, "upstream": name} for name, route in ROUTES.items()}
    domains = {"app": {"hosts": HOSTS, "listeners": ["main", "second"]}}
    with Gateway(
        tmp_path_factory.mktemp("gateway"), {name: upstream.target for name, upstream in upstreams.items()},
        {**routes, **ACTIONS}, gateway={"domains": domains}, listeners=("main", "second"),
    ) as gateway:
        yield gateway
    for upstream in upstreams.values():
        upstream.__exit__(None)


def taken(response):
    assert response.status == 200, (response.status, response.body[:300])
    echo = json.loads(response.body)
    return echo["upstream"], echo["target"]


@pytest.mark.parametrize("host, target, route", [
    ("app.test", "/", "root"),
    ("app.test", "/accounts/me", "literal"),
    ("app.test", "/accounts/you", "template"),
    ("app.test", "/accounts/me2", "template"),
    ("app.test", "/accounts/1/orders/2", "nested"),
    ("app.test", "/accounts/me/orders/2", "nested"),
    ("app.test", "/files/", "rest"),
    ("app.test", "/files/a", "rest"),
    ("app.test", "/files/a/b/c.txt", "rest"),
    ("app.test", "/api", "prefix"),
    ("app.test", "/api/", "prefix"),
    ("app.test", "/api/x", "prefix"),
    ("app.test", "/api/v2", "longer"),
    ("app.test", "/api/v2/x", "longer"),
    ("app.test", "/api/v22", "prefix"),
    ("app.test", "/flag", "plain"),
    ("app.test", "/flag?version=2", "query"),
    ("app.test", "/flag?a=b&version=2", "query"),
    ("app.test", "/flag?version=20", "plain"),
    ("app.test", "/flag?Version=2", "plain"),
    ("app.test", "/flag?xversion=2", "plain"),
    ("app.test", "/flag?ver%73ion=%32", "query"),
    ("a.wild.test", "/", "wild"),
    ("a.b.wild.test", "/", "wild"),
    ("exact.wild.test", "/x", "exact"),
    ("EXACT.WILD.TEST:8080", "/x/y", "exact"),
    ("other.test", "/anything", "other"),
])
def test_the_most_specific_route_takes_the_request(world, host, target, route):
    assert taken(get(world.port, target, host=host))[0] == route


@pytest.mark.parametrize("headers, route", [
    ([("X-Canary", "yes")], "canary"), ([("x-canary", "yes")], "canary"), ([("X-Canary", "YES")], "plain"),
    ([("X-Canary", "yes please")], "plain"), ([("X-Canary", "no"), ("X-Canary", "yes")], "plain"), ([], "plain")],
    ids=["the value", "a name in another case", "a value in another case", "a longer value", "two lines are one list",
         "no header"])
def test_a_header_condition_is_about_one_value(world, headers, route):
    assert taken(get(world.port, "/flag", headers))[0] == route


@pytest.mark.parametrize("method, route", [("GET", "read"), ("POST", "write"), ("PUT", "write")])
def test_a_method_picks_the_route(world, method, route):
    assert taken(exchange(world.port, request_bytes(method, "/methods", [("Content-Length", "0")])))[0] == route


@pytest.mark.parametrize("target", [
    "/apis", "/accounts", "/accounts/", "/accounts/1/orders", "/accounts/1/orders/", "/accounts/1/2", "/nowhere",
    "/API", "/filesx"])
def test_a_path_that_no_route_covers_is_404(world, target):
    response = get(world.port, target)
    assert response.status == 404
    assert response.header("content-type") == "application/problem+json"


@pytest.mark.parametrize("host", ["wild.test", "nobody.test", "app.test.evil", "xapp.test", "127.0.0.1"])
def test_a_host_that_nobody_owns_is_refused(world, host):
    assert get(world.port, "/", host=host).status in (404, 421)


def test_a_host_of_another_listener_is_421(world):
    assert get(world.ports["second"], "/", host="edge.test").body == b"edge"
    assert get(world.ports["main"], "/", host="edge.test").status == 421


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "OPTIONS", "get"])
def test_a_method_that_no_route_of_the_path_takes_is_405_with_allow(world, method):
    response = exchange(world.port, request_bytes(method, "/methods"))
    assert response.status == 405
    allowed = {item.strip() for item in response.header("allow").split(",")}
    assert allowed - {"HEAD"} == {"GET", "POST", "PUT"}


def test_head_is_taken_by_a_get_route_or_refused_with_allow(world):
    response = exchange(world.port, request_bytes("HEAD", "/methods"))
    if response.status == 405:
        assert "HEAD" not in response.header("allow")
    else:
        assert response.status == 200


# The canonical path: what is matched is what is sent on

@pytest.mark.parametrize("target, canonical", [
    ("/canonical", "/canonical"),
    ("/canonical/", "/canonical/"),
    ("/canonical/%61", "/canonical/a"),
    ("/canonical/%7Euser", "/canonical/~user"),
    ("/canonical/%2d%2E%5f", "/canonical/-._"),
    ("/canonical/%e2%82%ac", "/canonical/%E2%82%AC"),
    ("/canonical/a%20b", "/canonical/a%20b"),
    ("/canonical/a%3fb", "/canonical/a%3Fb"),
    ("/canonical/a%25b", "/canonical/a%25b"),
    ("/canonical/a%252fb", "/canonical/a%252fb"),
    ("//canonical", "/canonical"),
    ("/canonical//a///b", "/canonical/a/b"),
    ("/canonical/a//", "/canonical/a/"),
    ("/canonical/./a", "/canonical/a"),
    ("/canonical/a/.", "/canonical/a/"),
    ("/canonical/a/../b", "/canonical/b"),
    ("/canonical/a/b/..", "/canonical/a/"),
    ("/canonical/a/%2e%2e/b", "/canonical/b"),
    ("/canonical/a/.%2E/b", "/canonical/b"),
    ("/canonical/%2e/a", "/canonical/a"),
    ("/nowhere/../canonical/a", "/canonical/a"),
    ("/canonical/...", "/canonical/..."),
    ("/canonical/a..", "/canonical/a.."),
    ("/%63anonical/a", "/canonical/a"),
    ("/canonical/a;b=c", "/canonical/a;b=c"),
    ("/canonical/!$&'()*+,;=:@", "/canonical/!$&'()*+,;=:@"),
    ("/canonical/a?x=/../%2F%00//", "/canonical/a?x=/../%2F%00//"),
    ("/canonical/a?", "/canonical/a?"),
    ("/canonical/a??", "/canonical/a??"),
    ("/canonical/a?b%zz", "/canonical/a?b%zz"),
])
def test_the_upstream_sees_the_canonical_path_and_the_query_as_it_was(world, target, canonical):
    response = get(world.port, target)
    if "%zz" in target and response.status == 400:
        return
    assert taken(response) == ("any", canonical)


@pytest.mark.parametrize("target", [
    "/canonical/a%2Fb", "/canonical/a%2fb", "/canonical/%5C", "/canonical/a%5cb", "/canonical/%00", "/canonical/%0a",
    "/canonical/%0D", "/canonical/%1f", "/canonical/%7f", "/canonical/%", "/canonical/%4", "/canonical/%zz",
    "/canonical/%4g", "/canonical/a%", "/canonical/..%2f..%2fetc", "/canonical/%%41", "/canonical\\a"])
def test_a_doubtful_path_is_400(world, target):
    response = get(world.port, target)
    assert response.status == 400
    assert response.header("content-type") == "application/problem+json"


@pytest.mark.parametrize("target", ["/..", "/../", "/../canonical", "/canonical/../../canonical", "/%2e%2e/canonical"])
def test_a_path_never_leaves_the_root(world, target):
    """RFC 3986 section 5.2.4 drops the surplus dots; refusing them is stricter still."""
    response = get(world.port, target)
    if response.status == 200:
        assert taken(response) in (("any", "/canonical"), ("root", "/"))
    else:
        assert response.status == 400


@pytest.mark.parametrize("target, canonical", [
    ("/objects/a%2Fb", "/objects/a%2Fb"), ("/objects/a%2fb", "/objects/a%2Fb"), ("/objects/%2F", "/objects/%2F")])
def test_an_encoded_slash_stays_one_where_a_route_allows_it(world, target, canonical):
    assert taken(get(world.port, target)) == ("slashes", canonical)


@pytest.mark.parametrize("target", ["/objects/%00", "/objects/%zz"])
def test_only_the_encoded_slash_is_allowed_there(world, target):
    assert get(world.port, target).status == 400


# Rewriting

@pytest.mark.parametrize("target, reached", [
    ("/strip/me", "/"), ("/strip/me/", "/"), ("/strip/me/a/b", "/a/b"), ("/strip/me/a?x=1", "/a?x=1"),
    ("/strip/me?x=1", "/?x=1"), ("/strip/me/%20", "/%20")])
def test_a_prefix_is_stripped(world, target, reached):
    assert taken(get(world.port, target)) == ("strip", reached)


@pytest.mark.parametrize("target, route, reached", [
    ("/users/7/pic/small", "replace", "/img/small/7.png"),
    ("/users/7/pic/small?q=1", "replace", "/img/small/7.png?q=1"),
    ("/users/a%20b/pic/x", "replace", "/img/x/a%20b.png"),
    ("/old/a/b/c", "replace-rest", "/new/a/b/c"),
    ("/old/", "replace-rest", "/new/"),
    ("/old", "replace-rest", "/new/"),
])
def test_a_path_is_replaced_from_its_parameters(world, target, route, reached):
    assert taken(get(world.port, target)) == (route, reached)


def test_the_host_is_rewritten(world):
    response = get(world.port, "/rehost")
    hosts = [value for name, value in json.loads(response.body)["headers"] if name.lower() == "host"]
    assert hosts == ["inner.test"]


# Actions without an upstream

def test_a_redirect_fills_in_parameters(world):
    response = get(world.port, "/go/7")
    assert (response.status, response.header("location")) == (308, "https://new.test/7")


@pytest.mark.parametrize("target, location", [
    ("/go-first/evil.com", "/evil.com"), ("/go-first/evil.com/", "/evil.com"), ("/go-first/x/a/b/", "/a/b/x"),
    ("/go-home", "http://app.test/home"), ("/go-home/", "http://app.test/home"),
    ("/go-home/a/", "http://app.test/a/home")])
def test_an_empty_capture_never_leads_to_another_server(world, target, location):
    assert get(world.port, target).header("location") == location


@pytest.mark.parametrize("target, reached", [
    ("/inner", "/new/index"), ("/inner/", "/new/index"), ("/inner/a/", "/new/a/index"),
    ("/first/evil.com", "/evil.com"), ("/first/a/b", "/b/a")])
def test_an_empty_capture_leaves_the_upstreams_path_canonical(world, target, reached):
    assert json.loads(get(world.port, target).body)["target"] == reached


@pytest.mark.parametrize("target, status, location", [("/a", 308, "/b"), ("/s", 400, None), ("/p", 400, None)])
def test_a_redirect_without_a_host_has_none_in_its_location(gateway_with, target, status, location):
    gateway = gateway_with(upstreams={}, routes={
        "path": {"match": {"path": "/a", "hosts": ["*"]}, "redirect": {"path": "/b"}},
        "scheme": {"match": {"path": "/s", "hosts": ["*"]}, "redirect": {"scheme": "https"}},
        "port": {"match": {"path": "/p", "hosts": ["*"]}, "redirect": {"port": 81}}},
        gateway={"domains": {"app": {"hosts": ["*"], "listeners": ["main"]}}})
    response = exchange(gateway.port, request_bytes("GET", target, host=None, version="HTTP/1.0"))
    assert (response.status, response.header("location")) == (status, location)


def test_a_redirect_of_the_scheme_keeps_the_rest(world):
    response = get(world.port, "/secure/a?x=1")
    assert response.status == 301
    assert response.header("location").startswith("https://app.test")
    assert response.header("location").endswith("/secure/a?x=1")


@pytest.mark.parametrize("target", ["/go/a%0d%0aSet-Cookie:%20x", "/go/a%0aX:%20y"])
def test_a_redirect_cannot_be_made_to_split_a_response(world, target):
    response = get(world.port, target)
    assert response.status == 400 and not response.has("set-cookie")


def test_a_fixed_response_needs_no_upstream(world):
    with world.client() as client:
        for _ in range(2):
            response = client.send(request_bytes("GET", "/said")).response()
            assert (response.status, response.body) == (418, b"short and stout\n")
            assert response.header("content-type") == "text/plain"
            assert response.header("x-pot") == "1"


def test_a_fixed_response_to_head_has_no_body(world):
    with world.client() as client:
        response = client.send(request_bytes("HEAD", "/said")).response("HEAD")
        assert (response.status, response.header("content-length")) == (418, "16")
        assert client.send(request_bytes("GET", "/said")).response().status == 418


def test_a_fixed_response_without_body(world):
    with world.client() as client:
        assert client.send(request_bytes("GET", "/nothing")).response().status == 204
        assert client.send(request_bytes("GET", "/nothing")).response().status == 204


@pytest.mark.parametrize("target, status", [("/said", 418), ("/fine", 200), ("/go/1", 308), ("/nowhere", 404)])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_that_nobody_wants_does_not_disturb_the_next_request(world, framing, target, status):
    """The body is read and dropped, or the answer says that the connection ends (RFC 9112 section 9.3)."""
    with world.client() as client:
        if framing == "length":
            client.send(request_bytes("POST", target, body=b"x" * 1000))
        else:
            body = b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n"
            client.send(request_bytes("POST", target, [("Transfer-Encoding", "chunked")], body))
        response = client.response()
        assert response.status == status
        if not response.closes:
            assert client.send(request_bytes("GET", "/nothing")).response().status == 204


@pytest.mark.parametrize("target", ["*"])
def test_options_about_the_server_itself_is_answered(world, target):
    with world.client() as client:
        assert client.send(request_bytes("OPTIONS", target)).response().status in (200, 204, 400, 404, 405, 501)
