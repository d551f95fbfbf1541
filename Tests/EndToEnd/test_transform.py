"""The plugins `request_transform` and `response_transform`: what the upstream and the client get to see."""

import base64
import hashlib
import json
import threading
import time

import pytest

from harness import RawClient, command, eventually, exchange, free_port, get, post, request_bytes
from identity import Key, World, header_values, route, seen, token

KEY = Key("ES256", "one")
JSON = [("Content-Type", "application/json")]


def transform(path="/", request=None, response=None, **plugins):
    if request is not None:
        plugins["request_transform"] = request
    if response is not None:
        plugins["response_transform"] = response
    return route(path, **plugins)


ROUTES = {
    "all-places": {
        "match": {"path": "/places/{id}/{rest...}"}, "upstream": "service",
        "plugins": {
            "jwt": {"issuer": "corporate"},
            "spiffe": {"id": "spiffe://bank-a/user/{claim.user_id}", "tenant": "{claim.tenant}"},
            "request_transform": {"headers": {"set": {
                "X-Path": "{path.id} {path.rest}", "X-Query": "{query.q}", "X-Header": "{header.x-in}",
                "X-Cookie": "{cookie.c}", "X-Claim": "{claim.user_id}", "X-Id": "<{spiffe_id}>", "X-Tenant": "{tenant}",
                "X-Request": "{request_id}", "X-Client": "{client_address}", "X-Route": "{domain}/{route}",
                "X-Method": "{method}", "X-Host": "{host}", "X-Braces": "{{}}"}}}}},
    "functions": transform("/functions", {"headers": {"set": {
        "A": "{query.a|lower}", "B": "{query.a|base64}", "C": "{query.a|hash}", "D": "{query.a|url_escape}",
        "E": "{query.none|default:'None'|lower}", "F": "{query.none|lower|default:'None'}",
        "G": "{query.none|default:''}", "H": "{query.none}"}}}),
    "order": transform("/order", {"headers": {
        "append": {"X-D": ["one", "{header.x-a}"]}, "set": {"X-A": "{header.X-B}", "X-B": "{header.X-A}"},
        "replace": {"X-E": "new", "X-F": "new"}, "rename": {"X-C": "X-D"}, "remove": ["X-G"]}}),
    "query": transform("/query", {"query": {
        "remove": ["debug"], "rename": {"old": "new name"}, "replace": {"r": "{query.q}", "absent": "x"},
        "set": {"s": "a&b={method}"}, "append": {"q": ["1", "2"]}}}),
    "grown": transform("/grown", {"headers": {"set": {"X-Long": "{header.x-in}{header.x-in}"}},
                                  "query": {"append": {"b": "2"}}}),
    "strict": transform("/strict", {"headers": {"set": {"X-A": "{query.a}"}}, "on_missing": "refuse"}),
    "path": {"match": {"path": "/path/{id}"}, "upstream": "service", "plugins": {"request_transform": {
        "path": "/v2/{path.id}/{query.q|default:'none'}", "query": {"remove": ["q"]}}}},
    "renamed": transform("/renamed", {"headers": {"rename": {"X-A": "X-B", "X-B": "X-A"}}}),
    "put": transform("/put", {"method": "PUT"}),
    "as-get": transform("/as-get", {"method": "GET"}),
    "hidden": transform("/hidden", {"headers": {"set": {"X-A": "{query.access_token|default:'-'}"}},
                                    "query": {"set": {"b": "2"}}},
                        jwt={"issuer": "corporate", "from": [{"query": "access_token"}]}),
    "body": transform("/body", {"body": {"json": {
        "remove": ["/password", "/user/secret"], "rename": {"/name": "full_name"}, "replace": {"/role": "user", "/none": 1},
        "set": {"/by": "{query.who}", "/audit/trusted": True, "/audit/level": 1.5},
        "append": {"/tags": "{method}"}}, "bytes_max": "1KiB"}}),
    "body-pass": transform("/body-pass", {"body": {"json": {"set": {"/a": 1}}, "bytes_max": "1KiB", "on_unfit": "pass"}}),
    "body-drop": transform("/body-drop", {"body": {"json": {"set": {"/user/id": "{query.id}"}}}}),
    "minted": {**transform("/minted", {"body": {"json": {"set": {"/sub": "{claim.user_id}"}}}},
                           jwt={"issuer": "corporate"}, spiffe={"id": "spiffe://bank-a/user/{claim.user_id}"},
                           internal_jwt={"audience": "bank-a"})},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("transform"), ROUTES, [KEY]) as world:
        yield world


