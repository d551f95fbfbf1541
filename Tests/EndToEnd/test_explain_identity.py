"""`portcullis explain` with a token: what each step of the identity chain decides, and why, without a gateway running."""

import json

import pytest

from harness import EchoUpstream, command
from identity import Key, claims, identity_gateway, route, token

KEY, STRANGER = Key("ES256", "one"), Key("ES256", "one", number="stranger")
SPIFFE = {"id": "spiffe://bank-a/user/{claim.user_id}", "tenant": "{claim.tenant}", "route_tenant": "bank-a"}
URL = "http://app.test/chain"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    chain = route("/chain", jwt={"issuer": "corporate", "scopes": ["read"]}, spiffe=SPIFFE,
                  internal_jwt={"audience": "bank-a"})
    with EchoUpstream() as upstream:
        gateway = identity_gateway(tmp_path_factory.mktemp("explain"), upstream, {"chain": chain}, [KEY], start=False)
    return gateway.folder


def explained(folder, *options):
    result = command("explain", folder, "GET", URL, *options)
    assert result.returncode in (0, 1), result.stderr
    return result.stdout


def test_a_good_token_is_followed_through_every_step(folder):
    text = explained(folder, "--token", token(KEY))
    for word in ("jwt", "corporate", "user@bank-a", "spiffe://bank-a/user/12345", "bank-a", "internal_jwt"):
        assert word in text, f"{word} is not in {text}"


def test_claims_do_without_a_token(folder):
    text = explained(folder, "--claims", json.dumps(claims()))
    assert "spiffe://bank-a/user/12345" in text


REFUSED = [
    ("another's signature", lambda: token(STRANGER), "401"),
    ("an expired token", lambda: token(KEY, exp=1), "401"),
    ("another audience", lambda: token(KEY, aud="other"), "401"),
    ("an unknown issuer", lambda: token(KEY, iss="https://evil.test"), "401"),
    ("garbage", lambda: "garbage", "401"),
    ("a missing scope", lambda: token(KEY, scope="other"), "403"),
    ("a foreign tenant", lambda: token(KEY, tenant="bank-b"), "403"),
    ("a claim that is no segment", lambda: token(KEY, user_id="a/b"), "403"),
]


@pytest.mark.parametrize("make, status", [item[1:] for item in REFUSED], ids=[item[0] for item in REFUSED])
def test_a_refusal_is_explained_with_its_status(folder, make, status):
    assert status in explained(folder, "--token", make())


def test_without_a_token_the_refusal_is_explained(folder):
    assert "401" in explained(folder) or "jwt" in explained(folder)


def test_the_token_is_not_printed(folder):
    text = token(KEY)
    assert text.split(".")[2] not in explained(folder, "--token", text)


def test_json_can_be_had_too(folder):
    content = json.loads(explained(folder, "--token", token(KEY), "--format", "json"))
    assert "spiffe://bank-a/user/12345" in json.dumps(content)
