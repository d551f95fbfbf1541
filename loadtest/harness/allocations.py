"""Calls to the allocator, counted by a preloaded library (tools/malloc_count.c) and read while the program runs."""

import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .gateway import Gateway

CALLS = ("malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc")
NUMBERS = CALLS + ("free", "bytes")
SWITCH = 8 * len(NUMBERS)       # offset of the 64-bit switch that turns the recording of call stacks on
TABLE = SWITCH + 8
DEPTH_MAX, SITES = 24, 4096
SITE = struct.Struct(f"<4Q{DEPTH_MAX}Q")


class CountedGateway(Gateway):
    """The gateway with the counter preloaded. It runs slower than without, so nothing else is measured on it."""

    def __init__(self, program, library):
        super().__init__(program)
        self.library = library

    def command(self, place, variant):
        return ["env", f"MALLOC_COUNT_FILE={counter_path(place)}", f"LD_PRELOAD={self.library}",
                *super().command(place, variant)]


def counter_path(place):
    return place.folder / "allocations"


@dataclass
class Site:
    """One call stack that allocated: innermost frame first."""
    count: int
    bytes: int
    frames: list


class Counter:
    """The counters of one running program."""

    def __init__(self, place):
        self.path = counter_path(place)

    def numbers(self):
        with open(self.path, "rb") as file:
            return dict(zip(NUMBERS, struct.unpack(f"<{len(NUMBERS)}Q", file.read(8 * len(NUMBERS)))))

    def record_sites(self, on):
        with open(self.path, "r+b") as file:
            file.seek(SWITCH)
            file.write(struct.pack("<Q", 1 if on else 0))

    def sites(self, program, pid):
        """What allocated while recording was on, most frequent first, with the names of functions."""
        table = self.path.read_bytes()[TABLE:TABLE + SITES * SITE.size]
        raw = []
        for claimed, count, size, depth, *frames in SITE.iter_unpack(table):
            if claimed and count:
                raw.append((count, size, frames[:depth]))
        names = function_names(program, pid, {frame for _, _, frames in raw for frame in frames})
        return sorted((Site(count, size, [names[frame] for frame in frames]) for count, size, frames in raw),
                      key=lambda site: -site.count)


def allocations(before, after):
    """Calls that ask for memory, between two readings."""
    return sum(after[name] - before[name] for name in CALLS)


def function_names(program, pid, addresses):
    """The demangled names of functions of the program; of other libraries the file's name."""
    maps = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, _, offset, _, _, *path = line.split(None, 5)
        start, end = (int(text, 16) for text in span.split("-"))
        maps.append((start, end, int(offset, 16), path[0] if path else "?"))
    own = str(Path(program).resolve())
    base = min(start for start, _, _, path in maps if path == own)
    names, inside = {}, []
    for address in addresses:
        path = next((path for start, end, _, path in maps if start <= address < end), "?")
        names[address] = f"[{Path(path).name}]"
        if path == own:
            inside.append(address)
    symbolizer = shutil.which("llvm-symbolizer") or shutil.which("addr2line")
    if inside and symbolizer:
        # A return address is after its call: one less lies within it.
        command = [symbolizer, "-f", "-e", own, *(hex(address - base - 1) for address in inside)]
        if "llvm" in symbolizer:
            command.insert(1, "--no-inlines")
        lines = [line for line in demangled(subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout)
                 .splitlines() if line.strip()]
        for address, name in zip(inside, lines[::2]):
            names[address] = name
    return names


def demangled(text):
    tool = shutil.which("swift-demangle") or shutil.which("swift")
    if not tool:
        return text
    command = [tool, "--simplified"] if tool.endswith("swift-demangle") else [tool, "demangle", "--simplified"]
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True).stdout
