"""MGI with a U-Net for its image half, through all commands: pre-training, the controls, prediction, release."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from mgi.modalities.rna.normalise import read_fitted_genes
from mgi.shards.parquet import run_in
from mgi.training.weights import load_weights


@pytest.fixture(scope="module")
def film(write_study, tmp_path_factory) -> Any:
    """Pre-trained with hidden genes and hidden places, then trained as itself and as each control."""
    study = write_study(tmp_path_factory.mktemp("film"))
    model = json.dumps({**study.MODEL, "fusion": "film"})
    settings = json.dumps({"schedule": study.SCHEDULE, "masked_patch_weight": 1.0})
    for control in (None, "random-id"):
        key = "-".join(filter(None, ("pretrain", control)))
        assert study.run("pretrain", key, control=control, model=model, settings=settings) == 0
    for control, start in ((None, "pretrain"), ("no-genes", "pretrain"), ("random-id", "pretrain-random-id")):
        key = "-".join(filter(None, ("mgi", control)))
        assert study.run("finetune", key, control=control, model=model, pretrained=study.weights(start)) == 0
        assert study.run("predict-fold", key, control=control) == 0
    assert study.run("finetune", "mgi-no-pretraining", control="no-pretraining", model=model) == 0
    return study


def test_the_encoders_start_from_pretraining(film, write_study, tmp_path: Path) -> None:
    genes = read_fitted_genes(film.folder / "genes.parquet").gene_ids
    start = load_weights(film.weights("pretrain"), genes=genes)
    assert start.model.fusion == "film"
    model = json.dumps({**film.MODEL, "fusion": "film"})
    frozen = json.dumps({"schedule": film.SCHEDULE, "image_encoder_lr_scale": 0.0, "gene_encoder_lr_scale": 0.0})
    assert film.run("finetune", "frozen", model=model, settings=frozen, pretrained=film.weights("pretrain")) == 0
    end = load_weights(film.weights("frozen"), genes=genes)
    names = [name for name in end.tensors if name.startswith(("image_encoder.", "gene_encoder."))]
    learned = [name for name in names if "running" not in name and "num_batches" not in name]
    assert len(learned) > 20
    assert all(torch.equal(end.tensors[name], start.tensors[name]) for name in learned)


@pytest.mark.parametrize(
    ("key", "inputs"),
    [
        ("mgi", ["own", "cohort_mean", "null_token", "permuted-0", "permuted-1"]),
        ("mgi-random-id", ["own", "cohort_mean", "null_token", "permuted-0", "permuted-1"]),
        ("mgi-no-genes", ["not_used"]),
    ],
)
def test_every_control_predicts_with_the_inputs_of_the_audit(key: str, inputs: list[str], film) -> None:
    path = film.folder / f"predictions/{key}.parquet"
    rows = pq.read_table(path, columns=["expression_input"]).to_pydict()["expression_input"]
    assert list(dict.fromkeys(rows))[: len(inputs)] == inputs
    assert run_in(path).label == key


def test_weights_of_the_other_fusion_are_no_start(film, study, capsys) -> None:
    model = json.dumps({**film.MODEL, "fusion": "film"})
    capsys.readouterr()
    assert film.run("finetune", "wrong", model=model, pretrained=study.weights("pretrain")) == 5
    assert "pre-trained weights do not fit image_encoder" in capsys.readouterr().err
