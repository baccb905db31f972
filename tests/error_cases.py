"""One small way into every kind of error of every room; what each says is kept in tests/golden/errors.txt."""

import contextlib
import errno
import io
import json
import time
import zipfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import torch
from PIL import Image
from safetensors.torch import save_file

from mgi.association.components import FoldVectors, components_of
from mgi.association.inputs import gather
from mgi.association.patient_table import read_feature_table, read_patient_table, read_patient_tables
from mgi.association.scan import scan
from mgi.cli import main
from mgi.cohort.duplicates import DuplicateCheck
from mgi.cohort.labels.file import LabelTable
from mgi.cohort.labels.gdc_cases import kept_cases, labels_of_cases
from mgi.cohort.labels.settings import LabelSettings
from mgi.cohort.labels.user_table import read_label_table
from mgi.cohort.pairing import sites_of
from mgi.cohort.settings import SplitSettings
from mgi.cohort.split import SplitRow, split_patients
from mgi.cohort.tables import write_split
from mgi.commands import check_leaks
from mgi.commands._new_patient import require_near
from mgi.config.tree import checked
from mgi.core.errors import BadInputError, MgiError
from mgi.core.files import full_disk_named, read_json, write_json
from mgi.core.memory import out_of_memory
from mgi.core.parts import part_files
from mgi.core.run import Run, run_of
from mgi.core.sidecar import digested_path, verified
from mgi.evaluation.brier import brier_scores
from mgi.evaluation.concordance import harrell_c, uno_c
from mgi.evaluation.cox import fit_cox
from mgi.evaluation.follow_up import follow_up_of
from mgi.evaluation.kaplan_meier import kaplan_meier
from mgi.explain.integrated_gradients import integrated_gradients, noise_tunnel
from mgi.http.address import refuse_open_wire
from mgi.http.credentials import gdc_credential
from mgi.http.deadline import Deadline, Limits, Listing
from mgi.http.retry import RetryPolicy, TransientError
from mgi.http.service import Request, open_service
from mgi.locks.lock import batch_of, check_lock, read_lock
from mgi.locks.raw_index import read_raw_index
from mgi.locks.user_folder import present_folder
from mgi.modalities.flair.colour_channels import others_in
from mgi.modalities.flair.complex_part import complex_part
from mgi.modalities.flair.dicom import volume_of
from mgi.modalities.flair.nifti import read_image, read_labels
from mgi.modalities.flair.seg_segments import Segment, choose_tumour
from mgi.modalities.flair.slice_order import Placement, order_slices
from mgi.modalities.flair.sources.kaggle import KaggleImages
from mgi.modalities.flair.sources.ownership import require_owner
from mgi.modalities.flair.sources.user_lists import PatientNames
from mgi.modalities.registry import modality
from mgi.modalities.rna.filter import LOG_TPM
from mgi.modalities.rna.gene_sets import read_gene_list, read_gmt
from mgi.modalities.rna.matrix import read_labelled_matrix
from mgi.modalities.rna.star import read_star
from mgi.modalities.rna.value_scale import require_unit
from mgi.modalities.slides.encoder_forms import require_form
from mgi.modalities.slides.slide_list import read_slide_list
from mgi.modalities.slides.slide_names import slide_name_of
from mgi.modalities.slides.stored_features import read_features
from mgi.modalities.slides.survey import require_few_bad
from mgi.models.settings import ModelSettings
from mgi.probes.classification import FoldFeatures, Target, probe_classes
from mgi.probes.features import feature_set
from mgi.probes.settings import ProbeSettings
from mgi.probes.survival import Endpoint, probe_survival
from mgi.release.new_image import kind_of, read_new_image
from mgi.release.package import load_release
from mgi.release.training_range import Flag
from mgi.shards.channels import CHANNELS, require_channels
from mgi.shards.dataset_manifest import read_dataset
from mgi.shards.embedding_file import read_embeddings
from mgi.shards.grey_scale import require_scale
from mgi.shards.image_parts import read_parts
from mgi.shards.parquet import opened_parquet, run_in
from mgi.tasks.classification import learning as classification
from mgi.tasks.patient_labels import LabelledPatients
from mgi.tasks.segmentation import learning
from mgi.tasks.survival import learning as survival
from mgi.training.optimiser import precision_of
from mgi.training.weights import load_weights, require_same_genes, require_same_sets
from probed_world import options as probe_options
from probed_world import write_world
from small_locks import profile, rna_lock, series, write_lock

