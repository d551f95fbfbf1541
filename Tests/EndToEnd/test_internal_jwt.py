"""The plugin `internal_jwt`: the token that services behind the gateway get, checked by libraries that others wrote."""

import json
import os
import threading
import time

import jwt
import pytest
from joserfc import jwk as jose_jwk
from joserfc import jwt as jose_jwt
from spiffe import JwtBundle, JwtSvid, TrustDomain

from harness import (
    MEMORY_FACTOR, EchoUpstream, Gateway, ScriptedUpstream, command, eventually, get, ok, request_bytes, route_all)
from identity import (
    Key, World, bearer_of, header_values, headers_with, identity_gateway, identity_headers, internal_tokens,
    payload_of, route, seen, token)

OUTER = Key("RS256", "outer")
SIGNING = {name: Key(name, f"signing-{name.lower()}", number="signing")
           for name in ("ES256", "ES384", "RS256", "PS256", "EdDSA")}
SPIFFE = {"id": "spiffe://bank-a/user/{claim.user_id}", "tenant": "{claim.tenant}"}
GATEWAY = "https://gateway.test"
JWKS, BUNDLE = "/.well-known/jwks.json", "/.well-known/spiffe-bundle.json"


def chain(path, **internal):
    return route(path, jwt={"issuer": "corporate"}, spiffe=SPIFFE, internal_jwt={"audience": "bank-a", **internal})


ROUTES = {
    "default": chain("/default"),
    "short": chain("/short", ttl="10s"),
    "long": chain("/long", ttl="5m"),
    "lists": chain("/lists", audience=["bank-a", "ledger"]),
    "tenant": chain("/tenant", audience="{tenant}"),
    "mixed": chain("/mixed", audience=["svc-{tenant}.x", "{tenant}{tenant}"]),
    "places": {**chain("/places"), "plugins": {**chain("/places")["plugins"], "jwt": {
        "issuer": "corporate", "from": [{"header": "Authorization"}, {"header": "X-Token"}, {"query": "access_token"},
                                        {"cookie": "session"}]}}},
    "optional": {**chain("/optional"), "plugins": {**chain("/optional")["plugins"], "jwt": {
        "issuer": "corporate", "required": False}}},
    "text": chain("/text", scope_format="string"),
    "claims": chain("/claims", claims=["email", "department", "groups", "missing"]),
    "jti": chain("/jti", jti=True),
    "actor": chain("/actor", actor="spiffe://bank-a/gateway"),
    "beside": chain("/beside", header="X-Internal-JWT"),
    "token": chain("/token", header="X-Internal-Token"),
    "kept": chain("/kept", header="X-Internal-JWT", keep_authorization=True),
    "svid": chain("/svid", profile="jwt_svid"),
    "own": {**chain("/own"), "plugins": {
        **chain("/own", header="X-Internal-JWT")["plugins"],
        "jwt": {"issuer": "corporate", "required": False, "from": [
            {"header": "Authorization"}, {"header": "X-Token"}, {"query": "access_token"}, {"cookie": "session"}]},
        "request_transform": {
            "headers": {"set": {"Authorization": "Basic dGVhbTpwdw==", "X-Token": "team", "Cookie": "session=team; a=b"}},
            "query": {"set": {"access_token": "team"}}}}},
    "moved": {**chain("/moved"), "plugins": {
        **chain("/moved", header="X-Internal-JWT")["plugins"],
        "request_transform": {"headers": {"rename": {"Authorization": "X-Old"}, "set": {"Authorization": "Basic b"}}}}},
    "access": chain("/access", profile="access_token"),
}
PUBLISHED = {"publish": {"listeners": ["main"], "jwks_path": JWKS, "bundle_path": BUNDLE}}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("internal"), ROUTES, [OUTER],
               gateway={"internal_tokens": internal_tokens(**PUBLISHED)}) as world:
        yield world


def key_set(world, admin=False):
    response = world.gateway.admin(JWKS) if admin else get(world.gateway.port, JWKS)
    assert response.status == 200, response.body
    return json.loads(response.body)


def by_pyjwt(text, keys, audience="bank-a", algorithms=("ES256", "ES384", "RS256", "PS256", "EdDSA")):
    kid = jwt.get_unverified_header(text)["kid"]
    found = [key for key in jwt.PyJWKSet.from_dict(keys).keys if key.key_id == kid]
    assert len(found) == 1, f"{kid} is not in {keys}"
    return jwt.decode(text, found[0].key, algorithms, audience=audience, issuer=GATEWAY,
                      options={"require": ["iss", "sub", "aud", "iat", "exp"]})


