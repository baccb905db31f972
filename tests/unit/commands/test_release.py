import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mgi.cli import main
from mgi.cohort.split import SplitRow
from mgi.cohort.tables import read_split, write_split
from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import read_json, sha256_of, write_json
from mgi.evaluation.patient_scores import SCORES
from mgi.modalities.rna.normalise import read_fitted_genes, write_fitted_genes
from mgi.release import package
from mgi.release.package import load_release
from mgi.release.training_range import measure
from mgi.shards.image_shard import iter_images
from mgi.shards.parquet import read_table, write_table
from mgi.training.weights import load_weights, save_weights


@pytest.fixture
def copy(released, tmp_path: Path):
    """A release that a test may damage."""
    return Path(shutil.copytree(released.model("mgi"), tmp_path / "copy"))


def sealed(folder: Path) -> None:
    """State the digests of a release anew, as one who changed a file on purpose would."""
    config = json.loads((folder / "config.json").read_text())
    config["files"] = {
        name: {"size": (folder / name).stat().st_size, "sha256": sha256_of(folder / name)} for name in config["files"]
    }
    write_json(folder / "config.json", {**config, "digest": package._digest(config)})


@pytest.mark.parametrize(("key", "reads"), [("mgi", True), ("mgi-no-genes", False), ("unet", False)])
def test_a_release_holds_the_weights_the_genes_and_what_the_run_was(key: str, reads: bool, released, study) -> None:
    folder = released.model(key)
    assert sorted(path.name for path in folder.iterdir()) == [
        "MODEL_CARD.md", "config.json", "configs", "genes.parquet", "weights.safetensors",
    ]  # fmt: skip
    release = load_release(folder)
    assert (folder / "weights.safetensors").read_bytes() == study.weights(key).read_bytes()
    assert release.fitted.gene_ids == read_fitted_genes(study.folder / "genes.parquet").gene_ids
    assert (release.reads_genes, release.weights.run.key, release.simulated) == (reads, f"{key}-fold0-seed0", True)
    assert (release.expression_unit, release.threshold) == ("as given", 0.5)
    config = json.loads((folder / "config.json").read_text())
    assert config["genes"] == {"count": 12, "hash": config["genes"]["hash"], "scaler": "zscore", "fitted_on": 4}


def test_the_training_range_is_that_of_the_training_patients_alone(released, study) -> None:
    trained = load_release(released.model("unet")).training_range
    own = measure(iter_images(released.results / "shards/flair", study.role("train")), [])
    assert trained.n_patients == 4
    assert trained.quantiles == own.quantiles
    assert (trained.rows.low, trained.rows.high, trained.columns.low, trained.slices.low) == (20, 20, 24, 3)
    assert (trained.pixel_mm, trained.slice_mm, trained.one_body) == (None, None, 1.0)
    assert trained.expression is not None
    assert trained.expression.low < 1 < trained.expression.high


def test_the_card_has_the_cohort_the_split_and_the_score_of_the_test_patients(released) -> None:
    card = (released.model("mgi") / "MODEL_CARD.md").read_text()
    from mgi.evaluation.patient_scores import SCORES
    from mgi.shards.parquet import read_table

    scores = read_table(released.results / "evaluation/mgi-fold0-seed0.parquet", SCORES).to_pandas()
    own = scores[(scores["definition"] == "volume") & (scores["expression_input"] == "own")]["value"]
    assert f"| own genes | {own.mean():.3f} |" in card
    assert "4 train, 2 validation (chose the weights), 2 test" in card
    assert "fold 0 of 1" in card
    assert "| input | whole slices, at " in card
    assert "SIMULATED" in card
    assert card.count("Research use only") == 1
    assert "`mgi-fold0-seed0`" in card


def test_a_run_that_was_not_tested_says_so(released, tmp_path: Path) -> None:
    results = shutil.copytree(released.results, tmp_path / "results")
    shutil.rmtree(results / "evaluation")
    weights = results / "runs/unet/weights.safetensors"
    assert main(["release", f"--weights={weights}", f"--output={tmp_path / 'out'}"]) == 0
    assert "was not tested" in (tmp_path / "out/MODEL_CARD.md").read_text()


def test_a_model_of_the_whole_cohort_has_its_own_fold_and_the_scores_of_the_other_archive(
    released, run_of, tmp_path
) -> None:
    results = Path(shutil.copytree(released.results, tmp_path / "results"))
    whole = read_split(results / "tables/split.parquet").assign(fold=1)
    rows = [SplitRow(**row) for row in whole[whole["role"].isin(["train", "validation"])].to_dict("records")]
    write_split(rows, results / "tables/whole.parquet", results / "whole.tsv")
    (results / "folds/0").rename(results / "folds/1")
    (results / "external").mkdir()
    (results / "evaluation").rename(results / "external/evaluation")
    weights = results / "runs/unet/weights.safetensors"
    record = read_json(weights.with_name("run.json"))
    run = replace(run_of("unet"), fold=1)
    scores = results / "external/evaluation/unet-fold0-seed0.parquet"
    table = read_table(scores, SCORES).replace_schema_metadata({"run": run.as_json()})
    write_table(scores.with_name("unet-fold1-seed0.parquet"), table)
    scores.unlink()
    stored = load_weights(weights, genes=read_fitted_genes(results / "folds/1/genes.parquet").gene_ids)
    network = package.network_of(stored, weights)
    save_weights(weights, network, run=run, model=stored.model, genes=stored.genes)
    files = {**record["files"], weights.name: sha256_of(weights)}
    write_json(weights.with_name("run.json"), {**record, "run": run.record(), "files": files})
    assert main(["release", f"--weights={weights}", f"--output={tmp_path / 'out'}"]) == 0
    card = (tmp_path / "out/MODEL_CARD.md").read_text()
    assert "the whole cohort, nobody left to test" in card
    assert "mean over the patients of another archive" in card


