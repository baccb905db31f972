"""Small files that claim or unpack to gigabytes: refused in a process that may take 512 MB more than it has."""

import gzip
import io
import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless

from fuzz import plan
from fuzz.binaries import read_matrix, read_volume, readers_in
from fuzz.target import Seed, Target
from fuzz.targets import TARGETS
from fuzz.worker import MEMORY, Tally
from mgi.modalities.flair import dicom_file

UID = "1.2.3"
LITTLE_MB = 100
ENOUGH_S = 60.0  # the question here is memory; `make fuzz` asks for seconds
LARGE_SIDE = 5_700  # squared and in 16 bits just below the limit on pixels


def image(side: int, syntax: str, pixels: bytes) -> bytes:
    dataset, meta = Dataset(), FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.4"
    dataset.SeriesInstanceUID, dataset.Modality = UID, "MR"
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [1, 1], 1
    dataset.Rows = dataset.Columns = side
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = pixels
    dataset["PixelData"].VR = "OW" if syntax == ExplicitVRLittleEndian else "OB"
    dataset.file_meta = meta
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def honest_image() -> bytes:
    return image(16, ExplicitVRLittleEndian, np.arange(256, dtype="<u2").tobytes())


def deflated() -> bytes:
    """Two hundred megabytes of zeros in a private element, in two hundred kilobytes."""
    head = image(16, ExplicitVRLittleEndian, bytes(512))
    body = pydicom.dcmread(io.BytesIO(head))
    body.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    buffer = io.BytesIO()
    body.save_as(buffer, enforce_file_format=True)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    size = 200 << 20
    element = struct.pack("<HH2sHI", 0x0009, 0x1001, b"OB", 0, size)
    packed = [packer.compress(element), *(packer.compress(bytes(1 << 20)) for _ in range(200)), packer.flush()]
    whole = buffer.getvalue()
    meta_end = 144 + struct.unpack("<I", whole[140:144])[0]
    return whole[:meta_end] + b"".join(packed)


def run_length_encoded() -> bytes:
    """A frame of two planes that ends after its first run."""
    return image(LARGE_SIDE, RLELossless, encapsulate([struct.pack("<16I", 2, 64, 68, *[0] * 13) + b"\x81\x00" * 4]))


def largest_accepted() -> bytes:
    """A valid image of runs, as large as one file may be, in a sixty-fourth of its size."""
    side = math.isqrt(dicom_file.MAX_PIXEL_BYTES // 2) // 128 * 128
    plane = b"\x81\x00" * (side * side // 128)
    high = b"\x81\x01" + plane[2:]  # not constant
    head = struct.pack("<16I", 2, 64, 64 + len(high), *[0] * 13)
    return image(side, RLELossless, encapsulate([head + high + plane]))


def packed_table(lines: int) -> bytes:
    row = b"ENSG00000000000" + b"\t0" * 1_000 + b"\n"
    head = b"gene\t" + b"\t".join(b"TCGA-CS-%04d-01A" % n for n in range(1_000)) + b"\n"
    return gzip.compress(head + row * lines, 6, mtime=0)


def places(lines: int) -> bytes:
    return gzip.compress(b"gene_id\tchromosome\tstart\n" + b"ENSG00000000000\tchr1\t1\n" * lines, 6, mtime=0)


def tally_of(
    monkeypatch: pytest.MonkeyPatch, folder: Path, honest: Seed, bomb: bytes, reader: Callable[..., Any]
) -> Tally:
    target = Target(
        name="bomb", group="bomb", share=1.0, seeds=lambda _: [honest], mutation=lambda _data, _rng: bomb, reader=reader
    )
    monkeypatch.setitem(TARGETS, "bomb", target)
    monkeypatch.setattr("fuzz.worker.CPU_S", ENOUGH_S)
    monkeypatch.setattr(plan, "HANG_S", 2 * ENOUGH_S)
    return plan.run_all([("bomb", 0, 1)], folder, workers=1)["bomb"]


@pytest.mark.parametrize(
    "bomb",
    [
        deflated,
        lambda: image(60_000, ExplicitVRLittleEndian, bytes(512)),
        lambda: image(LARGE_SIDE, ExplicitVRLittleEndian, bytes(512)),
        run_length_encoded,
    ],
    ids=["deflated", "7 GB claimed", "62 MB claimed", "run-length encoded"],
)
def test_an_image_is_refused_before_it_takes_memory(
    bomb: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = bomb()
    assert len(data) < 1 << 20
    found = tally_of(monkeypatch, tmp_path, Seed(data=honest_image(), note=(UID, [])), data, read_volume)
    assert (found.refused, found.escapes) == (1, [])
    assert found.peak < LITTLE_MB << 20


def test_the_largest_image_that_is_read_stays_within_the_memory_of_one_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    honest = Seed(data=honest_image(), note=(UID, []))
    found = tally_of(monkeypatch, tmp_path, honest, largest_accepted(), read_volume)
    assert (found.read, found.escapes) == (1, [])


# Without the limit on what a packed table may unpack to, each takes all of the 512 MB.
@pytest.mark.parametrize(
    ("honest", "bomb", "reader"),
    [
        (lambda: gzip.compress(b"gene\tTCGA-CS-4942-01A\nA\t1\n"), lambda: packed_table(30_000), read_matrix),
        (lambda: places(1), lambda: places(2_000_000), readers_in("mgi.modalities.rna.positions")),
    ],
    ids=["matrix", "positions"],
)
def test_a_packed_table_is_refused_before_it_takes_memory(
    honest: Callable[[], bytes],
    bomb: Callable[[], bytes],
    reader: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    found = tally_of(monkeypatch, tmp_path, Seed(data=honest(), note="t.tsv.gz"), bomb(), reader)
    assert (found.refused, found.escapes) == (1, [])
    assert found.peak < MEMORY // 2
