"""Classification and survival of patients who have a scan, a slide, or both, by the commands."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mgi.cli import main
from mri_and_slides import ScansAndSlides

AUDITED = {"own", "permuted", "cohort_mean", "null_token", "image_left_out"}
OF_SEVERAL = {f"{image}_{kind}" for image in ("flair", "slides") for kind in ("left_out", "alone")}


@pytest.fixture
def both(write_study, tmp_path: Path) -> ScansAndSlides:
    return ScansAndSlides(write_study(tmp_path / "study"))


@pytest.fixture
def complete(write_study, tmp_path: Path) -> ScansAndSlides:
    """Nobody lacks anything, so that images can be exchanged between the two test patients."""
    return ScansAndSlides(write_study(tmp_path / "study"), no_scan=(), no_slide=())


@pytest.mark.parametrize(("task", "headline"), [("classification", "auc"), ("survival", "c_index")])
def test_a_task_goes_from_both_images_to_tables_though_some_lack_one(
    both: ScansAndSlides, task: str, headline: str
) -> None:
    assert [both.pretrain_of(image) for image in ("flair", "slides")] == [0, 0]
    tables = both.compared(task)
    results = tables["results-table"]
    cases = set(zip(results["method"], results["expression_input"], strict=True))
    assert cases == {
        *(("mgi", given) for given in AUDITED | OF_SEVERAL),
        *(("mgi-no-pretraining", given) for given in AUDITED | OF_SEVERAL),
        ("mgi-no-genes", "not_used"), *(("mgi-no-genes", f"{image}_left_out") for image in ("flair", "slides")),
        ("mgi-no-image", "own"), ("mgi-no-image", "permuted"),
        *((f"mgi-no-{image}", given) for image in ("flair", "slides") for given in AUDITED),
    }  # fmt: skip
    assert headline in set(results["definition"])
    conditions = set(tables["audit"]["condition"])
    assert {"no-flair", "no-slides", "flair_left_out", "slides_left_out"} <= conditions


def test_each_image_is_pretrained_on_those_who_have_it(both: ScansAndSlides) -> None:
    for image, lacking in (("flair", both.no_scan), ("slides", both.no_slide)):
        assert both.pretrain_of(image) == 0
        record = json.loads((both.study.folder / f"runs/pretrain-{image}-fold0-seed0/run.json").read_text())
        assert record["patients"]["train"] == 4 - len(set(lacking) & set(both.study.role("train")))


def test_the_network_starts_from_both_and_its_genes_from_the_first(both: ScansAndSlides) -> None:
    assert [both.pretrain_of(image) for image in ("flair", "slides")] == [0, 0]
    run = both.described("classification")
    assert both.finetune(run, image_encoder_lr_scale=0.0, gene_encoder_lr_scale=0.0) == 0
    found = both.tensors(run)
    starts = {image: both._loaded(f"pretrain-{image}-fold0-seed0") for image in ("flair", "slides")}
    for key, tensor in found.items():
        if key.startswith(("image_encoder.", "gene_encoder.")):
            assert torch.equal(tensor, starts["flair"][key]), key
        if key.startswith("slide_encoder."):
            assert torch.equal(tensor, starts["slides"][key.replace("slide_encoder", "image_encoder")]), key


def test_a_fresh_slide_encoder_standardises_by_training(both: ScansAndSlides) -> None:
    run = both.described("classification", "no-pretraining")
    assert both.finetune(run) == 0
    mean = both.tensors(run)["slide_encoder.embedding.tile_mean"]
    assert mean.abs().sum() > 0


def test_who_lacks_an_image_is_predicted_as_with_it_left_out(both: ScansAndSlides) -> None:
    run = both.described("classification", "no-pretraining")
    assert both.finetune(run) == 0
    found = both.probabilities(run)
    first, second = both.study.role("test")
    assert first in both.no_scan
    assert second in both.no_slide
    assert np.isfinite(list(found["own"].values())).all()
    assert found["own"][first] == found["flair_left_out"][first]
    assert found["own"][second] == found["slides_left_out"][second]
    assert found["own"][first] != found["slides_left_out"][first]
    assert found["own"][second] != found["flair_left_out"][second]


def test_an_image_of_another_patient_is_that_image(complete: ScansAndSlides) -> None:
    run = complete.described("classification", "no-genes")
    assert complete.finetune(run, start=None) == 0
    found = complete.probabilities(run)
    first, second = complete.study.role("test")
    for image, other in (("flair", "slides"), ("slides", "flair")):
        swapped, alone = found[f"{image}_permuted-0"], found[f"{other}_left_out"]
        assert swapped != found["not_used"], image
        assert {"flair_permuted-0", "slides_permuted-0"} <= set(found)
        assert alone[first] != alone[second], "each image alone tells the two apart"


def test_a_control_never_sees_the_image_that_it_is_without(
    complete: ScansAndSlides, write_study, tmp_path: Path
) -> None:
    def change(patient: str, arrays: dict[str, np.ndarray]) -> None:
        arrays["volume"][:] = arrays["volume"][:, ::-1].copy()
        arrays["mask"][:] = arrays["mask"][:, ::-1].copy()

    other = ScansAndSlides(write_study(tmp_path / "other", change), no_scan=(), no_slide=())
    for control, same in (("no-flair", True), ("no-slides", False)):
        found = []
        for one in (complete, other):
            run = one.described("classification", control)
            assert one.finetune(run, start=None) == 0
            found.append(one.probabilities(run))
        assert (found[0] == found[1]) is same, control


def test_another_slide_width_than_that_of_the_weights_is_refused(
    both: ScansAndSlides, capsys: pytest.CaptureFixture[str]
) -> None:
    run = both.described("classification", "no-pretraining")
    assert both.finetune(run) == 0
    line = both.study.line("predict-fold", run.key, **{"run-json": run.as_json()})
    assert main(line) != 0
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "--slide-shard: found none, expected tiles of 6 numbers" in said


def test_who_has_neither_is_refused_by_name(write_study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = ScansAndSlides(write_study(tmp_path / "study"), no_scan=(2,), no_slide=(2,))
    assert both.finetune(both.described("classification", "no-pretraining")) != 0
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"{both.study.patients[2]}: no scan and no slide, expected one of both" in said
