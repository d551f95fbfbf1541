"""The plugin `jwt`: whose tokens are taken, which are refused, and in what words."""

import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import utils
from joserfc import jwe, jwk

from harness import EchoUpstream, command, get, request_bytes
from identity import (
    AUDIENCE, ISSUER, Key, World, challenge_of, claims, compact, corporate, encoded, header_values, headers_with,
    identity_gateway, jwks, payload_of, route, token)

RSA, EC = Key("RS256", "rsa"), Key("ES256", "ec")
STRANGER = Key("ES256", "ec", number="stranger")
WIDE = [Key(name, name.lower()) for name in (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")]
SECRET = "a shared secret of enough bytes, and more"
LEGACY = "https://legacy.test"

ISSUERS = {
    "corporate": corporate(),
    "wide": corporate(issuer="https://wide.test", jwks_file="keys/wide.json",
                      algorithms=[key.algorithm for key in WIDE]),
    "partner": corporate(issuer="https://partner.test", jwks_file="keys/partner.json"),
    "parties": corporate(issuer="https://parties.test", audiences=None, authorized_parties=["mobile-app", "web"]),
    "both": corporate(issuer="https://both.test", authorized_parties=["mobile-app"]),
    "anyone": corporate(issuer="https://anyone.test", audiences=None, any_audience=True),
    "typed": corporate(issuer="https://typed.test", types=["at+jwt"]),
    "exact": corporate(issuer="https://exact.test", clock_skew="0s"),
    "short": corporate(issuer="https://short.test", lifetime_max="10m"),
    "id-tokens": corporate(issuer="https://ids.test", allow_id_tokens=True),
    "renamed": corporate(issuer="https://renamed.test", claims={
        "subject": "user.name", "scope": ["permissions"], "tenant": "tenant"}),
    "one-key": corporate(issuer="https://one-key.test", jwks_file="keys/public.pem"),
}
ISSUERS = {name: {key: value for key, value in issuer.items() if value is not None} for name, issuer in ISSUERS.items()}


def conditions(**rules):
    return {"issuer": "corporate", "claims": rules}


JWT = {
    "required": {"issuer": "corporate"},
    "optional": {"issuer": "corporate", "required": False},
    "off": {"issuer": "corporate", "enabled": False},
    "two": {"issuers": ["corporate", "partner"]},
    **{name: {"issuer": name} for name in ISSUERS if name != "corporate"},
    "legacy": {"shared_secret": {"issuer": LEGACY, "secret": "${env:SHARED_SECRET}", "audiences": [AUDIENCE]}},
    "scopes": {"issuer": "corporate", "scopes": ["read", "transfer"]},
    "any-scope": {"issuer": "corporate", "any_scope": ["transfer", "admin"]},
    "permissions": {"issuer": "renamed", "scopes": ["read"]},
    "narrow": {"issuer": "corporate", "audiences": ["accounts"]},
    "equals": conditions(department={"equals": "payments"}),
    "one-of": conditions(level={"one_of": ["gold", "platinum"]}),
    "contains": conditions(**{"realm_access.roles": {"contains": "teller"}}),
    "present": conditions(email={"present": True}),
    "all-of": conditions(department={"equals": "payments"}, level={"one_of": ["gold"]}),
    "places": {"issuer": "corporate", "from": [
        {"header": "Authorization"}, {"header": "X-Token"}, {"query": "access_token"}, {"cookie": "session"}]},
    "moved": {"issuer": "corporate", "from": [{"query": "token"}]},
    "header-only": {"issuer": "corporate", "from": [{"header": "X-Token"}]},
    "realm": {"issuer": "corporate", "realm": "the bank"},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    routes = {name: route(f"/{name}", jwt=rules) for name, rules in JWT.items()}
    routes["open"] = {"match": {"prefix": "/open"}, "upstream": "service"}
    files = {"keys/wide.json": jwks(*WIDE), "keys/partner.json": jwks(STRANGER), "keys/public.pem": EC.public_pem()}
    with World(tmp_path_factory.mktemp("jwt"), routes, [RSA, EC], issuers=ISSUERS, files=files,
               env={"SHARED_SECRET": SECRET}) as world:
        yield world


def assert_refused(world, path, text, error="invalid_token", status=401):
    """Refused in the words of RFC 6750 section 3.1, and the upstream never hears of it."""
    before = len(world.upstream.requests)
    response = world.get(path, text)
    assert response.status == status, f"{response.status} {response.body[:300]!r}"
    challenge = challenge_of(response)
    assert challenge.get("error") == error
    assert challenge["realm"] == "portcullis"
    problem = json.loads(response.body)
    assert response.header("content-type") == "application/problem+json" and problem["status"] == status
    if text and text.count(".") > 1:
        assert text.encode() not in response.head_bytes + response.body, "the token came back"
    assert len(world.upstream.requests) == before, "the upstream was asked"
    return challenge


# Good tokens

@pytest.mark.parametrize("key", [RSA, EC], ids=["RS256", "ES256"])
def test_a_good_token_gets_through(world, key):
    assert world.status("/required", token(key)) == 200


def test_the_same_token_gets_through_again_and_again(world):
    text = token(RSA)
    assert [world.status("/required", text) for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("key", WIDE, ids=lambda key: key.algorithm)
def test_every_algorithm_that_the_issuer_lists_is_taken(world, key):
    assert world.status("/wide", token(key, iss="https://wide.test")) == 200


@pytest.mark.parametrize("key", [key for key in WIDE if key.algorithm not in ("RS256", "ES256")],
                         ids=lambda key: key.algorithm)
def test_no_algorithm_that_the_issuer_does_not_list_is_taken(world, key):
    assert_refused(world, "/required", token(key))


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/jwt"])
def test_the_types_of_access_tokens_are_taken(world, kind):
    assert world.status("/required", token(EC, {"typ": kind})) == 200


def test_a_token_without_a_type_is_taken_where_jwt_is_listed(world):
    assert world.status("/required", token(EC, {"typ": None})) == 200
    assert_refused(world, "/typed", token(EC, {"typ": None}, iss="https://typed.test"))


@pytest.mark.parametrize("kind", ["JWT", "logout+jwt", "dpop+jwt", ""])
def test_another_type_than_those_listed_is_refused(world, kind):
    assert world.status("/typed", token(EC, {"typ": "at+jwt"}, iss="https://typed.test")) == 200
    assert_refused(world, "/typed", token(EC, {"typ": kind}, iss="https://typed.test"))


def test_a_token_without_a_key_id_is_taken_where_one_key_is_known(world):
    text = compact(EC, {"kid": None}, claims(iss="https://one-key.test"))
    assert world.status("/one-key", text) == 200


def test_an_audience_may_be_one_of_several(world):
    assert world.status("/required", token(EC, aud=["other", AUDIENCE])) == 200


def test_the_authorized_party_can_stand_in_for_the_audience(world):
    assert world.status("/parties", token(EC, iss="https://parties.test", aud="account")) == 200
    assert world.status("/parties", token(EC, iss="https://parties.test", aud=None)) == 200
    assert_refused(world, "/parties", token(EC, iss="https://parties.test", azp="another"))
    assert_refused(world, "/parties", token(EC, iss="https://parties.test", azp=None))


def test_audience_and_authorized_party_are_both_checked_where_both_are_given(world):
    assert world.status("/both", token(EC, iss="https://both.test")) == 200
    assert_refused(world, "/both", token(EC, iss="https://both.test", azp="another"))
    assert_refused(world, "/both", token(EC, iss="https://both.test", aud="another"))


def test_any_audience_is_taken_where_it_is_said_in_words(world):
    assert world.status("/anyone", token(EC, iss="https://anyone.test", aud=None, azp=None)) == 200


def test_a_route_narrows_the_audience(world):
    assert_refused(world, "/narrow", token(EC))
    assert world.status("/narrow", token(EC, aud=[AUDIENCE, "accounts"])) == 200


def test_a_route_takes_the_tokens_of_several_issuers_each_by_its_own_keys(world):
    partner = token(STRANGER, iss="https://partner.test")
    assert world.status("/two", token(EC)) == 200
    assert world.status("/two", partner) == 200
    assert_refused(world, "/required", partner)
    assert_refused(world, "/two", token(STRANGER))
    assert_refused(world, "/two", token(EC, iss="https://partner.test"))


def test_a_shared_secret_is_for_the_route_that_asks_for_it(world):
    def legacy(secret, iss=LEGACY):
        signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded(claims(iss=iss))}"
        return f"{signed}.{encoded(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"

    assert world.status("/legacy", legacy(SECRET)) == 200
    assert_refused(world, "/legacy", legacy("another secret of enough bytes, too"))
    assert_refused(world, "/required", legacy(SECRET))
    assert_refused(world, "/required", legacy(SECRET, ISSUER))
    assert_refused(world, "/legacy", token(EC, iss=LEGACY))


def test_a_shared_secret_that_was_changed_opens_no_longer(tmp_path):
    secrets = [SECRET, "another secret of enough bytes, too"]
    rules = {"shared_secret": {"issuer": LEGACY, "secret": "${file:secret}", "audiences": [AUDIENCE]}}

    def statuses():
        tokens = [jwt.encode(claims(iss=LEGACY), secret, "HS256") for secret in secrets]
        return [world.status("/", text) for text in tokens]

    with World(tmp_path, {"x": route("/", jwt=rules)}, [EC], files={"secret": secrets[0]}) as world:
        assert statuses() == [200, 401]
        world.gateway.write("secret", secrets[1])
        assert world.gateway.hang_up() == "applied"
        assert statuses() == [401, 200]


# Time

def test_the_clock_may_be_a_minute_off(world):
    now = int(time.time())
    assert world.status("/required", token(EC, exp=now - 30)) == 200
    assert world.status("/required", token(EC, nbf=now + 30)) == 200
    assert_refused(world, "/exact", token(EC, iss="https://exact.test", exp=now - 2))
    assert_refused(world, "/exact", token(EC, iss="https://exact.test", nbf=now + 30))


def test_a_token_that_was_good_is_refused_once_it_has_expired(world):
    text = token(EC, iss="https://exact.test", exp=int(time.time()) + 2)
    assert world.status("/exact", text) == 200
    while world.status("/exact", text) == 200:
        time.sleep(0.05)
        assert time.time() < payload_of(text)["exp"] + 1, "the token lives on after its end"
    assert time.time() >= payload_of(text)["exp"], "it was refused too early"
    assert_refused(world, "/exact", text)


def test_a_longer_life_than_the_issuer_may_give_is_refused(world):
    now = int(time.time())
    assert world.status("/short", token(EC, iss="https://short.test", iat=now, exp=now + 600)) == 200
    assert_refused(world, "/short", token(EC, iss="https://short.test", iat=now, exp=now + 700))
    assert_refused(world, "/short", token(EC, iss="https://short.test", iat=None, exp=now + 3600))


NOW = int(time.time())
WRONG_CLAIMS = [
    ("one that has expired", {"exp": NOW - 120}),
    ("one without an end", {"exp": None}),
    ("an end that is text", {"exp": str(NOW + 600)}),
    ("an end that is true", {"exp": True}),
    ("an end that is a list", {"exp": [NOW + 600]}),
    ("an end that is negative", {"exp": -1}),
    ("an end that no clock reaches", {"exp": 10 ** 30}),
    ("one that is not valid yet", {"nbf": NOW + 600}),
    ("a beginning that is text", {"nbf": str(NOW)}),
    ("another issuer", {"iss": "https://other.test"}),
    ("an issuer with a slash more", {"iss": ISSUER + "/"}),
    ("an issuer in capitals", {"iss": ISSUER.upper()}),
    ("an issuer that is a list", {"iss": [ISSUER]}),
    ("no issuer", {"iss": None}),
    ("another audience", {"aud": "other"}),
    ("an audience that begins alike", {"aud": AUDIENCE + "-admin"}),
    ("several audiences without ours", {"aud": ["a", "b"]}),
    ("no audience", {"aud": None}),
    ("an empty list of audiences", {"aud": []}),
    ("an audience that is a mapping", {"aud": {AUDIENCE: True}}),
    ("an ID token, by its nonce", {"nonce": "n-0S6_WzA2Mj"}),
    ("an ID token, by its at_hash", {"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}),
    ("an ID token, by its c_hash", {"c_hash": "77QmUPtjPfzWtF2AnpK9RQ"}),
    ("an ID token, as Keycloak marks it", {"typ": "ID"}),
]


@pytest.mark.parametrize("changes", [item[1] for item in WRONG_CLAIMS], ids=[item[0] for item in WRONG_CLAIMS])
def test_a_token_with_the_wrong_claims_is_refused(world, changes):
    assert_refused(world, "/required", compact(EC, {}, claims(**changes)))


def test_an_id_token_is_taken_where_it_is_said_in_words(world):
    assert world.status("/id-tokens", token(EC, iss="https://ids.test", nonce="x", at_hash="y")) == 200


# Evil tokens

def der(signature):
    half = len(signature) // 2
    return utils.encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))


def with_secret(secret):
    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'rsa'})}.{encoded(claims())}"
    return f"{signed}.{encoded(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def encrypted():
    key = jwk.RSAKey.import_key(RSA.pem())
    return jwe.encrypt_compact({"alg": "RSA-OAEP", "enc": "A128GCM", "kid": "rsa"}, json.dumps(claims()), key)


