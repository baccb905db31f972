from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.scratch_table import HeldTable, ScratchTable
from mgi.modalities.rna.filter import AS_GIVEN, LOG_TPM
from mgi.modalities.rna.normalise import (
    fit,
    fitted_genes,
    read_fitted_genes,
    train_hash_of,
    with_components,
    write_fitted_genes,
)
from mgi.modalities.rna.settings import FitSettings
from mgi.shards.parquet import write_table

IDS = ["TCGA-AA-0001", "TCGA-AA-0002", "TCGA-AA-0003"]
GENES = pd.DataFrame(
    {
        "gene_id": ["G3", "G1", "G2", "G0"],
        "gene_name": ["c", "a", "b", "z"],
        "gene_type": ["protein_coding"] * 4,
        "chromosome": ["chr10", "chr2", None, "chrX"],
        "start": pd.array([5, 900, None, 1], dtype="Int64"),
    }
)
VALUES = np.array([[1, 0, 5, 7], [2, 0, 5, 9], [3, 6, 5, 11]], dtype=np.float32)


def test_mean_and_deviation_are_those_of_the_training_patients() -> None:
    fitted = fit(VALUES, GENES, FitSettings(), IDS, unit=LOG_TPM)
    assert fitted.gene_ids == ["G0", "G1", "G3"]  # G2 is constant
    assert fitted.columns.tolist() == [3, 1, 0]
    assert fitted.mean.tolist() == [9.0, 2.0, 2.0]
    assert fitted.std == pytest.approx([np.sqrt(8 / 3), np.sqrt(8), np.sqrt(2 / 3)])
    assert (fitted.n_train, fitted.train_hash) == (3, train_hash_of(IDS))


def test_transformed_training_values_have_mean_zero_and_deviation_one() -> None:
    fitted = fit(VALUES, GENES, FitSettings(), IDS, unit=LOG_TPM)
    z = fitted.transform(VALUES)
    assert z.dtype == np.float32
    assert z.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-6)
    assert z.std(axis=0) == pytest.approx(np.ones(3), abs=1e-6)
    assert z[0, 0] == pytest.approx(-np.sqrt(1.5))


def test_robust_scores_are_from_the_median_and_state_their_filler() -> None:
    values = np.array([[1, 0, 5, 7], [2, 0, 5, 9], [4, 6, 5, 900]], dtype=np.float32)
    fitted = fit(values, GENES, FitSettings(scaler="robust"), IDS, unit=AS_GIVEN)
    assert fitted.mean.tolist() == [9.0, 0.0, 2.0]  # G0, G1, G3
    assert fitted.std == pytest.approx([2 * 1.4826, 3 / 1.349, 1.4826])
    scaled = fitted.transform(values)
    assert scaled[0].tolist() == pytest.approx([-1 / 1.4826, 0.0, -1 / 1.4826])
    assert scaled[2, 0] == 10.0
    assert fitted.average == pytest.approx(scaled.mean(axis=0))
    assert fitted.filler == "training median"
    assert fit(values, GENES, FitSettings(), IDS, unit=AS_GIVEN).filler == "training mean"


def test_scores_are_clipped_to_ten() -> None:
    fitted = fit(VALUES, GENES, FitSettings(), IDS, unit=AS_GIVEN)
    assert fitted.transform(VALUES * 1e6).max() == 10.0
    assert fitted.transform(VALUES * -1e6).min() == -10.0


def test_a_gene_without_variance_becomes_zero_and_never_nan() -> None:
    table = fit(VALUES, GENES, FitSettings(), IDS, unit=LOG_TPM).table
    table.loc[table["gene_id"] == "G2", ["kept", "order"]] = [True, 3]
    fitted = fitted_genes(table, train_hash="", n_train=3)
    assert fitted.transform(VALUES + 100)[:, 3].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("scaler", ["rank", "quantile"])
def test_scaling_within_a_patient_sees_the_kept_genes_alone(scaler: str) -> None:
    fitted = fit(VALUES, GENES, FitSettings(scaler=scaler), IDS, unit=LOG_TPM)  # type: ignore[arg-type]
    changed = VALUES.copy()
    changed[:, 2] = [-1e6, 0, 1e6]  # the constant gene was dropped
    assert np.array_equal(fitted.transform(changed), fitted.transform(VALUES))


