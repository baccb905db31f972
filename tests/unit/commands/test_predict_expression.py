"""Expression of a new patient on the genes and the scale of the model."""

import re
from pathlib import Path

import numpy as np
import pytest

from mgi.core.errors import ConfigError
from mgi.release.new_patient import doubt_of_names
from mgi.release.package import load_release
from mgi.release.request import PredictionRequest
from predicted_patients import flags, report, run, table


def test_expression_is_put_on_the_frozen_genes_and_scaler(released, study, flair, genes_seen, tmp_path: Path) -> None:
    release = load_release(released.model("mgi"))
    values = np.random.default_rng(1).normal(size=12).round(3)
    order = [f"ENSG{index:03d}" for index in range(12)]
    path = table(tmp_path / "t.tsv", order[::-1], {"other": [0.0] * 12, "P7": values[::-1].tolist()})
    out = tmp_path / "m.nii.gz"
    assert run(flair, released.model("mgi"), out, f"--expression={path}", "--patient=P7") == 0
    assert run(flair, released.model("mgi"), out) == 0
    expected = release.fitted.transform(values[None].astype(np.float32))[0]
    assert np.array_equal(genes_seen[0], expected)
    assert genes_seen[1] is None
    assert report(out)["genes"]["used"] == "without genes (null token)"


def test_missing_genes_are_counted_filled_with_the_mean_and_refused_above_a_share(
    released, flair, genes_seen, tmp_path: Path, capsys
) -> None:
    values = [1.0, 0.5, float("nan"), *np.linspace(-1, 1, 8).tolist()]
    path = table(tmp_path / "t.tsv", [f"ENSG{index:03d}" for index in range(11)], {"P7": values})
    out = tmp_path / "m.nii.gz"
    assert run(flair, released.model("mgi"), out, f"--expression={path}") == 5
    said = capsys.readouterr().err
    assert re.search("2 .*12 .*ENSG002.*10%", said)
    assert said.count("\n") == 1
    assert not out.exists()
    assert run(flair, released.model("mgi"), out, f"--expression={path}", "--max-missing=0.2") == 0
    assert "flag missing_genes: 2 of 12 genes" in capsys.readouterr().err
    assert np.abs(genes_seen[0][[2, 11]]).max() < 1e-6
    assert np.abs(genes_seen[0][[0, 1, 3]]).min() > 1e-3
    genes = report(out)["genes"]
    assert (genes["missing"], genes["missing_genes"], genes["filled_with"]) == (
        2,
        ["ENSG002", "ENSG011"],
        "training mean",
    )


def test_values_on_another_scale_are_flagged(released, flair, genes_seen, tmp_path: Path) -> None:
    path = table(tmp_path / "t.tsv", [f"ENSG{index:03d}" for index in range(12)], {"P7": [1000.0] * 12})
    assert run(flair, released.model("mgi"), tmp_path / "m.nii.gz", f"--expression={path}") == 0
    assert {"expression", "expression_scale"} <= set(flags(tmp_path / "m.nii.gz"))


def test_the_genes_of_another_patient_than_the_images_are_refused() -> None:
    given = PredictionRequest(image=Path("dicom"), sample="A")
    for image_id, sample in (
        (None, "TCGA-CS-0001"),
        ("tcga_cs_0001", "TCGA-CS-0001-01A"),
        ("MRN 7", "mrn 7"),
    ):
        assert doubt_of_names(image_id, sample, given) is None
    assert "PatientID 'MRN 7', the genes are of 'TCGA-CS-0001'" in doubt_of_names("MRN 7", "TCGA-CS-0001", given)
    assert doubt_of_names("MRN 7", "TCGA-CS-0001", PredictionRequest(image=Path("dicom"))) is None
    with pytest.raises(ConfigError, match=r"dicom: PatientID 'TCGA-DU-0002', but --expression is of 'TCGA-CS-0001'"):
        doubt_of_names("TCGA-DU-0002", "TCGA-CS-0001", given)
