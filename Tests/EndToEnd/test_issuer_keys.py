"""Where an issuer's keys come from, and what happens when they change, or when nobody says what they are."""

import json
import threading
import time

import pytest

from harness import MEMORY_FACTOR, ScriptedUpstream, command, eventually, get, ok, request_bytes, stays
from harness.names import HELD, Names
from identity import (
    AUDIENCE, Authority, Key, Provider, World, claims, compact, document, encoded, headers_with, json_answer, jwks, route,
    token)
from identity.provider import DISCOVERY, JWKS

ONE, TWO, THREE = Key("RS256", "one"), Key("ES256", "two"), Key("ES256", "three", number=3)
FILED = Key("ES256", "filed", number="filed")
FAST = {"interval_min": "1s", "interval_max": "1s", "fetch_timeout": "1s", "unknown_key_cooldown": "1s"}
CALM = {"interval_min": "60s", "interval_max": "1h", "fetch_timeout": "1s", "unknown_key_cooldown": "30s"}
LIVE, FILE = route("/live", jwt={"issuer": "live"}), route("/file", jwt={"issuer": "file"})


def issuer_of(provider, refresh=None, **changes):
    content = {"issuer": provider.issuer, "audiences": [AUDIENCE], "allow_http": not provider.context,
               "refresh": refresh or CALM, **changes}
    return {name: value for name, value in content.items() if value is not None}


FILE_ISSUER = {"issuer": "https://file.test", "audiences": [AUDIENCE], "jwks_file": "keys/file.json"}


@pytest.fixture
def provider_with():
    started = []

    def start(*keys, **options):
        started.append(Provider(*keys, **options))
        return started[-1]

    yield start
    for provider in started:
        provider.stop()


@pytest.fixture
def world_with(tmp_path):
    """A gateway whose route /live is for the given issuer, and whose route /file needs no provider."""
    started = []

    def start(issuer, **options):
        world = World(tmp_path / f"gw{len(started)}", {"live": LIVE, "file": FILE},
                      issuers={"live": issuer, "file": FILE_ISSUER},
                      files={"keys/file.json": jwks(FILED), **options.pop("files", {})}, **options)
        world.__enter__()
        started.append(world)
        return world

    yield start
    for world in started:
        world.__exit__(None)


def live(provider, key, **changes):
    return token(key, iss=provider.issuer, **changes)


def filed(world):
    return world.status("/file", token(FILED, iss="https://file.test"))


def comes_through(world, text, seconds=10):
    eventually(lambda: world.status("/live", text) == 200, seconds, "the token being taken")


# Where keys come from

def test_keys_are_found_by_discovery(provider_with, world_with):
    provider = provider_with(ONE, TWO)
    world = world_with(issuer_of(provider))
    comes_through(world, live(provider, ONE))
    assert world.status("/live", live(provider, TWO)) == 200
    assert world.status("/live", live(provider, THREE)) == 401
    assert provider.asked(DISCOVERY) >= 1 and provider.asked(JWKS) >= 1


def test_discovery_is_below_the_issuers_path(provider_with, world_with):
    provider = provider_with(ONE)
    provider.issuer = provider.url("/realms/bank")
    world = world_with(issuer_of(provider))
    comes_through(world, live(provider, ONE))
    assert provider.asked("/realms/bank" + DISCOVERY) >= 1


def test_discovery_may_be_elsewhere(provider_with, world_with):
    provider = provider_with(ONE, issuer="https://sso.test/realm")
    world = world_with(issuer_of(provider, discovery_url=provider.url("/elsewhere" + DISCOVERY)))
    comes_through(world, live(provider, ONE))


def test_keys_are_fetched_without_discovery_where_their_place_is_given(provider_with, world_with):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider, jwks_url=provider.url()))
    comes_through(world, live(provider, ONE))
    assert provider.asked(DISCOVERY) == 0


def test_a_discovery_document_of_another_issuer_is_not_believed(provider_with, world_with):
    provider = provider_with(ONE)
    provider.behaviour = lambda _, request: (
        json_answer(document("https://evil.test", provider.url())) if request.target == DISCOVERY
        else provider.answer(request))
    world = world_with(issuer_of(provider, FAST))
    eventually(lambda: provider.asked(DISCOVERY) >= 2, 10, "a second attempt")
    assert provider.asked(JWKS) == 0
    assert world.status("/live", live(provider, ONE)) == 503
    provider.behaviour = None
    comes_through(world, live(provider, ONE))


