"""What is measured: each scenario is a list of cases, and a case is a configuration and the load that is put on it."""

from dataclasses import dataclass, field

from . import setup
from .peer import Variant

PROXIES = ("gateway", "haproxy", "nginx", "envoy")
EVERYONE = ("relay",) + PROXIES
IDLE_CONNECTIONS = 10_000
NEW_TOKENS = 1_000    # in each slice; all slices together end with what there is


@dataclass(frozen=True)
class Case:
    name: str
    load: tuple
    variant: Variant = field(default_factory=Variant)
    peers: tuple = PROXIES
    unit: str = "request"       # or "GiB": what the CPU time is divided by
    warm_up: tuple = None       # the load before the measurement, if it is another one
    warm_up_seconds: float = 0.5
    slice_requests: int = None  # so many in each slice, whatever time they take
    slice_warm_up: tuple = None  # the load before each slice

    @property
    def slice_tokens(self):
        """The tokens that one slice uses up, those that open its connections included."""
        return self.slice_requests + CONNECTIONS


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    cases: tuple
    # Cases of one variant are served by one process, so that nothing but the requests differs between them.
    one_process: bool = False
    # What is looked for is small: each round has so many slices, each as much shorter.
    slices: int = 1


CONNECTIONS = 64
SMALL = ("--connections", CONNECTIONS, "--expect-bytes", 200)


def routes(count):
    return Case(f"{count} routes", SMALL + ("--path", "/r/%d/items/7", "--paths", count), Variant(routes=count))


def with_tokens(name):
    return SMALL + ("--tokens", setup.IDENTITY / name)


def limited(count):
    return Case(f"{count} limit{'s' * (count > 1)}", SMALL, Variant(limits=count), peers=("gateway", "haproxy", "envoy"))


def in_turn(variant, peers):
    """Each token has been there just before, as it would be at this rate without the pauses between slices, in which
    what was made of it grows old. How fast strange ones are is another case's matter."""
    return Case("10,000 tokens", with_tokens("some-tokens"), variant, peers, slice_requests=5_000,
                slice_warm_up=with_tokens("some-tokens") + ("--requests", 10_000))


def below(folder):
    return SMALL + ("--path", f"/{folder}/item")


CHECKING = ("gateway", "haproxy", "envoy", "envoy-cache")
CHAIN = Variant(identity=True)
PIPELINE = Variant(identity=True, limits=2, limits_told=True, breaker=True, changes=(5, 5))
TOGETHER = Variant(others=(
    ("limit", Variant(limits=1)), ("breaker", Variant(breaker=True)), ("request", Variant(changes=(10, 0))),
    ("answer", Variant(changes=(0, 10))), ("everything", PIPELINE)))
PACED = SMALL + ("--rate", 20_000)

SCENARIOS = (
    Scenario("plain", "Plain keep-alive proxying of a 200-byte body, 64 connections", (
        Case("access log off", SMALL, peers=EVERYONE),
        Case("access log on", SMALL, Variant(access_log=True)),
    )),
    Scenario("routes", "10, 1,000 and 10,000 routes, asked for in scattered order", (
        routes(10), routes(1_000), routes(10_000),
    )),
    Scenario("body-16k", "16 KiB bodies, 64 connections", (
        Case("16 KiB", ("--connections", 64, "--path", "/16k", "--expect-bytes", 16 * 1024), peers=EVERYONE),
    )),
    Scenario("body-1m", "1 MiB bodies, 16 connections", (
        Case("1 MiB", ("--connections", 16, "--path", "/1m", "--expect-bytes", 1024 * 1024), peers=EVERYONE,
             unit="GiB"),
    )),
    Scenario("new-connection", "A new connection for every request", (
        Case("new connection", SMALL + ("--close", "--sources", 16)),
    )),
    Scenario("identity", "The identity chain, 64 connections, RS256 tokens", (
        Case("plain", SMALL),
        Case("plain, with a token", with_tokens("one-token"), peers=("gateway", "haproxy", "nginx")),
        Case("one token", with_tokens("one-token"), CHAIN, CHECKING),
        in_turn(CHAIN, CHECKING),
        Case("a new token each time", with_tokens("tokens"), CHAIN, CHECKING, warm_up=with_tokens("one-token"),
             slice_requests=NEW_TOKENS),
    )),
    Scenario("rate-limit", "Rate limits that count every request and refuse none, 64 connections", (
        Case("plain", SMALL, peers=("gateway", "haproxy", "envoy")), limited(1), limited(2),
        Case("1 limit, told in every answer", SMALL, Variant(limits=1, limits_told=True), peers=("gateway",)),
    )),
    Scenario("pipeline", "The whole pipeline: identity chain, two rate limits, circuit breaker, ten header operations", (
        Case("plain", SMALL, peers=("gateway", "haproxy")),
        Case("one token", with_tokens("one-token"), PIPELINE, ("gateway",)),
        in_turn(PIPELINE, ("gateway",)),
    )),
    Scenario("traffic", "What parts of the pipeline add, and what they cost others", (
        Case("alone", below("plain"), peers=("gateway",)),
        Case("no plugin", below("plain"), TOGETHER, ("gateway",)),
        Case("1 limit", below("limit"), TOGETHER, ("gateway",)),
        Case("circuit breaker", below("breaker"), TOGETHER, ("gateway",)),
        Case("10 operations on the request", below("request"), TOGETHER, ("gateway",)),
        Case("10 operations on the answer", below("answer"), TOGETHER, ("gateway",)),
    ), one_process=True, slices=4),
    Scenario("shared-limit", "A rate limit in the process and in Redis, 20,000 requests a second", (
        Case("no limit", PACED, peers=("gateway",)),
        Case("local", PACED, Variant(limits=1), ("gateway",)),
        Case("Redis", PACED, Variant(limits=1, store=True), ("gateway",)),
        Case("Redis, batches of 100", PACED, Variant(limits=1, store=True, batch=100), ("gateway",)),
    )),
)
