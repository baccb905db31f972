"""Fine-tuning and prediction of MGI with two further modalities, each of which some patients lack."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mgi.cli import main
from mgi.training.weights import load_weights
from several_modalities import HAVE, Several, register_rooms

GENES = [f"ENSG{index:03d}" for index in range(12)]


@pytest.fixture(autouse=True)
def _rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    register_rooms(monkeypatch)


@pytest.fixture
def several(write_study, tmp_path: Path) -> Several:
    return Several(write_study(tmp_path / "study"))


def finetune(several: Several, key: str, names: Any = tuple(HAVE), control: Any = None, **more: Any) -> int:
    """With expression beside the modalities that are named, or as `modalities` says."""
    listed = more.pop("modalities", [*names, "rna"])
    start = {"pretrained": more.pop("pretrained")} if "pretrained" in more else {}
    settings = json.dumps({"schedule": several.study.SCHEDULE, "modalities": listed} | more)
    line = several.study.line("finetune", key, control=control, settings=settings, **start)
    return main([*line, *several.given(names)])


def predict(several: Several, key: str, names: Any = tuple(HAVE)) -> int:
    return main([*several.study.line("predict-fold", key), *several.given(names)])


def predictions(several: Several, key: str) -> dict[tuple[str, str, int], bytes]:
    rows = pq.read_table(several.study.folder / f"predictions/{key}.parquet").to_pylist()
    return {(row["expression_input"], row["patient_id"], row["slice"]): row["probability"] for row in rows}


def bytes_of(several: Several, key: str) -> bytes:
    found: bytes = several.study.weights(key).read_bytes()
    return found


def test_expression_alone_gives_the_bytes_of_before(several: Several) -> None:
    assert several.study.run("finetune", "today") == finetune(several, "listed", ()) == 0
    assert bytes_of(several, "today") == bytes_of(several, "listed")


def test_the_order_changes_no_byte(several: Several) -> None:
    assert finetune(several, "one") == finetune(several, "two", modalities=["rna", *reversed(HAVE)]) == 0
    assert bytes_of(several, "one") == bytes_of(several, "two")


def test_without_genes_nothing_further_is_read(several: Several) -> None:
    assert several.study.run("finetune", "today", control="no-genes") == 0
    assert finetune(several, "listed", control="no-genes") == 0
    assert bytes_of(several, "today") == bytes_of(several, "listed")


def test_weights_and_record_say_which_modalities_were_read_and_who_has_them(several: Several) -> None:
    assert finetune(several, "mgi") == 0
    weights = load_weights(several.study.weights("mgi"), genes=GENES)
    assert weights.model.further == {"copies": 5, "proteins": 3}
    assert weights.modalities is not None
    assert weights.modalities["proteins"] == ["proteins0", "proteins1", "proteins2"]
    assert several.record("mgi")["modality_patients"] == {
        "copies": {"numbers": 5, "train": 3, "validation": 2},
        "proteins": {"numbers": 3, "train": 3, "validation": 1},
    }


def test_encoders_are_those_of_the_pre_training_where_it_has_them(several: Several) -> None:
    assert several.run("pretrain", "start", modalities=["copies", "rna"]) == 0
    frozen = {"image_encoder_lr_scale": 0.0, "gene_encoder_lr_scale": 0.0}
    assert finetune(several, "mgi", pretrained=several.study.weights("start"), **frozen) == 0
    begun, learned = (load_weights(several.study.weights(key), genes=GENES).tensors for key in ("start", "mgi"))
    copied = [name for name in learned if name.startswith("further.modalities.copies.encoder.")]
    assert copied
    assert all((learned[name] == begun[name.removeprefix("further.")]).all() for name in copied)
    assert any(name.startswith("further.modalities.proteins.encoder.") for name in learned)


@pytest.mark.parametrize("row", [2, 5, 6, 10])
def test_of_the_numbers_those_of_training_patients_alone_reach_the_weights(row: int, write_study, tmp_path) -> None:
    found = []
    for name in ("one", "two"):

        def change(modality: str, values: np.ndarray, name: str = name) -> None:
            values[row] += 3.0 * (name == "two")

        other = Several(write_study(tmp_path / name), change)
        assert finetune(other, "mgi", ["copies"], gene_dropout=0.0) == 0
        found.append(bytes_of(other, "mgi"))
    assert (found[0] != found[1]) is (row == 2)


def test_the_audit_replaces_all_genetic_modalities_together(several: Several, write_study, tmp_path: Path) -> None:
    """Patient 6 has copies and proteins, 7 proteins alone: what is exchanged is all that each has."""
    assert finetune(several, "mgi", gene_encoder_lr_scale=1.0) == predict(several, "mgi") == 0

    def change(modality: str, values: np.ndarray) -> None:
        values[6] += 50.0

    other = Several(write_study(tmp_path / "other"), change)
    weights = other.study.weights("mgi")
    weights.parent.mkdir(parents=True)
    weights.write_bytes(bytes_of(several, "mgi"))
    assert predict(other, "mgi") == 0
    before, after = predictions(several, "mgi"), predictions(other, "mgi")
    assert before.keys() == after.keys()
    changed = {key[:2] for key in before if before[key] != after[key]}
    sixth, seventh, unpaired = (several.study.patients[row] for row in (6, 7, 10))
    assert all(name in ("null_token", "further_alone") for name, patient, _ in before if patient == unpaired)
    assert ("own", sixth) in changed
    assert {patient for name, patient in changed if name.startswith("permuted")} == {seventh}
    assert not any(name in ("cohort_mean", "null_token") for name, _ in changed)
    assert any(patient == unpaired for _, patient, _ in before)


def test_a_prediction_needs_what_the_network_reads(several: Several, capsys) -> None:
    assert finetune(several, "mgi") == 0
    assert predict(several, "mgi", ["copies"]) == 2
    assert "--modality-shard: found copies, expected copies, proteins, which" in capsys.readouterr().err
    assert predict(several, "mgi", ()) == 2
    assert "--modality-shard: found none, expected copies, proteins, which" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"modalities": ["copies", "covariates", "rna"]}, "modalities: found"),
        ({"gene_noise": 0.1, "gene_noise_shape": "patients"}, "gene_noise_shape: found"),
    ],
)
def test_what_does_not_go_together_is_one_line(settings: dict[str, Any], said: str, several: Several, capsys) -> None:
    assert finetune(several, "mgi", **settings) == 2
    assert said in capsys.readouterr().err


def planes(several: Several, key: str, name: str, row: int) -> list[bytes]:
    """What was predicted of a patient with one input."""
    patient = several.study.patients[row]
    return [one for (given, of, _), one in sorted(predictions(several, key).items()) if (given, of) == (name, patient)]


@pytest.mark.parametrize("listed", [["copies"], ["copies", "proteins"]])
def test_expression_may_be_left_out(listed: list[str], several: Several) -> None:
    """Patient 6 of the test has copies, 7 proteins alone, 10 has copies and no expression."""
    assert several.run("pretrain", "start", modalities=["copies", "rna"]) == 0
    start = several.study.weights("start")
    settings: dict[str, Any] = {"gene_encoder_lr_scale": 1.0, "pretrained": start}
    assert finetune(several, "mgi", listed, modalities=listed, **settings) == predict(several, "mgi", listed) == 0
    weights = load_weights(several.study.weights("mgi"), genes=GENES)
    assert weights.model.expression is False
    assert weights.modalities is not None
    assert sorted(weights.modalities) == listed
    assert not any(name.startswith("gene_encoder") for name in weights.tensors)
    assert sorted(several.record("mgi")["modality_patients"]) == listed
    own, nothing = (planes(several, "mgi", name, 6) for name in ("own", "null_token"))
    assert own != nothing
    assert (planes(several, "mgi", "own", 7) == planes(several, "mgi", "null_token", 7)) is (listed == ["copies"])
    assert planes(several, "mgi", "further_alone", 10) != planes(several, "mgi", "null_token", 10)


def test_the_order_changes_no_byte_without_expression(several: Several) -> None:
    for key, listed in (("one", list(HAVE)), ("two", list(reversed(HAVE)))):
        assert finetune(several, key, modalities=listed) == 0
    assert bytes_of(several, "one") == bytes_of(several, "two")


def test_who_has_no_expression_is_predicted_with_what_there_is(several: Several) -> None:
    """Patient 10 has copies and no proteins."""
    assert finetune(several, "mgi", gene_encoder_lr_scale=1.0) == predict(several, "mgi") == 0
    assert planes(several, "mgi", "further_alone", 10) != planes(several, "mgi", "null_token", 10)
    assert finetune(several, "mgi", ["proteins"]) == predict(several, "mgi", ["proteins"]) == 0
    assert planes(several, "mgi", "further_alone", 10) == []
    assert planes(several, "mgi", "null_token", 10) != []


def test_random_numbers_stand_for_each_modality_that_is_read(several: Several) -> None:
    for key, control in (("own", None), ("random", "random-id")):
        assert finetune(several, key, modalities=list(HAVE), control=control) == 0
    assert bytes_of(several, "own") != bytes_of(several, "random")
