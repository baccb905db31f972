"""Tasks, finished results and the command line."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from error_cases.ways import Case, command, config, file, nifti
from mgi.cohort.labels.file import LabelTable
from mgi.core.errors import MgiError
from mgi.core.memory import out_of_memory
from mgi.core.run import Run, run_of
from mgi.explain.tile_attention_file import TileAttention, read_tile_attention, write_tile_attention
from mgi.release.new_image import kind_of, read_new_image
from mgi.release.new_patient import require_near, require_one_patient
from mgi.release.new_slide import read_new_slide
from mgi.release.package import load_release
from mgi.release.patient_list import patients_in_folder, patients_in_table
from mgi.release.request import PredictionRequest
from mgi.release.slide_range import TileSource
from mgi.release.training_range import Flag
from mgi.shards.parquet import run_in
from mgi.tasks.classification import learning as classification
from mgi.tasks.patient_labels import LabelledPatients
from mgi.tasks.survival import learning as survival

TILES = TileSource(encoder="handmade", width=37, tile_px=256, mpp=0.5, min_tissue=0.5)


def attention_of_a_half(folder: Path) -> None:
    run = Run(task="classification", method="mgi", inputs=("slides", "rna"), fold=0, seed=0, target="idh")
    write_tile_attention(folder / "a.parquet", [TileAttention("P1", "P1", 0, 0, 0, 0.5)], run, [])
    read_tile_attention(folder / "a.parquet")


def picture(mode: str) -> bytes:
    packed = io.BytesIO()
    Image.new(mode, (4, 4)).save(packed, format="PNG")
    return packed.getvalue()


def far_from_training(_: Path) -> None:
    flag = Flag("slice_mm", 1.0, [5.0, 6.5], "slice_mm 1 mm, training had 5 to 6.5", far=True)
    require_near(Path("flair.nii"), [flag], force=False)


def brats(*names: str) -> Case:
    """What is said of a folder of NIfTI files in the place of one image."""

    def run(folder: Path) -> None:
        for name in names:
            (folder / name).write_bytes(nifti(np.ones((2, 3, 4), np.int16)))
        kind_of(folder)

    return run


def no_memory() -> None:
    raise MgiError(out_of_memory(MemoryError("malloc of size 4294967296 failed"), rule="shard"))


def learned(target: str | None, training: str = "T", **columns: list[Any]) -> Case:
    """What a task of labels says of two training patients, of whom `training` begins the ids, and one of validation.

    With a `target` it is classification, without one survival.
    """
    table = pd.DataFrame({"patient_id": ["T0", "T1", "V"], **columns})
    labels = LabelTable(
        table=table, classes=("idh",) if target else (), source="own.csv", endpoint=None if target else "OS",
        survival_source=None,
    )  # fmt: skip
    patients = LabelledPatients(
        labels=labels, where="labels.parquet", fold=0, training=[f"{training}{one}" for one in (0, 1)], validation=["V"]
    )
    inputs = ("flair", "rna")
    run = Run(task="classification", target=target, method="mgi", inputs=inputs, fold=0, seed=0)
    task = classification if target else survival
    return lambda _: task.from_labels(run, "{}", patients)


CASES: dict[str, dict[str, Case]] = {
    "tasks": {
        "a label that is not there": learned("codel", idh=["a", "b", "a"]),
        "one class in training": learned("idh", idh=["a", "a", "b"]),
        "one class in validation": learned("idh", idh=["a", "b", "a"]),
        "labels of other patients": learned("idh", "X", idh=["a", "b", "a"]),
        "all are censored": learned(None, time_days=[1.0, 2.0, 3.0], event=[False, False, True]),
        "one event time": learned(None, time_days=[1.0, 1.0, 3.0], event=[True, True, True]),
        "another method": config(runs={"task": "survival"}),
        "a task of labels without them": config(runs={"task": "survival", "methods": ["mgi"]}),
        "a target that the labels lack": config(
            runs={"task": "classification", "methods": ["mgi"], "target": "idh"}, labels={"source": "gdc"}
        ),
        "a target that no task reads": config(runs={"target": "idh"}),
        "a mask without an image": config(runs={"controls": ["no-image"]}),
        "a control of pre-training for a fine-tuned network": config(finetune={"modalities": ["rna", "covariates"]}),
    },
    "results": {
        "predictions of an older version": lambda _: run_of({"spec": "{}"}, "predictions.parquet"),
        "predictions of no run": lambda _: run_of({}, "predictions.parquet"),
        "predictions that are not Parquet": file("predictions.parquet", "hello", run_in),
        "release that is not there": load_release,
        "release of an older version": file(
            "config.json", {"format": "mgi-release-0"}, lambda path: load_release(path.parent)
        ),
        "image to segment is not there": lambda folder: kind_of(folder / "flair.nii.gz"),
        "image to segment is text": file("flair.txt", "hello", kind_of),
        "several volumes to segment": file("flair.nii", nifti(np.ones((2, 3, 4, 2), np.int16)), read_new_image),
        "a volume that is not there": file(
            "flair.nii", nifti(np.ones((2, 3, 4, 2), np.int16)), lambda path: read_new_image(path, volume=2)
        ),
        "a 2-D image to segment": file("slice.nii", nifti(np.ones((2, 3), np.int16)), read_new_image),
        "a colour image to segment": file(
            "rgb.nii", nifti(np.ones((2, 3, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")])), read_new_image
        ),
        "a patient's folder of BraTS to segment": brats("P1-t1n.nii", "P1-t2f.nii"),
        "a folder of patients to segment": brats("P1_flair.nii", "P2_flair.nii"),
        "a folder without patients": lambda folder: patients_in_folder(folder, PredictionRequest()),
        "a table of patients without the column patient": file(
            "patients.tsv", "id\timage\nP1\ta.nii\n", lambda path: patients_in_table(path, PredictionRequest())
        ),
        "a patient twice": file(
            "patients.csv",
            "patient,image\nP1,a.nii\nP1,b.nii\n",
            lambda path: patients_in_table(path, PredictionRequest()),
        ),
        "predicting without a model": command("predict", "a.nii", "--output=m.nii"),
        "predicting a folder into itself": command(
            "predict", "--folder={folder}", "--model=m", "--output={folder}/masks"
        ),
        "a slice with colours and alpha": file("P_1.png", picture("RGBA"), lambda path: read_new_image(path.parent)),
        "an image far from training": far_from_training,
        "a pickle in the place of a slide": file("P1.pt", b"x", lambda path: read_new_slide(path, TILES)),
        "a slide for a model of vectors": file(
            "P1.svs",
            b"x",
            lambda path: read_new_slide(path, replace(TILES, encoder="precomputed", weights_of="uni_v1")),
        ),
        "a slide without its encoder's weights": file(
            "P1.svs", b"x", lambda path: read_new_slide(path, replace(TILES, encoder="timm:vit", weights_sha256="ab12"))
        ),
        "attention that does not add up": attention_of_a_half,
        "a resolution without a slide": command("predict", "--model=m", "--output=a.json", "--mpp=0.5"),
        "a scan and a slide of two patients": lambda folder: require_one_patient(
            PredictionRequest(image=folder / "a.nii.gz", slide=folder / "TCGA-AA-0001-01Z-00-DX1.svs"),
            "TCGA-AA-0002",
            "TCGA-AA-0001",
        ),
    },
    "command line": {
        "out of memory": lambda _: no_memory(),
        "unknown command, a near one is known": command("fintune"),
        "unknown command": command("zzz"),
        "a run by hand without its folder": command("finetune"),
        "a run by hand without its key": command("finetune", "--results={folder}"),
        "a results folder without config": command("finetune", "--results={folder}", "--run=mgi-fold0-seed0"),
        "no locks to verify": command("verify", "--results={folder}"),
    },
}