def test_keys_in_a_file_are_read_again_at_a_reload(world_with, provider_with):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider))
    assert filed(world) == 200
    fresh = Key("ES256", "filed", number="fresh")
    world.gateway.write("keys/file.json", jwks(fresh))
    assert filed(world) == 200, "nothing changes before the signal"
    assert world.gateway.hang_up() == "applied"
    assert filed(world) == 401, "a token of the old key, its verdict remembered or not"
    assert world.status("/file", token(fresh, iss="https://file.test")) == 200


def test_a_key_file_that_broke_changes_nothing(world_with, provider_with):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider))
    world.gateway.write("keys/file.json", "{")
    assert world.gateway.hang_up() == "rejected"
    assert filed(world) == 200


@pytest.mark.parametrize("content", ["{", "", '{"keys": []}', "-----BEGIN PUBLIC KEY-----"])
def test_a_key_file_that_cannot_be_used_is_found_with_its_place(world_with, provider_with, content):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider))
    world.gateway.write("keys/file.json", content)
    result = command("check", world.gateway.folder)
    text = result.stdout + result.stderr
    assert result.returncode == 1 and "gateway.yaml" in text and "jwks_file" in text, text


def test_what_came_out_of_the_environment_is_in_no_log(world_with, provider_with):
    provider = provider_with(ONE)
    provider.behaviour = lambda _, request: ok(b"no", status=b"500 Internal Server Error")
    url = f"http://127.0.0.1:{provider.port}/keys?key=${{env:SECRET}}"
    world = world_with(issuer_of(provider, FAST, jwks_url=url), env={"SECRET": "s3cr3t"})
    eventually(lambda: provider.asked("/keys?key=s3cr3t") >= 1, 10, "an attempt")
    eventually(lambda: "could not be had" in world.gateway.stderr(), 10, "a line in the log")
    assert "s3cr3t" not in world.gateway.stderr()
    assert "s3cr3t" not in world.gateway.admin("/issuers").body.decode()
    provider.behaviour = None


def test_keys_live_over_a_reload_without_being_asked_for_again(provider_with, world_with):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider))
    comes_through(world, live(provider, ONE))
    asked = provider.asked()
    provider.go_down()
    world.gateway.write_routes({"service": [world.upstream.target]}, {
        "live": LIVE, "file": FILE, "more": route("/more", jwt={"issuer": "live"})})
    assert world.gateway.hang_up() == "applied"
    assert world.status("/more", live(provider, ONE)) == 200
    assert provider.asked() == asked


def turn_to(world, issuer, routes=None):
    """A reload with other settings of the issuer `live`; none removes it."""
    world.gateway.gateway_overrides["issuers"] = {**({"live": issuer} if issuer else {}), "file": FILE_ISSUER}
    world.gateway.write("gateway.yaml", world.gateway.gateway_yaml())
    if routes:
        world.gateway.write_routes({"service": [world.upstream.target]}, routes)
    return world.gateway.hang_up()


@pytest.mark.parametrize("changes", [
    {"refresh": {**CALM, "fetch_timeout": "2s"}}, {"refresh": {**CALM, "interval_max": "2h"}}, {"clock_skew": "30s"},
], ids=["fetch_timeout", "interval_max", "clock_skew"])
def test_a_change_of_settings_keeps_the_keys_of_an_issuer_that_is_down(provider_with, world_with, changes):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider))
    text = live(provider, ONE)
    comes_through(world, text)
    provider.go_down()
    asked = provider.asked()
    assert turn_to(world, issuer_of(provider, **changes)) == "applied"
    assert [world.status("/live", live(provider, ONE, jti=str(number))) for number in range(5)] == [200] * 5
    assert world.gateway.admin("/readyz").status == 200
    assert provider.asked() == asked
    provider.come_up()


def test_a_change_of_the_schedule_holds_for_the_running_issuer(provider_with, world_with):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider))
    comes_through(world, live(provider, ONE))
    asked = provider.asked(JWKS)
    assert turn_to(world, issuer_of(provider, refresh=FAST)) == "applied"
    eventually(lambda: provider.asked(JWKS) >= asked + 2, 10, "fetches at the new interval")


def waiting(world, provider):
    """A client whose request waits for an answer of the provider."""
    time.sleep(1.1)  # the cool-down counts from the last fetch
    asked = provider.asked()
    client = world.gateway.client()
    client.send(request_bytes("GET", "/live", headers_with(live(provider, TWO))))
    eventually(lambda: provider.asked() > asked, 5, "the look-up")
    return client


