"""What stands on a picture of a slice so that it can be read: which side is the patient's left, and a scale bar."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ENDS = (("R", "L"), ("A", "P"), ("I", "S"))
"""Of each axis in LPS mm what lies at its lower and its upper end: right and left, anterior and posterior, ..."""
BARS_MM = (10, 20, 50, 100)


@dataclass(frozen=True)
class Marks:
    """The letters at the left and the right edge of a picture, and mm a pixel along its rows; None where unknown."""

    left: str | None = None
    right: str | None = None
    column_mm: float | None = None
    row_mm: float | None = None

    @property
    def stretch(self) -> float:
        """Height of a pixel over its width."""
        return self.row_mm / self.column_mm if self.row_mm and self.column_mm else 1.0

    def bar(self, columns: int) -> tuple[int, float] | None:
        """Of a picture so many pixels wide the length of its bar, in mm and in pixels: a quarter of the width or so."""
        if self.column_mm is None:
            return None
        length = max((mm for mm in BARS_MM if mm / self.column_mm <= columns / 3), default=BARS_MM[0])
        return length, length / self.column_mm


def marks_of(affine: NDArray[Any] | None, spacing_mm: tuple[float, float] | None) -> Marks:
    """The marks of slices whose `affine` maps (slice, row, column, 1) to LPS mm; `spacing_mm` is of rows, columns."""
    row_mm, column_mm = spacing_mm or (None, None)
    if affine is None:
        return Marks(column_mm=column_mm, row_mm=row_mm)
    along = np.asarray(affine)[:3, 2]
    axis = int(np.argmax(np.abs(along)))
    left, right = ENDS[axis] if along[axis] > 0 else ENDS[axis][::-1]
    return Marks(left, right, column_mm, row_mm)