def by_joserfc(text, keys, algorithms=("ES256", "ES384", "RS256", "PS256", "EdDSA")):
    decoded = jose_jwt.decode(text, jose_jwk.KeySet.import_key_set(keys), algorithms=list(algorithms))
    jose_jwt.JWTClaimsRegistry(iss={"essential": True, "value": GATEWAY}, sub={"essential": True}).validate(
        decoded.claims)
    return decoded.header, decoded.claims


def minted(world, path="/default", text=None, header="authorization", **changes):
    """The token that the upstream got, after two libraries have verified it."""
    request = world.reached(path, text or token(OUTER, **changes))
    inner = bearer_of(request) if header == "authorization" else identity_headers(request)[header]
    keys = key_set(world)
    audience = payload_of(inner)["aud"]
    content = by_pyjwt(inner, keys, audience)
    header, again = by_joserfc(inner, keys)
    assert again == content
    return header, content


# What is in it

def test_the_example_of_the_design_holds(world):
    _, content = minted(world)
    assert content["sub"] == "spiffe://bank-a/user/12345"
    assert content["aud"] in ("bank-a", ["bank-a"])
    assert content["scope"] == ["read", "transfer"]
    assert content["tenant"] == "bank-a"
    assert content["iss"] == GATEWAY
    assert set(content) == {"iss", "sub", "aud", "iat", "exp", "scope", "tenant"}


def test_the_header_has_algorithm_key_id_and_type_only(world):
    header, _ = minted(world)
    assert header["alg"] == "ES256" and header["typ"] == "JWT" and set(header) == {"alg", "kid", "typ"}


def test_the_spiffe_id_header_says_the_same_as_the_token(world):
    found = identity_headers(world.reached("/default", token(OUTER, user_id="777")))
    assert found["x-spiffe-id"] == payload_of(found["authorization"].removeprefix("Bearer "))["sub"]


@pytest.mark.parametrize("path, seconds", [("/default", 60), ("/short", 10), ("/long", 300)])
def test_it_lives_as_long_as_the_route_says(world, path, seconds):
    _, content = minted(world, path, jti=path)
    assert content["exp"] - content["iat"] <= seconds
    assert content["exp"] - time.time() > seconds * 0.8
    assert abs(content["iat"] - time.time()) < seconds * 0.2 + 2


@pytest.mark.parametrize("left", [5, 20, 200])
def test_it_never_outlives_the_outer_token(world, left):
    end = int(time.time()) + left
    _, content = minted(world, "/long", exp=end, user_id=f"left-{left}")
    assert content["exp"] <= end
    _, again = minted(world, "/long", exp=end + 60, user_id=f"left-{left}")
    assert again["exp"] <= end + 60
    _, shorter = minted(world, "/long", exp=end - 2, user_id=f"left-{left}")
    assert shorter["exp"] <= end - 2, "not even when a longer one of the same user is remembered"


def test_an_outer_token_in_its_last_skewed_seconds_gets_no_inner_one(world):
    now = int(time.time())
    response = world.get("/default", token(OUTER, exp=now - 10))
    assert response.status == 401


def test_the_audience_may_be_a_list_or_the_tenant(world):
    assert minted(world, "/lists")[1]["aud"] == ["bank-a", "ledger"]
    assert minted(world, "/tenant")[1]["aud"] in ("bank-a", ["bank-a"])
    assert minted(world, "/tenant", tenant="bank-z")[1]["aud"] in ("bank-z", ["bank-z"])


def test_an_audience_may_have_text_around_the_tenant(world):
    inner = payload_of(bearer_of(world.reached("/mixed", token(OUTER))))
    assert inner["aud"] == ["svc-bank-a.x", "bank-abank-a"]


PLACES = {
    "header": lambda text: ("/places?a=b", [("X-Token", text)], "?a=b", None),
    "query": lambda text: (f"/places?a=%41&access_token={text}&&b", [("Cookie", "a=b")], "?a=%41&&b", "a=b"),
    "cookie": lambda text: ("/places", [("Cookie", f'a="1 2"; session={text};c=d')], "", 'a="1 2";c=d'),
}


@pytest.mark.parametrize("place", PLACES)
def test_the_outer_token_goes_no_further_wherever_it_was(world, place):
    text = token(OUTER)
    target, headers, query, cookie = PLACES[place](text)
    request = world.reached(target, headers=[*headers, ("Accept", "*/*")])
    assert text not in json.dumps(request)
    assert request["target"] == f"/places{query}"
    assert header_values(request, "cookie") == ([cookie] if cookie else [])
    assert payload_of(bearer_of(request))["sub"] == "spiffe://bank-a/user/12345"