def sent(world, path, headers=(), method="GET", body=b""):
    """What the upstream saw of a request that has to get through."""
    response = exchange(world.gateway.port, request_bytes(method, path, headers, body))
    assert response.status == 200, f"{response.status} {response.body[:500]!r}"
    return seen(response)


def refused(world, path, headers=(), method="GET", body=b""):
    before = len(world.upstream.requests)
    response = exchange(world.gateway.port, request_bytes(method, path, headers, body))
    assert response.header("content-type") == "application/problem+json"
    assert len(world.upstream.requests) == before
    return response.status, json.loads(response.body)["code"]


def values(request, *names):
    return [value for name in names for value in header_values(request, name)]


def test_each_place_stands_for_what_it_says(world):
    text = token(KEY)
    request = world.reached(
        "/places/7/a/b%20c?q=x%20y&q=z", text, [("X-In", "1"), ("X-In", "2"), ("Cookie", "b=1; c=two")])
    assert values(request, "X-Path", "X-Query", "X-Header", "X-Cookie", "X-Claim", "X-Id", "X-Tenant", "X-Client",
                  "X-Route", "X-Method", "X-Host", "X-Braces") == [
        "7 a/b%20c", "x y", "1, 2", "two", "12345", "<spiffe://bank-a/user/12345>", "bank-a", "127.0.0.1",
        "app/all-places", "GET", "app.test", "{}"]
    assert values(request, "X-Request") == values(request, "X-Request-ID")


def test_functions_run_from_left_to_right(world):
    request = sent(world, "/functions?a=A%20b%2F")
    value = "A b/"
    assert values(request, "A", "B", "C", "D", "E", "F", "G", "H") == [
        "a b/", base64.b64encode(value.encode()).decode(), hashlib.sha256(value.encode()).hexdigest(), "A%20b%2F",
        "none", "None", ""]


def test_the_order_is_fixed_and_all_is_read_before_the_first_change(world):
    request = sent(world, "/order", [
        ("X-A", "a"), ("X-B", "b"), ("X-C", "c"), ("X-D", "d"), ("X-E", "e"), ("X-E", "e"), ("X-G", "g")])
    assert values(request, "X-A", "X-B") == ["b", "a"]
    assert values(request, "X-C", "X-D", "X-E", "X-F", "X-G") == ["c", "one", "a", "new"]


def test_renames_mean_the_headers_as_they_came(world):
    request = sent(world, "/renamed", [("X-A", "1"), ("X-B", "2")])
    assert values(request, "X-A", "X-B") == ["2", "1"]


@pytest.mark.parametrize("query", ["", "?a", "?a=%20", "?a=+%09"])
def test_white_space_is_no_value(world, query):
    assert refused(world, "/strict" + query) == (400, "transform-value-missing")


def test_queries_are_edited_and_encoded(world):
    request = sent(world, "/query?keep=%7e+&debug&old=1&r=1&r=2&q=x%26y&s=0")
    assert request["target"] == "/query?keep=%7e+&new%20name=1&r=x%26y&q=x%26y&s=a%26b%3DGET&q=1&q=2"


def test_a_query_is_edited_as_it_came_however_much_the_headers_grow(world):
    for length in range(0, 4000, 80):
        request = sent(world, "/grown?keep=1&a=%7e", headers=[("X-In", "x" * length)])
        assert request["target"] == "/grown?keep=1&a=%7e&b=2"
        assert values(request, "x-long") == ["x" * (2 * length)] * (length > 0)


@pytest.mark.parametrize("query", ["a=x%0d%0aX-Evil:%201", "a=x%0a", "a=%00", "a=x%0dy", "a=%7f", "a=" + "x" * 8200])
@pytest.mark.parametrize("path", ["/strict", "/functions"])
def test_no_value_smuggles_a_line(world, path, query):
    status, code = refused(world, f"{path}?{query}") if len(query) < 100 else (400, "transform-value-invalid")
    assert (status, code) == (400, "transform-value-invalid")


def test_no_spelling_of_the_clients_stands_beside_what_the_gateway_sets(world):
    """CGI-like servers read `_` and `-` in names as one."""
    forged = [("x_a", "forged"), ("X_A", "forged"), ("X_Other", "kept")]
    for path in ("/strict?a=1", "/order"):
        request = seen(get(world.gateway.port, path, [("X-B", "b"), *forged]))
        names = [name.lower() for name, _ in request["headers"]]
        assert "x_a" not in names and "x_other" in names


def test_a_missing_value_leaves_no_room_for_the_clients(world):
    assert values(sent(world, "/functions", [("H", "forged")]), "H") == []
    assert refused(world, "/strict", [("X-A", "forged")]) == (400, "transform-value-missing")
    assert values(sent(world, "/strict?a=1", [("X-A", "forged")]), "X-A") == ["1"]


