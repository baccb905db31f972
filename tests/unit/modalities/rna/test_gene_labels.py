"""Every place that asks which gene a label means gives the same answer."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.core.errors import BadInputError
from mgi.core.gene_ids import is_copy_on_y, is_ensembl, without_version
from mgi.modalities.rna.filter import not_listed
from mgi.modalities.rna.former_names import RENAMED
from mgi.modalities.rna.frozen_genes import by_other_name, find_genes
from mgi.modalities.rna.gene_labels import (
    AMBIGUOUS,
    BY_OTHER_NAME,
    UNKNOWN,
    GeneIndex,
)
from mgi.modalities.rna.gene_sets import match_sets
from mgi.modalities.rna.matrix import read_labelled_matrix
from mgi.modalities.rna.normalise import fit
from mgi.modalities.rna.positions import with_positions
from mgi.modalities.rna.settings import FitSettings

IDS = [
    "ENSG00000141510.18", "ENSG00000138413.14", "ENSG00000002586.20", "ENSG00000002586.20_PAR_Y",
    "ENSG00000238009.6", "ENSG00000238010.1", "ENSG00000015479.19", "ENSG00000280987.4", "AC004556.1", "AC004556.3",
]  # fmt: skip
NAMES = ["TP53", "IDH1", "CD99", "CD99", "AL627309.1", "AL627309.5", "MATR3", "MATR3", "AC004556.1", "AC004556.3"]
GENES = pd.DataFrame({"gene_id": IDS, "gene_name": NAMES, "gene_type": None, "chromosome": None, "start": None})
NOISE = np.random.default_rng(0).normal(size=(3, len(IDS))).astype(np.float32)
CASES = [
    ("ENSG00000141510.18", [0]),
    ("ENSG00000141510", [0]),
    ("ENSG00000141510.5", [0]),
    ("IDH1", [1]),
    ("idh1", []),
    ("CD99", [2]),  # never the copy on Y
    ("ENSG00000002586", [2]),
    ("ENSG00000002586_PAR_Y", [3]),
    ("ENSG00000002586.1_PAR_Y", [3]),
    ("AL627309.1", [4]),
    ("AL627309", []),
    ("AC004556.1", [8]),
    ("AC004556.3", [9]),
    ("AC004556", []),
    ("AC004556.2", []),
    ("MATR3", [6, 7]),
    ("ENSG00000280987", [7]),
    ("7157", []),
]


@pytest.mark.parametrize(("label", "rows"), CASES)
def test_the_index_a_list_and_a_set_agree(label: str, rows: list[int]) -> None:
    assert list(GeneIndex(IDS, NAMES).find(label)[1]) == rows
    found = match_sets({"asked": [label], "always": ["TP53"]}, IDS, NAMES, where="f")
    assert found.members.get("asked", []) == rows
    if rows:
        assert np.flatnonzero(~not_listed(GENES, [label])[0]).tolist() == rows
    else:
        with pytest.raises(BadInputError, match=r"modalities\.rna\.fit\.gene_list: '\S+': .*1 of 1 "):
            not_listed(GENES, [label])


@pytest.mark.parametrize(("label", "rows"), CASES)
def test_a_position_is_of_the_gene_that_the_label_means_if_it_is_one(label: str, rows: list[int]) -> None:
    genes = pd.DataFrame({"gene_id": [label, IDS[0]], "gene_name": [label, NAMES[0]]})
    annotation = GENES.assign(chromosome="chr1", start=np.arange(len(IDS)) + 1)
    placed = with_positions(genes, annotation)[0]["start"].tolist()[:1]
    assert placed == ([rows[0] + 1] if len(rows) == 1 else [pd.NA])


@pytest.mark.parametrize(("label", "rows"), CASES)
def test_a_value_is_of_the_gene_that_the_label_means_if_it_is_one(label: str, rows: list[int]) -> None:
    fitted = fit(NOISE, GENES, FitSettings(), ["A", "B", "C"], unit="as given")
    found = find_genes(fitted, ["other", label])
    named = [fitted.gene_ids.index(IDS[row]) for row in rows] if len(rows) == 1 else []
    assert [place for place, row in enumerate(found) if row is not None] == named


def test_a_table_keeps_clone_names_apart_and_takes_the_first_of_two_versions(tmp_path: Path) -> None:
    labels = ["AC004556.1", "AC004556.3", "ENSG00000141510.18", "ENSG00000141510.5"]
    path = tmp_path / "table.tsv"
    path.write_text("gene\tTCGA-CS-0001-01A\n" + "".join(f"{label}\t{row}.5\n" for row, label in enumerate(labels)))
    assert read_labelled_matrix(path).genes["gene_id"].tolist() == labels[:3]
    assert GeneIndex(labels).find("ENSG00000141510")[1] == [2]


def test_an_ambiguous_name_is_said() -> None:
    index = GeneIndex(IDS, NAMES)
    assert index.known(AMBIGUOUS, ["TP53", "MATR3", "CD99", "nobody"]) == ["MATR3"]
    assert match_sets({"A": ["MATR3"]}, IDS, NAMES, where="f").summary() == (
        "1 gene sets; 8 genes are in none; 1 names of several genes, all of them taken: 'MATR3'"
    )
    assert index.find_one("MATR3", "MATR3") == ("name of several genes", None)


def test_only_an_ensembl_id_has_a_version() -> None:
    assert without_version("ENSG00000000001.12") == "ENSG00000000001"
    assert without_version("ENSMUSG00000000001.5_PAR_Y") == "ENSMUSG00000000001_PAR_Y"
    assert without_version("ENSGR0000167393.15") == "ENSGR0000167393"
    for label in ("RP11-34P13.7", "AC004556.1", "ENSG.2", "ENST00000000001.2"):
        assert (without_version(label), is_ensembl(label)) == (label, False)
    assert is_copy_on_y("ENSGR0000167393.15")
    assert is_copy_on_y("ENSG00000002586.20_PAR_Y")
    assert not is_copy_on_y("ENSG00000002586.20")


@pytest.mark.parametrize(
    ("former", "today"),
    [("MARCH1", "MARCHF1"), ("MARCH11", "MARCHF11"), ("SEPT2", "SEPTIN2"), ("SEPT14", "SEPTIN14"), ("MARC2", "MTARC2"),
     ("DEC1", "DELEC1")],
)  # fmt: skip
def test_a_symbol_that_spreadsheets_turn_into_a_date_is_known_by_both_names(former: str, today: str) -> None:
    for label, has in ((former, today), (today, former)):
        for index in (GeneIndex(["ENSG1", "ENSG2"], ["TP53", has]), GeneIndex(["TP53", has])):
            assert index.find(label) == (BY_OTHER_NAME, [1])
    both = GeneIndex([former, today])
    assert [list(both.find(label)[1]) for label in (former, today)] == [[0], [1]]


@pytest.mark.parametrize("label", ["MARCH12", "SEPT13", "MARCO", "SEPTIN7P2", "DEC2", "1-Mar", "march1"])
def test_no_other_symbol_has_a_second_name(label: str) -> None:
    assert GeneIndex(["MARCHF12", "SEPTIN13", "SEPTIN7", "MARCHF1", "DELEC1"]).find(label)[0] == UNKNOWN


def test_a_new_patients_older_names_are_found_and_said() -> None:
    genes = GENES[:3].assign(gene_name=["TP53", "SEPTIN2", "MARCHF1"])
    fitted = fit(NOISE[:, :3], genes, FitSettings(), ["A", "B", "C"], unit="as given")
    labels = ["MARCH1", "TP53", "SEPT2"]
    assert [labels[row] for row in find_genes(fitted, labels)] == [
        {"ENSG00000141510.18": "TP53", "ENSG00000138413.14": "SEPT2", "ENSG00000002586.20": "MARCH1"}[gene]
        for gene in fitted.gene_ids
    ]
    assert sorted(by_other_name(fitted, labels)) == ["ENSG00000002586.20", "ENSG00000138413.14"]


def test_the_renamed_families_are_those_of_the_annotation(real_data: Path) -> None:
    names = set(pd.read_csv(real_data / "expression/gencode_v36_gdc_gene_order.tsv.gz", sep="\t")["gene_name"])
    assert [new for new in RENAMED.values() if new not in names] == []
    assert names.isdisjoint(RENAMED)
