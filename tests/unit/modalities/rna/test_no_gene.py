import csv
import gzip
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.core.errors import BadInputError, ConfigError
from mgi.modalities.rna.clinical_names import is_clinical
from mgi.modalities.rna.matrix import read_labelled_matrix
from mgi.modalities.rna.no_gene import COUNTER, IGNORED, MANGLED, MOST_MANGLED, SPIKE_IN, gene_of, mangled, unknown
from mgi.modalities.rna.settings import RnaSettings
from mgi.modalities.rna.sources.opening import expression_matrix

SAMPLES = [f"TCGA-DU-{number:04d}-01A" for number in range(4)]
GENES = ["TP53", "EGFR", "IDH1", "AGER", "SEPTIN2", "ERCC1", "NKX2-1", "C9orf72", "Y_RNA", "OS9"]
HTSEQ = ["no_feature", "ambiguous", "too_low_aQual", "not_aligned", "alignment_not_unique"]
STAR = ["N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous"]


def table(folder: Path, rows: list[str], *, turned: bool = False, first: str = "case_id") -> Path:
    numbers = np.random.default_rng(0).random((len(rows), len(SAMPLES)))
    frame = pd.DataFrame(numbers, index=rows, columns=SAMPLES)
    (frame.T if turned else frame).to_csv(folder / "t.tsv", sep="\t", index_label=first)
    return folder / "t.tsv"


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (HTSEQ, COUNTER),
        ([f"__{name}" for name in HTSEQ], COUNTER),
        ([f"__{name}".upper() for name in HTSEQ], COUNTER),
        (STAR, COUNTER),
        (["Assigned", "Unassigned_NoFeatures", "*"], COUNTER),
        (["ERCC-00002", "ERCC-00171"], SPIKE_IN),
        (["1-Mar", "2-Sep", "1-mar", "01-Mar-2021", "Mar-01", "2001-03-01", "44256", "2.31E+13", "1. Mrz"], MANGLED),
        (["1-Mar", "1-Mar"], MANGLED),
    ],
)
def test_what_is_no_gene_is_left_out_and_listed(tmp_path: Path, rows: list[str], reason: str, turned: bool) -> None:
    found = read_labelled_matrix(table(tmp_path, [*GENES[:3], *rows, *GENES[3:]], turned=turned))
    assert found.genes["gene_id"].tolist() == GENES
    assert found.dropped == {reason: rows}
    assert found.values.shape == (len(SAMPLES), len(GENES))


def test_keys_of_symbol_and_entrez_number_stay_as_they_are(tmp_path: Path) -> None:
    rows = ["?|100130426", "?|100133144", "TP53|7157", "7157", "100130426"]
    found = read_labelled_matrix(table(tmp_path, rows))
    assert (found.genes["gene_id"].tolist(), found.dropped, found.notes) == (rows, {}, ())


def test_numbers_are_entrez_ids_where_most_labels_are_numbers() -> None:
    assert mangled(["44256", "7157", "3417"]) == [False] * 3
    assert mangled(["44256", "TP53", "EGFR"]) == [True, False, False]
    assert not any(mangled(["MARCH1", "SEPT2", "DEC1", "OCT-1", "RP11-34P13.7", "AC004556.1", "7SK", "5S_rRNA"]))


def test_a_table_that_a_spreadsheet_has_spoilt_is_refused(tmp_path: Path) -> None:
    rows = [f"2.{number}E+13" for number in range(10, 11 + MOST_MANGLED)]
    with pytest.raises(BadInputError, match=r"t\.tsv: 31 gene labels .*'2\.10E\+13'.* 30"):
        read_labelled_matrix(table(tmp_path, [*GENES, *rows]))


CLINICAL = [
    "age", "Age", "sex", "gender", "is_female", "survival_months", "OS", "OS.time", "os_event", "DSS_cr", "PFI.time.1",
    "vital_status", "censorship", "event", "grade", "WHO grade", "stage", "IDH.status", "idh_mutation", "train", "fold",
    "fold_0", "split1", "batch", "site", "Overall Survival (Months)", "Diagnosis Age", "ageAtDiagnosis", "isFemale",
    "days_to_death", "X1p.19q.codeletion", "EGFR_cnv", "TP53_mut", "TP53.mut", "hsa-mir-21_mirna", "MGMT_meth",
    "ABSOLUTE.purity", "Karnofsky.Performance.Score", "oncotree_code", "slide_id",
    "time_to_death", "is_train", "cv_fold", "PTEN_del", "EGFR_rppa",
]  # fmt: skip


@pytest.mark.parametrize("label", CLINICAL)
def test_outcomes_traits_and_other_measurements_among_the_genes_stop_the_read(tmp_path: Path, label: str) -> None:
    for turned in (False, True):
        path = table(tmp_path, [*GENES, label], turned=turned)
        with pytest.raises(BadInputError, match=r"t\.tsv: 1 of .*modalities\.rna\.ignore") as caught:
            read_labelled_matrix(path)
        assert repr(label) in str(caught.value)
        found = read_labelled_matrix(path, [label])
        assert found.genes["gene_id"].tolist() == GENES
        assert found.dropped == {IGNORED: [label]}