def test_ranks_need_nothing_fitted_but_the_genes() -> None:
    fitted = fit(VALUES, GENES, FitSettings(scaler="rank"), IDS, unit=LOG_TPM)
    assert fitted.reference is None
    third = np.sqrt(12) / 3
    assert fitted.transform(VALUES)[1].tolist() == pytest.approx([third, -third, 0.0])  # G0, G1, G3: 9, 0, 2
    assert np.array_equal(fitted.transform(VALUES * 2), fitted.transform(VALUES))


def test_quantiles_come_from_the_training_patients_mean_distribution() -> None:
    fitted = fit(VALUES, GENES, FitSettings(scaler="quantile"), IDS, unit=LOG_TPM)
    assert fitted.reference is not None
    assert fitted.reference.tolist() == pytest.approx([1.0, 3.0, 9.0])  # of 0 1 7, 0 2 9, 3 6 11
    scaled = fitted.transform(VALUES + 100)
    assert np.sort(scaled, axis=1).tolist() == [pytest.approx(np.sort(scaled[0]).tolist())] * 3
    assert scaled.mean(axis=1) == pytest.approx(np.zeros(3), abs=1e-6)


@pytest.mark.parametrize("scaler", ["zscore", "rank", "quantile"])
def test_the_average_is_the_training_mean_of_what_the_model_reads(scaler: str) -> None:
    fitted = fit(VALUES, GENES, FitSettings(scaler=scaler), IDS, unit=LOG_TPM)  # type: ignore[arg-type]
    assert fitted.average == pytest.approx(fitted.transform(VALUES).mean(axis=0), abs=1e-6)
    assert fitted.average.any() == (scaler != "zscore")


@pytest.mark.parametrize("scaler", ["zscore", "robust", "rank", "quantile"])
def test_components_keep_what_genes_share_and_leave_out_a_patients_own(scaler: str) -> None:
    rng = np.random.default_rng(1)
    shared = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 80))
    values = (6 + shared + rng.normal(size=(60, 80))).astype(np.float32)
    genes = pd.DataFrame({"gene_id": [f"G{n:02d}" for n in range(80)], "gene_name": "", "gene_type": ""})
    ids = [f"P{n}" for n in range(50)]
    whole = fit(values[:50], genes, FitSettings(scaler=scaler), ids, unit=AS_GIVEN)  # type: ignore[arg-type]
    denoised = with_components(whole, HeldTable(whole.transform(values[:50])), 2)
    given, reduced = whole.transform(values), denoised.transform(values)
    assert np.linalg.matrix_rank(reduced - denoised.average, tol=1e-3) == 2
    assert denoised.transform(values[:50]).mean(axis=0) == pytest.approx(whole.average, abs=1e-5)
    truth = (shared - shared[:50].mean(axis=0)) / values[:50].std(axis=0)

    def unlike(found: np.ndarray) -> float:  # of the ten who trained nothing
        return float(np.mean([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(found[50:], truth[50:], strict=True)]))

    assert unlike(reduced - denoised.average) < 0.3 * unlike(given - whole.average)


def test_components_survive_the_file_and_fewer_patients_are_refused(tmp_path: Path) -> None:
    whole = fit(VALUES, GENES, FitSettings(), IDS, unit=LOG_TPM)
    fitted = with_components(whole, HeldTable(whole.transform(VALUES)), 2)
    write_fitted_genes(tmp_path / "genes.parquet", fitted)
    read = read_fitted_genes(tmp_path / "genes.parquet")
    assert read.components is not None
    assert np.array_equal(read.components, fitted.components)  # type: ignore[arg-type]
    assert np.array_equal(read.transform(VALUES), fitted.transform(VALUES))
    told = "modalities.rna.fit.components: found 3, expected fewer than the 3 patients who train"
    with pytest.raises(BadInputError, match=told):
        with_components(whole, HeldTable(whole.transform(VALUES)), 3)


def test_components_of_some_genes_alone_are_refused() -> None:
    whole = fit(VALUES, GENES, FitSettings(), IDS, unit=LOG_TPM)
    table = with_components(whole, HeldTable(whole.transform(VALUES)), 2).table
    table.at[0, "components"] = None
    with pytest.raises(BadInputError, match="column components"):
        fitted_genes(table, train_hash="", n_train=3)