def test_a_token_in_the_query_goes_nowhere(world):
    request = sent(world, f"/hidden?a=1&access_token={token(KEY)}")
    assert values(request, "X-A") == ["-"]
    assert request["target"] == "/hidden?a=1&b=2"


@pytest.mark.parametrize("target, expected", [
    ("/path/7?q=a", "/v2/7/a"), ("/path/7?x=1", "/v2/7/none?x=1"), ("/path/7?q=%C3%A9%20%3F", "/v2/7/%C3%A9%20%3F"),
    ("/path/a%20b?q=b", "/v2/a%20b/b")])
def test_the_path_is_made_of_values(world, target, expected):
    assert sent(world, target)["target"] == expected


@pytest.mark.parametrize("query", ["..", ".", "a/b", "a%2Fb", "a%5Cb", "%00"])
def test_no_value_leads_the_path_elsewhere(world, query):
    assert refused(world, f"/path/7?q={query}")[0] == 400


def test_the_method_changes(world):
    request = sent(world, "/put", JSON, "POST", b"{}")
    assert request["method"] == "PUT"
    assert sent(world, "/as-get", (), "DELETE")["method"] == "GET"
    assert refused(world, "/as-get", JSON, "POST", b"{}") == (400, "transform-content-unexpected")
    with RawClient(world.gateway.port) as client:
        response = client.send(request_bytes("HEAD", "/as-get")).response("HEAD")
        assert (response.status, response.body) == (200, b"")
        assert client.send(request_bytes("HEAD", "/put")).response("HEAD").status == 200


BODY = (b'{"name": "Ann", "password":"x", "user": {"secret": 1, "n": 1.50e3}, "role":"admin",'
        b' "big": 123456789012345678901234567890, "t": "\\u0041\\/"}')
EDITED = ('{"full_name":"Ann","user":{"n":1.50e3},"role":"user","big":123456789012345678901234567890,'
          '"t":"\\u0041\\/","by":"me \\"x\\"","audit":{"trusted":true,"level":1.5},"tags":["POST"]}')


@pytest.mark.parametrize("framing", ["length", "chunked", "by bytes"])
def test_json_bodies_are_edited(world, framing):
    headers = [*JSON, ("Content-Digest", "sha-256=:x:")]
    data = request_bytes("POST", "/body?who=me%20%22x%22", headers, BODY)
    if framing == "chunked":
        head = request_bytes("POST", "/body?who=me%20%22x%22", [*headers, ("Transfer-Encoding", "chunked"), ("Trailer", "X-T")])
        data = head + b"".join(b"%x\r\n%s\r\n" % (len(BODY[i:i + 7]), BODY[i:i + 7]) for i in range(0, len(BODY), 7))
        data += b"0\r\nX-T: 1\r\n\r\n"
    with RawClient(world.gateway.port) as client:
        for _ in range(2):
            (client.send_by_bytes if framing == "by bytes" else client.send)(data)
            request = seen(client.response("POST"))
            assert request["body"] == EDITED
            assert values(request, "Content-Length") == [str(len(EDITED))]
            assert values(request, "Content-Digest", "Transfer-Encoding", "Trailer") == []


@pytest.mark.parametrize("number", ["1.7976931348623157e308", "1e400", "0e999", "-9" + "0" * 400, "1e-999999999999"])
def test_numbers_are_copied_whatever_their_value(world, number):
    request = sent(world, "/body-pass", JSON, "POST", b'{"x":%s}' % number.encode())
    assert request["body"] == '{"x":%s,"a":1}' % number


def test_pipelined_requests_with_edited_bodies_are_all_served(world):
    data = request_bytes("POST", "/body?who=a", JSON, b"{}")
    with RawClient(world.gateway.port) as client:
        client.send(data + data + request_bytes("GET", "/put"))
        assert '"by":"a"' in seen(client.response("POST"))["body"]
        assert '"by":"a"' in seen(client.response("POST"))["body"]
        assert client.response().status == 200


def test_values_that_are_missing_make_no_members(world):
    assert sent(world, "/body-drop", JSON, "POST", b'{"user":{"id":"forged","x":1}}')["body"] == '{"user":{"x":1}}'
    assert sent(world, "/body-drop", JSON, "POST", b'{"a":1}')["body"] == '{"a":1}'
    assert sent(world, "/body-drop?id=7", JSON, "POST", b'{"a":1}')["body"] == '{"a":1,"user":{"id":"7"}}'


def test_a_request_without_content_has_nothing_to_edit(world):
    assert sent(world, "/body")["method"] == "GET"
    assert sent(world, "/body", [("Content-Length", "0")], "POST")["body"] == ""