@pytest.mark.parametrize("place", [None, "Authorization", "X-Token", "query", "cookie"])
def test_what_the_route_sets_in_the_places_of_tokens_arrives_and_nothing_of_the_clients(world, place):
    text = token(OUTER)
    headers = {"Authorization": [("Authorization", f"Bearer {text}")], "X-Token": [("X-Token", text)],
               "cookie": [("Cookie", f"session={text}; mine=1")]}.get(place, [])
    target = f"/own?access_token={text}" if place == "query" else "/own"
    request = world.reached(target, headers=headers)
    assert header_values(request, "authorization") == ["Basic dGVhbTpwdw=="]
    assert header_values(request, "x-token") == ["team"]
    assert header_values(request, "cookie") == ["session=team; a=b"]
    assert request["target"] == "/own?access_token=team"
    assert len(header_values(request, "x-internal-jwt")) == (1 if place else 0)
    assert text not in json.dumps(request)


def test_an_outer_bearer_is_neither_moved_nor_added_to(world):
    text = token(OUTER)
    request = world.reached("/moved", text)
    assert header_values(request, "x-old") == [] and header_values(request, "authorization") == ["Basic b"]
    assert text not in json.dumps(request)


def test_nobody_else_can_put_a_token_in_the_gateways_place(world):
    request = world.reached("/optional", headers=[("Authorization", "Basic dXNlcjpwYXNz")])
    assert header_values(request, "authorization") == []


@pytest.mark.parametrize("scope, expected", [
    ("read transfer", ["read", "transfer"]), (["read", "transfer"], ["read", "transfer"]), ("read", ["read"])], ids=str)
def test_scopes_are_an_array_or_text(world, scope, expected):
    assert minted(world, "/default", scope=scope)[1]["scope"] == expected
    assert minted(world, "/text", scope=scope)[1]["scope"] == " ".join(expected)


def test_without_scopes_there_are_none(world):
    assert minted(world, "/default", scope=None)[1].get("scope", []) == []


def test_chosen_claims_are_copied_as_they_are(world):
    values = {"email": 'a"\\\n\u2028ü\U0001f600@b', "department": {"name": "x", "n": [1, 2.5, None, True]},
              "groups": ["a", "b"], "other": "stays out"}
    _, content = minted(world, "/claims", **values)
    assert {name: content[name] for name in ("email", "department", "groups")} == {
        name: values[name] for name in ("email", "department", "groups")}
    assert "other" not in content and "missing" not in content


def test_claims_of_the_outer_token_cannot_become_claims_of_the_inner_one(world):
    evil = {"user_id": "1", "email": '","sub":"spiffe://bank-a/user/0', "department": "</script>", "act": {"sub": "x"}}
    _, content = minted(world, "/claims", **evil)
    assert content["sub"] == "spiffe://bank-a/user/1" and content["email"] == evil["email"] and "act" not in content


def test_an_id_of_its_own_is_made_where_it_is_asked_for(world):
    ids = {minted(world, "/jti", user_id=str(number))[1]["jti"] for number in range(10)}
    assert len(ids) == 10 and all(len(one) >= 16 for one in ids)


def test_the_gateway_can_be_named_as_the_actor(world):
    assert minted(world, "/actor")[1]["act"] == {"sub": "spiffe://bank-a/gateway"}


def test_the_access_token_profile_is_that_of_rfc_9068(world):
    header, content = minted(world, "/access")
    assert header["typ"] == "at+jwt"
    assert set(content) >= {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"}
    assert content["client_id"] == "mobile-app"
    assert content["scope"] == "read transfer" or content["scope"] == ["read", "transfer"]


# Where it goes

def test_it_takes_the_outer_bearers_place(world):
    outer = token(OUTER)
    request = world.reached("/default", outer)
    assert outer not in json.dumps(request)
    assert header_values(request, "x-internal-jwt") == []


@pytest.mark.parametrize("path, name", [("/beside", "x-internal-jwt"), ("/token", "x-internal-token")])
def test_it_can_have_a_header_of_its_own(world, path, name):
    outer = token(OUTER)
    found = identity_headers(world.reached(path, outer))
    assert by_pyjwt(found[name], key_set(world))
    assert "authorization" not in found


def test_the_outer_bearer_stays_where_it_is_said(world):
    outer = token(OUTER)
    found = identity_headers(world.reached("/kept", outer))
    assert found["authorization"] == f"Bearer {outer}" and found["x-internal-jwt"]


def test_minted_tokens_are_remembered_per_identity(world):
    text = token(OUTER)
    first, second = (bearer_of(world.reached("/default", text)) for _ in range(2))
    assert first == second
    assert bearer_of(world.reached("/default", token(OUTER, user_id="2"))) != first
    assert bearer_of(world.reached("/default", token(OUTER, scope="read"))) != first
    assert bearer_of(world.reached("/default", token(OUTER, tenant="bank-z"))) != first
    assert bearer_of(world.reached("/lists", text)) != first


@pytest.mark.slow
def test_a_remembered_token_is_replaced_before_it_ends(world):
    begun, texts = time.time(), set()
    outer = token(OUTER)
    while time.time() - begun < 11:
        inner = bearer_of(world.reached("/short", outer))
        texts.add(inner)
        assert payload_of(inner)["exp"] - time.time() > 0.5, "the service gets a token that is as good as dead"
        time.sleep(0.2)
    assert 2 <= len(texts) <= 4


def test_many_identities_are_bounded_in_memory(world):
    gateway = world.gateway
    with gateway.client() as client:
        def ask(number):
            client.send(request_bytes("GET", "/default", headers_with(token(OUTER, user_id=str(number), x="y" * 2000))))
            assert client.response().status == 200

        for number in range(200):
            ask(number)
        before = gateway.memory_kib()
        for number in range(200, 1500):
            ask(number)
    assert gateway.memory_kib() - before < 64 * 1024 * MEMORY_FACTOR


# Published keys

def test_the_keys_are_at_the_admin_listener_and_at_the_public_path(world):
    keys = key_set(world)
    assert keys == key_set(world, admin=True)
    assert len(keys["keys"]) == 1
    (key,) = keys["keys"]
    assert key["kty"] == "EC" and key["crv"] == "P-256" and key["alg"] == "ES256" and key["kid"]
    assert key.get("use") in (None, "sig")
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key), "a private member is shown"


