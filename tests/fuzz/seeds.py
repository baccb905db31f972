"""Honest files of every format, made here: what the simulation writes, what pydicom and nibabel ship, small tables.

Written by a process of its own into a folder, so that the process that forks workers has loaded none of the libraries.
"""

import contextlib
import gzip
import hashlib
import importlib.util
import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from fuzz.label_seeds import write_label_seeds
from fuzz.profiles import write_profiles
from fuzz.slides import write_slide_seeds
from mgi.cli import main
from mgi.cohort.split import SplitRow
from mgi.cohort.tables import write_split
from mgi.core.parts import PART_FILE, all_parts, part_of
from mgi.modalities.rna.normalise import fit, write_fitted_genes
from mgi.modalities.rna.settings import FitSettings
from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.expression_shard import ExpressionShard, write_expression
from mgi.shards.image_parts import part_writer
from mgi.shards.image_shard import PatientImages, rows_of
from small_ingestion import write_small_archive

LARGEST_SEED = 60_000
GTF = "".join(
    f'chr{n}\tHAVANA\tgene\t{1000 * n}\t{1000 * n + 500}\t.\t+\t.\tgene_id "ENSG{n:011d}.{n}"; gene_type '
    f'"protein_coding"; gene_name "G{n}";\n'
    for n in range(1, 20)
)
FOLDER = "TCGA_CS_4941_19960909"


def write_seeds(folder: Path) -> None:
    """Everything that the targets start from, by kind: `<folder>/<kind>/<file>`."""
    write_small_archive(folder / "archive")
    _write_series(folder)
    _write_shipped(folder)
    _write_tables(folder)
    write_profiles(folder)
    _write_listings(folder)
    _write_locks(folder)
    _write_kaggle(folder / "kaggle")
    _write_shards(folder)
    write_label_seeds(folder)
    write_slide_seeds(folder)
    if importlib.util.find_spec("torch"):
        _write_trained(folder)


def _write_series(folder: Path) -> None:
    """One zip a series as NBIA sends it, for a few MR and SEG series, and their images one by one."""
    nbia = folder / "archive/nbia"
    rows = json.loads((nbia / "series.json").read_text())
    for modality, kind, wanted in (("MR", "series", 6), ("SEG", "segmentation", 4)):
        (folder / kind).mkdir()
        for row in [row for row in rows if row.get("Modality") == modality][:wanted]:
            uid = row["SeriesInstanceUID"]
            images = {path.name: path.read_bytes() for path in sorted((nbia / "images" / uid).iterdir())}
            lines = ["Filename,MD5Hash", *(f"{name},{hashlib.md5(data).hexdigest()}" for name, data in images.items())]
            with zipfile.ZipFile(folder / kind / f"{uid}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                for name, data in ({"LICENSE": b"x" * 300} | images).items():
                    archive.writestr(name, data)
                archive.writestr("md5hashes.csv", "\n".join(lines) + "\n")


def _write_shipped(folder: Path) -> None:
    """The test files that come with pydicom and nibabel; nothing is downloaded."""
    import nibabel
    import pydicom

    for kind, root, pattern in (
        ("dicom", Path(pydicom.__file__).parent / "data/test_files", "*.dcm"),
        ("nifti", Path(nibabel.__file__).parent / "tests/data", "*.nii*"),
    ):
        (folder / kind).mkdir()
        for path in sorted(root.glob(pattern)):
            if path.stat().st_size <= LARGEST_SEED:
                (folder / kind / path.name).write_bytes(path.read_bytes())
    for name, dtype in (("a", np.int16), ("b", np.float32), ("c", np.uint8)):
        voxels = np.random.default_rng(3).integers(0, 100, (9, 10, 7)).astype(dtype)
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1, 1, 2, 1])), folder / "nifti" / f"{name}.nii")
        packed = gzip.compress((folder / "nifti" / f"{name}.nii").read_bytes(), mtime=0)
        (folder / "nifti" / f"{name}.nii.gz").write_bytes(packed)


def _write_tables(folder: Path) -> None:
    (folder / "star").mkdir()
    for path in [path for path in sorted((folder / "archive/gdc/data").iterdir()) if path.stat().st_size > 40_000][:6]:
        (folder / "star" / f"{path.name}.tsv").write_bytes(path.read_bytes())
    (folder / "matrix").mkdir()
    rng = np.random.default_rng(4)
    samples = [f"TCGA-CS-49{n}-01A" for n in range(42, 50)]
    genes = [f"ENSG{n:011d}" for n in range(20)]
    frame = pd.DataFrame(rng.random((20, 8)).round(4), index=pd.Index(genes, name="gene"), columns=samples)
    frame.to_csv(folder / "matrix/a.tsv", sep="\t")
    frame.T.to_csv(folder / "matrix/b.csv")
    frame.assign(Entrez=1).to_csv(folder / "matrix/c.tsv.gz", sep="\t")
    frame.T.to_parquet(folder / "matrix/d.parquet")
    (folder / "positions").mkdir()
    table = "gene_id\tchromosome\tstart\n" + "".join(f"{gene}\tchr1\t{n + 1}\n" for n, gene in enumerate(genes))
    (folder / "positions/a.tsv").write_text(table)
    (folder / "positions/b.tsv.gz").write_bytes(gzip.compress(table.encode(), mtime=0))
    (folder / "positions/c.gtf").write_text("##description: simulated\n" + GTF)
    (folder / "positions/d.gtf.gz").write_bytes(gzip.compress(GTF.encode(), mtime=0))


