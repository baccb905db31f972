"""Images, expression and the cohort."""

import zipfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np

from error_cases.ways import Case, file, nifti, sealed
from mgi.cohort.duplicates import DuplicateCheck
from mgi.cohort.labels.gdc_cases import kept_cases, labels_of_cases
from mgi.cohort.labels.settings import LabelSettings
from mgi.cohort.labels.user_table import read_label_table
from mgi.cohort.pairing import sites_of
from mgi.cohort.settings import SplitSettings
from mgi.cohort.split import SplitRow, split_patients
from mgi.cohort.tables import write_split
from mgi.commands import check_leaks
from mgi.core.errors import BadInputError
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
from mgi.shards.channels import CHANNELS, require_channels
from mgi.shards.grey_scale import require_scale
from small_locks import series

CASES_OF_GDC = {
    "kind": "gdc_cases", "format": 1, "project": "TCGA-LGG", "release": None, "simulated": False, "cases": []
}  # fmt: skip
LABELS = "patient_id\tIDH\tdays\tdead\nTCGA-DU-0001"
PATIENTS = [f"P{n}" for n in range(1, 5)]


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


def kaggle(path: Path) -> None:
    KaggleImages(archive=path).discover()


def nobody(folder: Path) -> None:
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        archive.writestr("P1/P1_9999999999.tif", b"")
        archive.writestr("P1/P1_9999999999_mask.tif", b"")
    KaggleImages(archive=folder / "archive.zip").probe()


CASES: dict[str, dict[str, Case]] = {
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
    "slides": {
        "a list without files": file("slides.tsv", "patient_id\tmpp\nP1\t0.5\n", read_slide_list),
        "a resolution that no scanner has": file("slides.tsv", "file\tmpp\na.svs\t500\n", read_slide_list),
        "vectors that may be a pickle": lambda folder: read_features(folder / "P1.pt"),
        "a slide of which much is damaged": lambda _: require_few_bad("P1.svs", 7, 200),
        "vectors of another width": lambda _: require_form("uni_v1", px=256, mpp=0.5, width=768, where="P1.h5"),
        "a name without a patient": lambda _: slide_name_of("scan 7.svs"),
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
}
