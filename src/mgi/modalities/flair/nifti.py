"""Images and label maps from single-file NIfTI (`.nii`, `.nii.gz`), gated by the header before any voxel is unpacked.

A header of two kilobytes can claim gigabytes, and a gzip of 400 kB can hold them.
"""

import gzip
import io
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import nibabel
import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.flair.geometry import lps_of, require_inverse
from mgi.modalities.flair.label_map import Labels, tumour_of
from mgi.modalities.flair.quarantine import quarantine

MAX_VOXEL_BYTES = 512 << 20
MAX_RATIO = 1_100  # deflate reaches 1,028:1 on zeros; more than that is an attack
MAX_TRAILING_BYTES = 1 << 20
_TYPES = ("uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
_COLOURS = {128: "RGB", 2304: "RGBA"}
_MILLIMETRES = ("mm", "unknown")
_CODES = (0, 1, 2, 3, 4, 5)
_SAME_GRID_MM = 1e-2
_GZIP = b"\x1f\x8b"
# What places the voxels of a file, as its header has it.
_SPATIAL = (
    "pixdim", "xyzt_units", "qform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z",
    "sform_code", "srow_x", "srow_y", "srow_z",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class NiftiVolume:
    """Voxels (k, i, j), the reverse of NIfTI's (x, y, z), and the affine from (k, i, j, 1) to LPS mm (see geometry)."""

    voxels: NDArray[Any]
    affine: NDArray[np.float64]
    notes: tuple[str, ...] = ()


def read_image(data: bytes, where: str, volume: int | None = None) -> NiftiVolume:
    """Read a grey image, as uint8, int16 or uint16 where every voxel is such an integer, else float32.

    `volume`, below `count_volumes`, is which one along the fourth axis, from 0; without it there must be no other.
    """
    voxels, affine, notes = _read(data, where, volume)
    if not np.isfinite(voxels).all():
        raise BadInputError(f"{where}: voxels: {int((~np.isfinite(voxels)).sum())} are NaN or infinite")
    if voxels.min() == voxels.max():
        raise BadInputError(f"{where}: voxels: every one is {voxels.flat[0]:g}, expected an image")
    return NiftiVolume(voxels=_narrowed(voxels, where), affine=affine, notes=notes)


def read_labels(data: bytes, where: str, *, labels: Labels | None = None) -> NiftiVolume:
    """Read the whole tumour of a label map, as uint8 of 0 and 1 (see label_map).

    Raises BadInputError as `read_image` does, and where a voxel is none of the known labels.
    """
    voxels, affine, notes = _read(data, where)
    tumour, said = tumour_of(voxels, labels, where)
    return NiftiVolume(voxels=tumour, affine=affine, notes=(*notes, *said))


def count_slices(path: Path) -> int:
    """Count the slices that a file has towards the head, by its header alone, gated as in `read_image`."""
    where = path.name
    with path.open("rb") as stored, _unpacked(stored, where) as (source, packed):
        header = _header(source, where)
        shape, *_ = _extent(header, path.stat().st_size, where, packed=packed)
        _require_one(shape, where)
        affine, _ = _affine(header, where)
        towards_head = int(np.argmax(np.abs(affine[2, :3] / np.linalg.norm(affine[:3, :3], axis=0))))
    return shape[2::-1][towards_head]


def count_volumes(data: bytes, where: str) -> int:
    """Count the volumes along the fourth axis of an image, by its header alone, gated as in `read_image`."""
    with _unpacked(io.BytesIO(data), where) as (source, packed):
        return _extent(_header(source, where), len(data), where, packed=packed)[0][3]


def spatial_header(data: bytes, where: str) -> dict[str, NDArray[Any]]:
    """Read the header fields that place an image's voxels, untouched, for a mask on exactly its grid."""
    with _unpacked(io.BytesIO(data), where) as (source, _):
        header = _header(source, where)
    return {name: np.array(header[name]) for name in _SPATIAL}


def is_gzip(start: bytes) -> bool:
    """Return whether a file begins as gzip does."""
    return start.startswith(_GZIP)


@contextmanager
def _unpacked(stored: BinaryIO, where: str) -> Iterator[tuple[Any, bool]]:
    """The bytes of an open file as a stream, and whether they were packed; what goes wrong in the block is named."""
    with quarantine(where, "NIfTI"):
        packed = is_gzip(stored.read(len(_GZIP)))
        stored.seek(0)
        try:
            yield gzip.GzipFile(fileobj=stored) if packed else stored, packed
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadInputError(f"{where}: cut or damaged gzip ({error})") from None


def _read(
    data: bytes, where: str, volume: int | None = None
) -> tuple[NDArray[Any], NDArray[np.float64], tuple[str, ...]]:
    with _unpacked(io.BytesIO(data), where) as (source, packed):
        header = _header(source, where)
        shape, start, n_bytes = _extent(header, len(data), where, packed=packed)
        if volume is None:
            _require_one(shape, where)
        source.seek(start)
        content = source.read(n_bytes)
        if packed and len(source.read(MAX_TRAILING_BYTES)) == MAX_TRAILING_BYTES:  # to the end: checks the CRC
            raise BadInputError(f"{where}: holds more than its header says, expected {n_bytes} bytes of voxels")
        if len(content) != n_bytes:
            raise BadInputError(f"{where}: {len(content)} bytes of voxels, expected {n_bytes} as dim says")
        affine, notes = _affine(header, where)
        stored = np.frombuffer(content, header.get_data_dtype()).reshape(shape[::-1])
        voxels = _scaled(stored[volume or 0], header, where)
    return voxels, affine, notes


def _header(source: Any, where: str) -> Any:
    """Read the header of NIfTI-1 or NIfTI-2 in one file; anything else is refused by its first bytes."""
    start = source.read(540)
    for kind, size, at, magic in (
        (nibabel.Nifti1Header, 348, 344, b"n+1\0"),
        (nibabel.Nifti2Header, 540, 4, b"n+2\0\r\n\x1a\n"),
    ):
        if len(start) >= size and start[at : at + len(magic)] == magic:
            header = kind(start[:size], check=False)  # nibabel's check would mend a broken header in silence
            if int(header["sizeof_hdr"]) != size:
                raise BadInputError(f"{where}: sizeof_hdr {int(header['sizeof_hdr'])}, expected {size}")
            return header
    raise BadInputError(f"{where}: no magic n+1 or n+2, expected a single-file NIfTI")


def _extent(header: Any, size: int, where: str, *, packed: bool) -> tuple[tuple[int, ...], int, int]:
    """Return the shape (x, y, z, volumes), where the voxels start and how many bytes they are, if the file can."""
    dim = tuple(int(length) for length in header.get_data_shape())
    if len(dim) == 2:
        raise BadInputError(f"{where}: dim {dim}: one 2-D slice, expected a volume of three axes with all slices")
    if len(dim) < 3 or min(dim) < 1 or any(length != 1 for length in dim[4:]):
        raise BadInputError(f"{where}: dim {dim}, expected one volume of three axes")
    shape = (*dim, 1)[:4]
    name = str(header.get_data_dtype().newbyteorder("=").name)
    if int(header["datatype"]) in _COLOURS:
        raise BadInputError(f"{where}: datatype {_COLOURS[int(header['datatype'])]}: colours, expected grey levels")
    if name not in _TYPES:
        raise BadInputError(f"{where}: datatype {name}, expected one of {', '.join(_TYPES)}")
    start, n_bytes = int(header["vox_offset"]), math.prod(shape) * header.get_data_dtype().itemsize
    most = min(MAX_VOXEL_BYTES, MAX_RATIO * size if packed else size - start)
    if not int(header["sizeof_hdr"]) <= start <= MAX_TRAILING_BYTES:
        raise BadInputError(f"{where}: vox_offset {start}, expected it after the header")
    if n_bytes > most:
        raise BadInputError(f"{where}: dim {dim} of {name} claims {n_bytes} bytes, expected at most {max(most, 0)}")
    return shape, start, n_bytes


def _require_one(shape: tuple[int, ...], where: str) -> None:
    if shape[3] != 1:
        raise BadInputError(f"{where}: dim {shape}, expected one volume of three axes")


def _affine(header: Any, where: str) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the affine in LPS mm: sform, else qform; a file with neither does not say which side is left."""
    unit = header.get_xyzt_units()[0]
    if unit not in _MILLIMETRES:
        raise BadInputError(f"{where}: xyzt_units {unit}, expected mm")
    for name in ("sform_code", "qform_code"):
        if int(header[name]) not in _CODES:
            raise BadInputError(f"{where}: {name} {int(header[name])}, expected one of {', '.join(map(str, _CODES))}")
    sform, qform = header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]
    ras = qform if sform is None else sform
    if ras is None:
        raise BadInputError(f"{where}: sform_code and qform_code are 0, expected an orientation")
    try:
        require_inverse(np.asarray(ras))
    except BadInputError:
        raise BadInputError(f"{where}: {'qform' if sform is None else 'sform'} has no inverse") from None
    differ = sform is not None and qform is not None and not np.allclose(sform, qform, rtol=0, atol=_SAME_GRID_MM)
    notes = ("sform and qform differ, took sform",) if differ else ()
    return lps_of(np.asarray(ras, dtype=np.float64)), notes


def _scaled(values: NDArray[Any], header: Any, where: str) -> NDArray[Any]:
    slope, intercept = header.get_slope_inter()
    if slope is None or (slope == 1 and intercept in (0, None)):
        return values
    if not np.isfinite([slope, intercept or 0]).all():
        raise BadInputError(f"{where}: scl_slope {slope}, scl_inter {intercept}, expected finite numbers")
    return np.asarray(values * np.float64(slope) + np.float64(intercept or 0))


def _narrowed(voxels: NDArray[Any], where: str) -> NDArray[Any]:
    """Return the narrowest of the shard's types that holds every voxel exactly; float32 is for what has fractions."""
    low, high = voxels.min(), voxels.max()
    whole = voxels.dtype.kind in "iu" or bool((voxels == np.rint(voxels)).all())
    if whole:
        for dtype in (np.uint8, np.int16, np.uint16):
            if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
                return np.ascontiguousarray(voxels, dtype)
    with np.errstate(over="ignore"):
        narrowed = np.ascontiguousarray(voxels, np.float32)
    if not np.isfinite(narrowed).all():
        raise BadInputError(f"{where}: voxels from {low:g} to {high:g}, expected numbers that float32 can hold")
    return narrowed
