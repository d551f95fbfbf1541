"""The audit log: one JSON line per identity decision, and never a token in any log."""

import json
import re
import signal

import pytest

from harness import eventually, get, parse_log
from identity import Key, World, bearer_of, corporate, header_values, payload_of, route, seen, token

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
