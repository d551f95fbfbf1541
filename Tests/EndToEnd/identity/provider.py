"""An identity provider that does as it is told, and counts what it is asked."""

import json
import socket
import threading
import time

from harness import ScriptedUpstream
from harness.upstream import ok
from harness.wire import Truncated

from .keys import jwks


DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/jwks"


def json_answer(text, headers=b"", status=b"200 OK"):
    data = text if isinstance(text, bytes) else text.encode()
    return ok(data, b"Content-Type: application/json\r\n" + headers, status)


def document(issuer, jwks_uri, **more):
    """A discovery document."""
    return json.dumps({
        "issuer": issuer, "jwks_uri": jwks_uri, "authorization_endpoint": f"{issuer}/auth",
        "token_endpoint": f"{issuer}/token", "response_types_supported": ["code"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"], **more})


class Provider(ScriptedUpstream):
    """Serves discovery and keys. `behaviour`, when set, is a function of (connection, request) that answers instead;
    it may return bytes to send, or None when it has done what it wanted with the connection."""

    def __init__(self, *keys, context=None, host="127.0.0.1", issuer=None, cache_control=None, port=None):
        self.keys = list(keys)
        self.context = context
        self.host = host
        self.cache_control = cache_control
        self.behaviour = None
        self.times = []
        super().__init__(self.serve, port=port, tolerate_errors=True)
        self.issuer = issuer or self.url("")

    def url(self, path=JWKS):
        return f"{'https' if self.context else 'http'}://{self.host}:{self.port}{path}"

    def _serve(self, connection):
        try:
            if self.context:
                connection.sock.settimeout(5)
                connection.sock = self.context.wrap_socket(connection.sock, server_side=True)
                connection.reader.sock = connection.sock
            self.serve(connection)
        except (Truncated, OSError, TimeoutError):
            pass
        finally:
            try:
                connection.close()
            except OSError:
                pass

    def serve(self, connection):
        while (request := connection.request(60)) is not None:
            self.times.append(time.monotonic())
            behaviour = self.behaviour
            answer = behaviour(connection, request) if behaviour else self.answer(request)
            if answer is None:
                return
            connection.send(answer)

    def answer(self, request):
        caching = f"Cache-Control: {self.cache_control}\r\n".encode() if self.cache_control else b""
        if request.target.endswith(DISCOVERY):
            return json_answer(document(self.issuer, self.url()), caching)
        if request.target == JWKS:
            return json_answer(jwks(*self.keys), caching)
        return json_answer('{"error": "not found"}', status=b"404 Not Found")

    def asked(self, path=None):
        """How many requests came in, of all or of one path."""
        return len([request for request in self.requests if path is None or request.target.endswith(path)])

    def go_down(self):
        """Nobody listens on the port any more; `come_up` is the way back."""
        self.stop()

    def come_up(self):
        self.stopping.clear()
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(512)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()


