"""Debian's redis-server as a process, with what a test wants of it, and a Sentinel."""

import os
import shutil
import signal
import socket
import subprocess

from .deadline import eventually
from .ports import free_port

SERVER = shutil.which("redis-server") or "/usr/bin/redis-server"


def encoded(*words):
    """A command as the protocol has it."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


class RedisServer:
    """A server on 127.0.0.1. `options` are lines of its configuration; `kept` has it keep its data over restarts; `tls` is the
    paths of its certificate, with the key behind it, and of the authority's."""

    program = SERVER
    extra = ()

    def __init__(self, folder, *options, port=None, kept=False, password=None, user=None, tls=None):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.password = password
        self.user = user
        self.tls = tls
        self.process = None
        lines = ["bind 127.0.0.1", f"dir {folder}", "daemonize no", *self.base(kept), *options]
        if tls:
            lines += ["port 0", f"tls-port {self.port}", f"tls-cert-file {tls[0]}", f"tls-key-file {tls[0]}",
                      f"tls-ca-cert-file {tls[1]}", "tls-auth-clients no"]
        else:
            lines.append(f"port {self.port}")
        self.configuration = folder / "redis.conf"
        self.configuration.write_text("\n".join(lines) + "\n")

    def base(self, kept):
        return ["appendonly yes", "appendfsync always", 'save ""'] if kept else ["appendonly no", 'save ""']

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self, waits=True):
        log = open(self.folder / "redis.log", "ab")
        self.process = subprocess.Popen(
            [self.program, str(self.configuration), *self.extra], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        if waits:
            eventually(self.answers, 10, "redis answering")

    def answers(self):
        assert self.process.poll() is None, (self.folder / "redis.log").read_text()[-2000:]
        try:
            if self.tls:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            return self.call("PING") == "PONG"
        except OSError:
            return False

    def kill(self):
        """SIGKILL: it says goodbye to nobody."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def stop(self):
        """SIGSTOP: it is there, and says nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def call(self, *words):
        """A command's reply: text, number, list or None; an error is raised."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            stream = connection.makefile("rb")
            if self.password:
                user = [self.user] if self.user else []
                connection.sendall(encoded("AUTH", *user, self.password))
                reply(stream)
            connection.sendall(encoded(*words))
            return reply(stream)

    def keys(self):
        return sorted(self.call("KEYS", "*"))


class RedisSentinel(RedisServer):
    """A Sentinel that watches one master, and follows its fail-overs alone."""

    extra = ("--sentinel",)

    def __init__(self, folder, master, name="main", **options):
        super().__init__(
            folder, f"sentinel monitor {name} 127.0.0.1 {master.port} 1",
            f"sentinel down-after-milliseconds {name} 500", f"sentinel failover-timeout {name} 3000", **options)

    def base(self, kept):
        return []


def reply(stream):
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise OSError("the connection ended")
    kind, rest = line[:1], line[1:-2].decode()
    if kind == b"+":
        return rest
    if kind == b"-":
        raise RedisError(rest)
    if kind == b":":
        return int(rest)
    if kind == b"$":
        if rest == "-1":
            return None
        text = stream.read(int(rest) + 2)[:-2]
        return text.decode(errors="replace")
    assert kind == b"*", line
    return None if rest == "-1" else [reply(stream) for _ in range(int(rest))]


class RedisError(OSError):
    pass
