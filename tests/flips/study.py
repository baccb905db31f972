"""Small results of every stage, made by the commands that the workflow calls, one after the other in this process."""

import contextlib
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np

from flips import feature_tables
from flips.analyses import ANALYSES, CONFIGS, write_own_labels
from flips.lines import EVALUATION, OF_INGESTION, STAGES, Line
from mgi.cli import main
from mgi.cohort.tables import read_split
from mgi.core.files import write_json
from mgi.locks.lock import read_lock
from mgi_standin.simulation.archive import write_archive
from mgi_standin.simulation.settings import SimulationSettings

LINES: dict[str, Line] = STAGES | ANALYSES
"""Every command in an order in which each finds what it reads."""
PATIENTS = 26


def filled(line: Line, archive: Path, made: Path, out: Path) -> Line:
    """A command line with its folders."""
    places = {"@archive": archive, "@made": made, "@out": out, "@nifti": _nifti(made)}
    places["@labels"] = archive.parent / "labels.csv"
    for name, place in places.items():
        line = [word.replace(name, str(place)) for word in line]
    return line


def _nifti(made: Path) -> Path:
    """An image to segment."""
    return made.parent / "new.nii.gz"


def _write_nifti(path: Path) -> None:
    """A head of noise in the dark."""
    x, y, _ = np.mgrid[:16, :16, :4]
    head = (x - 7.5) ** 2 + (y - 7.5) ** 2 < 36
    voxels = (head * np.random.default_rng(0).normal(300, 60, head.shape)).clip(0).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 5.0, 1.0])), path)


def make(folder: Path, seed: int, names: Sequence[str] = tuple(LINES), exclude: Sequence[str] = ()) -> Path:
    """Results of some simulated patients without those whom another cohort has, made by these commands."""
    archive, results = folder / "archive", folder / "results"
    settings = SimulationSettings(
        seed=seed, n_patients=PATIENTS, n_genes=750, slices_min=4, slices_max=4, pixels=16, genes_drive_images=True,
        omics=feature_tables.NAMES,
    )  # fmt: skip
    write_archive(settings, archive)
    write_own_labels(archive)
    _write_nifti(_nifti(results))
    configs = {"": {"runs": {"task": "segmentation"}}, **CONFIGS}
    for name, config in configs.items():
        write_json(results / name / "config.json", {**config, "evaluation": json.loads(EVALUATION)})
    for name in names:
        line = filled(LINES[name], archive, results, results)
        if name in ("cohort", "shard flair") and exclude:
            known = {item.patient_id for path in (results / "locks").iterdir() for item in read_lock(path).items}
            line += ["--exclude", *sorted(known & set(exclude))]
        code, said = run(line)
        if code != 0:
            raise RuntimeError(f"{name}: exit code {code}: {said[-2000:]}")
    return results


def make_all(folder: Path, *, whole_other: bool) -> tuple[Path, Path]:
    """Finished results with another archive in them, and other results, only ingested where not `whole_other`."""
    results = make(folder / "own", 5)
    trained = sorted(set(read_split(results / "tables/whole.parquet")["patient_id"]))
    elsewhere = make(folder / "elsewhere", 105, OF_INGESTION, trained)
    for part in ("locks", "raw", "tables", "shards"):
        shutil.copytree(elsewhere / part, results / "external" / part)
    return results, make(folder / "other", 7) if whole_other else elsewhere


def run(line: Line) -> tuple[int | None, str]:
    """The exit code of a command and what it wrote to stderr; None and the exception where it ended in one."""
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        try:
            return main(line), said.getvalue()
        except SystemExit as error:
            return int(error.code or 0), said.getvalue()
        except Exception as error:  # noqa: BLE001 - a stack trace is what is looked for
            return None, f"{type(error).__name__}: {error}"
