"""The gateway's configuration for each variant: a file of the platform's, and a file of one domain."""

import json
import signal

from . import setup
from .peer import AUDIENCE, CONNECTIONS_MAX, ISSUER, Peer, replace

# Header operations in the order in which a variant takes as many as it wants. The load sends Accept and User-Agent, the
# upstream Content-Type: half of what is removed, renamed and replaced is there.
REQUEST_CHANGES = (
    ("remove", "X-Debug"), ("rename", "Accept", "X-Accept"), ("replace", "User-Agent", "bench"),
    ("set", "X-Gateway", "bench"), ("append", "X-Seen", "{domain}/{route}"),
    ("remove", "X-Powered-By"), ("rename", "X-Client", "X-Caller"), ("replace", "X-Version", "2"),
    ("set", "X-Client-Address", "{client_address}"), ("append", "X-Trail", "{request_id}"))
RESPONSE_CHANGES = (
    ("remove", "X-Powered-By"), ("rename", "X-Backend", "X-Served-By"),
    ("replace", "Content-Type", "text/plain; charset=utf-8"), ("set", "Cache-Control", "no-store"),
    ("append", "X-Seen", "{domain}/{route}"),
    ("remove", "X-Debug"), ("rename", "X-Id", "X-Item"), ("replace", "X-Version", "2"),
    ("set", "X-Content-Type-Options", "nosniff"), ("append", "X-Trail", "{request_id}"))
IDENTITY = {
    "jwt": {"issuer": "bench", "scopes": ["read"]},
    "spiffe": {"id": "spiffe://bank-a/user/{claim.user_id}", "tenant": "{claim.tenant}", "route_tenant": "bank-a"},
    "internal_jwt": {"audience": "bank-a", "ttl": "60s"},
}


def limits(variant):
    """By client, then by caller or, when nobody asks who that is, by route."""
    law = {"rate": "1000000/s", "burst": 10_000_000}
    if variant.store:
        law |= {"store": "shared", "on_failure": "refuse", "batch": variant.batch}
    keys = ("client_address", "spiffe_id" if variant.identity else "route")
    return {"headers": "draft" if variant.limits_told else "none",
            "limits": {f"limit-{number}": {**law, "key": key} for number, key in enumerate(keys[:variant.limits])}}


def header_changes(operations):
    found = {}
    for operation, name, *value in operations:
        if operation == "remove":
            found.setdefault(operation, []).append(name)
        else:
            found.setdefault(operation, {})[name] = value[0]
    return {"headers": found}


def plugins(variant):
    found = dict(IDENTITY) if variant.identity else {}
    if variant.limits:
        found["rate_limit"] = limits(variant)
    of_request, of_response = variant.changes
    if of_request:
        found["request_transform"] = header_changes(REQUEST_CHANGES[:of_request])
    if of_response:
        found["response_transform"] = header_changes(RESPONSE_CHANGES[:of_response])
    return found


def upstream(place, variant):
    found = {"targets": [f"http://127.0.0.1:{place.origin_port}"]}
    if variant.breaker:
        found["circuit_breaker"] = {"failure_ratio": "50%", "slow_ratio": "50%"}
    if variant.concurrency:
        found["concurrency"] = concurrency(variant)
    return found


def concurrency(variant):
    return {"requests_max": variant.concurrency, "queue": {"requests_max": CONNECTIONS_MAX, "wait_max": "10s"}}


def route(path, name, variant):
    found = {"match": {"path": path}, "upstream": name}
    if variant.retries:
        found["retries"] = {"attempts_max": 3}
    if variant.concurrency:
        found["concurrency"] = concurrency(variant)
    if plugins(variant):
        found["plugins"] = plugins(variant)
    return found


class Gateway(Peer):
    name = "gateway"
    reload_signal = signal.SIGHUP

    def __init__(self, program):
        self.program = program

    def write(self, place, variant):
        folder = place.folder / "gateway.d"
        folder.mkdir(exist_ok=True)
        every = (variant, *(other for _, other in variant.others))
        replace(folder / "gateway.yaml", mapping(self.platform(place, variant, every)))
        if any(one.identity for one in every):
            (folder / "keys").mkdir(exist_ok=True)
            for name in ("jwks.json", "signing.pem"):
                replace(folder / "keys" / name, (setup.IDENTITY / name).read_text())
        replace(folder / "bench.yaml", mapping(self.domain(place, variant)))

    @staticmethod
    def platform(place, variant, every):
        log = {"enabled": variant.access_log}
        if variant.access_log:
            log["file"] = f"{place.folder}/access.log"
        most = {f"{name}_max": CONNECTIONS_MAX
                for name in ("connections", "connections_per_listener", "connections_per_client")}
        bench = {"owner": "bench", "listeners": ["bench"]}
        found = {
            "workers": 1,
            "listeners": {"bench": {"address": f"127.0.0.1:{place.port}"}},
            "admin": {"address": f"127.0.0.1:{place.admin_port}"},
            "limits": {**most, "requests_per_connection_max": 1_000_000_000},
            "access_log": log,
            "domains": {"bench": bench},
        }
        if any(one.identity for one in every):
            bench["trust_domain"] = "bank-a"
            found |= {
                "issuers": {"bench": {"issuer": ISSUER, "jwks_file": "keys/jwks.json", "audiences": [AUDIENCE],
                                      "claims": {"tenant": "tenant"}}},
                "internal_tokens": {"issuer": "https://gateway.bench.test", "keys": [{"file": "keys/signing.pem"}]},
                "audit_log": {"enabled": False},
            }
        if any(one.store for one in every):
            # Counted is what the store answers, however late.
            found["stores"] = {"shared": {"redis": {"addresses": [f"127.0.0.1:{place.store_port}"], "timeout": "5s"}}}
        return found

    @staticmethod
    def domain(place, variant):
        upstreams, routes = {"origin": upstream(place, variant)}, {}
        if variant.generation:
            routes["generation"] = {"match": {"path": "/generation"},
                                    "respond": {"status": 200, "body": variant.generation}}
        for number in range(variant.routes):
            routes[f"r{number}"] = route(f"/r/{number}/{{rest...}}", "origin", variant)
        if not variant.routes:
            routes["all"] = route("/{rest...}", "origin", variant)
        for folder, other in variant.others:
            upstreams[folder] = upstream(place, other)
            routes[folder] = route(f"/{folder}/{{rest...}}", folder, other)
        if variant.broken:
            routes["broken"] = {"match": {"path": "/broken"}, "upstream": "nowhere"}
        return {"domain": "bench", "upstreams": upstreams, "routes": routes}

    def command(self, place, variant):
        return [self.program, "run", place.folder / "gateway.d"]


def mapping(keys):
    """In YAML, with a line for each name that the file gives."""
    lines = []
    for key, value in keys.items():
        if isinstance(value, dict):
            lines += [f"{key}:"] + [f"  {name}: {flow(inner)}" for name, inner in value.items()]
        else:
            lines.append(f"{key}: {flow(value)}")
    return "\n".join(lines) + "\n"


def flow(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return json.dumps(value)