def test_counts_of_another_shape_are_refused() -> None:
    settings = FitSettings(gene_filter="filter_by_expr")
    with pytest.raises(BadInputError, match=r"training counts: shape \(3, 3\).*\(3, 4\)"):
        fit(VALUES, GENES, settings, IDS, unit=LOG_TPM, counts=np.ones((3, 3), np.uint32))


def test_an_all_zero_patient_is_scored_like_any_other() -> None:
    fitted = fit(VALUES, GENES, FitSettings(), IDS, unit=LOG_TPM)
    assert np.isfinite(fitted.transform(np.zeros((1, 4), np.float32))).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_missing_value_is_refused_by_name(bad: float) -> None:
    fitted = fit(VALUES, GENES, FitSettings(), IDS, unit=LOG_TPM)
    values = VALUES.copy()
    values[1, 1] = bad
    with pytest.raises(BadInputError, match="row 1, gene G1"):
        fitted.transform(values)
    with pytest.raises(BadInputError, match="TCGA-AA-0002, gene G1"):
        fit(values, GENES, FitSettings(), IDS, unit=LOG_TPM)


def test_a_missing_value_of_a_dropped_gene_does_not_matter_to_transform() -> None:
    fitted = fit(VALUES, GENES, FitSettings(), IDS, unit=LOG_TPM)
    values = VALUES.copy()
    values[:, 2] = np.nan
    assert fitted.transform(values).shape == (3, 3)


def test_values_of_another_width_are_refused() -> None:
    fitted = fit(VALUES, GENES, FitSettings(), IDS, unit=LOG_TPM)
    with pytest.raises(BadInputError, match=r"expression values: shape \(3, 3\).*\(n, 4\)"):
        fitted.transform(VALUES[:, :3])
    with pytest.raises(BadInputError, match=r"training values: shape \(3, 4\).*\(2, 4\)"):
        fit(VALUES, GENES, FitSettings(), IDS[:2], unit=LOG_TPM)


def test_one_training_patient_is_too_few() -> None:
    with pytest.raises(BadInputError, match=r"training values: 1 .*2 "):
        fit(VALUES[:1], GENES, FitSettings(), IDS[:1], unit=LOG_TPM)


def test_positions_order_chromosomes_by_number_and_unknown_places_last() -> None:
    varying = VALUES + np.arange(12, dtype=np.float32).reshape(3, 4)
    fitted = fit(varying, GENES, FitSettings(gene_order="position"), IDS, unit=LOG_TPM)
    assert fitted.gene_ids == ["G1", "G3", "G0", "G2"]


def test_a_chromosome_of_five_thousand_digits_is_a_name_among_others() -> None:
    varying = VALUES + np.arange(12, dtype=np.float32).reshape(3, 4)
    genes = GENES.assign(
        chromosome=["chr" + "9" * 5000, "chr2", "chr٣", "chrX"], start=pd.array([1] * 4, dtype="Int64")
    )
    fitted = fit(varying, genes, FitSettings(gene_order="position"), IDS, unit=LOG_TPM)
    assert fitted.gene_ids == ["G1", "G3", "G0", "G2"]  # 2; then 9…, X, ٣ by name


def test_the_order_by_position_is_refused_where_no_position_is_known() -> None:
    genes = GENES.assign(chromosome=None, start=pd.array([None] * 4, dtype="Int64"))
    with pytest.raises(ConfigError, match=r"modalities\.rna\.fit\.gene_order position: "):
        fit(VALUES, genes, FitSettings(gene_order="position"), IDS, unit=LOG_TPM)


@pytest.mark.parametrize("order", ["ensembl", "position", "random"])
def test_the_model_order_does_not_depend_on_the_order_of_the_shard(order: str) -> None:
    settings = FitSettings(gene_order=order, order_seed=3)  # type: ignore[arg-type]
    shuffled = [2, 0, 3, 1]
    one = fit(VALUES, GENES, settings, IDS, unit=LOG_TPM)
    two = fit(VALUES[:, shuffled], GENES.iloc[shuffled], settings, IDS, unit=LOG_TPM)
    assert one.gene_ids == two.gene_ids
    np.testing.assert_allclose(one.transform(VALUES), two.transform(VALUES[:, shuffled]), rtol=1e-6, atol=1e-6)


