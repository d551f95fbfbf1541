"""Reading `WWW-Authenticate`."""

import re

PARAMETER = re.compile(r'\s*([A-Za-z_]+)="((?:[^"\\]|\\.)*)"\s*(?:,|\Z)')


def challenge_of(response):
    """The parameters of the only challenge of a response, which has to be of the Bearer scheme and well-formed."""
    values = [value for name, value in response.headers if name.lower() == "www-authenticate"]
    assert len(values) == 1, f"WWW-Authenticate: {values}"
    scheme, _, rest = values[0].partition(" ")
    assert scheme == "Bearer", values[0]
    parameters, at = {}, 0
    while at < len(rest):
        match = PARAMETER.match(rest, at)
        assert match, f"not a list of parameters: {rest!r}"
        assert match.group(1) not in parameters, f"twice: {rest!r}"
        parameters[match.group(1)] = match.group(2)
        at = match.end()
    return parameters
