import math

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.evaluation.follow_up import follow_up_of


def test_events_may_be_bools_or_zeros_and_ones() -> None:
    assert follow_up_of([1.0, 2.0], [True, False]).events.tolist() == follow_up_of([1, 2], [1, 0]).events.tolist()
    assert follow_up_of([1, 2, 3], [1, 0, 1]).n_events == 2


def test_rows_may_repeat() -> None:
    drawn = follow_up_of([1, 2, 3], [1, 0, 1]).of(np.array([2, 2, 0]))
    assert (drawn.times.tolist(), drawn.n_events) == ([3.0, 3.0, 1.0], 3)


@pytest.mark.parametrize(
    ("times", "events", "said"),
    [
        ([1.0, -0.03], [1, 0], "time: patient 1: found -0.03"),
        ([0.0, 1.0], [1, 0], "time: patient 0: found 0,"),
        ([1.0, math.nan], [1, 0], "time: patient 1: found nan"),
        ([1.0, math.inf], [1, 0], "time: patient 1: found inf"),
        ([1.0, 2.0], [1, 2], "event: patient 1: found 2"),
        ([1.0, 2.0], [1, math.nan], "event: patient 1: found nan"),
        ([1.0, 2.0], [0, 0], "event: all 2 patients are censored"),
        ([], [], "event: all 0 patients are censored"),
        ([1.0, 2.0], [1], "event: "),
    ],
)
def test_what_is_no_follow_up_is_refused(times: list[float], events: list[float], said: str) -> None:
    with pytest.raises(BadInputError, match=f"^OS: {said}"):
        follow_up_of(times, events, "OS")
