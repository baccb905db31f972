import math

import pandas as pd

from mgi.evaluation.cohort_tables import RESULT_COLUMNS, TEST_COLUMNS
from mgi.tasks.segmentation.definitions import DEFINITIONS
from mgi.tasks.segmentation.report_tables import definition_rows, headline_rows, no_genes_rows, paper_like_rows

COLUMNS = [*RESULT_COLUMNS, "below_half", "zero"]


def dice_frame(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    full = [("segmentation", *row, 0.8, 0.6, 0.9, 0.5, 0.95, 12, 2, 1) for row in rows]
    return pd.DataFrame(full, columns=COLUMNS)


def test_a_headline_row_joins_score_and_lead() -> None:
    dice = dice_frame(("unet", "not_used", "volume", 0.6), ("mgi", "own", "volume", 0.7), ("mgi", "own", "pooled", 0.1))
    tests = pd.DataFrame([("segmentation", "unet", "not_used", 0.1, 0.05, 0.15, 0.01, 0.02, 12)], columns=TEST_COLUMNS)
    first, second = headline_rows(dice, tests, "volume")
    assert (first["method"], first["mean"], first["lead"], first["zero"]) == ("MGI", "0.700", "–", "1")
    assert (second["method"], second["lead"], second["p_holm"]) == ("U-Net", "+0.100", "0.020")
    assert second["lead_interval"] == "+0.050 to +0.150"


def test_the_wide_table_has_a_cell_per_definition_even_where_nothing_was_scored() -> None:
    dice = dice_frame(("mgi", "permuted", "volume", 0.5), ("mgi", "own", "volume", 0.7))
    own, permuted = definition_rows(dice)
    assert (own["expression_input"], permuted["expression_input"]) == ("own genes", "another patient's genes")
    assert len(own["cells"]) == len(DEFINITIONS)
    assert own["cells"][0] == {"mean": "0.700", "interval": "0.500 to 0.950"}
    assert own["cells"][1]["mean"] == "–"


def test_rows_without_genes_name_the_mode_in_the_order_of_methods() -> None:
    table = dice_frame(
        ("unet", "not_used", "volume", 0.6), ("mgi", "null_token", "volume", 0.7), ("mgi", "null_token", "pooled", 0.1)
    )
    rows = no_genes_rows(table, "volume")
    assert [(row["method"], row["expression_input"], row["mean"], row["n"]) for row in rows] == [
        ("MGI", "null token", "0.700", "12"), ("U-Net", "no genes", "0.600", "12"),
    ]  # fmt: skip


def test_rows_of_other_protocols_carry_their_watermark_and_no_other_genes() -> None:
    columns = [
        "split_unit",
        "method",
        "expression_input",
        "definition",
        "mean",
        "low",
        "high",
        "patients",
        "slices",
        "watermark",
    ]
    table = pd.DataFrame(
        [
            ("patient", "mgi", "own", "volume", 0.7, 0.6, 0.8, 9, 90, math.nan),
            ("patient", "mgi", "permuted", "volume", 0.6, 0.5, 0.7, 9, 90, math.nan),
            ("none", "empty-mask", "not_used", "slice_all_empty_one", 0.65, 0.6, 0.7, 9, 90, "NOT comparable: so"),
        ],
        columns=columns,
    )
    one, empty = paper_like_rows(table)
    assert (one["split_unit"], one["method"], one["watermark"]) == ("by patient", "MGI", "")
    assert (empty["method"], empty["mean"], empty["watermark"]) == ("Predicting nothing", "0.650", "NOT comparable: so")
    assert paper_like_rows(None) == []
