"""The open port and the connections to it."""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
from contextlib import suppress
from http.server import HTTPServer
from typing import Any

from tomosplat.errors import PortError
from tomosplat.viewer.serving.handler import Handler
from tomosplat.viewer.serving.routes import Site

#: Each has a thread; a page needs three or four.
_MAX_CONNECTIONS = 64
_CLOSING_S = 2.0


class Listener(HTTPServer):
    """Accepts connections at once, each with a thread of its own; closing it ends them all.

    Attributes:
        site: What requests are answered from; set before the first connection is accepted.

    Raises:
        PortError: The port is taken, or may not be opened at this address.
    """

    site: Site
    allow_reuse_address = os.name == "posix"  # elsewhere that would share the port with whoever has it
    request_queue_size = 32

    def __init__(self, host: str, port: int) -> None:
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        try:
            # Not with the port: it would be taken modulo 65536.
            self.address_family, *_, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
            super().__init__((str(address[0]), port), Handler)
        except (OSError, OverflowError, UnicodeError) as error:
            raise _port_error(host, port, error) from error
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="tomosplat-listener", daemon=True)

    @property
    def port(self) -> int:
        """The port that is open."""
        return int(self.socket.getsockname()[1])

    def server_bind(self) -> None:
        """Bind, without asking the network for this machine's name as HTTPServer does: that can take seconds."""
        if self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def start(self) -> None:
        """Begin to accept connections."""
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a new connection in a thread of its own."""
        with self._lock:
            # A thread cannot take itself out: who closes would not wait for what it still has to do.
            self._connections = {one: thread for one, thread in self._connections.items() if thread.is_alive()}
            full = len(self._connections) >= _MAX_CONNECTIONS
            if not full:
                thread = threading.Thread(target=self._serve, args=(request, client_address), daemon=True)
                self._connections[request] = thread
                thread.start()
        if full:
            self.shutdown_request(request)

    def _serve(self, request: socket.socket, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except OSError:
            pass  # a client may go whenever it likes
        except Exception:
            logging.getLogger(__name__).exception("a connection failed")
        finally:
            self.shutdown_request(request)

    def close(self) -> None:
        """Close the port, hang up on every client, and wait for their threads."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()
        with self._lock:
            connections = list(self._connections.items())
        for connection, _ in connections:
            with suppress(OSError):  # it may have gone by itself
                connection.shutdown(socket.SHUT_RDWR)
        for _, thread in connections:
            thread.join(_CLOSING_S)


def _port_error(host: str, port: int, error: Exception) -> PortError:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return PortError(f"port {port} of {host} is in use; try --port {_free_port(host)}, or leave --port out")
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return PortError(f"cannot listen at {host} port {port}: {reason}; leave --host and --port out to take a free one")


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as probe:
        return int(probe.getsockname()[1])