def bits_turned(text, index):
    """The token with one bit of its `index`-th part turned."""
    parts = text.split(".")
    at = len(parts[index]) // 2
    parts[index] = parts[index][:at] + ("A" if parts[index][at] != "A" else "B") + parts[index][at + 1:]
    return ".".join(parts)


def twice(name, first, second):
    """Claims as text, one of them twice."""
    content = claims()
    content.pop(name)
    return json.dumps(content)[:-1] + f', "{name}": {json.dumps(first)}, "{name}": {json.dumps(second)}}}'


def deep(levels):
    return json.dumps(claims())[:-1] + ', "x": ' + "[" * levels + "]" * levels + "}"


def padded(text):
    head, payload, signature = text.split(".")
    return f"{head}.{payload}{'=' * (-len(payload) % 4) or '='}.{signature}"


P384 = Key("ES384", "ec", number="wrong curve")
K256 = Key("ES256", "ec", kind="secp256k1")
CURVE_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def zeros(signature):
    return bytes(len(signature))


EVIL = [
    ("alg none without a signature", lambda: compact(EC, {"alg": "none"}, claims(), signature=b"")),
    ("alg none with a signature", lambda: compact(EC, {"alg": "none"}, claims(), "ES256")),
    ("alg nOnE", lambda: compact(EC, {"alg": "nOnE"}, claims(), signature=b"")),
    ("no alg", lambda: compact(EC, {"alg": None}, claims(), "ES256")),
    ("an alg that is a list", lambda: compact(EC, {"alg": ["ES256"]}, claims(), "ES256")),
    ("an alg in small letters", lambda: compact(EC, {"alg": "es256"}, claims(), "ES256")),
    ("HS256 with the public key as secret", lambda: with_secret(RSA.public_pem())),
    ("HS256 with the public key as secret, stripped", lambda: with_secret(RSA.public_pem().strip())),
    ("HS256 with the JWK as secret", lambda: with_secret(json.dumps(RSA.jwk()))),
    ("an RSA key where the algorithm is for curves", lambda: compact(RSA, {"alg": "ES256"}, claims(), "RS256")),
    ("PS256 with a key for RS256", lambda: compact(RSA, {"alg": "PS256"}, claims(), "PS256")),
    ("PS256's signature under the name RS256", lambda: compact(RSA, {"alg": "RS256"}, claims(), "PS256")),
    ("RS512 with a key for RS256", lambda: compact(RSA, {"alg": "RS512"}, claims(), "RS512")),
    ("another key under a known key id", lambda: token(STRANGER)),
    ("an embedded key", lambda: compact(STRANGER, {"kid": None, "jwk": STRANGER.jwk()}, claims())),
    ("an embedded key under a known key id", lambda: compact(STRANGER, {"jwk": STRANGER.jwk()}, claims())),
    ("a good token with an embedded key", lambda: compact(EC, {"jwk": EC.jwk()}, claims())),
    ("a good token with a jku", lambda: compact(EC, {"jku": "https://sso.test/jwks"}, claims())),
    ("a good token with an x5u", lambda: compact(EC, {"x5u": "https://sso.test/x"}, claims())),
    ("keys elsewhere, by jku", lambda: compact(STRANGER, {"kid": "x", "jku": "http://127.0.0.1:1/jwks"}, claims())),
    ("a certificate elsewhere, by x5u", lambda: compact(STRANGER, {"x5u": "http://127.0.0.1:1/c"}, claims())),
    ("an embedded certificate", lambda: compact(STRANGER, {"x5c": ["MIIB"]}, claims())),
    ("a key id that is a path", lambda: compact(STRANGER, {"kid": "../../dev/null"}, claims())),
    ("a key id that is a number", lambda: compact(EC, {"kid": 1}, claims())),
    ("an unknown critical extension", lambda: compact(EC, {"crit": ["exp"], "exp": 1}, claims())),
    ("an empty list of critical extensions", lambda: compact(EC, {"crit": []}, claims())),
    ("an unencoded payload, by b64", lambda: compact(EC, {"b64": False, "crit": ["b64"]}, claims())),
    ("an unencoded payload that isn't called critical", lambda: compact(EC, {"b64": False}, claims())),
    ("an encrypted token", encrypted),
    ("a token in a token", lambda: compact(EC, {"cty": "JWT"}, token(EC))),
    ("a token in a token that doesn't say so", lambda: compact(EC, {}, token(EC))),
    ("a curve that isn't the key's", lambda: token(P384)),
    ("ES256 on P-384", lambda: compact(P384, {"alg": "ES256"}, claims(), "ES256")),
    ("ES256 on secp256k1", lambda: compact(K256, {"alg": "ES256"}, claims(), "ES256")),
    ("a signature in DER", lambda: compact(EC, {}, claims(), signature=der)),
    ("a signature of zeros", lambda: compact(EC, {}, claims(), signature=zeros)),
    ("r zero", lambda: compact(EC, {}, claims(), signature=lambda s: bytes(32) + s[32:])),
    ("s zero", lambda: compact(EC, {}, claims(), signature=lambda s: s[:32] + bytes(32))),
    ("r the order of the curve", lambda: compact(
        EC, {}, claims(), signature=lambda s: CURVE_ORDER.to_bytes(32, "big") + s[32:])),
    ("no signature", lambda: compact(EC, {}, claims(), signature=b"")),
    ("a signature cut by a byte", lambda: compact(EC, {}, claims(), signature=lambda s: s[:-1])),
    ("a signature with a byte more", lambda: compact(EC, {}, claims(), signature=lambda s: s + b"\0")),
    ("an RSA signature with a zero before it", lambda: compact(RSA, {}, claims(), signature=lambda s: b"\0" + s)),
    ("a bit turned in the header", lambda: bits_turned(token(EC), 0)),
    ("a bit turned in the payload", lambda: bits_turned(token(EC), 1)),
    ("a bit turned in the signature", lambda: bits_turned(token(EC), 2)),
    ("a bit turned in an RSA signature", lambda: bits_turned(token(RSA), 2)),
    ("the issuer twice", lambda: compact(EC, {}, twice("iss", "https://other.test", ISSUER))),
    ("the end twice", lambda: compact(EC, {}, twice("exp", 1, NOW + 600))),
    ("a member of the header twice", lambda: compact(EC, '{"alg":"none","alg":"ES256","kid":"ec"}', claims())),
    ("a payload that nests 1,000 deep", lambda: compact(EC, {}, deep(1000))),
    ("a header that nests 1,000 deep", lambda: compact(
        EC, '{"alg":"ES256","kid":"ec","x":' + "[" * 1000 + "]" * 1000 + "}", claims())),
    ("a payload that is a list", lambda: compact(EC, {}, [claims()])),
    ("a payload that is text", lambda: compact(EC, {}, '"text"')),
    ("a payload that is empty", lambda: compact(EC, {}, b"")),
    ("a payload with something behind it", lambda: compact(EC, {}, json.dumps(claims()) + "x")),
    ("a payload with a comma too many", lambda: compact(EC, {}, json.dumps(claims())[:-1] + ",}")),
    ("a payload that is no UTF-8", lambda: compact(EC, {}, json.dumps(claims())[:-1].encode() + b',"x":"\xff"}')),
    ("a payload with half a surrogate pair", lambda: compact(EC, {}, json.dumps(claims())[:-1] + ',"x":"\\ud800"}')),
    ("a payload with a NUL", lambda: compact(EC, {}, json.dumps(claims()) + "\0")),
    ("NaN in the payload", lambda: compact(EC, {}, json.dumps(claims(exp=float("nan"))))),
    ("a payload with padding", lambda: padded(token(EC))),
    ("the other alphabet of base64", lambda: token(EC).replace("-", "+").replace("_", "/") + "+/"),
    ("two parts", lambda: ".".join(token(EC).split(".")[:2])),
    ("four parts", lambda: token(EC) + ".e30"),
    ("nothing but dots", lambda: ".."),
    ("one word", lambda: "token"),
    ("a header that is nothing", lambda: "." + token(EC).split(".", 1)[1]),
]


