"""Tokens: good ones from PyJWT, and whatever else a client might send."""

import base64
import json
import time

import jwt

ISSUER = "https://sso.test/realms/bank"
AUDIENCE = "bank-api"


def claims(**changes):
    """A good token's claims; a change to None takes a claim away."""
    now = int(time.time())
    content = {
        "iss": ISSUER, "sub": "user@bank-a", "aud": AUDIENCE, "azp": "mobile-app", "iat": now, "exp": now + 600,
        "user_id": "12345", "tenant": "bank-a", "scope": "read transfer", **changes}
    return {name: value for name, value in content.items() if value is not None}


def token(key, header=None, **changes):
    """A token that PyJWT made, with the changes to its claims. `header` adds to the header or, by None, removes."""
    names = {"kid": key.kid, **(header or {})}
    return jwt.encode(claims(**changes), key.private, key.algorithm, headers=names)


def encoded(data):
    """Base64url without padding, of bytes, text or whatever JSON can hold."""
    if not isinstance(data, (bytes, str)):
        data = json.dumps(data, separators=(",", ":"))
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(key, header, payload, algorithm=None, signature=None):
    """A token made by hand: header and payload may be any text or bytes, and `signature` any bytes instead of a true one.

    A dictionary as header is laid over `alg`, `kid` and `typ`; a dictionary as payload over nothing.
    """
    if isinstance(header, dict):
        header = {"alg": key.algorithm, "kid": key.kid, "typ": "JWT", **header}
        header = {name: value for name, value in header.items() if value is not None}
    signed = f"{encoded(header)}.{encoded(payload)}"
    if signature is None:
        signature = key.sign(signed.encode(), algorithm)
    elif callable(signature):
        signature = signature(key.sign(signed.encode(), algorithm))
    return f"{signed}.{encoded(signature)}"


def headers_with(text, scheme="Bearer"):
    return [("Authorization", f"{scheme} {text}")]


def payload_of(text):
    """The claims of a token that nobody checks here."""
    return jwt.decode(text, options={"verify_signature": False})
