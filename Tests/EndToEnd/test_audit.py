"""The audit log: one JSON line per identity decision, and never a token in any log."""

import hashlib
import json
import re
import signal
import subprocess

import pytest

from harness import eventually, exchange, get, parse_log, request_bytes
from identity import (
    Key, World, bearer_of, corporate, header_values, headers_with, payload_of, route, seen, token)

KEY, STRANGER = Key("ES256", "one"), Key("ES256", "one", number="stranger")
SPIFFE = {"id": "spiffe://bank-a/user/{claim.user_id}", "tenant": "{claim.tenant}", "route_tenant": "bank-a"}
ROUTES = {
    "chain": route("/chain", jwt={"issuer": "corporate", "scopes": ["read"]}, spiffe=SPIFFE,
                   internal_jwt={"audience": "bank-a", "jti": True}),
    "optional": route("/optional", jwt={"issuer": "corporate", "required": False}),
    "query": route("/query", jwt={"issuer": "corporate", "from": [{"query": "access_token"}, {"cookie": "session"}]}),
    "open": {"match": {"prefix": "/open"}, "upstream": "service"},
}
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}")


def world_with(folder, **audit):
    return World(folder, ROUTES, [KEY], issuers={"corporate": corporate()}, gateway={
        "audit_log": {"enabled": True, "file": str(folder / "audit.log"), **audit}})


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    with world_with(folder) as world:
        world.audit = folder / "audit.log"
        yield world


def lines(world):
    return parse_log(world.audit) if world.audit.exists() else []


def line_of(world, path, text=None, headers=(), **options):
    """The audit line of one request."""
    response = world.get(path, text, headers, **options)
    content = json.loads(response.body)  # the upstream's echo, or a problem
    request_id = content.get("request_id") or header_values(content, "x-request-id")[0]

    def found():
        return [line for line in lines(world) if line.get("request_id") == request_id]

    result = eventually(found, 5, f"the audit line of {path}")
    assert len(result) == 1
    return response, result[0]


def test_an_accepted_request_says_who_it_was(world):
    response, line = line_of(world, "/chain/1", token(KEY))
    inner = payload_of(bearer_of(seen(response)))
    assert response.status == 200
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\Z", line["time"])
    assert line["route"] == "app/chain"
    assert line["issuer"] == "corporate"
    assert line["subject"] == "user@bank-a"
    assert line["spiffe_id"] == "spiffe://bank-a/user/12345"
    assert line["tenant"] == "bank-a"
    assert line["scopes"] == ["read", "transfer"]
    assert line["decision"] == "accepted"
    assert line["kid"] == "one"
    assert inner["jti"] in json.dumps(line)


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """Routes on which something else refuses who was let in."""
    folder = tmp_path_factory.mktemp("strict")
    chain = {"jwt": {"issuer": "corporate"}, "spiffe": SPIFFE, "internal_jwt": {"audience": "bank-a"}}
    edits = {"body": {"bytes_max": "1KiB", "json": {"set": {"/user": "{spiffe_id}"}}}}
    routes = {
        "limited": route("/limited", **chain, rate_limit={"rate": "1/min", "burst": 1, "key": "spiffe_id"}),
        "edited": route("/edited", **chain, request_transform=edits),
    }
    with World(folder, routes, [KEY], gateway={"audit_log": {"file": str(folder / "audit.log")}}) as world:
        world.audit = folder / "audit.log"
        yield world


@pytest.mark.parametrize("path, body, statuses", [
    ("/limited", None, [200, 429]), ("/edited", b"{bad", [400]), ("/edited", b'"%s"' % (b"x" * 2000), [413]),
], ids=["by a rate limit", "by a body that can't be edited", "by a body that is too long"])
def test_who_was_let_in_and_then_refused_has_a_line_too(strict, path, body, statuses):
    method = "POST" if body else "GET"
    headers = [*headers_with(token(KEY)), ("Content-Type", "application/json")]
    before = len(lines(strict))
    answers = [exchange(strict.gateway.port, request_bytes(method, path, headers, body or b"")) for _ in statuses]
    assert [answer.status for answer in answers] == statuses
    eventually(lambda: len(lines(strict)) >= before + len(statuses), 5, "the audit lines")
    found = lines(strict)[before:]
    assert len(found) == len(statuses), "one line for each request"
    assert found[-1]["decision"] == "accepted" and found[-1]["spiffe_id"] == "spiffe://bank-a/user/12345"
    assert found[-1]["request_id"] == json.loads(answers[-1].body)["request_id"]
    assert "internal_token_digest" not in found[-1] and "reason" not in found[-1]