@pytest.mark.parametrize("make", [item[1] for item in EVIL], ids=[item[0] for item in EVIL])
def test_an_evil_token_is_refused(world, make):
    text = make()
    challenge = assert_refused(world, "/required", text)
    assert "error_description" not in challenge or len(challenge["error_description"]) < 200
    assert_refused(world, "/optional", text)


def test_a_large_token_is_taken_as_long_as_the_head_may_be(world):
    text = token(EC, groups=[f"group-{number:04}" for number in range(400)])
    assert 7000 < len(text) < 8192
    assert world.status("/required", text) == 200


@pytest.mark.parametrize("size", [8192, 16384, 60000])
def test_a_token_of_many_bytes_that_is_none_is_refused(world, size):
    assert world.status("/required", "a" * size) in (400, 401, 431)
    assert world.status("/required", token(EC)) == 200


def test_invalid_tokens_cost_no_memory(world):
    gateway = world.gateway
    for _ in range(200):
        world.status("/required", bits_turned(token(EC, jti="warm"), 2))
    before = gateway.memory_kib()
    text = token(EC, filler="x" * 5000)
    head, payload, signature = text.split(".")
    with gateway.client() as client:
        for number in range(3000):
            bad = f"{head}.{payload}.{encoded(number.to_bytes(64, 'big'))}"
            client.send(request_bytes("GET", "/required", headers_with(bad)))
            assert client.response().status == 401
    assert gateway.memory_kib() - before < 16 * 1024


