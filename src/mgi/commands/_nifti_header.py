"""The gate of a NIfTI header, for the sources that leave images where they are.

Not a command (the leading underscore hides it from the command line).
"""

import gzip
import math
import warnings
from pathlib import Path

import nibabel
import numpy as np

from mgi.core.errors import BadInputError
from mgi.sources.nifti import NiftiHeader

# 240 x 240 x 155 is what the atlas has; a header of 400 bytes can claim gigabytes.
MAX_VOXELS = 256 << 20
_HEADERS = {348: (nibabel.Nifti1Header, b"n+1"), 540: (nibabel.Nifti2Header, b"n+2")}


def read_nifti_header(path: Path) -> NiftiHeader:
    """The number of slices along the body axis, from the header alone.

    Raises BadInputError for what is no NIfTI, a volume that is not three-dimensional or too large, and an affine that
    is not finite or flat.
    """
    try:
        with (gzip.open if path.name.endswith(".gz") else open)(path, "rb") as source:
            start = source.read(max(_HEADERS))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a header fixes by itself is judged here
            return _gated(start, path.name)
    except BadInputError:
        raise
    except Exception as error:  # noqa: BLE001 - a hostile header raises several kinds; each one ends here, named
        raise BadInputError(f"{path.name}: not readable as NIfTI ({type(error).__name__})") from None


def _gated(start: bytes, name: str) -> NiftiHeader:
    sizes = [int.from_bytes(start[:4], order) for order in ("little", "big")]
    size = next((size for size in sizes if size in _HEADERS), None)
    if size is None or len(start) < size:
        raise BadInputError(f"{name}: not a NIfTI file")
    kind, magic = _HEADERS[size]
    header = kind(start[:size], check=False)  # nibabel's check repairs and logs; here a header is right or refused
    if not header["magic"].item().startswith(magic):
        raise BadInputError(f"{name}: not a NIfTI file of one piece")
    shape = [int(length) for length in header.get_data_shape()]
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    if len(shape) != 3 or min(shape) < 1 or math.prod(shape) > MAX_VOXELS:
        raise BadInputError(f"{name}: shape {tuple(shape)}, expected three dimensions, at most {MAX_VOXELS} voxels")
    affine = header.get_best_affine()
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-6:
        raise BadInputError(f"{name}: affine is not finite or flat, expected one that places every voxel")
    axes = nibabel.orientations.io_orientation(affine)[:, 0].tolist()
    return NiftiHeader(n_slices=shape[axes.index(2.0)])
