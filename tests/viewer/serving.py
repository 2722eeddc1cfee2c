"""A client that says exactly what it is told to, and a source whose work a test holds in its hand."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.patience import PATIENCE_S

from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Grid
from tomosplat.pipeline.scan import PreparedScan
from tomosplat.report import Report
from tomosplat.transfer import TransferFunctions
from tomosplat.viewer.serving import Server
from tomosplat.volume import LabelMap, Volume


def few_gaussians(n: int = 50, brightness: float = 0.5) -> GaussianScene:
    generator = torch.Generator().manual_seed(0)
    sh = torch.zeros(n, 4, 3)
    sh[:, 0] = brightness
    return GaussianScene(
        means=100 * torch.rand(n, 3, generator=generator),
        means_dir=torch.tensor([0.0, -1.0, 0.0]).repeat(n, 1),
        covs=torch.tensor([4.0, 0, 0, 4, 0, 4]).repeat(n, 1),
        gains=torch.zeros(n, 3, 3),
        precisions_dir=torch.tensor([0.1, 0, 0, 0.1, 0, 0.1]).repeat(n, 1),
        opacities=torch.full((n,), 0.5),
        sh=sh,
        labels=torch.full((n,), 5, dtype=torch.uint8),
    )


def few_voxels() -> PreparedScan:
    grid = Grid((4, 5, 6), np.diag([1.5, 1.5, 1.5, 1]))
    values = np.linspace(-1000, 1000, 120, dtype=np.float32).reshape(grid.shape)
    return PreparedScan(Volume(values, grid, "HU", "CT"), LabelMap(np.full(grid.shape, 5, dtype=np.uint8), grid))


@dataclass
class HeldSource:
    """Primes a scene only once the test lets it; it is as bright as its transfer functions' name says.

    Attributes:
        primed: Names of the scenes that were not given up.
    """

    primed: list[str] = field(default_factory=list)
    _begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _let_go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    kind: str = "primed"
    paths: dict[Path, str] = field(default_factory=dict)
    n_gaussians: int = 50

    def scan(self, report: Report) -> PreparedScan:
        with report.stage("read scan"):
            return few_voxels()

    def scene(self, scan: PreparedScan | None, functions: TransferFunctions | None, report: Report) -> GaussianScene:
        name = functions.name if functions else "0.5"
        with report.stage("prime") as progress:
            self._begun.release()
            assert self._let_go.acquire(timeout=PATIENCE_S)
            progress(1, 1)
        self.primed.append(name)
        return few_gaussians(self.n_gaussians, float(name))

    def better(self, scan: PreparedScan | None, functions: TransferFunctions | None, report: Report) -> None:
        """There is nothing better."""

    def wait_for_begin(self) -> None:
        """Return once a scene is being primed, that no earlier call has returned for."""
        assert self._begun.acquire(timeout=PATIENCE_S)

    def let_go(self, scenes: int = 1) -> None:
        """Let so many scenes be primed to their end."""
        self._let_go.release(scenes)


@dataclass
class ImprovingSource(HeldSource):
    """Has a better scene, of one Gaussian more, once the test lets it."""

    _improve: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def better(
        self, scan: PreparedScan | None, functions: TransferFunctions | None, report: Report
    ) -> GaussianScene | None:
        with report.stage("predict"):
            assert self._improve.acquire(timeout=PATIENCE_S)
            return few_gaussians(self.n_gaussians + 1)

    def improve(self) -> None:
        """Let one better scene be made."""
        self._improve.release()


def going_source(**given: Any) -> HeldSource:
    source = HeldSource(**given)
    source.let_go(1000)
    return source


@dataclass(frozen=True)
class Answer:
    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Speaks to a server; headers that are given as None are left out."""

    def __init__(self, server: Server) -> None:
        self.port = server.port
        self.token = server.url.partition("token=")[2]

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> Answer:
        named = {"Host": f"127.0.0.1:{self.port}", "X-Tomosplat-Token": self.token}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)) as connection:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in named.items():
                if value is not None:
                    connection.putheader(name, value)
            if body is not None and "Content-Length" not in named:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def get(self, path: str, **headers: str | None) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: bytes, **headers: str | None) -> Answer:
        return self.ask("POST", path, body, **headers)

    def status(self, scene: int = 1, after: int = 0) -> dict[str, Any]:
        return self.get(f"/api/scenes/{scene}/status?after={after}").json

    def follow(self, scene: int = 1, after: int = 0, until: str = "ready") -> list[dict[str, Any]]:
        """The statuses that a client hears of from a revision on, to the first of a state; some may pass unheard."""
        told: list[dict[str, Any]] = []
        while not told or told[-1]["state"] != until:
            status = self.status(scene, after)
            if status["revision"] > after:  # else there was no news for as long as the server lets anyone wait
                assert status["state"] in ("working", until), status
                told.append(status)
                after = status["revision"]
        return told

    def blob(self, part: str, scene: int = 1) -> bytes:
        answer = self.get(f"/api/scenes/{scene}/{part}")
        assert answer.status == 200
        assert answer.headers["Content-Encoding"] == "gzip"
        return gzip.decompress(answer.body)


def functions_named(name: str) -> bytes:
    return json.dumps({**TransferFunctions.preset("seen").to_dict(), "name": name}).encode()
