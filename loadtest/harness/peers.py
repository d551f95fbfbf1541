"""The proxies under comparison: how each is configured for the same work, started and reloaded.

Every peer gets one worker, keep-alive towards clients and the upstream, no limit that the load would touch, and no log
unless the variant asks for one. What a peer does by default (Envoy's request ids, the gateway's forwarding headers) is
left as it is.
"""

import json
import signal
import sys

from . import setup
from .gateway import Gateway
from .peer import AUDIENCE, CONNECTIONS_MAX, ISSUER, Peer, Place, Variant, replace  # noqa: F401


class Relay(Peer):
    name = "relay"

    def __init__(self, tools):
        self.program = tools["relay"]

    def command(self, place, variant):
        return [self.program, place.port, place.origin_port]


class HAProxy(Peer):
    name = "haproxy"
    program = "/usr/sbin/haproxy"
    reload_signal = signal.SIGUSR2

    def write(self, place, variant):
        # It reckons with two descriptors per connection, more than many a machine gives; the load needs less.
        lines = ["global", "  nbthread 1", f"  maxconn {CONNECTIONS_MAX}", "  no strict-limits"]
        if variant.access_log:
            lines.append("  log stdout format raw local0")
        if variant.reloadable:
            lines.append(f"  stats socket {place.folder}/haproxy.sock mode 600 level admin expose-fd listeners")
        lines += ["defaults", "  mode http", "  option http-keep-alive", "  http-reuse always", "  timeout connect 5s",
                  "  timeout client 300s", "  timeout server 60s", "  timeout http-keep-alive 300s"]
        if variant.access_log:
            lines += ["  log global", "  option httplog"]
        lines += ["frontend bench", f"  bind 127.0.0.1:{place.port} backlog 4096"]
        if variant.generation:
            lines.append(f'  http-request return status 200 content-type text/plain string "{variant.generation}" '
                         "if { path /generation }")
        if variant.identity:
            lines += self.identity()
        if variant.limits:
            lines += self.limits(variant.limits)
        if variant.routes:
            table = place.folder / "routes.map"
            replace(table, "".join(f"/r/{i}/ origin\n" for i in range(variant.routes)))
            lines.append(f"  use_backend %[path,map_beg({table})]")
        else:
            lines.append("  default_backend origin")
        if variant.broken:
            lines.append("  default_backend nowhere")
        if variant.limits > 1:
            lines += ["backend all", "  stick-table type integer size 1k expire 10s store http_req_rate(1s)"]
        lines += ["backend origin", f"  server origin 127.0.0.1:{place.origin_port}"]
        replace(place.folder / "haproxy.cfg", "\n".join(lines) + "\n")

    @staticmethod
    def limits(count):
        """Stick tables with a sliding rate, the second one with one entry."""
        lines = ["  stick-table type ip size 100k expire 10s store http_req_rate(1s)", "  http-request track-sc0 src",
                 "  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 1000000 }"]
        if count > 1:
            lines += ["  http-request track-sc1 int(1) table all",
                      "  http-request deny deny_status 429 if { sc_http_req_rate(1) gt 1000000 }"]
        return lines

    @staticmethod
    def identity():
        """Algorithm, issuer, audience, time, scope and tenant; the SPIFFE ID as a header. It cannot sign a token."""
        refuse = "  http-request deny deny_status 401 unless"
        claim = "var(txn.bearer),jwt_payload_query"
        return [
            "  http-request set-var(txn.bearer) http_auth_bearer",
            "  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')",
            f"  http-request set-var(txn.exp) {claim}('$.exp','int')",
            "  http-request set-var(txn.now) date()",
            f"{refuse} {{ var(txn.alg) -m str RS256 }}",
            f"{refuse} {{ {claim}('$.iss') -m str {ISSUER} }}",
            f"{refuse} {{ {claim}('$.aud') -m str {AUDIENCE} }}",
            f"{refuse} {{ var(txn.exp),sub(txn.now) -m int gt 0 }}",
            f"{refuse} {{ {claim}('$.scope') -m sub read }}",
            f"{refuse} {{ {claim}('$.tenant') -m str bank-a }}",
            f'{refuse} {{ var(txn.bearer),jwt_verify(txn.alg,"{setup.IDENTITY}/public.pem") -m int 1 }}',
            f"  http-request set-header X-Spiffe-ID spiffe://bank-a/user/%[{claim}('$.user_id')]",
            "  http-request del-header Authorization",
        ]

    def command(self, place, variant):
        return [self.program, "-W" if variant.reloadable else "-db", "-f", place.folder / "haproxy.cfg"]

    def stdout(self, place, variant):
        return open(place.folder / "access.log", "wb") if variant.access_log else None


