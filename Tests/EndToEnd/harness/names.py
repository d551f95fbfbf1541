"""Names that resolve to what a test says, while the gateway runs (names.c, preloaded)."""

from pathlib import Path

from .preload import compile_library

HELD = ["?"]


class Names:
    """Compiles the library into `folder`; `environment` is for the gateway, `set` for while it runs."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.file = self.folder / "names"
        self.environment = {**compile_library("names", folder), "NAMES_FILE": str(self.file)}
        self.set({})

    def set(self, names):
        """From now on these names, and no others, have these lists of addresses; of one with `HELD` nobody is told."""
        fresh = self.folder / "names.new"
        fresh.write_text("".join(f"{name} {' '.join(addresses)}\n" for name, addresses in names.items()))
        fresh.replace(self.file)