CASES_OF_GDC = {
    "kind": "gdc_cases", "format": 1, "project": "TCGA-LGG", "release": None, "simulated": False, "cases": []
}  # fmt: skip
LABELS = "patient_id\tIDH\tdays\tdead\nTCGA-DU-0001"
PATIENTS = [f"P{n}" for n in range(1, 5)]
Case = Callable[[Path], object]


def config(**given: Any) -> Case:
    return lambda _: checked(given)


def command(*argv: str) -> Case:
    """What a command prints, under its exit code."""

    def run(folder: Path) -> None:
        printed = io.StringIO()
        with contextlib.redirect_stderr(printed):
            code = main([part.format(folder=folder) for part in argv])
        raise MgiError(f"exit {code}: {printed.getvalue().strip()}")

    return run


def file(name: str, content: object, read: Callable[[Path], object]) -> Case:
    """What `read` says of a file that holds `content`: bytes, text or JSON."""

    def run(folder: Path) -> None:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else _text(content).encode())
        read(path)

    return run


def _text(content: object) -> str:
    return content if isinstance(content, str) else json.dumps(content)


OTHER_PART = {"kind": "volumes", "files": {}, "part": "2-of-2", "digests": {}, "dropped": {}, "stated": {}}


def read_two_parts(record: Path) -> None:
    """What is said of a shard with this record of a part."""
    read_parts(record.parent, 2)


def sealed(name: str, content: dict[str, Any], read: Callable[[Path], object]) -> Case:
    """What `read` says of a file as mgi writes it."""

    def run(folder: Path) -> None:
        write_json(folder / name, content)
        read(folder / name)

    return run


def edited(folder: Path) -> None:
    write_json(folder / "config.json", {"seed": 3})
    (folder / "config.json").write_text((folder / "config.json").read_text().replace("3,", "4,").replace(": 3", ": 4"))
    read_json(folder / "config.json")


def edited_lock(folder: Path) -> None:
    path = write_lock(folder / "locks/rna.json", rna_lock(profile("TCGA-CS-0001"), profile("TCGA-CS-0002")))
    path.write_text(path.read_text().replace("primary tumour", "primary tumor", 1))
    read_lock(path)


def edited_table(folder: Path) -> None:
    path = folder / "evaluation/results.csv"
    with digested_path(path) as part:
        part.write_text("method,mean\nmgi,0.8\n")
    path.write_text("method,mean\nmgi,0.9\n")
    verified(path)


def table_of_other_scores(folder: Path) -> None:
    scores = folder / "evaluation/unet.parquet"
    scores.parent.mkdir()
    scores.write_bytes(b"1")
    with digested_path(folder / "evaluation/results.csv", [scores]) as part:
        part.write_text("method,mean\n")
    scores.write_bytes(b"2")
    verified(folder / "evaluation/results.csv")


def nifti(voxels: Any) -> bytes:
    return nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes()


def picture(mode: str) -> bytes:
    packed = io.BytesIO()
    Image.new(mode, (4, 4)).save(packed, format="PNG")
    return packed.getvalue()


def far_from_training(_: Path) -> None:
    flag = Flag("slice_mm", 1.0, [5.0, 6.5], "slice_mm 1 mm, training had 5 to 6.5", far=True)
    require_near(Path("flair.nii"), [flag], force=False)


