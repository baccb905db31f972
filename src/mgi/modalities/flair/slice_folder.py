"""A folder of one patient's slices, `<name>_<number>` as TIFF or PNG, and masks for it under the same names."""

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path
from mgi.modalities.flair.colour_channels import FLAIR_PLACE, others_in
from mgi.modalities.flair.slice_image import FORMATS, MAX_FILE_BYTES, pixels_of
from mgi.shards.channels import MAIN_ALONE, shown_channels
from mgi.shards.grey_scale import require_scale

MAX_VOLUME_BYTES = 512 << 20
_SLICE = re.compile(r"(?P<stem>[^/]+)_(?P<number>[0-9]+)(?P<mask>_mask)?\.(tiff?|png)", re.IGNORECASE)
_COLOURED = "channels differ: the middle one was read"


@dataclass(frozen=True, kw_only=True)
class SliceFolder:
    """Grey slices (S, H, W), uint8 or uint16, by their numbers; `names` (S,) are the files'; `sha256` is of all.

    `others` (S, K, H, W) are further channels, where such were asked for.
    """

    slices: NDArray[Any]
    names: tuple[str, ...]
    sha256: str
    notes: tuple[str, ...] = ()
    others: NDArray[Any] | None = None


def read_slice_folder(folder: Path, channels: Sequence[str] = MAIN_ALONE) -> SliceFolder:
    """Read a folder's slices by number, whose masks are not read; of RGB ones the `channels` as in Buda's set.

    Raises BadInputError where the files are not one patient's, in one format, without gaps, of one shape and depth, or
    are grey where more than FLAIR is asked for.
    """
    names, digest = _in_order(folder), hashlib.sha256()
    slices: list[NDArray[Any]] = []
    colours: list[NDArray[Any]] = []  # where they are asked for
    is_coloured, needs_colours = False, tuple(channels) != MAIN_ALONE
    for name in names:
        path = folder / name
        if (size := path.stat().st_size) > MAX_FILE_BYTES:
            raise BadInputError(f"{path}: {size} bytes, expected a slice of at most {MAX_FILE_BYTES}")
        data = path.read_bytes()
        digest.update(data)
        pixels = pixels_of(data, str(path))
        if needs_colours and pixels.ndim != 3:
            raise BadInputError(f"{path}: grey, expected RGB: the model reads channels {shown_channels(channels)}")
        if pixels.ndim == 3:
            colours += [pixels] if needs_colours else []
            is_coloured = is_coloured or bool((pixels != pixels[..., FLAIR_PLACE, None]).any())
            pixels = np.ascontiguousarray(pixels[..., FLAIR_PLACE])
        slices.append(pixels)
        _require_alike(pixels, slices[0], path, names)
    volume = np.stack(slices)
    require_scale(volume, str(folder))
    first = min(int(found["number"]) for name in names if (found := _SLICE.fullmatch(name)))
    notes = (f"slices are numbered from {first}: lower ones, if there are any, were not given",) if first > 1 else ()
    others, lacking = others_in(colours, channels, str(folder))
    coloured = (_COLOURED,) if is_coloured and not needs_colours else ()
    return SliceFolder(
        slices=volume, names=names, sha256=digest.hexdigest(), notes=(*notes, *coloured, *lacking), others=others
    )


def write_slice_masks(folder: Path, names: Sequence[str], mask: NDArray[Any]) -> list[Path]:
    """Write a mask (S, H, W) of 0 and 255, for each slice's file name as `<slice>_mask` with the same ending."""
    return write_beside_slices(folder, names, np.where(mask > 0, 255, 0).astype(np.uint8), "_mask")


def write_beside_slices(folder: Path, names: Sequence[str], planes: NDArray[np.uint8], more: str) -> list[Path]:
    """Write grey pictures (S, H, W), for each slice's file name as `<slice><more>` with the same ending."""
    paths = []
    for name, plane in zip(names, planes, strict=True):
        slice_name = Path(name)
        path = folder / f"{slice_name.stem}{more}{slice_name.suffix}"
        packed = io.BytesIO()
        Image.fromarray(plane).save(packed, format=FORMATS[path.suffix.lower()])
        with atomic_path(path) as part:
            part.write_bytes(packed.getvalue())
        paths.append(path)
    return paths


def _require_alike(pixels: NDArray[Any], first: NDArray[Any], path: Path, names: Sequence[str]) -> None:
    if pixels.shape != first.shape:
        raise BadInputError(f"{path}: {pixels.shape} pixels, expected {first.shape} as {names[0]}")
    if pixels.dtype != first.dtype:
        raise BadInputError(f"{path}: {pixels.dtype}, expected {first.dtype} as {names[0]}")
    if (n_bytes := first.nbytes * len(names)) > MAX_VOLUME_BYTES:
        raise BadInputError(
            f"{path}: {len(names)} such slices are {n_bytes} bytes, expected at most {MAX_VOLUME_BYTES}"
        )


def _in_order(folder: Path) -> tuple[str, ...]:
    images = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in FORMATS and path.is_file()]
    named = {path: part for path in images if (part := _SLICE.fullmatch(path.name))}
    slices = {path: part for path, part in named.items() if not part["mask"]}
    if not slices:
        raise BadInputError(f"{folder}: no file like TCGA_CS_4941_19960909_1.tif, expected one patient's slices")
    first = next(iter(slices))
    by_number: dict[int, str] = {}
    for path, part in slices.items():
        if part["stem"] != slices[first]["stem"]:
            raise BadInputError(f"{folder}: {first.name} and {path.name} are of two patients, expected one patient's")
        if _format_of(path) != _format_of(first):
            raise BadInputError(f"{folder}: {first.name} and {path.name} are of two formats, expected one")
        if (other := by_number.setdefault(int(part["number"]), path.name)) != path.name:
            raise BadInputError(f"{folder}: {other} and {path.name} have the same number, expected one each")
    for path in images:
        if path not in named and _format_of(path) == _format_of(first):
            expected = f"<name>_<number>{path.suffix}"
            raise BadInputError(f"{path}: an image whose name is no slice's, expected {expected}")
    for number in range(min(by_number), max(by_number) + 1):
        if number not in by_number:
            missing = f"{slices[first]['stem']}_{number}{first.suffix}"
            raise BadInputError(f"{folder}: {missing}: missing between slices that are there")
    return tuple(by_number[number] for number in sorted(by_number))


def _format_of(path: Path) -> str:
    return FORMATS[path.suffix.lower()]
