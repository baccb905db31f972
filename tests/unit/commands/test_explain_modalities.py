"""Attributions of networks that read several modalities, of which test patients lack some."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mgi.cli import main
from mgi.cohort.labels.file import write_labels
from mgi.cohort.labels.labels import Labels, PatientLabels
from mgi.explain.attribution_file import Attributions, read_attributions
from mgi.reporting.explain_section import explain_section
from mgi.training.weights import load_weights, save_weights
from several_modalities import HAVE, Several, register_rooms

SETTINGS = {"noise_samples": 2, "references": 2, "seed": 3}
WITH = ["copies", "rna"]
GENES = [f"ENSG{number:03d}" for number in range(12)]


@pytest.fixture(autouse=True)
def _rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    register_rooms(monkeypatch)


@pytest.fixture
def several(write_study, tmp_path: Path) -> Several:
    return Several(write_study(tmp_path / "study"))


def explain(several: Several, run_of, names: list[str] = WITH, **settings: object) -> int:
    """Explain the pre-training of the study that read these."""
    assert several.run("pretrain", modalities=names) == 0
    return explained(several, names, "several", run_of(task="pretraining").as_json(), **settings)


def explained(several: Several, names: list[str], key: str, run: str, **settings: object) -> int:
    """Explain a run of the study."""
    study = several.study
    further = [name for name in names if name != "rna"]
    shards = [f"{name}={study.folder / name / 'dataset.json'}" for name in further]
    given = {
        "run-json": run, "image-shard": study.folder / "images",
        "prepared": study.prepared(), "expression-shard": study.folder / "expression",
        "fold-genes": study.folder / "genes.parquet", "split": study.folder / "split.parquet",
        "weights": study.weights(key), "curves": study.weights(key).with_name("curves.jsonl"),
        "settings": json.dumps(SETTINGS | settings), "output": study.folder / "explain/attributions.parquet",
    }  # fmt: skip
    line = ["explain", *(f"--{name}={value}" for name, value in given.items())]
    return main([*line, "--modality-shard", *shards, "--modality-fit", *(f"{n}={several.fit(n)}" for n in further)])


def found(several: Several) -> Attributions:
    return read_attributions(several.study.folder / "explain/attributions.parquet")


def table(several: Several, name: str) -> pd.DataFrame:
    return pd.read_csv(several.study.folder / f"explain/{name}.csv")


def test_attributions_are_of_all_numbers_add_up_and_are_0_of_what_a_patient_lacks(several: Several, run_of) -> None:
    assert explain(several, run_of) == 0
    one = found(several)
    assert one.gene_ids[:5] == [f"copies:copies{number}" for number in range(5)]
    assert one.gene_ids[5:] == GENES
    assert one.about["modalities"] == {"copies": 5, "rna": 12}
    assert one.about["modality_patients"] == {"copies": 1, "rna": 2}
    assert set(one.about["temperatures"]) == set(WITH)
    assert len(one.about["input_sizes"]) == 17
    assert min(one.about["input_sizes"]) > 0
    has, lacks = (one.patient_id == several.study.patients[row] for row in (6, 7))
    assert (one.values[lacks][:, :5] == 0).all()
    assert (np.abs(one.values[lacks][:, 5:]).sum(1) > 0).all()
    assert (np.abs(one.values[has][:, :5]).sum(1) > 0).all()
    trained = one.network == "trained"
    assert {(value, method) for value, method in zip(one.value[trained], one.method[trained], strict=True)} == {
        (value, method) for value in ("contrast", "similarity") for method in ("ig", "ig_noise")
    }
    assert one.error[trained].max() <= 0.01
    scale = np.maximum(np.abs(one.change), 0.01 * np.abs(one.values).sum(1))
    assert (np.abs(one.values.sum(1) - one.change) / scale)[trained].max() <= 0.011


def tabulated(several: Several) -> int:
    """Make the tables of what was explained, with a gene set."""
    folder = several.study.folder / "explain"
    (folder / "sets.gmt").write_text("first\tdescribed\tENSG000\tENSG001\n")
    return main(["explain-tables", f"--attributions={folder / 'attributions.parquet'}", f"--output={folder}",
                 f"--settings={json.dumps(SETTINGS)}", f"--gene-sets={folder / 'sets.gmt'}"])  # fmt: skip


def test_gene_sets_are_of_expression_alone(several: Several, run_of) -> None:
    assert explain(several, run_of) == tabulated(several) == 0
    sets, one = table(several, "gene_sets"), found(several)
    own = one.of("contrast", "ig_noise")[:, 5:7].sum(1) / np.sqrt(2)
    row = sets[(sets["value"] == "contrast") & (sets["network"] == "trained")]
    assert row["mean"].item() == pytest.approx(own.mean(), rel=1e-4)
    assert explain(several, run_of, ["copies"]) == tabulated(several) == 0
    assert table(several, "gene_sets").empty
    assert explain_section(several.study.folder / "explain", simulated=True).figures["explain_contrast_sets"] is None


def test_random_weights_are_a_check_of_each_modality_and_not_of_all_together(several: Several, run_of) -> None:
    assert explain(several, run_of) == tabulated(several) == 0
    checks = table(several, "checks")
    own = checks[checks["check"].str.startswith("random_weights") & (checks["value"] == "contrast")]
    assert dict(zip(own["check"], own["expected"].fillna(""), strict=True)) == {
        "random_weights": "", "random_weights_copies": "at most 0.2", "random_weights_rna": "at most 0.2",
        "random_weights_signed": "-0.2 to 0.2",
    }  # fmt: skip


def test_shares_of_modalities_add_up_to_one_and_changes_to_the_change(several: Several, run_of) -> None:
    assert explain(several, run_of) == tabulated(several) == 0
    shares, own, one = table(several, "modalities"), table(several, "modalities_local"), found(several)
    assert shares[["value", "modality", "numbers", "patients", "having"]].values.tolist() == [
        [value, modality, *counts] for value in ("contrast", "similarity")
        for modality, counts in (("copies", (5, 2, 1)), ("rna", (12, 2, 2)))
    ]  # fmt: skip
    assert shares.groupby("value")["share"].sum().tolist() == pytest.approx([1, 1])
    for value in ("contrast", "similarity"):
        changes = shares.loc[shares["value"] == value, "change"].sum()
        assert changes == pytest.approx(one.of(value, "ig_noise").sum(1).mean(), rel=1e-4)
    assert own.groupby(["value", "patient_id"])["share"].sum().tolist() == pytest.approx([1] * 4)
    lacks = own[own["patient_id"] == several.study.patients[7]]
    assert set(lacks["modality"]) == {"rna"}
    part = explain_section(several.study.folder / "explain", simulated=True)
    assert {name for name in part.figures if name.endswith("modalities")} == {
        "explain_contrast_modalities", "explain_similarity_modalities",
    }  # fmt: skip
    assert '<th scope="row">copies</th>' in part.html
    assert "<td>1 of 2</td>" in part.html


def test_who_has_none_of_the_modalities_is_left_out_and_counted(several: Several, run_of, capsys) -> None:
    assert explain(several, run_of, ["copies"]) == 0
    one = found(several)
    assert set(one.patient_id) == {several.study.patients[6]}
    assert one.about["without_modality"] == [several.study.patients[7]]
    assert "5 numbers of copies, patients left out without any of them: 1" in capsys.readouterr().out


def test_a_contrast_that_was_never_validated_has_no_temperature(several: Several, run_of, capsys) -> None:
    """One validation patient alone has proteins."""
    assert set(HAVE["proteins"]) & {4, 5} == {5}
    assert explain(several, run_of, ["proteins", "rna"]) != 0
    assert "no temperature_proteins in it, expected the curve of a pre-training with two" in capsys.readouterr().err
    assert explain(several, run_of, ["proteins", "rna"], values=["similarity"]) == 0
    assert set(found(several).value) == {"similarity"}


def lighter(several: Several, key: str) -> str:
    """The run again with a lighter start of the mask: four steps have not yet found a tumour."""
    weights = load_weights(several.study.weights(key), genes=GENES)
    tensors = dict(weights.tensors) | {"decoder.offset": torch.tensor(0.5)}

    class Held(torch.nn.Module):
        def state_dict(self, *_: object, **__: object) -> dict[str, torch.Tensor]:
            return tensors

    path = several.study.weights("lighter")
    path.parent.mkdir()
    told = {"modalities": weights.modalities}
    save_weights(path, Held(), run=weights.run, model=weights.model, genes=GENES, more=told)
    return path.parent.name


@pytest.mark.parametrize("names", [["copies", "rna"], ["copies"]])
def test_masks_are_attributed_to_all_that_the_network_reads_and_a_patient_has(
    names: list[str], several: Several, run_of, capsys
) -> None:
    settings = json.dumps({"schedule": several.study.SCHEDULE, "modalities": names, "gene_encoder_lr_scale": 1.0})
    line = several.study.line("finetune", "mgi", settings=settings)
    assert main([*line, *several.given(["copies"])]) == 0
    assert explained(several, names, lighter(several, "mgi"), run_of().as_json(), slices=1, attention_patients=2) == 0
    one, (sixth, seventh) = found(several), (several.study.patients[row] for row in (6, 7))
    assert set(one.value) == {"mask"}
    assert one.about["modalities"] == {name: {"copies": 5, "rna": 12}[name] for name in names}
    trained = one.network == "trained"
    assert one.error[trained].max() <= 0.01
    assert (np.abs(one.values[one.patient_id == sixth][:, :5]).sum(1) > 0).any()
    lacks = one.values[one.patient_id == seventh]
    if names == ["copies"]:
        assert len(lacks) == 0
        assert one.about["without_modality"] == [seventh]
    else:
        assert (lacks[:, :5] == 0).all()
        assert (np.abs(lacks[:, 5:]).sum(1) > 0).any()
    assert tabulated(several) == 0
    shares = table(several, "modalities")
    assert sorted(shares["modality"]) == names
    assert shares["share"].sum() == pytest.approx(1)
    html = explain_section(several.study.folder / "explain", simulated=True).html
    assert "it rests on all modalities that a patient has together" in html
    assert "here a mean over the modalities" not in html


@pytest.mark.parametrize(("task", "target"), [("classification", "idh"), ("survival", None)])
def test_heads_are_attributed_to_all_that_the_network_reads(
    task: str, target: str | None, several: Several, run_of, tmp_path: Path
) -> None:
    patients = several.study.patients
    known = {
        patient: PatientLabels(classes={"idh": "WT" if number % 2 else "M"}, time_days=100.0 + number, event=True)
        for number, patient in enumerate(patients)
    }
    rows = Labels(patients=known, place="t", source="t", column_of={"idh": "IDH"}, endpoint="OS", survival_source="t")
    write_labels(rows.beside(patients), tmp_path / "labels.parquet", tmp_path / "labels.tsv")
    run = run_of(task=task, target=target).as_json()
    settings = json.dumps({"schedule": several.study.SCHEDULE, "modalities": ["copies", "proteins"]})
    given = {"run-json": run, "task-settings": "{}", "labels": tmp_path / "labels.parquet", "settings": settings}
    assert main([*several.study.line("finetune", "head", **given), *several.given()]) == 0
    assert explained(several, ["copies", "proteins"], "head", run) == 0
    one = found(several)
    assert set(one.value) == {"head"}
    assert sorted(set(one.patient_id)) == [patients[6], patients[7]]
    assert one.gene_ids == [*(f"copies:copies{n}" for n in range(5)), *(f"proteins:proteins{n}" for n in range(3))]
    trained = one.network == "trained"
    assert one.error[trained].max() <= 0.01
    assert (one.values[one.patient_id == patients[7]][:, :5] == 0).all()
    assert np.abs(one.values[trained][:, 5:]).max() > 0
