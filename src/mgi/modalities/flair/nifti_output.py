"""Masks and images as NIfTI, in the axes of the file that the image came from or in those of the shard."""

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from mgi.core.files import atomic_path
from mgi.modalities.flair.geometry import ras_of, to_native_axes

_SCANNER = 1  # the code of both forms: coordinates of the scanner, which is what DICOM and our affine state
_SAME_MM = 1e-3


def write_mask(
    path: Path | str,
    mask: NDArray[np.uint8],
    affine: NDArray[np.float64],
    native_axes: str,
    *,
    spatial_header: Mapping[str, NDArray[Any]] | None = None,
) -> None:
    """Write a mask (k, i, j) of 0 and 1 as NIfTI, its axes turned back to those of the image's own file.

    Equal masks give equal bytes, packed where the name ends in `.gz`. `affine` maps (k, i, j, 1) to LPS mm. The fields
    of `nifti.spatial_header` are taken unchanged: whichever of two differing forms a viewer follows, the mask lies on
    the image.
    """
    _save(path, _on_own_axes(mask, affine, native_axes, spatial_header))


def write_probability(
    path: Path | str,
    probability: NDArray[np.uint8],
    affine: NDArray[np.float64],
    native_axes: str,
    *,
    spatial_header: Mapping[str, NDArray[Any]] | None = None,
) -> None:
    """Write floor(256 p) of voxels (k, i, j) as `write_mask` does; the header's slope makes every reader see p."""
    image = _on_own_axes(probability, affine, native_axes, spatial_header)
    image.header.set_slope_inter(1 / 256, 0)
    _save(path, image)


def _on_own_axes(
    voxels: NDArray[np.uint8],
    affine: NDArray[np.float64],
    native_axes: str,
    spatial_header: Mapping[str, NDArray[Any]] | None,
) -> Any:
    array, ras = to_native_axes(voxels, affine, native_axes)
    image = nibabel.Nifti1Image(np.asarray(array, dtype=np.uint8), ras)
    if spatial_header is None:
        _place(image, ras)
    else:
        for name, value in spatial_header.items():
            image.header[name] = value
    return image


def write_volume(path: Path | str, voxels: NDArray[Any], affine: NDArray[np.float64]) -> None:
    """Write voxels (k, i, j) in their own type as NIfTI (x, y, z), where x is j, y is i and z is k.

    Nothing is turned: `affine` maps (k, i, j, 1) to LPS mm. Equal voxels give equal bytes, packed as in `write_mask`.
    """
    ras = ras_of(affine)
    image = nibabel.Nifti1Image(np.ascontiguousarray(voxels.transpose(2, 1, 0)), ras)
    _place(image, ras)
    _save(path, image)


def _place(image: Any, ras: NDArray[np.float64]) -> None:
    """State in both forms where an image (x, y, z) lies, as far as they can."""
    image.header.set_xyzt_units("mm")
    image.set_sform(ras, code=_SCANNER)
    image.set_qform(ras, code=_SCANNER)
    off = image.get_qform() - ras
    if max(np.abs(off).max(), np.abs(off @ [*image.shape, 1.0]).max()) >= _SAME_MM:
        # sheared by a tilted gantry: no quaternion says so
        image.set_qform(None)


def _save(path: Path | str, image: Any) -> None:
    data = image.to_bytes()
    with atomic_path(path) as part:
        part.write_bytes(gzip.compress(data, mtime=0) if str(path).endswith(".gz") else data)