@pytest.mark.parametrize("change", ["removed", "moved"])
def test_a_request_that_waits_for_an_issuer_that_a_reload_takes_away_is_answered(provider_with, world_with, change):
    provider, release = provider_with(ONE), threading.Event()
    world = world_with(issuer_of(provider, {**CALM, "unknown_key_cooldown": "1s", "fetch_timeout": "30s"}))
    comes_through(world, live(provider, ONE))
    provider.behaviour = lambda connection, request: release.wait(30) and None
    try:
        with waiting(world, provider) as client:
            other = {"live": route("/live", jwt={"issuer": "file"}), "file": FILE}
            moved = issuer_of(provider, jwks_url=provider.url("/elsewhere"))
            assert turn_to(world, None if change == "removed" else moved, other) == "applied"
            assert client.response(seconds=5).status == 401
    finally:
        release.set()


def test_a_request_that_waits_over_a_reload_gets_its_key(provider_with, world_with):
    provider, release = provider_with(ONE), threading.Event()
    world = world_with(issuer_of(provider, {**CALM, "unknown_key_cooldown": "1s", "fetch_timeout": "30s"}))
    comes_through(world, live(provider, ONE))

    def held(connection, request):
        assert release.wait(30)
        return provider.answer(request)

    provider.keys, provider.behaviour = [ONE, TWO], held
    with waiting(world, provider) as client:
        assert turn_to(world, issuer_of(provider, clock_skew="30s")) == "applied"
        release.set()
        assert client.response().status == 200


@pytest.mark.parametrize("has_keys, status, code", [
    (True, 401, "token-key-unknown"), (False, 503, "issuer-unavailable")], ids=["with keys", "without"])
def test_a_request_whose_time_ends_while_it_waits_for_a_key_is_refused_by_identity(
        provider_with, tmp_path, has_keys, status, code):
    provider, release = provider_with(ONE), threading.Event()

    def hanging(connection, request):
        release.wait(30)

    if not has_keys:
        provider.behaviour = hanging
    refresh = {**CALM, "unknown_key_cooldown": "1s", "fetch_timeout": "20s"}
    routes = {"live": {**LIVE, "timeouts": {"request": "500ms"}}}
    with World(tmp_path, routes, issuers={"live": issuer_of(provider, refresh, jwks_url=provider.url())}) as world:
        try:
            if has_keys:
                comes_through(world, live(provider, ONE))
                time.sleep(1.1)  # the cool-down
                provider.behaviour = hanging
            before = len(world.upstream.requests)
            answers = [world.get("/live", live(provider, key)) for key in (TWO, THREE)]
            assert [answer.status for answer in answers] == [status] * 2
            assert all(json.loads(answer.body)["code"] == code for answer in answers)
            assert len(world.upstream.requests) == before

            def lines():
                return [line for line in map(json.loads, world.gateway.stdout().splitlines()) if line.get("reason") == code]

            eventually(lambda: len(lines()) == 2, 5, "two lines in the audit log")
            refused = sum(value for name, labels, value in world.gateway.metrics()
                          if name == "portcullis_refusals_total" and labels.get("by") == "identity")
            assert refused == 2
            if has_keys:
                assert world.status("/live", live(provider, ONE)) == 200, "the service isn't to blame"
        finally:
            release.set()


# HTTPS

@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_an_https_issuer_is_asked_when_its_certificate_is_good(provider_with, world_with, authority, host):
    provider = provider_with(ONE, context=authority.server(), host=host)
    world = world_with(issuer_of(provider, ca_file=str(authority.path)))
    comes_through(world, live(provider, ONE))


BAD_SERVERS = [
    ("another authority", {}, True),
    ("a certificate that has expired", {"expired": True}, False),
    ("a certificate for another host", {"names": ["other.test"], "addresses": []}, False),
]


@pytest.mark.parametrize("options, stranger", [item[1:] for item in BAD_SERVERS], ids=[item[0] for item in BAD_SERVERS])
def test_an_https_issuer_that_is_not_who_it_says_is_not_asked(
        provider_with, world_with, authority, tmp_path, options, stranger):
    serving = Authority(tmp_path / "stranger") if stranger else authority
    provider = provider_with(ONE, context=serving.server(**options), host="localhost")
    world = world_with(issuer_of(provider, FAST, ca_file=str(authority.path)))
    eventually(lambda: len(provider.connections) >= 2, 15, "a second attempt")
    assert provider.asked() == 0, "a request was sent all the same"
    response = world.get("/live", live(provider, ONE))
    assert response.status == 503
    assert filed(world) == 200