REFUSED = [
    ("without a token", "/chain", lambda: None, 401),
    ("with another's signature", "/chain", lambda: token(STRANGER), 401),
    ("expired", "/chain", lambda: token(KEY, exp=1), 401),
    ("of another audience", "/chain", lambda: token(KEY, aud="other"), 401),
    ("of an unknown issuer", "/chain", lambda: token(KEY, iss="https://evil.test"), 401),
    ("no token at all", "/chain", lambda: "garbage", 401),
    ("without the scope", "/chain", lambda: token(KEY, scope="other"), 403),
    ("of another tenant", "/chain", lambda: token(KEY, tenant="bank-b"), 403),
    ("that makes no SPIFFE ID", "/chain", lambda: token(KEY, user_id="a/b"), 403),
]


@pytest.mark.parametrize("path, make, status", [item[1:] for item in REFUSED], ids=[item[0] for item in REFUSED])
def test_a_refused_request_says_why(world, path, make, status):
    response, line = line_of(world, path, make())
    assert response.status == status
    assert line["decision"] == "refused" and line["reason"]
    assert line["route"] == "app/chain"


def test_every_refusal_has_a_reason_of_its_own(world):
    reasons = [line_of(world, path, make())[1]["reason"] for _, path, make, _ in REFUSED]
    assert len(set(reasons)) == len(reasons), reasons


def test_a_foreign_tenant_is_named(world):
    _, line = line_of(world, "/chain", token(KEY, tenant="bank-b"))
    assert line["tenant"] == "bank-b" and line["subject"] == "user@bank-a"


def test_what_nobody_has_verified_is_not_called_somebodys_identity(world):
    _, line = line_of(world, "/chain", token(STRANGER, sub="the-president"))
    assert "the-president" not in json.dumps(line)


def test_routes_without_identity_make_no_lines(world):
    before = len(lines(world))
    assert world.status("/open") == 200
    line_of(world, "/chain")
    assert len(lines(world)) == before + 1


@pytest.mark.parametrize("evil", ['"}\n{"decision":"accepted"', "\u0000\u0001\u001b[31m", "x" * 5000, "\u2028ü\U0001f600"],
                         ids=["a line break", "control bytes", "5,000 bytes", "beyond ASCII"])
def test_a_claim_cannot_forge_a_line(world, evil):
    before = len(lines(world))
    line_of(world, "/chain", token(KEY, sub=evil))
    assert len(lines(world)) == before + 1
    assert all(len(json.dumps(line)) < 8192 for line in lines(world))


def test_no_token_is_in_any_log_or_page(world):
    text = token(KEY, user_id="777")
    inner = bearer_of(world.reached("/chain/logged", text))
    world.status("/chain", token(STRANGER))
    world.status("/chain", "garbage.with.dots")
    assert world.get(f"/query?access_token={text}&x=1").status == 200
    assert world.get("/query", headers=[("Cookie", f"session={text}")]).status == 200
    assert world.get(f"/query?access_token={token(STRANGER)}").status == 401
    assert get(world.gateway.port, f"/open?access_token={text}").status == 200
    eventually(lambda: any("/chain/logged" in json.dumps(line) for line in world.gateway.access_log()), 5, "the log")
    everything = "\n".join([
        world.audit.read_text(), world.gateway.stderr(), world.gateway.stdout_path.read_text(),
        *(world.gateway.admin(path).body.decode() for path in ("/metrics", "/config", "/issuers", "/routes"))])
    assert text.split(".")[2] not in everything and inner.split(".")[2] not in everything
    assert not TOKEN.search(everything), TOKEN.search(everything)


def test_reasons_are_counted_by_issuer(world):
    def refused():
        return sum(value for _, labels, value in world.gateway.metrics()
                   if labels.get("issuer") == "corporate" and "reason" in labels)

    before = refused()
    for _ in range(3):
        world.status("/chain", token(KEY, exp=1))
    eventually(lambda: refused() >= before + 3, 5, "the counts")


def test_an_unknown_issuer_makes_no_label_of_its_own(world):
    for number in range(50):
        world.status("/chain", token(KEY, iss=f"https://evil-{number}.test"))
    assert "evil-" not in world.gateway.admin("/metrics").body.decode()


