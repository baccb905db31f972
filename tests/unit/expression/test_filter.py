import numpy as np
import pandas as pd
import pytest

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.settings import parse
from mgi.expression.filter import (
    AS_GIVEN,
    LOG_TPM,
    FilterSettings,
    constant,
    drop_reasons,
    first_of,
    not_expressed,
    not_protein_coding,
    not_variable,
)

# Genes: constant, slightly variable, variable, expressed in one of five patients.
VALUES = np.array([[3, 1.0, 0, 0], [3, 1.1, 4, 0], [3, 1.0, 0, 0], [3, 1.1, 4, 0], [3, 1.0, 0, 1]], dtype=np.float32)
GENES = pd.DataFrame(
    {"gene_id": ["A", "B", "C", "D"], "gene_type": ["protein_coding", "protein_coding", "lncRNA", "protein_coding"]}
)


def kept(reasons: list[str | None]) -> list[bool]:
    return [reason is None for reason in reasons]


def test_a_constant_gene_is_dropped_by_every_filter() -> None:
    for name in ("none", "protein_coding", "expressed", "variance"):
        settings = parse(FilterSettings, {"gene_filter": name, "min_tpm": 0.0})
        reasons = drop_reasons(VALUES, GENES, settings, LOG_TPM)
        assert reasons[0] == "zero variance in training"


def test_constant_is_exact_for_values_whose_mean_is_rounded() -> None:
    values = np.full((7, 1), 0.1, np.float32)
    assert constant(values) == ["zero variance in training"]


def test_none_keeps_all_that_vary() -> None:
    assert kept(drop_reasons(VALUES, GENES, FilterSettings(), LOG_TPM)) == [False, True, True, True]


def test_protein_coding_reads_the_gene_type() -> None:
    assert kept(not_protein_coding(GENES)) == [True, True, False, True]


def test_protein_coding_without_types_is_a_setting_that_cannot_be_followed() -> None:
    with pytest.raises(ConfigError, match="no gene types"):
        not_protein_coding(GENES.assign(gene_type=None))


def test_expressed_needs_the_threshold_in_a_fifth_of_the_patients() -> None:
    one_tpm_in_one_of_five = not_expressed(VALUES, 1.0, LOG_TPM)
    assert kept(one_tpm_in_one_of_five) == [True, True, True, True]
    assert kept(not_expressed(VALUES[:4], 1.0, LOG_TPM)) == [True, True, True, False]
    assert kept(not_expressed(np.vstack([VALUES, VALUES[:1]]), 1.0, LOG_TPM))[3] is False  # one of six


def test_expressed_is_refused_where_the_values_are_not_tpm() -> None:
    with pytest.raises(ConfigError, match="needs TPM"):
        not_expressed(VALUES, 0.1, AS_GIVEN)


def test_variance_keeps_the_most_variable() -> None:
    assert kept(not_variable(VALUES, 1)) == [False, False, True, False]
    assert kept(not_variable(VALUES, 2)) == [False, False, True, True]


def test_equal_variances_rank_by_gene_index() -> None:
    values = np.tile(np.array([[0.0], [1.0]], np.float32), (1, 3))
    assert kept(not_variable(values, 2)) == [True, True, False]


def test_the_first_reason_stands() -> None:
    assert first_of([None, "a"], ["b", "c"]) == ["b", "a"]


def test_a_filter_that_keeps_nothing_is_an_error() -> None:
    with pytest.raises(BadInputError, match="none of 4 genes"):
        drop_reasons(np.ones((3, 4), np.float32), GENES, FilterSettings(), LOG_TPM)


@pytest.mark.parametrize(
    "given", [{"top_k": 0}, {"min_tpm": -1.0}, {"gene_filter": "hvg"}, {"gene_order": "x"}, {"k": 1}]
)
def test_a_setting_out_of_range_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        parse(FilterSettings, given, where="genes")
