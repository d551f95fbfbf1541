"""What the gateway does with single request headers and forms of the target by RFC 9110 and RFC 9112."""

import pytest

from harness import EchoUpstream, Gateway, RawClient, eventually, exchange, get, request_bytes, route_all

PROXY = "127.0.1.1"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with EchoUpstream() as upstream:
        with Gateway(
            tmp_path_factory.mktemp("gateway"), {"service": upstream.target}, {"all": route_all()},
            gateway={"trusted_proxies": ["127.0.1.0/24"],
                     "domains": {"app": {"hosts": ["app.test", "[::1]", "other.test"]}}},
        ) as gateway:
            gateway.upstream = upstream
            yield gateway


# Max-Forwards (RFC 9110 section 7.6.2)

@pytest.mark.parametrize("value, sent", [("1", ["0"]), ("5", ["4"]), ("007", ["6"]), ("x", []), ("-1", []), ("", []),
                                         ("99999999999999999999", [])])
def test_max_forwards_of_options_is_counted_down(world, value, sent):
    response = exchange(world.port, request_bytes("OPTIONS", "/x", [("Max-Forwards", value)]))
    assert response.status == 200
    assert world.upstream.last.values("max-forwards") == sent


def test_options_with_no_forwards_left_ends_at_the_gateway(world):
    before = len(world.upstream.requests)
    response = exchange(world.port, request_bytes("OPTIONS", "/x", [("Max-Forwards", "0")]))
    assert response.status == 204 and response.has("allow")
    assert len(world.upstream.requests) == before


def test_two_max_forwards_say_nothing(world):
    headers = [("Max-Forwards", "0"), ("Max-Forwards", "5")]
    assert exchange(world.port, request_bytes("OPTIONS", "/x", headers)).status == 200
    assert not world.upstream.last.has("max-forwards")


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("value", ["0", "5", "x"])
def test_max_forwards_of_other_methods_is_passed_on(world, method, value):
    assert exchange(world.port, request_bytes(method, "/x", [("Max-Forwards", value)])).status == 200
    assert world.upstream.last.values("max-forwards") == [value]


# Refused heads (RFC 9110 section 9.3.2)

REFUSED = [
    (b"/ HTTP/1.1\r\nHost: app.test\r\nExpect: foo\r\n\r\n", 417, "/"), (b"/a HTTP/1.1\r\n\r\n", 400, "/a"),
    (b"/%zz?token=secret HTTP/1.1\r\nHost: app.test\r\n\r\n", 400, "/%zz"),
    (b"/b HTTP/1.1\r\nHost: app.test\r\nA b: c\r\n\r\n", 400, "/b"), (b"/c HTTP/3.0\r\n\r\n", 505, "/c"),
]


@pytest.mark.parametrize("rest, status, path", REFUSED)
def test_a_refused_head_request_is_answered_without_content(world, rest, status, path):
    with RawClient(world.port) as client:
        client.send(b"HEAD " + rest)
        assert client.response("HEAD").status == status
        client.assert_closed()


def counted(world):
    samples = world.metrics().matching("portcullis_http_requests_total", method="DELETE")
    return sum(value for _, _, value in samples)


@pytest.mark.parametrize("rest, status, path", REFUSED)
def test_a_refused_request_is_logged_and_counted_by_its_method(world, rest, status, path):
    before = counted(world)
    marker = path if path == "/" else f"{path}-logged"
    with RawClient(world.port) as client:
        client.send(b"DELETE " + rest.replace(path.encode(), marker.encode(), 1))
        assert client.response().status == status
    line = world.access_line(method="DELETE", path=marker, status=status)
    assert "secret" not in str(line)
    eventually(lambda: counted(world) == before + 1, what="the count of DELETE requests")


# Targets and Host

@pytest.mark.parametrize("target", ["*", "http://app.test", "HTTP://app.test:80"])
def test_options_of_the_server_as_a_whole_is_answered_by_the_gateway(world, target):
    assert exchange(world.port, request_bytes("OPTIONS", target)).status == 204


@pytest.mark.parametrize("host, sent", [
    ("app.test", "app.test"), ("APP.test", "app.test"), ("app.test.", "app.test"), ("App.Test.:0080", "app.test:80"),
    ("app.test:80", "app.test:80"), ("app.test:", "app.test"), ("[::1]:081", "[::1]:81")])
def test_the_upstream_sees_the_host_that_was_matched(world, host, sent):
    assert get(world.port, "/", host=host).status == 200
    assert world.upstream.last.values("host") == [sent]
    assert world.upstream.last.values("x-forwarded-host") == [sent]


# Request ids

@pytest.mark.parametrize("values, kept", [
    (["one", "two"], "two"), (["bad id", "two"], "two"), (["one", 'two two"<'], None), (["one", ""], None)])
def test_of_several_request_ids_one_clean_one_goes_on(world, values, kept):
    path = f"/id/{abs(hash(tuple(values)))}"
    assert get(world.port, path, [("X-Request-ID", value) for value in values], source=PROXY).status == 200
    sent = world.upstream.last.values("x-request-id")
    assert len(sent) == 1 and sent[0] not in ("one", "bad id", 'two two"<', "")
    assert kept is None or sent == [kept]
    assert world.access_line(path=path)["request_id"] == sent[0]
