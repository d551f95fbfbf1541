"""Renders RESULTS.md from results.json."""

import statistics

from . import setup, targets
from .scenarios import IDLE_CONNECTIONS, SCENARIOS

PATH = setup.FOLDER / "RESULTS.md"
ORDER = ("relay", "gateway", "haproxy", "nginx", "envoy", "envoy-cache")


def median(rows, key):
    values = [row[key] for row in rows if row.get(key) is not None]
    return statistics.median(values) if values else None


def number(value, digits=1):
    return "-" if value is None else f"{value:,.{digits}f}"


def ratio(value, base):
    return "-" if not value or not base else f"{value / base:.2f}"


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows] + [""]


def in_order(figures):
    return [(name, figures[name]) for name in ORDER if figures.get(name)]


def taken(section):
    """When, at which commit and how long: one line under each section."""
    stamp = section["taken"]
    rounds = f", {stamp['rounds']} rounds of {stamp['seconds']:g} s" if "seconds" in stamp else ""
    lines = [f"*{stamp['date']}, commit {stamp['commit']}{rounds}, load average before the run "
             f"{stamp['load_average']}.*", ""]
    others = targets.others(section)
    if others > targets.OTHERS_MAX:
        lines += [f"**Not a quiet run: other processes took {100 * others:.0f} % of the machine meanwhile.**", ""]
    return lines


def case_table(case, figures):
    """Medians over the rounds, the spread of the cost, and the ratios that count."""
    scale, unit, digits = (1e3, "CPU ms/GiB", 0) if case.unit == "GiB" else (1, "CPU µs/request", 2)
    cost = {name: median(rows, "cpu") for name, rows in figures.items()}
    best = min((cost[name] for name in ("haproxy", "nginx") if cost.get(name)), default=None)
    rows = []
    for name, rounds in in_order(figures):
        spread = [row["cpu"] / scale for row in rounds if row["cpu"]]
        value = cost[name] / scale if cost[name] else None
        rows.append((
            name, number(value, digits),
            f"{number(min(spread), digits)}…{number(max(spread), digits)}" if spread else "-",
            ratio(cost[name], best), ratio(cost[name], cost.get("relay")),
            number(median(rounds, "rps"), 0), number(median(rounds, "p50_us"), 0), number(median(rounds, "p99_us"), 0),
            number(100 * median(rounds, "busy"), 0), sum(row["failed"] for row in rounds)))
    return table(("", unit, "min…max", "to the better of HAProxy and nginx", "to the relay", "requests/s", "p50 µs",
                  "p99 µs", "core used %", "failed"), rows)


def scenario_section(scenario, section):
    lines = [f"## {scenario.title}", ""] + taken(section)
    for case in scenario.cases:
        figures = section["cases"].get(case.name)
        if figures:
            lines += [f"**{case.name}**", ""] + case_table(case, figures)
    if section.get("openssl_us"):
        lines += ["**OpenSSL alone** (`openssl speed`, same core)", ""]
        lines += table(("", "µs"), [(name, number(value, 1)) for name, value in section["openssl_us"].items()])
    if section.get("syscalls"):
        lines += ["**System calls per request** (access log off)", ""]
        lines += table(("", "calls", "counted with"), [
            (name, number(count["per_request"], 2), count["counted_with"])
            for name, count in in_order(section["syscalls"])])
    return lines


def idle_section(section):
    rows = []
    for name, rounds in in_order(section["figures"]):
        rows.append((name, number(median(rounds, "idle_rss_kib") / 1024), number(median(rounds, "idle_pss_kib") / 1024),
                     number(median(rounds, "holding_rss_kib") / 1024), number(median(rounds, "per_connection_kib"), 2),
                     number(median(rounds, "after_rss_kib") / 1024), sum(row["failed"] for row in rounds)))
    return [f"## Memory, idle and with {IDLE_CONNECTIONS:,} idle connections", ""] + taken(section) + table(
        ("", "idle, RSS MiB", "idle, PSS MiB", "with connections, RSS MiB", "KiB per connection",
         "after they closed, RSS MiB", "failed"), rows)


def startup_section(section):
    rows = []
    for name, figure in in_order(section["figures"]):
        start, effect = figure.get("start_ms") or [], figure.get("reload_ms") or []
        rows.append((name, *(number(f(v)) if v else "-" for v in (start, effect) for f in (statistics.median, max))))
    return [f"## Start, and a reload in effect, with {section['routes']:,} routes", ""] + taken(section) + table(
        ("", "first served request, ms (median)", "slowest", "new configuration in effect, ms (median)", "slowest"),
        rows)


