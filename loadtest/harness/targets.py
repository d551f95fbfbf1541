"""The performance targets of the gateway, judged from the figures in results.json."""

import math
import statistics
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Target:
    what: str
    limit: str
    measured: str
    verdict: str        # "met", "NOT MET" or "not measured"


ALLOCATIONS_MAX = 0.001    # calls per keep-alive request: what happens once a second in a whole process is less
ERROR_MAX = 1.0      # of a difference, in microseconds: with a larger one a run says nothing about tenths of them
OTHERS_MAX = 0.05    # the part of the machine that other processes may take before a run counts as disturbed


def others(section):
    """The part of the machine that went to other processes, median over all measurements of a section."""
    parts = [row["others"] for case in section.get("cases", {}).values() for rows in case.values() for row in rows]
    return statistics.median(parts) if parts else 0.0


def costs(every, scenario, case, peer):
    """CPU time per unit of work in each round in which it could be had, by the round."""
    rows = every.get(scenario, {}).get("cases", {}).get(case, {}).get(peer, [])
    return {row.get("round", place): row["cpu"] for place, row in enumerate(rows) if row["cpu"]}


def each_round(combine, these, those):
    """What `combine` makes of two costs of one round: what drifts between rounds cancels out, as it hits both."""
    return [combine(these[number], those[number]) for number in these.keys() & those.keys()]


def paired(combine, these, those):
    """The median of that over the rounds."""
    values = each_round(combine, these, those)
    return statistics.median(values) if values else None


def quotient(these, those):
    return paired(lambda value, base: value / base, these, those)


def difference(these, those):
    return paired(lambda value, base: value - base, these, those)


def worst(*values):
    """The largest; none while one is missing."""
    return max(values) if all(value is not None for value in values) else None


def at_most(what, limit, value, unit="", digits=2, below=False):
    told = f"{'under' if below else 'at most'} {limit:g}{unit}"
    if value is None:
        return Target(what, told, "-", "not measured")
    met = value < limit if below else value <= limit
    return Target(what, told, f"{value:.{digits}f}{unit}", "met" if met else "**NOT MET**")


def added(what, limit, these, those):
    """What is too small to be judged without its error, which is half of the interval that holds the median in 95 of
    100 runs. A limit of 0 stands for what can't be measured."""
    told = f"at most {limit:g} µs" if limit else "not measurable"
    values = sorted(each_round(lambda value, base: value - base, these, those))
    if not values:
        return Target(what, told, "-", "not measured")
    median, aside = statistics.median(values), 0.98 * math.sqrt(len(values))
    low, high = (values[min(max(round(len(values) / 2 + side), 0), len(values) - 1)] for side in (-aside, aside))
    error = (high - low) / 2
    verdict = "met" if median <= (limit or error) else "**NOT MET**"
    if error > ERROR_MAX or verdict != "met" and median - error <= limit:
        verdict = "undecided"
    return Target(what, told, f"{median:.2f} ± {error:.2f} µs", verdict)


def noted(target, every, scenario):
    """The verdict, unless the gateway failed requests: work not done costs nothing. A disturbed run is named."""
    failed = sum(row["failed"] for case in every.get(scenario, {}).get("cases", {}).values()
                 for row in case.get("gateway", []))
    if failed:
        return replace(target, verdict=f"**NOT MET** ({failed} failed requests)")
    if target.verdict == "not measured" or others(every.get(scenario, {})) <= OTHERS_MAX:
        return target
    return replace(target, verdict=target.verdict + ", in a disturbed run")


def judge(every):
    """All targets in the order in which the report shows them."""
    off, on = (costs(every, "plain", f"access log {state}", "gateway") for state in ("off", "on"))
    haproxy, nginx, relay = (costs(every, "plain", "access log off", peer) for peer in ("haproxy", "nginx", "relay"))
    syscalls = every.get("plain", {}).get("syscalls", {}).get("gateway", {}).get("per_request")
    few, many = (costs(every, "routes", f"{count} routes", "gateway") for count in (10, 10_000))
    fresh, fresh_base = (costs(every, "new-connection", "new connection", peer) for peer in ("gateway", "haproxy"))
    large, large_base = (costs(every, "body-1m", "1 MiB", peer) for peer in ("gateway", "haproxy"))
    return [
        *(noted(target, every, scenario) for scenario, target in (
            ("plain", at_most("Plain proxying, CPU to the better of HAProxy and nginx", 0.85,
                              worst(quotient(off, haproxy), quotient(off, nginx)))),
            ("plain", at_most("Plain proxying, CPU to the relay", 1.25, quotient(off, relay))),
            ("plain", at_most("Access log on, more CPU per request", 1.0, difference(on, off), " µs")),
            ("plain", at_most("System calls per request", 4.5, syscalls)),
            ("routes", at_most("10,000 routes, CPU to 10 routes", 1.05, quotient(many, few))),
            ("new-connection", at_most("A new connection per request, CPU to HAProxy", 0.95,
                                       quotient(fresh, fresh_base))),
            ("body-1m", at_most("1 MiB bodies, CPU per GiB to HAProxy", 1.0, quotient(large, large_base))),
        )),
        *(noted(target, every, "identity") for target in identity(every)),
        *(noted(target, every, "pipeline") for target in pipeline(every)),
        *(noted(target, every, "traffic") for target in traffic(every)),
        noted(shared_limit(every), every, "shared-limit"),
        *memory(every.get("idle", {}).get("figures", {}).get("gateway")),
        *life(every.get("startup", {}).get("figures", {}).get("gateway")),
        reloads(every.get("reload", {}).get("figures", {}).get("gateway")),
        allocated(every.get("allocations", {}).get("figures", {})),
    ]