def test_a_second_release_into_the_same_folder_is_refused(released, capsys) -> None:
    capsys.readouterr()
    assert released.release("unet", released.model("unet")) == 2
    assert " already" in capsys.readouterr().err


def test_weights_that_make_no_masks_and_weights_without_their_facts_are_refused(released, tmp_path, capsys) -> None:
    capsys.readouterr()
    assert released.release("pretrain", tmp_path / "out") == 5
    assert "pretrain/weights.safetensors: run.task: found pretraining, expected a task" in capsys.readouterr().err
    results = shutil.copytree(released.results, tmp_path / "results")
    (results / "runs/unet/run.json").unlink()
    assert main(["release", f"--weights={results}/runs/unet/weights.safetensors", f"--output={tmp_path / 'out'}"]) == 5
    assert "run.json: missing" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_fold_fitted_on_other_patients_is_refused(released, tmp_path: Path, capsys) -> None:
    results = shutil.copytree(released.results, tmp_path / "results")
    path = results / "folds/0/genes.parquet"
    fitted = read_fitted_genes(path)
    object.__setattr__(fitted, "train_hash", "0" * 64)
    write_fitted_genes(path, fitted)
    assert main(["release", f"--weights={results}/runs/unet/weights.safetensors", f"--output={tmp_path / 'out'}"]) == 5
    assert "genes.parquet: fitted on other patients" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["weights.safetensors", "genes.parquet", "MODEL_CARD.md", "configs/metadata.json"])
def test_a_flipped_byte_in_any_file_is_found_by_name_with_both_digests(name: str, copy: Path) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(IntegrityError, match=rf"{name}: sha256: .*[0-9a-f]{{64}}, .*[0-9a-f]{{64}}"):
        load_release(copy)
    (copy / name).unlink()
    with pytest.raises(IntegrityError, match=rf"{name}: missing"):
        load_release(copy)


def test_a_config_of_another_format_changed_or_absent_is_named(copy: Path) -> None:
    path = copy / "config.json"
    config = json.loads(path.read_text())
    for change, kind, message in (
        ({"format": "mgi-release-0"}, BadInputError, r"config\.json: format: .*mgi-release-0.*mgi-release-3"),
        ({"threshold": 0.4}, IntegrityError, r"config\.json: digest: "),
    ):
        write_json(path, config | change)
        with pytest.raises(kind, match=message):
            load_release(copy)
    write_json(path, {name: value for name, value in config.items() if name != "threshold"})
    with pytest.raises(BadInputError, match=r"config\.json: threshold: missing"):
        load_release(copy)
    path.unlink()
    with pytest.raises(BadInputError, match=r"config\.json: missing"):
        load_release(copy)


def test_a_config_that_contradicts_the_weights_is_named(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    config["genes"]["count"] = 13
    write_json(copy / "config.json", config)
    sealed(copy)
    with pytest.raises(BadInputError, match=r"config\.json: genes: .*13.*12"):
        load_release(copy)


def test_genes_in_another_order_are_refused_by_name(copy: Path) -> None:
    fitted = read_fitted_genes(copy / "genes.parquet")
    table = fitted.table.copy()
    swapped = table["order"].replace({0: 1, 1: 0})
    table["order"] = swapped.astype(np.int32)
    object.__setattr__(fitted, "table", table)
    object.__setattr__(fitted, "gene_ids", table.sort_values("order")["gene_id"].tolist())
    write_fitted_genes(copy / "genes.parquet", fitted)
    sealed(copy)
    with pytest.raises(BadInputError, match=r"weights\.safetensors: .*gene list: .*12 .*order, 2 "):
        load_release(copy)


def test_a_tensor_of_another_shape_is_named_with_both_shapes(copy: Path, released) -> None:
    path = copy / "weights.safetensors"
    weights = load_weights(path, genes=load_release(copy).weights.genes)

    class Changed(torch.nn.Module):
        def state_dict(self):
            return weights.tensors | {"null_token": torch.zeros(1, 1, 3)}

    save_weights(path, Changed(), run=weights.run, model=weights.model, genes=weights.genes)
    sealed(copy)
    with pytest.raises(BadInputError, match=r"tensor null_token: .*\(1, 1, 3\).*\(1, 1, 16\)"):
        load_release(copy)