def test_the_systems_roots_do_not_know_a_private_authority(provider_with, world_with, authority):
    provider = provider_with(ONE, context=authority.server(), host="localhost")
    world = world_with(issuer_of(provider, FAST))
    eventually(lambda: len(provider.connections) >= 1, 15, "an attempt")
    stays(lambda: provider.asked() == 0, 1, "no request")
    assert world.status("/live", live(provider, ONE)) == 503


def test_an_https_issuer_is_not_led_to_http(provider_with, world_with, authority):
    plain = provider_with(ONE)
    provider = provider_with(ONE, context=authority.server(), host="localhost")
    provider.behaviour = lambda _, request: json_answer(document(provider.issuer, plain.url()))
    world = world_with(issuer_of(provider, FAST, ca_file=str(authority.path)))
    eventually(lambda: provider.asked() >= 2, 15, "a second attempt")
    assert plain.asked() == 0
    assert world.status("/live", live(provider, ONE)) == 503


# A provider that isn't there

def test_the_gateway_starts_without_an_issuer_and_serves_the_others(provider_with, world_with):
    provider = provider_with(ONE)
    provider.go_down()
    world = world_with(issuer_of(provider, FAST))
    assert filed(world) == 200
    response = world.get("/live", live(provider, ONE))
    assert response.status == 503
    assert int(response.header("retry-after")) >= 1
    assert response.header("content-type") == "application/problem+json"
    assert world.get("/live").status == 401, "who brings no token needs no keys"
    assert world.gateway.admin_json("/readyz")["issuers"]["without_keys"] == ["live"]
    assert "live" in json.dumps(world.gateway.admin_json("/issuers"))
    provider.come_up()
    comes_through(world, live(provider, ONE))
    assert world.gateway.admin_json("/readyz")["issuers"]["without_keys"] == []


def test_the_admin_page_shows_issuers_and_key_ids_but_no_secret(provider_with, world_with):
    provider = provider_with(ONE, TWO)
    world = world_with(issuer_of(provider))
    comes_through(world, live(provider, ONE))
    text = json.dumps(world.gateway.admin_json("/issuers"))
    for word in ("live", "file", provider.issuer, "one", "two", "filed"):
        assert word in text, f"{word} is not in {text}"
    assert world.gateway.admin("/issuers", "POST").status == 405


def test_metrics_are_told_by_issuer(provider_with, world_with):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider))
    comes_through(world, live(provider, ONE))
    world.status("/live", live(provider, THREE))
    filed(world)

    def told():
        return {labels.get("issuer") for _, labels, _ in world.gateway.metrics()} >= {"live", "file"}

    eventually(told, 5, "metrics for both issuers")


def test_issuers_whose_names_hang_keep_no_other_one_from_being_asked(provider_with, tmp_path):
    provider, names = provider_with(ONE, host="good.test"), Names(tmp_path)
    held = [f"held{number}.test" for number in range(18)]
    names.set({"good.test": ["127.0.0.1"], **{name: HELD for name in held}})
    patient = {**CALM, "fetch_timeout": "30s"}
    issuers = {f"a{number}": {"issuer": f"https://{name}", "jwks_url": f"https://{name}/keys", "audiences": [AUDIENCE],
                              "refresh": patient} for number, name in enumerate(held)}
    issuers["live"] = issuer_of(provider, patient, jwks_url=provider.url())
    with World(tmp_path / "gw", {"live": LIVE}, issuers=issuers, env=names.environment) as world:
        comes_through(world, live(provider, ONE))


def test_old_keys_serve_through_an_outage(provider_with, world_with):
    provider = provider_with(ONE, cache_control="max-age=1")
    world = world_with(issuer_of(provider, FAST))
    text = live(provider, ONE)
    comes_through(world, text)
    provider.go_down()
    stays(lambda: world.status("/live", text) == 200 and world.status("/live", live(provider, ONE)) == 200,
          4, "tokens being taken")
    assert world.gateway.admin_json("/readyz")["issuers"]["with_stale_keys"] == ["live"]
    provider.keys = [TWO]
    provider.come_up()
    comes_through(world, live(provider, TWO))
    eventually(lambda: world.status("/live", text) == 401, 10, "the old key being gone")


def slow(connection, request):
    connection.upstream.stopping.wait(8)


