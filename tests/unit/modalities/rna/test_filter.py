import numpy as np
import pandas as pd
import pytest

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.scratch_table import HeldTable
from mgi.modalities.rna.filter import (
    AS_GIVEN,
    LOG_TPM,
    drop_reasons,
    not_expressed,
    not_listed,
    not_protein_coding,
    not_variable,
    too_few_reads,
)
from mgi.modalities.rna.settings import FitSettings

# Genes: constant, slightly variable, variable, expressed in one of five patients.
VALUES = np.array([[3, 1.0, 0, 0], [3, 1.1, 4, 0], [3, 1.0, 0, 0], [3, 1.1, 4, 0], [3, 1.0, 0, 1]], dtype=np.float32)
GENES = pd.DataFrame(
    {
        "gene_id": ["ENSG00000000001.1", "B.2", "C", "D"],
        "gene_name": ["a", "b", "c", "b"],
        "gene_type": ["protein_coding", "protein_coding", "lncRNA", "protein_coding"],
    }
)


def kept(found: tuple[np.ndarray, str]) -> list[bool]:
    return [not dropped for dropped in found[0].tolist()]


def test_a_constant_gene_is_dropped_by_every_filter() -> None:
    counts = HeldTable(np.full((5, 4), 1000, np.uint32))
    listed = ["ENSG00000000001", "B.2", "C"]
    for name in ("none", "protein_coding", "expressed", "filter_by_expr", "variance", "list"):
        named = {"gene_list": "genes.txt"} if name == "list" else {}
        settings = FitSettings.read({"gene_filter": name, "min_tpm": 0.0, **named})
        reasons = drop_reasons(HeldTable(VALUES), GENES, settings, unit=LOG_TPM, counts=counts, listed=listed)
        assert reasons[0] == "zero variance in training"


def test_constant_is_exact_for_values_whose_mean_is_rounded() -> None:
    values = np.array([[0.1, row] for row in range(7)], np.float32)
    reasons = drop_reasons(HeldTable(values), GENES[:2], FitSettings(), unit=LOG_TPM)
    assert reasons == ["zero variance in training", None]


def test_none_keeps_all_that_vary() -> None:
    reasons = drop_reasons(HeldTable(VALUES), GENES, FitSettings(), unit=LOG_TPM)
    assert reasons == ["zero variance in training", None, None, None]


def test_protein_coding_reads_the_gene_type() -> None:
    assert kept(not_protein_coding(GENES)) == [True, True, False, True]


def test_protein_coding_without_types_is_a_setting_that_cannot_be_followed() -> None:
    with pytest.raises(ConfigError, match=r"modalities\.rna\.fit\.gene_filter protein_coding: "):
        not_protein_coding(GENES.assign(gene_type=None))


def test_expressed_needs_the_threshold_in_a_fifth_of_the_patients() -> None:
    one_tpm_in_one_of_five = not_expressed(HeldTable(VALUES), 1.0, LOG_TPM)
    assert kept(one_tpm_in_one_of_five) == [True, True, True, True]
    assert kept(not_expressed(HeldTable(VALUES[:4]), 1.0, LOG_TPM)) == [True, True, True, False]
    assert kept(not_expressed(HeldTable(np.vstack([VALUES, VALUES[:1]])), 1.0, LOG_TPM))[3] is False  # one of six


def test_expressed_is_refused_where_the_values_are_not_tpm() -> None:
    with pytest.raises(ConfigError, match=r"modalities\.rna\.fit\.gene_filter expressed: .*TPM.*'as given'"):
        not_expressed(HeldTable(VALUES), 0.1, AS_GIVEN)


def test_variance_keeps_the_most_variable() -> None:
    assert kept(not_variable(HeldTable(VALUES), 1)) == [False, False, True, False]
    assert kept(not_variable(HeldTable(VALUES), 2)) == [False, False, True, True]


def test_equal_variances_rank_by_gene_index() -> None:
    values = np.tile(np.array([[0.0], [1.0]], np.float32), (1, 3))
    assert kept(not_variable(HeldTable(values), 2)) == [True, True, False]