def test_random_orders_differ_between_seeds_and_repeat_within_one() -> None:
    genes = pd.DataFrame({name: [f"{name}{index:03d}" for index in range(50)] for name in GENES.columns})
    values = np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)

    def order(seed: int) -> list[str]:
        return fit(values, genes, FitSettings(gene_order="random", order_seed=seed), IDS, unit=LOG_TPM).gene_ids

    assert order(0) == order(0)
    assert order(0) != order(1)
    assert sorted(order(0)) == sorted(order(1))


def test_the_order_of_training_patients_changes_nothing() -> None:
    backwards = fit(VALUES[::-1], GENES, FitSettings(), IDS[::-1], unit=LOG_TPM)
    forwards = fit(VALUES, GENES, FitSettings(), IDS, unit=LOG_TPM)
    pd.testing.assert_frame_equal(backwards.table, forwards.table, check_exact=True)
    assert backwards.train_hash == forwards.train_hash


@pytest.mark.parametrize(
    ("genes", "expected"),
    [
        (["G3", "G1", "G0", "G2"], r"sample\.tsv: gene 2 .*'G0'.*'G2'"),
        (["G3", "G1", "G2"], r"sample\.tsv: 3 .*4 "),
        (["G3", "G1", "G2", "G0", "G9"], r"sample\.tsv: 5 .*4 "),
    ],
    ids=["permuted", "missing", "extra"],
)
def test_another_gene_index_is_refused(genes: list[str], expected: str) -> None:
    fitted = fit(VALUES, GENES, FitSettings(), IDS, unit=LOG_TPM)
    fitted.require_genes(["G3", "G1", "G2", "G0"], "sample.tsv")
    with pytest.raises(BadInputError, match=expected):
        fitted.require_genes(genes, "sample.tsv")


def test_a_table_with_holes_in_its_order_is_refused() -> None:
    table = fit(VALUES, GENES, FitSettings(), IDS, unit=LOG_TPM).table
    table.loc[0, "order"] = 7
    with pytest.raises(BadInputError, match="fitted genes: column order"):
        fitted_genes(table, train_hash="", n_train=3)


def test_an_unknown_scaler_and_a_reference_that_does_not_ascend_are_refused() -> None:
    table = fit(VALUES, GENES, FitSettings(scaler="quantile"), IDS, unit=LOG_TPM).table
    with pytest.raises(BadInputError, match=r"fitted genes: scaler 'minmax'.*zscore, robust, rank, quantile"):
        fitted_genes(table, train_hash="", n_train=3, scaler="minmax")
    with pytest.raises(BadInputError, match="fitted genes: column reference"):
        fitted_genes(table.assign(reference=-table["reference"]), train_hash="", n_train=3, scaler="quantile")


def test_genes_written_before_there_were_components_are_read(tmp_path: Path) -> None:
    fitted = fit(VALUES, GENES, FitSettings(), IDS, unit=LOG_TPM)
    write_fitted_genes(tmp_path / "new.parquet", fitted)
    table = pq.read_table(tmp_path / "new.parquet")
    write_table(tmp_path / "old.parquet", table.drop_columns(["components"]))
    read = read_fitted_genes(tmp_path / "old.parquet")
    assert read.components is None
    assert np.array_equal(read.transform(VALUES), fitted.transform(VALUES))
    write_table(tmp_path / "odd.parquet", table.drop_columns(["average"]))
    with pytest.raises(BadInputError, match="expected gene_index"):
        read_fitted_genes(tmp_path / "odd.parquet")


@pytest.mark.parametrize("scaler", ["zscore", "robust", "rank", "quantile"])
def test_a_fit_on_a_matrix_on_disk_is_to_the_bit_that_in_memory(
    scaler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(2).gamma(1.0, 3.0, (23, 50)).astype(np.float32)
    genes = pd.DataFrame({"gene_id": [f"G{n:02d}" for n in range(50)], "gene_name": "", "gene_type": ""})
    ids, settings = [f"P{n:02d}" for n in range(23)], FitSettings(scaler=scaler)  # type: ignore[arg-type]
    whole = fit(values, genes, settings, ids, unit=AS_GIVEN)
    table = ScratchTable(tmp_path, values.shape)
    table.write(0, values)
    monkeypatch.setattr("mgi.core.scratch_table.BLOCK_VALUES", 23 * 6)
    found = fit(table, genes, settings, ids, unit=AS_GIVEN)
    pd.testing.assert_frame_equal(found.table, whole.table, check_exact=True)
