import math

import pandas as pd

from mgi.reporting.names import DEFINITIONS
from mgi.reporting.provenance import RuleCost
from mgi.reporting.tables import (
    cost_rows,
    definition_rows,
    duration,
    gene_free_rows,
    headline_rows,
    interval,
    lock_rows,
    number,
    p_text,
    paper_like_rows,
    rows_by,
)
from mgi.tasks.segmentation.cohort_tables import DICE_COLUMNS, TEST_COLUMNS


def dice_frame(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    full = [(*row, 0.8, 0.6, 0.9, 0.5, 0.95, 12, 2, 1) for row in rows]
    return pd.DataFrame(full, columns=DICE_COLUMNS)


def test_numbers_have_three_digits_a_true_minus_and_a_dash_for_nothing() -> None:
    assert number(0.12345) == "0.123"
    assert number(-0.5, signed=True) == "−0.500"
    assert number(0.5, signed=True) == "+0.500"
    assert number(math.nan) == "–"
    assert interval(0.1, 0.25) == "0.100 to 0.250"
    assert interval(math.nan, 0.25) == "–"


def test_a_tiny_p_is_not_printed_as_zero() -> None:
    assert p_text(0.0004) == "< 0.001"
    assert p_text(0.04) == "0.040"
    assert p_text(math.nan) == "–"


def test_a_headline_row_joins_score_and_lead() -> None:
    dice = dice_frame(("unet", "none", "volume", 0.6), ("mgi", "real", "volume", 0.7), ("mgi", "real", "pooled", 0.1))
    tests = pd.DataFrame([("unet", "none", 0.1, 0.05, 0.15, 0.01, 0.02, 12)], columns=TEST_COLUMNS)
    first, second = headline_rows(dice, tests, "volume")
    assert (first["method"], first["mean"], first["lead"], first["zero"]) == ("MGI", "0.700", "–", "1")
    assert (second["method"], second["lead"], second["p_holm"]) == ("U-Net", "+0.100", "0.020")
    assert second["lead_interval"] == "+0.050 to +0.150"


def test_the_wide_table_has_a_cell_per_definition_even_where_nothing_was_scored() -> None:
    dice = dice_frame(("mgi", "permuted", "volume", 0.5), ("mgi", "real", "volume", 0.7))
    own, permuted = definition_rows(dice)
    assert (own["genes"], permuted["genes"]) == ("own genes", "another patient's genes")
    assert len(own["cells"]) == len(DEFINITIONS)
    assert own["cells"][0] == {"mean": "0.700", "interval": "0.500 to 0.950"}
    assert own["cells"][1]["mean"] == "–"


def test_durations_are_read_at_a_glance() -> None:
    assert [duration(s) for s in (1.44, 90, 7200)] == ["1.4 s", "1.5 min", "2.0 h"]


def test_memory_that_was_not_measured_is_a_dash() -> None:
    (row,) = cost_rows([RuleCost("split", 1, 2.0, math.nan)])
    assert row == {"rule": "split", "jobs": "1", "wall": "2.0 s", "peak": "–"}


def test_a_lock_shows_release_or_collection() -> None:
    locks = {
        "images": {"source": "tcia", "collection": "TCGA-LGG"},
        "expression": {"source": "matrix", "release": None},
    }
    rows = lock_rows(locks, {"images": "ab", "expression": "cd"})
    assert [(row["kind"], row["release"]) for row in rows] == [("expression", "–"), ("images", "TCGA-LGG")]


def test_rows_are_found_by_name() -> None:
    assert rows_by(pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}), "a")["y"]["b"] == 2


def test_rows_without_genes_name_the_mode_in_the_order_of_methods() -> None:
    table = dice_frame(("unet", "none", "volume", 0.6), ("mgi", "null", "volume", 0.7), ("mgi", "null", "pooled", 0.1))
    rows = gene_free_rows(table, "volume")
    assert [(row["method"], row["genes"], row["mean"], row["n"]) for row in rows] == [
        ("MGI", "null token", "0.700", "12"), ("U-Net", "no genes", "0.600", "12"),
    ]  # fmt: skip


def test_rows_of_other_protocols_carry_their_watermark_and_no_other_genes() -> None:
    columns = ["split", "method", "genes", "definition", "mean", "low", "high", "patients", "slices", "watermark"]
    table = pd.DataFrame(
        [
            ("patient", "mgi", "real", "volume", 0.7, 0.6, 0.8, 9, 90, math.nan),
            ("patient", "mgi", "permuted", "volume", 0.6, 0.5, 0.7, 9, 90, math.nan),
            ("none", "empty-mask", "none", "slice_all_empty_one", 0.65, 0.6, 0.7, 9, 90, "NOT comparable: so"),
        ],
        columns=columns,
    )
    one, empty = paper_like_rows(table)
    assert (one["split"], one["method"], one["watermark"]) == ("by patient", "MGI", "")
    assert (empty["method"], empty["mean"], empty["watermark"]) == ("Predicting nothing", "0.650", "NOT comparable: so")
    assert paper_like_rows(None) == []