def test_the_public_path_may_be_cached_and_asked_with_head(world):
    response = get(world.gateway.port, JWKS)
    assert "max-age=" in response.header("cache-control")
    assert response.header("content-type") in ("application/jwk-set+json", "application/json")
    with world.gateway.client() as client:
        head = client.send(request_bytes("HEAD", JWKS)).response("HEAD")
        assert head.status == 200 and head.body == b""
        assert client.send(request_bytes("POST", JWKS)).response("POST").status == 405
        assert client.send(request_bytes("GET", JWKS, host="nobody.test")).response().status in (200, 404, 421)


def test_keys_that_a_client_has_already_are_not_sent_again(world):
    for path in (JWKS, BUNDLE):
        response = get(world.gateway.port, path)
        tag = response.header("etag")
        assert tag.startswith('"') and tag.endswith('"')
        assert get(world.gateway.port, path, [("If-None-Match", '"other"')]).status == 200
        for known in (tag, f'"other", W/{tag}', "*"):
            again = get(world.gateway.port, path, [("If-None-Match", known)])
            assert again.status == 304 and again.body == b""
            assert again.header("etag") == tag and "max-age=" in again.header("cache-control")


def test_the_published_paths_come_before_every_route_of_their_listeners_only(tmp_path):
    routes = {
        "all": {"match": {"prefix": "/"}, "upstream": "service"},
        "same": {"match": {"path": JWKS, "methods": ["GET"], "headers": {"X-A": {"present": True}}},
                 "upstream": "service"}}
    tokens = internal_tokens(publish={"listeners": ["main"], "jwks_path": JWKS, "bundle_path": "/keys/bundle"})
    with World(tmp_path, {"x": chain("/default"), **routes}, [OUTER], listeners=("main", "inner"),
               gateway={"internal_tokens": tokens}) as world:
        main, inner = world.gateway.port, world.gateway.ports["inner"]
        for path in (JWKS, "/keys/bundle", "/keys/../.well-known//jwks.json", "/.well-known/%6awks.json"):
            assert "keys" in json.loads(get(main, path, [("X-A", "1")]).body), path
            assert "headers" in json.loads(get(inner, path).body), "the upstream answers"
        for path in (JWKS + "/", JWKS + "x", BUNDLE):
            assert "headers" in json.loads(get(main, path).body), "the upstream answers"
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            with world.gateway.client() as client:
                response = client.send(request_bytes(method, JWKS)).response(method)
                assert response.status == 405 and response.header("allow") == "GET, HEAD"
        line = world.gateway.access_line(path=JWKS, method="POST")
        assert line["route"] == "internal_tokens/jwks"


def test_without_internal_tokens_there_are_no_keys(tmp_path):
    with EchoUpstream() as upstream, Gateway(tmp_path, {"service": [upstream.target]}, {"all": route_all()}) as gateway:
        assert gateway.admin(JWKS).status == 404 and gateway.admin(BUNDLE).status == 404


def test_the_default_key_id_is_the_thumbprint(world):
    (key,) = key_set(world)["keys"]
    assert key["kid"] == jose_jwk.ECKey.import_key(key).thumbprint()


def bundle_of(world):
    response = get(world.gateway.port, BUNDLE)
    assert response.status == 200
    return response.body


def test_a_jwt_svid_is_taken_by_the_spiffe_library(world):
    inner = bearer_of(world.reached("/svid", token(OUTER)))
    bundle = JwtBundle.parse(TrustDomain("bank-a"), bundle_of(world))
    svid = JwtSvid.parse_and_validate(inner, bundle, {"bank-a"})
    assert str(svid.spiffe_id) == "spiffe://bank-a/user/12345"
    with pytest.raises(Exception):
        JwtSvid.parse_and_validate(inner, bundle, {"bank-b"})


