"""Simulated slides to be read, and the real one where it lies."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mgi.modalities.slides import timm_encoder
from mgi.modalities.slides.tiles import TileForm
from mgi_standin.simulation.latent_factors import SUBTYPES, draw_factors
from mgi_standin.simulation.slides import Histology, SimulatedSlide, draw_slide
from mgi_standin.simulation.slides_svs import SvsForm, write_svs
from scripted_server import _dicom_slice, _zip_of, reply, service_at, stub

__all__ = ["_dicom_slice", "_zip_of", "reply", "service_at", "stub"]
REAL = Path(os.environ.get("MGI_SHARED_DATA", "/nowhere")) / "slides/CMU-1-Small-Region.svs"


def drawn(seed: int = 0, mpp: float = 1.0, extent_um: float = 512.0) -> SimulatedSlide:
    """A square slide of this many micrometres; the same tissue at any resolution."""
    subtype, rng = SUBTYPES[seed % 3], np.random.default_rng(seed)
    pixels = round(extent_um / mpp)
    histology = Histology(subtype=subtype, factors=draw_factors(subtype, rng))
    return draw_slide(histology, shape=(pixels, pixels), mpp=mpp, rng=np.random.default_rng(1000 + seed))


def written(path: Path, slide: SimulatedSlide, pixels: np.ndarray | None = None, **form: object) -> Path:
    write_svs(
        path,
        slide.pixels if pixels is None else pixels,
        magnification=slide.magnification,
        mpp=slide.mpp,
        form=SvsForm(**form),  # type: ignore[arg-type]
    )
    return path


@pytest.fixture(scope="session")
def form() -> TileForm:
    return TileForm(px=64, mpp=1.0, min_tissue=0.5)


@pytest.fixture(scope="session")
def draw() -> Callable[..., SimulatedSlide]:
    return drawn


@pytest.fixture(scope="session")
def write() -> Callable[..., Path]:
    return written


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of timm's test_vit, with a classifier, as published ones are."""
    if timm_encoder.timm is None:
        pytest.skip("timm is not installed")
    from safetensors.torch import save_file

    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    save_file(timm_encoder.timm.create_model("test_vit", pretrained=False).state_dict(), path)
    return path


@pytest.fixture(scope="session")
def real() -> Path:
    if not REAL.is_file():
        pytest.skip("no real slide below MGI_SHARED_DATA")
    return REAL
