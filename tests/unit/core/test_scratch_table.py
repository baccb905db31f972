from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mgi.core import scratch_table
from mgi.core.scratch_table import HeldTable, ScratchTable, by_columns, column_slices, mean_of_rows

VALUES = np.random.default_rng(0).gamma(0.3, 30, (37, 101)).astype(np.float32)


@pytest.fixture
def table(tmp_path: Path) -> ScratchTable:
    table = ScratchTable(tmp_path, VALUES.shape)
    table.write(20, VALUES[20:])
    table.write(0, VALUES[:20])
    return table


def test_rows_and_columns_come_back_in_any_order(table: ScratchTable) -> None:
    assert np.array_equal(table.rows([5, 0, 36, 5]), VALUES[[5, 0, 36, 5]])
    assert np.array_equal(table.columns(slice(7, 9)), VALUES[:, 7:9])
    assert np.array_equal(np.concatenate(list(table.row_blocks())), VALUES)
    assert np.array_equal(table.mapped(), VALUES)


def test_the_file_has_no_name(table: ScratchTable, tmp_path: Path) -> None:
    assert list(tmp_path.iterdir()) == []


def test_a_matrix_without_rows_or_columns_is_one(tmp_path: Path) -> None:
    assert ScratchTable(tmp_path, (0, 3)).rows([]).shape == (0, 3)
    assert ScratchTable(tmp_path, (2, 0)).mapped().shape == (2, 0)


MEASURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mean": lambda some: some.mean(axis=0, dtype=np.float64),
    "deviation": lambda some: some.std(axis=0, dtype=np.float64),
    "variance": lambda some: some.var(axis=0, dtype=np.float64),
    "median": lambda some: np.median(some.astype(np.float64), axis=0),
}


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("block", [1, 37 * 2, 37 * 50, 10**6])
def test_a_column_is_measured_to_the_bit_as_in_the_whole(
    table: ScratchTable, monkeypatch: pytest.MonkeyPatch, block: int, name: str
) -> None:
    monkeypatch.setattr(scratch_table, "BLOCK_VALUES", block)
    whole = MEASURES[name](VALUES)
    for one in (table, HeldTable(VALUES)):
        assert min(some.stop - some.start for some in column_slices(one)) > 1
        assert np.array_equal(by_columns(one, MEASURES[name]), whole)


@pytest.mark.parametrize("block", [1, 101 * 7, 10**6])
def test_the_mean_of_rows_is_to_the_bit_that_of_the_whole(
    table: ScratchTable, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(scratch_table, "BLOCK_VALUES", block)
    assert np.array_equal(mean_of_rows(table.row_blocks()), VALUES.mean(axis=0, dtype=np.float64))
