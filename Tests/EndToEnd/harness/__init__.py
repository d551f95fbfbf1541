"""What the end-to-end tests are built from: the gateway as a process, and peers that do as they are told."""

from .background import Background
from .client import RawClient, exchange, get, post, request_bytes
from .configuration import HOST, domain_file, merged, route_all
from .deadline import Deadline, eventually, stays
from .gateway import BINARY, MEMORY_FACTOR, Gateway, command, parse_log
from .ports import free_port
from .upstream import (
    EchoUpstream, FullBacklog, ScriptedUpstream, answering, echo, in_turn, ok, refused_port, resetting, silent)
from .wire import Malformed, Request, Response, Truncated, chunked

__all__ = [
    "answering", "Background", "BINARY", "chunked", "command", "Deadline", "domain_file", "echo", "EchoUpstream", "eventually",
    "exchange", "free_port", "FullBacklog", "Gateway", "get", "HOST", "in_turn", "Malformed", "MEMORY_FACTOR", "merged", "ok",
    "parse_log", "post", "RawClient", "refused_port", "Request", "request_bytes", "resetting", "Response",
    "route_all", "ScriptedUpstream", "silent", "stays", "Truncated",
]