def dripping(connection, request):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not connection.upstream.stopping.wait(0.2):
        connection.send(b" ")


def endless(connection, request):
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not connection.upstream.stopping.is_set():
        connection.send(b"10000\r\n" + b" " * 65536 + b"\r\n")


def endless_head(connection, request):
    connection.send(b"HTTP/1.1 200 OK\r\n")
    while not connection.upstream.stopping.is_set():
        connection.send(b"X-Filler: " + b"x" * 4000 + b"\r\n")


def truncated(connection, request):
    text = jwks(TWO).encode()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text[:-5]))


def fixed(answer):
    return lambda connection, request: answer


def many_keys():
    key = TWO.jwk()
    return jwks(*[{**key, "kid": f"k{number}"} for number in range(20000)])


BAD_ANSWERS = [
    ("slow", slow), ("drip by drip", dripping), ("endless", endless), ("a head without end", endless_head),
    ("cut off", truncated), ("closed at once", lambda connection, request: None),
    ("no HTTP", fixed(b"hello\r\n\r\n")), ("an error", fixed(ok(b"oops", status=b"500 Internal Server Error"))),
    ("not found", fixed(ok(b"{}", status=b"404 Not Found"))), ("no content", fixed(b"HTTP/1.1 204 No Content\r\n\r\n")),
    ("nothing", fixed(ok(b""))), ("HTML", fixed(ok(b"<html><body>maintenance</body></html>"))),
    ("half a document", fixed(json_answer(jwks(TWO)[:-2]))), ("a list", fixed(json_answer('[{"kty": "EC"}]'))),
    ("keys that are text", fixed(json_answer('{"keys": "none"}'))), ("no keys", fixed(json_answer("{}"))),
    ("keys twice", fixed(json_answer(jwks(TWO)[:-1] + ', "keys": []}'))),
    ("deep nesting", fixed(json_answer('{"keys": ' + "[" * 100_000 + "]" * 100_000 + "}"))),
    ("20,000 keys", fixed(json_answer(many_keys()))),
    ("two lengths", fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}")),
]


@pytest.mark.parametrize("behaviour", [item[1] for item in BAD_ANSWERS], ids=[item[0] for item in BAD_ANSWERS])
def test_a_bad_answer_changes_nothing(provider_with, world_with, behaviour):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider, FAST, jwks_url=provider.url()))
    text = live(provider, ONE)
    comes_through(world, text)
    memory = world.gateway.memory_kib()
    asked = provider.asked()
    provider.behaviour = behaviour
    eventually(lambda: provider.asked() >= asked + 2, 15, "two more attempts")
    begun = time.monotonic()
    assert world.status("/live", text) == 200
    assert world.status("/live", live(provider, ONE)) == 200
    assert time.monotonic() - begun < 0.5, "requests for known keys wait for nobody"
    assert world.gateway.memory_kib() - memory < 32 * 1024 * MEMORY_FACTOR
    provider.behaviour = None
    provider.keys = [ONE, TWO]
    comes_through(world, live(provider, TWO), 15)


def test_a_redirect_is_not_followed(provider_with, world_with):
    elsewhere = provider_with(TWO)
    provider = provider_with(ONE)
    location = f"Location: {elsewhere.url()}\r\n".encode()
    world = world_with(issuer_of(provider, FAST, jwks_url=provider.url()))
    comes_through(world, live(provider, ONE))
    asked = provider.asked()
    provider.behaviour = fixed(ok(b"", location, b"302 Found"))
    eventually(lambda: provider.asked() >= asked + 2, 15, "two more attempts")
    assert elsewhere.asked() == 0
    assert world.status("/live", live(provider, ONE)) == 200
    assert world.status("/live", live(provider, TWO)) == 401


def test_a_key_that_is_served_twice_is_one_key(provider_with, world_with):
    provider = provider_with(ONE, ONE, TWO, TWO)
    world = world_with(issuer_of(provider))
    comes_through(world, live(provider, ONE))
    assert world.status("/live", live(provider, TWO)) == 200


def test_different_keys_under_one_id_are_both_tried_and_spoil_no_other(provider_with, world_with):
    other = Key("ES256", "two", number="other")
    provider = provider_with(ONE, TWO, other)
    world = world_with(issuer_of(provider))
    comes_through(world, live(provider, ONE))
    assert world.status("/live", live(provider, TWO)) == 200
    assert world.status("/live", live(provider, other)) == 200
    assert world.status("/live", live(provider, Key("ES256", "two", number="stranger"))) == 401


