"""Programs that other people wrote on both sides: nginx behind the gateway, curl before it."""

import json
import os
import shutil
import subprocess

import pytest

from harness import EchoUpstream, Gateway, RawClient, eventually, free_port, get, request_bytes, route_all

NGINX = """
daemon off;
master_process off;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {root}/body;
  proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/fastcgi;
  uwsgi_temp_path {root}/uwsgi;
  scgi_temp_path {root}/scgi;
  client_max_body_size 200m;
  keepalive_requests 10;
  types {{ text/plain txt; }}
  absolute_redirect off;
  gzip on;
  gzip_min_length 1;
  gzip_types text/plain;
  server {{
    listen 127.0.0.1:{port};
    root {root}/www;
    location = /echo {{ return 200 "$request_method $request_uri $http_host $http_x_forwarded_for\\n"; }}
    location = /empty {{ return 204; }}
    location = /moved {{ return 302 /echo; }}
    location = /early {{ client_max_body_size 1k; return 200 "small\\n"; }}
    location /put/ {{ dav_methods PUT DELETE; create_full_put_path on; }}
  }}
}}
"""


def program(name):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    assert path, f"{name} is missing: install it (make test does)"
    return path


@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    root = tmp_path_factory.mktemp("nginx")
    (root / "www").mkdir()
    (root / "www" / "hello.txt").write_text("hello from nginx\n" * 100)
    (root / "www" / "large.bin").write_bytes(os.urandom(20 << 20))
    port = free_port()
    text = NGINX.format(root=root, port=port)
    if os.geteuid() == 0:
        text = "user root;\n" + text
    (root / "nginx.conf").write_text(text)
    process = subprocess.Popen([program("nginx"), "-p", root, "-c", root / "nginx.conf", "-e", root / "error.log"])

    def up():
        assert process.poll() is None, (root / "error.log").read_text()
        try:
            RawClient(port).close()
            return True
        except OSError:
            return False

    eventually(up, what="nginx listening")
    process.root, process.port = root, port
    yield process
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def world(tmp_path_factory, nginx):
    with EchoUpstream() as echo:
        routes = {"all": route_all(limits={"body_bytes_max": "200MiB"}),
                  "scripted": {"match": {"prefix": "/scripted"}, "upstream": "scripted"}}
        upstreams = {"service": [f"http://127.0.0.1:{nginx.port}"], "scripted": [echo.target]}
        with Gateway(tmp_path_factory.mktemp("gateway"), upstreams, routes) as gateway:
            gateway.echo = echo
            yield gateway


def curl(gateway, path, *options):
    url = f"http://app.test:{gateway.port}{path}"
    return subprocess.run(
        [program("curl"), "--silent", "--show-error", "--max-time", "30", "--noproxy", "*",
         "--resolve", f"app.test:{gateway.port}:127.0.0.1", *options, url], capture_output=True)


def fetched(gateway, path, *options):
    result = curl(gateway, path, *options)
    assert result.returncode == 0, result.stderr
    return result.stdout


def status(gateway, path, *options):
    return fetched(gateway, path, *options, "--output", "/dev/null", "--write-out", "%{http_code}").decode()


def test_nginx_answers_through_the_gateway(world):
    assert fetched(world, "/echo").startswith(b"GET /echo app.test")


@pytest.mark.parametrize("options", [[], ["--http1.0"], ["--compressed"], ["--no-keepalive"], ["--tr-encoding"]],
                         ids=["HTTP/1.1", "HTTP/1.0", "compressed", "no keep-alive", "transfer codings asked for"])
def test_a_file_arrives_whole(world, nginx, options):
    assert fetched(world, "/hello.txt", *options) == (nginx.root / "www" / "hello.txt").read_bytes()


def test_a_large_file_arrives_whole(world, nginx):
    assert fetched(world, "/large.bin") == (nginx.root / "www" / "large.bin").read_bytes()