# What a client is told

def test_without_a_token_the_challenge_is_bare(world):
    response = world.get("/required")
    assert response.status == 401
    assert challenge_of(response) == {"realm": "portcullis"}
    assert response.header("content-type") == "application/problem+json"


def test_the_realm_can_be_chosen(world):
    assert challenge_of(world.get("/realm")) == {"realm": "the bank"}


@pytest.mark.parametrize("value", ["Basic dXNlcjpwYXNz", "Digest x", "Bearerx", ""])
def test_another_scheme_is_no_token(world, value):
    response = world.get("/required", headers=[("Authorization", value)])
    assert response.status == 401
    assert "error" not in challenge_of(response)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "BeArEr"])
def test_the_scheme_may_be_in_any_case(world, scheme):
    assert world.get("/required", headers=headers_with(token(EC), scheme)).status == 200


@pytest.mark.parametrize("headers", [
    [("Authorization", "Bearer")],
    [*headers_with("a.b.c"), *headers_with("a.b.c")],
    [("Authorization", "Bearer a b")],
    headers_with(json.dumps({"payload": "e30", "signature": "x"}).replace(" ", "")),
], ids=["nothing after the scheme", "two tokens", "two words", "JSON serialisation"])
def test_a_malformed_header_is_refused(world, headers):
    before = len(world.upstream.requests)
    response = world.get("/required", headers=headers)
    assert response.status in (400, 401)
    assert "error" in challenge_of(response) or response.status == 401
    assert len(world.upstream.requests) == before


