"""Masks as NIfTI on the grid of the file that the image came from."""

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from mgi.core.files import atomic_path
from mgi.modalities.flair.geometry import to_native_axes

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
    array, ras = to_native_axes(mask, affine, native_axes)
    image = nibabel.Nifti1Image(np.asarray(array, dtype=np.uint8), ras)
    if spatial_header is None:
        image.header.set_xyzt_units("mm")
        image.set_sform(ras, code=_SCANNER)
        image.set_qform(ras, code=_SCANNER)
        off = image.get_qform() - ras
        if max(np.abs(off).max(), np.abs(off @ [*array.shape, 1.0]).max()) >= _SAME_MM:
            # sheared by a tilted gantry: no quaternion says so
            image.set_qform(None)
    else:
        for name, value in spatial_header.items():
            image.header[name] = value
    data = image.to_bytes()
    with atomic_path(path) as part:
        part.write_bytes(gzip.compress(data, mtime=0) if str(path).endswith(".gz") else data)
