import math
import re
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.evaluation.cohort_tables import RESULT_COLUMNS, TEST_COLUMNS
from mgi.tasks.report_parts import ReportInput
from mgi.tasks.segmentation.overlays import OverlayCase
from mgi.tasks.segmentation.paper_like import COLUMNS as PAPER_LIKE
from mgi.tasks.segmentation.reporting import DEFINITIONS, failure_rows, reading, section

COLUMNS = [*RESULT_COLUMNS, "below_half", "zero"]


def dice_frame(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    full = [("segmentation", *row, 0.8, 0.6, 0.9, 0.5, 0.95, 12, 2, 1) for row in rows]
    return pd.DataFrame(full, columns=COLUMNS)


def printed(results: pd.DataFrame, **more: object) -> list[list[str]]:
    """The rows of all tables of the section as the text of their cells, with what stands under a value after a bar."""
    given = {"results": results, "no_genes": results.iloc[:0], "tests": pd.DataFrame(columns=TEST_COLUMNS), **more}
    patients = pd.DataFrame(columns=["patient_id", "method", "expression_input", "volume", "slices", "tumour_slices"])
    rest = {"patients": patients, "predictions": [], "image_shard": Path(), "simulated": False, "headline": "volume"}
    html = unescape(section(ReportInput(**{"unpaired": 0, **rest, **given})).html)
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", html.replace('<span class="under"></span>', ""))
    cells = [re.split(r"<td[^>]*>", row.replace('<span class="under">', "|")) for row in rows]
    return [[re.sub(r"<[^>]*>", "", cell) for cell in row] for row in cells]


def test_a_headline_row_joins_score_and_lead() -> None:
    dice = dice_frame(("unet", "not_used", "volume", 0.6), ("mgi", "own", "volume", 0.7), ("mgi", "own", "pooled", 0.1))
    tests = pd.DataFrame([("segmentation", "unet", "not_used", 0.1, 0.05, 0.15, 0.01, 0.02, 12)], columns=TEST_COLUMNS)
    first, second, *_ = printed(dice, tests=tests)
    assert first == ["MGI", "0.700|0.500 to 0.950", "0.800|0.600 to 0.900", "–", "–", "12", "2", "1"]
    assert (second[0], second[3], second[4]) == ("U-Net", "+0.100|+0.050 to +0.150", "0.020")


def test_the_wide_table_has_a_cell_per_definition_even_where_nothing_was_scored() -> None:
    *_, own, permuted = printed(dice_frame(("mgi", "permuted", "volume", 0.5), ("mgi", "own", "volume", 0.7)))
    assert (own[0], permuted[0]) == ("MGI|own genes", "MGI|another patient's genes")
    assert own[1:] == ["0.700|0.500 to 0.950", *["–"] * (len(DEFINITIONS) - 1)]


def test_rows_without_genes_name_the_mode_in_the_order_of_methods() -> None:
    table = dice_frame(
        ("unet", "not_used", "volume", 0.6), ("mgi", "null_token", "volume", 0.7), ("mgi", "null_token", "pooled", 0.1)
    )
    assert printed(table.iloc[:0], no_genes=table, unpaired=1) == [
        ["MGI|null token", "0.700|0.500 to 0.950", "0.800", "12", "2"],
        ["U-Net|no genes", "0.600|0.500 to 0.950", "0.800", "12", "2"],
    ]


def test_rows_of_other_protocols_carry_their_watermark_and_no_other_genes() -> None:
    table = pd.DataFrame(
        [
            ("patient", "mgi", "own", "volume", 0.7, 0.6, 0.8, 9, 90, math.nan),
            ("patient", "mgi", "permuted", "volume", 0.6, 0.5, 0.7, 9, 90, math.nan),
            ("none", "empty-mask", "not_used", "slice_all_empty_one", 0.65, 0.6, 0.7, 9, 90, "NOT comparable: so"),
        ],
        columns=PAPER_LIKE,
    )
    assert printed(dice_frame(), leaky=table) == [
        ["MGI", "by patient", "Volume", "0.700|0.600 to 0.800", "9", "yes"],
        [
            "Predicting nothing",
            "nothing trained",
            "All slices, empty = 1",
            "0.650|0.600 to 0.700",
            "9",
            "NOT comparable: so",
        ],
    ]  # fmt: skip
    assert printed(dice_frame()) == []


def case(rank: str, patient: str) -> OverlayCase:
    nothing = np.zeros((1, 2, 2), bool)
    return OverlayCase(rank, patient, nothing, nothing, {})


def row(method: str, given: str, patient: str, *, overlap: float, predicted: float) -> dict[str, object]:
    return {
        "method": method, "expression_input": given, "patient_id": patient, "volume": 2 * overlap / (predicted + 1000),
        "overlap_voxels": overlap, "predicted_voxels": predicted, "true_voxels": 1000.0, "tumour_slices": 4.0,
    }  # fmt: skip


PATIENTS = pd.DataFrame(
    [
        row("mgi", "own", "A", overlap=100, predicted=200),
        row("mgi", "null_token", "A", overlap=900, predicted=900),
        row("unet", "not_used", "A", overlap=0, predicted=0),
        row("mgi-no-genes", "not_used", "A", overlap=500, predicted=500),
        row("mgi", "own", "B", overlap=900, predicted=1000),
    ]
)


def test_a_failure_says_what_is_missed_what_is_marked_outside_and_what_others_made_of_it() -> None:
    (found,) = failure_rows(PATIENTS, [case("best", "B"), case("worst", "A"), case("2nd worst", "C")])
    assert (found["rank"], found["patient_id"], found["method"]) == ("worst", "A", "mgi")
    assert (found["missed"], found["outside"]) == (0.9, 0.5)
    assert found["reading"] == "most of the tumour is missed"
    assert [other["method"] for other in found["others"]] == ["unet"]


def test_without_mgi_the_first_network_is_read_and_an_empty_prediction_marks_nothing_outside() -> None:
    (found,) = failure_rows(PATIENTS[PATIENTS["method"] == "unet"], [case("3rd worst", "A")])
    assert (found["method"], found["missed"], found["outside"], found["others"]) == ("unet", 1.0, 0.0, [])


@pytest.mark.parametrize(
    ("missed", "outside", "said"),
    [
        (1.0, 1.0, "nothing of the tumour is found"),
        (0.6, 0.6, "elsewhere for the most part"),
        (0.6, 0.4, "most of the tumour is missed"),
        (0.4, 0.6, "most of what is marked is no tumour"),
        (0.5, 0.5, "the outline is off"),
    ],
)
def test_the_reading_follows_the_two_shares(missed: float, outside: float, said: str) -> None:
    assert reading(missed, outside) == said