def test_two_good_tokens_are_one_too_many(world):
    headers = [*headers_with(token(EC)), *headers_with(token(EC, sub="another"))]
    assert world.get("/required", headers=headers).status in (400, 401)
    assert world.get("/places?access_token=" + token(EC), headers=headers_with(token(EC, sub="x"))).status in (400, 401)


def test_a_second_token_in_another_spelling_is_one_too_many(world):
    good, other = token(EC), token(STRANGER)
    for value in (f"session={good}; session ={other}", f"session ={other}; session={good}",
                  f"session={good}; session\t={other}"):
        before = len(world.upstream.requests)
        assert world.get("/places", headers=[("Cookie", value)]).status == 400
        assert len(world.upstream.requests) == before


@pytest.mark.parametrize("value", ["Bearer\tTOKEN", "bearer=TOKEN", "Bearer,TOKEN", "Bearer\t"])
def test_a_bearer_that_cannot_be_read_is_not_nobody(world, value):
    for path in ("/optional", "/required"):
        response = world.get(path, headers=[("Authorization", value.replace("TOKEN", token(STRANGER)))])
        assert response.status == 400


@pytest.mark.parametrize("scope, status", [
    ("read transfer", 200), ("transfer read", 200), ("transfer other read", 200), (["read", "transfer"], 200),
    ("read", 403), ("readtransfer", 403), ("read transfers", 403), (["read transfer"], 403), (["read"], 403),
    ("READ TRANSFER", 403), ("", 403), ([], 403), (None, 403), (7, 403), ({"read": True, "transfer": True}, 403),
], ids=str)
def test_all_scopes_are_needed(world, scope, status):
    text = token(EC, scope=scope)
    if status == 200:
        assert world.status("/scopes", text) == 200
    else:
        challenge = assert_refused(world, "/scopes", text, "insufficient_scope", 403)
        assert set(challenge["scope"].split()) == {"read", "transfer"}