def placement(number: int, z: float) -> Placement:
    """An axial slice of 4 x 4 pixels at a height."""
    return Placement(
        sop_uid=f"1.2.{number}",
        instance_number=number,
        shape=(4, 4),
        axes=np.eye(3)[:2],
        spacing_mm=np.ones(2),
        position=np.array([0.0, 0.0, z]),
    )


def segment(label: str, number: int = 1) -> Segment:
    return Segment(number=number, label=label, category=("", ""), kind=("", ""), by_hand=False)


def striped() -> np.ndarray:
    """Tissue of 100 to 899 beside a stripe at the highest level."""
    volume = np.arange(100, 900, dtype=np.int16).reshape(2, 20, 20)
    volume[:, :, -2:] = 32767
    return volume


def labels_of(text: str, cohort: str = "TCGA-DU-0001", **columns: Any) -> Case:
    """What a table of labels says beside a cohort of one patient."""

    def run(folder: Path) -> None:
        path = folder / "own.tsv"
        path.write_text(text)
        named = {"classes": {"idh": "IDH"}, "time_days": "days", "event": "dead", **columns}
        chosen = LabelSettings.read({"source": "table", "table": str(path), "columns": named})
        for fault in read_label_table(path, chosen).beside([cohort]).faults():
            raise BadInputError(fault)

    return run


def full_disk(folder: Path) -> None:
    with full_disk_named(folder / "shard.parquet"):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")


def foreign_weights(path: Path) -> None:
    save_file({"w": torch.zeros(2)}, path)
    load_weights(path, genes=["A"])


def twice(_: Path) -> None:
    check = DuplicateCheck("image")
    check.add("P1", b"digest")
    check.add("P2", b"digest")


def split(_: Path) -> None:
    split_patients(PATIENTS, SplitSettings(folds=5), sites=dict.fromkeys(PATIENTS, "A"))


def leak(folder: Path) -> None:
    write_split([SplitRow(0, "P1", "A", "test"), SplitRow(0, "P1", "A", "train")], folder / "split.parquet")
    check_leaks.run(
        Namespace(split=folder / "split.parquet", dataset=[], split_unit="patient", output=folder / "o.json")
    )


def damaged(path: Path) -> None:
    with opened_parquet(path):
        pass


def unreachable(_: Path) -> None:
    service = open_service("http://127.0.0.1:9", connections=1, policy=RetryPolicy(attempts=1))
    service.json(Request(path="status", label="status"))


def dripping_header(_: Path) -> None:
    drips(lambda deadline: deadline.await_header(), 31)


def dripping_body(_: Path) -> None:
    drips(lambda deadline: deadline.await_body(1_000_000), 401)


def drips(begin: Callable[[Deadline], None], seconds: float) -> None:
    now = [0.0]
    deadline = Deadline(label="api.gdc.cancer.gov: status", limits=Limits(), clock=lambda: now[0])
    try:
        with deadline.attempt():
            begin(deadline)
            deadline.seconds_for_a_read()
            deadline.arrived(17)
            deadline.delivered(17)
            now[0] = seconds
            deadline.seconds_for_a_read()
    except TransientError as failure:
        raise failure.error from None


def no_memory() -> None:
    raise MgiError(out_of_memory(MemoryError("malloc of size 4294967296 failed"), rule="shard"))


def scanned(phenotypes: str, genes: str, columns: str | None = None) -> Case:
    """What the scan says of two tables of patients; `columns` is an option of the first."""

    def run(folder: Path) -> None:
        (folder / "own.tsv").write_text(phenotypes)
        (folder / "genes.tsv").write_text(genes)
        own = read_patient_table(folder / "own.tsv", columns and columns.split(), "--phenotype-columns")
        inputs = gather(own, read_feature_table(folder / "genes.tsv"), None)
        scan(inputs.phenotypes, inputs.features, inputs.design)

    return run


def two_tables(folder: Path, covariate: str) -> None:
    """What is said of a covariate that is not in one of two tables."""
    for name in ("one.tsv", "two.tsv"):
        (folder / name).write_text("id\tage\nP1\t3\n")
    read_patient_tables([folder / "one.tsv", folder / "two.tsv"], [covariate], "--covariate-columns")


