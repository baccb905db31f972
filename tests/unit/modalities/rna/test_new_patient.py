from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.core.errors import BadInputError, ConfigError
from mgi.modalities.rna import new_patient
from mgi.modalities.rna.filter import LOG_TPM
from mgi.modalities.rna.frozen_genes import find_genes
from mgi.modalities.rna.new_patient import ExpressionFile, read_new_expression
from mgi.modalities.rna.normalise import FittedGenes, fit
from mgi.modalities.rna.settings import FitSettings
from mgi.modalities.rna.star import COLUMNS, SUMMARY_ROWS

IDS = ["ENSG00000000003.15", "ENSG00000000005.6", "ENSG00000000419.13", "ENSG00000000457.14"]
NAMES = ["TSPAN6", "TNMD", "TWIN", "TWIN"]  # a name that two genes bear stands for neither
TRAINING = np.array([[1.0, 2, 3, 4], [3, 4, 5, 6], [5, 6, 7, 9]], np.float32)


@pytest.fixture
def fitted() -> FittedGenes:
    genes = pd.DataFrame({"gene_id": IDS, "gene_name": NAMES, "gene_type": None, "chromosome": None, "start": None})
    return fit(TRAINING, genes, FitSettings(), ["A", "B", "C"], unit="as given")


def read(path: Path, fitted: FittedGenes, **options):
    return read_new_expression(path, fitted, **({"unit": "as given", "patient": None, "max_missing": 0.5} | options))


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_genes_x_samples_and_samples_x_genes_give_the_same(fitted: FittedGenes, tmp_path: Path) -> None:
    rows = written(
        tmp_path / "a.csv", "gene,P1,P2", *(f"{g},{v},{9 - v}" for g, v in zip(IDS, (7, 8, 1, 2), strict=True))
    )
    columns = written(tmp_path / "b.tsv", "\t".join(["id", *IDS]), "P2\t2\t1\t8\t7", "P1\t7\t8\t1\t2")
    pd.read_csv(columns, sep="\t", index_col=0).to_parquet(tmp_path / "c.parquet")
    for path in (rows, columns, tmp_path / "c.parquet"):
        found = read(path, fitted, patient="P1")
        assert found.values.tolist() == [7, 8, 1, 2]
        assert (found.missing, found.sample, found.n_genes) == ((), "P1", 4)


@pytest.mark.parametrize("labels", [["ENSG00000000003", "ENSG00000000005.99"], ["TSPAN6", "TNMD"]])
def test_genes_are_found_without_their_version_or_by_a_name_of_their_own(labels, fitted, tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.tsv", "gene\tP1", *(f"{label}\t{place}" for place, label in enumerate(labels, 7)), "TWIN\t1"
    )
    found = read(path, fitted)
    assert found.values[:2].tolist() == [7, 8]
    assert found.missing == (IDS[2], IDS[3])
    assert found.values[2:].tolist() == pytest.approx(TRAINING.mean(0)[2:].tolist())


def test_a_blank_value_is_missing_and_an_infinite_one_an_error(fitted: FittedGenes, tmp_path: Path) -> None:
    lines = [f"{gene}\t{value}" for gene, value in zip(IDS, ("1", "", "NA", "2"), strict=True)]
    assert read(written(tmp_path / "a.tsv", "gene\tP1", *lines), fitted).missing == (IDS[1], IDS[2])
    lines[0] = f"{IDS[0]}\tinf"
    with pytest.raises(BadInputError, match=rf"a\.tsv: sample P1, gene {IDS[0]}: inf"):
        read(written(tmp_path / "a.tsv", "gene\tP1", *lines), fitted)