def test_the_scopes_may_be_in_scp(world):
    assert world.status("/scopes", token(EC, scope=None, scp=["read", "transfer"])) == 200
    assert world.status("/scopes", token(EC, scope=None, scp="read transfer")) == 200


@pytest.mark.parametrize("scope, status", [("transfer", 200), ("x admin", 200), ("read", 403), (None, 403)], ids=str)
def test_one_scope_of_several_is_enough_where_it_is_said(world, scope, status):
    assert world.status("/any-scope", token(EC, scope=scope)) == status


def test_the_claims_may_bear_other_names(world):
    good = dict(iss="https://renamed.test", scope=None, user={"name": "ada"})
    assert world.status("/permissions", token(EC, **good, permissions=["read"])) == 200
    assert world.status("/permissions", token(EC, **{**good, "scope": "read"})) == 403


CONDITIONS = [
    ("equals", {"department": "payments"}, 200),
    ("equals", {"department": "Payments"}, 403),
    ("equals", {"department": "payments "}, 403),
    ("equals", {"department": ["payments"]}, 403),
    ("equals", {}, 403),
    ("one-of", {"level": "gold"}, 200),
    ("one-of", {"level": "platinum"}, 200),
    ("one-of", {"level": "silver"}, 403),
    ("one-of", {"level": "gold platinum"}, 403),
    ("contains", {"realm_access": {"roles": ["user", "teller"]}}, 200),
    ("contains", {"realm_access": {"roles": "user teller"}}, 200),
    ("contains", {"realm_access": {"roles": ["tellers"]}}, 403),
    ("contains", {"realm_access": {"roles": "tellers"}}, 403),
    ("contains", {"realm_access": {}}, 403),
    ("contains", {"realm_access": ["teller"]}, 403),
    ("contains", {"realm_access": "teller"}, 403),
    ("contains", {"realm_access": {"roles": [["teller"]]}}, 403),
    ("present", {"email": "a@b"}, 200),
    ("present", {"email": ""}, None),
    ("present", {}, 403),
    ("all-of", {"department": "payments", "level": "gold"}, 200),
    ("all-of", {"department": "payments"}, 403),
    ("all-of", {"level": "gold"}, 403),
]


