"""Writes scans for tests with SimpleITK (NRRD, MetaImage) or nibabel (NIfTI), from an array and its RAS+ affine."""

from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

FORMATS = [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"]


def write_scan(path: Path, values: np.ndarray, affine: np.ndarray, compress: bool = False) -> Path:
    if path.name.endswith((".nii", ".nii.gz")):
        nib.save(nib.Nifti1Image(values, affine), path)
        return path
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = sitk.GetImageFromArray(np.ascontiguousarray(values.transpose()))
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    sitk.WriteImage(image, str(path), compress)
    return path


def rotation(seed: int) -> np.ndarray:
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q


def oblique(seed: int = 0) -> np.ndarray:
    """Affine with oblique axes, unequal spacing and an origin off zero; left- or right-handed."""
    affine = np.eye(4)
    affine[:3, :3] = rotation(seed) * [0.7, 0.8, 2.5]
    affine[:3, 3] = [-120.5, 33.25, 871.125]
    return affine
