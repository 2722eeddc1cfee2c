"""The peer: VTK's volume mappers on the same scan, function, light and cameras."""

from __future__ import annotations

import math
import os

# Off-screen without a display; VTK chooses the window's class when it is imported.
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from tomosplat.geometry import Cameras
from tomosplat.render import Shading
from tomosplat.transfer import OPACITY_LENGTH_MM, TransferFunction
from tomosplat.volume import Volume


class VtkRenderer:
    """One volume in a VTK window, drawn by the fixed-point ray caster or by the GPU mapper."""

    def __init__(
        self, volume: Volume, function: TransferFunction, shading: Shading, step_mm: float, size: int, *, gpu: bool
    ) -> None:
        mapper = vtk.vtkGPUVolumeRayCastMapper() if gpu else vtk.vtkFixedPointVolumeRayCastMapper()
        mapper.SetInputData(_image(volume))
        mapper.SetSampleDistance(step_mm)
        mapper.SetAutoAdjustSampleDistances(False)
        mapper.SetImageSampleDistance(1)
        if gpu:
            mapper.SetLockSampleDistanceToInputSpacing(False)
        actor = vtk.vtkVolume()
        actor.SetMapper(mapper)
        actor.SetProperty(_look(function, shading))
        self._renderer = vtk.vtkRenderer()
        self._renderer.SetBackground(0, 0, 0)
        self._renderer.AddVolume(actor)
        self._window = vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._window.SetSize(size, size)
        self._window.AddRenderer(self._renderer)

    def render(self, cameras: Cameras) -> NDArray[np.float32]:
        """Draw the first camera; returns [H, W, 3] over black."""
        rotation, position = cameras.viewmats[0, :3, :3], cameras.positions[0]
        camera = self._renderer.GetActiveCamera()
        camera.SetPosition(*position)
        camera.SetFocalPoint(*(position + rotation[2]))
        camera.SetViewUp(*-rotation[1])
        camera.SetViewAngle(2 * math.degrees(math.atan(cameras.height / 2 / cameras.Ks[0, 1, 1])))
        self._renderer.ResetCameraClippingRange()
        self._window.Render()
        width, height = self._window.GetSize()
        pixels = vtk.vtkUnsignedCharArray()
        self._window.GetPixelData(0, 0, width - 1, height - 1, True, pixels, 0)
        picture: NDArray[np.float32] = vtk_to_numpy(pixels).reshape(height, width, 3)[::-1].astype(np.float32) / 255
        return picture


def _image(volume: Volume) -> vtk.vtkImageData:
    """The scan as VTK's mappers like it best: 16-bit integers, i fastest."""
    image = vtk.vtkImageData()
    image.SetDimensions(*volume.grid.shape)
    image.SetSpacing(*volume.grid.spacing)
    image.SetOrigin(*volume.grid.origin)
    values = np.ascontiguousarray(volume.values.transpose(2, 1, 0).round().astype(np.int16))
    image.GetPointData().SetScalars(numpy_to_vtk(values.ravel(), deep=True))
    return image


def _look(function: TransferFunction, shading: Shading) -> vtk.vtkVolumeProperty:
    values = np.arange(-1100, 3100, 5.0)
    opacity, colour = vtk.vtkPiecewiseFunction(), vtk.vtkColorTransferFunction()
    for value, (red, green, blue, alpha) in zip(values, function(values), strict=True):
        opacity.AddPoint(value, alpha)
        colour.AddRGBPoint(value, red, green, blue)
    look = vtk.vtkVolumeProperty()
    look.SetScalarOpacity(opacity)
    look.SetColor(colour)
    look.SetScalarOpacityUnitDistance(OPACITY_LENGTH_MM)
    look.SetInterpolationTypeToLinear()
    look.ShadeOn()
    look.SetAmbient(shading.ambient)
    look.SetDiffuse(shading.diffuse)
    look.SetSpecular(shading.specular)
    look.SetSpecularPower(shading.shininess)
    return look