def test_all_of_them_are_named_at_once_even_where_they_hold_text(tmp_path: Path) -> None:
    frame = pd.DataFrame({"case_id": [name[:12] for name in SAMPLES], "gender": "F", "site": list("abcd")})
    frame = frame.assign(age=range(4), train=[1, 1, 0, 0], EGFR_rnaseq=range(4), EGFR_cnv=0, TP53_cnv=1)
    frame.to_csv(tmp_path / "all.csv", index=False)
    with pytest.raises(BadInputError, match=r"6 of .*'gender', 'site', 'age', 'train', 'EGFR_cnv', 'TP53_cnv';"):
        read_labelled_matrix(tmp_path / "all.csv")
    found = read_labelled_matrix(tmp_path / "all.csv", ["gender", "site", "age", "train", "*_cnv"])
    assert found.genes["gene_id"].tolist() == ["EGFR"]
    assert found.dropped == {IGNORED: ["gender", "site", "age", "train", "EGFR_cnv", "TP53_cnv"]}
    assert found.notes == ("1 labels end in _rnaseq or _mrna, which is left off: 'EGFR_rnaseq'",)


@pytest.mark.parametrize(
    "label",
    [*GENES, "EFS", "MGMT", "GRADD", "AGE1", "SEX-1L", "hsa-mir-423", "OSM", "SITE1B", "MUT", "SET", "MET", "TAT"],
)
def test_a_gene_whose_name_begins_alike_is_a_gene(label: str) -> None:
    assert not is_clinical(label)


def test_no_real_gene_is_taken_for_something_else(real_data: Path) -> None:
    with gzip.open(real_data / "expression/gencode_v36_gdc_gene_order.tsv.gz", "rt") as source:
        names = sorted({row["gene_name"] for row in csv.DictReader(source, delimiter="\t")})
    names += pd.read_parquet(real_data / "expression/tcga_lgg_rsem_zscore_1544genes.parquet").columns.tolist()
    assert [name for name in names if is_clinical(name) or gene_of(name) != name] == []
    assert not any(mangled(names))
    assert unknown(names) == []


def test_real_columns_of_clinical_tables_are_known(real_data: Path) -> None:
    with (real_data / "clinical/ceccarelli2016_lgg_gbm_subtypes.csv").open() as source:
        names = next(csv.reader(source))
    assert sum(map(is_clinical, names)) == 41


def test_labels_of_no_known_kind_are_counted_and_named(tmp_path: Path) -> None:
    odd = ["some thing", "cg00000029", "x y z"]
    found = read_labelled_matrix(table(tmp_path, [*GENES, *odd]))
    assert found.genes["gene_id"].tolist() == [*GENES, *odd]
    (note,) = found.notes
    assert note.startswith("3 genes are of no known kind")
    assert note.endswith("'some thing', 'cg00000029', 'x y z'")


def test_columns_of_places_and_lengths_beside_own_ids_are_no_samples(tmp_path: Path) -> None:
    frame = pd.DataFrame({"gene_id": ["TP53", "IDH1"], "Length": [10, 20], "Chr": ["17", "2"], "P1": [1, 2]})
    frame.to_csv(tmp_path / "counts.tsv", sep="\t", index=False)
    found = read_labelled_matrix(tmp_path / "counts.tsv")
    assert (found.samples, found.ignored) == (["P1"], ("Length", "Chr"))


@pytest.mark.parametrize("turned", [False, True])
def test_barcodes_with_points_are_read_beside_others(tmp_path: Path, turned: bool) -> None:
    names = ["TCGA-DU-0000-01A", "TCGA.DU.0001.01A", "tcga.du.0002.01a", "TCGA-DU-0003-01A"]
    path = table(tmp_path, GENES, turned=turned)
    text = path.read_text()
    for plain, name in zip(SAMPLES, names, strict=True):
        text = text.replace(plain, name)
    path.write_text(text)
    found = read_labelled_matrix(path)
    assert (found.samples, found.ignored) == (sorted(names), ())
    source = expression_matrix(path)
    lock = source.lock(source.discover())
    assert [(item.patient_id, item.sample) for item in lock.chosen] == [(name[:12], name) for name in SAMPLES]


def test_what_is_left_out_is_named_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = table(tmp_path, [*GENES, "N_unmapped", "1-Mar", "age", "a b"])
    with caplog.at_level(logging.INFO):
        expression_matrix(path, ignore=("age",)).discover()
    for said in ("1 left out: counter of reads, no gene ('N_unmapped')", "('1-Mar')", "('age')", "'a b'"):
        assert said in caplog.text


@pytest.mark.parametrize("turned", [False, True])
def test_an_entry_of_ignore_that_names_nothing_is_said(tmp_path: Path, turned: bool) -> None:
    found = read_labelled_matrix(table(tmp_path, [*GENES, "age"], turned=turned), ["age", "agee", "*_cnv"])
    assert found.notes == ("2 entries of modalities.rna.ignore are no labels of the table: 'agee', '*_cnv'",)


def test_labels_to_ignore_are_of_a_table_alone() -> None:
    assert RnaSettings.read({"source": "matrix", "table": "t.csv", "ignore": ["age"]}).ignore == ("age",)
    assert RnaSettings.read({"source": "gdc", "ignore": []}).ignore == ()
    with pytest.raises(ConfigError, match=r"ignore: found .*age.* source matrix"):
        RnaSettings.read({"source": "gdc", "ignore": ["age"]})
