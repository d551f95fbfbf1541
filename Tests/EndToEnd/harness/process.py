"""An upstream as a process of its own, which can be killed, stopped and started anew; and clients that keep asking."""

import collections
import os
import signal
import subprocess
import sys
import threading
import time

from .client import RawClient, request_bytes
from .deadline import eventually
from .ports import free_port
from .wire import Truncated

SERVER = """
import http.server, socketserver, sys, time, os
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        try:
            with open(sys.argv[2]) as file: time.sleep(float(file.read()))
        except (OSError, ValueError):
            pass
        body = b"ok " + str(os.getpid()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments): pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 512
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class ProcessUpstream:
    """Answers every GET with 200; `delay(seconds)` makes it slow. Stopped by `with`, whatever state it is in."""

    def __init__(self, folder, name):
        self.port = free_port()
        self.delay_file = folder / f"{name}.delay"
        self.process = None
        self.start()

    @property
    def target(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(self.port), str(self.delay_file)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self.answers, 10, f"a server on port {self.port}")

    def answers(self):
        assert self.process.poll() is None, "the server ended"
        try:
            RawClient(self.port).close()
            return True
        except OSError:
            return False

    def delay(self, seconds):
        # Written aside, so that nobody reads half of it.
        aside = self.delay_file.with_suffix(".new")
        aside.write_text(str(seconds))
        os.replace(aside, self.delay_file)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.resume()
            self.kill()


class Load:
    """Clients that ask one after the other on kept connections, until `stop`. `marks` are counts by status since the
    last look; a client that gets no answer within `patience` counts as `hang`, a broken one as `cut`."""

    def __init__(self, port, clients=8, patience=5.0, pause=0.002):
        self.port = port
        self.patience = patience
        self.pause = pause
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.bodies = collections.Counter()
        self.slowest = 0.0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(self.patience + 5)
            assert not thread.is_alive(), "a client hangs"

    def _run(self):
        client = None
        while not self.stopping.wait(self.pause):
            begun = time.monotonic()
            try:
                if client is None:
                    client = RawClient(self.port)
                client.send(request_bytes())
                response = client.response(seconds=self.patience)
                outcome, body = response.status, response.body
                if (response.header("connection") or "").lower() == "close":
                    client.close()
                    client = None
            except TimeoutError:
                outcome, body, client = "hang", b"", None
            except (OSError, Truncated):
                outcome, body, client = "cut", b"", None
            with self.lock:
                self.counts[outcome] += 1
                self.bodies[body] += 1
                self.slowest = max(self.slowest, time.monotonic() - begun)

    def look(self):
        """What came since the last look, by status; and by process."""
        with self.lock:
            counts, self.counts = self.counts, collections.Counter()
            self.served, self.bodies = self.bodies, collections.Counter()
            return counts

    def count(self, outcome):
        with self.lock:
            return self.counts[outcome]