def test_filter_by_expr_wants_ten_reads_at_the_median_library_in_every_patient_of_a_small_group() -> None:
    # Libraries of 1,000, 2,000 and 4,000 reads, median 2,000: 10 reads there are 5 and 20 in the others.
    counts = np.array([[5, 4, 5, 986], [10, 10, 9, 1971], [20, 20, 20, 3940]], np.uint32)
    assert kept(too_few_reads(HeldTable(counts))) == [True, False, False, True]


def test_filter_by_expr_wants_ten_patients_and_seven_tenths_of_the_others_in_a_large_group() -> None:
    counts = np.zeros((20, 3), np.uint32)  # ten and seven tenths of ten: 17 of 20
    counts[:17, 0], counts[:16, 1] = 10, 10
    counts[:, 2] = 1000 - counts[:, :2].sum(axis=1)
    assert kept(too_few_reads(HeldTable(counts))) == [True, False, True]


def test_filter_by_expr_rounds_a_fraction_of_a_patient_up() -> None:
    counts = np.zeros((12, 3), np.uint32)  # 10 + 0.7 * 2 = 11.4: 12 patients
    counts[:, 0], counts[:11, 1] = 10, 10
    counts[:, 2] = 1000 - counts[:, :2].sum(axis=1)
    assert kept(too_few_reads(HeldTable(counts))) == [True, False, True]


def test_filter_by_expr_wants_fifteen_reads_in_all() -> None:
    counts = np.array([[14, 15, 9_985]], np.uint32)
    assert kept(too_few_reads(HeldTable(counts))) == [False, True, True]


def test_a_gene_right_at_the_threshold_is_kept_whatever_the_library_size() -> None:
    for total in range(1_000_001, 1_000_200, 7):
        counts = np.array([[10, total - 10], [10, total - 10], [10, total - 10]], np.uint32)
        assert kept(too_few_reads(HeldTable(counts))) == [True, True]


def test_filter_by_expr_needs_counts_and_reads() -> None:
    with pytest.raises(ConfigError, match=r"modalities\.rna\.fit\.gene_filter filter_by_expr: .*counts"):
        too_few_reads(None)
    with pytest.raises(BadInputError, match=r"modalities\.rna\.fit\.gene_filter filter_by_expr: .*reads"):
        too_few_reads(HeldTable(np.array([[0, 0], [5, 5]], np.uint32)))


def test_a_list_names_genes_by_id_with_or_without_version_or_by_name() -> None:
    assert kept(not_listed(GENES, ["ENSG00000000001.1"])) == [True, False, False, False]
    assert kept(not_listed(GENES, ["ENSG00000000001"])) == [True, False, False, False]
    assert kept(not_listed(GENES, ["b", "C"])) == [False, True, True, True]  # b is the name of two genes


def test_an_unknown_gene_of_the_list_is_named_with_how_many_there_are() -> None:
    with pytest.raises(BadInputError, match=r"modalities\.rna\.fit\.gene_list: 'X': .*2 of 3 "):
        not_listed(GENES, ["a", "X", "Y"])
    with pytest.raises(ConfigError, match=r"modalities\.rna\.fit\.gene_list: found nothing"):
        not_listed(GENES, None)


def test_of_two_reasons_that_of_all_filters_stands() -> None:
    genes = GENES.assign(gene_type=["lncRNA", "protein_coding", "lncRNA", "protein_coding"])
    reasons = drop_reasons(HeldTable(VALUES), genes, FitSettings(gene_filter="protein_coding"), unit=LOG_TPM)
    assert reasons == ["zero variance in training", None, "not protein coding", None]


def test_a_filter_that_keeps_nothing_is_an_error() -> None:
    with pytest.raises(BadInputError, match=r"modalities\.rna\.fit\.gene_filter none: .* 4 "):
        drop_reasons(HeldTable(np.ones((3, 4), np.float32)), GENES, FitSettings(), unit=LOG_TPM)


@pytest.mark.parametrize(
    "given",
    [{"top_k": 0}, {"min_tpm": -1.0}, {"gene_filter": "hvg"}, {"gene_order": "x"}, {"scaler": "minmax"}, {"k": 1}],
)
def test_a_setting_out_of_range_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        FitSettings.read(given, where="genes")
