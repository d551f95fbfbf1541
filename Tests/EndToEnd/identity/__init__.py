"""What the tests of the identity chain are built from: keys, tokens good and bad, and identity providers."""

from .certificates import Authority
from .challenge import challenge_of
from .keys import Key, jwks
from .provider import Provider, document, json_answer
from .tokens import AUDIENCE, ISSUER, claims, compact, encoded, headers_with, payload_of, token
from .world import (
    World, bearer_of, corporate, header_values, identity_gateway, identity_headers, internal_tokens, route, seen)

__all__ = [
    "AUDIENCE", "Authority", "bearer_of", "challenge_of", "claims", "compact", "corporate", "document", "encoded",
    "header_values", "headers_with", "identity_gateway", "identity_headers", "internal_tokens", "ISSUER",
    "json_answer", "jwks", "Key", "payload_of", "Provider", "route", "seen", "token", "World",
]
