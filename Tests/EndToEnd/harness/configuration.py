"""The smallest configuration that proxies, and the places where tests add to it.

Every key that several tests share is named here once.
"""

DEFAULT_DOMAIN = "app"
HOST = "app.test"


def gateway_file(ports, admin_port, overrides):
    """`gateway.yaml`: one loop (so that a test can count pooled connections), given listeners, one domain."""
    content = {
        "listeners": {name: {"address": f"127.0.0.1:{port}"} for name, port in ports.items()},
        "admin": {"address": f"127.0.0.1:{admin_port}"},
        "workers": 1,
        "domains": {DEFAULT_DOMAIN: {"hosts": [HOST, "*.wild.test", "other.test"], "listeners": list(ports)}},
    }
    return merged(content, overrides)


def merged(base, overrides):
    """`overrides` laid over `base`, dictionaries key by key; None removes a key."""
    result = dict(base)
    for key, value in overrides.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def domain_file(upstreams, routes, extra=None):
    """A domain's file. An upstream given as a string or a list is its targets."""
    written = {}
    for name, upstream in upstreams.items():
        if isinstance(upstream, str):
            upstream = [upstream]
        written[name] = {"targets": upstream} if isinstance(upstream, list) else upstream
    return merged({"domain": DEFAULT_DOMAIN, "upstreams": written, "routes": routes}, extra or {})


def route_all(upstream="service", **options):
    """Every path of the domain to one upstream."""
    return merged({"match": {"prefix": "/"}, "upstream": upstream}, options)
