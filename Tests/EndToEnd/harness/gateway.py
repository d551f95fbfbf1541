"""The real gateway as a process, on a configuration folder of its own."""

import json
import os
import signal
import subprocess
from pathlib import Path

from . import prometheus
from .client import RawClient, exchange, request_bytes
from .configuration import DEFAULT_DOMAIN, gateway_file, domain_file
from .deadline import eventually
from .ports import free_port

REPOSITORY = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("PORTCULLIS_BIN", REPOSITORY / ".build" / "debug" / "portcullis")).resolve()
START_SECONDS = float(os.environ.get("PORTCULLIS_START_SECONDS", "10"))
TIME_FACTOR = float(os.environ.get("PORTCULLIS_TIME_FACTOR", "1"))
# A sanitizer keeps freed memory for a while.
MEMORY_FACTOR = float(os.environ.get("PORTCULLIS_MEMORY_FACTOR", "1"))


def command(*arguments, env=None, seconds=30):
    """Runs `portcullis ARGUMENTS` to its end; the result has returncode, stdout and stderr as text."""
    result = subprocess.run(
        [BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=seconds * TIME_FACTOR,
        env={**os.environ, **(env or {})})
    assert_no_sanitizer_report(result.stderr)
    return result


def assert_no_sanitizer_report(stderr):
    """Whatever the process's end was: a binary built with a sanitizer must not have reported anything."""
    at = stderr.find("Sanitizer:")
    assert at < 0, f"a sanitizer's report: {stderr[max(at - 200, 0):at + 6000]}"


class Gateway:
    """Writes its files, starts, waits until ready; stops with SIGTERM and checks that the exit was clean.

    `files` maps file names to text or to dictionaries (written as JSON, which is YAML); `gateway.yaml` and `app.yaml`
    come from `gateway`, `upstreams` and `routes` unless given there. `listeners` are names; ports are picked here.
    """

    def __init__(
        self, folder, upstreams=None, routes=None, gateway=None, domain=None, files=None, listeners=("main",),
        env=None, start=True,
    ):
        self.root = Path(folder)
        self.folder = self.root / "gateway.d"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ports = {name: free_port() for name in listeners}
        self.admin_port = free_port()
        self.env = env or {}
        self.process = None
        self.expected_exit = 0
        self.gateway_overrides = gateway or {}
        self.write("gateway.yaml", self.gateway_yaml())
        if upstreams is not None or routes is not None:
            self.write(f"{DEFAULT_DOMAIN}.yaml", domain_file(upstreams or {}, routes or {}, domain))
        for name, content in (files or {}).items():
            self.write(name, content)
        self.starts = start

    def gateway_yaml(self, **overrides):
        return gateway_file(self.ports, self.admin_port, {**self.gateway_overrides, **overrides})

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
        return path

    def write_routes(self, upstreams, routes, domain=None):
        self.write(f"{DEFAULT_DOMAIN}.yaml", domain_file(upstreams, routes, domain))

    @property
    def port(self):
        return self.ports[next(iter(self.ports))]

    # Life

    def __enter__(self):
        if self.starts:
            self.start()
        return self

    def __exit__(self, failure, *_):
        if self.process is None:
            return
        code = self.stop()
        if failure is None:
            assert_no_sanitizer_report(self.stderr())
        if failure is None and self.expected_exit is not None:
            assert code == self.expected_exit, f"exit code {code}; stderr: {self.stderr()[-3000:]}"

    def start(self):
        self.stdout_path = self.root / "stdout.log"
        self.stderr_path = self.root / "stderr.log"
        with open(self.stdout_path, "ab") as out, open(self.stderr_path, "ab") as err:
            self.process = subprocess.Popen(
                [BINARY, "run", str(self.folder)], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env={**os.environ, **self.env})
        eventually(self.is_ready, START_SECONDS, "/readyz answering 200")

    def is_ready(self):
        assert self.process.poll() is None, (
            f"the gateway ended with {self.process.returncode}: {self.stderr()[-3000:]}")
        try:
            return self.admin("/readyz").status == 200
        except (OSError, TimeoutError):
            return False

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=10):
        return self.process.wait(seconds)

    def stop(self, seconds=10):
        """SIGTERM, and SIGKILL if that takes longer than `seconds`; returns the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"no exit within {seconds} s of SIGTERM: {self.stderr()[-3000:]}") from None

    def hang_up(self, seconds=10):
        """SIGHUP; returns what came of it, as the metric calls it: applied, rejected or unchanged."""
        before = self.reloads()
        self.signal(signal.SIGHUP)

        def outcome():
            return [result for result, count in self.reloads().items() if count > before.get(result, 0)]

        return eventually(outcome, seconds, "the outcome of a reload in the metrics")[0]

    def reloads(self):
        return {labels["result"]: value for name, labels, value in self.metrics() if name == "portcullis_reloads_total"}

    # What it says

    def stderr(self):
        return self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""

    def log(self):
        """The error log's lines, each a JSON object; a last line that is still being written is left out."""
        return parse_lines(self.stderr())

    def access_log(self):
        """Access log lines on stdout, where audit lines may stand between them."""
        return [line for line in parse_lines(self.stdout()) if "decision" not in line]

    def stdout(self):
        return self.stdout_path.read_text(errors="replace")

    def access_line(self, seconds=5, **fields):
        """The first access log line with all these values."""
        def find():
            return [line for line in self.access_log() if all(line.get(key) == value for key, value in fields.items())]
        try:
            return eventually(find, seconds, f"an access log line with {fields}")[0]
        except TimeoutError as error:
            raise AssertionError(f"{error}; the log has {self.access_log()[-5:]}") from None

    def admin(self, path, method="GET", seconds=5):
        request = request_bytes(method, path, [("Connection", "close")], host="localhost")
        return exchange(self.admin_port, request, seconds=seconds)

    def admin_json(self, path):
        response = self.admin(path)
        assert response.status == 200, f"{path}: {response.status} {response.body[:500]!r}"
        return json.loads(response.body)

    def metrics(self):
        response = self.admin("/metrics")
        assert response.status == 200
        return prometheus.parse(response.body.decode())

    def client(self, listener=None, **options):
        return RawClient(self.ports[listener] if listener else self.port, **options)

    # What the kernel says of it

    def memory_kib(self, field="VmRSS"):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise AssertionError(f"no {field} in /proc")

    def state(self):
        """`R`, `S`, `T` when stopped by a signal … (proc_pid_stat(5))."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2][0]

    def stand_still(self):
        """From now on nothing is read or timed, until SIGCONT; what comes meanwhile is there all at once then."""
        self.signal(signal.SIGSTOP)
        eventually(lambda: self.state() == "T", what="the gateway's stop")

    def go_on(self):
        self.signal(signal.SIGCONT)

    def reset_peak_memory(self):
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def parse_lines(text):
    lines = text.split("\n")[:-1]
    return [json.loads(line) for line in lines if line]


def parse_log(path):
    """The whole lines of a JSON log file."""
    return parse_lines(Path(path).read_text(errors="replace"))