class Nginx(Peer):
    name = "nginx"
    program = "/usr/sbin/nginx"
    reload_signal = signal.SIGHUP

    def write(self, place, variant):
        folder = place.folder
        log = f"{folder}/access.log combined buffer=64k flush=1s" if variant.access_log else "off"
        proxy = 'proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";'
        if variant.routes:
            places = "".join(f"location /r/{i}/ {{ proxy_pass http://origin; }}\n" for i in range(variant.routes))
            places = f'proxy_http_version 1.1; proxy_set_header Connection "";\n{places}'
        else:
            places = f"location / {{ {proxy} }}\n"
        if variant.generation:
            places += f'location = /generation {{ default_type text/plain; return 200 "{variant.generation}"; }}\n'
        if variant.broken:
            places += "location /broken { proxy_pass http://$undefined_name; }\n"
        temporary = "".join(f"{kind}_temp_path {folder}/{kind}_temp;\n"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        replace(
            folder / "nginx.conf",
            f"user root;\nworker_processes 1;\ndaemon off;\npid {folder}/nginx.pid;\nerror_log stderr crit;\n"
            f"events {{ worker_connections {CONNECTIONS_MAX}; }}\nhttp {{\n"
            f"access_log {log};\nkeepalive_requests 1000000000;\nkeepalive_timeout 300s;\n"
            f"proxy_max_temp_file_size 0;\n{temporary}"
            f"upstream origin {{ server 127.0.0.1:{place.origin_port}; keepalive 256; "
            "keepalive_requests 1000000000; }\n"
            f"server {{ listen 127.0.0.1:{place.port} backlog=4096;\n{places}}}\n}}\n")

    def command(self, place, variant):
        return [self.program, "-e", "stderr", "-c", place.folder / "nginx.conf"]


class Envoy(Peer):
    name = "envoy"
    program = setup.ENVOY
    token_cache = {}

    def write(self, place, variant):

        target = {"cluster": "origin"}
        routes = [{"match": {"prefix": f"/r/{i}/"}, "route": target} for i in range(variant.routes)]
        if variant.generation:
            routes.insert(0, {"match": {"path": "/generation"},
                              "direct_response": {"status": 200, "body": {"inline_string": variant.generation}}})
        if not variant.routes:
            routes.append({"match": {"prefix": "/"}, "route": target})
        api = "type.googleapis.com/envoy.extensions"
        manager = {
            "@type": f"{api}.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "bench",
            "route_config": {"virtual_hosts": [{"name": "bench", "domains": ["*"], "routes": routes}]},
            "http_filters": [{"name": "envoy.filters.http.router",
                              "typed_config": {"@type": f"{api}.filters.http.router.v3.Router"}}],
        }
        if variant.identity:
            manager["http_filters"].insert(0, self.identity(api))
        for number in range(variant.limits):
            manager["http_filters"].insert(0, self.limit(api, number))
        if variant.access_log:
            manager["access_log"] = [{"name": "envoy.access_loggers.file", "typed_config": {
                "@type": f"{api}.access_loggers.file.v3.FileAccessLog", "path": f"{place.folder}/access.log"}}]
        most = {name: 100000 for name in ("max_connections", "max_pending_requests", "max_requests")}
        configuration = {"static_resources": {
            "listeners": [{"name": "bench", "address": self.address(place.port), "filter_chains": [{"filters": [
                {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}],
            "clusters": [{"name": "origin", "type": "STATIC", "circuit_breakers": {"thresholds": [most]},
                          "load_assignment": {"cluster_name": "origin", "endpoints": [{"lb_endpoints": [
                              {"endpoint": {"address": self.address(place.origin_port)}}]}]}}]}}
        replace(place.folder / "envoy.json", json.dumps(configuration))

    def identity(self, api):
        """Issuer, audience, time and signature; the user as a header. It knows neither scopes nor tenants here, and
        cannot sign a token."""
        provider = {"issuer": ISSUER, "audiences": [AUDIENCE],
                    "local_jwks": {"inline_string": (setup.IDENTITY / "jwks.json").read_text()},
                    "claim_to_headers": [{"header_name": "x-user", "claim_name": "user_id"}], **self.token_cache}
        return {"name": "envoy.filters.http.jwt_authn", "typed_config": {
            "@type": f"{api}.filters.http.jwt_authn.v3.JwtAuthentication", "providers": {"bench": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "bench"}}]}}

    @staticmethod
    def limit(api, number):
        """One bucket for all clients: a bucket for each is another filter, with a service beside it."""
        always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
        return {"name": f"limit-{number}", "typed_config": {
            "@type": f"{api}.filters.http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": f"limit_{number}",
            "token_bucket": {"max_tokens": 10_000_000, "tokens_per_fill": 1_000_000, "fill_interval": "1s"},
            "filter_enabled": always, "filter_enforced": always}}

    @staticmethod
    def address(port):
        return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

    def command(self, place, variant):
        return [self.program, "-c", place.folder / "envoy.json", "--concurrency", "1", "--disable-hot-restart",
                "--log-level", "error"]


class CachingEnvoy(Envoy):
    """With its cache of verified tokens, which is off unless asked for, made as large as the load needs."""
    name = "envoy-cache"
    token_cache = {"jwt_cache_config": {"jwt_cache_size": 20_000}}


PROXIES = {"haproxy": HAProxy, "nginx": Nginx, "envoy": Envoy, "envoy-cache": CachingEnvoy}
NAMES = ("relay", "gateway", "haproxy", "nginx", "envoy", "envoy-cache")


def select(wanted, tools, program):
    """The peers of that name. The gateway is left out, loudly, when it has not been built."""

    made = {}
    for name in wanted:
        if name not in NAMES:
            raise SystemExit(f"no peer is called {name}; there are {', '.join(NAMES)}")
        if name == "gateway" and not program.exists():
            print(f"{program} is not there: the gateway is left out", file=sys.stderr)
        elif name == "gateway":
            made[name] = Gateway(program)
        else:
            made[name] = Relay(tools) if name == "relay" else PROXIES[name]()
    return made
