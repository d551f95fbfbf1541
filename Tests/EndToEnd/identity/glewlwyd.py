"""Glewlwyd, an OpenID provider from Debian's packages, with a client, a user and a database of its own."""

import base64
import http.cookiejar
import json
import shutil
import sqlite3
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from harness import eventually, free_port

TABLES = Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
CONFIGURATION = """
port={port}
bind_address="127.0.0.1"
external_url="http://127.0.0.1:{port}"
login_url="login.html"
api_prefix="api"
static_files_path="{root}"
log_mode="console"
log_level="INFO"
cookie_domain="127.0.0.1"
cookie_secure=0
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
user_middleware_module_path="{root}"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
hash_algorithm="SHA512"
database = {{ type = "sqlite3"
  path = "{root}/glewlwyd.db" }};
"""
CLIENT, CLIENT_SECRET = "mobile-app", "a secret of the client"
USER, PASSWORD = "ada", "a password of the user"
SCOPES = ("read", "transfer")


class Glewlwyd:
    """A context manager. Tokens carry the user's `user_id` and `tenant`; `rotate` changes the keys."""

    def __init__(self, root, *keys):
        program = shutil.which("glewlwyd", path="/usr/bin:/usr/sbin:/usr/local/bin")
        assert program and TABLES.is_file(), "glewlwyd is missing: install it (make test does)"
        self.root = root
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}/api/oidc"
        self.keys = keys
        database = sqlite3.connect(root / "glewlwyd.db")
        database.executescript(TABLES.read_text())
        database.close()
        (root / "glewlwyd.conf").write_text(CONFIGURATION.format(port=self.port, root=root))
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        with open(root / "log", "wb") as log:
            self.process = subprocess.Popen(
                [program, f"--config-file={root}/glewlwyd.conf"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        try:
            eventually(self._up, 20, "glewlwyd answering")
            self._set_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _up(self):
        assert self.process.poll() is None, (self.root / "log").read_text()
        try:
            self.call("POST", "/auth/", {"username": "admin", "password": "password"})
            return True
        except urllib.error.URLError:
            return False

    def call(self, method, path, content=None):
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api{path}", data, {"Content-Type": "application/json"}, method=method)
        with self.opener.open(request, timeout=10) as response:
            body = response.read()
        return json.loads(body) if body else None

    def _parameters(self):
        return {
            "iss": self.issuer, "jwks-private": json.dumps({"keys": [key.private_jwk() for key in self.keys]}),
            "jwks-show": True, "jwt-type": "rsa", "jwt-key-size": "256", "access-token-duration": 3600,
            "refresh-token-duration": 3600, "code-duration": 600, "refresh-token-rolling": False,
            "allow-non-oidc": True, "auth-type-code-enabled": False, "auth-type-token-enabled": False,
            "auth-type-id-token-enabled": True, "auth-type-none-enabled": False, "auth-type-password-enabled": True,
            "auth-type-client-enabled": True, "auth-type-refresh-enabled": False, "auth-type-device-enabled": False,
            "scope": [], "claims": [], "name-claim": "no", "email-claim": "no", "scope-claim": "no",
            "address-claim": {"type": "no"}, "subject-type": "public", "restrict-scope-client-property": "",
            "allowed-scope": ["openid", *SCOPES], "service-documentation": "https://docs.test",
            "additional-parameters": [
                {"user-parameter": name, "token-parameter": name} for name in ("user_id", "tenant")]}

    def _set_up(self):
        for scope in SCOPES:
            self.call("POST", "/scope/", {
                "name": scope, "display_name": scope, "password_required": False, "scheme": {}})
        self.call("POST", "/mod/plugin/", {
            "module": "oidc", "name": "oidc", "display_name": "oidc", "parameters": self._parameters()})
        users = self.call("GET", "/mod/user/database")
        for name in ("user_id", "tenant"):
            users["parameters"]["data-format"][name] = {
                "multiple": False, "read": True, "write": True, "profile-read": True, "profile-write": False}
        self.call("PUT", "/mod/user/database", users)
        self.call("PUT", "/mod/user/database/reset")
        self.call("POST", "/user/", {
            "username": USER, "name": "Ada", "password": PASSWORD, "enabled": True, "scope": ["openid", *SCOPES],
            "email": "user@bank-a", "user_id": "12345", "tenant": "bank-a"})
        self.call("POST", "/client/", {
            "client_id": CLIENT, "name": "Mobile", "password": CLIENT_SECRET, "confidential": True, "enabled": True,
            "token_endpoint_auth_method": ["client_secret_basic"], "scope": list(SCOPES),
            "authorization_type": ["client_credentials", "password"]})

    def rotate(self, *keys):
        """Publishes these keys; the first of them signs."""
        self.keys = keys
        plugin = self.call("GET", "/mod/plugin/oidc")
        plugin["parameters"] = self._parameters()
        self.call("PUT", "/mod/plugin/oidc", plugin)
        self.call("PUT", "/mod/plugin/oidc/reset")

    def _token(self, **form):
        credentials = base64.b64encode(f"{CLIENT}:{CLIENT_SECRET}".encode()).decode()
        request = urllib.request.Request(
            f"{self.issuer}/token", urllib.parse.urlencode(form).encode(), {"Authorization": f"Basic {credentials}"})
        with self.opener.open(request, timeout=10) as response:
            return json.loads(response.read())["access_token"]

    def user_token(self, scope="read transfer"):
        return self._token(grant_type="password", username=USER, password=PASSWORD, scope=scope)

    def client_token(self, scope="read transfer"):
        return self._token(grant_type="client_credentials", scope=scope)