def test_more_missing_than_allowed_and_no_gene_at_all_are_refused(fitted: FittedGenes, tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", "gene\tP1", f"{IDS[0]}\t1", f"{IDS[1]}\t1", f"{IDS[3]}\t1")
    with pytest.raises(BadInputError, match=rf"a\.tsv: sample P1: 1 .*4 .*{IDS[2]}; .*20%"):
        read(path, fitted, max_missing=0.2)
    with pytest.raises(BadInputError, match=r"b\.tsv: none .*genes"):
        read(written(tmp_path / "b.tsv", "gene\tP1", "other\t1"), fitted)


def test_the_sample_must_be_one(fitted: FittedGenes, tmp_path: Path) -> None:
    lines = [f"{gene}\t1\t2\t3" for gene in IDS]
    path = written(tmp_path / "a.tsv", "gene\tTCGA-CS-0001-01A\tTCGA-CS-0001-02A\tTCGA-DU-0002-01A", *lines)
    assert read(path, fitted, patient="TCGA-DU-0002").values.tolist() == [3, 3, 3, 3]
    assert read(path, fitted, patient="TCGA-CS-0001-02A").values.tolist() == [2, 2, 2, 2]
    for patient, message in (
        (None, "missing; .* has 3 samples"),
        ("TCGA-CS-0001", "2 samples of"),
        ("P9", "none of 3 samples"),
    ):
        with pytest.raises(ConfigError, match=f"--patient: .*{message}"):
            read(path, fitted, patient=patient)


@pytest.mark.parametrize(("first", "patient"), [("id", "P1"), ("patient_id", "P1"), ("patient_id", None), ("id", None)])
def test_patients_in_rows_with_other_genes_are_not_read_as_genes(first, patient, fitted, tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", f"{first}\tAAA\tBBB\tCCC", "P1\t1\t2\t3", "P2\t1\t2\t3")
    with pytest.raises(BadInputError, match=r"a\.tsv: none of (3 columns \(such as 'AAA'\)|2 rows)"):
        read(path, fitted, patient=patient)


def test_other_samples_beside_the_patients_are_not_read_at_all(fitted: FittedGenes, tmp_path: Path) -> None:
    lines = [f"{gene}\tx\t{value}" for value, gene in enumerate(IDS)]
    found = read(written(tmp_path / "a.tsv", "gene\tP1\tP2", *lines), fitted, patient="P2")
    assert found.values.tolist() == [0, 1, 2, 3]


def test_a_star_file_is_read_on_the_scale_of_the_model_and_refused_on_another(fitted, tmp_path: Path) -> None:
    tpm = [250000.0, 500000.0, 0.0, 250000.0]
    summary = ["\t".join([name, "", "", "1", "1", "1", "", "", ""]) for name in SUMMARY_ROWS]
    genes = [
        "\t".join([gene, name, "protein_coding", "10", "5", "5", f"{value:.4f}", "1.0000", "1.0000"])
        for gene, name, value in zip(IDS, NAMES, tpm, strict=True)
    ]
    path = written(tmp_path / "a.tsv", "# gene-model: GENCODE v36", "\t".join(COLUMNS), *summary, *genes)
    found = read(path, fitted, unit=LOG_TPM)
    assert found.values.tolist() == pytest.approx(np.log2(np.array(tpm) + 1).tolist())
    with pytest.raises(BadInputError, match=r"a\.tsv: .*STAR.*'as given'"):
        read(path, fitted)


def test_genes_are_found_among_ids_first_and_then_among_names_borne_once(fitted: FittedGenes) -> None:
    assert find_genes(fitted, ["a", "ENSG00000000005.9", "b"], ["TSPAN6", "TSPAN6", "TNMD"]) == [None, 1, None, None]
    assert find_genes(fitted, ["a", "b"], ["TNMD", "TSPAN6"]) == [1, 0, None, None]
    assert find_genes(fitted, ["TNMD", "b"], ["", ""]) == [None, 0, None, None]


def test_counters_and_spreadsheet_dates_are_left_out_and_listed(fitted: FittedGenes, tmp_path: Path) -> None:
    lines = [
        f"{gene}\t{value}" for value, gene in enumerate([*IDS, "__no_feature", "N_unmapped", "1-Mar", "ERCC-00002"])
    ]
    found = read(written(tmp_path / "a.tsv", "gene\tP1", *lines), fitted)
    assert found.values.tolist() == [0, 1, 2, 3]
    assert list(found.no_genes.values()) == [["__no_feature", "N_unmapped"], ["1-Mar"], ["ERCC-00002"]]


def test_values_that_the_models_unit_cannot_have_are_refused(fitted: FittedGenes, tmp_path: Path) -> None:
    for value, said in (("642.6", "at most 20; .*linear"), ("-1.5", "at least 0; .*z-scores")):
        path = written(tmp_path / "a.tsv", "gene\tP1", f"{IDS[0]}\t1", f"{IDS[1]}\t{value}")
        with pytest.raises(BadInputError, match=rf"a\.tsv: sample P1: gene {IDS[1]}: found {value}, .*{said}"):
            read(path, fitted, unit=LOG_TPM)
        assert read(path, fitted).values[1] == np.float32(value)


def test_a_patient_may_be_asked_for_by_a_barcode_with_points(fitted: FittedGenes, tmp_path: Path) -> None:
    rows = (f"{gene}\t{value}\t9" for value, gene in enumerate(IDS))
    path = written(tmp_path / "a.tsv", "gene\tTCGA-DU-0001-01A\tTCGA.DU.0002.01A", *rows)
    for patient in ("TCGA-DU-0002", "tcga.du.0002", "TCGA.DU.0002.01A"):
        assert read(path, fitted, patient=patient).values.tolist() == [9, 9, 9, 9]


def test_a_label_may_end_in_what_says_that_it_is_expression(fitted: FittedGenes, tmp_path: Path) -> None:
    rows = written(tmp_path / "a.tsv", "gene\tP1", "TSPAN6_rnaseq\t7", "TNMD_rnaseq\t8")
    across = written(tmp_path / "b.tsv", "patient_id\tTSPAN6_rnaseq\tTNMD_rnaseq", "P1\t7\t8")
    for path in (rows, across):
        assert read(path, fitted).values[:2].tolist() == [7, 8]


@pytest.mark.parametrize("across", [False, True])
def test_a_file_that_is_read_for_many_gives_each_what_it_gives_one(
    across: bool, fitted: FittedGenes, tmp_path: Path, monkeypatch
) -> None:
    values = np.random.default_rng(0).normal(size=(3, len(fitted.gene_ids))).round(3)
    table = pd.DataFrame(values, index=["A", "B", "C"], columns=fitted.gene_ids)
    path = tmp_path / "t.tsv"
    (table if across else table.T).to_csv(path, sep="\t", index_label="patient_id" if across else "gene_id")
    many = ExpressionFile(path, fitted, "as given")
    opened = []
    whole = new_patient.read_table_file
    monkeypatch.setattr(new_patient, "read_table_file", lambda *given: opened.append(1) or whole(*given))
    found = [many.read(patient, 0.5) for patient in ("A", "B", "C", "A")]
    assert len(opened) == 2  # one sample alone, then all
    for one, patient in zip(found, ("A", "B", "C", "A"), strict=True):
        alone = read_new_expression(path, fitted, unit="as given", patient=patient, max_missing=0.5)
        assert np.array_equal(one.values, alone.values)
        assert one.sample == patient
    with pytest.raises(ConfigError, match="D: none of 3 samples"):
        many.read("D", 0.5)
