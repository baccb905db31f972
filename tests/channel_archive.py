"""A zip in the layout of the Kaggle archive whose slices have three channels, with what awkward patients lack."""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mgi.locks.item import Item
from mgi.locks.lock import Table
from small_locks import cohort_row, fetched, flair_lock, series, write_cohort_table, write_index, write_lock

CHANNELS = ("pre", "flair", "post")
Colours = np.ndarray  # (S, H, W, 3)


def folder_of(patient: str) -> str:
    """The folder of a patient in the archive."""
    return f"{patient.replace('-', '_')}_19970222"


def draw(seed: int, shape: Sequence[int], lacking: Iterable[str] = ()) -> tuple[Colours, np.ndarray]:
    """Slices (S, H, W, 3) and a mask of 0 and 1; of a channel that the patient is lacking FLAIR stands in its place."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, np.uint8)
    mask[1:, 6:12, 4 + seed : 10 + seed] = 1
    brighter = 40 * mask[..., np.newaxis] * np.array([0, 1, 2])
    colours = (rng.normal((90, 110, 130), 12, (*shape, 3)) + brighter).clip(0, 255).astype(np.uint8)
    for name in lacking:
        colours[..., CHANNELS.index(name)] = colours[..., 1]
    return colours, mask


def files_of(patient: str, colours: Colours, mask: np.ndarray) -> dict[str, bytes]:
    """The files of a patient's folder by name, each image before its mask, by number."""
    folder, files = folder_of(patient), {}
    for number, (image, drawn) in enumerate(zip(colours, mask, strict=True), start=1):
        files[f"kaggle_3m/{folder}/{folder}_{number}.tif"] = _tiff(image)
        files[f"kaggle_3m/{folder}/{folder}_{number}_mask.tif"] = _tiff(drawn * 255)
    return files


def write_archive(path: Path, patients: Mapping[str, tuple[Colours, np.ndarray]]) -> Path:
    """The zip."""
    with zipfile.ZipFile(path, "w") as archive:
        for patient, drawn in patients.items():
            for name, content in files_of(patient, *drawn).items():
                archive.writestr(name, content)
    return path


def shard_line(folder: Path, patients: Mapping[str, tuple[Colours, np.ndarray]], settings: str) -> list[str]:
    """The arguments of `mgi shard` on an archive of these patients, with lock and index, in `folder`, in one part."""
    folder.mkdir(parents=True, exist_ok=True)
    table = write_archive(folder / "k.zip", patients)
    pin = Table(name="k.zip", sha256=hashlib.sha256(table.read_bytes()).hexdigest(), size=table.stat().st_size)
    items = [_item(patient, len(mask)) for patient, (_, mask) in patients.items()]
    write_lock(folder / "lock.json", flair_lock(*items, source="kaggle", table=pin))
    entries: list[dict[str, Any]] = []
    for item in items:
        content = b"".join(files_of(item.patient_id, *patients[item.patient_id]).values())
        entries.append(fetched(item, sha256=hashlib.sha256(content).hexdigest(), metadata={}))
    write_index(folder / "index.json", "flair", entries, "kaggle")
    outputs = [str(folder / f"images/part-1-of-1.{ending}") for ending in ("parquet", "json")]
    return [
        "--modality", "flair", "--settings", settings, "--lock", str(folder / "lock.json"),
        "--index", str(folder / "index.json"), "--part", "1-of-1", "--table", str(table), "--output", *outputs,
    ]  # fmt: skip


def description_line(folder: Path, patients: Iterable[str]) -> list[str]:
    """The arguments of `mgi describe-volumes` on that part, of a cohort of these patients."""
    table = write_cohort_table([cohort_row(one, flair=folder_of(one)) for one in patients], folder / "c.parquet")
    output = str(folder / "images/dataset.json")
    return ["--modality", "flair", "--parts", "1", "--cohort", str(table), "--output", output]


def _item(patient: str, n_images: int) -> Item:
    return series(patient, key=folder_of(patient), n_images=n_images)


def _tiff(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="TIFF")
    return buffer.getvalue()
