"""Mutations from files or a user's own file to a shard, what a fold fits of them, and the labels that they tell."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.fitting import FitJob, fit_features, vectors
from mgi.modalities.mutation.fitting import HOTSPOT
from mgi.modalities.mutation.oracles import labels_of
from mgi.modalities.mutation.own_file import read_own_file
from mgi.shards.feature_shard import OpenFeatures
from small_shards import shard_of_files, shard_of_table

PATIENTS = tuple(f"TCGA-CS-{index:04d}" for index in range(1, 6))
HEADER = "Hugo_Symbol\tGene\tVariant_Classification\tHGVSp_Short\tTumor_Sample_Barcode\n"
GIVEN: Mapping[str, list[tuple[str, str, str]]] = {
    PATIENTS[0]: [("IDH1", "Missense_Mutation", "p.R132H"), ("TP53", "Nonsense_Mutation", "p.R1*")],
    PATIENTS[1]: [("IDH1", "Missense_Mutation", "p.R100Q"), ("TP53", "Silent", "p.R2=")],
    PATIENTS[2]: [],
    PATIENTS[3]: [("IDH2", "Missense_Mutation", "p.R172K"), ("ATRX", "Frame_Shift_Del", "p.K1Nfs*7")],
    PATIENTS[4]: [("IDH1", "Missense_Mutation", "p.R132C")] * 9,
}


def maf(rows: list[tuple[str, str, str]], barcode: str) -> str:
    lines = [f"{gene}\tE-{gene}\t{kind}\t{change}\t{barcode}\n" for gene, kind, change in rows]
    return f"#version gdc-1.0.0\n{HEADER}{''.join(lines)}"


@pytest.fixture
def shard(tmp_path: Path) -> OpenFeatures:
    return shard_of_files(tmp_path, "mutation", {one: maf(rows, f"{one}-01A") for one, rows in GIVEN.items()})


def values_of(shard: OpenFeatures) -> dict[str, list[float]]:
    ((_, values),) = shard.row_groups()
    return dict(zip(shard.features["name"], values.T.tolist(), strict=True))


def test_genes_hotspots_and_the_burden_are_features(shard: OpenFeatures) -> None:
    assert shard.features["feature_id"].tolist()[:4] == ["E-ATRX", "E-IDH1", "E-IDH2", "E-TP53"]
    assert shard.features["kind"].tolist() == ["gene"] * 4 + ["hotspot"] * 2 + ["burden"]
    assert values_of(shard) == {
        "ATRX": [0, 0, 0, 1, 0],
        "IDH1": [1, 1, 0, 0, 1],
        "IDH2": [0, 0, 0, 1, 0],
        "TP53": [1, 0, 0, 0, 0],
        "IDH1:R132": [1, 0, 0, 0, 1],
        "IDH2:R172": [0, 0, 0, 1, 0],
        "variants": [2, 2, 0, 2, 9],
    }
    assert shard.told_apart is False


def test_labels_follow_hotspots_and_genes_and_no_row_is_no_mutation(shard: OpenFeatures) -> None:
    found = {name: list(by.values()) for name, by in labels_of(shard).items()}
    mutant, wildtype = "mutant", "wildtype"
    assert found["idh"] == [mutant, wildtype, wildtype, mutant, mutant]
    assert found["tp53"] == [mutant, *[wildtype] * 4]
    assert found["atrx"] == [*[wildtype] * 3, mutant, wildtype]


def test_a_gene_that_nobody_has_mutated_is_wild_type_in_all_who_were_sequenced(tmp_path: Path) -> None:
    shard = shard_of_files(tmp_path, "mutation", {one: maf([], f"{one}-01A") for one in PATIENTS})
    assert {label for by in labels_of(shard).values() for label in by.values()} == {"wildtype"}


def test_a_fold_keeps_genes_that_enough_of_its_patients_have_mutated_and_the_burden(shard: OpenFeatures) -> None:
    job = FitJob(modality="mutation", shard=shard, train=PATIENTS[:4], settings={"min_share": 0.5})
    found = fit_features(job)
    assert found.names == ["IDH1", "variants"]
    assert found.left_out == {"mutated in fewer than 50% of training patients": 3, HOTSPOT: 2}
    np.testing.assert_allclose(
        vectors(shard, found, [PATIENTS[4], PATIENTS[2], PATIENTS[0]]),
        [[1, 1], [0, 0], [1, np.log10(3)]], rtol=1e-6
    )  # fmt: skip
    least = fit_features(replace(job, settings={"min_share": 0.0}))
    assert least.names == ["ATRX", "IDH1", "IDH2", "TP53", "variants"]  # in one patient at least
    assert fit_features(replace(job, train=PATIENTS[:2], settings={})).names == ["IDH1", "TP53", "variants"]


def test_a_maf_of_many_tumours_is_a_patient_a_barcode(tmp_path: Path) -> None:
    table = tmp_path / "all.maf.tsv"
    rows = "".join(maf(rows, f"{one}-01A").split("\n", 2)[2] for one, rows in GIVEN.items())
    table.write_text(f"{HEADER}{rows}")
    found = read_own_file(table)
    assert (found.layout, sorted(found.tumours)) == ("a MAF", [f"{one}-01A" for one in PATIENTS if GIVEN[one]])
    samples = {one: f"{one}-01A" for one in PATIENTS if GIVEN[one]}
    shard = shard_of_table(tmp_path, "mutation", table, samples)
    assert list(labels_of(shard)["idh"].values()) == ["mutant", "wildtype", "mutant", "mutant"]
    table.write_text(HEADER)
    with pytest.raises(BadInputError, match="no variant after the header"):
        read_own_file(table)


def test_a_table_of_0_and_1_has_no_hotspots_and_no_burden(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("gene_id,P1,P2,P3\nIDH1,1,0,NA\nIDH2,0,0,0\nTP53,1,NA,0\n")
    shard = shard_of_table(tmp_path, "mutation", table, {one: one for one in ("P1", "P2", "P3")})
    assert shard.features["kind"].tolist() == ["gene"] * 3
    found = {name: list(by.values()) for name, by in labels_of(shard).items()}
    assert found == {
        "idh": ["mutant", "wildtype", None],
        "tp53": ["mutant", None, "wildtype"],
        "atrx": [None, None, None],  # the table does not say whether anybody looked
    }
    table.write_text("gene_id,P1,P2\nIDH1,1,2\n")
    with pytest.raises(BadInputError, match=r"sample P2, IDH1: found 2, expected 0 or 1"):
        read_own_file(table)