UNFIT = [
    ([("Content-Type", "text/plain")], b"{}", 415, "body-not-json"), ([], b"{}", 415, "body-not-json"),
    ([*JSON, ("Content-Encoding", "gzip")], b"{}", 415, "body-encoded"),
    ([("Content-Type", "application/json; charset=utf-7")], b"{}", 415, "body-not-utf8"),
    ([("Content-Type", 'application/json;charset="ibm037"')], b"{}", 415, "body-not-utf8"),
    ([("Content-Type", "application/json;charset")], b"{}", 415, "body-not-utf8"),
    ([*JSON, ("Content-Type", "text/plain")], b"{}", 415, "body-type-ambiguous"),
    ([*JSON, ("Content-Encoding", "identity"), ("Content-Encoding", "gzip")], b"{}", 415, "body-encoded"),
    (JSON, b'{"a":1', 400, "body-malformed"), (JSON, b'{"a":1,"a":2}', 400, "body-malformed"),
    (JSON, b'{"a":1} x', 400, "body-malformed"), (JSON, b"\xff", 400, "body-malformed"),
    (JSON, b"[" * 65 + b"]" * 65, 413, "body-too-complex-to-edit"), (JSON, b'{"a":' + b"1" * 1100 + b"}", 413, "body-too-large-to-edit"),
]


@pytest.mark.parametrize("headers, body, status, code", UNFIT)
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_what_cant_be_edited_is_refused_or_passed_on(world, headers, body, status, code, framing):
    sent_body = body
    if framing == "chunked":
        headers = [*headers, ("Transfer-Encoding", "chunked")]
        sent_body = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 300]), body[i:i + 300]) for i in range(0, len(body), 300))
        sent_body += b"0\r\n\r\n"
    assert refused(world, "/body", headers, "POST", sent_body) == (status, code)
    before = len(world.upstream.requests)
    assert exchange(world.gateway.port, request_bytes("POST", "/body-pass", headers, sent_body)).status == 200
    assert world.upstream.requests[before].body == body


def unfit(gateway, **labels):
    return sum(value for _, _, value in gateway.metrics().matching("portcullis_transform_unfit_bodies_total", **labels))


def test_an_unfit_member_is_refused_or_passed_on(world):
    before = unfit(world.gateway, route="app/body-pass", body="request", result="passed")
    assert sent(world, "/body-pass", JSON, "POST", b"[1")["body"] == "[1"
    assert unfit(world.gateway, route="app/body-pass", body="request", result="passed") == before + 1
    before = unfit(world.gateway, route="app/body", body="request", result="refused")
    assert refused(world, "/body", JSON, "POST", b"[1")[0] == 400
    assert unfit(world.gateway, route="app/body", body="request", result="refused") == before + 1
    assert refused(world, "/body", JSON, "POST", b'{"audit":5}') == (400, "body-unfit")
    assert refused(world, "/body", JSON, "POST", b'{"tags":5}') == (400, "body-unfit")
    assert sent(world, "/body-pass", JSON, "POST", b"5")["body"] == "5"
    assert sent(world, "/body-pass", [("Content-Type", "application/hal+json; charset=utf-8")], "POST", b"{}")["body"] == (
        '{"a":1}')


def test_a_client_that_waits_for_100_gets_it(world):
    with RawClient(world.gateway.port) as client:
        client.send(request_bytes("POST", "/body-pass", [*JSON, ("Content-Length", "2"), ("Expect", "100-continue")]))
        assert client.response_head().status == 100
        request = seen(client.send(b"{}").response("POST"))
        assert request["body"] == '{"a":1}'
        assert values(request, "Expect") == []


def test_an_edited_body_goes_with_the_gateways_own_token(world):
    before = len(world.upstream.requests)
    response = exchange(world.gateway.port, request_bytes(
        "POST", "/minted", [*JSON, ("Authorization", f"Bearer {token(KEY)}")], b"{}"))
    assert response.status == 200
    request = seen(response)
    assert request["body"] == '{"sub":"12345"}'
    assert values(request, "X-Spiffe-ID") == ["spiffe://bank-a/user/12345"]
    assert len(world.upstream.requests) == before + 1


def gathering(client):
    """Sends a request whose body is edited, but for the end of it."""
    client.send(request_bytes("POST", "/", [*JSON, ("Content-Length", "20")], b"") + b'{"a":')


EDIT = {"plugins": {"request_transform": {"body": {"json": {"set": {"/z": 1}}}}}}


