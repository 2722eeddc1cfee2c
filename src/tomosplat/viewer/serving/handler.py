"""One client's connection: bytes in, bytes out."""

from __future__ import annotations

import logging
import re
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from tomosplat.viewer.serving.routes import MAX_BODY_BYTES, RefusedError, Request, Response, answer, check_sender

if TYPE_CHECKING:
    from tomosplat.viewer.serving.listener import Listener

_LENGTH = re.compile(r"\d{1,12}")
#: What is sent between two looks at the clock: a slow client is not cut off as long as it takes something.
_PIECE_BYTES = 1 << 18
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers would wait for the client's receipt of what came before
    timeout = 30  # seconds in which a client must send or take something
    server: Listener

    def do_GET(self) -> None:
        """Answer a GET."""
        self._serve()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._serve()

    def _serve(self) -> None:
        try:
            check_sender(self.server.site, self.command, self.headers)
            request = Request(self.command, self.path, self.headers, self._body())
            response = answer(self.server.site, request)
        except RefusedError as refusal:
            self.close_connection = True  # there may be a body that nobody has read
            response = refusal.response()
        except ConnectionError:
            self.close_connection = True
            return
        except Exception:
            logging.getLogger(__name__).exception("a request failed")
            self.close_connection = True
            response = RefusedError(
                HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed; the terminal tells"
            ).response()
        self._send(response)

    def _body(self) -> bytes:
        length = _body_length(self.headers)
        try:
            body = self.rfile.read(length)
        except TimeoutError as error:
            raise ConnectionError("the client is too slow") from error
        if len(body) < length:
            raise ConnectionError("the client left in the middle of its request")
        return body

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in {**_HEADERS, **response.headers, "Content-Length": str(len(response.body))}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        for start in range(0, len(response.body), _PIECE_BYTES):
            self.wfile.write(response.body[start : start + _PIECE_BYTES])
        response.when_sent()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what cannot be parsed as HTTP, without repeating it."""
        self.close_connection = True
        self.request_version = self.protocol_version  # where none was understood there would be no status line
        status = HTTPStatus(code)
        self._send(RefusedError(status, status.phrase).response())

    def version_string(self) -> str:
        """Name the program alone: which versions these are concerns nobody."""
        return "tomosplat"

    def log_message(self, *_: object) -> None:
        """Say nothing: the terminal is for the work."""


def _body_length(headers: Message) -> int:
    if "Transfer-Encoding" in headers:
        raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "say how long the body is (Content-Length)")
    lengths = headers.get_all("Content-Length") or ["0"]
    if len(lengths) != 1 or _LENGTH.fullmatch(lengths[0]) is None:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "Content-Length must be one whole number")
    if int(lengths[0]) > MAX_BODY_BYTES:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {MAX_BODY_BYTES} bytes at most")
    return int(lengths[0])
