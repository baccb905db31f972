"""Two tables in, every test and the hits out; bad input is one line."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.association.tables import ASSOCIATIONS, FILES
from mgi.cli import main
from mgi.core.errors import IntegrityError
from mgi.core.sidecar import verified
from mgi.modalities.methylation.selection import m_values
from mgi.shards.expression_shard import ExpressionShard, write_expression
from mgi.shards.feature_shard import describe_features, write_feature_values
from mgi.shards.parquet import read_table

N, GENES = 60, 12


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Patients whose `volume` follows gene 3, in two sites; the last has no expression, another no volume."""
    rng = np.random.default_rng(0)
    patients = [f"TCGA-CS-{n:04d}" for n in range(N)]
    genes = rng.normal(size=(N, GENES))
    genes[:, 7] = 2.0
    site = rng.choice(["CS", "DU"], N)
    volume = 3 * genes[:, 3] + rng.normal(size=N) + 5 * (site == "DU")
    clinical = pd.DataFrame({"patient_id": patients, "volume": volume, "noise": rng.normal(size=N), "site": site})
    clinical.loc[5, "volume"] = np.nan
    clinical.to_csv(tmp_path / "clinical.csv", index=False)
    names = [f"G{n}" for n in range(GENES)]
    features = pd.DataFrame(genes[:-1], columns=names)
    features.insert(0, "patient_id", patients[:-1])
    features.to_csv(tmp_path / "genes.tsv", sep="\t", index=False)
    features.to_parquet(tmp_path / "genes.parquet")
    index = pd.DataFrame(
        {"gene_index": range(GENES), "gene_id": names, "gene_name": [f"NAME{n}" for n in range(GENES)]}
    )
    index = index.assign(gene_type=None, chromosome=None, start=None)
    shard = ExpressionShard(
        patient_ids=patients[:-1],
        values=genes[:-1].astype(np.float32),
        genes=index,
        unit="as given",
        simulated=True,
    )
    (tmp_path / "shard").mkdir()
    write_expression(
        shard, *(tmp_path / "shard" / name for name in ("values.parquet", "features.parquet", "dataset.json"))
    )
    return tmp_path


def associate(folder: Path, *more: str, features: str = "genes.tsv", columns: str = "volume noise") -> int:
    return main(
        [
            "associate", f"--phenotypes={folder / 'clinical.csv'}", "--phenotype-columns", *columns.split(),
            f"--features={folder / features}", f"--covariates={folder / 'clinical.csv'}", "--covariate-columns", "site",
            f"--output={folder / 'out'}", "--permutations=99", "--transform=none", *more,
        ]
    )  # fmt: skip


def test_all_tests_and_the_hits_are_written(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert associate(tables) == 0
    found = read_table(tables / "out/associations.parquet", ASSOCIATIONS)
    assert found.num_rows == 2 * (GENES - 1)
    assert set(found["n"].to_pylist()) == {N - 2}
    assert set(found["df"].to_pylist()) == {N - 2 - 3}
    scan = json.loads(found.schema.metadata[b"scan"])
    assert (scan["covariates"], scan["permutations"]) == (["intercept", "site=DU"], 99)
    hits = pd.read_csv(verified(tables / "out/hits.tsv"), sep="\t")
    assert hits[["phenotype", "feature"]].to_numpy().tolist() == [["volume", "G3"]]
    assert hits["beta"].item() == pytest.approx(3, abs=0.4)
    assert hits["p_max"].item() == pytest.approx(0.01)
    phenotypes = pd.read_csv(verified(tables / "out/phenotypes.tsv"), sep="\t")
    assert phenotypes["hits"].tolist() == [1, 0]
    left_out = pd.read_csv(verified(tables / "out/left_out.tsv"), sep="\t")
    assert left_out.to_numpy().tolist() == [
        ["patient", "TCGA-CS-0005", "phenotype volume is missing"],
        ["patient", "TCGA-CS-0059", "not in the table of features"],
        ["feature", "G7", "constant"],
    ]
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("58 patients, 2 phenotypes, 11 features, 1 column of covariates and an intercept")
    assert said[0].endswith("1 hit at q <= 0.05, 1 of them at p_max <= 0.05")
    assert len(said) == 4


def test_a_table_as_text_or_parquet_and_a_shard_give_the_same(tables: Path) -> None:
    found = {}
    for features in ("genes.tsv", "genes.parquet", "shard", "shard/dataset.json"):
        assert associate(tables, features=features) == 0
        found[features] = read_table(tables / "out/associations.parquet", ASSOCIATIONS).to_pandas()
        assert found[features]["p"].to_numpy() == pytest.approx(found["genes.tsv"]["p"].to_numpy(), rel=1e-5)
    assert found["shard"]["feature_name"][3] == "NAME3"
    assert found["genes.tsv"]["feature_name"].isna().all()


def test_phenotypes_are_not_tested_against_themselves(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert associate(tables, features="clinical.csv") == 2
    assert "clinical.csv, the table of the phenotypes, expected another" in capsys.readouterr().err


def test_the_same_tables_give_the_same_bytes_and_other_seeds_other_ones(tables: Path) -> None:
    def bytes_with(*more: str) -> list[bytes]:
        assert associate(tables, *more) == 0
        return [(tables / "out" / name).read_bytes() for name in FILES]

    assert bytes_with() == bytes_with()
    assert bytes_with()[0] != bytes_with("--seed=1")[0]


def test_a_text_beside_the_tests_of_another_scan_is_refused(tables: Path) -> None:
    assert associate(tables) == 0
    hits, sidecar = ((tables / "out" / f"hits.tsv{ending}").read_bytes() for ending in ("", ".sha256"))
    assert associate(tables, "--seed=1") == 0
    (tables / "out/hits.tsv").write_bytes(hits)
    (tables / "out/hits.tsv.sha256").write_bytes(sidecar)
    with pytest.raises(IntegrityError, match=r"hits.tsv: made from associations.parquet"):
        verified(tables / "out/hits.tsv")


def test_without_permutations_their_columns_are_empty(tables: Path) -> None:
    assert associate(tables, "--permutations=0") == 0
    found = read_table(tables / "out/associations.parquet", ASSOCIATIONS)
    assert found["p_max"].null_count == found.num_rows
    assert pd.read_csv(tables / "out/hits.tsv", sep="\t")["feature"].tolist() == ["G3"]


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--fdr=1"], 2, "--fdr: found 1, expected between 0 and 1"),
        (["--permutations=-1"], 2, "--permutations: found -1"),
        (["--seed=-1"], 2, "--seed: found -1"),
        (["--categorical", "grade"], 2, "--categorical: found grade, expected of site"),
        (["--covariate-columns", "patient_id"], 5, "expected 62 patients at least, or fewer covariates"),
        (
            ["--phenotype-columns", "site", "--covariate-columns", "noise"],
            5,
            "column site, patient TCGA-CS-0000: found ",
        ),
        (
            ["--phenotype-columns", "age"],
            5,
            "found no 'age', expected it among 'patient_id', 'volume', 'noise'",
        ),
        (["--features", "nowhere"], 5, "no file at nowhere"),
        (["--covariate-columns", "site", "noise"], 2, "--covariates: found noise, a phenotype too; name others"),
    ],
)
def test_bad_input_is_one_line(
    more: list[str], code: int, said: str, tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert associate(tables, *more) == code
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tables / "out").exists()


