import math

from mgi.reporting.provenance import RuleCost
from mgi.reporting.tables import cost_rows, duration, lock_rows


def test_durations_are_read_at_a_glance() -> None:
    assert [duration(s) for s in (1.44, 90, 7200)] == ["1.4 s", "1.5 min", "2.0 h"]


def test_memory_that_was_not_measured_is_a_dash() -> None:
    (row,) = cost_rows([RuleCost("split", 1, 2.0, math.nan)])
    assert row == {"rule": "split", "jobs": "1", "wall": "2.0 s", "peak": "–"}


def test_a_lock_shows_release_or_collection() -> None:
    locks = {
        "flair": {"source": "tcia", "collection": "TCGA-LGG"},
        "rna": {"source": "matrix", "release": None},
    }
    rows = lock_rows(locks, {"flair": "ab", "rna": "cd"})
    assert [(row["kind"], row["release"]) for row in rows] == [("flair", "TCGA-LGG"), ("rna", "–")]
