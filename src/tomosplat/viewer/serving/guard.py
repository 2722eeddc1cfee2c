"""Who may ask the server: whoever knows the token, by a name that is this machine's own."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from dataclasses import dataclass, field

_HOST_HEADER = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens at ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@dataclass(frozen=True)
class Guard:
    """What a request must know and where it must come from.

    Attributes:
        host: Where the server listens.
        token: The secret of this run.
    """

    host: str
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    def knows_token(self, given: str | None) -> bool:
        """Compare with the token in a time that does not depend on how much of it is right."""
        return given is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def accepts_host(self, header: str) -> bool:
        """Whether a Host header names this machine.

        A page elsewhere can have its own name point here (DNS rebinding) and would then be of the same origin. It
        cannot do that with an address, nor with a name that is not its own. The port may be another than ours: a
        tunnel can have changed it.
        """
        match = _HOST_HEADER.fullmatch(header)
        if match is None:
            return False
        name = match["name"].strip("[]").lower()
        if name in _LOOPBACK_NAMES or name == self.host.lower():
            return True
        return not is_loopback(self.host) and (_is_address(name) or name == socket.gethostname().lower())

    @staticmethod
    def same_origin(origin: str | None, host_header: str) -> bool:
        """Whether a request comes from our own page; programs, other than browsers, send no Origin."""
        return origin is None or origin.lower() == f"http://{host_header.lower()}"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