def reload_section(section):
    rows = []
    for name, figure in in_order(section["figures"]):
        kept, short = figure["keep_alive"], figure["short"]
        rows.append((
            name, f"{figure['good']} + {figure['bad']}", number(kept["requests"] + short["requests"], 0),
            f"{kept['failed']}{kinds(kept)}", f"{short['failed']}{kinds(short)}", figure["not_in_effect"],
            f"{number(figure['rss_kib_before'] / 1024)} → {number(figure['rss_kib_after'] / 1024)}",
            f"{figure['descriptors_before']} → {figure['descriptors_after']}",
            number(max(kept["p99_us"], short["p99_us"]) / 1e3)))
    return [f"## Reloads under load: {section['rate']:,} requests a second on keep-alive connections, as many on short "
            "ones", ""] + taken(section) + table(
        ("", "reloads, good + bad", "requests", "failed, keep-alive", "failed, short", "wrong outcome",
         "RSS MiB before → after", "descriptors before → after", "p99 ms"), rows)


def allocations_section(section):
    rows = []
    for name, figure in section["figures"].items():
        rows.append((name, number(figure["requests"], 0), number(figure["calls"], 0),
                     number(figure["per_request"], 4), number(figure["bytes"] / max(1, figure["requests"]), 1),
                     number(figure["opening_calls"], 0), figure["failed"]))
    return ["## Calls to the allocator in steady state", ""] + taken(section) + [
        "malloc, calloc, realloc, posix_memalign and aligned_alloc of the gateway's whole process, between two loads "
        "that differ only in how many requests they send. Limits in Redis name their keys by SHA-256, one digest for "
        "each limit; OpenSSL 3.0 allocates once for a digest, and that is all that is allocated there.", ""] + table(
        ("", "requests", "calls", "calls per request", "bytes per request", "calls in the shorter load", "failed"),
        rows)


def instructions_section(section):
    figures = section["figures"]
    base = figures.get("plain", {}).get("per_request")
    rows = [(name, number(figure["per_request"], 0), number(base and figure["per_request"] - base, 0), figure["failed"])
            for name, figure in figures.items()]
    return ["## Instructions per request", ""] + taken(section) + [
        "Of the gateway's own code and its libraries, without the kernel's, as valgrind counts them. Processors of "
        "our days take two to four in a nanosecond.", ""] + table(
        ("", "instructions", "more than plain", "failed"), sorted(rows, key=lambda row: row[0] != "plain"))


def kinds(load):
    return "" if not load["failures"] else " (" + ", ".join(
        f"{name.replace('_', ' ')} {count}" for name, count in sorted(load["failures"].items())) + ")"


def head(every):
    stamps = sorted((section["taken"] for section in every.values()), key=lambda stamp: stamp["date"])
    versions = {}
    for stamp in stamps:
        versions.update(stamp["versions"])
    machine = stamps[-1]["machine"]
    return [
        "# Results", "",
        "Written by `loadtest/bench`, `loadtest/startup`, `loadtest/reload`, `loadtest/allocations` and "
        "`loadtest/instructions`; README.md says what is measured and how. Ratios count, absolute figures drift with the machine. All figures are medians over "
        "the rounds, those of the targets medians of what each round says by itself; every round's figures are in "
        "results.json.", "",
        f"- Machine: {machine['cpu']}, {machine['memory_gib']} GiB, {machine['system']}, Linux {machine['kernel']}",
        *(f"- {name}: {versions[name]}" for name in (*ORDER, "redis") if name in versions), ""]


def write(every):
    lines = head(every) + ["## Targets", ""] + table(
        ("", "target", "measured", ""),
        [(t.what, t.limit, t.measured, t.verdict) for t in targets.judge(every)])
    for scenario in SCENARIOS:
        if scenario.name in every:
            lines += scenario_section(scenario, every[scenario.name])
    for name, render in (("idle", idle_section), ("startup", startup_section), ("reload", reload_section),
                         ("allocations", allocations_section), ("instructions", instructions_section)):
        if name in every:
            lines += render(every[name])
    PATH.write_text("\n".join(lines).rstrip() + "\n")
