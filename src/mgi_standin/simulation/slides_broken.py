"""Slides with something wrong or unusual, as archives and users have them, each written from one whole slide."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mgi_standin.simulation.slides import SimulatedSlide
from mgi_standin.simulation.slides_stain import GLASS
from mgi_standin.simulation.slides_svs import SvsForm, write_svs
from mgi_standin.simulation.slides_tiff import Pixels

HUGE_MPP = 500.0
PEN_INKS = ((30, 60, 160), (20, 120, 60), (25, 25, 30), (200, 30, 40))  # blue, green, black, red
Change = Callable[[Pixels], Pixels]
_AS_USUAL = SvsForm()


def _as_it_is(pixels: Pixels) -> Pixels:
    return pixels


def _glass(pixels: Pixels) -> Pixels:
    """Bare glass with the sensor's noise."""
    noise = np.random.default_rng(0).normal(GLASS, 2.0, pixels.shape)
    return np.clip(np.rint(noise), 0, 255).astype(np.uint8)


def _black(pixels: Pixels) -> Pixels:
    return np.zeros_like(pixels)


def _penned(pixels: Pixels) -> Pixels:
    """A line of each ink along the top of the slide."""
    marked, width = pixels.copy(), pixels.shape[0] // 24
    for index, ink in enumerate(PEN_INKS):
        top = width // 2 + index * width
        marked[top : top + width * 2 // 3, width:-width] = ink
    return marked


def _pen_alone(pixels: Pixels) -> Pixels:
    return _penned(_glass(pixels))


@dataclass(frozen=True, kw_only=True)
class Case:
    """How one file differs from a whole slide; `kept` is the share of its bytes that is left."""

    change: Change = _as_it_is
    with_mpp: bool = True
    with_magnification: bool = True
    mpp: float | None = None
    form: SvsForm = _AS_USUAL
    kept: float = 1.0


CASES = {
    "whole": Case(),
    "no-mpp": Case(with_mpp=False, with_magnification=False),
    "magnification-without-mpp": Case(with_mpp=False),
    "single-level": Case(form=SvsForm(levels=())),
    "white": Case(change=_glass),
    "black": Case(change=_black),
    "pen-marked": Case(change=_penned),
    "pen-alone": Case(change=_pen_alone),
    "truncated": Case(kept=0.5),
    "empty": Case(kept=0.0),
    "one-bad-tile": Case(form=SvsForm(garbled=1)),
    "jpeg": Case(form=SvsForm(compression="jpeg")),
    "jpeg2000": Case(form=SvsForm(compression="jpeg2000")),
    "tiles-of-240": Case(form=SvsForm(tile=240)),
    "huge-mpp": Case(mpp=HUGE_MPP),
}


def write_case(path: Path, name: str, slide: SimulatedSlide) -> None:
    """Write the slide as the case of this name in CASES has it."""
    case = CASES[name]
    write_svs(
        path,
        case.change(slide.pixels),
        magnification=slide.magnification if case.with_magnification else None,
        mpp=(case.mpp or slide.mpp) if case.with_mpp else None,
        form=case.form,
    )
    if case.kept < 1:
        data = path.read_bytes()
        path.write_bytes(data[: int(case.kept * len(data))])