def test_only_refusals_are_logged_where_that_is_said(tmp_path):
    with world_with(tmp_path, decisions="refused") as world:
        world.audit = tmp_path / "audit.log"
        assert world.status("/chain", token(KEY)) == 200
        line_of(world, "/chain")
        assert [line["decision"] for line in lines(world)] == ["refused"]


def test_the_log_can_be_off(tmp_path):
    with world_with(tmp_path, enabled=False) as world:
        assert world.status("/chain", token(KEY)) == 200
        assert world.status("/chain") == 401
    assert not (tmp_path / "audit.log").exists() or (tmp_path / "audit.log").read_text() == ""


def test_the_log_is_reopened_with_the_others(tmp_path):
    with world_with(tmp_path) as world:
        world.audit = tmp_path / "audit.log"
        line_of(world, "/chain")
        world.audit.rename(tmp_path / "audit.old")
        world.gateway.signal(signal.SIGUSR1)
        eventually(world.audit.exists, 5, "the new file")
        line_of(world, "/chain", token(KEY))


# What else is in a line

def test_a_request_without_a_token_is_anonymous_where_that_is_allowed(world):
    response, line = line_of(world, "/optional")
    assert response.status == 200 and line["decision"] == "anonymous"
    assert not {"issuer", "subject", "kid", "reason", "status", "claimed_issuer"} & set(line)


def test_a_line_says_where_the_request_came_from_and_went(world):
    _, line = line_of(world, "/chain/place?secret=1")
    assert (line["client"], line["listener"], line["method"]) == ("127.0.0.1", "main", "GET")
    assert line["path"] == "/chain/place" and line["status"] == 401 and line["reason"] == "token-missing"
    assert "secret" not in json.dumps(line)


def test_both_tenants_are_named_when_they_differ(world):
    _, line = line_of(world, "/chain", token(KEY, tenant="bank-b"))
    assert (line["tenant"], line["route_tenant"], line["reason"]) == ("bank-b", "bank-a", "tenant-mismatch")
    assert line["scopes"] == ["read", "transfer"] and line["spiffe_id"] == "spiffe://bank-a/user/12345"


def test_a_token_that_has_expired_was_somebodys_all_the_same(world):
    _, line = line_of(world, "/chain", token(KEY, exp=1))
    assert (line["issuer"], line["subject"], line["kid"]) == ("corporate", "user@bank-a", "one")
    assert line["reason"] == "token-expired"


def test_a_forged_token_has_only_claims(world):
    _, line = line_of(world, "/chain", token(STRANGER))
    assert (line["claimed_issuer"], line["claimed_kid"]) == ("corporate", "one")
    assert not {"issuer", "subject", "kid", "spiffe_id", "tenant", "scopes"} & set(line)


def test_an_internal_token_without_an_id_is_known_by_its_digest(tmp_path):
    with World(tmp_path, {"x": {**ROUTES["chain"], "plugins": {
            **ROUTES["chain"]["plugins"], "internal_jwt": {"audience": "bank-a"}}}}, [KEY], gateway={
                "audit_log": {"file": str(tmp_path / "audit.log")}}) as world:
        world.audit = tmp_path / "audit.log"
        response, line = line_of(world, "/chain", token(KEY))
        digest = hashlib.sha256(bearer_of(seen(response)).encode()).hexdigest()
        assert line["internal_token_digest"] == digest[:32] and "internal_token_id" not in line


def test_what_a_route_answers_itself_is_a_decision_too(tmp_path):
    routes = {"fixed": {"match": {"path": "/fixed"}, "respond": {"status": 204}, "plugins": {
        "jwt": {"issuer": "corporate"}}}}
    with World(tmp_path, routes, [KEY], gateway={"audit_log": {"file": str(tmp_path / "audit.log")}}) as world:
        world.audit = tmp_path / "audit.log"
        assert world.status("/fixed", token(KEY)) == 204 and world.status("/fixed") == 401
        found = eventually(lambda: len(lines(world)) == 2 and lines(world), 5, "both lines")
        assert [line["decision"] for line in found] == ["accepted", "refused"]


# Reload and end