def test_the_default_profile_is_taken_by_the_spiffe_library_too(world):
    bundle = JwtBundle.parse(TrustDomain("bank-a"), bundle_of(world))
    svid = JwtSvid.parse_and_validate(bearer_of(world.reached("/default", token(OUTER))), bundle, {"bank-a"})
    assert str(svid.spiffe_id) == "spiffe://bank-a/user/12345"


def test_the_bundle_is_that_of_the_specification(world):
    bundle = json.loads(bundle_of(world))
    assert [key["use"] for key in bundle["keys"]] == ["jwt-svid"] and bundle["keys"][0]["kid"]
    assert isinstance(bundle.get("spiffe_sequence", 0), int) and isinstance(bundle.get("spiffe_refresh_hint", 0), int)


# Kinds of keys

@pytest.mark.parametrize("name", SIGNING)
@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_keys_of_every_kind_sign(tmp_path, name, form):
    key = SIGNING[name]
    file = f"keys/mine.{form}"
    text = key.pem() if form == "pem" else json.dumps(key.private_jwk())
    tokens = internal_tokens(**PUBLISHED, keys=[{"file": file, "algorithm": name, "id": "mine"}])
    with World(tmp_path, {"x": ROUTES["default"]}, [OUTER], gateway={"internal_tokens": tokens},
               files={file: text}) as world:
        header, content = minted(world)
    assert header["alg"] == name and header["kid"] == "mine" and content["sub"] == "spiffe://bank-a/user/12345"


def test_the_algorithm_follows_from_the_kind_of_key(tmp_path):
    for name in ("ES256", "ES384", "RS256", "EdDSA"):
        tokens = internal_tokens(**PUBLISHED, keys=[{"file": "keys/mine.pem"}])
        with World(tmp_path / name, {"x": ROUTES["default"]}, [OUTER], gateway={"internal_tokens": tokens},
                   files={"keys/mine.pem": SIGNING[name].pem()}) as world:
            assert minted(world)[0]["alg"] == name


def test_states_say_what_signs_and_what_is_only_shown(tmp_path):
    names = ["retired", "signing", "published"]
    keys = {name: Key("ES256", name, number=name) for name in names}
    tokens = internal_tokens(**PUBLISHED, keys=[
        {"file": f"keys/{name}.pem", "id": name, "state": name} for name in names])
    with World(tmp_path, {"x": ROUTES["default"]}, [OUTER], gateway={"internal_tokens": tokens},
               files={f"keys/{name}.pem": key.pem() for name, key in keys.items()}) as world:
        assert minted(world)[0]["kid"] == "signing"
        shown = {key["kid"] for key in key_set(world)["keys"]}
    assert {"signing", "published"} <= shown


# Rotation

class Consumer:
    """A service that caches the published keys for as long as it was told, and verifies every token that it gets."""

    def __init__(self, world):
        self.world = world
        self.keys, self.until = None, 0
        self.failures, self.kids, self.verified = [], [], 0

    def fetch(self):
        response = get(self.world.gateway.port, JWKS)
        caching = response.header("cache-control")
        self.until = time.monotonic() + int(caching.split("max-age=")[1].split(",")[0])
        self.keys = json.loads(response.body)

    def verify(self, text):
        if time.monotonic() >= self.until:
            self.fetch()
        try:
            by_pyjwt(text, self.keys)
        except (AssertionError, jwt.InvalidTokenError) as error:
            self.failures.append(str(error))
        kid = jwt.get_unverified_header(text)["kid"]
        if kid not in self.kids:
            self.kids.append(kid)
        self.verified += 1


