"""The commands that need no running gateway: check, routes, explain, version, help."""

import json
import os
import subprocess

import pytest

from harness import BINARY, Gateway, command, eventually, get

ROUTES = """\
domain: app
upstreams:
  accounts:
    targets: ["http://127.0.0.1:9"]
routes:
  read:
    match: {methods: [GET], path: "/accounts/{id}"}
    upstream: accounts
  write:
    match: {methods: [PUT], path: "/accounts/{id}"}
    upstream: accounts
  canary:
    match: {path: "/flag", headers: {X-Canary: "yes"}}
    upstream: accounts
"""


def folder_of(tmp_path, app=ROUTES, gateway=None, files=None):
    made = Gateway(tmp_path, gateway=gateway, files={"app.yaml": app, **(files or {})}, start=False)
    return made.folder


def check(folder, *arguments, **options):
    return command("check", folder, *arguments, **options)


def test_a_good_configuration_is_0(tmp_path):
    result = check(folder_of(tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr


FINDINGS = [
    ("a misspelt key", ROUTES.replace("match: {methods: [GET]", "matsh: {methods: [GET]"), 7, ["matsh", "match"]),
    ("a misspelt key inside a flow", ROUTES.replace("{methods: [PUT]", "{metods: [PUT]"), 10, ["metods", "methods"]),
    ("an unknown upstream", ROUTES.replace("accounts\n  write", "acounts\n  write"), 8, ["acounts"]),
    ("a key twice", ROUTES.replace("  canary:", "  read:"), 12, ["read"]),
    ("a bad path", ROUTES.replace('"/flag"', '"flag"'), 13, ["flag"]),
    ("a bad template", ROUTES.replace('"/flag"', '"/a/{b"'), 13, ["{b"]),
    ("a bad target", ROUTES.replace("http://127.0.0.1:9", "gopher://127.0.0.1:9"), 4, ["gopher"]),
    ("a route without a goal", ROUTES.replace("    upstream: accounts\n  write", "  write"), 6, ["read"]),
    ("a wrong type", ROUTES.replace("methods: [GET]", "methods: {a: 1}"), 7, ["methods"]),
    ("a mistake in YAML", ROUTES.replace("  write:", "  write: ]"), 9, []),
    ("a document too many", ROUTES + "---\na: 1\n", 15, []),
    ("an unknown variable", ROUTES.replace("http://127.0.0.1:9", "${env:E2E_NOT_SET}"), 4, ["E2E_NOT_SET"]),
    ("a host that the domain doesn't own", ROUTES.replace('{path: "/flag"', '{hosts: [stolen.test], path: "/flag"'), 13,
     ["stolen.test"]),
    ("two routes of equal rank", ROUTES.replace("methods: [PUT], path: \"/accounts/{id}\"",
                                               "methods: [GET], path: \"/accounts/{number}\""), 9, ["read", "write"]),
]


@pytest.mark.parametrize("text, line, words", [item[1:] for item in FINDINGS], ids=[item[0] for item in FINDINGS])
def test_a_finding_says_where_and_what(tmp_path, text, line, words):
    folder = folder_of(tmp_path, text)
    result = check(folder)
    said = result.stdout + result.stderr
    assert result.returncode == 1, said
    assert f"app.yaml:{line}:" in said
    for word in words:
        assert word in said


def test_all_findings_come_at_once(tmp_path):
    text = ROUTES.replace("methods: [GET]", "metods: [GET]").replace("methods: [PUT]", "metohds: [PUT]")
    text = text.replace('"/flag"', '"flag"')
    folder = folder_of(tmp_path, text, gateway={"nonsense": 1})
    result = check(folder)
    said = result.stdout + result.stderr
    for place in ("app.yaml:7:", "app.yaml:10:", "app.yaml:13:", "gateway.yaml:"):
        assert place in said


def test_a_finding_suggests_the_right_key(tmp_path):
    result = check(folder_of(tmp_path, ROUTES.replace("methods: [GET]", "metods: [GET]")))
    said = result.stdout + result.stderr
    assert "did you mean" in said and "methods" in said


def test_both_places_of_a_conflict_are_named(tmp_path):
    other = ROUTES.replace("domain: app", "domain: second")
    gateway = {"domains": {"second": {"hosts": ["app.test"], "listeners": ["main"]}, "app": {"hosts": ["app.test"]}}}
    result = check(folder_of(tmp_path, gateway=gateway, files={"second.yaml": other}))
    said = result.stdout + result.stderr
    assert result.returncode == 1
    assert "app.yaml" in said and "second.yaml" in said


def test_a_route_that_can_never_be_reached_is_a_warning(tmp_path):
    text = ROUTES + '  never:\n    match: {path: "/flag/../gone"}\n    upstream: accounts\n'
    everything = ROUTES + "".join(
        f'  {name}:\n    match: {{{conditions}path: "/one"}}\n    upstream: accounts\n'
        for name, conditions in [("all", ""), ("some", "methods: [GET], ")])
    assert check(folder_of(tmp_path / "a", everything)).returncode == 0
    result = check(folder_of(tmp_path / "b", text))
    assert result.returncode in (0, 1)


def test_json_findings_can_be_read_by_a_program(tmp_path):
    result = check(folder_of(tmp_path, ROUTES.replace("methods: [GET]", "metods: [GET]")), "--format", "json")
    assert result.returncode == 1
    document = json.loads(result.stdout)
    text = json.dumps(document)
    findings = document if isinstance(document, list) else next(
        value for value in document.values() if isinstance(value, list) and value)
    finding = findings[0]
    assert finding["line"] == 7 and finding["column"] >= 1
    assert finding["file"].endswith("app.yaml")
    assert finding["severity"] == "error"
    assert "metods" in text and "methods" in text


def test_a_good_configuration_in_json(tmp_path):
    result = check(folder_of(tmp_path), "--format", "json")
    assert result.returncode == 0
    json.loads(result.stdout)


def test_github_annotations(tmp_path):
    result = check(folder_of(tmp_path, ROUTES.replace("methods: [GET]", "metods: [GET]")), "--format", "github")
    assert result.returncode == 1
    line = result.stdout.splitlines()[0]
    assert line.startswith("::error file=") and "line=7" in line and "col=" in line
    assert "app.yaml" in line and "metods" in line


def test_what_comes_from_a_file_cannot_make_an_annotation(tmp_path):
    text = ROUTES.replace("  read:", '  "bad\\n::error file=x::owned%0A":')
    result = check(folder_of(tmp_path, text), "--format", "github")
    assert result.returncode == 1
    assert not [line for line in result.stdout.splitlines() if line.startswith("::error file=x")]
    assert all(line.startswith("::") for line in result.stdout.splitlines() if line)


@pytest.mark.parametrize("arguments", [
    ["check"], ["check", "a", "b"], ["check", "--nonsense", "a"], ["check", "a", "--format", "xml"], ["nonsense"], [],
    ["run"], ["explain", "a"], ["routes"], ["explain", "a", "GET"]], ids=lambda item: " ".join(item) or "nothing")
def test_wrong_usage_is_2(arguments):
    result = command(*arguments)
    assert result.returncode == 2
    assert result.stderr


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    result = check(tmp_path / "nowhere")
    assert result.returncode in (1, 2)
    assert "nowhere" in result.stdout + result.stderr


@pytest.mark.parametrize("arguments", [
    ["--help"], ["help"], ["check", "--help"], ["run", "--help"], ["explain", "--help"]], ids=" ".join)
def test_help_is_0_and_names_the_commands(arguments):
    result = command(*arguments)
    assert result.returncode == 0
    assert "portcullis" in result.stdout
    if arguments in (["--help"], ["help"]):
        for name in ("run", "check", "routes", "explain", "version"):
            assert name in result.stdout


def test_the_version():
    result = command("version")
    assert result.returncode == 0 and result.stdout.strip()


# routes, explain

def test_routes_lists_every_route_with_its_place(tmp_path):
    result = command("routes", folder_of(tmp_path))
    assert result.returncode == 0, result.stderr
    for word in ("app/read", "app/write", "app/canary", "/accounts/{id}", "accounts", "app.yaml:6"):
        assert word in result.stdout


def explain(folder, *arguments):
    return command("explain", folder, *arguments)


@pytest.mark.parametrize("method, url, extra, words", [
    ("GET", "http://app.test/accounts/7", [], ["app/read", "accounts", "app.yaml:"]),
    ("PUT", "http://app.test/accounts/7", [], ["app/write"]),
    ("GET", "http://app.test/flag", ["--header", "X-Canary: yes"], ["app/canary"]),
    ("GET", "http://app.test/x/../accounts/%37", [], ["app/read", "/accounts/7"]),
    ("GET", "http://app.test/accounts/7", ["--listener", "main"], ["app/read", "main"]),
], ids=["a read", "a write", "a header", "a path to make canonical", "a listener"])
def test_explain_names_the_route_and_what_will_happen(tmp_path, method, url, extra, words):
    result = explain(folder_of(tmp_path), method, url, *extra)
    assert result.returncode == 0, result.stdout + result.stderr
    for word in words:
        assert word in result.stdout


@pytest.mark.parametrize("method, url, words", [
    ("DELETE", "http://app.test/accounts/7", ["405"]),
    ("GET", "http://app.test/flag", ["404", "app/canary", "X-Canary"]),
    ("GET", "http://app.test/nowhere", ["404"]),
    ("GET", "http://app.test/%00", ["400"]),
], ids=["another method", "a header that is missing", "no route", "a doubtful path"])
def test_explain_says_why_nothing_matched(tmp_path, method, url, words):
    result = explain(folder_of(tmp_path), method, url)
    said = result.stdout + result.stderr
    assert result.returncode in (0, 1)
    for word in words:
        assert word in said


def test_explain_shows_effective_values_with_their_places(tmp_path):
    text = ROUTES.replace("accounts\n  write", "accounts\n    timeouts: {request: 7s}\n  write")
    result = explain(folder_of(tmp_path, text), "GET", "http://app.test/accounts/7")
    assert "7s" in result.stdout and "app.yaml:9:" in result.stdout


def test_explain_shows_the_near_misses(tmp_path):
    result = explain(folder_of(tmp_path), "GET", "http://app.test/accounts/7")
    assert "app/write" in result.stdout


def test_explain_of_a_bad_folder_is_1(tmp_path):
    assert explain(folder_of(tmp_path, "nonsense: 1\n"), "GET", "http://app.test/").returncode == 1


@pytest.mark.parametrize("arguments", [["get", "nonsense"], ["GET", "http://app.test/", "--listener", "nowhere"],
                                       ["GET", "http://app.test/", "--header", "nonsense"]], ids=[
    "no URL", "an unknown listener", "no header"])
def test_explain_refuses_what_is_no_request(tmp_path, arguments):
    assert explain(folder_of(tmp_path), *arguments).returncode in (1, 2)


# A folder as Kubernetes mounts it

def config_map(tmp_path, files, generation):
    """`..data` leads to a folder by generation; each file is a link through it."""
    mount = tmp_path / "mount"
    mount.mkdir(exist_ok=True)
    data = mount / f"..2026_11_21_{generation}"
    data.mkdir()
    for name, text in files.items():
        (data / name).write_text(text)
    temporary = mount / "..data_tmp"
    temporary.symlink_to(data.name)
    os.replace(temporary, mount / "..data")
    for name in files:
        link = mount / name
        if not link.is_symlink():
            link.symlink_to(f"..data/{name}")
    return mount


def said(body):
    route = {"match": {"path": "/"}, "respond": {"status": 200, "body": body}}
    return json.dumps({"domain": "app", "routes": {"r": route}})


def test_a_config_map_loads(tmp_path):
    source = folder_of(tmp_path)
    files = {path.name: path.read_text() for path in source.iterdir()}
    result = check(config_map(tmp_path, files, 1))
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_config_map_is_loaded_anew_when_kubernetes_swaps_it(tmp_path):
    gateway = Gateway(tmp_path, files={"app.yaml": said("one")}, start=False)
    yaml = json.dumps(gateway.gateway_yaml())
    gateway.folder = config_map(tmp_path, {"gateway.yaml": yaml, "app.yaml": said("one")}, 1)
    gateway.start()
    try:
        assert get(gateway.port).body == b"one"
        config_map(tmp_path, {"gateway.yaml": yaml, "app.yaml": said("two")}, 2)
        assert gateway.hang_up() == "applied"
        assert get(gateway.port).body == b"two"
    finally:
        gateway.stop()


@pytest.mark.parametrize("name", [
    "notes.txt", ".hidden.yaml", "app.yaml~", "app.yaml.bak", ".app.yaml.swp", "README.md"])
def test_other_files_in_the_folder_are_left_alone(tmp_path, name):
    assert check(folder_of(tmp_path, files={name: "\0 no yaml ]["})).returncode == 0


def test_a_variable_of_the_environment_is_filled_in(tmp_path):
    folder = folder_of(tmp_path, ROUTES.replace("http://127.0.0.1:9", "${env:E2E_TARGET}"))
    assert check(folder, env={"E2E_TARGET": "http://127.0.0.1:9"}).returncode == 0
    result = check(folder, env={"E2E_TARGET": "rubbish-secret"})
    assert result.returncode == 1
    assert "rubbish-secret" not in result.stdout + result.stderr, "a value from the environment may be a secret"


def bomb():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("text", [bomb(), "a: " + "[" * 100_000, "x" * 10_000_000, "a: &a [*a]\n"], ids=[
    "anchors that explode", "brackets without end", "ten megabytes", "an anchor within itself"])
def test_a_file_that_would_explode_is_refused_quickly(tmp_path, text):
    result = check(folder_of(tmp_path, text), seconds=10)
    assert result.returncode == 1


def test_ten_thousand_routes_are_checked_in_reasonable_time(tmp_path):
    routes = {f"r{n}": {"match": {"path": f"/r/{n}/{{id}}"}, "upstream": "accounts"} for n in range(10_000)}
    document = {"domain": "app", "upstreams": {"accounts": {"targets": ["http://127.0.0.1:9"]}}, "routes": routes}
    result = check(folder_of(tmp_path, json.dumps(document, indent=1)), seconds=60)
    assert result.returncode == 0, (result.stdout + result.stderr)[:2000]


@pytest.mark.parametrize("to", [">/dev/full", ">&-"])
@pytest.mark.parametrize("words", ["check {folder}", "routes {folder}", "version", "help", "keygen {folder}/new.pem"])
def test_output_that_is_lost_is_a_failure(tmp_path, words, to):
    words = words.format(folder=folder_of(tmp_path))
    result = subprocess.run(
        ["bash", "-c", f'exec "$0" {words} {to}', BINARY], capture_output=True, text=True, timeout=30)
    assert result.returncode == 2
    assert "could not be written to standard output" in result.stderr


def test_standard_streams_that_are_closed_are_nothing_elses(tmp_path):
    """Otherwise a listener would get their numbers, and lines of logs would go to it."""
    gateway = Gateway(
        tmp_path, {}, {"all": {"match": {"path": "/"}, "respond": {"status": 200, "body": "x"}}}, start=False)
    process = subprocess.Popen(["bash", "-c", f'exec "$0" run {gateway.folder} <&- >&- 2>&-', BINARY])
    gateway.process = process
    try:
        eventually(gateway.is_ready, what="/readyz answering 200")
        assert [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)] == ["/dev/null"] * 3
        assert get(gateway.port).body == b"x"
        # They can't be written: that is told.
        lost = ("portcullis_log_lines_dropped_total", "access")
        eventually(
            lambda: any((name, labels.get("log")) == lost and value for name, labels, value in gateway.metrics()),
            what="lost lines in the metrics")
    finally:
        process.terminate()
        assert process.wait(10) == 0
