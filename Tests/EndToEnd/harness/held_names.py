"""Names whose look-ups take until a test says so (held_names.c, preloaded)."""

import os
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("held_names.c")


class HeldNames:
    """Compiles the library into `folder`. With `environment`, a gateway learns of names `*.held.test` at `release`."""

    def __init__(self, folder):
        self.library = Path(folder) / "held_names.so"
        self.released = Path(folder) / "released"
        compiler = os.environ.get("CC", "clang")
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-Wall", "-o", self.library, SOURCE, "-ldl"], check=True)

    @property
    def environment(self):
        return {"LD_PRELOAD": str(self.library), "NAMES_RELEASED": str(self.released)}

    def release(self):
        self.released.touch()
