import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import BINARY, EchoUpstream, Gateway, ScriptedUpstream, route_all  # noqa: E402
from harness.redis import RedisServer  # noqa: E402


def pytest_sessionstart(session):
    if not BINARY.is_file():
        pytest.exit(f"no gateway at {BINARY}: build it, or set PORTCULLIS_BIN", returncode=2)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A gateway that leads all paths to an upstream that says what it got; for modules that have none of their own."""
    with EchoUpstream() as upstream:
        with Gateway(
            tmp_path_factory.mktemp("gateway"), {"service": upstream.target}, {"all": route_all()}
        ) as gateway:
            gateway.upstream = upstream
            yield gateway


@pytest.fixture
def upstream_with(request):
    """Starts an upstream with the given scripts, stopped and checked at the test's end."""
    started = []

    def start(*scripts, **options):
        upstream = ScriptedUpstream(*scripts, **options) if scripts else EchoUpstream(**options)
        started.append(upstream)
        return upstream

    yield start
    for upstream in started:
        upstream.__exit__(None)


@pytest.fixture
def gateway_with(tmp_path):
    """Starts a gateway; its clean exit is checked at the test's end."""
    started = []

    def start(*upstreams, folder="gw", **options):
        """With upstreams given, all paths lead to an upstream `service` of these targets."""
        if upstreams:
            service = {"targets": [target_of(upstream) for upstream in upstreams]}
            options.setdefault("upstreams", {"service": {**service, **options.pop("upstream", {})}})
            options.setdefault("routes", {"all": route_all(**options.pop("route", {}))})
        gateway = Gateway(tmp_path / f"{folder}{len(started)}", **options)
        gateway.__enter__()
        started.append(gateway)
        return gateway

    yield start
    for gateway in started:
        gateway.__exit__(None)


@pytest.fixture
def redis(tmp_path):
    """A store of its own."""
    with RedisServer(tmp_path / "redis") as server:
        yield server


def target_of(upstream):
    return upstream if isinstance(upstream, (str, dict)) else upstream.target


def body_of(response):
    return json.loads(response.body)
