"""`portcullis keygen` and `portcullis token`, judged by libraries that others wrote; and a gateway that runs on both."""

import base64
import hashlib
import json
import os
import stat

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from harness import EchoUpstream, command, get
from identity import bearer_of, corporate, headers_with, identity_gateway, internal_tokens, route, seen

ALGORITHMS = ["ES256", "ES384", "ES512", "RS256", "RS384", "PS256", "PS512", "EdDSA"]
KINDS = {"E": ec.EllipticCurvePrivateKey, "R": rsa.RSAPrivateKey, "P": rsa.RSAPrivateKey}


def keygen(path, *options):
    result = command("keygen", path, *options)
    assert result.returncode == 0, result.stderr
    return next(line.removeprefix("kid: ") for line in result.stdout.splitlines() if line.startswith("kid: "))


def thumbprint(jwk):
    """RFC 7638, by hand."""
    names = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}[jwk["kty"]]
    text = json.dumps({name: jwk[name] for name in names}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_other_libraries_read_the_keys(tmp_path, algorithm):
    kid = keygen(tmp_path / "key.pem", "--algorithm", algorithm, "--public", tmp_path / "set.json")
    private = serialization.load_pem_private_key((tmp_path / "key.pem").read_bytes(), None)
    assert isinstance(private, ed25519.Ed25519PrivateKey if algorithm == "EdDSA" else KINDS[algorithm[0]])
    [public] = json.loads((tmp_path / "set.json").read_text())["keys"]
    assert public["kid"] == kid == thumbprint(public)
    assert public["alg"] == algorithm and "d" not in public
    text = jwt.encode({"a": 1}, private, algorithm)
    assert jwt.decode(text, jwt.PyJWK(public).key, [algorithm]) == {"a": 1}

    keygen(tmp_path / "key.jwk", "--algorithm", algorithm, "--format", "jwk", "--id", "mine")
    jwk = json.loads((tmp_path / "key.jwk").read_text())
    assert jwk["kid"] == "mine" and jwk["alg"] == algorithm
    text = jwt.encode({"a": 2}, jwt.PyJWK(jwk).key, algorithm)
    public = {name: value for name, value in jwk.items() if name not in ("d", "p", "q", "dp", "dq", "qi")}
    assert jwt.decode(text, jwt.PyJWK(public).key, [algorithm]) == {"a": 2}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_reads_a_private_key(tmp_path, umask):
    before = os.umask(umask)
    try:
        keygen(tmp_path / "key.pem")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600


def test_no_file_is_written_over(tmp_path):
    keygen(tmp_path / "key.pem")
    before = (tmp_path / "key.pem").read_bytes()
    assert command("keygen", tmp_path / "key.pem").returncode == 1
    assert (tmp_path / "key.pem").read_bytes() == before
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert command("keygen", tmp_path / "link").returncode == 1
    assert not (tmp_path / "elsewhere").exists()


def test_a_gateway_runs_on_keys_and_tokens_made_here(tmp_path):
    """The issuer's key, the gateway's key and the client's token: all by these commands."""
    keygen(tmp_path / "issuer.pem", "--public", tmp_path / "issuer.json")
    signing = tmp_path / "signing.jwk"
    keygen(signing, "--format", "jwk", "--algorithm", "PS256", "--public", tmp_path / "signing.json")
    chain = route("/", jwt={"issuer": "corporate", "scopes": ["read"]},
                  spiffe={"id": "spiffe://bank-a/user/{claim.user_id}", "tenant": "{claim.tenant}"},
                  internal_jwt={"audience": "bank-a"})
    gateway = {"internal_tokens": internal_tokens(keys=[{"file": str(signing)}])}
    files = {"keys/corporate.jwks.json": (tmp_path / "issuer.json").read_text()}
    with EchoUpstream() as upstream, identity_gateway(
            tmp_path / "gateway", upstream, {"chain": chain}, issuers={"corporate": corporate()}, gateway=gateway,
            files=files) as running:
        made = command("token", running.folder, "--key", tmp_path / "issuer.pem", "--sub", "user@bank-a", "--claim",
                       "user_id:=12345", "--tenant", "bank-a", "--scope", "read transfer")
        assert made.returncode == 0, made.stderr
        response = get(running.port, "/", headers_with(made.stdout.strip()))
        assert response.status == 200
        internal = bearer_of(seen(response))
    [public] = json.loads((tmp_path / "signing.json").read_text())["keys"]
    content = jwt.decode(internal, jwt.PyJWK(public).key, ["PS256"], audience="bank-a")
    assert content["sub"] == "spiffe://bank-a/user/12345"
    assert content["scope"] == ["read", "transfer"]
    refused = command("token", running.folder, "--key", signing, "--sub", "x")
    assert refused.returncode == 1 and "internal_tokens" in refused.stderr
