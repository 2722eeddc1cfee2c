"""What the verbs that open a page have in common."""

from __future__ import annotations

import os
import sys
import traceback
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tomosplat.errors import TomosplatError
from tomosplat.pipeline.options import PrimingOptions, ScanOptions
from tomosplat.report import Report

if TYPE_CHECKING:
    from tomosplat.viewer.serving import Source

#: A browser that has just been started needs this long, at most, to show why there is nothing to show.
_BROWSER_STARTS_S = 10.0


@dataclass(frozen=True, kw_only=True)
class ServingOptions:
    """Where the page is served."""

    port: int = 0
    """Port to open; by default a free one."""
    host: str = "127.0.0.1"
    """Address to listen at. Any other than the default lets other machines in: they need the token, but nothing is
    encrypted."""
    no_browser: bool = False
    """Do not open the browser; the page can be opened by its address."""


def serve_until_stopped(
    what: Sequence[Path | Source],
    options: ServingOptions,
    report: Report,
    *,
    reading: ScanOptions | None = None,
    priming: PrimingOptions | None = None,
    network: bool = True,
    titles: Sequence[str] = (),
) -> None:
    """Serve, say where, and return when a person presses Ctrl-C; that is how viewing ends.

    Raises:
        TomosplatError: There is nothing to serve, or the only scene could not be made.
    """
    from tomosplat.viewer.serving import serve

    server = serve(
        *what,
        reading=reading,
        priming=priming,
        network=network,
        titles=titles,
        host=options.host,
        port=options.port,
        report=report,
        on_failure=_tell,
    )
    with server:
        try:
            # From here on somebody knows the address and may press Ctrl-C.
            print(f"{server.url}\nCtrl-C ends it.", flush=True)
            if server.exposed:
                print(
                    f"tomosplat: listening at {options.host}: whoever learns this address, here or on the network, "
                    "sees the scans, and nothing is encrypted",
                    file=sys.stderr,
                )
            opened = not options.no_browser and _can_open_browser() and webbrowser.open(server.url)
            server.wait(linger_s=_BROWSER_STARTS_S if opened else 0.0)
        except KeyboardInterrupt:
            print("tomosplat: stopping", file=sys.stderr)


def _tell(title: str, error: Exception) -> None:
    if not isinstance(error, TomosplatError):
        traceback.print_exception(error)  # a mistake of ours: where it is helps to mend it
    print(f"tomosplat: {title}: {error}", file=sys.stderr)


def _can_open_browser() -> bool:
    """Whether there is a screen: without one, a text browser would take over this terminal."""
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
