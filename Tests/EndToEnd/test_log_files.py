"""Files of logs that can't be had, and pipes: nothing waits for them, and what is wrong is told by name."""

import json
import os
import resource
import signal
import time

import pytest

from harness import Gateway, command, eventually, get, parse_log, refused_port, request_bytes

LOGS = ["access_log", "audit_log"]


def said(body="x"):
    return {"said": {"match": {"path": "/"}, "respond": {"status": 200, "body": body}}}


@pytest.fixture
def fixed(gateway_with):
    """A gateway that needs no upstream and logs to standard output."""
    return gateway_with(upstreams={}, routes=said())


def log_to(gateway, log, path):
    gateway.gateway_overrides = {**gateway.gateway_overrides, log: {"file": str(path)}}
    gateway.write("gateway.yaml", gateway.gateway_yaml())


def a_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def a_missing_folder(tmp_path):
    return tmp_path / "missing" / "log"


def a_folder(tmp_path):
    return tmp_path


UNFIT = [(a_pipe, "somebody who reads from it"), (a_missing_folder, "No such file"), (a_folder, "Is a directory")]


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("make, reason", UNFIT, ids=["a pipe without a reader", "a missing folder", "a folder"])
def test_a_file_that_cannot_be_opened_rejects_the_reload_and_is_named(fixed, tmp_path, log, make, reason):
    path = make(tmp_path)
    log_to(fixed, log, path)
    assert fixed.hang_up() == "rejected"
    assert get(fixed.port).body == b"x"
    errors = fixed.admin_json("/readyz")["last_reload"]["errors"]
    assert len(errors) == 1
    for part in (f"{fixed.folder}/gateway.yaml:", f"{log}.file: ", str(path), reason):
        assert part in errors[0]
    eventually(lambda: any(line.get("error") == errors[0] for line in fixed.log()), what="the line of the error log")
    fixed.gateway_overrides = {}
    fixed.write("gateway.yaml", fixed.gateway_yaml())
    assert fixed.hang_up() == "unchanged"


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("make, reason", UNFIT, ids=["a pipe without a reader", "a missing folder", "a folder"])
def test_a_file_that_cannot_be_opened_does_not_start_and_is_named(tmp_path, log, make, reason):
    path = make(tmp_path)
    gateway = Gateway(tmp_path / "gateway", {}, said(), gateway={log: {"file": str(path)}}, start=False)
    result = command("run", gateway.folder, seconds=10)
    assert result.returncode == 1
    for part in (f"{gateway.folder}/gateway.yaml:", f"{log}.file: ", str(path), reason):
        assert part in result.stderr


def warnings(gateway):
    return [line for line in gateway.log() if line["message"].startswith("a log can't be opened anew")]


