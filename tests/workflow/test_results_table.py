"""The lines at the end of `make demo`."""

from pathlib import Path

import pytest

from lib.results_table import lines_of
from mgi.core.errors import IntegrityError
from mgi.core.sidecar import digested_path

TABLE = """task,method,expression_input,definition,mean,low,high,n
segmentation,unet,not_used,volume,0.5,0.4,0.6,12
segmentation,mgi,own,volume,0.75,0.7,0.8,12
segmentation,mgi,own,slice_positive,0.9,0.8,1.0,12
segmentation,mgi,cohort_mean,volume,,,,0
"""


def test_methods_stand_best_first_with_their_interval(tmp_path: Path) -> None:
    with digested_path(tmp_path / "evaluation/results.csv") as part:
        part.write_text(TABLE)
    assert lines_of(tmp_path) == [
        "Dice of a patient's whole volume: mean with 95 % interval over 12 test patients",
        "  mgi   own       0.750   0.700 to 0.800",
        "  unet  not_used  0.500   0.400 to 0.600",
        f"Report: {tmp_path / 'report.html'}",
    ]


def test_a_long_name_keeps_its_column_to_itself(tmp_path: Path) -> None:
    with digested_path(tmp_path / "evaluation/results.csv") as part:
        part.write_text(f"{TABLE}segmentation,mgi-no-pretraining-at-all,own,volume,0.7,0.6,0.8,12\n")
    _, *rows, _ = lines_of(tmp_path)
    assert len({row.index("0.") for row in rows}) == 1
    assert [row.split()[:2] for row in rows][1] == ["mgi-no-pretraining-at-all", "own"]


def test_a_table_that_was_edited_is_not_shown(tmp_path: Path) -> None:
    table = tmp_path / "evaluation/results.csv"
    with digested_path(table) as part:
        part.write_text(TABLE)
    table.write_text(TABLE.replace("0.75", "0.95"))
    with pytest.raises(IntegrityError, match=r"results\.csv: damaged or edited"):
        lines_of(tmp_path)
