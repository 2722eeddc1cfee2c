"""Writes small DICOM series for tests, from an array and its RAS+ affine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid
from pydicom.valuerep import DSfloat

LPS = np.array([-1.0, -1.0, 1.0])


def decimals(numbers: Any) -> list[DSfloat]:
    return [DSfloat(float(number), auto_format=True) for number in np.ravel(numbers)]


def write_series(
    folder: Path,
    stored: np.ndarray,
    affine: np.ndarray,
    *,
    modality: str = "CT",
    names: list[str] | None = None,
    scaling: list[tuple[float, float]] | tuple[float, float] | None = (1.0, -1024.0),
    uid: str | None = None,
    description: str = "chest",
    number: int = 1,
    change: Any = None,
) -> list[Path]:
    """Write one instance for each ``stored[:, :, k]``, placed by ``affine``; ``change(k, dataset)`` edits it."""
    folder.mkdir(parents=True, exist_ok=True)
    uid = uid or generate_uid()
    paths = []
    for k in range(stored.shape[2]):
        dataset = instance(stored[:, :, k], affine, k, modality)
        dataset.SeriesInstanceUID, dataset.SeriesNumber, dataset.SeriesDescription = uid, number, description
        if scaling is not None:
            slope, intercept = scaling[k] if isinstance(scaling, list) else scaling
            dataset.RescaleSlope, dataset.RescaleIntercept = decimals([slope, intercept])
        if change is not None:
            change(k, dataset)
        path = folder / (names[k] if names else f"IM{k:04d}.dcm")
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def instance(stored: np.ndarray, affine: np.ndarray, k: int, modality: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MRImageStorage if modality == "MR" else CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.Modality, dataset.InstanceNumber, dataset.ImageType = modality, k + 1, ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.StudyInstanceUID = dataset.FrameOfReferenceUID = "1.2.3"
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    row, column = (LPS * affine[:3, 0] / spacing[0], LPS * affine[:3, 1] / spacing[1])
    dataset.ImageOrientationPatient = decimals([row, column])
    dataset.ImagePositionPatient = decimals(LPS * (affine @ [0, 0, k, 1])[:3])
    dataset.PixelSpacing = decimals([spacing[1], spacing[0]])
    # What a reader must not trust: the nominal thickness differs from the distance of the slices.
    dataset.SliceThickness = dataset.SpacingBetweenSlices = DSfloat(7.5)
    dataset.Columns, dataset.Rows = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8 * stored.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(np.issubdtype(stored.dtype, np.signedinteger))
    dataset.PixelData = stored.T.astype(stored.dtype.newbyteorder("<")).tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset
