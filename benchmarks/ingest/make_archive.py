"""Write a cohort of full size as an archive folder: STAR files of all genes, and FLAIR series of full resolution.

REQUIRED INPUTS: none. OUTPUT: a folder that `python -m mgi_standin archive` serves; archive.json comes last. What an
earlier run left is kept, so that a killed run goes on, and a larger cohort begins with the smaller one.
Every STAR file has counts of its own. The series share one head, moved, scaled and given other noise per patient.

    PYTHONPATH=src python benchmarks/ingest/make_archive.py --folder build/bench-ingest/archive --files 534 --series 110
"""

import argparse
import datetime
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.core.files import atomic_path
from mgi_standin.archive.folder import Archive
from mgi_standin.archive.nbia_zip import series_zip
from mgi_standin.files import write_json
from mgi_standin.simulation.anatomy import draw_volume, make_grid
from mgi_standin.simulation.dicom import encode_series
from mgi_standin.simulation.gdc_listing import StoredFile, file_hit, status, version_row
from mgi_standin.simulation.genes import draw_gene_table
from mgi_standin.simulation.identifiers import uid_of, uuid_of
from mgi_standin.simulation.latent_factors import SUBTYPES, GeneModel, draw_factors, draw_gene_model, express
from mgi_standin.simulation.nbia_folder import patient_row, series_row, study_row
from mgi_standin.simulation.series import AXIAL, Placement, Series, Study, Weighting
from mgi_standin.simulation.star import StarWriter, draw_counts

SEED = 1
KEY = "bench-ingest-1"  # all identifiers derive from it
N_GENES = 60_660
SITES = ("CS", "DU", "FG", "HT")
PIXELS, N_SLICES, SLICE_MM = 512, 30, 5.0
LARGEST_STORED = 4095  # 12 bits
LARGEST_SHIFT = 12  # pixels
Table = dict[str, Any]


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--folder", required=True, type=Path)
    options.add_argument("--files", type=int, default=534, help="STAR files, one per patient; about 4.2 MB each")
    options.add_argument("--series", type=int, default=110, help="FLAIR series, of the first patients; 16 MB each")
    options.add_argument("--processes", type=int, default=2)
    return options.parse_args()


def patient_of(index: int) -> str:
    """A made-up barcode; no TCGA patient has a Z and three digits."""
    return f"TCGA-{SITES[index % len(SITES)]}-Z{index:03d}"


@cache
def expression_model() -> tuple[pd.DataFrame, GeneModel, StarWriter]:
    """What all STAR files share, once per process."""
    genes = draw_gene_table(N_GENES, SEED)
    return genes, draw_gene_model(N_GENES, list(SITES), np.random.default_rng(SEED)), StarWriter(genes)


def star_bytes(index: int) -> bytes:
    """One patient's STAR file."""
    genes, model, writer = expression_model()
    rng = np.random.default_rng([SEED, index])
    factors = draw_factors(SUBTYPES[index % len(SUBTYPES)], rng)
    return writer.encode(draw_counts(express(model, factors, SITES[index % len(SITES)], rng), genes, rng))


def write_star(folder: Path, index: int) -> StoredFile:
    """Write a patient's STAR file if it is not there; return what the GDC lists of it."""
    file_id = uuid_of(KEY, "star", str(index))
    path = folder / "data" / file_id
    if not path.exists():
        with atomic_path(path) as part:
            part.write_bytes(star_bytes(index))
    content = path.read_bytes()
    return StoredFile(
        kind="star",
        aliquot=f"{patient_of(index)}-01A-11R-A000-07",
        file_id=file_id,
        file_name=f"{uuid_of(KEY, 'name', str(index))}.rna_seq.augmented_star_gene_counts.tsv",
        size=len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
    )


@cache
def head() -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """A FLAIR-like volume (S, H, W) and noise of the same shape, once per process."""
    rng = np.random.default_rng(SEED)
    volume, _ = draw_volume(make_grid(N_SLICES, PIXELS, SLICE_MM), draw_factors(SUBTYPES[0], rng), rng)
    return volume, np.rint(rng.normal(0, 6.0, volume.shape)).astype(np.int16)


def stored_pixels(index: int) -> NDArray[np.uint16]:
    """A patient's volume as stored (S, H, W), 12 bits."""
    rng = np.random.default_rng([SEED, 2, index])
    volume, noise = head()
    moved = np.roll(volume, tuple(rng.integers(-LARGEST_SHIFT, LARGEST_SHIFT + 1, 2)), axis=(1, 2))
    other = np.roll(noise, int(rng.integers(noise.size)))
    return np.clip(np.rint(moved * np.float32(rng.uniform(0.8, 1.4))) + other, 0, LARGEST_STORED).astype(np.uint16)