@pytest.mark.parametrize("name, more, status", CONDITIONS, ids=[f"{name} {more}" for name, more, _ in CONDITIONS])
def test_conditions_on_claims(world, name, more, status):
    got = world.status(f"/{name}", token(EC, **more))
    assert got == status if status else got in (200, 403)


def test_a_claim_that_does_not_hold_is_forbidden_not_unknown(world):
    response = world.get("/equals", token(EC))
    assert response.status == 403
    assert json.loads(response.body)["status"] == 403


# Places

def test_a_token_is_found_in_each_of_the_places(world):
    text = token(EC)
    assert world.get("/places", headers=headers_with(text)).status == 200
    assert world.get("/places", headers=[("X-Token", text)]).status == 200
    assert world.get("/places", headers=[("X-Token", f"Bearer {text}")]).status == 200
    assert world.get(f"/places?a=b&access_token={text}&c=d").status == 200
    assert world.get("/places", headers=[("Cookie", f"a=b; session={text}; c=d")]).status == 200


def test_a_bad_token_is_refused_in_each_of_the_places(world):
    text = token(STRANGER)
    assert world.get("/places", headers=[("X-Token", text)]).status == 401
    assert world.get(f"/places?access_token={text}").status == 401
    assert world.get("/places", headers=[("Cookie", f"session={text}")]).status == 401


@pytest.mark.parametrize("place", ["query", "cookie", "header"])
def test_no_token_is_found_where_none_is_looked_for(world, place):
    text = token(EC)
    target = f"/required?access_token={text}" if place == "query" else "/required"
    headers = {"query": [], "cookie": [("Cookie", f"session={text}")], "header": [("X-Token", text)]}[place]
    assert world.get(target, headers=headers).status == 401
    assert world.get("/header-only", headers=headers_with(text)).status == 401


def test_a_token_with_a_certificate_beside_its_key_id_is_taken(world):
    assert world.status("/required", compact(EC, {"x5c": ["MIIB"], "x5t": "AAAA"}, claims())) == 200


def test_a_token_in_the_query_goes_no_further_and_the_rest_stays(world):
    text = token(EC)
    for query, rest in ((f"access_token={text}", ""), (f"a=%41&access_token={text}&b=+&&c", "?a=%41&b=+&&c"),
                        (f"access%5ftoken={text}&x", "?x")):
        assert world.reached(f"/places?{query}")["target"] == f"/places{rest}"
    assert world.reached("/open?access_token=x&y")["target"] == "/open?access_token=x&y"


def test_a_token_in_the_query_is_in_no_log(world):
    text = token(EC, marker="query")
    world.get(f"/places/one?a=b&access_token={text}")
    world.get(f"/places/two?access_token={text}x")
    world.get(f"/nowhere-at-all?token={text}")
    world.get("/open/three", headers=[("Referer", f"https://page.test/x?access_token={text}&y=1")])
    line = world.gateway.access_line(path="/places/one")
    assert line["query"] == "a=b&access_token=********" and line["client"] == "127.0.0.1"
    assert world.gateway.access_line(path="/open/three")["referer"] == (
        "https://page.test/x?access_token=********&y=1")
    assert world.gateway.access_line(path="/nowhere-at-all")["query"] == "token=********"
    assert text not in world.gateway.stdout() + world.gateway.stderr()


