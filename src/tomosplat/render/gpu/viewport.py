"""A scene held on the GPU for viewing: each picture is one CUDA graph, and nothing waits for the processor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tomosplat.errors import EmptySceneError, InputError, UnitsError
from tomosplat.gaussians import GaussianScene
from tomosplat.geometry import Cameras
from tomosplat.render.constants import DRAWN
from tomosplat.render.gpu.backend import check_gpu
from tomosplat.render.gpu.binning import list_tiles, sort_by_depth, tile_grid
from tomosplat.render.gpu.frame import Parameters, checked_pairs, composite_lists, project_scene
from tomosplat.render.projection import CAMERA_SIZE, camera_row
from tomosplat.render.tables import label_table

#: Room for more pairs of a tile and a Gaussian than were needed, for the next view may need more.
_HEADROOM = 1.25


class Viewport:
    """Draws one scene again and again, at the size of the given cameras.

    Lists of tiles have a fixed capacity: that of the cameras given first, and a quarter more. A view that needs more
    lacks what is farthest, and the views after it have room for that. Nothing is differentiable.

    Args:
        scene: On a GPU.
        cameras: At least one typical view; sets the pictures' size.
        visible: Label ids to draw; None draws everything.
        half: Keep everything but the means in float16, which is read in half the time; pictures differ by about
            0.001. All sums are float32 either way.

    Raises:
        BackendUnavailableError: There is no GPU, no Triton, or the scene is elsewhere.
        InputError: There is no camera.
        EmptySceneError: There is no Gaussian.
        UnitsError: A Gaussian cannot be drawn (see ``rasterize``), or is too large for float16.
        MemoryLimitError: The lists would not fit into memory.
    """

    def __init__(
        self, scene: GaussianScene, cameras: Cameras, *, visible: Sequence[int] | None = None, half: bool = False
    ) -> None:
        device = scene.means.device
        check_gpu(device)
        if len(scene) == 0:
            raise EmptySceneError("a viewport needs at least one Gaussian")
        if len(cameras) == 0:
            raise InputError("a viewport needs at least one camera, for its size and the length of its lists")
        self._parameters = _planes(scene, torch.float16 if half else torch.float32)
        self._visible = torch.from_numpy(label_table(visible, "visible")).to(device)
        self._camera = torch.empty(CAMERA_SIZE, dtype=torch.float64, device=device)
        self._image = torch.empty(cameras.height, cameras.width, 4, device=device)
        # The GPU leaves here how many pairs the last picture had, without anyone waiting for it.
        self._needed = torch.zeros(1, dtype=torch.int64, pin_memory=device.type == "cuda")
        self._graph: torch.cuda.CUDAGraph | None = None
        self._capacity = 0
        self._reserve(max(self._count_pairs(cameras, index) for index in range(len(cameras))))

    def draw(self, camera: Cameras) -> Tensor:
        """Draw the first of ``camera``; return [H, W, 4], premultiplied, which the next call overwrites.

        Raises:
            InputError: The camera's pictures have another size.
        """
        if (camera.height, camera.width) != self._image.shape[:2]:
            height, width = self._image.shape[:2]
            raise InputError(
                f"this viewport draws {width}x{height}, the camera is {camera.width}x{camera.height}; make another"
            )
        if int(self._needed) > self._capacity:
            self._reserve(int(self._needed))
        self._aim(camera, 0)
        if self._graph is None:
            self._render()
        else:
            self._graph.replay()
        return self._image

    def show(self, visible: Sequence[int] | None) -> None:
        """Draw these label ids from now on; None draws everything."""
        self._visible.copy_(torch.from_numpy(label_table(visible, "visible")))

    def _aim(self, cameras: Cameras, index: int) -> None:
        self._camera.copy_(torch.from_numpy(camera_row(cameras, index)), non_blocking=True)

    def _count_pairs(self, cameras: Cameras, index: int) -> int:
        self._aim(cameras, index)
        projected = project_scene(self._parameters, self._visible, self._camera, cameras.width, cameras.height)
        return checked_pairs(projected, sort_by_depth(projected.depths, projected.tile_counts))

    def _reserve(self, pairs: int) -> None:
        """Make room for this many pairs, and record the picture anew."""
        self._capacity, self._graph = int(_HEADROOM * pairs) + 1, None
        if self._camera.device.type == "cuda":
            self._render()  # compiles everything: nothing may be compiled while a graph is recorded
            torch.cuda.synchronize(self._camera.device)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.device(self._camera.device), torch.cuda.graph(graph):
                self._render()
            self._graph = graph

    def _render(self) -> None:
        height, width = self._image.shape[:2]
        projected = project_scene(self._parameters, self._visible, self._camera, width, height)
        queue = sort_by_depth(projected.depths, projected.tile_counts)
        self._needed.copy_(queue.ends[-1:], non_blocking=True)
        binned = (projected.records, projected.outlines, projected.tile_counts, queue, self._capacity)
        lists = list_tiles(*binned, *tile_grid(width, height), exact=True)
        composite_lists(projected.records, lists, self._image)


def _planes(scene: GaussianScene, dtype: torch.dtype) -> Parameters:
    """The scene value by value [..., N], so that neighbouring lanes read neighbouring numbers."""
    planes = []
    for name in DRAWN:
        values = getattr(scene, name).detach().reshape(len(scene), -1).T
        # A thousandth of a millimetre on 300 mm: means stay as they are.
        plane = values.to(torch.float32 if name == "means" else dtype).contiguous()
        if bool((plane.isinf() & values.isfinite()).any()):
            raise UnitsError(f"scene.{name} holds values that are too large for {dtype}; use half=False")
        planes.append(plane)
    return Parameters(scene.direction_weight, tuple(planes), scene.labels.contiguous(), planes=True)