UNUSABLE = [
    ("an unknown kind", {"kty": "LATTICE", "kid": "x", "alg": "ML-DSA-65"}),
    ("a shared secret", {"kty": "oct", "kid": "x", "alg": "HS256", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}),
    ("a key for encryption", Key("RS256", "x", number="enc").jwk(use="enc", alg="RSA-OAEP")),
    ("an RSA key of 1,024 bits", Key("RS256", "x", kind=1024).jwk()),
    ("a point off the curve", {**TWO.jwk(), "kid": "x", "x": "A" * 43}),
    ("a curve that nobody takes", Key("ES256", "x", kind="secp256k1").jwk()),
    ("a key without a value", {"kty": "RSA", "kid": "x"}),
    ("an exponent of 1", {**ONE.jwk(), "kid": "x", "e": "AQ"}),
    ("no mapping", "x"), ("a number", 7), ("null", None),
]


@pytest.mark.parametrize("key", [item[1] for item in UNUSABLE], ids=[item[0] for item in UNUSABLE])
def test_an_unusable_key_does_not_spoil_the_others(provider_with, world_with, key):
    provider = provider_with(key, ONE)
    world = world_with(issuer_of(provider))
    comes_through(world, live(provider, ONE))
    assert world.status("/live", live(provider, Key("RS256", "x", kind=1024))) == 401
    assert world.status("/live", live(provider, Key("RS256", "x", number="enc"))) == 401


# Unknown key ids

def test_an_unknown_key_id_makes_the_gateway_look_again_at_once(provider_with, world_with):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider, {**CALM, "unknown_key_cooldown": "1s"}))
    comes_through(world, live(provider, ONE))
    time.sleep(1.1)  # the cool-down counts from the last fetch
    provider.keys = [ONE, TWO]
    assert world.status("/live", live(provider, TWO)) == 200, "the request waits for the answer"


def test_a_key_id_that_came_while_keys_were_fetched_is_looked_for_again(provider_with, world_with):
    """The answer to a fetch may be older than a key that was published meanwhile."""
    provider, release = provider_with(ONE), threading.Event()
    world = world_with(issuer_of(provider, {**FAST, "fetch_timeout": "10s"}, jwks_url=provider.url()))
    comes_through(world, live(provider, ONE))

    def stale(connection, request):
        answer = provider.answer(request)
        assert release.wait(30)
        return answer

    asked = provider.asked(JWKS)
    provider.behaviour = stale
    eventually(lambda: provider.asked(JWKS) > asked, 5, "a fetch by the schedule")
    provider.keys = [ONE, TWO]
    with world.gateway.client() as client:
        client.send(request_bytes("GET", "/live", headers_with(live(provider, TWO))))
        eventually(lambda: world.gateway.metrics().sum(
            "portcullis_issuer_key_lookups_total", issuer="live", outcome="joined") == 1, 5, "the request waiting")
        provider.behaviour = None
        release.set()
        assert client.response().status == 200


def test_a_key_that_moved_with_its_set_is_found(provider_with, world_with):
    """The provider names another place of its keys, and serves the old ones at the old place on."""
    provider, moved = provider_with(ONE), []
    world = world_with(issuer_of(provider, {**CALM, "unknown_key_cooldown": "1s"}))

    def serve(connection, request):
        if request.target == "/moved":
            return json_answer(jwks(ONE, TWO))
        if request.target.endswith(DISCOVERY) and moved:
            return json_answer(document(provider.issuer, provider.url("/moved")))
        return provider.answer(request)

    provider.behaviour = serve
    comes_through(world, live(provider, ONE))
    moved.append(True)
    time.sleep(1.1)  # the cool-down counts from the last fetch
    assert world.status("/live", live(provider, TWO)) == 200
    asked = provider.asked()
    time.sleep(1.1)
    assert world.status("/live", live(provider, THREE)) == 401
    assert provider.asked() - asked <= 2, "the keys once, and where they are once"


def test_keys_without_id_do_not_hide_that_a_key_id_is_unknown(provider_with, world_with):
    nameless = ONE.jwk(kid=None)
    provider = provider_with(nameless)
    world = world_with(issuer_of(provider, {**CALM, "unknown_key_cooldown": "1s"}))
    comes_through(world, live(provider, ONE))
    provider.keys = [nameless, TWO]
    time.sleep(1.1)
    assert world.status("/live", live(provider, TWO)) == 200
    forged = world.get("/live", live(provider, Key("RS256", "four", number=4)))
    assert forged.status == 401 and json.loads(forged.body)["code"] == "token-key-unknown"


