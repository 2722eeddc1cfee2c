"""What is answered to whom; knows nothing of sockets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.message import Message
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tomosplat.errors import TransferFunctionError
from tomosplat.viewer.serving.board import Part
from tomosplat.viewer.serving.guard import Guard
from tomosplat.viewer.serving.page import PageTemplate
from tomosplat.viewer.serving.session import Session

#: Transfer functions are a few kilobytes.
MAX_BODY_BYTES = 1 << 20
#: Less than what proxies and browsers bear without an answer.
POLL_S = 25.0

_TOKEN_HEADER = "X-Tomosplat-Token"
_SCENE = re.compile(r"/api/scenes/(?P<id>\d{1,4})/(?P<what>status|gaussians|volume|transfer)")
_REVISION = re.compile(r"\d{1,15}")


@dataclass(frozen=True)
class Site:
    """All that requests are answered from.

    Attributes:
        sessions: The scenes, by the id under which the page asks for them.
        wake: Called when there is work to do.
        cookie: Name of the cookie that keeps the token, so that the page can be loaded again.
    """

    sessions: Mapping[str, Session]
    guard: Guard
    page: PageTemplate
    wake: Callable[[], None]
    cookie: str


@dataclass(frozen=True)
class Request:
    """A request whose body has been read."""

    method: str
    target: str
    headers: Message
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    """An answer.

    Attributes:
        when_sent: Called once the client has been sent all of it.
    """

    status: HTTPStatus
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    when_sent: Callable[[], None] = lambda: None


class RefusedError(Exception):
    """A request that is not answered as it hoped for."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status

    def response(self) -> Response:
        """The answer to it."""
        return _json({"message": str(self)}, self.status)


def check_sender(site: Site, method: str, headers: Message) -> None:
    """Refuse requests that were sent to another name than ours, or by the page of another site.

    Raises:
        RefusedError: Such a one.
    """
    hosts = headers.get_all("Host") or []
    if len(hosts) != 1 or not site.guard.accepts_host(hosts[0]):
        raise RefusedError(HTTPStatus.FORBIDDEN, "nothing is served under this name; use the address in the terminal")
    if method == "POST" and not site.guard.same_origin(headers.get("Origin"), hosts[0]):
        raise RefusedError(HTTPStatus.FORBIDDEN, "another site's page may not ask for this")


def answer(site: Site, request: Request) -> Response:
    """Answer a request whose sender has been checked.

    Raises:
        RefusedError: It asks for what is not there, or does not know the token.
    """
    try:
        url = urlsplit(request.target)
        query = parse_qs(url.query, max_num_fields=8)
    except ValueError:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the address is malformed") from None
    if url.scheme or url.netloc:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the address must be a path")
    if request.method == "GET" and url.path == "/":
        return _page(site, request.headers, query)
    if request.method == "GET" and url.path == "/favicon.ico":
        return Response(HTTPStatus.NO_CONTENT)
    if not site.guard.knows_token(request.headers.get(_TOKEN_HEADER)):
        raise RefusedError(HTTPStatus.FORBIDDEN, "the token is missing or wrong; use the address in the terminal")
    if request.method == "GET" and url.path == "/api/scenes":
        return _json([{"id": name, **session.board.summary()} for name, session in site.sessions.items()])
    match = _SCENE.fullmatch(url.path)
    if match is None or match["id"] not in site.sessions:
        raise RefusedError(HTTPStatus.NOT_FOUND, "there is no such thing here")
    return _of_scene(site, site.sessions[match["id"]], request, match["what"], query)


def _page(site: Site, headers: Message, query: Mapping[str, list[str]]) -> Response:
    scene = query.get("scene", [""])[0]
    if site.guard.knows_token(query.get("token", [None])[0]):
        # Out of the address bar and the history, where others could read it. Loading the page again still works.
        kept = f"{site.cookie}={site.guard.token}; Path=/; HttpOnly; SameSite=Lax"
        clean = "/?" + urlencode({"scene": scene}) if scene in site.sessions else "/"
        return Response(HTTPStatus.SEE_OTHER, headers={"Location": clean, "Set-Cookie": kept})
    if not site.guard.knows_token(_cookies(headers).get(site.cookie)):
        text = b"Open the address that the terminal shows, with its token."
        return Response(HTTPStatus.FORBIDDEN, text, {"Content-Type": "text/plain; charset=utf-8"})
    if scene not in site.sessions:
        scene = next(iter(site.sessions))
    html = site.page.filled(scene, site.guard.token)
    type_and_policy = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": site.page.policy}
    return Response(HTTPStatus.OK, html, type_and_policy)


def _of_scene(site: Site, session: Session, request: Request, what: str, query: Mapping[str, list[str]]) -> Response:
    if (request.method == "POST") != (what == "transfer"):
        raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "this is asked for with the other method")
    if what == "status":
        after = query.get("after", ["0"])[0]
        if _REVISION.fullmatch(after) is None:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "after must be a revision, a whole number")
        status = session.board.status(int(after), POLL_S)
        response = _json(status)
        return replace(response, when_sent=session.board.failure_told.set) if status["state"] == "failed" else response
    if what == "transfer":
        return _recolour(site, session, request.body)
    return _blob(session, "gaussians" if what == "gaussians" else "volume")


def _blob(session: Session, part: Part) -> Response:
    compressed = session.board.blob(part)
    if compressed is None:
        raise RefusedError(HTTPStatus.NOT_FOUND, "not there yet, or never; the status tells")
    kind = {"Content-Type": "application/octet-stream", "Content-Encoding": "gzip"}
    return Response(HTTPStatus.OK, compressed, kind)


def _recolour(site: Site, session: Session, body: bytes) -> Response:
    from tomosplat.transfer import TransferFunctions

    if session.source.kind == "file":
        raise RefusedError(HTTPStatus.CONFLICT, "a scene file cannot be primed anew: its scan is not known")
    if session.error is not None:
        raise RefusedError(HTTPStatus.CONFLICT, "this scene could not be made, so it cannot be primed anew")
    try:
        functions = TransferFunctions.from_json(body.decode("utf-8"))
    except TransferFunctionError as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)[:500]) from None
    # Numbers of a thousand digits, lists in lists in lists, numbers for lists.
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "these are no transfer functions") from None
    session.ask_for(functions)
    site.wake()
    return _json({"revision": session.board.status()["revision"]}, HTTPStatus.ACCEPTED)


def _cookies(headers: Message) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in headers.get("Cookie", "").split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _json(data: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(status, json.dumps(data).encode(), {"Content-Type": "application/json"})
