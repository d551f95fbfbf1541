"""Processes under measurement: started on one core, watched through /proc, ended by their id."""

import json
import os
import resource
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROXY_CORES = {0}
LOAD_CORES = {min(1, os.cpu_count() - 1)}
ALL_CORES = os.sched_getaffinity(0)
STOP_SECONDS = 5
START_SECONDS = 30


class NotStarted(Exception):
    """A process ended, or did not listen within START_SECONDS. The text holds the end of what it said."""


def free_ports(count):
    """Ports below the ephemeral range, so that no outgoing connection can sit on one between here and the bind."""
    found, port = [], 15000 + (os.getpid() * 7) % 10000
    while len(found) < count:
        port = port + 1 if port < 31000 else 15000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                found.append(port)
            except OSError:
                continue
    return found


def answers(port, path="/", timeout=1.0):
    """The status and body of one GET on a connection of its own, or None."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: bench.test\r\nConnection: close\r\n\r\n".encode())
            received = b""
            while chunk := sock.recv(65536):
                received += chunk
    except OSError:
        return None
    head, _, body = received.partition(b"\r\n\r\n")
    return (int(head[9:12]), body) if head.startswith(b"HTTP/1.1 ") and head[9:12].isdigit() else None


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def machine_busy_ns():
    """CPU time that all processes and the kernel have used on all cores since boot, to the tick."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _wait, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def own_ns():
    """CPU time of this program and of its children that have ended (the load generator among them)."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return int(sum(usage.ru_utime + usage.ru_stime for usage in spent) * 1e9)


def cpu_ns_of(pid):
    """CPU time of one process with one thread, in nanoseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def started(pid):
    """When a process began, in clock ticks since boot: with its id, this names one process for ever."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return None


def spawn(argv, cores, **streams):
    """A child on those cores. It inherits the core from us, as a hook between fork and exec would slow the start."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        return subprocess.Popen([str(a) for a in argv], **streams)
    finally:
        os.sched_setaffinity(0, ours)


class Process:
    """A running program and its children, pinned to some cores."""

    def __init__(self, argv, cores, stdout=None, folder=None):
        self.log = tempfile.NamedTemporaryFile(prefix="stderr-", dir=folder, delete=False)
        self.child = spawn(argv, cores, stdin=subprocess.DEVNULL, stdout=stdout or self.log, stderr=self.log)
        self.pid = self.child.pid
        self.stop_signal = signal.SIGTERM

    def wait_until_serving(self, port, path="/"):
        self.wait_until(lambda: answers(port, path) is not None, port)

    def wait_until_listening(self, port):
        self.wait_until(lambda: listens(port), port)

    def wait_until(self, is_ready, port):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                raise NotStarted(f"exit status {self.child.returncode}: {self.said()}")
            if is_ready():
                return
            time.sleep(0.02)
        raise NotStarted(f"nothing listens on port {port}: {self.said()}")

    def said(self):
        return Path(self.log.name).read_text(errors="replace")[-2000:].strip()

    def tree(self):
        """The process and its descendants. A proxy with a master and a worker is counted whole."""
        found, index = [self.pid], 0
        while index < len(found):
            for task in Path(f"/proc/{found[index]}/task").glob("*/children"):
                try:
                    found += [int(pid) for pid in task.read_text().split()]
                except OSError:
                    continue
            index += 1
        return found

    def cpu_ns(self):
        """CPU time of all threads, in nanoseconds, kernel and user together, from the scheduler's own clock."""
        total = 0
        for pid in self.tree():
            for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                try:
                    total += int(task.read_text().split()[0])
                except OSError:
                    continue
        return total

    def memory_kib(self):
        """Resident and proportional set size of the whole tree, in KiB."""
        resident = proportional = 0
        for pid in self.tree():
            try:
                status = Path(f"/proc/{pid}/status").read_text()
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            resident += next((int(l.split()[1]) for l in status.splitlines() if l.startswith("VmRSS")), 0)
            proportional += next((int(l.split()[1]) for l in rollup.splitlines() if l.startswith("Pss:")), 0)
        return {"rss": resident, "pss": proportional}

    def descriptors(self):
        count = 0
        for pid in self.tree():
            try:
                count += len(os.listdir(f"/proc/{pid}/fd"))
            except OSError:
                continue
        return count

    def alive(self):
        return self.child.poll() is None

    def stop(self):
        """Ends the process and every descendant that it leaves behind, each by its id."""
        descendants = [(pid, started(pid)) for pid in self.tree()[1:]] if self.alive() else []
        if self.alive():
            self.child.send_signal(self.stop_signal)
            try:
                self.child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        for pid, start in descendants:
            if start and started(pid) == start:
                os.kill(pid, signal.SIGKILL)
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def start_load(tools, port, *options, hold=False):
    return spawn([tools["load"], "--port", port, *options], LOAD_CORES,
                 stdin=subprocess.PIPE if hold else subprocess.DEVNULL, stdout=subprocess.PIPE)


def run_load(tools, port, *options, limit=120):
    """One run of the load generator, on its core, at most `limit` seconds. Returns what it printed."""
    child = start_load(tools, port, *options)
    try:
        out, _ = child.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        raise
    return json.loads(out)
