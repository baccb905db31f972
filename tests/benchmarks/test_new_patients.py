"""What the benchmark of `mgi predict` counts, on numbers made by hand."""

import io
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def new_patients(benchmark):
    return benchmark("new_patients")


def tiff_of(pixels: np.ndarray) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, format="TIFF")
    return packed.getvalue()


def test_keeping_the_largest_component_costs_what_the_others_hold(new_patients) -> None:
    assert new_patients.dice_of_largest(np.array([7])) == 1.0
    assert new_patients.dice_of_largest(np.array([6, 2])) == pytest.approx(2 * 6 / (6 + 8))


def test_patients_left_over_are_measured_by_the_limit_of_the_others(new_patients) -> None:
    near = np.arange(4.0)[:, None] * np.ones(50)
    found = new_patients.times_the_limit(near, 3, draws=40)
    assert found.shape == (40, 1)
    # 0 from {1, 2, 3}: 2 away, and the farthest of them 1.5; 1 from {0, 2, 3}: 2/3 away of 2.5
    assert set(np.round(found.ravel(), 4)) == {np.round(2 / 1.5, 4), np.round(2 / 3 / 2.5, 4)}


def test_the_tables_are_printed_for_an_archive(new_patients, tmp_path, monkeypatch, capsys) -> None:
    members = {}
    for patient in range(5):
        rng, stem = np.random.default_rng(patient), f"TCGA_CS_494{patient}_19970222"
        for number in (1, 2):
            image = rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)
            mask = np.zeros((12, 12), np.uint8)
            mask[2:5, 2:5] = 255
            mask[9, 9] = 255 * (patient == 0)
            members[f"kaggle_3m/{stem}/{stem}_{number}.tif"] = tiff_of(image)
            members[f"kaggle_3m/{stem}/{stem}_{number}_mask.tif"] = tiff_of(mask)
    with zipfile.ZipFile(archive := tmp_path / "k.zip", "w") as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    monkeypatch.setattr(new_patients, "TRAINED_ON", (3,))
    monkeypatch.setattr(sys, "argv", ["new_patients.py", f"--archive={archive}", "--draws=5"])
    new_patients.main()
    said = capsys.readouterr().out
    assert "5 patients, 5 draws" in said
    assert "reference masks: 5, of more than one component: 1" in said
    assert "worst 0.0526 (TCGA_CS_4940_19970222, 2 components)" in said  # 18 of 20 voxels
