import numpy as np

from mgi.core.column_moments import ColumnMoments
from mgi.modalities.rppa.selection import CONSTANT, drop_reasons
from mgi.modalities.rppa.settings import RppaFitSettings


def test_antibodies_of_too_few_patients_are_left_out() -> None:
    values = np.array([[1, np.nan, np.nan, 2], [2, np.nan, 1, 2], [3, 1, np.nan, 2], [4, 2, 2, 2]], np.float32)
    values[1, 1] = np.nan
    moments = ColumnMoments(4)
    moments.add(values)
    assert drop_reasons(moments, RppaFitSettings()) == [None, None, None, CONSTANT]
    missing = "missing in more than 40% of training patients"
    assert drop_reasons(moments, RppaFitSettings(max_missing=0.4)) == [None, missing, missing, CONSTANT]
