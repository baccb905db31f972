"""Check an NBIA series zip: the service answers 200 with a valid zip even where slices are missing or cut short.

Nothing is unpacked and no member name becomes a path.
"""

import csv
import hashlib
import io
import zipfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset, read_preamble
from pydicom.pixels import get_decoder

from mgi.core.errors import IntegrityError, ResourceError
from mgi.core.files import sha256_of
from mgi.core.zips import DamagedZipError, UnsafeZipError, ZipLimits, opened_zip, read_member
from mgi.http.retry import TransientError

MAX_BYTES = ZipLimits.total_bytes
MAX_PIXEL_BYTES = 128 << 20  # as the shards accept, which take several times as much to make
HASH_LIST = "md5hashes.csv"
# A deflated file of 400 kB unpacks to 800 MB even where pixels are skipped.
DEFLATED_EXPLICIT_VR = "1.2.840.10008.1.2.1.99"
TAGS = ("ScanningSequence", "InversionTime", "EchoTime", "RepetitionTime", "ImageOrientationPatient")


@dataclass(frozen=True, kw_only=True)
class SeriesSummary:
    """A verified zip: digest, count, the tags that tell a FLAIR, and a fault of the content that no retry cures."""

    size: int
    sha256: str
    n_images: int
    tags: Mapping[str, Any]
    fault: str | None


def verify_series(
    path: Path, *, series: str, n_images: int, sop_uids: Collection[str], with_digests: bool = True
) -> SeriesSummary:
    """Accept a series zip or say why not; `with_digests` False where the service has no way to list them.

    Raises TransientError where a new download may help (not a zip, slices missing, digests absent or wrong) and
    IntegrityError where the archive cannot be read safely.
    """
    label = f"series {series}"
    try:
        with opened_zip(path, label=label, bare_names=True) as archive:
            images = {info.filename: info for info in archive.infolist() if info.filename.lower().endswith(".dcm")}
            if not len(images) == n_images == len(sop_uids):
                counts = f"{len(images)} images in the zip, {len(sop_uids)} listed, {n_images} in the lock"
                raise TransientError(IntegrityError(f"{label}: {counts}; expected equal counts"))
            digests = _hash_list(archive, images, label) if with_digests else {}
            tags, fault = _check_images(archive, images, frozenset(sop_uids), digests, label)
    except DamagedZipError as error:
        raise TransientError(IntegrityError(str(error))) from None
    except UnsafeZipError as error:
        raise IntegrityError(str(error)) from None
    return SeriesSummary(size=path.stat().st_size, sha256=sha256_of(path), n_images=n_images, tags=tags, fault=fault)


def _check_images(
    archive: zipfile.ZipFile,
    images: Mapping[str, zipfile.ZipInfo],
    sop_uids: frozenset[str],
    digests: Mapping[str, str],
    label: str,
) -> tuple[dict[str, Any], str | None]:
    """Compare every digest and SOP UID and decode every image; return the first image's tags and the first fault."""
    found: set[str] = set()
    tags: dict[str, Any] = {}
    fault: str | None = None
    for name, info in images.items():
        content = read_member(archive, info, label=label)
        if digests and hashlib.md5(content, usedforsecurity=False).hexdigest() != digests[name]:
            raise TransientError(IntegrityError(f"{label}: image {name} does not have the md5 that {HASH_LIST} lists"))
        image = read_image(content, f"{label}: image {name}")
        found.add(str(image.get("SOPInstanceUID", "")))
        tags = tags or tags_of(image)
        fault = fault or decoding_fault(image, name, label)
    if found != sop_uids:
        raise TransientError(
            IntegrityError(f"{label}: {len(found & sop_uids)} of {len(sop_uids)} listed SOPInstanceUIDs are in the zip")
        )
    return tags, fault


def _hash_list(archive: zipfile.ZipFile, names: Iterable[str], label: str) -> dict[str, str]:
    if HASH_LIST not in archive.namelist():
        raise TransientError(IntegrityError(f"{label}: no {HASH_LIST} in the zip; the service stopped half-way"))
    text = read_member(archive, archive.getinfo(HASH_LIST), label=label).decode("utf-8", "replace")
    rows = csv.DictReader(io.StringIO(text))
    digests = {str(row.get("Filename")): str(row.get("MD5Hash")).lower() for row in rows}
    missing = sorted(set(names) - set(digests))
    if missing:
        raise TransientError(
            IntegrityError(f"{label}: {HASH_LIST} does not list {missing[0]} ({len(missing)} missing)")
        )
    return digests


def read_image(content: bytes, label: str) -> pydicom.FileDataset:
    """Parse a file, once; the caller has checked the digest, so a failure is the archive's own."""
    try:
        if transfer_syntax(io.BytesIO(content)) == DEFLATED_EXPLICIT_VR:
            raise IntegrityError(f"{label}: deflated transfer syntax; refused")
        return pydicom.dcmread(io.BytesIO(content))
    except InvalidDicomError:
        raise IntegrityError(f"{label}: not a DICOM file") from None
    except IntegrityError:
        raise
    except Exception as error:  # noqa: BLE001 - hostile DICOM raises nine kinds; each one ends here, named
        raise IntegrityError(f"{label}: unreadable ({type(error).__name__})") from None


def transfer_syntax(start: BinaryIO) -> str:
    """The transfer syntax from the file meta group alone: `dcmread` would inflate a deflated file to find out."""
    read_preamble(start, force=False)
    meta = read_dataset(
        start, is_implicit_VR=False, is_little_endian=True, stop_when=lambda tag, vr, length: tag.group != 2
    )
    return str(meta.get("TransferSyntaxUID", ""))


def decoding_fault(image: pydicom.FileDataset, name: str, label: str) -> str | None:
    """Why the pixels of an image do not decode; segmentations are bit-packed and are read by their own reader.

    Raises ResourceError where only a decoder is missing: the image is not to blame, nor the patient to be dropped.
    """
    if image.get("Modality") == "SEG":
        return None
    try:
        frames = int(image.get("NumberOfFrames") or 1)
        claimed = int(image.Rows) * int(image.Columns) * frames * int(image.BitsAllocated) // 8
        if claimed > MAX_PIXEL_BYTES:
            return f"image {name} claims {claimed} bytes of pixels"
        syntax = image.file_meta.TransferSyntaxUID
        decoder = get_decoder(syntax)
        if not decoder.is_available and any(text.startswith("mgi ") for text in decoder.missing_dependencies):
            raise ResourceError(
                f"{label}: image {name}: TransferSyntaxUID {syntax.name}: no decoder installed; "
                "pip install 'mgi[codecs]'"
            )
        # A view where the pixels lie in the file as they are: its length is checked, nothing is copied.
        decoder.as_array(image, raw=True, view_only=True, correct_unused_bits=False)
    except ResourceError:
        raise
    except Exception as error:  # noqa: BLE001 - as above; the reason is recorded and the patient dropped with it
        return f"image {name} does not decode ({type(error).__name__})"
    return None


def tags_of(image: pydicom.Dataset) -> dict[str, Any]:
    """The tags that tell a FLAIR, as plain numbers and lists; empty or malformed ones are left out."""
    tags: dict[str, Any] = {}
    for keyword in TAGS:
        value = image.get(keyword)
        if value in (None, ""):
            continue
        several = isinstance(value, pydicom.multival.MultiValue)
        try:
            if keyword == "ScanningSequence":
                tags[keyword] = [str(code) for code in value] if several else [str(value)]
            else:
                tags[keyword] = [float(number) for number in value] if several else float(value)
        except (TypeError, ValueError):
            continue
    return tags