def test_columns_of_covariates_need_their_table(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["associate", f"--phenotypes={tables / 'clinical.csv'}", f"--features={tables / 'genes.tsv'}", "--output=x"]
    assert main([*given, "--categorical", "site"]) == 2
    assert "--covariates: missing" in capsys.readouterr().err


def test_real_genes_of_immune_cells_go_with_the_immune_score(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The immune score was computed from expression, so genes of immune cells must go with it."""
    clinical = real_data / "clinical/ceccarelli2016_lgg_gbm_subtypes.csv"
    genes = real_data / "expression/tcga_lgg_rsem_zscore_1544genes.parquet"
    given = [f"--phenotypes={clinical}", "--phenotype-columns", "ESTIMATE.immune.score", f"--features={genes}"]
    covariates = [f"--covariates={clinical}", "--covariate-columns", "Age..years.at.diagnosis.", "Gender"]
    assert main(["associate", *given, *covariates, f"--output={tmp_path}", "--permutations=20"]) == 0
    hits = pd.read_csv(tmp_path / "hits.tsv", sep="\t")
    assert {"LAIR1", "CD33"} <= set(hits["feature"][:50])
    assert "not in the table of features" in capsys.readouterr().out


def write_betas(tables: Path) -> pd.DataFrame:
    """A shard of betas that follow the genes, one with a gap; returned are its M-values as a table, a row a patient."""
    genes = pd.read_csv(tables / "genes.tsv", sep="\t")
    betas = (1 / (1 + np.exp(-genes.drop(columns="patient_id")))).to_numpy(np.float32)
    betas[4, 2] = np.nan
    ids = [f"cg{number}" for number in range(GENES)]
    about = pd.DataFrame({"feature_id": ids, "name": ids, "chromosome": "chr1"})
    about = about.assign(start=range(1, GENES + 1), kind=None)
    paths = [tables / "betas" / name for name in ("values.parquet", "features.parquet", "dataset.json")]
    write_feature_values(paths[0], about, "beta value", zip(genes["patient_id"], betas, strict=True))
    describe_features(*paths, about, simulated=True)
    table = pd.DataFrame(m_values(betas), columns=ids)
    table.insert(0, "patient_id", genes["patient_id"])
    return table


def test_methylation_is_tested_by_its_m_values_as_a_table_of_them_would_be(tables: Path) -> None:
    write_betas(tables).to_parquet(tables / "m.parquet")
    assert associate(tables, "--modality=methylation", features="betas") == 0
    of_shard = read_table(tables / "out/associations.parquet", ASSOCIATIONS).to_pandas()
    left_out = pd.read_csv(tables / "out/left_out.tsv", sep="\t")
    assert associate(tables, features="m.parquet") == 0
    of_table = read_table(tables / "out/associations.parquet", ASSOCIATIONS).to_pandas()
    placed = ["feature_name", "chromosome", "start"]
    pd.testing.assert_frame_equal(of_shard.drop(columns=placed), of_table.drop(columns=placed))
    assert of_shard.loc[0, placed].tolist() == ["cg0", "chr1", 1]
    assert of_shard.loc[of_shard["p"].idxmin(), ["phenotype", "feature"]].tolist() == ["volume", "cg3"]
    gap = left_out[left_out["name"] == "cg2"]
    assert gap["reason"].tolist() == ["missing in 1 of 58 patients"]


@pytest.mark.parametrize(
    ("modality", "features", "said"),
    [
        ("methylation", "genes.tsv", "--modality: found methylation, expected none with "),
        ("flair", "shard", "--modality: found flair, expected one of "),
        ("nothing", "shard", "--modality: found nothing, expected one of "),
        ("cn", "shard", "expected the description of a shard of kind 'features'"),
    ],
)
def test_a_modality_that_cannot_be_is_one_line(
    tables: Path, modality: str, features: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert associate(tables, f"--modality={modality}", features=features) != 0
    assert said in capsys.readouterr().err