def test_a_client_that_leaves_or_stalls_while_its_body_is_gathered(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(upstream, route=EDIT, gateway={"timeouts": {"body_idle": "300ms"}})
    with RawClient(gateway.port) as client:
        gathering(client)
        assert client.response("POST").status == 408
    with RawClient(gateway.port) as client:
        client.send(request_bytes("POST", "/", [*JSON, ("Content-Length", "20"), ("Expect", "100-continue")]))
        assert client.response_head().status == 100
        client.reset()
    assert gateway.access_line(error="client-left")
    assert upstream.requests == []


def test_the_total_time_counts_while_a_body_is_gathered(upstream_with, gateway_with):
    gateway = gateway_with(upstream_with(), route={**EDIT, "timeouts": {"request": "300ms"}})
    with RawClient(gateway.port) as client:
        gathering(client)
        response = client.response("POST")
        assert (response.status, json.loads(response.body)["code"]) == (408, "request-too-slow")


@pytest.mark.parametrize("length", [100, 100_000_000], ids=["a little", "more than is waited for"])
def test_a_head_that_was_made_a_get_waits_for_no_content(upstream_with, gateway_with, length):
    done = threading.Event()

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nsome" % length)
        done.wait(10)

    upstream = upstream_with(script, tolerate_errors=True)
    gateway = gateway_with(upstreams={"service": {"targets": [upstream.target]}}, routes={
        "get": {"match": {"path": "/"}, "upstream": "service", "plugins": {"request_transform": {"method": "GET"}}},
        "next": {"match": {"path": "/next"}, "respond": {"status": 200, "body": "next"}}})
    with gateway.client() as client:
        response = client.send(request_bytes("HEAD")).response("HEAD")
        assert (response.status, response.header("content-length")) == (200, str(length))
        assert client.send(request_bytes("GET", "/next")).response().body == b"next"
    assert upstream.last.method == "GET"
    assert "error" not in gateway.access_line(method="HEAD")
    done.set()


def test_an_edited_body_is_sent_again_to_another_target(upstream_with, gateway_with):
    upstream = upstream_with()
    gateway = gateway_with(f"http://127.0.0.1:{free_port()}", upstream, route=EDIT)
    for _ in range(4):
        response = post(gateway.port, "/", b'{"a":1}', JSON)
        assert (response.status, json.loads(json.loads(response.body)["body"])) == (200, {"a": 1, "z": 1})


def test_a_large_edited_body_goes_through_whole(upstream_with, gateway_with):
    edit = {"plugins": {"request_transform": {"body": {"json": {"set": {"/z": 1}}, "bytes_max": "1MiB"}}}}
    upstream = upstream_with()
    gateway = gateway_with(upstream, route=edit)
    content = {"list": ["x" * 50] * 18_000}
    assert post(gateway.port, "/", json.dumps(content).encode(), JSON).status == 200
    assert json.loads(upstream.requests[0].body) == {**content, "z": 1}


# The answer


def one_by_one(*answers):
    """A script that gives one answer after the other, over all connections, the last one for good."""
    left = list(answers)

    def script(connection):
        while connection.request():
            connection.send(left.pop(0) if len(left) > 1 else left[0])
    return script


def answer(status="200 OK", body=b"", headers=b""):
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status.encode(), headers, len(body), body)


def gateway_for(upstream_with, gateway_with, response, *answers, **route):
    upstream = upstream_with(one_by_one(*answers))
    plugins = {"response_transform": response, **route.pop("plugins", {})}
    return gateway_with(upstream, route={"plugins": plugins, **route})


def test_answers_get_headers_by_the_request_as_it_came(upstream_with, gateway_with):
    gateway = gateway_for(upstream_with, gateway_with, {"headers": {
        "remove": ["X-Powered-By"], "rename": {"X-Old": "X-New"}, "set": {"X-Seen": "{header.x-a} {query.q}"},
        "append": {"Vary": "X-A"}, "replace": {"Server": "none", "X-None": "x"}}},
        answer(headers=b"X-Powered-By: a\r\nX-Old: b\r\nVary: Accept\r\nServer: s\r\n"),
        plugins={"request_transform": {"headers": {"remove": ["X-A"]}, "query": {"remove": ["q"]}}})
    response = get(gateway.port, "/?q=two", [("X-A", "one")])
    assert [response.header(name) for name in ("X-Powered-By", "X-Old", "X-New", "X-Seen", "Server", "X-None")] == [
        None, None, "b", "one two", "none", None]
    assert [value for name, value in response.headers if name == "Vary"] == ["Accept", "X-A"]
    # A value that can't be in a header isn't: the answer itself is good.
    assert get(gateway.port, "/?q=%0a", [("X-A", "one")]).header("X-Seen") is None


