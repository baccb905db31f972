"""A cohort in one process: a line and a row a patient, nothing done twice, and no patient stopped by another."""

import json
import os
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mgi.cli import main
from predicted_patients import OBLIQUE, save_nifti, table, volume, write_slices


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """A folder of three patients, two NIfTI files and slices, and a table of them with a fourth whose file is text."""
    folder = tmp_path / "images"
    folder.mkdir()
    for seed, name in enumerate(("P1_flair.nii.gz", "P2.nii")):
        save_nifti(folder / name, volume(seed)[0], OBLIQUE)
    write_slices(folder / "P3", volume(2)[0] // 4)
    (tmp_path / "text.nii").write_text("hello")
    lines = ["patient\timage", "P1\timages/P1_flair.nii.gz", "bad\ttext.nii", "P2\timages/P2.nii", "P3\timages/P3"]
    (tmp_path / "patients.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path


def predict(cohort: Path, model: Path, *more: str, output: str = "out") -> int:
    return main(["predict", f"--model={model}", f"--output={cohort / output}", "--force", *more])


def rows(cohort: Path) -> pd.DataFrame:
    return pd.read_csv(cohort / "out/patients.csv").set_index("patient")


def test_each_patient_has_what_it_gets_alone_and_a_row(released, bright, cohort: Path, capsys) -> None:
    model = released.model("unet")
    assert predict(cohort, model, f"--folder={cohort / 'images'}") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "unet-fold0-seed0 was trained on SIMULATED patients: of real ones it says nothing"
    assert [line.partition(": ")[0] for line in said[1:4]] == ["1 of 3", "2 of 3", "3 of 3"]
    assert "flag " in said[1]
    for patient, image in (("P1", "P1_flair.nii.gz"), ("P2", "P2.nii")):
        alone = ["predict", str(cohort / "images" / image), f"--model={model}", f"--output={cohort / 'alone.nii.gz'}"]
        assert main([*alone, "--force"]) == 0
        assert (cohort / f"out/{patient}.nii.gz").read_bytes() == (cohort / "alone.nii.gz").read_bytes()
        report, own = (json.loads((cohort / name).read_text()) for name in (f"out/{patient}.json", "alone.json"))
        assert report["mask"] == own["mask"]
        row = rows(cohort).loc[patient]
        assert (row["voxels"], row["volume_ml"]) == (own["mask"]["voxels"], own["mask"]["volume_ml"])
        assert row["flags"].split() == [flag["flag"] for flag in own["flags"]]
    assert len(list((cohort / "out/P3").iterdir())) == 5
    assert pd.isna(rows(cohort).loc["P3", "volume_ml"])


def test_one_bad_patient_stops_no_other_and_its_line_and_row_say_why(released, bright, cohort: Path, capsys) -> None:
    assert predict(cohort, released.model("unet"), f"--table={cohort / 'patients.tsv'}") == 5
    said = capsys.readouterr()
    reason = f"{cohort / 'text.nii'}: not an image that is read, expected NIfTI"
    assert f"2 of 4: bad: FAILED: {reason}" in said.out
    assert said.err == "mgi predict: 1 of 4 patients have no result (bad): their lines say why\n"
    found = rows(cohort)
    assert found["status"].to_dict() == {"P1": "done", "bad": "failed", "P2": "done", "P3": "done"}
    assert reason in found.loc["bad", "error"]
    assert not list((cohort / "out").glob("bad*"))


def test_a_second_run_has_nothing_to_do_and_does_what_changed_or_is_missing(
    released, bright, cohort: Path, capsys
) -> None:
    options = [f"--folder={cohort / 'images'}", "--probabilities"]
    assert predict(cohort, released.model("unet"), *options) == 0
    files = sorted(path for path in (cohort / "out").rglob("*") if path.is_file())
    before = {path: path.stat().st_mtime_ns for path in files}
    capsys.readouterr()
    assert predict(cohort, released.model("unet"), *options) == 0
    assert capsys.readouterr().out.count("done before") == 4  # three lines and the sum
    assert {path: path.stat().st_mtime_ns for path in files} == before
    save_nifti(cohort / "images/P2.nii", volume(7)[0], OBLIQUE)
    (cohort / "out/P3_probability/TCGA_CS_0001_20000101_8_probability.tif").unlink()
    (cohort / "out/P1.json").write_text("{}")
    capsys.readouterr()
    assert predict(cohort, released.model("unet"), *options) == 0
    assert "0 done before, 0 failed" in capsys.readouterr().out
    assert predict(cohort, released.model("unet"), *options, "--largest-component") == 0
    assert "0 done before, 0 failed" in capsys.readouterr().out


def test_of_a_patient_who_fails_now_no_former_report_is_left(released, bright, cohort: Path) -> None:
    options = [f"--folder={cohort / 'images'}"]
    assert predict(cohort, released.model("unet"), *options) == 0
    (cohort / "images/P2.nii").write_bytes((cohort / "images/P2.nii").read_bytes()[:1000])
    assert predict(cohort, released.model("unet"), *options) == 5
    assert rows(cohort)["status"].to_dict() == {"P1": "done", "P2": "failed", "P3": "done"}
    assert not (cohort / "out/P2.json").exists()


def test_a_table_of_expression_is_read_for_all_and_each_gets_its_own(
    released, genes_seen, cohort: Path, monkeypatch
) -> None:
    genes = [f"ENSG{index:03d}" for index in range(12)]
    values = {f"P{number}": (np.arange(12) * number / 10).round(1).tolist() for number in (1, 2, 3)}
    path = table(cohort / "rna.tsv", genes, values)
    options = [f"--folder={cohort / 'images'}", f"--expression={path}"]
    assert predict(cohort, released.model("mgi"), *options) == 0
    together, genes_seen[:] = list(genes_seen), []
    for patient, image in (("P1", "P1_flair.nii.gz"), ("P2", "P2.nii")):
        alone = [str(cohort / "images" / image), f"--expression={path}", f"--patient={patient}"]
        assert predict(cohort, released.model("mgi"), *alone, output="alone.nii.gz") == 0
    assert len(together) == 3
    assert all(np.array_equal(one, own) for one, own in zip(together, genes_seen, strict=False))
    assert not np.array_equal(together[0], together[1])
    assert rows(cohort)["genes"].tolist() == ["genes of P1", "genes of P2", "genes of P3"]


def test_a_patient_with_a_bad_value_or_without_a_sample_fails_alone(released, bright, cohort: Path) -> None:
    genes = [f"ENSG{index:03d}" for index in range(12)]
    path = table(cohort / "rna.tsv", genes, {"P1": [0.5] * 12, "P2": ["x", *[0.5] * 11]})
    assert predict(cohort, released.model("mgi"), f"--folder={cohort / 'images'}", f"--expression={path}") == 5
    assert rows(cohort)["status"].tolist() == ["done", "failed", "failed"]
    assert "none of" in rows(cohort).loc["P3", "error"]


def test_probabilities_lie_on_the_mask_and_readers_see_them_as_shares(released, bright, cohort: Path) -> None:
    assert predict(cohort, released.model("unet"), f"--folder={cohort / 'images'}", "--probabilities") == 0
    mask, shares = (nibabel.load(cohort / f"out/P1{more}.nii.gz") for more in ("", "_probability"))
    assert np.array_equal(mask.affine, shares.affine)
    assert set(np.unique(shares.get_fdata())) == {0.0, 255 / 256}  # the stand-in's
    assert np.array_equal(shares.get_fdata() >= 0.5, np.asarray(mask.dataobj) > 0)
    plane = np.array(Image.open(cohort / "out/P3_probability/TCGA_CS_0001_20000101_9_probability.tif"))
    own = np.array(Image.open(cohort / "out/P3/TCGA_CS_0001_20000101_9_mask.tif"))
    assert np.array_equal(plane >= 128, own > 0)
    assert json.loads((cohort / "out/P1.json").read_text())["probabilities"] == ["P1_probability.nii.gz"]


def test_releases_of_several_runs_answer_together(released, cohort: Path, capsys) -> None:
    image, model = str(cohort / "images/P1_flair.nii.gz"), released.model("unet")
    line = ["predict", image, f"--output={cohort / 'm.nii.gz'}", "--force", "--ensemble"]
    assert main([*line, str(model), str(model)]) == 5
    assert "run: found unet-fold0-seed0 a second time" in capsys.readouterr().err
    assert main([*line, str(model), str(released.model("mgi"))]) == 5
    assert "method: found mgi, expected unet" in capsys.readouterr().err
    assert main([*line, str(model), "--threads=1"]) == 0
    assert json.loads((cohort / "m.json").read_text())["model"]["run"] == "unet-fold0-seed0"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--table=p.tsv", "--folder=f"], "IMAGE or --slide, --table and --folder: expected one of them"),
        (["--table=p.tsv", "--patient=P1"], "--patient: only of one patient; of a cohort it is the column sample"),
        (["--table=p.tsv", "--series=1.2"], "--series: only of one patient; of a cohort it is the column series"),
        (["--folder=.", "--ensemble", "m"], "--model and --ensemble: expected one of them"),
        (["--folder=.", "--threads=0"], "--threads: found 0, expected 1 or more"),
        (["--folder={cohort}"], "lies in --folder"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(more, said, released, cohort: Path, capsys) -> None:
    given = [one.format(cohort=cohort) for one in more]
    assert predict(cohort, released.model("unet"), *given) == 2
    assert said in capsys.readouterr().err
    assert not os.path.lexists(cohort / "out")


def test_one_samples_counts_are_not_everybodys(released, bright, cohort: Path, star_text, capsys) -> None:
    (cohort / "star.tsv").write_text(star_text({"ENSG000": 1.0}))
    options = [f"--folder={cohort / 'images'}", f"--expression={cohort / 'star.tsv'}"]
    assert predict(cohort, released.model("mgi"), *options) == 2
    assert "STAR-Counts of one sample for 3 patients" in capsys.readouterr().err
