"""Readers of files from elsewhere: DICOM, zips, tables. Each imports what it reads with when it is asked for."""

import importlib
import inspect
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuzz.target import Seed, files, on_disk


def single_images(folder: Path) -> list[Seed]:
    """pydicom's own files, each as a series of one, and images of simulated series beside their honest neighbours."""
    import pydicom

    seeds = []
    for seed in files("dicom")(folder):
        dataset = pydicom.dcmread(io.BytesIO(seed.data), force=True, stop_before_pixels=True)
        seeds.append(Seed(data=seed.data, note=(str(dataset.get("SeriesInstanceUID", "")), [])))
    for name, members in images_of(folder / "series"):
        seeds += [
            Seed(data=data, note=(name, members[:place] + members[place + 1 :])) for place, data in enumerate(members)
        ]
    return seeds


def images_of(folder: Path) -> list[tuple[str, list[bytes]]]:
    found = []
    for path in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            found.append((path.stem, [archive.read(name) for name in archive.namelist() if name.endswith(".dcm")]))
    return found


def read_volume(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.modalities.flair.dicom import volume_of

    return lambda data, note: volume_of(
        [("0.dcm", data), *((f"{n}.dcm", other) for n, other in enumerate(note[1], 1))], note[0]
    )


def segmentations(folder: Path) -> list[Seed]:
    return [Seed(data=data, note=name) for name, members in images_of(folder / "segmentation") for data in members]


def read_segmentation(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.modalities.flair.dicom_seg import segmentations_of

    return lambda data, note: segmentations_of([("0.dcm", data)], note)


def verify_series(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.http.retry import TransientError
    from mgi.modalities.flair.sources.dicom_check import verify_series

    expected = {}
    roles = {uid: role for role in ("series", "segmentation") for uid, _ in images_of(seeds / role)}
    for uid, _ in [*images_of(seeds / "series"), *images_of(seeds / "segmentation")]:
        rows = json.loads((seeds / f"archive/nbia/instances/{uid}.json").read_text())
        expected[uid] = {row["SOPInstanceUID"] for row in rows}

    def call(path: Path) -> Any:
        uids = expected[path.stem]
        try:
            role = "mask" if roles[path.stem] == "segmentation" else "flair"
            verify_series(path, series=path.stem, role=role, sop_uids=uids)
        except TransientError as error:  # the client tries again, then raises what is inside
            raise error.error from None
        with zipfile.ZipFile(path) as archive:
            return sorted(archive.read(name) for name in archive.namelist() if name.endswith(".dcm"))

    return on_disk(scratch, call)


def read_series(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.modalities.flair.dicom import read_dicom_members, volume_of

    return on_disk(scratch, lambda path: volume_of(read_dicom_members(path), path.stem))


def read_buda(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.modalities.flair.buda import decoded, opened_buda

    def call(path: Path) -> Any:
        with opened_buda(path) as archive:
            read = [archive.read_files(folder) for folder in sorted(archive.folders)]
        return [(decoded(files), sha256) for files, sha256 in read]

    return on_disk(scratch, call)


def read_kaggle(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.modalities.flair.sources.kaggle import KaggleImages

    def call(path: Path) -> Any:
        source = KaggleImages(archive=path)
        lock = source.lock(source.discover())
        return [source.fetch(item, path.parent) for item in lock.items if item.chosen]

    return on_disk(scratch, call)


def readers_in(*modules: str) -> Callable[[Path, Path], Callable[[bytes, Any], Any]]:
    """All `read_…(path)` and `read_…(data, where)` functions of some modules, called one after the other."""

    def reader(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
        from mgi.core.errors import MgiError

        calls = [call for module in modules for call in _readers_of(module, scratch)]

        def read(data: bytes, note: Any) -> Any:
            refusal, values = None, []
            for call in calls:
                try:
                    value = call(data, note)
                    values.append(list(value) if inspect.isgenerator(value) else value)
                except MgiError as error:  # an error of one hides no error of the next
                    refusal = error
            if refusal is not None and not values:
                raise refusal
            return values

        return read

    return reader


def _readers_of(module: str, scratch: Path) -> list[Callable[[bytes, Any], Any]]:
    calls: list[Callable[[bytes, Any], Any]] = []
    for name, function in sorted(vars(importlib.import_module(module)).items()):
        if not (name.startswith("read_") and inspect.isfunction(function) and function.__module__ == module):
            continue
        parameters = inspect.signature(function).parameters.values()
        needed = tuple(one.name for one in parameters if one.default is inspect.Parameter.empty)
        if needed == ("path",):
            calls.append(on_disk(scratch, function))
        elif needed == ("data", "where"):
            calls.append(function)
    if not calls:
        raise RuntimeError(f"{module}: no reader of a path or of bytes; write a target for it")
    return calls


def read_star(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.modalities.rna.star import read_star

    return on_disk(scratch, read_star)


def read_matrix(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.modalities.rna.matrix import read_labelled_matrix

    return on_disk(scratch, read_labelled_matrix)


SERIES_AND_MASKS = [files("series", "*.zip"), files("segmentation", "*.zip")]


def both(folder: Path) -> list[Seed]:
    return [seed for kind in SERIES_AND_MASKS for seed in kind(folder)]
