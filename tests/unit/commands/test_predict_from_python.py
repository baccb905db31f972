"""A release as a program uses it."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

import mgi
from predicted_patients import run, table


def test_a_program_gets_the_mask_that_the_command_writes(released, flair, tmp_path: Path) -> None:
    model = mgi.load_release(released.model("mgi"))
    assert model.simulated
    genes = table(tmp_path / "t.tsv", [f"ENSG{index:03d}" for index in range(12)], {"P7": [0.5] * 12})
    asked = mgi.PredictionRequest(image=flair, expression=genes, force=True)
    found = mgi.predict(model, asked)
    found.write(tmp_path / "own/m.nii.gz")
    assert run(flair, released.model("mgi"), tmp_path / "m.nii.gz", f"--expression={genes}") == 0
    assert (tmp_path / "own/m.nii.gz").read_bytes() == (tmp_path / "m.nii.gz").read_bytes()
    assert (tmp_path / "own/m.json").read_bytes() == (tmp_path / "m.json").read_bytes()
    assert found.mask.sum() == np.asarray(nibabel.load(tmp_path / "m.nii.gz").dataobj).sum()
    assert np.array_equal(found.mask > 0, found.probability >= 0.5)
    assert found.probability.max() < 1


def test_an_image_far_from_training_is_refused_with_its_flags(released, flair) -> None:
    model = mgi.load_release(str(released.model("unet")))
    with pytest.raises(mgi.BadInputError, match="flag intensity"):
        mgi.predict(model, str(flair))