@pytest.mark.slow
def test_a_key_dropped_into_the_folder_takes_over_without_a_token_that_nobody_can_verify(tmp_path):
    """The consumer caches for max-age, so the new key has to be published for that long before it signs."""
    tokens = internal_tokens(**PUBLISHED, keys=[{"folder": "keys/signing"}], publish_before_signing="3s", ttl_max="5s")
    old, new = Key("ES256", "old", number="old"), Key("ES256", "new", number="new")
    with World(tmp_path, {"x": chain("/default", ttl="2s")}, [OUTER], gateway={"internal_tokens": tokens},
               files={"keys/signing/2026-01.pem": old.pem()}) as world:
        consumer, stopping = Consumer(world), threading.Event()

        def serve():
            with world.gateway.client() as client:
                number = 0
                while not stopping.is_set():
                    number += 1
                    client.send(request_bytes("GET", "/default", headers_with(token(OUTER, user_id=str(number % 7)))))
                    consumer.verify(bearer_of(seen(client.response())))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        eventually(lambda: consumer.verified > 20, 10, "some traffic")
        world.gateway.write("keys/signing/2026-02.pem", new.pem())
        assert world.gateway.hang_up() == "applied", "a new file in the folder is a change"
        dropped = time.monotonic()
        assert len(key_set(world)["keys"]) == 2, "the new key is published at once"
        assert len(consumer.kids) == 1
        eventually(lambda: len(consumer.kids) == 2, 15, "the new key signing")
        assert time.monotonic() - dropped > 2.5, "it signed before everybody could know it"
        assert len(key_set(world)["keys"]) == 2, "the old key stays until its last token is dead"
        (world.gateway.folder / "keys/signing/2026-01.pem").unlink()
        assert world.gateway.hang_up() == "applied"
        assert len(key_set(world)["keys"]) == 2, "even when its file is gone"
        sent = consumer.verified
        eventually(lambda: consumer.verified > sent + 20, 10, "traffic after the change")
        stopping.set()
        thread.join(10)
        assert consumer.failures == []
        assert len(consumer.kids) == 2
        assert world.status("/default", token(OUTER)) == 200


@pytest.mark.parametrize("age, signer", [(0, "old"), (3600, "new")], ids=["a new file waits", "an old one doesn't"])
def test_a_restart_does_not_begin_a_rotation_anew(tmp_path, age, signer):
    """The age of a file counts when the process starts, whatever the names say about the order."""
    keys = {"old": Key("ES256", "old", number="old"), "new": Key("ES256", "new", number="new")}
    tokens = internal_tokens(**PUBLISHED, keys=[{"folder": "keys/signing"}], publish_before_signing="10m")
    world = World(tmp_path, {"x": ROUTES["default"]}, [OUTER], gateway={"internal_tokens": tokens},
                  files={"keys/signing/z.jwk": json.dumps(keys["old"].private_jwk()),
                         "keys/signing/a.jwk": json.dumps(keys["new"].private_jwk())})
    now = time.time()
    os.utime(world.gateway.folder / "keys/signing/z.jwk", (now - 7200, now - 7200))
    os.utime(world.gateway.folder / "keys/signing/a.jwk", (now - age, now - age))
    with world:
        assert minted(world)[0]["kid"] == signer
        assert {key["kid"] for key in key_set(world)["keys"]} == {"old", "new"}


def test_a_reload_without_a_new_key_is_no_change(tmp_path):
    tokens = internal_tokens(**PUBLISHED, keys=[{"folder": "keys/signing"}])
    with World(tmp_path, {"x": ROUTES["default"]}, [OUTER], gateway={"internal_tokens": tokens},
               files={"keys/signing/a.pem": SIGNING["ES256"].pem()}) as world:
        text = bearer_of(world.reached("/default", token(OUTER)))
        assert world.gateway.hang_up() == "unchanged"
        assert by_pyjwt(text, key_set(world))


