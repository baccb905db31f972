import json
import re
from pathlib import Path

import numpy as np
import pytest

from mgi.cohort.split import SplitRow
from mgi.cohort.tables import write_split
from mgi.commands import _learning
from mgi.core.files import digest_of
from mgi.training.weights import load_weights


def test_a_run_leaves_weights_curve_and_facts_and_no_checkpoints(study) -> None:
    folder = study.folder / "runs/pretrain"
    assert sorted(path.name for path in folder.iterdir()) == ["curves.jsonl", "run.json", "weights.safetensors"]
    points = [json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines()]
    assert [point["step"] for point in points] == [2, 4]
    facts = json.loads((folder / "run.json").read_text())
    assert facts["patients"] == {"train": 4, "validation": 2, "test": 2}
    assert facts["n_genes"] == study.N_GENES
    assert facts["settings"]["schedule"]["steps"] == 4
    assert (facts["unpaired_expression_patients"], facts["processes"]) == (0, 1)
    assert facts["parameters"] > 0
    weights = load_weights(folder / "weights.safetensors", genes=[f"ENSG{index:03d}" for index in range(12)])
    assert facts["gene_hash"] == digest_of(f"ENSG{index:03d}" for index in range(12))
    assert {name.split(".")[0] for name in weights.tensors} == {
        *("image_encoder", "gene_encoder", "image_pooling", "gene_pooling"),
        *("image_projection", "gene_projection"),
    }


def test_the_same_run_again_gives_the_same_bytes(study, write_study, tmp_path: Path) -> None:
    again = write_study(tmp_path)
    assert again.run("pretrain", "pretrain") == 0
    assert again.weights("pretrain").read_bytes() == study.weights("pretrain").read_bytes()


@pytest.mark.parametrize("what", ["volume", "mask", "values"])
def test_a_test_patient_never_reaches_the_weights(what: str, study, write_study, tmp_path: Path) -> None:
    def change(patient: str, arrays: dict[str, np.ndarray]) -> None:
        if patient in study.role("test"):
            arrays[what][:] = arrays[what][..., ::-1] * (1 if what == "mask" else 3)

    other = write_study(tmp_path, change)
    assert other.run("pretrain", "pretrain") == 0
    assert other.weights("pretrain").read_bytes() == study.weights("pretrain").read_bytes()


@pytest.mark.parametrize("what", ["volume", "values"])
def test_a_training_patient_does(what: str, study, write_study, tmp_path: Path) -> None:
    def change(patient: str, arrays: dict[str, np.ndarray]) -> None:
        if patient == study.role("train")[0]:
            arrays[what][:] = arrays[what][..., ::-1].copy()

    other = write_study(tmp_path, change)
    assert other.run("pretrain", "pretrain") == 0
    assert other.weights("pretrain").read_bytes() != study.weights("pretrain").read_bytes()


def with_rna_only(study) -> str:
    return json.dumps({"schedule": study.SCHEDULE, "unpaired_batch": 2})


def test_patients_without_image_reach_the_weights_where_they_are_asked_for_and_are_counted(
    study, write_study, tmp_path: Path
) -> None:
    def change(patient: str, arrays: dict[str, np.ndarray]) -> None:
        if patient in study.role("unpaired_expression"):
            arrays["values"][:] = arrays["values"][::-1].copy()

    other = write_study(tmp_path, change)
    assert other.run("pretrain", "pretrain") == 0
    assert other.weights("pretrain").read_bytes() == study.weights("pretrain").read_bytes()
    assert other.run("pretrain", "more", settings=with_rna_only(study)) == 0
    assert json.loads((tmp_path / "runs/more/run.json").read_text())["unpaired_expression_patients"] == 2
    plain = write_study(tmp_path / "plain")
    assert plain.run("pretrain", "more", settings=with_rna_only(study)) == 0
    found, expected = other.weights("more").read_bytes(), plain.weights("more").read_bytes()
    assert found != expected


@pytest.mark.parametrize("role", ["test", "validation"])
def test_with_patients_without_image_test_and_validation_patients_still_never_reach_the_weights(
    role: str, study, write_study, tmp_path: Path
) -> None:
    def change(patient: str, arrays: dict[str, np.ndarray]) -> None:
        if patient in study.role(role):
            arrays["values"][:] = arrays["values"][::-1] * 3

    weights = []
    for name, given in (("plain", None), ("changed", change)):
        written = write_study(tmp_path / name, given)
        assert written.run("pretrain", "run", settings=with_rna_only(study)) == 0
        weights.append(written.weights("run").read_bytes())
    assert weights[0] == weights[1]


def test_a_patient_without_image_who_is_tested_in_any_fold_is_refused(
    study, write_study, tmp_path: Path, capsys
) -> None:
    rows = [SplitRow(0, patient, "AA", role) for role in study.ROLES for patient in study.role(role)]
    leaking = study.role("unpaired_expression")[0]
    rows += [row._replace(fold=1, role="test" if row.patient_id == leaking else row.role) for row in rows]
    write_split(rows, tmp_path / "split.parquet", tmp_path / "split.tsv")
    options = {"split": tmp_path / "split.parquet", "settings": with_rna_only(study)}
    assert write_study(tmp_path / "study").run("pretrain", "leak", **options) == 5
    assert re.search(f"{leaking} .*unpaired_expression .*fold 0 .*test .*fold 1", capsys.readouterr().err)


def test_a_run_killed_before_its_weights_resumes_from_its_checkpoint(
    study, write_study, tmp_path: Path, monkeypatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    other = write_study(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(_learning, "save_weights", killed)
        assert other.run("pretrain", "pretrain") == 130
    assert not other.weights("pretrain").exists()
    assert len(list((tmp_path / "runs/pretrain/ckpt").glob("step-*.pt"))) == 2
    # Nothing is left to do: a step would fail.
    monkeypatch.setattr("mgi.training.pretrain_batches.patient_unique_batch", killed)
    assert other.run("pretrain", "pretrain") == 0
    assert other.weights("pretrain").read_bytes() == study.weights("pretrain").read_bytes()


def test_a_checkpoint_of_other_data_is_not_resumed(study, write_study, tmp_path: Path, monkeypatch) -> None:
    def brighter(patient: str, arrays: dict[str, np.ndarray]) -> None:
        arrays["volume"][:, :5] += 50

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(_learning, "save_weights", killed)
        assert write_study(tmp_path, brighter).run("pretrain", "pretrain") == 130
    other = write_study(tmp_path)  # the same patients with their real images
    assert other.run("pretrain", "pretrain") == 0
    assert other.weights("pretrain").read_bytes() == study.weights("pretrain").read_bytes()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"settings": '{"schedule": {"step": 3}}'}, 2, "pretrain.schedule.step: unknown"),
        (
            {"settings": '{"schedule": {"steps": 3}, "processes": 2}'},
            2,
            "pretrain.processes: found 2, ",
        ),
        ({"model": '{"gene_encoder": "lstm"}'}, 2, 'model.gene_encoder: found "lstm"'),
        ({"run-json": "{"}, 5, "--run-json: "),
        ({"run-json": '{"key": "x"}'}, 5, "--run-json.key: unknown"),
        ({"split": "nowhere.parquet"}, 5, "nowhere.parquet: missing"),
    ],
)
def test_a_wrong_input_is_one_line_and_its_exit_code(options, code, message, study, capsys) -> None:
    assert study.run("pretrain", "broken", **options) == code
    said = capsys.readouterr().err
    assert said.startswith(f"mgi pretrain: {message}")
    assert said.count("\n") == 1
    assert not (study.folder / "runs/broken/weights.safetensors").exists()
