"""Names that resolve to what a test says, while the gateway runs (names.c, preloaded)."""

import os
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("names.c")


class Names:
    """Compiles the library into `folder`; `environment` is for the gateway, `set` for while it runs."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.library = self.folder / "names.so"
        compiler = os.environ.get("CC", "clang")
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-Wall", "-o", self.library, SOURCE, "-ldl"], check=True)
        self.file = self.folder / "names"
        self.set({})

    @property
    def environment(self):
        return {"LD_PRELOAD": str(self.library), "NAMES_FILE": str(self.file)}

    def set(self, names):
        """From now on these names, and no others, have these lists of addresses."""
        fresh = self.folder / "names.new"
        fresh.write_text("".join(f"{name} {' '.join(addresses)}\n" for name, addresses in names.items()))
        fresh.replace(self.file)