def test_a_broken_key_file_changes_nothing(tmp_path):
    tokens = internal_tokens(**PUBLISHED, keys=[{"folder": "keys/signing"}])
    with World(tmp_path, {"x": ROUTES["default"]}, [OUTER], gateway={"internal_tokens": tokens},
               files={"keys/signing/a.pem": SIGNING["ES256"].pem()}) as world:
        before = key_set(world)
        world.gateway.write("keys/signing/b.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        assert world.gateway.hang_up() == "rejected"
        assert key_set(world) == before
        minted(world)


@pytest.mark.parametrize("change, word", [
    ({"file": "keys/other.pem", "id": "gw"}, "gw"), ({"file": "keys/rsa.pem", "algorithm": "PS256"}, "another algorithm"),
], ids=["another key", "another algorithm"])
def test_a_key_that_takes_over_anothers_id_is_rejected_and_one_with_its_own_signs(tmp_path, change, word):
    """Verifiers would hold its tokens against the key that they know, so nothing of the reload may take effect."""
    keys = {"first": Key("ES256", "first", number="first"), "other": Key("ES256", "other", number="other"),
            "rsa": Key("RS256", "rsa", number="rsa")}
    before = {"file": "keys/rsa.pem"} if "algorithm" in change else {"file": "keys/first.pem", "id": "gw"}
    spare = {"file": "keys/spare.pem"}
    world = World(tmp_path, {"x": ROUTES["default"]}, [OUTER],
                  gateway={"internal_tokens": internal_tokens(**PUBLISHED, publish_before_signing="0s", keys=[before, spare])},
                  files={**{f"keys/{name}.pem": key.pem() for name, key in keys.items()},
                         "keys/spare.pem": Key("ES256", "spare", number="spare").pem()})
    with world:
        gateway = world.gateway

        def turn_to(*keys):
            gateway.gateway_overrides["internal_tokens"] = internal_tokens(
                **PUBLISHED, publish_before_signing="0s", keys=list(keys))
            gateway.write("gateway.yaml", gateway.gateway_yaml())
            return gateway.hang_up()

        shown, signer = key_set(world), minted(world)[0]["kid"]
        assert turn_to(change) == "rejected", "the spare key is gone, and the other one can't take its place"
        assert word in gateway.admin("/readyz").body.decode()
        assert "give the new key an id of its own" in gateway.stderr()
        assert key_set(world) == shown and minted(world)[0]["kid"] == signer, "a part of the reload took effect"
        assert turn_to({**change, "id": "new"}) == "applied"
        assert minted(world)[0]["kid"] == "new"
        assert by_pyjwt(bearer_of(world.reached("/default", token(OUTER))), key_set(world))


def test_a_token_of_one_second_reaches_the_service(tmp_path):
    with World(tmp_path, {"x": chain("/default", ttl="1s")}, [OUTER]) as world:
        for number in range(20):
            claims = payload_of(bearer_of(world.reached("/default", token(OUTER, user_id=str(number)))))
            assert claims["exp"] - claims["iat"] == 1
            time.sleep(0.1)


def test_a_request_that_waited_for_a_place_gets_a_token_that_is_fresh(tmp_path):
    """The token lives 2 s, and the first request keeps the only place for longer."""
    arrived, release = [], threading.Event()

    def script(connection):
        while (request := connection.request(60)) is not None:
            arrived.append((time.time(), payload_of(request.header("authorization").removeprefix("Bearer "))["exp"]))
            if len(arrived) == 1:
                assert release.wait(30)
            connection.send(ok())

    routes = {"x": chain("/default", ttl="2s")}
    with ScriptedUpstream(script) as upstream:
        gateway = identity_gateway(tmp_path, upstream, routes, [OUTER])
        concurrency = {"requests_max": 1, "queue": {"requests_max": 10, "wait_max": "30s"}}
        gateway.write_routes({"service": {"targets": [upstream.target], "concurrency": concurrency}}, routes)
        with gateway, gateway.client() as first, gateway.client() as second:
            first.send(request_bytes("GET", "/default", headers_with(token(OUTER))))
            eventually(lambda: len(arrived) == 1, 5, "the first request")
            second.send(request_bytes("GET", "/default", headers_with(token(OUTER))))
            expiry = arrived[0][1]
            eventually(lambda: time.time() > expiry, 10, "the first token's end")
            release.set()
            assert first.response().status == 200 and second.response().status == 200
    instant, expiry = arrived[1]
    assert expiry > instant, "the token had ended before it was sent"


def test_keys_that_a_reload_takes_away_serve_the_requests_under_way(tmp_path):
    arrived, places = [], threading.Semaphore(0)

    def script(connection):
        while (request := connection.request()) is not None:
            arrived.append([value for name, value in request.headers if name.lower() == "authorization"])
            assert places.acquire(timeout=20)
            connection.send(ok())

    routes = {"x": chain("/default")}
    plain = {"x": route("/default", jwt={"issuer": "corporate"})}
    with ScriptedUpstream(script) as upstream:
        gateway = identity_gateway(tmp_path, upstream, routes, [OUTER], gateway={
            "internal_tokens": internal_tokens(**PUBLISHED)})
        concurrency = {"requests_max": 1, "queue": {"requests_max": 10, "wait_max": "30s"}}
        service = {"service": {"targets": [upstream.target], "concurrency": concurrency}}
        gateway.write_routes(service, routes)
        whole = gateway.gateway_overrides

        def turn_to(overrides, routes):
            gateway.gateway_overrides = overrides
            gateway.write("gateway.yaml", gateway.gateway_yaml())
            gateway.write_routes(service, routes)
            assert gateway.hang_up() == "applied"

        def waiting():
            return gateway.metrics().sum("portcullis_concurrency_requests", state="waiting")

        with gateway:
            keys = json.loads(get(gateway.port, JWKS).body)
            clients = [gateway.client() for _ in range(3)]
            for number, client in enumerate(clients[:2]):
                client.send(request_bytes("GET", "/default", headers_with(token(OUTER, user_id=str(number)))))
                eventually(lambda: len(arrived) == 1 and waiting() == number, what="a request's place")
            turn_to({**whole, "internal_tokens": None}, plain)
            assert get(gateway.port, JWKS).status == 404 and gateway.admin(JWKS).status != 200
            places.release()
            assert clients[0].response().status == 200
            eventually(lambda: len(arrived) == 2, what="the request that has waited")
            assert by_pyjwt(arrived[1][0].removeprefix("Bearer "), keys)["sub"].endswith("/user/1")
            places.release()
            assert clients[1].response().status == 200
            turn_to(whole, routes)
            clients[2].send(request_bytes("GET", "/default", headers_with(token(OUTER, user_id="2"))))
            eventually(lambda: len(arrived) == 3, what="a request with the keys back")
            assert by_pyjwt(arrived[2][0].removeprefix("Bearer "), json.loads(get(gateway.port, JWKS).body))
            places.release()
            assert clients[2].response().status == 200
            for client in clients:
                client.close()


# Configuration

def refusal(tmp_path, routes=None, tokens=None, files=None, run=False):
    with EchoUpstream() as upstream:
        gateway = identity_gateway(
            tmp_path, upstream, routes or {"x": ROUTES["default"]}, [OUTER], files=files, start=False,
            gateway={"internal_tokens": tokens} if tokens else None)
        if tokens is None:
            content = gateway.gateway_yaml()
            content.pop("internal_tokens")
            gateway.write("gateway.yaml", content)
        result = command("run" if run else "check", gateway.folder, seconds=10)
    assert result.returncode != 0, result.stdout
    return result.stdout + result.stderr


def test_without_a_key_the_gateway_refuses_to_start_a_route_that_needs_one(tmp_path):
    text = refusal(tmp_path, run=True)
    assert "internal_tokens" in text and "app.yaml" in text


MISTAKES = [
    ("a key file that isn't there", {"keys": [{"file": "keys/nowhere.pem"}]}, {}, "nowhere"),
    ("a file that is no key", {"keys": [{"file": "keys/x.pem"}]}, {"keys/x.pem": "hello"}, "x.pem"),
    ("a public key", {"keys": [{"file": "keys/x.pem"}]}, {"keys/x.pem": OUTER.public_pem()}, "x.pem"),
    ("a small RSA key", {"keys": [{"file": "keys/x.pem"}]}, {"keys/x.pem": Key("RS256", "x", kind=1024).pem()}, "2048"),
    ("an algorithm that isn't the key's", {"keys": [{"file": "keys/signing.pem", "algorithm": "RS256"}]}, {}, "algorithm"),
    ("a curve that isn't the algorithm's", {"keys": [{"file": "keys/signing.pem", "algorithm": "ES384"}]}, {}, "algorithm"),
    ("no key", {"keys": []}, {}, "keys"),
    ("an empty folder", {"keys": [{"folder": "keys/none"}]}, {"keys/none/readme.txt": "x"}, "none"),
    ("no issuer", {"issuer": None}, {}, "issuer"),
    ("one id for two keys", {"keys": [
        {"file": "keys/signing.pem", "id": "a"}, {"file": "keys/x.pem", "id": "a"}]},
     {"keys/x.pem": SIGNING["ES384"].pem()}, "a"),
]


@pytest.mark.parametrize("changes, files, word", [item[1:] for item in MISTAKES], ids=[item[0] for item in MISTAKES])
def test_a_mistake_in_the_keys_is_found(tmp_path, changes, files, word):
    tokens = {name: value for name, value in internal_tokens(**changes).items() if value is not None}
    assert word in refusal(tmp_path, tokens=tokens, files=files)


ROUTE_MISTAKES = [
    ("a life beyond the bound", chain("/", ttl="10m"), "ttl"),
    ("no audience", chain("/", audience=None), "audience"),
    ("a reserved claim", chain("/", claims=["sub"]), "sub"),
    ("another header", chain("/", header="Host"), "header"),
    ("an unknown profile", chain("/", profile="svid"), "jwt_svid"),
]


@pytest.mark.parametrize("broken, word", [item[1:] for item in ROUTE_MISTAKES], ids=[item[0] for item in ROUTE_MISTAKES])
def test_a_mistake_in_a_route_is_found(tmp_path, broken, word):
    internal = {name: value for name, value in broken["plugins"]["internal_jwt"].items() if value is not None}
    broken = {**broken, "plugins": {**broken["plugins"], "internal_jwt": internal}}
    text = refusal(tmp_path, {"x": broken}, internal_tokens())
    assert word in text and "app.yaml" in text


def test_a_jwt_svid_is_not_signed_by_a_key_that_the_specification_excludes(tmp_path):
    tokens = internal_tokens(keys=[{"file": "keys/ed.pem"}])
    text = refusal(tmp_path, {"x": ROUTES["svid"]}, tokens, {"keys/ed.pem": SIGNING["EdDSA"].pem()})
    assert "jwt_svid" in text


def test_no_private_key_is_shown(world):
    from identity.keys import private_key
    number = private_key("P-256", "signing").private_numbers().private_value
    pem = Key("ES256", "signing", number="signing").pem()
    for path in ("/config", "/metrics", "/issuers", "/routes", JWKS):
        body = world.gateway.admin(path).body.decode()
        assert pem.splitlines()[1] not in body and str(number) not in body and f"{number:x}" not in body
