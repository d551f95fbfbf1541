"""Upstreams that are killed, stopped, slowed down and started again under load: what clients see, by status."""

import collections
import os
import shutil
import signal
import subprocess
import threading
import time

import pytest

from harness import Background, RawClient, eventually, free_port, request_bytes

NGINX = """
daemon off;
master_process off;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 512; }}
http {{
  log_format line '$request_method $request_uri';
  access_log {root}/requests.log line;
  client_body_temp_path {root}/body;
  proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/fastcgi;
  uwsgi_temp_path {root}/uwsgi;
  scgi_temp_path {root}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ return 200 "{name}"; }}
  }}
}}
"""


class Service:
    """An nginx of one process, which can be killed, stopped, continued and started again on its port."""

    def __init__(self, root, name):
        self.root, self.name, self.port = root, name, free_port()
        root.mkdir()
        text = NGINX.format(root=root, port=self.port, name=name)
        if os.geteuid() == 0:
            text = "user root;\n" + text
        (root / "nginx.conf").write_text(text)
        self.process = None
        self.start()

    @property
    def target(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
        assert program, "nginx is missing: install it (make test does)"
        self.process = subprocess.Popen(
            [program, "-p", self.root, "-c", self.root / "nginx.conf", "-e", self.root / "error.log"])
        eventually(self.answers, what=f"{self.name} listening")

    def answers(self):
        assert self.process.poll() is None, (self.root / "error.log").read_text()
        try:
            RawClient(self.port).close()
            return True
        except OSError:
            return False

    def kill(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait(10)

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def requests(self):
        return (self.root / "requests.log").read_text().split("\n")[:-1]


@pytest.fixture
def services(tmp_path):
    started = [Service(tmp_path / name, name) for name in ("a", "b")]
    yield started
    for service in started:
        if service.process.poll() is None:
            service.kill()


class Load(Background):
    """Clients that ask as fast as they are answered, each request with a number of its own."""

    def __init__(self, gateway, method="GET", body=b"", clients=6):
        super().__init__()
        self.gateway, self.method, self.body = gateway, method, body
        self.counts = collections.Counter()
        self.slowest = 0.0
        self.threads = [threading.Thread(target=self.ask, args=(number,)) for number in range(clients)]

    def ask(self, client_number):
        try:
            client = None
            number = 0
            while not self.ending.is_set():
                client = client or self.gateway.client()
                number += 1
                start = time.monotonic()
                client.send(request_bytes(self.method, f"/{client_number}/{number}", body=self.body))
                response = client.response(self.method, seconds=20)
                with self.lock:
                    self.counts[response.status] += 1
                    self.slowest = max(self.slowest, time.monotonic() - start)
                if response.closes:
                    client.close()
                    client = None
            if client:
                client.close()
        except Exception as failure:
            self.failures.append(failure)

    @property
    def total(self):
        return sum(self.counts.values())

    def more(self, count, seconds=20):
        """Waits until that many more requests are answered."""
        goal = self.total + count
        eventually(lambda: self.total >= goal or self.failures, seconds, f"{count} more answers: {self.counts}")


AGAIN = {"retries": {"attempts_max": 4, "per_try_timeout": "250ms", "backoff": {"base": "5ms", "max": "20ms"}}}
PLENTY = {"retry_budget": {"ratio": "100%", "per_second_min": 100}}


@pytest.mark.parametrize("method, body", [("GET", b""), ("PUT", b"content" * 500)], ids=["GET", "PUT"])
def test_a_target_that_is_killed_and_started_again_costs_no_request(services, gateway_with, method, body):
    gateway = gateway_with(*services, route=AGAIN, upstream=PLENTY, gateway={"workers": 2})
    with Load(gateway, method, body) as load:
        for _ in range(3):
            load.more(200)
            services[0].kill()
            load.more(200)
            services[0].start()
        load.more(100)
    assert set(load.counts) == {200}, load.counts
    assert load.slowest < 5


@pytest.mark.parametrize("method, body", [("GET", b""), ("PUT", b"content" * 500)], ids=["GET", "PUT"])
def test_a_target_that_is_stopped_costs_no_request(services, gateway_with, method, body):
    gateway = gateway_with(*services, route=AGAIN, upstream=PLENTY, gateway={"workers": 2})
    with Load(gateway, method, body) as load:
        load.more(200)
        services[0].stop()
        load.more(60)
        services[0].resume()
        load.more(200)
    assert set(load.counts) == {200}, load.counts
    assert load.slowest < 5


def test_a_target_that_is_slow_costs_no_request(services, gateway_with, upstream_with):
    released = threading.Event()

    def slow(connection):
        while connection.request() is not None:
            released.wait(2)
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")

    gateway = gateway_with(upstream_with(slow), services[0], route=AGAIN, upstream=PLENTY)
    with Load(gateway) as load:
        load.more(60)
    released.set()
    assert set(load.counts) == {200}, load.counts
    assert load.slowest < 2


def test_when_all_targets_stop_nothing_hangs_and_all_is_well_again_afterwards(services, gateway_with):
    gateway = gateway_with(
        *services, upstream=PLENTY, gateway={"workers": 2}, route={**AGAIN, "timeouts": {"request": "2s"}})
    with Load(gateway) as load:
        load.more(100)
        for service in services:
            service.stop()
        eventually(lambda: load.counts[504] >= 6, 20, "an answer to each client")
        for service in services:
            service.resume()
        during = load.counts.copy()
        load.more(200)
    assert set(load.counts) == {200, 504}, load.counts
    # Each client may have had one more request under way that the targets were too late for.
    assert load.counts[504] <= during[504] + 6
    assert load.slowest < 5


def test_when_all_targets_are_killed_clients_get_502_at_once(services, gateway_with):
    gateway = gateway_with(*services, route=AGAIN, upstream=PLENTY, gateway={"workers": 2})
    with Load(gateway) as load:
        load.more(100)
        for service in services:
            service.kill()
        eventually(lambda: load.counts[502] >= 100, 20, "answers")
        for service in services:
            service.start()
        load.more(300)
        settled = load.counts.copy()
        load.more(100)
    assert set(load.counts) == {200, 502}, load.counts
    assert load.counts[502] == settled[502]
    assert load.slowest < 3


def test_what_must_not_be_sent_twice_is_not_under_any_of_this(services, gateway_with):
    gateway = gateway_with(*services, route=AGAIN, upstream=PLENTY, gateway={"workers": 2})
    with Load(gateway, "POST", b"pay 100") as load:
        for _ in range(3):
            load.more(150)
            services[0].kill()
            load.more(100)
            services[0].start()
        load.more(50)
        services[1].stop()
        load.more(20, 30)
        services[1].resume()
        load.more(50)
    assert set(load.counts) <= {200, 502, 504}, load.counts
    assert load.counts[200] > 400
    seen = collections.Counter(line for service in services for line in service.requests())
    assert max(seen.values()) == 1, [line for line, count in seen.items() if count > 1]
    assert len(seen) >= load.counts[200]


def test_the_budget_keeps_a_failing_upstream_from_being_asked_much_more(services, gateway_with):
    """Both targets stopped: with the usual budget, attempts are few more than requests."""
    gateway = gateway_with(
        *services, gateway={"workers": 2}, upstream={"retry_budget": {"ratio": "10%", "per_second_min": 1}},
        route={"retries": {"attempts_max": 10, "per_try_timeout": "20ms", "backoff": {"base": "1ms", "max": "1ms"}}})
    for service in services:
        service.stop()
    start = time.monotonic()
    with Load(gateway) as load:
        load.more(200)
    seconds = time.monotonic() - start
    retries = gateway.metrics().sum("portcullis_upstream_retries_total")
    assert set(load.counts) == {504}, load.counts
    assert retries <= load.total * 0.1 + seconds + 3
    assert retries > load.total * 0.05
