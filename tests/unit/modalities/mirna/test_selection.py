import numpy as np
import pytest

from mgi.modalities.mirna.selection import CONSTANT, drop_reasons, log_rpm, moments_and_expressed
from mgi.modalities.mirna.settings import MirnaFitSettings

FEW = "1 RPM reached in fewer than 10% of training patients"


def test_rates_become_logs() -> None:
    np.testing.assert_allclose(log_rpm(np.array([0.0, 1.0, 3.0, 10_576.634253])), [0, 1, 2, 13.368741], rtol=1e-6)


@pytest.mark.parametrize(("patients", "reached", "kept"), [(30, 3, True), (30, 2, False), (31, 3, False), (5, 1, True)])
def test_a_tenth_of_the_patients_must_express_it(patients: int, reached: int, kept: bool) -> None:
    rpm = np.full((patients, 1), 0.5)
    rpm[:reached] = 1.0  # right at the threshold counts, whatever the logarithm rounds
    found = moments_and_expressed(np.array_split(log_rpm(rpm), 3), 1, 1.0)
    assert drop_reasons(*found, MirnaFitSettings()) == [None if kept else FEW]


def test_one_of_no_variance_is_left_out_and_the_threshold_is_set() -> None:
    rpm = np.array([[5.0, 5.0, 0.2], [5.0, 6.0, 0.1]])
    assert drop_reasons(*moments_and_expressed([log_rpm(rpm)], 3, 1.0), MirnaFitSettings()) == [CONSTANT, None, FEW]
    settings = MirnaFitSettings(min_rpm=0.15, min_share=0.5)
    assert drop_reasons(*moments_and_expressed([log_rpm(rpm)], 3, 0.15), settings) == [CONSTANT, None, None]
