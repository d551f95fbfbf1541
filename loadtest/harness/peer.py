"""What all proxies under comparison have in common: where an instance lives, what a scenario wants of it, its start
and its reload."""

from dataclasses import dataclass
from pathlib import Path

from .processes import PROXY_CORES, Process

CONNECTIONS_MAX = 16000
ISSUER, AUDIENCE = "https://sso.bench.test", "bank-api"     # of the tokens, see tools/tokens.c


@dataclass(frozen=True)
class Variant:
    """What a scenario wants of the proxy's configuration."""
    routes: int = 0             # /r/0/ ... /r/N-1/, each to the upstream; 0: one route for everything
    access_log: bool = False    # to a file
    generation: str = ""        # what a fixed response on /generation says; none when empty
    broken: bool = False        # a mistake that the proxy must refuse at a reload
    reloadable: bool = False    # started in the mode in which the peer can be reloaded
    limits: int = 0             # rate limits that every request is counted by, and none is refused by
    limits_told: bool = False   # every answer tells how they stand (the gateway only)
    identity: bool = False      # checks a token and tells the upstream who it is: all that the peer can do of the chain
    # The gateway only:
    store: bool = False         # the limits' buckets are in Redis
    batch: int = 1              # so many tokens are taken from there at once
    breaker: bool = False       # a circuit breaker watches the upstream; it stays closed
    changes: tuple = (0, 0)     # so many header operations on the request, and on the answer
    retries: bool = False       # failed attempts would be repeated
    concurrency: int = 0        # so many requests of the route, and of the upstream, at a time; more wait
    others: tuple = ()          # pairs of a folder and what routes below it have, beside the one for everything


@dataclass(frozen=True)
class Place:
    """Where one instance lives."""
    folder: Path
    port: int
    admin_port: int
    origin_port: int
    store_port: int = 0


def replace(path, text):
    """A rename, so that no reload sees half of a file."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    fresh.rename(path)


class Peer:
    name = ""
    reload_signal = None

    def write(self, place, variant):
        """Writes the configuration into the place's folder; again before a reload."""

    def command(self, place, variant):
        raise NotImplementedError

    def stdout(self, place, variant):
        return None

    def start(self, place, variant=Variant(), cores=PROXY_CORES):
        self.write(place, variant)
        out = self.stdout(place, variant)
        process = Process(self.command(place, variant), cores, stdout=out, folder=place.folder)
        if out:
            out.close()
        return process

    def reload(self, process):
        process.child.send_signal(self.reload_signal)