def test_many_requests_with_a_new_key_id_ask_once(provider_with, world_with):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider, {**CALM, "unknown_key_cooldown": "1s"}, jwks_url=provider.url()))
    comes_through(world, live(provider, ONE))
    time.sleep(1.1)
    asked = provider.asked(JWKS)
    provider.keys = [ONE, TWO]

    def unhurried(connection, request):
        time.sleep(0.3)
        return provider.answer(request)

    provider.behaviour = unhurried
    clients = [world.gateway.client() for _ in range(50)]
    for client in clients:
        client.send(request_bytes("GET", "/live", headers_with(live(provider, TWO))))
    begun = time.monotonic()
    assert world.status("/live", live(provider, ONE)) == 200
    assert time.monotonic() - begun < 0.25, "a known key waits for nobody"
    assert [client.response().status for client in clients] == [200] * 50
    assert provider.asked(JWKS) == asked + 1
    for client in clients:
        client.close()


def test_a_flood_of_unknown_key_ids_asks_at_most_once_per_cool_down(provider_with, world_with):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider, {**CALM, "unknown_key_cooldown": "2s"}, jwks_url=provider.url()))
    good = live(provider, ONE)
    comes_through(world, good)
    asked, memory, begun = provider.asked(), world.gateway.memory_kib(), time.monotonic()
    text = live(provider, TWO)
    payload = text.split(".", 1)[1]
    with world.gateway.client() as client:
        for number in range(4000):
            unknown = encoded({"alg": "ES256", "kid": f"unknown-{number}"}) + "." + payload
            client.send(request_bytes("GET", "/live", headers_with(unknown)))
            assert client.response().status == 401
            if number % 100 == 0:
                client.send(request_bytes("GET", "/live", headers_with(good)))
                assert client.response().status == 200
    elapsed = time.monotonic() - begun
    assert provider.asked() - asked <= 1 + elapsed / 2
    assert world.gateway.memory_kib() - memory < 16 * 1024 * MEMORY_FACTOR


@pytest.mark.parametrize("kid", [None, "gone"], ids=["without a key id", "with one that was looked for in vain"])
def test_bad_tokens_keep_no_new_key_from_being_learned(provider_with, world_with, kid):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider, {**CALM, "unknown_key_cooldown": "2s"}, jwks_url=provider.url()))
    comes_through(world, live(provider, ONE))
    text = live(provider, TWO)
    bad = encoded({"alg": "ES256", **({"kid": kid} if kid else {})}) + "." + text.split(".", 1)[1]
    assert world.status("/live", bad) == 401
    time.sleep(2.1)  # the cool-down, which the bad token's look-up began
    provider.keys, asked = [ONE, TWO], provider.asked()
    stopping, sent = threading.Event(), [0]

    def flood():
        with world.gateway.client() as client:
            while not stopping.is_set():
                client.send(request_bytes("GET", "/live", headers_with(bad)) * 5)
                for _ in range(5):
                    assert client.response().status == 401
                    sent[0] += 1

    threads = [threading.Thread(target=flood, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    eventually(lambda: sent[0] > 100, 10, "the flood")
    try:
        assert [world.status("/live", live(provider, TWO, jti=str(number))) for number in range(5)] == [200] * 5
    finally:
        stopping.set()
        for thread in threads:
            thread.join(10)
    assert provider.asked() == asked + 1


def test_a_stray_bad_token_costs_the_next_good_one_nothing(provider_with, world_with):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider, {**CALM, "unknown_key_cooldown": "1s"}, jwks_url=provider.url()))
    comes_through(world, live(provider, ONE))
    world.status("/live", live(provider, THREE))  # looked for in vain: refused for 2 s
    time.sleep(1.1)
    provider.keys = [ONE, TWO]
    assert world.status("/live", live(provider, THREE)) == 401
    assert world.status("/live", live(provider, TWO)) == 200


@pytest.mark.parametrize("kid", ["x" * 3000, "", "\u0000", "é"], ids=["3,000 bytes", "empty", "a NUL", "not ASCII"])
def test_an_odd_key_id_is_just_unknown(provider_with, world_with, kid):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider))
    comes_through(world, live(provider, ONE))
    assert world.status("/live", compact(TWO, {"kid": kid}, claims(iss=provider.issuer))) == 401


# Rotation

