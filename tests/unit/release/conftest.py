"""The range of three made-up training patients."""

import pytest

from mgi.release.training_range import Limits, TrainingRange


@pytest.fixture
def trained() -> TrainingRange:
    return TrainingRange(
        n_patients=3,
        quantiles=(0.0,) * 50,
        farthest=0.5,
        rows=Limits(low=10, high=10),
        columns=Limits(low=12, high=14),
        slices=Limits(low=4, high=6),
        pixel_mm=Limits(low=0.8, high=1.0),
        slice_mm=None,
        one_body=0.9,
        expression=Limits(low=0.5, high=2.0),
    )
