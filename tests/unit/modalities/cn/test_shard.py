"""Copy numbers from files or a user's table to a shard, what a fold fits of it, and the labels that it tells."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.cn.ascat import COLUMNS
from mgi.modalities.cn.fitting import ALIKE, NOT_MEASURED, NOT_SHARED
from mgi.modalities.cn.oracles import labels_of
from mgi.modalities.cn.ploidy import beyond_neutral, neutral_copies
from mgi.modalities.fitting import FitJob, fit_features, vectors
from mgi.shards.expression_shard import ExpressionShard, write_expression
from mgi.shards.feature_shard import OpenFeatures
from small_shards import shard_of_files, shard_of_table

PATIENTS = tuple(f"TCGA-CS-{index:04d}" for index in range(1, 7))
# Ten genes on each half of chromosomes 1 and 19, and on 7 and 10; a gene each on 2 and X.
GENES = [
    (f"ENSG{place:011d}.2", f"G{place}", chromosome, 1000 * (1 + place % 20))
    for place, chromosome in enumerate(["chr1"] * 20 + ["chr19"] * 20 + ["chr7"] * 10 + ["chr10"] * 10 + ["chr2"] * 30)
]
ARM = {"1p": range(10), "1q": range(10, 20), "19p": range(20, 30), "19q": range(30, 40), "7": range(40, 50)}
ARM |= {"10": range(50, 60)}


def copies_of(neutral: int = 2, **changed: int) -> np.ndarray:
    copies = np.full(len(GENES), neutral)
    for place, value in changed.items():
        copies[list(ARM[place.removeprefix("at_")])] = value
    return copies


def content(copies: np.ndarray, empty: tuple[int, ...] = ()) -> str:
    lines = ["\t".join(COLUMNS)]
    for row, (gene, name, chromosome, start) in enumerate(GENES):
        value = "" if row in empty else str(copies[row])
        lines.append("\t".join([gene, name, chromosome, str(start), str(start + 500), value, value, value]))
    return "\n".join(lines) + "\n"


@pytest.fixture
def shard(tmp_path: Path) -> OpenFeatures:
    given = (
        copies_of(at_1p=1, at_19q=1),
        copies_of(4, at_1p=2, at_19q=3),  # a doubled genome
        copies_of(at_1p=1),
        copies_of(at_7=3, at_10=1),
        copies_of(),
        copies_of(),
    )
    files = {patient: content(copies) for patient, copies in zip(PATIENTS, given, strict=True)}
    files[PATIENTS[4]] = content(given[4], empty=tuple(range(30, 36)))
    return shard_of_files(tmp_path, "cn", files)


def test_files_become_a_row_a_patient_with_the_places_of_their_genes(shard: OpenFeatures) -> None:
    assert shard.patient_ids == list(PATIENTS)
    assert shard.features[["feature_id", "name", "chromosome", "start"]].iloc[0].tolist() == list(GENES[0])
    ((_, values),) = shard.row_groups()
    assert np.isnan(values).sum() == 6
    assert (shard.unit, shard.told_apart, shard.about["modality"]) == ("copies", False, "cn")


def test_neutral_is_two_or_four_after_a_doubling_and_nought_of_relative_numbers(shard: OpenFeatures) -> None:
    ((_, values),) = shard.row_groups()
    assert neutral_copies(values, shard.unit)[:, 0].tolist() == [2, 4, 2, 2, 2, 2]
    assert neutral_copies(values, "relative to neutral")[:, 0].tolist() == [0] * 6
    found = beyond_neutral(np.array([[0, 2, 2, 2, 30, np.nan]], np.float32), "copies")
    np.testing.assert_array_equal(found, np.array([[-2, 0, 0, 0, 4, np.nan]], np.float32))


def test_labels_follow_the_arms_and_say_nothing_where_they_were_not_measured(shard: OpenFeatures) -> None:
    found = labels_of(shard)
    codel = dict(zip(PATIENTS, ["codel", "codel", *["non-codel"] * 4], strict=True))
    assert found["codel"] == codel
    assert list(found["gain7loss10"].values()) == ["no", "no", "no", "yes", "no", "no"]


def test_an_arm_that_was_not_measured_leaves_the_label_open(tmp_path: Path) -> None:
    files = {PATIENTS[0]: content(copies_of(at_1p=1, at_19q=1), empty=tuple(range(30, 36)))}
    files[PATIENTS[1]] = content(copies_of(at_19q=1), empty=tuple(range(30, 36)))
    found = labels_of(shard_of_files(tmp_path, "cn", files))
    assert found["codel"] == {PATIENTS[0]: None, PATIENTS[1]: "non-codel"}  # 1p alone says no


@pytest.mark.parametrize(("lost", "expected"), [(8, "codel"), (7, "non-codel")])
def test_four_fifths_of_an_arm_are_an_arm(tmp_path: Path, lost: int, expected: str) -> None:
    copies = copies_of(at_19q=1)
    copies[:lost] = 1
    assert labels_of(shard_of_files(tmp_path, "cn", {PATIENTS[0]: content(copies)}))["codel"][PATIENTS[0]] == expected


def test_real_genes_lie_on_an_arm_by_the_centromere(shard: OpenFeatures) -> None:
    real = replace(shard, simulated=False)
    assert set(labels_of(real)["codel"].values()) == {"non-codel"}  # all genes lie before the centromeres
    long_arms = [*ARM["1q"], *ARM["19q"]]
    moved = shard.features.assign(start=shard.features["start"].mask(shard.features.index.isin(long_arms), 130_000_000))
    assert labels_of(replace(real, features=moved)) == labels_of(shard)


def expression(folder: Path, ids: list[str]) -> Path:
    genes = pd.DataFrame({"gene_index": np.arange(len(ids), dtype=np.int32), "gene_id": ids, "gene_name": ids})
    genes = genes.assign(gene_type=None, chromosome=None, start=None)
    shard = ExpressionShard(
        patient_ids=["P1"], values=np.zeros((1, len(ids)), np.float32), genes=genes, unit="x", simulated=True
    )
    write_expression(shard, *(folder / name for name in ("values.parquet", "features.parquet", "dataset.json")))
    return folder / "features.parquet"


def fitted(shard: OpenFeatures, **changes: object) -> object:
    return fit_features(replace(FitJob(modality="cn", shard=shard, train=PATIENTS[:5]), **changes))


def test_genes_stand_in_the_order_of_expression_whatever_their_version(shard: OpenFeatures, tmp_path: Path) -> None:
    ids = [f"{GENES[place][0].split('.')[0]}.9" for place in (35, 3, 0)]
    found = fitted(shard, beside={"rna": expression(tmp_path / "e", ["ENSG99999999999.1", *ids])})
    assert found.columns.tolist() == [35, 3, 0]
    assert found.left_out == {NOT_SHARED: len(GENES) - 3}
    values = vectors(shard, found, list(PATIENTS))
    own = np.array([-1, -1, 0, 0, 0, 0], np.float32)  # 19q
    filled = own.copy()
    filled[4] = own[:4].mean()  # a gap of the fifth has the training mean of the others
    np.testing.assert_allclose(values[:, 0], filled / np.std(own[:4]), rtol=1e-6)


def test_without_expression_genes_stand_by_position_and_neutral_is_nought(shard: OpenFeatures) -> None:
    found = fitted(shard)
    order = [GENES[place][2:] for place in found.columns]
    assert [chromosome for chromosome, _ in order][::20] == ["chr1", "chr2", "chr2", "chr10", "chr19"]
    assert order[:20] == sorted(order[:20])
    assert (vectors(shard, found, [PATIENTS[5]]) == 0).all()
    assert found.columns.tolist() == fitted(shard, settings={"genes": "all"}).columns.tolist()


def test_genes_of_one_segment_in_all_training_patients_stand_once(shard: OpenFeatures, tmp_path: Path) -> None:
    whole, merged = (fitted(shard, settings={"genes": "all", "merge": merge}) for merge in (False, True))
    values = np.concatenate([block for _, block in shard.row_groups({0, 1, 2, 3, 4})])
    expected, last = [], None
    for column in whole.columns.tolist():
        own = np.nan_to_num(beyond_neutral(values, shard.unit)[:, column], nan=-9).tolist()
        if own != last:
            expected.append(column)
        last = own
    assert merged.columns.tolist() == expected
    assert 1 < len(expected) < len(whole.columns)
    assert merged.left_out[ALIKE] == len(whole.columns) - len(expected)
    ids = [GENES[place][0] for place in range(len(GENES))][::-1]
    beside = {"rna": expression(tmp_path / "e", ids)}
    shared = fitted(shard, beside=beside, settings={"merge": True})
    assert shared.columns.tolist() == sorted(expected, reverse=True)  # in the order of expression


def test_a_gene_that_no_training_patient_has_is_left_out(tmp_path: Path) -> None:
    files = {patient: content(copies_of(), empty=(0,)) for patient in PATIENTS[:3]}
    files[PATIENTS[5]] = content(copies_of())
    shard = shard_of_files(tmp_path, "cn", files)
    found = fitted(shard, train=PATIENTS[:3])
    assert (found.left_out, 0 in found.columns.tolist()) == ({NOT_MEASURED: 1}, False)


def test_a_table_of_ones_own_is_taken_as_copies_or_as_relative(tmp_path: Path) -> None:
    table = tmp_path / "own.tsv"
    table.write_text("gene_id\tchromosome\tstart\tP1\tP2\nTP53\tchr17\t7\t-1\t0.5\nEGFR\tchr7\t5\tNA\t2\n")
    with pytest.raises(BadInputError, match=r"sample P1, TP53: found -1, .*modalities\.cn\.scale takes relative"):
        shard_of_table(tmp_path, "cn", table, {"P1": "P1", "P2": "P2"})
    shard = shard_of_table(tmp_path, "cn", table, {"P1": "P1", "P2": "P2"}, settings={"scale": "relative"})
    assert (shard.unit, shard.features["chromosome"].tolist()) == ("relative to neutral", ["chr17", "chr7"])
    found = fitted(shard, train=("P1", "P2"), beside={"rna": expression(tmp_path / "e", ["EGFR", "TP53"])})
    assert found.feature_ids == ["EGFR", "TP53"]
    np.testing.assert_allclose(vectors(shard, found, ["P1"])[0], [2.0, -1 / 0.75])
