"""Load that is beyond Python, from a small C program (flood.c): pipelined requests, at given rates, exactly counted."""

import json
import os
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("flood.c")


class Stream:
    """What came of the requests of one stream. Times are seconds from the run's beginning."""

    def __init__(self, line):
        told = json.loads(line)
        self.sent = told["sent"]
        self.statuses = {int(status): count for status, count in told["statuses"].items()}
        self.first_sent, self.first_answer, self.last_sent, self.last_answer = (
            told[key] / 1e9 for key in ("first_sent", "first_answer", "last_sent", "last_answer"))

    def count(self, status):
        return self.statuses.get(status, 0)

    def __repr__(self):
        return f"{self.sent} sent in {self.last_sent - self.first_sent:.3f} s, {self.statuses}"


class Flood:
    """Compiles the program into `folder`."""

    def __init__(self, folder):
        self.program = Path(folder) / "flood"
        compiler = os.environ.get("CC", "clang")
        subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-o", self.program, SOURCE], check=True)

    def run(self, seconds, *streams):
        """A stream is (port, path, rate, connections); a rate of 0 sends as fast as answers come."""
        arguments = [":".join(map(str, stream)) for stream in streams]
        result = subprocess.run(
            [self.program, str(seconds), *arguments], capture_output=True, text=True, timeout=seconds + 30)
        assert result.returncode == 0, result.stderr
        return [Stream(line) for line in result.stdout.splitlines()]
