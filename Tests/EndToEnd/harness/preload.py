"""Libraries of this folder that are loaded into a gateway before its own, to stand between it and the system."""

import os
import subprocess
from pathlib import Path


def compile_library(name, folder):
    """Compiles `NAME.c` into `folder`, and gives the environment that loads it."""
    source = Path(__file__).with_name(f"{name}.c")
    library = Path(folder) / f"{name}.so"
    compiler = os.environ.get("CC", "clang")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-Wall", "-o", library, source, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}
