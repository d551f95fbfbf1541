"""`portcullis run gateway.d --demo`: every line that it prints works at once, from anywhere."""

import pathlib
import re
import shutil
import socket
import subprocess

import pytest

from harness import BINARY, eventually, free_port

SOURCE = pathlib.Path(__file__).parents[2] / "gateway.d"

# What a line's answer must hold, by how its description begins.
EXPECTED = {
    "who calls": ['"sub": "spiffe://bank-a/user/12345"', '"aud": "bank-a"', '"scope": ["read", "transfer"]',
                  '"tenant": "bank-a"', "X-Spiffe-ID: spiffe://bank-a/user/12345"],
    "no token": ["HTTP/1.1 401", "WWW-Authenticate: Bearer realm="],
    "a token of another tenant": ["HTTP/1.1 403", "tenant-mismatch"],
    "a token without the scope": ["HTTP/1.1 403", 'error="insufficient_scope"', 'scope="transfer"'],
    "each decision": ["403 tenant-mismatch", "bank-a.yaml:"],
    "the keys": ['"kid":"demo-gateway"'],
    "no client can claim": ['"path": "/v2/catalogue/items/1"'],
    "a path parameter": ["X-Product: 42"],
    "methods": ["HTTP/1.1 405", "Allow: GET, HEAD"],
    "the canary": ['"answered_by": "demo-9003"'],
    "weighted": ["demo-9001"],
    "consistent": ["demo-900"],
    "a split": ["demo-9001", "demo-9003"],
    "a rate limit": ["HTTP/1.1 200", 'RateLimit-Policy: "default";q=3;w=3', "HTTP/1.1 429", "Retry-After: 1"],
    "one canonical": ["/v2/catalogue/items/42"],
    "ambiguous": ["HTTP/1.1 400"],
    "a redirect": ["HTTP/1.1 308"],
    "a fixed": ["User-agent: *"],
    "a request with content": ['"body_bytes": 14', '"scope": ["transfer"]'],
    "a limit": ["HTTP/1.1 413"],
    "a time-out": ["HTTP/1.1 504"],
    "an upstream that is down": ["HTTP/1.1 502"],
    "a circuit breaker": ["HTTP/1.1 503", "Retry-After: "],
    "a host that only": ["HTTP/1.1 421"],
    "the operators'": ['"path": "/"'],
    "the admin": ['"status": "serving"'],
}


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """Descriptions and command lines, while the demo runs on a copy of gateway.d with ports of its own."""
    if not all(is_free(port) for port in (9001, 9002, 9003)):
        pytest.skip("another program has the demo upstream's ports")
    folder = tmp_path_factory.mktemp("the demo's") / "gateway.d"
    shutil.copytree(SOURCE, folder)
    text = (folder / "gateway.yaml").read_text()
    for port in (8080, 8081, 9901):
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    (folder / "gateway.yaml").write_text(text)
    log = folder.parent / "output"
    with log.open("wb") as output, subprocess.Popen(
            [BINARY, "run", folder, "--demo"], stdout=output, stderr=subprocess.STDOUT) as process:
        try:
            eventually(lambda: "Ctrl-C ends it" in log.read_text(), 20, "the demo's lines")
            yield re.findall(r"\n# (.+)\n(.+)\n", log.read_text())
        finally:
            process.terminate()
            assert process.wait(20) == 0


def test_the_folder_has_nothing_wrong_with_it(tmp_path):
    result = subprocess.run([BINARY, "check", SOURCE, "--warnings-as-errors"], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("begin", EXPECTED)
def test_a_line_shows_what_it_says(lines, begin):
    [line] = [command for text, command in lines if text.startswith(begin)]
    result = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd="/", timeout=60)
    for expected in EXPECTED[begin]:
        assert expected in result.stdout, f"{line}\n{result.stdout}\n{result.stderr}"
    assert "bank-a/root" not in result.stdout


def test_no_line_is_left_out(lines):
    assert [text for text, _ in lines if not any(text.startswith(begin) for begin in EXPECTED)] == []
