"""A client that asks the same thing over and over, to see the moment at which the answer changes."""

import socket
import time


class Probe:
    """One keep-alive connection, opened anew whenever the server ends it."""

    # Long enough to leave the server's core to what is waited for, short enough not to show in the result.
    PAUSE_SECONDS = 0.0002

    def __init__(self, port, path):
        self.port = port
        self.request = f"GET {path} HTTP/1.1\r\nHost: bench.test\r\n\r\n".encode()
        self.sock = None

    def ask(self, timeout=1.0):
        """The body of one answer with status 200, or None."""
        try:
            if self.sock is None:
                self.sock = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock.sendall(self.request)
            received = b""
            while b"\r\n\r\n" not in received:
                received += self.receive()
            head, _, body = received.partition(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
            while len(body) < length:
                body += self.receive()
            if b"connection: close" in lines:
                self.close()
            return body.decode() if head.startswith(b"HTTP/1.1 200 ") else None
        except (OSError, StopIteration):
            self.close()
            return None

    def receive(self):
        received = self.sock.recv(65536)
        if not received:
            raise OSError("closed")
        return received

    def wait_for(self, answer, seconds):
        """Nanoseconds until `answer` comes, or None."""
        begun = time.perf_counter_ns()
        while time.perf_counter_ns() - begun < seconds * 1e9:
            if self.ask() == answer:
                return time.perf_counter_ns() - begun
            time.sleep(self.PAUSE_SECONDS)
        return None

    def close(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None
