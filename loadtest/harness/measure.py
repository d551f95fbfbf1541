"""One measurement: a fresh proxy, a warm-up, a load, and what it cost."""

import json
import os
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from . import setup
from .peers import Place, Variant
from .processes import LOAD_CORES, Process, cpu_ns_of, free_ports, machine_busy_ns, own_ns, run_load, start_load
from .scenarios import IDLE_CONNECTIONS

SETTLE_SECONDS = 1.0
SLICE_SECONDS_MAX = 60
GIB = 1 << 30


@contextmanager
def running(peer, tools, variant=Variant()):
    """The peer in front of a light upstream, with a store of its own when the variant wants one; all serve."""
    with tempfile.TemporaryDirectory(prefix="loadtest-") as folder, ExitStack() as stack:
        port, admin_port, origin_port, store_port = free_ports(4)
        place = Place(Path(folder), port, admin_port, origin_port, store_port)
        origin = stack.enter_context(Process([tools["origin"], origin_port], LOAD_CORES, folder=folder))
        origin.wait_until_serving(origin_port)
        beside = [origin]
        if variant.store:
            store = stack.enter_context(Process(setup.redis_command(store_port, folder), LOAD_CORES, folder=folder))
            store.wait_until_listening(store_port)
            beside.append(store)
        process = stack.enter_context(peer.start(place, variant))
        process.wait_until_serving(port)
        yield process, place, beside


class Contestant:
    """A peer that serves one case, started and warmed up, to be measured slice by slice."""

    def __init__(self, peer, case, tools, instance):
        self.peer, self.case, self.tools = peer, case, tools
        self.process, self.place, self.beside = instance
        warm_up = case.load if case.warm_up is None else case.warm_up
        run_load(tools, self.place.port, *warm_up, "--seconds", case.warm_up_seconds)

    def beside_ns(self):
        """CPU time of what runs beside the proxy for its sake."""
        return sum(process.cpu_ns() for process in self.beside)

    def measure(self, number, seconds):
        """CPU time of the proxy alone, over exactly the requests of one slice: its connections are open by then, and
        each has had an answer.

        `others` is the part of the machine that went to processes that are none of ours: a quiet run has next to none.
        """
        amount = ("--seconds", seconds)
        if self.case.slice_requests:
            amount = ("--requests", self.case.slice_requests, "--skip", number * self.case.slice_tokens)
        if self.case.slice_warm_up:
            run_load(self.tools, self.place.port, *self.case.slice_warm_up)
        load = start_load(self.tools, self.place.port, *self.case.load, *amount, "--hold", hold=True)
        try:
            load.stdout.readline()
            busy, ours = machine_busy_ns(), own_ns() + self.beside_ns()
            cpu, clock = self.process.cpu_ns(), time.monotonic_ns()
            # Its own time until now comes into `ours` with its end, so it is taken off.
            ours += cpu_ns_of(load.pid)
            told = json.loads(load.communicate(b"go\n", timeout=SLICE_SECONDS_MAX)[0])
        except subprocess.TimeoutExpired:
            load.kill()
            load.communicate()
            raise
        cpu, clock = self.process.cpu_ns() - cpu, time.monotonic_ns() - clock
        busy, ours = machine_busy_ns() - busy, own_ns() + self.beside_ns() - ours
        work = told["body_bytes"] / GIB if self.case.unit == "GiB" else told["ok"]
        return {
            "round": number, "cpu": round(cpu / 1e3 / work, 3) if work else None,
            "rps": told["requests_per_second"], "p50_us": told["p50_us"], "p99_us": told["p99_us"],
            "requests": told["requests"], "failed": told["failed"], "failures": told["failures"],
            "busy": round(cpu / clock, 3), "others": round(max(0.0, (busy - ours - cpu) / clock / os.cpu_count()), 3),
        }


def count_syscalls(peer, case, tools, seconds=1.5):
    """System calls per request, counted by perf (which does not slow the process noticeably), else by strace."""
    with running(peer, tools, case.variant) as (process, place, _):
        run_load(tools, place.port, *case.load, "--seconds", 0.3)
        pids, report = process.tree(), place.folder / "syscalls"
        if setup.can_count_with_perf():
            command = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o", report,
                       "-p", ",".join(map(str, pids))]
        else:
            command = ["strace", "-c", "-f", "-U", "calls,name", "-o", report,
                       *(x for pid in pids for x in ("-p", str(pid)))]
        counter = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            load = run_load(tools, place.port, *case.load, "--seconds", seconds)
        finally:
            counter.send_signal(signal.SIGINT)
            counter.wait(20)
        text = report.read_text()
    if command[0] == "perf":
        total = next(int(line.split(",")[0]) for line in text.splitlines() if "raw_syscalls" in line)
    else:
        total = next(int(line.split()[0]) for line in text.splitlines() if line.endswith("total"))
    return {"per_request": total / load["ok"], "counted_with": command[0], "requests": load["ok"]}


def measure_idle(peer, tools, connections=IDLE_CONNECTIONS):
    """Memory after one request, with idle connections that have each had one answer, and after they have gone."""
    with running(peer, tools) as (process, place, _):
        time.sleep(SETTLE_SECONDS)
        before = process.memory_kib()
        load = start_load(tools, place.port, "--connections", connections, "--hold", "--expect-bytes", 200, hold=True)
        try:
            line = load.stdout.readline()
            time.sleep(SETTLE_SECONDS)
            holding = process.memory_kib()
        finally:
            load.stdin.close()
            try:
                load.wait(20)
            except subprocess.TimeoutExpired:
                load.kill()
                load.wait()
            load.stdout.close()
        time.sleep(SETTLE_SECONDS)
        after = process.memory_kib()
    held = json.loads(line)
    return {
        "idle_rss_kib": before["rss"], "idle_pss_kib": before["pss"], "holding_rss_kib": holding["rss"],
        "after_rss_kib": after["rss"], "connections": held["open"], "failed": held["failed"],
        "per_connection_kib": (holding["rss"] - before["rss"]) / max(1, held["open"]),
    }
