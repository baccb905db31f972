import numpy as np


def test_a_volume_and_its_mask_go_to_voxels_of_1_mm_together(benchmark) -> None:
    stripped = benchmark("stripped")
    slices = np.zeros((30, 256, 256), np.uint8)
    slices[10:20, 64:128, 128:192] = 200
    _, finer, mask = stripped.at_1_mm(("A", slices, (slices > 0).astype(np.uint8)))
    assert finer.shape == (stripped.HEIGHT_MM, stripped.WIDTH_MM, stripped.WIDTH_MM)
    assert mask is not None
    assert np.array_equal(mask > 0, finer >= 100)
    assert abs(mask.mean() / (slices > 0).mean() - 1) < 0.02
