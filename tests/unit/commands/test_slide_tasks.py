"""Classification and survival of patients who are seen by slides, by the commands."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from labelled_slides import LabelledSlides
from mgi.shards.bags import Bag
from slide_study import TILES, WIDTH, bag_of, write_bags


@pytest.fixture
def slides(write_study, tmp_path: Path) -> LabelledSlides:
    return LabelledSlides(write_study(tmp_path / "study"))


@pytest.mark.parametrize(("task", "headline"), [("classification", "auc"), ("survival", "c_index")])
def test_a_task_goes_from_slides_to_tables_without_any_scan(slides: LabelledSlides, task: str, headline: str) -> None:
    assert slides.pretrain() == 0
    shutil.rmtree(slides.study.folder / "images")
    tables = slides.compared(task)
    results = tables["results-table"]
    cases = set(zip(results["method"], results["expression_input"], strict=True))
    inputs = {"own", "permuted", "cohort_mean", "null_token", "image_left_out", "image_permuted"}
    assert cases == {
        *(("mgi", given) for given in inputs), ("mgi-no-genes", "not_used"), ("mgi-no-genes", "image_permuted"),
        ("mgi-no-image", "own"), ("mgi-no-image", "permuted"),
        *(("mgi-no-pretraining", given) for given in inputs),
    }  # fmt: skip
    assert headline in set(results["definition"])
    assert set(tables["audit"]["condition"]) == {*inputs, "no-genes", "no-image", "no-pretraining"}
    everybody = tables["no-genes"].set_index("method")
    assert everybody.loc["mgi", "n"].iloc[0] == 3, "also the patient without expression"


def test_another_patients_slide_is_that_slide(slides: LabelledSlides) -> None:
    run = slides.described("classification", "no-genes")
    assert slides.finetune(run) == 0
    found = slides.probabilities(run)
    others = {patient: one[0] for patient, one in found["image_permuted-0"].items()}
    own = {patient: found["not_used"][patient][0] for patient in others}
    assert sorted(others.values()) == pytest.approx(sorted(own.values()), abs=1e-6)
    assert all(others[patient] != pytest.approx(own[patient], abs=1e-6) for patient in others)


def test_what_leaves_the_slide_out_does_not_change_with_it(
    slides: LabelledSlides, write_study: Any, tmp_path: Path
) -> None:
    def change(patient: str, bag: Bag) -> None:
        if patient in slides.study.role("test"):
            bag.embeddings[:] = -bag.embeddings

    other, run = LabelledSlides(write_study(tmp_path / "other"), change), slides.described("classification")
    found = []
    for one in (slides, other):
        assert one.finetune(run, start=None) == 0
        found.append(one.probabilities(run))
    assert slides.study.weights(run.key).read_bytes() == other.study.weights(run.key).read_bytes()
    assert found[0]["image_left_out"] == found[1]["image_left_out"]
    for given in ("own", "null_token", "cohort_mean"):
        assert all(found[0][given][patient] != found[1][given][patient] for patient in slides.study.role("test"))


@pytest.mark.parametrize("kind", ["transformer", "gated_attention", "mean"])
def test_a_class_that_slides_tell_is_learned_from_them(slides: LabelledSlides, kind: str) -> None:
    run = slides.described("classification", "no-genes")
    model, schedule = {"slide_encoder": kind}, {"steps": 60, "validate_every": 60, "learning_rate": 0.01}
    assert slides.finetune(run, start=None, model=model, schedule=schedule, image_encoder_lr_scale=1.0) == 0
    found = slides.probabilities(run)
    for patient in slides.study.role("test"):
        truth = slides.classes[patient]
        assert found["not_used"][patient][("high", "low").index(truth)] > 0.8
        assert found["image_permuted-0"][patient][("high", "low").index(truth)] < 0.2, "two test patients, unlike"


def test_fresh_encoders_standardise_tiles_by_training_and_others_keep_what_they_have(slides: LabelledSlides) -> None:
    assert slides.pretrain() == 0
    run = slides.described("classification")
    assert slides.finetune(run, start=None) == 0
    name = "image_encoder.embedding.tile_mean"
    training = [slides.study.patients.index(one) for one in slides.study.role("train")]
    tiles = np.concatenate([bag_of("", index, shift=float(index % 2)).embeddings for index in training])
    expected = torch.from_numpy(tiles.astype(np.float64).mean(0)).float()
    assert torch.allclose(slides.tensors(run)[name], expected, atol=1e-5)
    assert slides.finetune(run, image_encoder_lr_scale=0.0) == 0
    pretrained = slides.pretrained_tensors()
    for key, tensor in slides.tensors(run).items():
        if key.startswith("image_encoder."):
            assert torch.equal(tensor, pretrained[key])


def test_weights_of_other_tiles_are_refused(slides: LabelledSlides, capsys: pytest.CaptureFixture[str]) -> None:
    run = slides.described("classification")
    assert slides.finetune(run, start=None) == 0
    (slides.study.weights(run.key).parent / "run.json").unlink()  # else its digests tell that the shard is another
    bags = [bag_of(patient, 0) for patient in slides.study.patients]
    write_bags(slides.shard, [replace(one, embeddings=np.tile(one.embeddings, (1, 2))) for one in bags])
    assert slides.command("predict-fold", run) != 0
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"found tiles of {2 * WIDTH} numbers, expected tiles of {WIDTH} numbers" in said


def test_the_record_says_of_how_many_patients_it_learned(slides: LabelledSlides) -> None:
    run = slides.described("survival")
    assert slides.finetune(run, start=None) == 0
    record = json.loads((slides.study.folder / f"runs/{run.key}/run.json").read_text())
    assert record["patients"]["train"] == 4
    assert record["run"]["inputs"] == ["slides", "rna"]


def test_attention_is_of_all_tiles_of_the_test_patients_and_adds_up(slides: LabelledSlides) -> None:
    run = slides.described("classification")
    assert slides.finetune(run, start=None, model={"slide_encoder": "mean"}) == 0
    output = slides.study.folder / "attention.parquet"
    assert slides.command("tile-attention", run, output=output) == 0
    rows = pq.read_table(output).to_pylist()
    assert [row["patient_id"] for row in rows] == [one for one in slides.study.role("test") for _ in range(TILES)]
    assert {row["attention"] for row in rows} == {np.float32(1 / TILES)}, "the mean gives all tiles equal shares"
    assert [(row["x0"], row["y0"]) for row in rows[:6]] == [*((256 * x, 0) for x in range(5)), (0, 256)]


def test_a_run_that_reads_no_slide_has_no_attention(slides: LabelledSlides, capsys: pytest.CaptureFixture[str]) -> None:
    run = slides.described("classification", "no-image")
    assert slides.finetune(run) == 0
    assert slides.command("tile-attention", run, output=slides.study.folder / "a.parquet") != 0
    assert "inputs: found rna, expected a run that reads slides" in capsys.readouterr().err


def test_attention_finds_the_tile_that_tells_the_class(write_study: Any, tmp_path: Path) -> None:
    def change(patient: str, bag: Bag) -> None:
        index = int(bag.embeddings[:, 0].astype(np.float32).mean() > 0.5)
        bag.embeddings[:] -= np.float16(index)  # all tiles are alike in both classes
        bag.embeddings[7] += np.float16(6 * index - 3)  # but one

    slides = LabelledSlides(write_study(tmp_path / "one-tile"), change)
    run = slides.described("classification", "no-genes")
    schedule = {"steps": 150, "validate_every": 50, "learning_rate": 0.01}
    model = {"slide_encoder": "gated_attention", "max_tiles": TILES}
    assert slides.finetune(run, start=None, model=model, schedule=schedule, image_encoder_lr_scale=1.0) == 0
    output = slides.study.folder / "attention.parquet"
    assert slides.command("tile-attention", run, output=output) == 0
    rows = pq.read_table(output).to_pylist()
    told = [row["attention"] for row in rows if row["tile"] == 7]
    others = max(row["attention"] for row in rows if row["tile"] != 7)
    assert min(told) > 3 / TILES
    assert min(told) > others