def test_a_file_that_cannot_be_opened_anew_is_told_and_the_old_one_goes_on(fixed, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    log_to(fixed, "access_log", folder / "access.log")
    assert fixed.hang_up() == "applied"
    moved = folder.rename(tmp_path / "moved")
    fixed.signal(signal.SIGUSR1)
    warning = eventually(lambda: warnings(fixed), what="the warning")[0]
    assert (warning["level"], warning["file"]) == ("warning", str(folder / "access.log"))
    assert "No such file" in warning["error"]
    get(fixed.port)
    eventually(lambda: parse_log(moved / "access.log"), what="a line in the old file")
    folder.mkdir()
    fixed.signal(signal.SIGUSR1)
    eventually(lambda: (folder / "access.log").exists(), what="the new file")
    assert len(warnings(fixed)) == 1


def test_a_pipe_with_a_reader_gets_the_lines(fixed, tmp_path):
    path = a_pipe(tmp_path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    log_to(fixed, "access_log", path)
    assert fixed.hang_up() == "applied"
    get(fixed.port)
    assert eventually(lambda: available(reader), what="a line in the pipe").endswith(b"\n")
    fixed.signal(signal.SIGUSR1)
    get(fixed.port)
    assert eventually(lambda: available(reader), what="a line in the pipe").endswith(b"\n")
    # Who reads goes, and comes back.
    os.close(reader)
    fixed.signal(signal.SIGUSR1)
    eventually(lambda: warnings(fixed), what="the warning")
    lost = dropped(fixed)
    get(fixed.port)
    eventually(lambda: dropped(fixed) == lost + 1, what="the lost line in the metrics")
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    get(fixed.port)
    assert eventually(lambda: available(reader), what="a line in the pipe").endswith(b"\n")
    os.close(reader)


def available(reader):
    try:
        return os.read(reader, 1 << 16)
    except BlockingIOError:
        return b""


def dropped(gateway, log="access"):
    return sum(
        value for name, labels, value in gateway.metrics()
        if name == "portcullis_log_lines_dropped_total" and labels["log"] == log)


def written(gateway, log):
    return gateway.metrics().sum("portcullis_log_lines_written_total", log=log)


def test_counters_of_a_log_go_on_when_a_reload_sends_it_elsewhere(fixed, tmp_path):
    for number in range(1, 5):
        get(fixed.port)
        eventually(lambda: written(fixed, "access") == number, what="the line in the metrics")
        log_to(fixed, "access_log", tmp_path / f"log{number}")
        assert fixed.hang_up() == "applied"
        assert written(fixed, "access") == number
    fixed.gateway_overrides = {"access_log": {"enabled": False}}
    fixed.write("gateway.yaml", fixed.gateway_yaml())
    assert fixed.hang_up() == "applied"
    get(fixed.port)
    assert written(fixed, "access") == 4


def test_what_a_flood_of_one_message_held_back_is_told_at_the_end(gateway_with):
    gateway = gateway_with(f"http://127.0.0.1:{refused_port()}")
    for _ in range(50):
        assert get(gateway.port).status == 502
    assert gateway.stop() == 0
    failures = [line for line in gateway.log() if line["message"] == "a request failed"]
    held = [line for line in gateway.log() if line["message"] == "messages suppressed"]
    assert len(failures) + sum(line.get("suppressed", 0) for line in [*failures, *held]) == 50
    assert len(held) == 1


def test_a_file_of_the_size_that_the_process_may_write_loses_lines_and_nothing_else(gateway_with, tmp_path):
    """`ulimit -f`: the signal that comes with it (SIGXFSZ) must not end the process."""
    path = tmp_path / "access.log"
    gateway = gateway_with(
        upstreams={}, routes=said(), gateway={"access_log": {"file": str(path), "flush_interval": "10ms"}})
    limits = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (16 * 1024, limits[1]))

    def lost():
        assert get(gateway.port).body == b"x"
        return dropped(gateway)

    eventually(lost, 20, "lost lines in the metrics")
    assert path.stat().st_size == 16 * 1024
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, limits)
    assert get(gateway.port).body == b"x"
    eventually(lambda: path.stat().st_size > 16 * 1024 + 1, what="a line beyond")
    # What was torn ends in a line of its own.
    assert json.loads(path.read_text().splitlines()[-1])["status"] == 200


def flood(gateway):
    """More lines than a pipe and the queue of a log hold."""
    agent = [("User-Agent", "x" * 500), ("Referer", "x" * 500)]
    with gateway.client() as client:
        for _ in range(100):
            for _ in range(50):
                client.send(request_bytes("GET", "/", agent))
            for _ in range(50):
                assert client.response(seconds=2).status == 200


@pytest.fixture
def stuck(gateway_with, tmp_path):
    """A gateway whose access log goes to a pipe with a reader that stands still."""
    path = a_pipe(tmp_path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    gateway = gateway_with(upstreams={}, routes=said(), gateway={"access_log": {"file": str(path)}})
    gateway.pipe = path
    flood(gateway)
    yield gateway
    os.close(reader)


def test_a_reader_that_stands_still_costs_lines_and_no_request_and_no_exit(stuck):
    eventually(lambda: dropped(stuck) > 0, what="lost lines in the metrics")
    assert stuck.admin("/livez").status == 200
    start = time.monotonic()
    assert stuck.stop(seconds=5) == 0
    assert time.monotonic() - start < 4


def test_a_reader_that_stands_still_can_be_left_for_a_file(stuck):
    stuck.pipe.unlink()
    stuck.signal(signal.SIGUSR1)
    eventually(stuck.pipe.exists, what="the file in the pipe's place")
    get(stuck.port, "/last")
    eventually(lambda: any(line["path"] == "/last" for line in parse_log(stuck.pipe)), what="the last line")


def test_a_reload_leaves_a_reader_that_stands_still(stuck, tmp_path):
    log_to(stuck, "access_log", tmp_path / "file")
    start = time.monotonic()
    assert stuck.hang_up() == "applied"
    assert stuck.admin("/livez").status == 200
    assert time.monotonic() - start < 1.5, "nothing waits for the old reader"
    get(stuck.port, "/last")
    eventually(lambda: parse_log(tmp_path / "file"), what="a line in the new file")