def identity(every):
    """The chain against plain proxying without any token, and what a token costs beyond its two signatures."""
    plain, base = (costs(every, "identity", "plain", peer) for peer in ("gateway", "haproxy"))
    found = []
    for case in ("one token", "10,000 tokens"):
        chain = costs(every, "identity", case, "gateway")
        found += [at_most(f"The identity chain, {case}, CPU to HAProxy's plain proxying", 1.0, quotient(chain, base)),
                  at_most(f"The identity chain, {case}, more CPU than plain", 3.0, difference(chain, plain), " µs")]
    speed = every.get("identity", {}).get("openssl_us") or {}
    fresh = difference(costs(every, "identity", "a new token each time", "gateway"), plain)
    crypto = speed.get("RS256 verify", 0) + speed.get("ES256 sign", 0)
    beyond = fresh - crypto if fresh is not None and crypto else None
    return found + [at_most("A token never seen before, more CPU than plain and OpenSSL's verify and sign", 6.0,
                            beyond, " µs")]


def pipeline(every):
    base = costs(every, "pipeline", "plain", "haproxy")
    return [at_most(f"The whole pipeline, {case}, CPU to HAProxy's plain proxying", 1.0,
                    quotient(costs(every, "pipeline", case, "gateway"), base)) for case in ("one token", "10,000 tokens")]


def traffic(every):
    """Each part against a route without any in the same process, and that route against a process that has no other."""
    def cost(case):
        return costs(every, "traffic", case, "gateway")
    return [added(what, limit, cost(case), cost(base)) for what, limit, case, base in (
        ("Other routes' plugins, more CPU per request", 0, "no plugin", "alone"),
        ("A local rate limit, more CPU per request", 0.3, "1 limit", "no plugin"),
        ("A circuit breaker, more CPU per request", 0, "circuit breaker", "no plugin"),
        ("10 header operations on requests, more CPU per request", 0.5, "10 operations on the request", "no plugin"),
        ("10 header operations on answers, more CPU per request", 0.5, "10 operations on the answer", "no plugin"))]


def shared_limit(every):
    """With the rate that there was: the load generator's core is also Redis's."""
    rows = every.get("shared-limit", {}).get("cases", {}).get("Redis", {}).get("gateway", [])
    rate = f", {statistics.median(row['rps'] for row in rows):,.0f} checks a second" if rows else ""
    return at_most(f"A rate limit in Redis, CPU to a local one{rate}", 1.5, quotient(
        costs(every, "shared-limit", "Redis", "gateway"), costs(every, "shared-limit", "local", "gateway")))


def memory(rounds):
    each = statistics.median(row["per_connection_kib"] for row in rounds) if rounds else None
    idle = statistics.median(row["idle_rss_kib"] for row in rounds) / 1024 if rounds else None
    return (at_most("Memory per idle client connection", 1.5, each, " KiB"),
            at_most("Idle process, resident", 30, idle, " MiB", 1, below=True))


def life(figure):
    start, effect = (statistics.median(figure[key]) if figure and figure.get(key) else None
                     for key in ("start_ms", "reload_ms"))
    return (at_most("Start to the first served request, 1,000 routes", 30, start, " ms", 1, below=True),
            at_most("A reload in effect, 1,000 routes", 10, effect, " ms", 1))


def reloads(figure):
    """Zero failures count only if every reload also did what it should."""
    what, limit = "200 reloads under load, failed requests", "0"
    if not figure:
        return Target(what, limit, "-", "not measured")
    failed = figure["keep_alive"]["failed"] + figure["short"]["failed"]
    done = figure["good"] + figure["bad"]
    met = failed == 0 and figure["not_in_effect"] == 0 and done >= 200
    return Target(what, limit, f"{failed} in {done} reloads", "met" if met else "**NOT MET**")


def own_calls(figure):
    """Without those that OpenSSL makes for the digests of the case."""
    return max(0, figure["per_request"] - figure.get("digests", 0))


def allocated(figures):
    """The worst of the keep-alive cases; any failed request spoils it."""
    what, limit = "Calls to the allocator per keep-alive request, without OpenSSL's one per digest", "0"
    kept = [figure for figure in figures.values() if figure["keep_alive"]]
    if not kept:
        return Target(what, limit, "-", "not measured")
    worst = max(own_calls(figure) for figure in kept)
    met = worst <= ALLOCATIONS_MAX and not any(figure["failed"] for figure in kept)
    return Target(what, limit, f"{worst:.4f}", "met" if met else "**NOT MET**")
