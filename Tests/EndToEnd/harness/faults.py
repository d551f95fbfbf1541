"""System calls of the gateway that fail when a test says so (faults.c, preloaded)."""

import errno
import mmap
import struct
from pathlib import Path

from .preload import compile_library

CALLS = ("accept4", "connect", "socket", "recv", "send", "sendmsg", "epoll_ctl", "epoll_wait", "read", "write")
PLAN = struct.Struct("=iiii")  # skip, left, number, hits


class Faults:
    """Compiles the library into `folder`; `environment` is for the gateway, `fail` for while it runs."""

    def __init__(self, folder):
        self.file = Path(folder) / "faults"
        self.environment = {**compile_library("faults", folder), "FAULTS_FILE": str(self.file)}
        self.file.write_bytes(bytes(PLAN.size * len(CALLS)))
        with open(self.file, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)

    def fail(self, call, name, times=1, skip=0):
        """After `skip` more calls of `call`, the next `times` fail with the error of this name, such as `EMFILE`."""
        at = CALLS.index(call) * PLAN.size
        self.memory[at:at + PLAN.size] = PLAN.pack(skip, 0, getattr(errno, name), 0)
        struct.pack_into("=i", self.memory, at + 4, times)

    def hits(self, call):
        """How many calls have failed since `fail`."""
        return PLAN.unpack_from(self.memory, CALLS.index(call) * PLAN.size)[3]

    def clear(self):
        self.memory[:] = bytes(len(self.memory))
