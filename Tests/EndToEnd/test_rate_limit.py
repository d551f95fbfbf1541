"""The plugin `rate_limit`: who is let through, what clients are told, and what operators see."""

import json
import re
import socket
import threading

import pytest

from harness import RawClient, command, eventually, exchange, get, post, request_bytes
from identity import Key, World, headers_with, route, token

KEY = Key("ES256", "one")
SPIFFE = {"id": "spiffe://bank-a/user/{claim.user_id}", "tenant": "{claim.tenant}"}
JWT = {"issuer": "corporate"}
# Tokens that don't come back while a test runs.
SLOW = "1/h"


def limited(path, limit, **plugins):
    return {"match": {"prefix": path}, "respond": {"status": 204}, "plugins": {"rate_limit": limit, **plugins}}


ROUTES = {
    "burst": limited("/burst", {"rate": SLOW, "burst": 3, "headers": "both"}),
    "proxied": {"match": {"prefix": "/proxied"}, "upstream": "service",
                "plugins": {"rate_limit": {"rate": SLOW, "burst": 2}}},
    "spiffe": limited("/spiffe", {"rate": SLOW, "burst": 2, "key": "spiffe_id"}, jwt=JWT, spiffe=SPIFFE),
    "tenant": limited("/tenant", {"rate": SLOW, "burst": 2, "key": ["tenant"]}, jwt=JWT, spiffe=SPIFFE),
    "claim": limited("/claim", {"rate": SLOW, "burst": 1, "key": ["claim.user_id", "header.X-Part"],
                                "missing_key": "shared"}, jwt=JWT),
    "optional": limited("/optional", {"rate": SLOW, "key": "claim.user_id"}, jwt={**JWT, "required": False}),
    "skipped": limited("/skipped", {"rate": SLOW, "key": "claim.user_id", "missing_key": "skip"},
                       jwt={**JWT, "required": False}),
    "flooded": limited("/flooded", {"rate": SLOW, "burst": 3}, jwt=JWT),
    "path": {**limited("/", {"rate": SLOW, "key": "path.id"}), "match": {"path": "/path/{id}/x"}},
    "shared-one": limited("/shared-one", {"shared": "together"}),
    "shared-two": limited("/shared-two", {"shared": "together", "cost": {"default": 1, "POST": 2}}),
    "several": limited("/several", {"limits": {"tight": {"rate": SLOW, "burst": 2, "key": "header.x-tight"},
                                              "wide": {"rate": SLOW, "burst": 4, "key": "header.x-wide"}}}),
    "shadow": limited("/shadow", {"rate": SLOW, "shadow": True}),
    "exempt": limited("/exempt", {"rate": SLOW, "exempt": {
        "networks": ["127.0.0.9"], "headers": {"X-Probe": "yes"}, "claims": {"user_id": "7"}}},
        jwt={**JWT, "required": False}),
    "host": limited("/host", {"rate": SLOW, "burst": 2, "key": "header.Host"}),
    "exempt-host": limited("/exempt-host", {"rate": SLOW, "exempt": {"headers": {"host": "app.test"}}}),
    "open": {"match": {"prefix": "/open"}, "respond": {"status": 204}},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    domain = {"rate_limits": {"together": {"rate": SLOW, "burst": 4, "key": "gateway"}}}
    with World(tmp_path_factory.mktemp("limits"), ROUTES, [KEY], domain=domain) as world:
        yield world


def statuses(world, path, count, **options):
    return [world.get(path, **options).status for _ in range(count)]


def members(value):
    """A list of RFC 9651 whose members are strings with integer parameters, as a dictionary."""
    found = {}
    for member in value.split(", "):
        match = re.fullmatch(r'"([a-z0-9-]+)"((?:;[a-z]=\d+)*)', member)
        assert match, member
        found[match[1]] = {key: int(number) for key, number in re.findall(r";([a-z])=(\d+)", match[2])}
    return found


def test_no_spelling_of_a_path_parameter_has_a_bucket_of_its_own(world):
    assert world.get("/path/me%40home/x").status == 204
    assert [world.get(f"/path/{name}/x").status for name in ("me@home", "me%40home", "%6de@home")] == [429] * 3
    assert world.get("/path/me%2540home/x").status == 204


def test_a_refusal_says_all_that_a_client_needs(world):
    for left in (2, 1, 0):
        answer = world.get("/burst")
        assert answer.status == 204
        assert members(answer.header("RateLimit-Policy")) == {"default": {"q": 3, "w": 3 * 3600}}
        told = members(answer.header("RateLimit"))["default"]
        assert told["r"] == left and 3590 <= told["t"] <= 3600
        assert answer.header("X-RateLimit-Limit") == "3" and answer.header("X-RateLimit-Remaining") == str(left)
    answer = world.get("/burst")
    assert answer.status == 429 and answer.header("Content-Type") == "application/problem+json"
    problem = json.loads(answer.body)
    assert problem["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert problem["status"] == 429 and problem["code"] == "rate-limited"
    assert problem["violated-policies"] == ["default"]
    told = members(answer.header("RateLimit"))["default"]
    assert told["r"] == 0 and int(answer.header("Retry-After")) >= told["t"] > 3590
    assert answer.header("Cache-Control") == "no-store"
    line = world.gateway.access_line(request_id=problem["request_id"])
    assert line["refused_by"] == "rate_limit" and line["refused_limit"] == "app/burst/rate_limit/default"
    assert line["error"] == "rate-limited" and line["route"] == "app/burst"
    samples = {(name, labels.get("by"), labels.get("decision")): value
               for name, labels, value in world.gateway.metrics()
               if "app/burst" in (labels.get("route"), labels.get("limit", "")[:9])}
    assert samples[("portcullis_refusals_total", "rate_limit", None)] == 1
    assert samples[("portcullis_rate_limit_decisions_total", None, "allowed")] == 3
    assert samples[("portcullis_rate_limit_decisions_total", None, "refused")] == 1


def test_a_proxied_answer_has_the_fields_and_other_routes_have_none(world):
    answer = world.get("/proxied/x")
    assert answer.status == 200 and members(answer.header("RateLimit"))["default"]["r"] == 1
    assert world.get("/proxied/y").status == 200
    refused = world.get("/proxied/z")
    assert refused.status == 429 and refused.header("Retry-After")
    plain = world.get("/open")
    assert plain.header("RateLimit") is None and plain.header("RateLimit-Policy") is None


def test_clients_have_buckets_of_their_own(world):
    path = "/burst/own"
    for source in ("127.0.0.2", "127.0.0.3"):
        assert statuses(world, path, 4, source=source) == [204, 204, 204, 429]


def test_identities_have_buckets_of_their_own(world):
    users = [token(KEY, user_id=number, tenant="bank-a") for number in (1, 2)]
    for text in users:
        assert statuses(world, "/spiffe", 3, text=text) == [204, 204, 429]
    # Another token of one user has that user's bucket.
    assert world.status("/spiffe", token(KEY, user_id=1, tenant="bank-b")) == 429
    assert statuses(world, "/tenant", 1, text=users[0]) == [204]
    assert statuses(world, "/tenant", 2, text=users[1]) == [204, 429]
    assert world.status("/tenant", token(KEY, user_id=1, tenant="bank-b")) == 204


def test_combined_keys_and_requests_that_lack_a_part(world):
    text = token(KEY, user_id=1)
    assert statuses(world, "/claim", 2, text=text, headers=[("X-Part", "a")]) == [204, 429]
    assert statuses(world, "/claim", 2, text=text, headers=[("x-part", "b")]) == [204, 429]
    assert statuses(world, "/claim", 2, text=text) == [204, 429]
    assert statuses(world, "/claim", 2, text=token(KEY, user_id=2)) == [204, 429]


def test_a_missing_key_is_refused_or_passed_over_as_configured(world):
    refused = world.get("/optional")
    assert refused.status == 400 and json.loads(refused.body)["code"] == "rate-limit-key-missing"
    assert statuses(world, "/optional", 2, text=token(KEY, user_id=3)) == [204, 429]
    assert statuses(world, "/skipped", 3) == [204] * 3
    assert statuses(world, "/skipped", 2, text=token(KEY, user_id=3)) == [204, 429]


def test_a_flood_of_bad_tokens_is_limited_before_they_are_looked_at(world):
    assert statuses(world, "/flooded", 5, text="bad.token.x") == [401, 401, 401, 429, 429]
    assert world.status("/flooded", token(KEY)) == 429


def test_path_parameters_count(world):
    assert [world.status(f"/path/{number}/x") for number in (1, 1, 2, 2)] == [204, 429, 204, 429]


def test_routes_share_a_limit_and_cost_what_each_says(world):
    port = world.gateway.port
    assert get(port, "/shared-one").status == 204
    answer = post(port, "/shared-two")
    assert answer.status == 204 and members(answer.header("RateLimit"))["default"]["r"] == 1
    refused = post(port, "/shared-two")
    assert refused.status == 429 and members(refused.header("RateLimit"))["default"]["r"] == 1
    assert int(refused.header("Retry-After")) == members(refused.header("RateLimit"))["default"]["t"]
    assert [get(port, "/shared-two").status, get(port, "/shared-one").status] == [204, 429]


def test_a_request_that_one_limit_refuses_takes_nothing_of_the_other(world):
    def ask(tight, wide):
        return world.get("/several", headers=[("X-Tight", tight), ("X-Wide", wide)])
    assert [ask("a", "w").status for _ in range(6)] == [204] * 2 + [429] * 4
    refused = ask("a", "w")
    assert json.loads(refused.body)["violated-policies"] == ["tight"]
    assert members(refused.header("RateLimit"))["wide"]["r"] == 2
    assert [ask("b", "w").status for _ in range(3)] == [204, 204, 429]
    both = ask("a", "w")
    assert json.loads(both.body)["violated-policies"] == ["tight", "wide"]


def test_shadow_and_exemptions(world):
    answers = [world.get("/shadow") for _ in range(4)]
    assert [answer.status for answer in answers] == [204] * 4
    assert all(answer.header("RateLimit") is None for answer in answers)
    counts = limit(world, "app/shadow/rate_limit/default")["decisions"]
    assert counts["allowed"] == 1 and counts["shadow_refused"] == 3
    assert statuses(world, "/exempt", 3, source="127.0.0.9") == [204] * 3
    assert statuses(world, "/exempt", 3, headers=[("x-probe", "yes")]) == [204] * 3
    assert statuses(world, "/exempt", 3, text=token(KEY, user_id=7)) == [204] * 3
    assert statuses(world, "/exempt", 2, headers=[("X-Probe", "no")]) == [204, 429]


def limit(world, identity):
    return world.gateway.admin_json(f"/limits?limit={identity}")


def test_limits_are_listed_with_what_shares_them(world):
    listed = {entry["limit"]: entry for entry in world.gateway.admin_json("/limits")["limits"]}
    together = listed["app/rate_limits/together"]
    assert together["routes"] == ["app/shared-one", "app/shared-two"] and together["key"] == ["gateway"]
    assert re.search(r"app\.yaml:\d+:\d+", together["place"])
    assert world.get("/burst/listed", source="127.0.0.7").status == 204
    one = limit(world, "app/burst/rate_limit/default")
    assert one["rate"] == "1/h" and one["burst"] == 3 and one["keys_in_use"] >= 1
    standing = world.gateway.admin_json("/limits?limit=app/burst/rate_limit/default&key=127.0.0.7")
    assert standing["remaining"] == 2 and standing["in_use"] and standing["full_in_ms"] > 3_590_000
    assert one["in"] == standing["in"] == "process"
    unknown = world.gateway.admin_json("/limits?limit=app/burst/rate_limit/default&key=127.0.0.8")
    assert unknown["remaining"] == 3 and not unknown["in_use"]
    assert world.gateway.admin("/limits?limit=nobody").status == 404
    assert world.gateway.admin("/limits?limit=app/burst/rate_limit/default&key=x").status == 400


@pytest.mark.parametrize("key, status", [
    ("gateway", 200), ("accounts", 400), ("", 400), ("app/shared-one", 400),
])
def test_a_key_that_no_request_has_is_refused(world, key, status):
    """`together` counts all requests of the gateway in one bucket."""
    answer = world.gateway.admin(f"/limits?limit=app/rate_limits/together&key={key}")
    assert answer.status == status, answer.body
    if status == 400:
        assert json.loads(answer.body)["error"].endswith("it is gateway")


def test_explain_names_the_buckets(world):
    url = f"http://app.test:{world.gateway.port}/shared-two"
    told = command("explain", world.gateway.folder, "POST", url)
    assert "app/rate_limits/together" in told.stdout and "1/h" in told.stdout, told.stdout
    told = command("explain", world.gateway.folder, "GET", url.replace("shared-two", "spiffe"))
    assert "app/spiffe/rate_limit/default" in told.stdout and "spiffe_id" in told.stdout


EXPLAINED = {
    "plain": ("/explain/plain", [], 0, "default.decision", "counted, cost 1"),
    "missing": ("/explain/keys", [], 1, "wide.decision", "no header.x-k, header.x-l: refused with 400"),
    "partly missing": ("/explain/keys", ["X-K: 1"], 1, "wide.decision", "no header.x-l: refused with 400"),
    "empty": ("/explain/keys", ["X-K: 1", "X-L:"], 1, "wide.decision", "no header.x-l: refused with 400"),
    "there": ("/explain/keys", ["X-K: 1", "X-L: 2"], 0, "wide.decision", "counted, cost 3"),
    "shadow": ("/explain/keys", ["X-K: 1", "X-L: 2"], 0, "tried.decision", "no header.x-t: not counted, as the limit is"),
    "skipped": ("/explain/skip", [], 0, "default.decision", "no header.x-k: not counted"),
    "shared": ("/explain/shared", [], 0, "default.decision", "no header.x-k: counted with others that lack it, cost 1"),
    "exempt": ("/explain/exempt", ["X-Ok: 1"], 0, "default.decision", "not counted: it is exempt"),
    "a network": ("/explain/exempt", [], 0, "default.decision", "counted, cost 1, unless exempt.networks"),
    "free": ("/explain/free", [], 0, "default.decision", "not counted: it costs nothing"),
}


@pytest.mark.parametrize("case", EXPLAINED)
def test_explain_says_what_a_limit_makes_of_the_request(explained, case):
    path, headers, code, name, decision = EXPLAINED[case]
    arguments = ["explain", explained.folder, "GET", f"http://app.test:{explained.port}{path}"]
    for header in headers:
        arguments += ["--header", header]
    told = command(*arguments)
    assert told.returncode == code, told.stdout
    line, = (line for line in told.stdout.splitlines() if name in line)
    assert decision in line and "app.yaml" in line or "built in" in line
    told = json.loads(command(*arguments, "--format", "json").stdout)
    values = [value for step in told["pipeline"] for value in step["values"] if value["name"] == name]
    assert values[0]["value"].startswith(decision) and len(values) == 1
    sent = exchange(explained.port, request_bytes("GET", path, [tuple(header.split(": ")) for header in headers
                                                                if ": " in header]))
    assert (sent.status == 400) == (code == 1)
    if code:
        assert (told["answer"]["status"], told["answer"]["code"]) == (400, json.loads(sent.body)["code"])


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    keys = {"wide": {"rate": "1000/s", "key": ["header.x-k", "header.x-l"], "cost": 3},
            "tried": {"rate": "1000/s", "key": "header.x-t", "shadow": True}}
    one = {"rate": "1000/s", "key": "header.x-k"}
    exempt = {"rate": "1000/s", "exempt": {"headers": {"X-Ok": "1"}, "networks": ["10.0.0.0/8"]}}
    limits = {"plain": {"rate": "1000/s"}, "keys": {"limits": keys}, "skip": {**one, "missing_key": "skip"},
              "shared": {**one, "missing_key": "shared"}, "exempt": exempt,
              "free": {"rate": "1000/s", "cost": {"default": 1, "GET": 0}}}
    routes = {name: limited(f"/explain/{name}", limit) for name, limit in limits.items()}
    with World(tmp_path_factory.mktemp("explained"), routes, [KEY]) as world:
        yield world.gateway


def test_explain_sees_the_callers_claims(tmp_path):
    routes = {"all": limited("/", {"rate": "1000/s", "key": "claim.team"}, jwt={"issuer": "corporate"})}
    with World(tmp_path / "claims", routes, [KEY]) as world:
        def explain(claims):
            return command("explain", world.gateway.folder, "GET", f"http://app.test:{world.gateway.port}/",
                           "--claims", json.dumps(claims))
        lacking, having = explain({"sub": "ann"}), explain({"sub": "ann", "team": "blue"})
        assert lacking.returncode == 1 and "no claim.team: refused with 400" in lacking.stdout, lacking.stdout
        assert having.returncode == 0 and "counted, cost 1" in having.stdout, having.stdout
        assert world.get("/", token(KEY)).status == 400


def test_a_reload_keeps_the_buckets_and_a_changed_limit_its_fill_ratio(tmp_path, gateway_with):
    def routes(burst, **more):
        return {"all": limited("/", {"rate": SLOW, "burst": burst, **more})}
    gateway = gateway_with(upstreams={}, routes=routes(8))
    remaining = [members(get(gateway.port).header("RateLimit"))["default"]["r"] for _ in range(4)]
    assert remaining == [7, 6, 5, 4]
    gateway.write_routes({}, {**routes(8), "more": {"match": {"path": "/more"}, "respond": {"status": 204}}})
    assert gateway.hang_up() == "applied"
    assert members(get(gateway.port).header("RateLimit"))["default"]["r"] == 3
    gateway.write_routes({}, routes(16))
    assert gateway.hang_up() == "applied"
    # Three of eight are six of sixteen.
    assert members(get(gateway.port).header("RateLimit"))["default"]["r"] == 5
    gateway.write_routes({}, routes(16, key="header.x"))
    assert gateway.hang_up() == "applied"
    assert members(get(gateway.port, headers=[("X", "1")]).header("RateLimit"))["default"]["r"] == 15


def test_a_full_table_is_told_of(gateway_with):
    def routes(burst):
        return {"all": limited("/", {"rate": SLOW, "burst": burst, "key": "header.x", "keys_max": 1})}

    def takeovers():
        told = gateway.admin_json("/limits?limit=app/all/rate_limit/default")["takeovers"]
        assert gateway.metrics().sum("portcullis_rate_limit_takeovers_total", limit="app/all/rate_limit/default") == told
        return told

    gateway = gateway_with(upstreams={}, routes=routes(50))
    # Room for a key is room for eight.
    assert [get(gateway.port, headers=[("X", f"key{number}")]).status for number in range(8)] == [204] * 8
    assert takeovers() == 0
    # Each finds what the fullest was left with.
    assert [get(gateway.port, headers=[("X", f"key{number}")]).status for number in range(8, 13)] == [204] * 5
    assert takeovers() == 5
    gateway.write_routes({}, routes(60))
    assert gateway.hang_up() == "applied"
    assert takeovers() == 5


def test_no_request_slips_through_while_limits_are_changed(gateway_with):
    """Reloads that change the law back and forth, under load: never more than the largest bucket ever gave."""
    def routes(keys):
        return {"all": limited("/", {"rate": SLOW, "burst": 600, "keys_max": keys})}
    gateway = gateway_with(upstreams={}, routes=routes(100), gateway={"workers": 2})
    load = Load(gateway.port, connections=4)
    for keys in (200, 300, 400, 500):
        gateway.write_routes({}, routes(keys))
        assert gateway.hang_up() == "applied"
    eventually(lambda: load.refused > 200, 20, "a bucket that is empty")
    load.stop()
    assert load.allowed == 600


class Load:
    """Pipelined requests on some connections, as fast as they are answered."""

    def __init__(self, port, connections, batch=32):
        self.allowed = self.refused = 0
        self.request = request_bytes("GET", "/") * batch
        self.batch = batch
        self.lock = threading.Lock()
        self.stopping = False
        self.errors = []
        self.threads = [threading.Thread(target=self.run, args=(port,)) for _ in range(connections)]
        for thread in self.threads:
            thread.start()

    def run(self, port):
        try:
            with socket.create_connection(("127.0.0.1", port)) as sock:
                sock.settimeout(10)
                while not self.stopping:
                    sock.sendall(self.request)
                    allowed, refused = self.answers(sock)
                    with self.lock:
                        self.allowed += allowed
                        self.refused += refused
        except OSError as error:
            self.errors.append(error)

    def answers(self, sock):
        """Every answer begins so; none has it in its body."""
        data = b""
        while True:
            piece = sock.recv(1 << 16)
            if not piece:
                raise ConnectionError("closed within the answers")
            data += piece
            allowed, refused = data.count(b"HTTP/1.1 204"), data.count(b"HTTP/1.1 429")
            if allowed + refused == self.batch and (data.endswith(b"\r\n\r\n") or data.endswith(b"}\n")):
                return allowed, refused

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(20)
        assert not self.errors, self.errors


def test_a_host_is_one_bucket_in_any_spelling(world):
    hosts = ["app.test", "APP.test", "app.test.", "app.test:1", "App.Test.:99"]
    port = world.gateway.port
    assert [exchange(port, request_bytes("GET", "/host", host=host)).status for host in hosts] == [204] * 2 + [429] * 3
    absolute = b"GET http://app.test:3/host HTTP/1.1\r\nHost: other.test\r\n\r\n"
    assert exchange(port, absolute).status == 429
    assert [exchange(port, request_bytes("GET", "/exempt-host", host=host)).status for host in hosts] == [204] * 5
