"""The plugin `spiffe`: from a token's claims to a SPIFFE ID, and the border between tenants."""

import pytest
from spiffe import SpiffeId

from harness import EchoUpstream, command, exchange, get, request_bytes
from identity import (
    Key, World, corporate, header_values, headers_with, identity_gateway, identity_headers, jwks, route, seen, token)

KEY = Key("ES256", "one")
FIXED = Key("ES256", "fixed", number="fixed")
ISSUERS = {"corporate": corporate(),
           "bank-a-only": corporate(issuer="https://a.test", tenant="bank-a", jwks_file="keys/fixed.json"),
           "bank-b-only": corporate(issuer="https://b.test", tenant="bank-b", jwks_file="keys/fixed.json")}
for name in ("bank-a-only", "bank-b-only"):
    ISSUERS[name].pop("claims")
USER = "spiffe://bank-a/user/{claim.user_id}"

SPIFFE = {
    "seed": {"id": USER, "tenant": "{claim.tenant}"},
    "rules": {"rules": [
        {"when": {"client_type": {"equals": "service"}}, "id": "spiffe://bank-a/service/{claim.azp}"},
        {"when": {"groups": {"contains": "staff"}}, "id": "spiffe://bank-a/staff/{claim.user_id}"},
        {"when": {"level": {"one_of": ["gold"]}, "email": {"present": True}},
         "id": "spiffe://bank-a/gold/{claim.sub|escape}"},
        {"when": {"user_id": {"present": True}}, "id": USER}]},
    "escape": {"id": "spiffe://bank-a/user/{claim.sub|escape}"},
    "nested": {"id": "spiffe://bank-a/{claim.org.unit}/{claim.org.person.id}"},
    "authority": {"id": "spiffe://{trust_domain}/user/{claim.user_id}"},
    "fixed-id": {"id": "spiffe://bank-a/anybody"},
    "mixed": {"id": "spiffe://bank-a/user/u-{claim.user_id}.x"},
    "fixed-tenant": {"id": USER, "tenant": "{claim.tenant}", "route_tenant": "bank-a"},
    "issuer-tenant": {"id": USER, "tenant": "{issuer.tenant}", "route_tenant": "bank-a"},
    "default-tenant": {"id": USER, "route_tenant": "bank-a"},
    "text-tenant": {"id": "spiffe://bank-a/{tenant}/{claim.user_id}", "tenant": "t-{claim.tenant}.x",
                    "route_tenant": "t-bank-a.x"},
    "issuer-in-id": {"id": "spiffe://bank-a/{issuer.tenant}/{claim.user_id}"},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    routes = {name: route(f"/{name}", jwt={"issuer": "corporate"}, spiffe=rules) for name, rules in SPIFFE.items()}
    for name in ("issuer-tenant", "default-tenant"):
        routes[name]["plugins"]["jwt"] = {"issuers": ["bank-a-only", "bank-b-only"]}
    tenant = {"id": USER, "tenant": "{claim.tenant}"}
    by_path = route("/", jwt={"issuer": "corporate"}, spiffe={**tenant, "route_tenant": "{path.name}"})
    routes["by-path"] = {**by_path, "match": {"path": "/tenants/{name}/accounts"}}
    routes["by-host"] = route("/by-host", jwt={"issuer": "corporate"}, spiffe={**tenant, "route_tenant": "{host.1}"})
    routes["optional"] = route(
        "/optional", jwt={"issuer": "corporate", "required": False}, spiffe=SPIFFE["seed"])
    routes["full"] = route(
        "/full", jwt={"issuer": "corporate"}, spiffe=SPIFFE["seed"], internal_jwt={"audience": "bank-a"})
    routes["checked"] = route("/checked", jwt={"issuer": "corporate"})
    routes["open"] = {"match": {"prefix": "/open"}, "upstream": "service"}
    files = {"keys/fixed.json": jwks(FIXED)}
    with World(tmp_path_factory.mktemp("spiffe"), routes, [KEY], issuers=ISSUERS, files=files) as world:
        yield world


def spiffe_id(world, path, text=None, headers=(), **options):
    found = identity_headers(world.reached(path, text, headers, **options)).get("x-spiffe-id")
    if found is not None:
        SpiffeId(found)  # an independent library takes it
    return found


def assert_forbidden(world, path, text, **options):
    before = len(world.upstream.requests)
    response = world.get(path, text, **options)
    assert response.status == 403, f"{response.status} {response.body[:300]!r}"
    assert response.header("content-type") == "application/problem+json"
    assert len(world.upstream.requests) == before


def test_the_example_of_the_design_holds(world):
    """user@bank-a with user_id 12345 is spiffe://bank-a/user/12345."""
    assert spiffe_id(world, "/seed", token(KEY)) == "spiffe://bank-a/user/12345"


@pytest.mark.parametrize("path, changes, expected", [
    ("/seed", {"user_id": 12345}, "spiffe://bank-a/user/12345"),
    ("/seed", {"user_id": 0}, "spiffe://bank-a/user/0"),
    ("/seed", {"user_id": -7}, "spiffe://bank-a/user/-7"),
    ("/seed", {"user_id": "A.b_c-9"}, "spiffe://bank-a/user/A.b_c-9"),
    ("/seed", {"user_id": "..."}, "spiffe://bank-a/user/..."),
    ("/nested", {"org": {"unit": "cards", "person": {"id": "7"}}}, "spiffe://bank-a/cards/7"),
    ("/authority", {}, "spiffe://bank-a/user/12345"),
    ("/fixed-id", {}, "spiffe://bank-a/anybody"),
    ("/mixed", {}, "spiffe://bank-a/user/u-12345.x"),
    ("/text-tenant", {}, "spiffe://bank-a/t-bank-a.x/12345"),
    ("/issuer-in-id", {}, "spiffe://bank-a/bank-a/12345"),
    ("/rules", {}, "spiffe://bank-a/user/12345"),
    ("/rules", {"client_type": "service"}, "spiffe://bank-a/service/mobile-app"),
    ("/rules", {"client_type": "service", "groups": ["staff"]}, "spiffe://bank-a/service/mobile-app"),
    ("/rules", {"groups": ["x", "staff"]}, "spiffe://bank-a/staff/12345"),
    ("/rules", {"level": "gold"}, "spiffe://bank-a/user/12345"),
    ("/rules", {"level": "gold", "email": "a@b", "sub": "x"}, "spiffe://bank-a/gold/x"),
], ids=str)
def test_claims_become_a_spiffe_id(world, path, changes, expected):
    assert spiffe_id(world, path, token(KEY, **changes)) == expected


NO_SEGMENTS = ["user@bank-a", "a/b", "../admin", "..", ".", "", "a b", "a%2fb", "a+b", "auth0|1", "a:b", "ü", "a\u0000b",
               "a\nb", "a?b", "a#b", "x" * 2048, ["a"], {"a": 1}, True, None, 1.5, -1.5, 12345.0]


@pytest.mark.parametrize("value", NO_SEGMENTS, ids=lambda value: repr(value)[:20])
def test_a_claim_that_cannot_be_a_segment_is_refused_and_never_altered(world, value):
    assert_forbidden(world, "/seed", token(KEY, user_id=value))


def test_a_token_that_no_rule_is_for_is_forbidden(world):
    assert_forbidden(world, "/rules", token(KEY, user_id=None))


def test_a_nested_claim_that_is_missing_is_forbidden(world):
    for org in (None, {}, {"unit": "cards"}, {"unit": "cards", "person": "7"}, "cards"):
        assert_forbidden(world, "/nested", token(KEY, org=org))


ESCAPED = [("user@bank-a", "user_40bank-a"), ("auth0|7", "auth0_7c7"), ("a_b", "a_5fb"), ("a/b", "a_2fb"),
           ("ü", "_c3_bc"), ("plain", "plain"), ("a b", "a_20b"), ("a%2fb", "a_252fb")]


@pytest.mark.parametrize("value, segment", ESCAPED)
def test_an_escaped_claim_is_readable_and_reversible(world, value, segment):
    found = spiffe_id(world, "/escape", token(KEY, sub=value))
    assert found.lower() == f"spiffe://bank-a/user/{segment}"


def test_escaping_never_makes_two_users_one(world):
    values = ["a@b", "a_40b", "a_5f40b", "a__b", "a_b", "A@b", "a@B", "a.b", "a-b", "a@@b", "é", "e\u0301", "..", "."]
    found = []
    for value in values:
        response = world.get("/escape", token(KEY, sub=value))
        assert response.status == 200
        found.append(identity_headers(seen(response))["x-spiffe-id"])
        SpiffeId(found[-1])
    assert len(set(found)) == len(found)


# The tenant boundary

@pytest.mark.parametrize("tenant, status", [
    ("bank-a", 200), ("bank-b", 403), ("bank-a2", 403), ("bank", 403), ("BANK-A", 403), ("", 403), (None, 403),
    (["bank-a"], 403), (["bank-a", "bank-b"], 403), ("bank-a bank-b", 403), ({"bank-a": 1}, 403), (True, 403),
], ids=str)
def test_a_token_of_one_tenant_never_reaches_the_route_of_another(world, tenant, status):
    text = token(KEY, tenant=tenant)
    if status == 200:
        assert world.status("/fixed-tenant", text) == 200
    else:
        assert_forbidden(world, "/fixed-tenant", text)


def test_a_tenant_with_text_around_it_is_compared_as_a_whole(world):
    assert world.status("/text-tenant", token(KEY)) == 200
    assert_forbidden(world, "/text-tenant", token(KEY, tenant="bank-b"))
    assert_forbidden(world, "/text-tenant", token(KEY, tenant="t-bank-a.x"))
    assert_forbidden(world, "/text-tenant", token(KEY, tenant=None))


def test_an_id_with_a_tenant_needs_one(world):
    assert_forbidden(world, "/issuer-in-id", token(KEY, tenant=None))
    assert_forbidden(world, "/issuer-in-id", token(KEY, tenant="bank a"))


def test_an_issuers_tenant_is_its_tokens_tenant_whatever_they_claim(world):
    for path in ("/issuer-tenant", "/default-tenant"):
        assert world.status(path, token(FIXED, iss="https://a.test", tenant="bank-b")) == 200
        assert_forbidden(world, path, token(FIXED, iss="https://b.test", tenant="bank-a"))


@pytest.mark.parametrize("name, status", [
    ("bank-a", 200), ("bank-b", 403), ("BANK-A", 403), ("bank-a%20", 403), ("bank%2Da", 200), ("x/../bank-a", 200),
    ("bank-a;x", 403)])
def test_the_path_names_the_tenant(world, name, status):
    assert world.status(f"/tenants/{name}/accounts", token(KEY)) == status


@pytest.mark.parametrize("written, tenant, status", [
    ("bank%40a", "bank@a", 200), ("bank@a", "bank@a", 200), ("bank%40a", "bank%40a", 403),
    ("bank%2540a", "bank%40a", 200), ("bank%20a", "bank a", 200), ("bank%C3%BC", "bankü", 200),
    ("bank%c3%bc", "bankü", 200), ("bank%20a", "bank%20a", 403), ("bank;a", "bank;a", 403), ("bank%3Ba", "bank;a", 200)])
def test_a_path_names_the_tenant_that_services_read_in_it(world, written, tenant, status):
    assert world.status(f"/tenants/{written}/accounts", token(KEY, tenant=tenant)) == status


@pytest.mark.parametrize("host, status", [
    ("bank-a.wild.test", 200), ("bank-b.wild.test", 403), ("BANK-A.wild.test", 200), ("bank-a.wild.test:80", 200),
    ("other.test", 403), ("app.test", 403)])
def test_the_host_names_the_tenant(world, host, status):
    assert world.status("/by-host", token(KEY), host=host) == status


# Forgery

FORGED = "spiffe://bank-a/user/1"
NAMES = ["X-Spiffe-ID", "x-spiffe-id", "X-SPIFFE-ID", "X-Internal-JWT", "x-internal-jwt", "X-Internal-Token"]
PATHS = ["/open", "/checked", "/optional", "/seed", "/full"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", NAMES)
def test_a_forged_identity_header_reaches_nobody(world, path, name):
    request = world.reached(path, None if path in ("/open", "/optional") else token(KEY), [(name, FORGED)])
    assert FORGED not in header_values(request, name)
    expected = ["spiffe://bank-a/user/12345"] if path in ("/seed", "/full") else []
    assert header_values(request, "x-spiffe-id") == expected


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["X_Spiffe_ID", "X-Spiffe_ID", "X_Internal_JWT"])
def test_a_spelling_that_many_services_read_alike_reaches_nobody(world, path, name):
    response = world.get(path, None if path in ("/open", "/optional") else token(KEY), [(name, FORGED)])
    assert response.status in (200, 400)
    if response.status == 200:
        names = {key.lower().replace("_", "-") for key, value in seen(response)["headers"] if value == FORGED}
        assert not names & {"x-spiffe-id", "x-internal-jwt"}


def test_several_forged_headers_reach_nobody(world):
    request = world.reached("/open", None, [("X-Spiffe-ID", FORGED), ("X-Spiffe-ID", "x"), ("X-Internal-JWT", "a.b.c")])
    assert identity_headers(request) == {}


@pytest.mark.parametrize("name", ["X-Spiffe-ID", "x-spiffe-id, close", "X-Internal-JWT", "x-request-id"])
def test_connection_cannot_take_the_identity_away(world, name):
    """RFC 9110 section 7.6.1 has a proxy remove what Connection names: from the client's headers, not from its own."""
    request = world.reached("/full", token(KEY), [("Connection", name)])
    found = identity_headers(request)
    assert found["x-spiffe-id"] == "spiffe://bank-a/user/12345"
    assert found["authorization"].startswith("Bearer ")


@pytest.mark.parametrize("path", ["/full", "/optional"])
def test_a_client_that_calls_its_token_hop_by_hop_has_none_and_is_not_anonymous(world, path):
    before = len(world.upstream.requests)
    assert world.get(path, token(KEY), [("Connection", "authorization")]).status == 401
    assert world.get(path, "a bad one", [("Connection", "close, Authorization")]).status == 401
    assert len(world.upstream.requests) == before


def test_a_header_transformation_cannot_forge_an_identity(tmp_path):
    transformed = {"match": {"prefix": "/"}, "upstream": "service", "plugins": {
        "request_transform": {"headers": {"set": {"X-Spiffe-ID": FORGED}}}}}
    with EchoUpstream() as upstream:
        gateway = identity_gateway(tmp_path, upstream, {"x": transformed}, [KEY], start=False)
        assert command("check", gateway.folder).returncode == 1


def test_without_a_token_an_optional_route_has_no_identity(world):
    assert spiffe_id(world, "/optional") is None
    assert spiffe_id(world, "/optional", token(KEY)) == "spiffe://bank-a/user/12345"


def test_the_identity_of_one_request_is_not_that_of_the_next_on_the_connection(world):
    with world.gateway.client() as client:
        for user in ("1", "2", None, "3", "1"):
            path = "/seed" if user else "/open"
            headers = headers_with(token(KEY, user_id=user)) if user else []
            client.send(request_bytes("GET", path, headers))
            found = identity_headers(seen(client.response())).get("x-spiffe-id")
            assert found == (f"spiffe://bank-a/user/{user}" if user else None)


def test_trailers_bring_no_identity(world):
    request = (b"POST /open HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Spiffe-ID\r\n\r\n"
               b"1\r\nx\r\n0\r\nX-Spiffe-ID: " + FORGED.encode() + b"\r\n\r\n")
    response = exchange(world.gateway.port, request)
    if response.status == 200:
        assert FORGED not in str(seen(response))


def test_an_upstream_is_reached_by_refused_clients_never(world):
    before = len(world.upstream.requests)
    for text in (None, "x", token(FIXED)):
        assert world.status("/seed", text) == 401
    assert get(world.gateway.port, "/seed", [("X-Spiffe-ID", FORGED)]).status == 401
    assert len(world.upstream.requests) == before


# Configuration

MISTAKES = [
    ("a foreign trust domain", {"id": "spiffe://bank-b/user/{claim.sub}"}, "bank-a"),
    ("a trust domain from a claim", {"id": "spiffe://{claim.tenant}/user/x"}, "trust domain"),
    ("a trust domain that begins alike", {"id": "spiffe://bank-a.evil/user/x"}, "bank-a"),
    ("another scheme", {"id": "https://bank-a/user/x"}, "spiffe://"),
    ("no path", {"id": "spiffe://bank-a"}, "path"),
    ("an empty segment", {"id": "spiffe://bank-a//x"}, "segment"),
    ("a slash at the end", {"id": "spiffe://bank-a/x/"}, ""),
    ("two dots", {"id": "spiffe://bank-a/../x"}, ""),
    ("a percent sign", {"id": "spiffe://bank-a/a%20b"}, "%"),
    ("a query", {"id": "spiffe://bank-a/x?y"}, ""),
    ("an unknown placeholder", {"id": "spiffe://bank-a/{header.x}"}, "header.x"),
    ("a brace that stays open", {"id": "spiffe://bank-a/{claim.sub"}, ""),
    ("two claims in one segment", {"id": "spiffe://bank-a/{claim.a}-{claim.b}"}, ""),
    ("an unknown filter", {"id": "spiffe://bank-a/{claim.sub|lower}"}, "lower"),
    ("both forms at once", {"id": "spiffe://bank-a/x", "rules": [{"id": "spiffe://bank-a/y"}]}, ""),
    ("neither form", {"tenant": "bank-a"}, ""),
    ("a parameter that the path hasn't", {"id": "spiffe://bank-a/x", "route_tenant": "{path.name}"}, "name"),
]


@pytest.mark.parametrize("rules, word", [item[1:] for item in MISTAKES], ids=[item[0] for item in MISTAKES])
def test_a_mistake_in_the_configuration_is_found(tmp_path, rules, word):
    with EchoUpstream() as upstream:
        gateway = identity_gateway(
            tmp_path, upstream, {"x": route("/", jwt={"issuer": "corporate"}, spiffe=rules)}, [KEY], start=False)
        result = command("check", gateway.folder)
    text = result.stdout + result.stderr
    assert result.returncode == 1, text
    assert "app.yaml" in text and word.lower() in text.lower()


def test_a_domain_without_a_trust_domain_gives_no_ids(tmp_path):
    with EchoUpstream() as upstream:
        gateway = identity_gateway(
            tmp_path, upstream, {"x": route("/", jwt={"issuer": "corporate"}, spiffe={"id": "spiffe://bank-a/x"})},
            [KEY], gateway={"domains": {"app": {}}}, start=False)
        result = command("check", gateway.folder)
    assert result.returncode == 1 and "trust_domain" in result.stdout + result.stderr