# Optional, off, and none

def test_without_a_token_an_optional_route_is_open(world):
    assert world.status("/optional") == 200
    assert world.status("/optional", token(EC)) == 200


def test_a_bad_token_is_refused_where_none_would_do(world):
    assert_refused(world, "/optional", token(STRANGER))
    assert_refused(world, "/optional", token(EC, exp=NOW - 120))


def test_a_route_can_turn_the_plugin_off(world):
    assert world.status("/off") == 200
    assert world.status("/open") == 200


def test_the_bearer_goes_on_where_nothing_replaces_it(world):
    text = token(EC)
    assert header_values(world.reached("/required", text), "authorization") == [f"Bearer {text}"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_no_method_comes_past(world, method):
    with world.gateway.client() as client:
        assert client.send(request_bytes(method, "/required")).response(method).status == 401


@pytest.mark.parametrize("target", ["/required/", "/required/x", "//required", "/x/../required", "/%72equired"])
def test_no_spelling_of_the_path_comes_past(world, target):
    assert get(world.gateway.port, target).status == 401


def test_a_refused_request_leaves_the_connection_open(world):
    with world.gateway.client() as client:
        for text, status in ((token(STRANGER), 401), (token(EC), 200), ("x", 401), (token(EC), 200)):
            client.send(request_bytes("GET", "/required", headers_with(text)))
            assert client.response().status == status


# Configuration

MISTAKES = [
    ("an unknown issuer", {"jwt": {"issuer": "corprate"}}, "corporate"),
    ("no issuer", {"jwt": {"required": True}}, "issuer"),
    ("a secret in the file", {"jwt": {"shared_secret": {
        "issuer": LEGACY, "secret": SECRET, "audiences": ["x"]}}}, "env:"),
    ("a short secret", {"jwt": {"shared_secret": {
        "issuer": LEGACY, "secret": "${env:SHORT}", "audiences": ["x"]}}}, "32"),
    ("a misspelt key", {"jwt": {"issuer": "corporate", "scope": ["read"]}}, "scopes"),
    ("spiffe without jwt", {"spiffe": {"id": "spiffe://bank-a/x"}}, "jwt"),
]


@pytest.mark.parametrize("plugins, word", [item[1:] for item in MISTAKES], ids=[item[0] for item in MISTAKES])
def test_a_mistake_in_the_configuration_is_found(tmp_path, plugins, word):
    with EchoUpstream() as upstream:
        gateway = identity_gateway(tmp_path, upstream, {"x": route("/", **plugins)}, [EC], start=False)
        result = command("check", gateway.folder, env={"SHORT": "too short"})
    assert result.returncode == 1, result.stdout + result.stderr
    assert "app.yaml" in result.stdout + result.stderr and word in result.stdout + result.stderr


ISSUER_MISTAKES = [
    ("no audience", {"audiences": None}, "audience"),
    ("none as an algorithm", {"algorithms": ["none"]}, "none"),
    ("HS256 as an algorithm", {"algorithms": ["HS256"]}, "HS256"),
    ("no algorithm", {"algorithms": []}, "algorithms"),
    ("keys over http", {"jwks_file": None, "jwks_url": "http://127.0.0.1:1/jwks"}, "allow_http"),
    ("two places for keys", {"jwks_url": "https://127.0.0.1:1/jwks"}, "jwks_"),
    ("a file that isn't there", {"jwks_file": "keys/nowhere.json"}, "nowhere"),
    ("too much skew", {"clock_skew": "10m"}, "clock_skew"),
]


@pytest.mark.parametrize("changes, word", [item[1:] for item in ISSUER_MISTAKES],
                         ids=[item[0] for item in ISSUER_MISTAKES])
def test_a_mistake_in_an_issuer_is_found(tmp_path, changes, word):
    issuer = {name: value for name, value in corporate(**changes).items() if value is not None}
    with EchoUpstream() as upstream:
        gateway = identity_gateway(
            tmp_path, upstream, {"x": route("/", jwt={"issuer": "corporate"})}, [EC], {"corporate": issuer},
            start=False)
        result = command("check", gateway.folder)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "gateway.yaml" in result.stdout + result.stderr and word in result.stdout + result.stderr
