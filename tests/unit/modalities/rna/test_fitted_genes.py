from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import digest_of
from mgi.modalities.rna.normalise import FittedGenes, fit, read_fitted_genes, write_fitted_genes
from mgi.modalities.rna.settings import FitSettings

IDS = ["TCGA-AA-0001", "TCGA-AA-0002", "TCGA-AA-0003"]
VALUES = np.array([[1, 0, 5, 7], [2, 0, 5, 9], [3, 6, 5, 11]], dtype=np.float32)


@pytest.fixture
def fitted() -> FittedGenes:
    genes = pd.DataFrame({"gene_id": ["G3", "G1", "G2", "G0"], "gene_name": list("cabz"), "gene_type": None})
    return fit(VALUES, genes, FitSettings(), IDS, unit="as given")


def test_the_same_scores_come_from_the_file(fitted: FittedGenes, tmp_path: Path) -> None:
    write_fitted_genes(tmp_path / "g.parquet", fitted)
    found = read_fitted_genes(tmp_path / "g.parquet")
    assert found.gene_ids == fitted.gene_ids == ["G0", "G1", "G3"]
    assert np.array_equal(found.transform(VALUES), fitted.transform(VALUES))
    assert (found.train_hash, found.n_train) == (fitted.train_hash, 3)


@pytest.mark.parametrize("scaler", ["rank", "quantile"])
def test_the_scaler_and_what_it_fitted_come_from_the_file(tmp_path: Path, scaler: str) -> None:
    genes = pd.DataFrame({"gene_id": ["G3", "G1", "G2", "G0"], "gene_name": list("cabz"), "gene_type": None})
    fitted = fit(VALUES, genes, FitSettings(scaler=scaler), IDS, unit="as given")  # type: ignore[arg-type]
    write_fitted_genes(tmp_path / "g.parquet", fitted)
    found = read_fitted_genes(tmp_path / "g.parquet")
    assert found.scaler == scaler
    assert np.array_equal(found.transform(VALUES), fitted.transform(VALUES))
    assert np.array_equal(found.average, fitted.average)


def test_every_gene_has_a_row_with_its_reason(fitted: FittedGenes, tmp_path: Path) -> None:
    write_fitted_genes(tmp_path / "g.parquet", fitted)
    table = pq.read_table(tmp_path / "g.parquet")
    assert table["order"].to_pylist() == [2, 1, -1, 0]
    assert table["reason"].to_pylist() == [None, None, "zero variance in training", None]
    assert table.schema.metadata[b"gene_hash"].decode() == digest_of(["G0", "G1", "G3"])
    assert table.schema.metadata[b"train_hash"].decode() == digest_of(IDS)


def test_genes_other_than_those_of_the_digest_are_refused(fitted: FittedGenes, tmp_path: Path) -> None:
    write_fitted_genes(tmp_path / "g.parquet", replace(fitted, gene_ids=["G0", "G1", "G9"]))
    with pytest.raises(IntegrityError, match="gene_hash"):
        read_fitted_genes(tmp_path / "g.parquet")


def test_an_order_with_holes_is_refused_with_the_file(fitted: FittedGenes, tmp_path: Path) -> None:
    broken = fitted.table.assign(order=[5, 1, -1, 0])
    write_fitted_genes(tmp_path / "g.parquet", replace(fitted, table=broken))
    with pytest.raises(BadInputError, match=r"g\.parquet: .*order"):
        read_fitted_genes(tmp_path / "g.parquet")