def _write_listings(folder: Path) -> None:
    gdc, nbia = folder / "archive/gdc", folder / "archive/nbia"
    files = json.loads((gdc / "files.json").read_text())[:4]
    notes = json.loads((gdc / "annotations.json").read_text())
    reply = {"data": {"hits": files, "pagination": {"total": len(files), "from": 0}}, "warnings": {}}
    series = json.loads((nbia / "series.json").read_text())[:5]
    instances = json.loads(sorted((nbia / "instances").iterdir())[0].read_text())
    (folder / "json").mkdir()
    seeds = {"gdc_files": reply, "gdc_notes": notes, "nbia_series": series, "nbia_sops": instances}
    for name, value in seeds.items():
        (folder / "json" / f"{name}.json").write_text(json.dumps(value))


def _write_locks(folder: Path) -> None:
    """Locks and the indexes of fetched files, by the commands that write them."""
    for kind, settings in (("rna", {"retry_base_s": 0.0}), ("flair", {"source": "tcia", "min_images": 4})):
        common = ["--modality", kind, "--settings", json.dumps(settings), "--archive", str(folder / "archive")]
        lock, index = folder / "json" / f"lock_{kind}.json", folder / "raw" / f"{kind}.json"
        with contextlib.redirect_stdout(io.StringIO()):
            codes = (
                main(["lock", *common, "--output", str(lock)]),
                main(["fetch", *common, "--lock", str(lock), "--batch", "1-of-3", "--output", str(index)]),
            )
        if codes != (0, 0):
            raise RuntimeError(f"{kind}: exit codes {codes} where a lock and an index were to be made")
        (folder / "json" / f"index_{kind}.json").write_bytes(index.read_bytes())


def _write_kaggle(folder: Path) -> None:
    folder.mkdir()
    members = {}
    for n in range(1, 4):
        for suffix, shape in (("", (8, 8, 3)), ("_mask", (8, 8))):
            buffer = io.BytesIO()
            levels = (np.arange(np.prod(shape)).reshape(shape) * (n + 3)) % 251  # tissue of many levels
            pixels = np.full(shape, 255) if suffix else levels
            Image.fromarray(pixels.astype(np.uint8)).save(buffer, "TIFF")
            members[f"kaggle_3m/{FOLDER}/{FOLDER}_{n}{suffix}.tif"] = buffer.getvalue()
    for name, method in (("a", zipfile.ZIP_DEFLATED), ("b", zipfile.ZIP_STORED)):
        with zipfile.ZipFile(folder / f"{name}.zip", "w", method) as archive:
            for member, data in members.items():
                archive.writestr(member, data)


def _write_trained(folder: Path) -> None:
    """A checkpoint and released weights. Here, not where they are read: two workers would write them at once."""
    import torch

    from mgi.core.run import Run
    from mgi.models.settings import ModelSettings
    from mgi.training.checkpoint import save_checkpoint
    from mgi.training.weights import save_weights

    torch.manual_seed(0)
    state = {"weights": torch.arange(200.0), "step": 3, "rng": torch.get_rng_state()[:64]}
    save_checkpoint(folder / "checkpoint", state, step=3, identity="x")
    run = Run(task="segmentation", method="mgi", inputs=("flair", "rna"), fold=1, seed=0)
    path = folder / "weights/weights.safetensors"
    save_weights(path, torch.nn.Linear(9, 8), run=run, model=ModelSettings(), genes=["a", "b"])


def _write_part(folder: Path, part: str, patients: list[str]) -> Path:
    slices, rng = folder / PART_FILE.format(part=part), np.random.default_rng(6)
    stated = {"modality": "flair", "simulated": True}
    with part_writer(slices, slices.with_suffix(".json"), part=part, stated=stated) as writer:
        for patient in patients:
            voxels = rng.integers(0, 900, (3, 12, 10)).astype(np.int16)
            images = PatientImages(
                patient_id=patient,
                slices=voxels,
                masks=(voxels > 800).astype(np.uint8),
                spacing_mm=(1.0, 1.0),
                positions_mm=np.arange(3.0),
                source="0" * 64,
            )
            writer.add(patient, rows_of(images), patient.encode())
    return slices


def _write_shards(folder: Path) -> None:
    rng = np.random.default_rng(6)
    patients = [f"TCGA-CS-494{n}" for n in range(4)]
    images = folder / "shard_images"
    parts = [_write_part(images, part, [one for one in patients if part_of(one, 2) == part]) for part in all_parts(2)]
    write_dataset(images / "dataset.json", "volumes", parts, {"simulated": True})
    genes = pd.DataFrame({"gene_index": range(30), "gene_id": [f"ENSG{n:03d}" for n in range(30)]})
    genes = genes.assign(gene_name="x", gene_type=None, chromosome=None, start=None)
    values = rng.random((4, 30)).astype(np.float32)
    shard = ExpressionShard(patient_ids=patients, values=values, genes=genes, unit="as given", simulated=True)
    home = folder / "shard_expression"
    write_expression(shard, home / "values.parquet", home / "features.parquet", home / "dataset.json")
    write_fitted_genes(
        folder / "fitted/genes.parquet", fit(values[:3], genes, FitSettings(), patients[:3], unit="as given")
    )
    rows = [
        SplitRow(0, patient, "CS", role) for patient, role in zip(patients, ("train",) * 3 + ("test",), strict=True)
    ]
    write_split(rows, folder / "split/split.parquet", folder / "split/split.tsv")


if __name__ == "__main__":
    write_seeds(Path(sys.argv[1]))