def study_of(index: int) -> Study:
    """A patient's only study with its only series, an axial FLAIR."""
    patient = patient_of(index)
    series = Series(
        uid=uid_of(KEY, patient, "flair"),
        number=5,
        description="AXIAL FLAIR",
        image_type=("ORIGINAL", "PRIMARY", "OTHER"),
        weighting=Weighting(echo_ms=120.0, repetition_ms=9000.0, inversion_ms=2400.0),
        placement=Placement(
            shape=(N_SLICES, PIXELS, PIXELS),
            spacing_mm=(SLICE_MM, 240 / PIXELS, 240 / PIXELS),
            axes=AXIAL,
            centre_mm=np.zeros(3),
        ),
        stored=stored_pixels(index),
        slope=1.0,
        run_length_encoded=False,
        slices=tuple(range(N_SLICES)),
        instance_numbers=tuple(range(1, N_SLICES + 1)),
    )
    return Study(
        uid=uid_of(KEY, patient, "study"),
        frame_uid=uid_of(KEY, patient, "frame"),
        patient_id=patient,
        sex="F",
        age_years=40,
        date=datetime.date(2001, 2, 3),
        description="MRI BRAIN",
        vendor=("GE MEDICAL SYSTEMS", "GENESIS_SIGNA"),
        series=(series,),
        mask=None,
    )


def write_series(folder: Path, index: int) -> tuple[Table, Table, Table]:
    """Write a patient's images if they are not there; return the rows of patient, study and series."""
    rows = folder / "rows" / f"{index}.json"
    if not rows.exists():
        study = study_of(index)
        (series,) = study.series
        images = encode_series(series, study)
        listed = []
        (folder / "images" / series.uid).mkdir(parents=True, exist_ok=True)
        for place in np.random.default_rng([SEED, 3, index]).permutation(len(images)).tolist():
            uid, content = images[place]
            file = f"{len(listed) + 1:08d}.dcm"
            (folder / "images" / series.uid / file).write_bytes(content)
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
            listed.append({"file": file, "SOPInstanceUID": uid, "md5": md5})
        write_json(folder / "instances" / f"{series.uid}.json", listed)
        size = sum(len(content) for _, content in images)
        listing = series_row(series, study, n_images=len(images), size=size, access="public")
        write_json(rows, [patient_row(study), study_row(study), listing])
    patient, study_listed, listed_series = json.loads(rows.read_text())
    return patient, study_listed, listed_series


def pack_series(folder: Path, series: Table) -> None:
    """Deflate a series ahead: the real service does it on a machine of its own, and not in a client's time."""
    archive = Archive(
        folder=folder,
        status={},
        files=[],
        versions=[],
        annotations=[],
        cases=[],
        series=[series],
        patients=[],
        studies=[],
    )
    path = archive.packed_path(series["SeriesInstanceUID"])
    if not path.exists():
        with atomic_path(path) as part, part.open("wb") as sink:
            sink.writelines(series_zip(archive, series, new_names=False, with_md5=True))


def told(what: str, results: Iterable[Any], total: int) -> Iterator[Any]:
    """Pass results on, with a line each time another tenth is there."""
    for done, result in enumerate(results, start=1):
        if done * 10 // total != (done - 1) * 10 // total:
            print(f"make_archive: {done} of {total} {what}", file=sys.stderr, flush=True)
        yield result


def main() -> None:
    """Write both halves of the archive, their listings, and archive.json last."""
    args = arguments()
    folder: Path = args.folder
    made = {"key": KEY, "files": args.files, "series": args.series, "simulated": True, "format": 1}
    complete = folder / "archive.json"
    if complete.exists() and json.loads(complete.read_text()) == made:
        return
    complete.unlink(missing_ok=True)
    with ProcessPoolExecutor(args.processes) as pool:

        def each(what: str, work: Callable[..., Any], values: list[Any]) -> list[Any]:
            return list(told(what, pool.map(work, values, chunksize=4), len(values)))

        stored = each("STAR files", partial(write_star, folder / "gdc"), list(range(args.files)))
        listed = each("series", partial(write_series, folder / "nbia"), list(range(args.series)))
        write_json(folder / "gdc/status.json", status())
        write_json(folder / "gdc/files.json", [file_hit(file, [], KEY) for file in stored])
        write_json(folder / "gdc/versions.json", [version_row(file) for file in stored])
        write_json(folder / "gdc/annotations.json", [])
        for place, name in enumerate(("patients", "studies", "series")):
            write_json(folder / f"nbia/{name}.json", [rows[place] for rows in listed])
        draw_gene_table(N_GENES, SEED).to_csv(folder / "genes.tsv", sep="\t", index=False)
        each("series packed", partial(pack_series, folder), [rows[2] for rows in listed])
    write_json(complete, made)


if __name__ == "__main__":
    main()