@pytest.mark.parametrize("span, part", [("0-9", slice(0, 10)), ("100-199", slice(100, 200)), ("-5", slice(-5, None))])
def test_a_range_arrives(world, nginx, span, part):
    whole = (nginx.root / "www" / "large.bin").read_bytes()
    assert fetched(world, "/large.bin", "--range", span) == whole[part]
    assert status(world, "/large.bin", "--range", span) == "206"


def test_a_resumed_download(world, nginx, tmp_path):
    whole = (nginx.root / "www" / "large.bin").read_bytes()
    partial = tmp_path / "partial"
    partial.write_bytes(whole[:1_000_000])
    fetched(world, "/large.bin", "--continue-at", "-", "--output", str(partial))
    assert partial.read_bytes() == whole


def test_a_conditional_request_is_304(world):
    etag = get(world.port, "/hello.txt").header("etag")
    assert status(world, "/hello.txt", "--header", f"If-None-Match: {etag}") == "304"


def test_head(world):
    head = fetched(world, "/hello.txt", "--head").decode()
    assert "200 OK" in head and "Content-Length: 1700" in head


def test_no_content(world):
    assert status(world, "/empty") == "204"


def test_a_redirect_is_followed(world):
    assert fetched(world, "/moved", "--location").startswith(b"GET /echo")


@pytest.mark.parametrize("options", [[], ["--header", "Transfer-Encoding: chunked"], ["--http1.0"],
                                     ["--header", "Expect: 100-continue"], ["--header", "Expect:"]],
                         ids=["with a length", "chunked", "HTTP/1.0", "with an expectation", "without one"])
def test_an_upload_arrives_whole(world, nginx, tmp_path, options):
    content = os.urandom(5 << 20)
    (tmp_path / "upload").write_bytes(content)
    name = f"/put/{abs(hash(tuple(options)))}.bin"
    assert status(world, name, *options, "--upload-file", str(tmp_path / "upload")) in ("201", "204")
    assert (nginx.root / "www" / name[1:]).read_bytes() == content
    assert status(world, name, "--request", "DELETE") == "204"


def test_a_form(world):
    reached = json.loads(fetched(world, "/scripted", "--data", "a=1", "--data-urlencode", "b=x y"))
    assert (reached["method"], reached["body"]) == ("POST", "a=1&b=x+y") or reached["body"] == "a=1&b=x%20y"


def test_a_multipart_form(world, tmp_path):
    (tmp_path / "file").write_bytes(b"content of the file")
    reached = json.loads(fetched(world, "/scripted", "--form", f"f=@{tmp_path / 'file'}", "--form", "x=1"))
    assert "content of the file" in reached["body"]


def test_curl_reuses_its_connection(world):
    urls = [f"http://app.test:{world.port}/echo"] * 20
    result = subprocess.run(
        [program("curl"), "--silent", "--noproxy", "*", "--resolve", f"app.test:{world.port}:127.0.0.1",
         "--write-out", "%{num_connects}\n", *[item for url in urls for item in ("--output", "/dev/null", url)]],
        capture_output=True, text=True, timeout=30)
    assert [int(line) for line in result.stdout.split()] == [1] + [0] * 19


def test_nginx_closing_its_connections_now_and_then_is_not_noticed(world):
    """keepalive_requests 10: nginx says close on every tenth response."""
    with world.client() as client:
        for _ in range(100):
            assert client.send(request_bytes("GET", "/echo")).response().status == 200


def test_a_body_that_nginx_refuses_early(world, tmp_path):
    (tmp_path / "upload").write_bytes(b"x" * 3_000_000)
    result = curl(world, "/early", "--data-binary", f"@{tmp_path / 'upload'}", "--output", "/dev/null",
                  "--write-out", "%{http_code}")
    assert result.stdout == b"413"


def test_h2c_is_not_agreed_to(world):
    assert status(world, "/echo", "--http2") == "200"


def test_a_web_socket_is_refused_cleanly(world):
    headers = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    assert status(world, "/echo", *[item for header in headers for item in ("--header", header)]) != "101"
