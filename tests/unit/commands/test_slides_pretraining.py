"""Pre-training on slides and its vectors: who trains, what is kept, and what slides cannot have."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mgi.cli import main
from mgi.core.files import write_json
from mgi.models.settings import ModelSettings
from mgi.shards.bags import Bag
from mgi.shards.embedding_file import read_embeddings
from mgi.training.weights import Weights, load_weights
from slide_study import GIMP, MODEL, TILES, WIDTH, SlideStudy, bag_of, write_bags


@pytest.fixture
def slides(write_study, tmp_path: Path) -> SlideStudy:
    return SlideStudy(write_study(tmp_path / "study"))


def weights_of(slides: SlideStudy, key: str = "slides") -> Weights:
    genes = [f"ENSG{index:03d}" for index in range(slides.study.N_GENES)]
    return load_weights(slides.study.weights(key), genes=genes)


def record_of(slides: SlideStudy, key: str = "slides") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((slides.study.folder / f"runs/{key}/run.json").read_text())
    return found


def test_no_scan_is_needed_and_weights_say_what_they_read(slides: SlideStudy) -> None:
    line = slides.line("pretrain")
    for scans in ("images", "prepared"):
        shutil.rmtree(slides.study.folder / scans)
    assert main(line) == 0
    weights = weights_of(slides)
    assert (weights.model.tile_width, weights.model.slide_width) == (WIDTH, MODEL["slide_width"])
    assert weights.modalities == {"rna": None}
    assert weights.run.image == "slides"
    record = record_of(slides)
    assert record["tiles"] == {"train": 4 * TILES, "validation": 2 * TILES}
    assert record["modality_patients"]["rna"] == {"numbers": 12, "train": 4, "validation": 2}
    points = [json.loads(line) for line in (slides.study.folder / "runs/slides/curves.jsonl").read_text().splitlines()]
    assert {"masked_patch_loss", "masked_patch_loss_of_mean", "triplet_loss", "contrast_rna"} <= set(points[-1])
    assert points[-1]["validation_masked_patch_loss_of_mean"] == points[0]["validation_masked_patch_loss_of_mean"]


def test_tiles_are_standardised_by_those_of_training_alone(slides: SlideStudy) -> None:
    assert main(slides.line("pretrain")) == 0
    training = [slides.study.patients.index(one) for one in slides.study.role("train")]
    tiles = np.concatenate([bag_of("", index, shift=float(index % 2)).embeddings for index in training]).astype(
        np.float64
    )
    tensors = weights_of(slides).tensors
    assert np.allclose(tensors["image_encoder.embedding.tile_mean"], tiles.mean(0), atol=1e-5)
    assert np.allclose(tensors["image_encoder.embedding.tile_sd"], tiles.std(0), atol=1e-5)


def test_the_same_run_again_gives_the_same_bytes_and_a_test_patients_slide_none(
    slides: SlideStudy, write_study, tmp_path: Path
) -> None:
    def change(patient: str, bag: Bag) -> None:
        if patient in slides.study.role("test"):
            bag.embeddings[:] *= 3

    def change_training(patient: str, bag: Bag) -> None:
        if patient == slides.study.role("train")[0]:
            bag.embeddings[:] *= 3

    assert main(slides.line("pretrain")) == 0
    others = [
        SlideStudy(write_study(tmp_path / name), how) for name, how in (("test", change), ("training", change_training))
    ]
    bytes_of = []
    for one in (slides, *others):
        assert main(one.line("pretrain")) == 0
        bytes_of.append(one.study.weights("slides").read_bytes())
    assert bytes_of[0] == bytes_of[1]
    assert bytes_of[0] != bytes_of[2]


def test_every_patient_with_a_slide_has_its_vector_and_nobody_one_of_a_tumour(slides: SlideStudy) -> None:
    assert main(slides.line("pretrain")) == 0
    assert main(slides.line("embed")) == 0
    found = read_embeddings(slides.study.folder / "embeddings/slides.parquet")
    without = {one for one, row in zip(found.patient_ids, found.vectors["image"], strict=True) if np.isnan(row).any()}
    assert without == set(slides.study.role("unpaired_expression"))
    assert np.isnan(found.vectors["image_tumour"]).all()
    assert found.vectors["image"].shape[1] == MODEL["slide_width"]
    lengths = np.linalg.norm(found.vectors["image_projected"], axis=1)
    assert lengths[~np.isnan(lengths)] == pytest.approx(1, abs=1e-6)
    assert not np.array_equal(found.vectors["image"], found.vectors["image_untrained"], equal_nan=True)


@pytest.mark.parametrize("control", [{"permuted_tiles": True}, {"permuted_modality": "rna"}])
def test_a_control_is_another_training(slides: SlideStudy, control: dict[str, Any]) -> None:
    assert main(slides.line("pretrain")) == main(slides.line("pretrain", "control", **control)) == 0
    plain, other = weights_of(slides).tensors, weights_of(slides, "control").tensors
    name = "image_encoder.embedding.linear.weight"
    assert not torch.equal(plain[name], other[name])
    mean = "image_encoder.embedding.tile_mean"
    assert torch.allclose(plain[mean], other[mean], atol=1e-5)


@pytest.mark.parametrize("kind", ["gated_attention", "mean"])
def test_other_slide_encoders_are_pretrained_too(slides: SlideStudy, kind: str) -> None:
    line = slides.line("pretrain")
    model = next(part for part in line if part.startswith("--model="))
    given = {**json.loads(model.removeprefix("--model=")), "slide_encoder": kind}
    assert main([part for part in line if part != model] + [f"--model={json.dumps(given)}"]) == 0
    assert weights_of(slides).model.slide_encoder == kind


def test_a_patient_without_a_slide_is_named(slides: SlideStudy, write_study, tmp_path: Path, capsys) -> None:
    patients = slides.study.role("train")[1:] + slides.study.role("validation")
    write_bags(slides.shard, [bag_of(patient, 0) for patient in patients])
    assert main(slides.line("pretrain")) == 5
    said = capsys.readouterr().err
    assert f"{slides.study.role('train')[0]}: no slide, expected one of every train patient" in said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"loss": "simclr", "slices_per_patient": 1, "masked_patch_weight": 0.0, "triplet_weight": 0.0,
             "masked_gene_weight": 0.0},
            "pretrain.loss: found simclr, expected a contrast with genes, for slides",
        ),
    ],
)  # fmt: skip
def test_what_slides_cannot_have_is_one_line(slides: SlideStudy, settings: dict[str, Any], said: str, capsys) -> None:
    assert main(slides.line("pretrain", **settings)) == 2
    assert said in capsys.readouterr().err


def test_a_run_on_slides_is_done_by_its_key(slides: SlideStudy, tmp_path: Path) -> None:
    results, study = tmp_path / "results", slides.study
    for source, target in (
        (slides.shard, "shards/slides"), (study.folder / "expression", "shards/rna"),
        (study.folder / "genes.parquet", "folds/0/genes.parquet"),
        (study.folder / "split.parquet", "tables/split.parquet"),
    ):  # fmt: skip
        (results / target).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, results / target)
    shards = [str(results / "shards" / name / "dataset.json") for name in ("slides", "rna")]
    given = [f"--split={results}/tables/split.parquet", f"--output={results}/tables/leaks.json"]
    assert main(["check-leaks", *given, "--dataset", *shards]) == 0
    runs = {"image": "slides", "task": "classification", "target": "x", "methods": ["mgi"], "folds": [0], "seeds": [0]}
    model = {**ModelSettings(**{**study.MODEL, **MODEL}).plain(), "pathways": None}
    config = {"runs": {**runs, "controls": []}, "external": None, "split": {"folds": 1}, "model": model}
    write_json(results / "config.json", {**config, "predict": {}, "pretrain": {"schedule": study.SCHEDULE, **GIMP}})
    by_key = [f"--results={results}", "--run=pretrain-fold0-seed0"]
    assert main(["pretrain", *by_key]) == main(["embed", *by_key]) == 0
    assert main(slides.line("pretrain")) == 0
    genes = [f"ENSG{index:03d}" for index in range(study.N_GENES)]
    mine = load_weights(results / "runs/pretrain-fold0-seed0/weights.safetensors", genes=genes).tensors
    other = weights_of(slides).tensors
    assert all(mine[name].equal(other[name]) for name in other), "as trained with every option given"
