"""A gateway with the identity chain, and an upstream that tells what reached it."""

import json

from harness import EchoUpstream, Gateway, get

from .keys import Key, jwks
from .tokens import AUDIENCE, ISSUER, headers_with

IDENTITY_HEADERS = ("x-spiffe-id", "x-internal-jwt", "x-internal-token", "authorization")


def corporate(**changes):
    """The issuer `corporate`, its keys in a file."""
    return {"issuer": ISSUER, "jwks_file": "keys/corporate.jwks.json", "audiences": [AUDIENCE],
            "claims": {"tenant": "tenant"}, **changes}


def internal_tokens(**changes):
    return {"issuer": "https://gateway.test", "keys": [{"file": "keys/signing.pem"}], **changes}


def route(path, **plugins):
    """Everything under a path to the upstream `service`."""
    return {"match": {"prefix": path}, "upstream": "service", "plugins": plugins}


def identity_gateway(folder, upstream, routes, keys=(), issuers=None, gateway=None, files=None, signing=None, **options):
    """A gateway with the issuer `corporate` on the given keys, trust domain `bank-a`, and a signing key."""
    signing = signing or Key("ES256", "signing", number="signing")
    content = {
        "issuers": issuers if issuers is not None else {"corporate": corporate()},
        "internal_tokens": internal_tokens(),
        "domains": {"app": {"trust_domain": "bank-a"}},
        **(gateway or {})}
    written = {"keys/corporate.jwks.json": jwks(*keys), "keys/signing.pem": signing.pem(), **(files or {})}
    return Gateway(folder, {"service": [upstream.target]}, routes, gateway=content, files=written, **options)


class World:
    """An identity gateway and its echoing upstream, as a context manager."""

    def __init__(self, folder, routes, keys=(), **options):
        self.upstream = EchoUpstream()
        self.gateway = identity_gateway(folder, self.upstream, routes, keys, **options)

    def __enter__(self):
        try:
            self.gateway.__enter__()
        except BaseException:
            self.upstream.stop()
            raise
        return self

    def __exit__(self, failure, *rest):
        self.gateway.__exit__(failure, *rest)
        self.upstream.__exit__(failure)

    def get(self, path="/", text=None, headers=(), **options):
        """One request, with the token as a bearer when there is one."""
        return get(self.gateway.port, path, [*(headers_with(text) if text else ()), *headers], **options)

    def status(self, path="/", text=None, headers=(), **options):
        return self.get(path, text, headers, **options).status

    def reached(self, path="/", text=None, headers=(), **options):
        """What the upstream saw of a request that has to get through."""
        response = self.get(path, text, headers, **options)
        assert response.status == 200, f"{response.status} {response.headers} {response.body[:500]!r}"
        return seen(response)


def seen(response):
    return json.loads(response.body)


def header_values(request, name):
    """All values of a header that the upstream saw."""
    return [value for key, value in request["headers"] if key.lower() == name.lower()]


def identity_headers(request):
    """The identity headers that the upstream saw, as a dictionary; one that came twice fails the test."""
    found = {}
    for name in IDENTITY_HEADERS:
        values = header_values(request, name)
        assert len(values) <= 1, f"{name} came {len(values)} times"
        if values:
            found[name] = values[0]
    return found


def bearer_of(request):
    """The token in the Authorization header that the upstream saw."""
    values = header_values(request, "authorization")
    assert len(values) == 1 and values[0].startswith("Bearer "), values
    return values[0].removeprefix("Bearer ")
