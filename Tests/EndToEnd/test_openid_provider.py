"""The whole chain with a provider that other people wrote: glewlwyd issues the tokens and changes its keys."""

import json
import threading

import pytest

from harness import eventually, get, request_bytes
from identity import Key, World, bearer_of, header_values, headers_with, payload_of, route, seen
from identity.glewlwyd import CLIENT, Glewlwyd
from test_internal_jwt import by_joserfc, by_pyjwt

FIRST, SECOND, THIRD = (Key("RS256", f"{name}-key", number=name) for name in ("first", "second", "third"))
CURVED = Key("ES256", "curved-key", number="curved")
JWKS = "/.well-known/jwks.json"
SPIFFE = {"tenant": "{claim.tenant}", "rules": [
    {"when": {"user_id": {"present": True}}, "id": "spiffe://bank-a/user/{claim.user_id}"},
    {"id": "spiffe://bank-a/service/{claim.client_id}"}]}


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    with Glewlwyd(tmp_path_factory.mktemp("glewlwyd"), FIRST) as provider:
        yield provider


@pytest.fixture
def world(provider, tmp_path):
    provider.rotate(FIRST)
    # Without a resource parameter (RFC 8707), glewlwyd names the scopes as audience.
    issuer = {"issuer": provider.issuer, "allow_http": True, "any_audience": True, "types": ["at+jwt"],
              "claims": {"tenant": "tenant", "client": "client_id"},
              "refresh": {"interval_min": "1s", "interval_max": "1s", "unknown_key_cooldown": "1s"}}
    plugins = {"spiffe": SPIFFE, "internal_jwt": {"audience": "bank-a"}}
    routes = {
        "read": route("/read", jwt={"issuer": "glewlwyd", "scopes": ["read"]}, **plugins),
        "transfer": route("/transfer", jwt={"issuer": "glewlwyd", "scopes": ["transfer"]}, **plugins),
        "service": route("/service", jwt={"issuer": "glewlwyd"}, spiffe={"rules": SPIFFE["rules"]}),
        "bank-b": route("/bank-b", jwt={"issuer": "glewlwyd"}, **{
            **plugins, "spiffe": {**SPIFFE, "route_tenant": "bank-b"}}),
    }
    tokens = {"issuer": "https://gateway.test", "keys": [{"file": "keys/signing.pem"}],
              "publish": {"listeners": ["main"], "jwks_path": JWKS}}
    with World(tmp_path, routes, issuers={"glewlwyd": issuer}, gateway={"internal_tokens": tokens}) as world:
        text = provider.user_token()
        eventually(lambda: world.status("/read", text) == 200, 10, "the provider's keys being known")
        yield world


def test_a_users_token_becomes_a_spiffe_id_and_an_internal_token(provider, world):
    outer = provider.user_token()
    request = world.reached("/read", outer)
    assert header_values(request, "x-spiffe-id") == ["spiffe://bank-a/user/12345"]
    inner = bearer_of(request)
    keys = json.loads(get(world.gateway.port, JWKS).body)
    content = by_pyjwt(inner, keys)
    assert by_joserfc(inner, keys)[1] == content
    assert content["sub"] == "spiffe://bank-a/user/12345" and content["tenant"] == "bank-a"
    assert content["scope"] == ["read", "transfer"]
    assert content["exp"] <= payload_of(outer)["exp"]


def test_a_clients_token_becomes_that_of_a_service(provider, world):
    assert world.status("/read", provider.client_token()) == 403, "it has no tenant"
    request = world.reached("/service", provider.client_token())
    assert header_values(request, "x-spiffe-id") == [f"spiffe://bank-a/service/{CLIENT}"]


def test_scopes_and_tenants_are_held(provider, world):
    assert world.status("/transfer", provider.user_token("read")) == 403
    assert world.status("/transfer", provider.user_token("transfer")) == 200
    assert world.status("/bank-b", provider.user_token()) == 403
    assert world.status("/read") == 401


@pytest.mark.slow
def test_the_provider_changes_its_keys_under_traffic(provider, world):
    """No valid token is refused; the old ones are refused after their key has gone."""
    old = provider.user_token()
    current, refused, sent, stopping = [old], [], [0], threading.Event()

    def send():
        with world.gateway.client() as client:
            while not stopping.is_set():
                client.send(request_bytes("GET", "/read", headers_with(current[0])))
                response = client.response()
                sent[0] += 1
                if response.status != 200:
                    refused.append(response.body)
                elif payload_of(bearer_of(seen(response)))["sub"] != "spiffe://bank-a/user/12345":
                    refused.append(response.body)

    threads = [threading.Thread(target=send, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()

    def traffic():
        before = sent[0]
        eventually(lambda: sent[0] > before + 100, 20, "traffic")

    def known(kid):
        return kid in json.dumps(world.gateway.admin_json("/issuers"))

    traffic()
    for new, others in ((SECOND, (FIRST,)), (THIRD, (SECOND,))):
        provider.rotate(*others, new)  # published, and the old one still signs
        eventually(lambda: known(new.kid), 10, "the new key being fetched")
        provider.rotate(new, *others)
        current[0] = provider.user_token()
        traffic()
        provider.rotate(new)
        eventually(lambda: not known(others[0].kid), 10, "the old key being forgotten")
        traffic()
    stopping.set()
    for thread in threads:
        thread.join(10)
    assert refused == []
    assert world.status("/read", old) == 401, "its key is gone"
    assert world.status("/read", current[0]) == 200


def test_a_key_that_signs_as_soon_as_it_is_published_is_found(provider, world):
    old = provider.user_token()
    provider.rotate(SECOND, FIRST)
    fresh = provider.user_token()
    eventually(lambda: world.status("/read", fresh) == 200, 3, "the new key being found")
    assert world.status("/read", old) == 200


def test_the_provider_changes_the_kind_of_its_key(provider, world):
    provider.rotate(CURVED, FIRST)
    fresh = provider.user_token()
    eventually(lambda: world.status("/read", fresh) == 200, 5, "the new key being found")


@pytest.mark.slow
def test_the_provider_stops_and_its_tokens_go_on(tmp_path):
    (tmp_path / "provider").mkdir()
    with Glewlwyd(tmp_path / "provider", FIRST) as provider:
        text = provider.user_token()
        issuer = {"issuer": provider.issuer, "allow_http": True, "any_audience": True,
                  "refresh": {"interval_min": "1s", "interval_max": "1s", "fetch_timeout": "1s"}}
        with World(tmp_path, {"x": route("/", jwt={"issuer": "glewlwyd"})}, issuers={"glewlwyd": issuer}) as world:
            eventually(lambda: world.status("/", text) == 200, 10, "the provider's keys being known")
            provider.process.terminate()
            provider.process.wait(10)
            for _ in range(30):
                assert world.status("/", text) == 200
                threading.Event().wait(0.1)
