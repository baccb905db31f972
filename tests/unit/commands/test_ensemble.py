"""Several runs as one release: a run of another fold with weights of its own and other genes stands beside fold 0's."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
import torch

from mgi.cli import main
from mgi.cohort.split import SplitRow
from mgi.cohort.tables import read_split, write_split
from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import read_json, sha256_of, write_json
from mgi.modalities.rna.normalise import fit, read_fitted_genes, write_fitted_genes
from mgi.modalities.rna.settings import FitSettings
from mgi.release.ensemble import load_model
from mgi.release.use import segment_patient
from mgi.shards.expression_shard import read_expression
from mgi.shards.image_shard import PatientImages, read_images
from mgi.tasks.segmentation import learning
from mgi.training.weights import load_weights, save_weights

TURNED = {"train": (4, 5, 6, 7), "validation": (0, 1), "test": (2, 3), "unpaired_expression": (8, 9)}


@pytest.fixture(scope="module")
def folds(released, study, tmp_path_factory) -> Path:
    """Results of two folds; in fold 1 the roles are turned round and 10 of the 12 genes are kept."""
    results = Path(shutil.copytree(released.results, tmp_path_factory.mktemp("folds") / "results"))
    first = [SplitRow(**row) for row in read_split(results / "tables/split.parquet").to_dict("records")]
    second = [SplitRow(1, study.patients[index], "AA", role) for role, own in TURNED.items() for index in own]
    write_split([*first, *sorted(second)], results / "tables/split.parquet", results / "tables/split.tsv")
    shard = read_expression(results / "shards/rna")
    training = [study.patients[index] for index in TURNED["train"]]
    few = FitSettings(gene_filter="variance", top_k=10)
    fitted = fit(shard.values[shard.rows_of(training)], shard.genes, few, training, unit="as given")
    write_fitted_genes(results / "folds/1/genes.parquet", fitted)
    for key in ("mgi", "mgi-no-genes", "unet"):
        put_run(results, key, f"{key}1", fold=1)
    put_run(results, "unet", "wide", fold=1, image_size=64)
    put_run(results, "unet", "contrast", fold=1, channels=("flair", "post"))
    put_run(results, "unet", "unet-seed1", seed=1)
    return results


def put_run(results: Path, key: str, name: str, *, fold: int = 0, seed: int = 0, **sizes: object) -> None:
    """The run in folder `key` once more in folder `name`, as one of another fold or seed, with fresh weights."""
    source, target = (results / f"runs/{each}/weights.safetensors" for each in (key, name))
    old, genes = (read_fitted_genes(results / f"folds/{each}/genes.parquet").gene_ids for each in (0, fold))
    stored = load_weights(source, genes=old)
    run, model = replace(stored.run, fold=fold, seed=seed), stored.model.but(**sizes)
    torch.manual_seed(1)
    target.parent.mkdir()
    save_weights(target, learning.build(run.method, model, len(genes)), run=run, model=model, genes=genes)
    record = read_json(source.with_name("run.json"))
    files = {**record["files"], target.name: sha256_of(target)}
    write_json(target.with_name("run.json"), {**record, "run": run.record(), "files": files})


def release(output: Path, *weights: Path) -> int:
    return main(["release", "--weights", *map(str, weights), f"--output={output}"])


def weights_of(results: Path, *folders: str) -> list[Path]:
    return [results / f"runs/{folder}/weights.safetensors" for folder in folders]


@pytest.fixture(scope="module")
def ensembles(folds, tmp_path_factory) -> Path:
    """An ensemble of both folds for each method; only for reading."""
    folder = tmp_path_factory.mktemp("ensembles")
    for key in ("mgi", "unet"):
        assert release(folder / key, *weights_of(folds, key, f"{key}1")) == 0
    return folder


def test_each_member_is_a_release_of_its_own_with_the_genes_of_its_fold(ensembles, folds) -> None:
    model = load_model(ensembles / "mgi")
    assert [member.weights.run.key for member in model.members] == ["mgi-fold0-seed0", "mgi-fold1-seed0"]
    assert [len(member.fitted.gene_ids) for member in model.members] == [12, 10]
    assert model.name == "mgi-ensemble-of-2"
    alone = load_model(ensembles / "mgi/mgi-fold1-seed0")
    assert (alone.name, alone.digest) == ("mgi-fold1-seed0", model.members[1].digest)
    stored = (ensembles / "mgi/mgi-fold1-seed0/weights.safetensors").read_bytes()
    assert stored == weights_of(folds, "mgi1")[0].read_bytes()


@pytest.mark.parametrize("key", ["mgi", "unet"])
def test_members_logits_are_averaged_before_they_are_squashed(key: str, ensembles, study) -> None:
    model = load_model(ensembles / key)
    patient = read_images(study.folder / "images", study.role("test")[:1])[study.role("test")[0]]
    new = PatientImages(**{**vars(patient), "masks": None})
    genes = [
        np.full(len(member.fitted.gene_ids), 0.5, np.float32) if key == "mgi" else None for member in model.members
    ]
    one, two = (
        segment_patient([member], new, [own], torch.device("cpu"))
        for member, own in zip(model.members, genes, strict=True)
    )
    both = segment_patient(model.members, new, genes, torch.device("cpu"))
    assert np.abs(one.astype(int) - two).max() > 5
    logits = (np.log((found + 0.5) / (255.5 - found)) for found in (one.astype(float), two.astype(float)))
    expected = 256 / (1 + np.exp(-sum(logits) / 2))
    assert np.abs(both - expected).max() < 2  # a byte holds 1/256
    again = segment_patient(model.members[:1] * 2, new, genes[:1] * 2, torch.device("cpu"))
    assert np.array_equal(again, one)


def test_a_mask_of_an_ensemble_is_written_with_its_members_and_the_most_missing_genes(
    ensembles, study, tmp_path: Path, capsys
) -> None:
    voxels = np.random.default_rng(0).normal(300, 60, (24, 20, 3)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1.0, 1, 4, 1])), tmp_path / "flair.nii.gz")
    left_out = load_model(ensembles / "mgi").members[1].fitted.gene_ids[0]
    genes = [gene for gene in (f"ENSG{index:03d}" for index in range(12)) if gene != left_out]
    values = pd.DataFrame({"gene_id": genes, "P7": np.linspace(-1, 1, 11)})
    values.to_csv(tmp_path / "t.tsv", sep="\t", index=False)
    line = [
        "predict",
        str(tmp_path / "flair.nii.gz"),
        f"--model={ensembles / 'mgi'}",
        f"--output={tmp_path / 'm.nii.gz'}",
        f"--expression={tmp_path / 't.tsv'}",
    ]
    assert main(line) == 5  # noise is far from any head
    assert "flag intensity" in capsys.readouterr().err
    assert main([*line, "--force"]) == 0
    said = json.loads((tmp_path / "m.json").read_text())
    assert said["model"]["run"] == "mgi-ensemble-of-2"
    assert said["model"]["members"] == ["mgi-fold0-seed0", "mgi-fold1-seed0"]
    assert said["genes"]["missing_genes"] == [left_out]
    assert [flag["flag"] for flag in said["flags"]].count("missing_genes") == 1
    unet = [
        "predict",
        str(tmp_path / "flair.nii.gz"),
        f"--model={ensembles / 'unet'}",
        f"--output={tmp_path / 'u.nii.gz'}",
    ]
    assert main([*unet, "--force"]) == 0
    capsys.readouterr()
    assert main([*unet, f"--expression={tmp_path / 't.tsv'}"]) == 2
    assert "--expression: unet-ensemble-of-2 was trained without genes" in capsys.readouterr().err


def test_the_card_says_that_nobody_is_left_and_gives_the_members_scores(ensembles, folds, tmp_path: Path) -> None:
    card = (ensembles / "unet/MODEL_CARD.md").read_text()
    assert "has no honest score on this cohort**: each of its 8 patients" in card
    lines = [line for line in card.splitlines() if line.startswith("| unet-fold")]
    assert lines[0].startswith("| unet-fold0-seed0 | no genes | 0.")
    assert lines[1].startswith("| unet-fold1-seed0 | not tested")
    assert "SIMULATED DATA" in card.splitlines()[0]
    assert release(tmp_path / "seeds", *weights_of(folds, "unet", "unet-seed1")) == 0
    card = (tmp_path / "seeds/MODEL_CARD.md").read_text()
    assert "was not tested: 2 of the cohort's 8 patients were in no member's training" in card


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (("unet", "mgi1"), "mgi1/weights.safetensors: method: found mgi, expected unet as "),
        (("mgi", "mgi-no-genes1"), "method: found mgi-no-genes, expected mgi as "),
        (("unet", "wide"), "wide/weights.safetensors: model.image_size: found 64, expected 32 as "),
        (
            ("unet", "contrast"),
            "contrast/weights.safetensors: model.channels: found ['flair', 'post'], expected ['flair'] as ",
        ),
        (("unet", "unet"), "run: found unet-fold0-seed0 a second time, expected other folds or seeds"),
    ],
)
def test_runs_that_do_not_go_together_are_refused(folders, message: str, folds, tmp_path: Path, capsys) -> None:
    assert release(tmp_path / "out", *weights_of(folds, *folders)) == 5
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_runs_of_two_folders_of_results_are_refused(folds, released, tmp_path: Path, capsys) -> None:
    weights = [*weights_of(folds, "unet"), *weights_of(released.results, "unet")]
    assert release(tmp_path / "out", *weights) == 2
    said = capsys.readouterr().err
    assert f"--weights: {weights[1]}: found in {released.results}, expected {folds} as " in said


def test_a_member_that_was_changed_or_taken_from_elsewhere_is_named(ensembles, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(ensembles / "unet", tmp_path / "copy"))
    other, place = ensembles / "mgi/mgi-fold0-seed0", copy / "unet-fold0-seed0"
    shutil.rmtree(place)
    with pytest.raises(BadInputError, match=r"unet-fold0-seed0/config\.json: missing"):
        load_model(copy)
    shutil.copytree(other, place)
    with pytest.raises(IntegrityError, match=r"unet-fold0-seed0/config\.json: digest: .*copy"):
        load_model(copy)
    with (copy / "MODEL_CARD.md").open("a") as card:
        card.write("It is a medical device.")
    with pytest.raises(IntegrityError, match=r"MODEL_CARD\.md: sha256: "):
        load_model(copy)
    (copy / "MODEL_CARD.md").unlink()
    with pytest.raises(IntegrityError, match=r"MODEL_CARD\.md: missing"):
        load_model(copy)
    config = json.loads((copy / "config.json").read_text())
    write_json(copy / "config.json", config | {"mgi": "0"})
    with pytest.raises(IntegrityError, match=r"config\.json: digest: "):
        load_model(copy)
    write_json(copy / "config.json", {name: value for name, value in config.items() if name != "members"})
    with pytest.raises(BadInputError, match=r"config\.json: members: missing"):
        load_model(copy)


def test_a_second_ensemble_into_the_same_folder_is_refused(ensembles, folds, capsys) -> None:
    assert release(ensembles / "unet", *weights_of(folds, "unet", "unet1")) == 2
    assert " already" in capsys.readouterr().err


def test_releases_named_together_answer_as_their_ensemble_does(ensembles, tmp_path: Path, capsys) -> None:
    voxels = np.random.default_rng(0).normal(300, 60, (24, 20, 3)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1.0, 1, 4, 1])), tmp_path / "flair.nii.gz")
    line = ["predict", str(tmp_path / "flair.nii.gz"), "--force", "--probabilities"]
    members = [str(ensembles / f"unet/unet-fold{fold}-seed0") for fold in (0, 1)]
    assert main([*line, f"--model={ensembles / 'unet'}", f"--output={tmp_path / 'a.nii.gz'}"]) == 0
    assert main([*line, f"--output={tmp_path / 'b.nii.gz'}", "--ensemble", *members]) == 0
    for more in ("", "_probability"):
        assert (tmp_path / f"a{more}.nii.gz").read_bytes() == (tmp_path / f"b{more}.nii.gz").read_bytes()
    reports = [json.loads((tmp_path / f"{name}.json").read_text())["model"] for name in "ab"]
    assert reports[0]["members"] == reports[1]["members"]
    capsys.readouterr()
    assert main([*line, f"--output={tmp_path / 'c.nii.gz'}", "--ensemble", str(ensembles / "unet"), *members]) == 2
    assert "an ensemble already, expected releases of one run" in capsys.readouterr().err