def vectors_of(fold: int) -> FoldVectors:
    """Vectors of two numbers of a fold's two training patients, who are tested in it too."""
    patients, vectors = ("P0", "P1"), np.array([[0.0, 1.0], [2.0, 5.0]])
    return FoldVectors(fold=fold, train=patients, train_vectors=vectors, test=patients, test_vectors=vectors)


FOUR = follow_up_of([1.0, 2.0, 3.0, 4.0], [1, 1, 1, 0])


def cox(covariates: Any) -> None:
    fit_cox(FOUR, covariates, [f"x{column}" for column in range(np.shape(covariates)[1])])


def kaggle(path: Path) -> None:
    KaggleImages(archive=path).discover()


def nobody(folder: Path) -> None:
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        archive.writestr("P1/P1_9999999999.tif", b"")
        archive.writestr("P1/P1_9999999999_mask.tif", b"")
    KaggleImages(archive=folder / "archive.zip").probe()


ONE_FOLD = FoldFeatures(
    fold=0, patients=["P0", "P1", "P2"], training=np.array([0, 1]), test=np.array([2]),
    sets=[feature_set("image", np.eye(3))],
)  # fmt: skip


def probing(**settings: Any) -> "Case":
    """The probes of a small world of patients, with these settings."""
    text = json.dumps(settings).replace("{", "{{").replace("}", "}}")
    return lambda folder: command(*probe_options(write_world(folder), settings=text))(folder)


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
    "config": {
        "unknown key, a near one is known": config(splt={}),
        "unknown key, none is near": config(split={"zzz": 1}),
        "channels in another order": config(modalities={"flair": {"channels": ["post", "flair"]}}),
        "old section": config(expression={}),
        "old key": config(finetune={"image_encoder_rate": 0.1}),
        "old key and value": config(model={"image_frame": "head"}),
        "value out of range": config(split={"folds": 1}),
        "value of another type": config(finetune={"schedule": {"steps": "100"}}),
        "value that is none of a few": config(model={"size": "huge"}),
        "two keys that contradict each other": config(runs={"folds": [7]}),
        "a file that another key needs": config(model={"gene_tokens": "pathway"}),
        "a key of a variant": config(runs={"variants": {"x": {"model": {"gene_encodr": "mlp"}}}}),
        "a variant with the name of a control": config(
            runs={"variants": {"no-genes": {"model": {"gene_encoder": "mlp"}}}}
        ),
        "a variant that changes nothing": config(runs={"variants": {"x": {"finetune": True}}}),
        "a key that is no text": config(runs={"variants": {1: {}}}),
        "a loss of images alone beside one of genes": config(pretrain={"loss": "simclr"}),
        "a key of another source": config(modalities={"rna": {"table": "own.tsv"}}),
        "labels of a source that is not chosen": config(labels={"table": "own.tsv"}),
        "a class with the name of another column": config(
            labels={"source": "table", "table": "own.tsv", "columns": {"classes": {"event": "Dead"}}}
        ),
        "a path that only a shell knows": config(modalities={"flair": {"archive": "~/archive.zip"}}),
        "a plugin that is not there": config(plugins=["nowhere.py"]),
        "a number beyond all measure": config(split={"folds": 10**18}),
        "a number that is none": config(pretrain={"temperature": float("nan")}),
        "a value that stands for a million": config(plugins=[[["x"] * 1000] * 1000]),
        "a path that the workflow would read otherwise": config(cohort={"sites": "a{b}.tsv"}),
        "a path that is an option": config(results="-x"),
        "a text with control characters": config(cohort={"exclude": ["P\0001"]}),
        "unknown modality": lambda _: modality("hearsay"),
        "tiles that an encoder was not trained on": config(
            modalities={"slides": {"source": "precomputed", "weights_of": "uni_v1", "tile_px": 512}}
        ),
        "an encoder without its weights": config(modalities={"slides": {"encoder": "timm:resnet18"}}),
    },
    "slides": {
        "a list without files": file("slides.tsv", "patient_id\tmpp\nP1\t0.5\n", read_slide_list),
        "a resolution that no scanner has": file("slides.tsv", "file\tmpp\na.svs\t500\n", read_slide_list),
        "vectors that may be a pickle": lambda folder: read_features(folder / "P1.pt"),
        "a slide of which much is damaged": lambda _: require_few_bad("P1.svs", 7, 200),
        "vectors of another width": lambda _: require_form("uni_v1", px=256, mpp=0.5, width=768, where="P1.h5"),
        "a name without a patient": lambda _: slide_name_of("scan 7.svs"),
    },
    "locks": {
        "lock of format 1": file("lock.json", {"kind": "images", "format": 1}, read_lock),
        "lock of another source": file(
            "lock.json",
            {"modality": "rna", "format": 3, "source": "gdc", "simulated": False, "items": []},
            lambda path: read_lock(path, source="matrix"),
        ),
        "empty lock": file("lock.json", "", read_lock),
        "nothing is chosen": lambda _: check_lock(rna_lock(profile("TCGA-CS-0001", chosen=False, reason="normal"))),
        "two items of a patient": lambda _: check_lock(
            rna_lock(profile("TCGA-CS-0001"), profile("TCGA-CS-0001", "01B"))
        ),
        "batch out of range": lambda _: batch_of([], "5-of-4"),
        "raw index of format 1": file("batch.json", {"kind": "images", "items": []}, read_raw_index),
        "edited lock": edited_lock,
        "lock without digests": file(
            "lock.json",
            {"modality": "rna", "format": 3, "source": "gdc", "simulated": False, "items": []},
            read_lock,
        ),
        "not JSON": file("status.json", "{", read_json),
        "edited JSON": edited,
        "edited table of scores": edited_table,
        "table of other scores": table_of_other_scores,
    },
    "http": {
        "unencrypted service": lambda _: open_service("http://example.org", connections=1, policy=RetryPolicy()),
        "an address without a scheme": lambda _: refuse_open_wire("api.gdc.cancer.gov"),
        "an address with a typo": config(modalities={"rna": {"base_url": "htps://api.gdc.cancer.gov"}}),
        "an address with a space": config(modalities={"flair": {"base_url": "https://nbia.example.org /v4"}}),
        "no connection": unreachable,
        "a header that drips": dripping_header,
        "a body that drips": dripping_body,
        "a listing without end": lambda _: Listing(label="GDC: files", limits=Limits(), clock=time.monotonic).go_on(
            200, 10**4000
        ),
        "two tokens": lambda _: gdc_credential({"MGI_GDC_TOKEN": "a", "MGI_GDC_TOKEN_FILE": "b"}),
        "token file that others can read": file(
            "token.txt", "secret", lambda path: path.chmod(0o640) or gdc_credential({"MGI_GDC_TOKEN_FILE": str(path)})
        ),
    },
    "flair": {
        "patient id": lambda _: PatientNames().patient_of("Doe^John"),
        "images of another patient": lambda _: require_owner(series("P1"), ["P2"], [], PatientNames(), "NBIA"),
        "folder in a shell's words": lambda _: present_folder(
            Path("~/mine"), "a folder", key="modalities.flair.folder"
        ),
        "not DICOM": lambda _: volume_of([("1.dcm", b"hello")], "1.2.3"),
        "series without slices": lambda _: volume_of([], "1.2.3"),
        "slices that lie unevenly": lambda _: order_slices(
            [placement(number, z) for number, z in enumerate((0, 5, 10, 17, 24, 31), start=1)], "series 1.2.3"
        ),
        "parts of a complex image that contradict each other": lambda _: complex_part(
            {"ImageType": ["ORIGINAL", "PRIMARY", "M"], "ComplexImageComponent": "PHASE"}, "series 1.2.3: 1.dcm"
        ),
        "segmentation of anatomy alone": lambda _: choose_tumour([segment("Brain"), segment("CSF", 2)], "", "1.dcm"),
        "saturated image": lambda _: require_scale(striped(), "series 1.2.3"),
        "not NIfTI": lambda _: read_image(b"<html>", "flair.nii"),
        "NIfTI of one value": lambda _: read_image(nifti(np.full((2, 3, 4), 7, np.int16)), "flair.nii"),
        "NIfTI of four axes": lambda _: read_image(nifti(np.zeros((2, 3, 4, 2), np.int16)), "flair.nii"),
        "label of another set": lambda _: read_labels(nifti(np.full((2, 3, 4), 3, np.uint8)), "seg.nii"),
        "Kaggle archive is not there": lambda folder: kaggle(folder / "archive.zip"),
        "nobody in the Kaggle archive can be kept": nobody,
        "Kaggle archive is no zip": file("archive.zip", "hello", kaggle),
        "Kaggle archive whose T1 is empty": lambda _: others_in(
            [np.array([[[0, 7, 0], [0, 9, 0]]], np.uint8)], ("pre", "flair"), "kaggle_3m/TCGA_CS_4941_19960909"
        ),
        "FLAIR alone for a model of T1 too": lambda _: require_channels(("flair",), CHANNELS, "flair.nii.gz: nifti"),
    },
    "rna": {
        "table without labels": file("t.tsv", "id\tA\nx\t1\n", read_labelled_matrix),
        "text among numbers": file(
            "t.tsv", "id\tTCGA-CS-4938\tTCGA-CS-4941\nTP53\t1\t2\nIDH1\t3\t4,5\n", read_labelled_matrix
        ),
        "outcomes among the genes": file(
            "t.csv", "case_id,age,OS.time,EGFR_cnv,TP53\nTCGA-CS-4938,1,2,3,4\n", read_labelled_matrix
        ),
        "labels that a spreadsheet has spoilt": file(
            "t.tsv",
            "gene\tTCGA-CS-4938\n" + "".join(f"2.{number}E+13\t1\n" for number in range(10, 41)),
            read_labelled_matrix,
        ),
        "linear values for a model of logarithms": lambda folder: require_unit(
            np.array([1.0, 642.5]), LOG_TPM, ["TP53", "EGFR"], f"{folder}/t.tsv: sample P1"
        ),
        "table of another kind": file("t.xlsx", "PK", read_labelled_matrix),
        "workbook named as text": file("t.csv", b"PK\3\4", read_labelled_matrix),
        "empty table": file("t.csv", "", read_labelled_matrix),
        "STAR counts without gene model": file("sample.tsv", "gene_id\n" * 9, read_star),
        "gene listed twice": file("genes.txt", "TP53\nTP53\n", read_gene_list),
        "empty gene list": file("genes.txt", "# none\n", read_gene_list),
        "gene set without genes": file("sets.gmt", "A\tx\n", read_gmt),
    },
    "cohort": {
        "two patients with one image": twice,
        "too few patients": split,
        "site of no patient": file("sites.tsv", "patient_id\tsite\nP1\tA\n", lambda path: sites_of(["P1", "P2"], path)),
        "leak": leak,
        "labels without a column": labels_of("patient_id\tIDH\nTCGA-DU-0001\tWT\n"),
        "labels that contradict each other": labels_of(f"{LABELS}\tWT\t3\t1\nTCGA-DU-0001-02A\tMutant\t3\t1\n"),
        "a label of one class": labels_of(f"{LABELS}\tWT\t3\t1\n"),
        "labels of which none is known": labels_of(f"{LABELS}\t[Unknown]\t3\t1\n"),
        "a time that is no number": labels_of(f"{LABELS}\tWT\t3,5\t1\n"),
        "an event that is neither": labels_of(f"{LABELS}\tWT\t3\tmaybe\n"),
        "times that are all censored": labels_of(f"{LABELS}\tWT\t3\t0\n", classes={}),
        "times of which none can be used": labels_of(f"{LABELS}\tWT\t-1\t1\n", classes={}),
        "cases of another shape": lambda _: labels_of_cases(
            {**CASES_OF_GDC, "cases": [{"submitter_id": "TCGA-DU-0001", "demographic": {"vital_status": 1}}]}, "GDC"
        ),
        "two cases of a patient": lambda _: labels_of_cases(
            {**CASES_OF_GDC, "cases": [{"submitter_id": "TCGA-DU-0001"}] * 2}, "GDC"
        ),
        "kept cases of a simulated archive": sealed(
            "cases.json",
            {**CASES_OF_GDC, "simulated": True},
            lambda path: kept_cases(str(path), LabelSettings.read({"source": "gdc"}), simulated=False),
        ),
        "labels of other patients": labels_of(f"{LABELS}\tWT\t3\t1\n", "P1"),
    },
    "shards": {
        "damaged": file("shard.parquet", "hello", damaged),
        "never finished": lambda folder: read_dataset(folder, "volumes"),
        "of another kind": sealed("dataset.json", {"kind": "table"}, lambda path: read_dataset(path.parent, "volumes")),
        "of an older version": file(
            "dataset.json", {"kind": "expression"}, lambda path: read_dataset(path.parent, "table")
        ),
        "a part is missing": lambda _: part_files(["part-2-of-2.parquet"], "shards/flair/dataset.json"),
        "a part of another number": lambda _: part_files(
            ["part-1-of-1.parquet", "part-2-of-2.parquet"], "shards/flair/dataset.json"
        ),
        "a part that another took the place of": sealed("shards/flair/part-1-of-2.json", OTHER_PART, read_two_parts),
        "full disk": full_disk,
    },
    "training": {
        "weights of another gene list": lambda _: require_same_genes(["A", "B"], ["B", "A"], where="weights"),
        "weights of other gene sets": lambda _: require_same_sets({"S": [0]}, {"T": [0]}, where="weights"),
        "weights of another program": lambda folder: foreign_weights(folder / "w.safetensors"),
        "damaged weights": file("w.safetensors", "hello", lambda path: load_weights(path, genes=["A"])),
        "bf16 on a CPU": lambda _: precision_of("bf16", torch.device("cpu"), where="finetune.schedule"),
        "unknown method": lambda _: learning.build("nnunet", ModelSettings(), 4),
    },
    "survival": {
        "a time before the start": lambda _: follow_up_of([3.0, -0.03], [1, 0], "OS"),
        "a missing time": lambda _: follow_up_of([3.0, np.nan], [1, 0], "OS"),
        "an event of another code": lambda _: follow_up_of([3.0, 4.0], [1, 2], "OS"),
        "all censored": lambda _: follow_up_of([3.0, 4.0], [0, 0], "OS"),
        "a constant covariate": lambda _: cox([[1.0], [1.0], [1.0], [1.0]]),
        "fewer events than covariates": lambda _: cox(np.random.default_rng(0).normal(size=(4, 5))),
        "covariates that add up": lambda _: cox([[1.0, 2.0], [3.0, 6.0], [2.0, 4.0], [0.0, 0.0]]),
        "a covariate that separates": lambda _: cox([[4.0], [3.0], [2.0], [1.0]]),
        "a risk that is missing": lambda _: harrell_c(FOUR, [1.0, 2.0, np.nan, 4.0]),
        "an event after training's follow-up": lambda _: uno_c(follow_up_of([1.0, 2.0], [1, 0]), FOUR, [1, 2, 3, 4]),
        "a time after the follow-up": lambda _: kaplan_meier(follow_up_of([1.0, 2.0], [1, 0])).at([3.0]),
        "a time without a Brier score": lambda _: brier_scores(FOUR, FOUR, np.ones((4, 1)), [4.0]),
    },
    "association": {
        "patients that do not match": scanned("id\tvolume\nP1\t3\n", "id\tTP53\nTCGA-CS-4938\t3\n"),
        "a phenotype that is not numeric": scanned("id\tgrade\nP1\tG2\n", "id\tTP53\nP1\t3\n"),
        "a feature that is not numeric": scanned("id\tvolume\nP1\t3\n", "id\tTP53\nP1\t3\nP2\tlow\n"),
        "too few patients": scanned("id\tvolume\nP1\t3\nP2\t4\n", "id\tTP53\nP1\t3\nP2\t1\n"),
        "nobody has all values": scanned("id\tvolume\nP1\tNA\n", "id\tTP53\nP1\t3\n"),
        "a column that is not there": scanned("id\tvolume\nP1\t3\n", "id\tTP53\nP1\t3\n", "age"),
        "a covariate in two tables": lambda folder: two_tables(folder, "age"),
        "a covariate in no table": lambda folder: two_tables(folder, "sex"),
        "more components than vectors span": lambda _: components_of([vectors_of(0)], ((), np.empty((0, 2))), 3),
        "a patient who is tested twice": lambda _: components_of(
            [vectors_of(0), vectors_of(1)], (("P0", "P1"), np.eye(2)), 1
        ),
        "two rows of a patient": scanned("id\tvolume\nP1\t3\nP1\t4\n", "id\tTP53\nP1\t3\n"),
        "nothing varies": scanned(*(f"id\t{name}\n" + "".join(f"P{n}\t1\n" for n in range(9)) for name in "xy")),
    },
    "probes": {
        "a label that there is not": probing(targets=["grade"]),
        "a label of one class": probing(smallest_class=50),
        "a fold that learns from one class": lambda _: probe_classes(
            Target(name="idh", classes=("Mutant", "WT"), of={"P0": 0, "P1": 0, "P2": 1}),
            "paired",
            [ONE_FOLD],
            ProbeSettings(),
        ),
        "nobody to test": lambda _: probe_classes(
            Target(name="idh", classes=("Mutant", "WT"), of={"P0": 0, "P1": 1}), "paired", [ONE_FOLD], ProbeSettings()
        ),
        "training without events": lambda _: probe_survival(
            Endpoint(name="OS", of={"P0": (3.0, False), "P1": (4.0, False), "P2": (5.0, True)}),
            "paired",
            [ONE_FOLD],
            ProbeSettings(),
        ),
        "one event in training": lambda _: probe_survival(
            Endpoint(name="OS", of={"P0": (3.0, True), "P1": (4.0, False), "P2": (5.0, True)}),
            "paired",
            [ONE_FOLD],
            ProbeSettings(),
        ),
        "vectors that are not there": lambda folder: read_embeddings(
            folder / "embeddings/pretrain-fold0-seed0.parquet"
        ),
        "no labels to probe": lambda _: checked({"probe": {"draws": 3}}),
        "a label that the config does not have": lambda _: checked(
            {"probe": {"targets": ["idh"]}, "labels": {"source": "gdc"}}
        ),
        "nothing pre-trained to probe": lambda _: checked(
            {"probe": {"draws": 3}, "labels": {"source": "gdc"}, "runs": {"methods": ["unet"]}}
        ),
    },
    "explain": {
        "an answer that jumps": lambda _: integrated_gradients(lambda rows: rows.round().sum(1), torch.ones(2)),
        "an answer of another shape": lambda _: integrated_gradients(lambda rows: rows, torch.ones(3)),
        "no samples": lambda _: noise_tunnel(
            lambda genes: integrated_gradients(lambda rows: rows.sum(1), genes),
            torch.ones(2),
            torch.Generator(),
            samples=0,
        ),
        "a value that no run has": lambda _: checked({"explain": {}, "runs": {"methods": ["unet"]}}),
        "values of genes that no loss reads": lambda _: checked(
            {"explain": {}, "pretrain": {"loss": "barlow_twins", "masked_gene_weight": 0.0}}
        ),
    },
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
        "a slice with colours and alpha": file("P_1.png", picture("RGBA"), lambda path: read_new_image(path.parent)),
        "an image far from training": far_from_training,
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