class Traffic:
    """Clients that send good tokens of the provider's present signing key, and count what isn't 200."""

    def __init__(self, world, make, clients=4):
        self.world, self.make = world, make
        self.sent, self.refused = 0, []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]

    def run(self):
        with self.world.gateway.client() as client:
            while not self.stopping.is_set():
                client.send(request_bytes("GET", "/live", headers_with(self.make())))
                response = client.response()
                self.sent += 1
                if response.status != 200:
                    self.refused.append((response.status, response.body[:200]))
                self.stopping.wait(0.002)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(10)


@pytest.mark.slow
def test_a_rotation_under_traffic_refuses_no_valid_token(provider_with, world_with):
    provider = provider_with(ONE, cache_control="max-age=1")
    world = world_with(issuer_of(provider, FAST))
    kept = live(provider, ONE)
    comes_through(world, kept)
    signing = [ONE]
    with Traffic(world, lambda: live(provider, signing[0])) as traffic:
        for old, new in ((ONE, TWO), (TWO, THREE)):
            sent = traffic.sent
            eventually(lambda: traffic.sent > sent + 50, 10, "some traffic")
            asked = provider.asked(JWKS)
            provider.keys = [old, new]
            eventually(lambda: provider.asked(JWKS) >= asked + 2, 10, "the new key being fetched")
            signing[0] = new
            sent = traffic.sent
            eventually(lambda: traffic.sent > sent + 50, 10, "traffic with the new key")
            provider.keys = [new]
            asked = provider.asked(JWKS)
            eventually(lambda: provider.asked(JWKS) >= asked + 2, 10, "the old key being gone")
    assert traffic.refused == []
    assert world.status("/live", kept) == 401, "the old key is gone, and so is what was remembered of its tokens"
    assert world.status("/live", live(provider, TWO)) == 401
    assert world.status("/live", live(provider, THREE)) == 200


@pytest.mark.slow
def test_a_new_key_that_signs_before_anybody_could_know_is_found(provider_with, world_with):
    """A provider that publishes and signs in the same moment: the unknown key id asks."""
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider, {**CALM, "unknown_key_cooldown": "1s"}))
    comes_through(world, live(provider, ONE))
    time.sleep(1.1)
    with Traffic(world, lambda: live(provider, provider.keys[0])) as traffic:
        eventually(lambda: traffic.sent > 50, 10, "some traffic")
        provider.keys = [TWO, ONE]
        sent = traffic.sent
        eventually(lambda: traffic.sent > sent + 100, 10, "traffic with the new key")
    assert traffic.refused == []


def test_cache_control_is_honoured_within_bounds(provider_with, world_with):
    provider = provider_with(ONE, cache_control="max-age=0, no-store")
    world = world_with(issuer_of(provider, {**FAST, "interval_min": "1s", "interval_max": "1h"}))
    comes_through(world, live(provider, ONE))
    first = provider.asked(JWKS)
    eventually(lambda: provider.asked(JWKS) >= first + 2, 10, "fetches at the lower bound")
    times = provider.times
    assert times[-1] - times[0] > 0.5, "never faster than the lower bound"
    provider.cache_control = "max-age=3600"
    asked = provider.asked(JWKS)
    eventually(lambda: provider.asked(JWKS) > asked, 10, "one more fetch")
    asked = provider.asked(JWKS)
    stays(lambda: provider.asked(JWKS) <= asked + 1, 3, "quiet")


def test_the_provider_sees_a_modest_client(provider_with, world_with):
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider))
    comes_through(world, live(provider, ONE))
    request = provider.requests[0]
    assert request.method == "GET" and request.header("host") == f"127.0.0.1:{provider.port}"
    assert not request.has("authorization") and not request.has("cookie")
    assert get(world.gateway.port, "/file").status == 401


def test_no_request_of_a_client_goes_to_a_place_that_its_token_names(world_with, provider_with):
    trap = ScriptedUpstream(lambda connection: connection.until_closed())
    provider = provider_with(ONE)
    world = world_with(issuer_of(provider))
    comes_through(world, live(provider, ONE))
    for member in ("jku", "x5u"):
        text = compact(TWO, {"kid": "new", member: f"http://127.0.0.1:{trap.port}/keys"}, claims(iss=provider.issuer))
        assert world.status("/live", text) == 401
    evil = claims(iss=f"http://127.0.0.1:{trap.port}")
    assert world.status("/live", compact(TWO, {}, evil)) == 401
    assert trap.connections == []
    trap.stop()
