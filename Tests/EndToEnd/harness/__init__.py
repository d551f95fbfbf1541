"""What the end-to-end tests are built from: the gateway as a process, and peers that do as they are told."""

from .client import RawClient, exchange, get, post, request_bytes
from .configuration import HOST, domain_file, merged, route_all
from .deadline import Deadline, eventually, stays
from .gateway import BINARY, Gateway, command, parse_log
from .ports import free_port
from .upstream import (
    EchoUpstream, FullBacklog, ScriptedUpstream, answering, echo, in_turn, ok, refused_port, resetting, silent)
from .wire import Malformed, Request, Response, Truncated, chunked

__all__ = [
    "BINARY", "Deadline", "EchoUpstream", "FullBacklog", "Gateway", "HOST", "Malformed", "RawClient", "Request",
    "Response", "ScriptedUpstream", "Truncated", "answering", "chunked", "command", "domain_file", "echo",
    "eventually", "exchange", "free_port", "get", "in_turn", "merged", "ok", "parse_log", "post", "refused_port", "request_bytes",
    "resetting", "route_all", "silent", "stays",
]
