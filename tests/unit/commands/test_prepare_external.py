import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.cli import main
from mgi.cohort.split import SplitSettings, whole_cohort
from mgi.cohort.tables import read_split, write_split
from mgi.modalities.rna.normalise import fit, read_fitted_genes, write_fitted_genes
from mgi.modalities.rna.settings import FitSettings
from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.expression_shard import ExpressionShard, read_expression, write_expression
from mgi.shards.image_shard import PatientImages, image_shard_writer
from mgi.shards.number_rows import ROW_GROUP
from small_locks import cohort_row, write_cohort_table

OURS = [f"TCGA-AA-{index:04d}" for index in range(6)]
THEIRS = ["TCGA-BB-0001", "TCGA-BB-0002"]
GENES = [f"ENSG{index:011d}.3" for index in range(20)]
NAMES = [f"NAME{index}" for index in range(20)]


class Archive:
    """Patients with images and expression, on disk."""

    def __init__(self, folder: Path, patients: list[str], seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.folder, self.patients = folder, list(patients)
        self.images = {one: rng.integers(0, 99, (3, 8, 8)).astype(np.uint8) for one in patients}
        self.values = {one: rng.normal(5, 2, len(GENES)).astype(np.float32) for one in patients}
        self.gene_ids, self.names, self.unit = list(GENES), list(NAMES), "as given"
        self.dropped: list[str] = []

    def write(self) -> "Archive":
        with image_shard_writer(self.folder / "images/slices.parquet") as writer:
            for one in sorted(self.images):
                writer.add(
                    PatientImages(
                        patient_id=one, slices=self.images[one], masks=np.ones((3, 8, 8), np.uint8), spacing_mm=None,
                        positions_mm=None, source=one,
                    )
                )  # fmt: skip
        path = self.folder / "images/slices.parquet"
        write_dataset(path.with_name("dataset.json"), "volumes", [path], {"simulated": True})
        genes = pd.DataFrame(
            {"gene_index": range(len(self.gene_ids)), "gene_id": self.gene_ids, "gene_name": self.names}
        )
        self.genes = genes.assign(gene_type=None, chromosome=None, start=None)
        values = np.stack([self.values[one] for one in sorted(self.values)])
        shard = ExpressionShard(
            patient_ids=sorted(self.values), values=values, genes=self.genes, unit=self.unit, simulated=True
        )
        folder = self.folder / "expression"
        write_expression(shard, folder / "values.parquet", folder / "features.parquet", folder / "dataset.json")
        rows = [
            cohort_row(one, masks=("m",), reason="excluded" if one in self.dropped else None)
            for one in sorted(self.images)
        ]
        write_cohort_table(rows, self.folder / "cohort.parquet")
        return self


@pytest.fixture
def ours(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path / "ours", OURS, 1).write()
    rows = whole_cohort(OURS[:5], SplitSettings(folds=2), OURS[5:], sites=dict.fromkeys(OURS, "AA"))
    write_split(rows, archive.folder / "whole.parquet")
    training = sorted(row.patient_id for row in rows if row.role == "train")
    values = np.stack([archive.values[one] for one in training])
    settings = FitSettings(gene_filter="list", gene_list="genes.txt")
    fitted = fit(values, archive.genes, settings, training, unit="as given", listed=GENES[2:12])
    write_fitted_genes(archive.folder / "fitted.parquet", fitted)
    return archive


@pytest.fixture
def theirs(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "theirs", THEIRS, 2)


Prepare = Callable[..., int]


@pytest.fixture
def prepare(ours: Archive, theirs: Archive, tmp_path: Path) -> Prepare:
    def run(near: str = "refuse", **settings: object) -> int:
        theirs.write()
        given = {
            "near-duplicates": near,
            "settings": json.dumps(settings),
            "image-shard": ours.folder / "images/dataset.json",
            "expression-shard": ours.folder / "expression/dataset.json",
            "split": ours.folder / "whole.parquet",
            "fitted": ours.folder / "fitted.parquet",
            "external-cohort": theirs.folder / "cohort.parquet",
            "external-image-shard": theirs.folder / "images/dataset.json",
            "external-expression-shard": theirs.folder / "expression/dataset.json",
            "output-values": tmp_path / "aligned/values.parquet",
            "output-features": tmp_path / "aligned/features.parquet",
            "output-dataset": tmp_path / "aligned/dataset.json",
            "output-split": tmp_path / "split.parquet",
            "tsv": tmp_path / "split.tsv",
            "metadata": tmp_path / "metadata.json",
        }
        return main(["prepare-external", *(f"--{name}={value}" for name, value in given.items())])

    return run


def test_patients_from_elsewhere_are_tested_on_the_frozen_genes_whatever_theirs_are_called(
    ours: Archive, theirs: Archive, prepare: Prepare, tmp_path: Path
) -> None:
    theirs.gene_ids = [GENES[0], "ENSG00000000002.9", *NAMES[3:11], "other"]
    theirs.names = ["", "", *NAMES[3:11], "NAME11"]
    theirs.values = {one: np.arange(11, dtype=np.float32) + place for place, one in enumerate(THEIRS)}
    assert prepare() == 0
    split = read_split(tmp_path / "split.parquet")
    assert split[["fold", "patient_id", "role"]].to_numpy().tolist() == [[2, one, "test"] for one in THEIRS]
    fitted = read_fitted_genes(ours.folder / "fitted.parquet")
    shard = read_expression(tmp_path / "aligned")
    assert (shard.patient_ids, shard.unit, shard.genes["gene_id"].tolist()) == (THEIRS, "as given", GENES)
    assert shard.values[1, fitted.columns].tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert json.loads((tmp_path / "metadata.json").read_text())["missing_genes"] == []


def test_every_patient_of_several_row_groups_keeps_the_own_values(
    ours: Archive, theirs: Archive, prepare: Prepare, tmp_path: Path
) -> None:
    many = Archive(theirs.folder, [f"TCGA-BB-{index:04d}" for index in range(2 * ROW_GROUP + 3)], 2)
    theirs.images, theirs.values = many.images, many.values
    theirs.dropped = [many.patients[place] for place in (0, ROW_GROUP, ROW_GROUP + 1)]
    assert prepare() == 0
    columns = read_fitted_genes(ours.folder / "fitted.parquet").columns
    shard = read_expression(tmp_path / "aligned")
    assert shard.patient_ids == [one for one in many.patients if one not in theirs.dropped]
    expected = [many.values[one][columns].tolist() for one in shard.patient_ids]
    assert shard.values[:, columns].tolist() == expected


def test_a_gene_that_they_lack_has_the_training_mean_and_is_named(
    ours: Archive, theirs: Archive, prepare: Prepare, tmp_path: Path
) -> None:
    theirs.gene_ids[4], theirs.names[4] = "other", "other"
    assert prepare(max_missing=0.1) == 0
    facts = json.loads((tmp_path / "metadata.json").read_text())
    assert (facts["genes"], facts["missing_genes"], facts["patients"]) == (10, [GENES[4]], 2)
    fitted = read_fitted_genes(ours.folder / "fitted.parquet")
    read = fitted.transform(read_expression(tmp_path / "aligned").values)
    assert np.abs(read[:, fitted.gene_ids.index(GENES[4])]).max() < 1e-6
    assert np.abs(read).min(axis=0)[:2].min() > 0


def test_too_many_missing_genes_are_refused(theirs: Archive, prepare: Prepare, capsys) -> None:
    theirs.gene_ids[4], theirs.names[4] = "other", "other"
    assert prepare(max_missing=0.05) == 5
    assert re.search(f"1 .*10 .*{re.escape(GENES[4])}; .*5%", capsys.readouterr().err)


def test_values_on_another_named_scale_are_refused(ours: Archive, theirs: Archive, prepare: Prepare, capsys) -> None:
    theirs.unit = "log2(TPM+1)"
    assert prepare() == 0  # a table of the user's own may be in any unit
    ours.unit = "log2(FPKM+1)"
    ours.write()
    assert prepare() == 5
    assert re.search(r"log2\(TPM\+1\).*log2\(FPKM\+1\)", capsys.readouterr().err)


def test_linear_values_where_the_model_read_logs_are_refused_by_patient_and_gene(
    ours: Archive, theirs: Archive, prepare: Prepare, capsys
) -> None:
    ours.unit = "log2(TPM+1)"
    ours.write()
    theirs.values[THEIRS[1]] = theirs.values[THEIRS[1]] * 100
    theirs.write()
    assert prepare() == 5
    assert re.search(rf"patient {THEIRS[1]}: gene \S+: found \d+.*log2\(TPM\+1\)", capsys.readouterr().err)


def test_values_that_look_like_another_kind_are_said(ours: Archive, theirs: Archive, prepare: Prepare, capsys) -> None:
    theirs.values = {one: values * 100 for one, values in theirs.values.items()}
    theirs.write()
    assert prepare() == 0
    assert "look like linear values" in capsys.readouterr().out


def renamed(ours: Archive, theirs: Archive) -> None:
    for part in (theirs.images, theirs.values):
        part[OURS[5]] = part.pop(THEIRS[0])


def same_slice(ours: Archive, theirs: Archive) -> None:
    theirs.images[THEIRS[0]][2] = ours.images[OURS[1]][0]


def same_slice_in_another_type(ours: Archive, theirs: Archive) -> None:
    theirs.images[THEIRS[0]] = theirs.images[THEIRS[0]].astype(np.int16) + 300
    theirs.images[THEIRS[0]][2] = ours.images[OURS[1]][0]


def same_expression(ours: Archive, theirs: Archive) -> None:
    theirs.values[THEIRS[0]] = ours.values[OURS[5]].copy()
    theirs.values[THEIRS[0]][0] += 1  # a gene that the model does not read


def changed_copy(ours: Archive, theirs: Archive) -> None:
    theirs.images[THEIRS[0]] = 2 * ours.images[OURS[1]][:, :, ::-1]


def test_a_changed_copy_of_a_trained_image_is_only_listed_where_the_config_says_so(
    ours: Archive, theirs: Archive, prepare: Prepare, tmp_path: Path
) -> None:
    changed_copy(ours, theirs)
    assert prepare(near="warn") == 0
    listed = json.loads((tmp_path / "metadata.json").read_text())["near_duplicates"]
    assert listed == [f"{THEIRS[0]} is nearly {OURS[1]}"]


@pytest.mark.parametrize(
    ("share", "reason"),
    [
        (changed_copy, f"{THEIRS[0]} (the same: nearly the data of {OURS[1]})"),
        (renamed, f"{OURS[5]} (the same: the id)"),
        (same_slice, f"{THEIRS[0]} (the same: a slice of {OURS[1]})"),
        (same_slice_in_another_type, f"{THEIRS[0]} (the same: a slice of {OURS[1]})"),
        (same_expression, f"{THEIRS[0]} (the same: the expression of {OURS[5]})"),
    ],
)
def test_who_was_trained_on_is_refused_by_name_unless_left_out(
    ours: Archive, theirs: Archive, prepare: Prepare, tmp_path: Path, capsys, share, reason: str
) -> None:
    share(ours, theirs)
    shared = next(one for one in (OURS[5], THEIRS[0]) if one in theirs.images)
    assert prepare() == 5
    said = capsys.readouterr().err
    assert re.search(f" 1 .*{re.escape(reason)}", said)
    assert f"external.exclude: [{shared}]" in said
    assert not (tmp_path / "split.parquet").exists()
    theirs.dropped = [shared]
    assert prepare() == 0
    assert set(read_split(tmp_path / "split.parquet")["patient_id"]) == set(theirs.images) - {shared}