@pytest.mark.parametrize("upstream_status, status", [
    ("200 Fine", 200), ("500 Oops", 502), ("503 Busy", 503), ("404 No", 410), ("204 None", 200), ("418 Tea", 418)])
def test_statuses_are_mapped(upstream_with, gateway_with, upstream_status, status):
    bodyless = upstream_status.startswith("204")
    answers = b"HTTP/1.1 204 None\r\n\r\n" if bodyless else answer(upstream_status, b"body")
    gateway = gateway_for(upstream_with, gateway_with, {"status": {"500": 502, "5xx": 503, "404": 410, "204": 200}}, answers)
    with RawClient(gateway.port) as client:
        for _ in range(2):
            response = client.send(request_bytes()).response()
            assert (response.status, response.body) == (status, b"" if bodyless else b"body")
    assert gateway.access_line(status=status)


def test_a_fixed_body_stands_in_place_of_the_upstreams(upstream_with, gateway_with):
    gateway = gateway_for(
        upstream_with, gateway_with,
        {"body": {"statuses": ["5xx"], "text": '{"sorry": true}', "content_type": "application/json"}},
        answer("500 Oops", b"stack trace" * 9000, b"Content-Encoding: gzip\r\nETag: x\r\nContent-Type: text/html\r\n"),
        answer(body=b"fine"), b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    with RawClient(gateway.port) as client:
        response = client.send(request_bytes()).response()
        assert (response.status, response.body) == (500, b'{"sorry": true}')
        assert [response.header(name) for name in ("Content-Type", "Content-Encoding", "ETag")] == [
            "application/json", None, None]
        assert client.send(request_bytes()).response().body == b"fine"
        assert client.send(request_bytes()).response().body == b'{"sorry": true}'
        assert client.send(request_bytes("HEAD")).response("HEAD").header("Content-Length") == "15"


ANSWER_EDIT = {"body": {"json": {"remove": ["/internal"], "set": {"/trace": "{request_id}"}}, "bytes_max": "1KiB"}}


@pytest.mark.parametrize("framing", ["length", "chunked", "until close"])
def test_json_answers_are_edited(upstream_with, gateway_with, framing):
    body = b'{"internal": {"a":1}, "n": 1.0}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

    def script(connection):
        while connection.request():
            if framing == "length":
                connection.send(head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            elif framing == "chunked":
                connection.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
                connection.dribble(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
            else:
                connection.send(head + b"\r\n" + body)
                return connection.close()

    gateway = gateway_with(upstream_with(script), route={"plugins": {"response_transform": ANSWER_EDIT}})
    with RawClient(gateway.port) as client:
        for number in range(2):
            response = client.send(request_bytes(headers=[("X-Request-ID", f"r{number}")])).response()
            content = json.loads(response.body)
            assert content["n"] == 1.0 and "internal" not in content and content["trace"]
            assert response.body.startswith(b'{"n":1.0,"trace":"')
            assert response.header("Content-Length") == str(len(response.body))


UNFIT_ANSWERS = [
    (b"text/html", b"<p>"), (b"application/json", b"{"), (b"application/json", b'{"a":1,"a":1}'),
    (b"application/json", b'{"a":"' + b"x" * 2000 + b'"}'), (b"application/json", b"5"),
]


@pytest.mark.parametrize("content_type, body", UNFIT_ANSWERS)
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_answers_that_cant_be_edited_are_refused_or_passed_on(upstream_with, gateway_with, content_type, body, framing):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: " + content_type + b"\r\n"
    answers = head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    if framing == "chunked":
        answers = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    gateway = gateway_for(upstream_with, gateway_with, ANSWER_EDIT, answers)
    with RawClient(gateway.port) as client:
        response = client.send(request_bytes()).response()
        assert (response.status, json.loads(response.body)["code"]) == (502, "response-body-unfit")
        assert client.send(request_bytes()).response().status == 502
    assert unfit(gateway, body="response", result="refused") == 2
    lenient = {"body": {**ANSWER_EDIT["body"], "on_unfit": "pass"}}
    gateway = gateway_for(upstream_with, gateway_with, lenient, answers)
    with RawClient(gateway.port) as client:
        for _ in range(2):
            response = client.send(request_bytes()).response()
            assert (response.status, response.body) == (200, body)
    assert unfit(gateway, body="response", result="passed") == 2


def test_answers_without_content_and_of_other_statuses_stay(upstream_with, gateway_with):
    json_type = b"Content-Type: application/json\r\n"
    gateway = gateway_for(
        upstream_with, gateway_with, {**ANSWER_EDIT, "statuses": ["2xx", "304"], "headers": {"set": {"X-A": "a"}}},
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n" + json_type + b"\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n", answer("404 No", b"{}", json_type))
    with RawClient(gateway.port) as client:
        response = client.send(request_bytes()).response()
        assert (response.status, response.header("Content-Length"), response.header("X-A")) == (304, None, "a")
        assert client.send(request_bytes()).response().status == 204
        response = client.send(request_bytes()).response()
        assert (response.status, response.body, response.header("X-A")) == (404, b"{}", None)


def test_a_broken_answer_that_is_gathered_is_502(upstream_with, gateway_with):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
        connection.close()

    gateway = gateway_with(upstream_with(script), route={"plugins": {"response_transform": ANSWER_EDIT}})
    assert get(gateway.port).status == 502


def test_the_gateways_own_answers_for_a_route_get_headers(gateway_with, upstream_with):
    edit = {"response_transform": {"headers": {"set": {"X-A": "{header.x-in|default:'none'}"}}}}
    gateway = gateway_with(routes={
        "fixed": {"match": {"path": "/fixed"}, "respond": {"status": 200, "body": "a"}, "plugins": edit},
        "moved": {"match": {"path": "/moved"}, "redirect": {"location": "/fixed"}, "plugins": edit}})
    response = get(gateway.port, "/fixed", [("X-In", "1")])
    assert (response.status, response.body, response.header("X-A")) == (200, b"a", "1")
    assert get(gateway.port, "/moved").header("X-A") == "none"


SORRY = {"body": {"statuses": ["5xx"], "text": "sorry", "content_type": "text/plain"}}


@pytest.mark.parametrize("head", [
    b"Content-Length: 200000000\r\n\r\n" + b"x" * 100_000, b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
    b"Content-Length: 10\r\n\r\nabc", b"\r\nabc"])
def test_a_fixed_body_waits_for_no_upstream(upstream_with, gateway_with, head):
    def endless(connection):
        while request := connection.request():
            if request.target == "/fine":
                connection.send(answer(body=b"fine"))
                continue
            connection.send(b"HTTP/1.1 500 Oops\r\n" + head)
            connection.until_closed()

    upstream = upstream_with(endless, endless)
    gateway = gateway_with(upstream, route={"plugins": {"response_transform": SORRY}, "concurrency": {"requests_max": 1}})
    start = time.monotonic()
    with RawClient(gateway.port) as client:
        response = client.send(request_bytes()).response()
        assert (response.status, response.body) == (500, b"sorry")
        assert client.send(request_bytes(target="/fine")).response().body == b"fine"
    assert time.monotonic() - start < 5
    assert gateway.access_line(status=500)
    assert gateway.stop(5) == 0


def test_a_fixed_body_keeps_a_connection_whose_answer_ends_soon(upstream_with, gateway_with):
    def late(connection):
        while connection.request():
            connection.send(b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n")
            connection.send(b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n")

    upstream = upstream_with(late)
    gateway = gateway_with(upstream, route={"plugins": {"response_transform": SORRY}})
    with RawClient(gateway.port) as client:
        for _ in range(20):
            assert client.send(request_bytes()).response().body == b"sorry"
            eventually(lambda: gateway.metrics().sum("portcullis_upstream_connections", state="idle") == 1)
    assert len(upstream.requests) == 20 and len(upstream.connections) == 1


def test_a_fixed_body_is_no_part(upstream_with, gateway_with):
    gateway = gateway_for(
        upstream_with, gateway_with, {"body": {"text": "sorry", "content_type": "text/plain"}},
        answer("206 Part", b"{}", b"Content-Range: bytes 0-1/7\r\n"))
    response = get(gateway.port)
    assert (response.status, response.body, response.header("Content-Range")) == (200, b"sorry", None)


@pytest.mark.parametrize("status, kept", [("206 Part", False), ("416 No", False), ("404 No", True)])
def test_a_mapped_status_has_no_range(upstream_with, gateway_with, status, kept):
    gateway = gateway_for(upstream_with, gateway_with, {"status": {"2xx": 200, "4xx": 410}},
                          answer(status, b"ab", b"Content-Range: bytes 0-1/7\r\n"))
    assert (get(gateway.port).header("Content-Range") is not None) == kept


ASKING = [("Accept-Encoding", "gzip"), ("Accept-Charset", "utf-16"), ("Range", "bytes=0-1"), ("If-Range", '"a"')]


@pytest.mark.parametrize("edit, kept", [
    (ANSWER_EDIT, []), ({"body": {**ANSWER_EDIT["body"], "statuses": ["5xx"]}}, ["Range", "If-Range"]),
    ({**ANSWER_EDIT, "statuses": ["200"]}, []), (SORRY, ["Accept-Encoding", "Accept-Charset", "Range", "If-Range"])])
def test_clients_cant_ask_for_an_answer_that_cant_be_edited(upstream_with, gateway_with, edit, kept):
    upstream = upstream_with(one_by_one(answer(body=b"{}", headers=b"Content-Type: application/json\r\n")))
    plugins = {"response_transform": edit, "request_transform": {"headers": {"set": {"X-Range": "{header.range}"}}}}
    gateway = gateway_with(upstream, route={"plugins": plugins})
    assert get(gateway.port, headers=ASKING).status == 200
    request = upstream.requests[0]
    assert [name for name, _ in ASKING if request.header(name) is not None] == kept
    assert request.header("X-Range") == "bytes=0-1"


def test_empty_content_has_nothing_to_edit(upstream_with, gateway_with):
    json_type = b"Content-Type: application/json\r\n"
    upstream = upstream_with(one_by_one(
        b"HTTP/1.1 200 OK\r\n" + json_type + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
    gateway = gateway_with(upstream, route={"plugins": {
        "response_transform": ANSWER_EDIT, "request_transform": {"body": {"json": {"set": {"/a": 1}}}}}})
    with RawClient(gateway.port) as client:
        for _ in range(2):
            response = client.send(request_bytes("POST", headers=[*JSON, ("Transfer-Encoding", "chunked")],
                                                 body=b"0\r\n\r\n")).response()
            assert (response.status, response.body) == (200, b"")
    assert [request.body for request in upstream.requests] == [b"", b""]


def test_malformed_content_is_passed_on_with_its_framing(upstream_with, gateway_with):
    chunks = b"2\r\n{x\r\n0\r\nX-T: 1\r\n\r\n"
    chunked = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    upstream = upstream_with(one_by_one(b"HTTP/1.1 200 OK\r\n" + chunked))
    body = {"json": {"set": {"/a": 1}}, "on_unfit": "pass"}
    gateway = gateway_with(upstream, route={"plugins": {
        "response_transform": {"body": body}, "request_transform": {"body": body}}})
    with RawClient(gateway.port) as client:
        for _ in range(2):
            response = client.send(b"POST / HTTP/1.1\r\nHost: app.test\r\n" + chunked).response()
            assert (response.status, response.body, response.trailers) == (200, b"{x", [("X-T", "1")])
    for request in upstream.requests:
        assert (request.framing, request.body, request.trailers) == ("chunked", b"{x", [("X-T", "1")])


@pytest.mark.parametrize("method", [None, "PUT"])
def test_head_tells_no_length_of_what_is_edited(upstream_with, gateway_with, method):
    def script(connection):
        while request := connection.request():
            content = b"" if request.method == "HEAD" else b'{"b":1}'
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-MD5: a\r\nETag: b\r\n"
                            b"Content-Length: 7\r\n\r\n" + content)

    plugins = {"response_transform": ANSWER_EDIT}
    if method:
        plugins["request_transform"] = {"method": method}
    gateway = gateway_with(upstream_with(script), route={"plugins": plugins})
    with RawClient(gateway.port) as client:
        for _ in range(2):
            response = client.send(request_bytes("HEAD")).response("HEAD")
            assert [response.header(name) for name in ("Content-Length", "Content-MD5", "ETag")] == [None, None, "b"]


def test_a_method_that_may_have_content_says_that_there_is_none(upstream_with, gateway_with):
    upstream = upstream_with(one_by_one(answer()))
    gateway = gateway_with(upstream, route={"plugins": {"request_transform": {"method": "POST"}}})
    assert get(gateway.port).status == 200
    assert upstream.requests[0].header("Content-Length") == "0"


def test_explain_shows_each_operation_and_its_value(tmp_path, world):
    folder = world.gateway.folder
    output = command("explain", str(folder), "GET", "http://app.test/places/7/a?q=x%20y", "--claims",
                     '{"sub":"ann","user_id":"12345","tenant":"bank-a"}', "--header", "X-In: 1", "--client", "192.0.2.9").stdout
    lines = [" ".join(line.split()) for line in output.splitlines()]
    for expected in ["headers.set X-Path {path.id} {path.rest} -> 7 a", "headers.set X-Query {query.q} -> x y",
                     "headers.set X-Claim {claim.user_id} -> 12345", "headers.set X-Client {client_address} -> 192.0.2.9",
                     "headers.set X-Cookie {cookie.c} -> no value", "headers.set X-Tenant {tenant} -> bank-a"]:
        assert any(line.startswith(expected) for line in lines), f"{expected} not in {output}"
