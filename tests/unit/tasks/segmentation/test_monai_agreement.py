"""Our numbers against MONAI's, where its conventions are ours."""

import warnings
from types import ModuleType

import numpy as np
import pytest

from mgi.tasks.segmentation.dice import Mask, dice
from mgi.tasks.segmentation.surfaces import hd95_px, nsd_px


@pytest.fixture(scope="module")
def monai_metrics() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("monai.metrics")


def blobs(seed: int) -> tuple[Mask, Mask]:
    """Two overlapping discs on one slice, away from the border."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:48, :48]
    centres, radii = rng.uniform(20, 28, (2, 2)), rng.uniform(6, 12, 2)
    first, second = ((rows - y) ** 2 + (cols - x) ** 2 < r**2 for (y, x), r in zip(centres, radii, strict=True))
    return first[None], second[None]


@pytest.mark.parametrize("seed", range(5))
def test_dice_and_surface_scores_agree_with_monai(seed: int, monai_metrics: ModuleType) -> None:
    torch = pytest.importorskip("torch")
    prediction, truth = blobs(seed)
    p, t = (torch.from_numpy(mask[None].astype(np.float32)) for mask in (prediction, truth))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = monai_metrics.compute_dice(p, t, ignore_empty=False)
        hausdorff = monai_metrics.compute_hausdorff_distance(p, t, include_background=True, percentile=95)
        surface = monai_metrics.compute_surface_dice(p, t, class_thresholds=[2.0], include_background=True)
    assert dice(prediction, truth) == pytest.approx(float(theirs), abs=1e-6)
    assert hd95_px(prediction, truth) == pytest.approx(float(hausdorff), abs=1e-5)
    assert nsd_px(prediction, truth, 2.0) == pytest.approx(float(surface), abs=1e-5)


def test_monai_by_default_forgives_false_positives_on_empty_slices(monai_metrics: ModuleType) -> None:
    torch = pytest.importorskip("torch")
    truth = torch.zeros(3, 1, 4, 4)
    truth[0, 0, :2, :2] = 1
    prediction = truth.clone()
    prediction[2, 0, 0, 0] = 1
    forgiving = monai_metrics.compute_dice(prediction, truth, ignore_empty=True)
    strict = monai_metrics.compute_dice(prediction, truth, ignore_empty=False)
    assert torch.isnan(forgiving).flatten().tolist() == [False, True, True]
    assert strict.flatten().tolist() == [1.0, 1.0, 0.0]