def test_a_reload_moves_the_log_and_changes_what_is_in_it(tmp_path):
    with world_with(tmp_path) as world:
        world.audit = tmp_path / "audit.log"
        line_of(world, "/chain", token(KEY))
        content = world.gateway.gateway_yaml()
        content["audit_log"] = {"file": str(tmp_path / "second.log"), "decisions": "refused"}
        world.gateway.write("gateway.yaml", content)
        assert world.gateway.hang_up() == "applied"
        before = len(lines(world))
        world.audit = tmp_path / "second.log"
        assert world.status("/chain", token(KEY)) == 200
        line_of(world, "/chain")
        assert [line["decision"] for line in lines(world)] == ["refused"]
        world.audit = tmp_path / "audit.log"
        assert len(lines(world)) == before


def test_a_file_that_cannot_be_opened_rejects_the_reload(tmp_path):
    with world_with(tmp_path) as world:
        content = world.gateway.gateway_yaml()
        content["audit_log"] = {"file": str(tmp_path / "nowhere" / "audit.log")}
        world.gateway.write("gateway.yaml", content)
        assert world.gateway.hang_up() == "rejected"
        world.audit = tmp_path / "audit.log"
        line_of(world, "/chain", token(KEY))


def test_the_last_lines_are_written_before_the_end(tmp_path):
    with world_with(tmp_path) as world:
        world.audit = tmp_path / "audit.log"
        for _ in range(20):
            assert world.status("/chain", token(KEY)) == 200
        world.gateway.signal(signal.SIGTERM)
        world.gateway.wait()
        assert len(lines(world)) == 20


def test_two_logs_on_one_stream_keep_their_lines_whole(tmp_path):
    with world_with(tmp_path, file="stdout") as world:
        with world.gateway.client() as client:
            for _ in range(500):
                client.send(request_bytes("GET", "/chain", headers_with(token(KEY))))
                assert client.response().status == 200

        def all_lines():
            found = [json.loads(line) for line in world.gateway.stdout_path.read_text().splitlines()]
            return len([line for line in found if line.get("decision")]) == 500 and len(found) >= 1000

        eventually(all_lines, 5, "500 lines of each log")


# Metrics

def test_decisions_are_counted_by_issuer(world):
    def counts():
        samples = world.gateway.metrics()
        return [samples.sum("portcullis_identity_decisions_total", **labels) for labels in (
            {"issuer": "corporate", "decision": "accepted"}, {"issuer": "corporate", "decision": "refused"},
            {"issuer": "none", "decision": "anonymous"}, {"issuer": "none", "decision": "refused"},
            {"issuer": "unknown", "decision": "refused"})]

    world.status("/optional"), world.status("/chain"), world.status("/chain", "garbage")
    before = counts()
    world.status("/chain", token(KEY)), world.status("/chain", token(KEY, scope="other"))
    world.status("/optional"), world.status("/chain"), world.status("/chain", token(KEY, iss="https://evil.test"))
    assert counts() == [number + 1 for number in before]
    samples = world.gateway.metrics()
    assert samples.sum("portcullis_identity_refusals_total", issuer="corporate", reason="scope-missing") >= 1


def test_the_caches_are_counted(world):
    def lookups(cache, result):
        return world.gateway.metrics().sum("portcullis_token_cache_lookups_total", cache=cache, result=result)

    text = token(KEY, user_id="counted")
    before = [lookups(cache, result) for cache in ("verified", "minted") for result in ("miss", "hit")]
    with world.gateway.client() as client:  # one connection, and so one loop
        for _ in range(4):
            client.send(request_bytes("GET", "/chain", headers_with(text)))
            assert client.response().status == 200
    after = [lookups(cache, result) for cache in ("verified", "minted") for result in ("miss", "hit")]
    assert [new - old for new, old in zip(after, before)] == [1, 3, 1, 3]
    samples = world.gateway.metrics()
    for cache in ("verified", "minted"):
        assert samples.sum("portcullis_token_cache_entries", cache=cache) >= 1
        assert samples.sum("portcullis_token_cache_bytes", cache=cache) > 100
        assert samples.sum("portcullis_token_cache_evictions_total", cache=cache) == 0


def test_the_keys_are_counted_by_state_and_promtool_has_nothing_to_say(world):
    samples = world.gateway.metrics()
    states = {labels["state"]: value for _, labels, value in samples.matching("portcullis_signing_keys")}
    assert states == {"published": 0, "signing": 1, "retired": 0}
    result = subprocess.run(
        ["promtool", "check", "metrics"], input=world.gateway.admin("/metrics").body, capture_output=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
