"""Attributions of the study's runs, the tables of them, and the report's part, through the commands."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from mgi.cli import main
from mgi.core.errors import IntegrityError
from mgi.explain.attribution_file import read_attributions
from mgi.modalities.rna.normalise import read_fitted_genes, write_fitted_genes
from mgi.reporting.explain_section import explain_section
from mgi.reporting.whole_results import fault_of, kinds_of
from mgi.training.weights import load_weights, save_weights

SETTINGS = {"noise_samples": 2, "patients": 2, "random_networks": 2, "references": 2, "seed": 3}
SETS = "first\tdescribed\tENSG000\tENSG001\nsecond\tdescribed\tENSG004\tENSG999\n"


def line(study, key: str, folder: Path, run, **options: object) -> list[str]:
    """The command line that explains a run of the study."""
    given = {
        "run-json": run.as_json(),
        "image-shard": study.folder / "images",
        "prepared": study.prepared(),
        "expression-shard": study.folder / "expression",
        "fold-genes": study.folder / "genes.parquet",
        "split": study.folder / "split.parquet",
        "weights": study.weights(key),
        "curves": study.weights(key).with_name("curves.jsonl"),
        "settings": json.dumps(SETTINGS),
        "output": folder / "attributions.parquet",
    }
    return ["explain", *(f"--{name}={value}" for name, value in (given | options).items())]


@pytest.fixture(scope="module")
def segmenter_weights(study, tmp_path_factory) -> Path:
    """The study's MGI with a lighter start of the mask: four steps have not yet found a tumour."""
    genes = read_fitted_genes(study.folder / "genes.parquet").gene_ids
    weights = load_weights(study.weights("mgi"), genes=genes)
    tensors = dict(weights.tensors) | {"decoder.offset": torch.tensor(0.5)}

    class Held(torch.nn.Module):
        def state_dict(self, *_: object, **__: object) -> dict[str, torch.Tensor]:
            return tensors

    path = tmp_path_factory.mktemp("lighter") / "weights.safetensors"
    save_weights(path, Held(), run=weights.run, model=weights.model, genes=genes)
    assert load_file(path)["decoder.offset"] == 0.5
    return path


@pytest.fixture(scope="module")
def explained(study, run_of, segmenter_weights, tmp_path_factory) -> Path:
    """A folder with the attributions of the pre-training and of MGI, and the tables of both."""
    folder = tmp_path_factory.mktemp("explain")
    pretraining = run_of(task="pretraining")
    assert main(line(study, "pretrain", folder / "pretrain", pretraining)) == 0
    assert main(line(study, "mgi", folder / "mgi", run_of("mgi"), weights=segmenter_weights)) == 0
    assert tables(folder) == 0
    return folder


def tables(folder: Path, *runs: str) -> int:
    (folder / "sets.gmt").write_text(SETS)
    paths = [str(folder / run / "attributions.parquet") for run in runs or ("pretrain", "mgi")]
    options = [f"--settings={json.dumps(SETTINGS)}", f"--gene-sets={folder}/sets.gmt", f"--output={folder}"]
    return main(["explain-tables", "--attributions", *paths, *options])


def test_each_test_patient_has_attributions_that_add_up_for_every_value_and_network(study, explained: Path) -> None:
    for run, values in (("pretrain", ["contrast", "similarity"]), ("mgi", ["mask"])):
        found = read_attributions(explained / run / "attributions.parquet")
        names = ("patient_id", "value", "method", "network", "draw")
        rows = pd.DataFrame({name: getattr(found, name) for name in names})
        of_random = [("ig", "random_weights", draw) for draw in range(2)]
        expected = [
            (patient, value, *which)
            for patient in study.role("test")
            for value in values
            for which in (("ig", "trained", 0), ("ig_noise", "trained", 0), *of_random)
        ]
        assert sorted(rows.itertuples(index=False, name=None)) == sorted(expected)
        trained = found.network == "trained"
        assert found.error[trained].max() <= 0.01
        scale = np.maximum(np.abs(found.change), 0.01 * np.abs(found.values).sum(1))
        missed = np.abs(found.values.sum(1) - found.change) / scale
        assert missed[trained].max() <= 0.011
        assert np.abs(found.values).max() > 0


def test_the_same_command_gives_the_same_bytes(study, run_of, explained: Path) -> None:
    paths = [explained / "pretrain" / f"{name}.parquet" for name in ("attributions", "deletion", "attention")]
    before = [path.read_bytes() for path in paths]
    assert main(line(study, "pretrain", explained / "pretrain", run_of(task="pretraining"))) == 0
    assert [path.read_bytes() for path in paths] == before


def test_shuffled_true_masks_leave_the_explained_masks_alone(
    study, run_of, write_study, segmenter_weights, explained: Path, tmp_path: Path
) -> None:
    """The mask that is explained is the predicted one: no truth is read but for the picture."""

    def shuffle(patient: str, arrays: dict[str, np.ndarray]) -> None:
        flat = arrays["mask"].reshape(-1)
        flat[:] = np.random.default_rng(9).permutation(flat)

    other = write_study(tmp_path / "study", shuffle)
    assert main(line(other, "mgi", tmp_path / "out", run_of("mgi"), weights=segmenter_weights,
                     curves=study.weights("mgi").with_name("curves.jsonl"))) == 0  # fmt: skip
    here, there = (read_attributions(path / "attributions.parquet") for path in (explained / "mgi", tmp_path / "out"))
    assert np.array_equal(here.values, there.values)


def test_with_components_the_measured_genes_are_explained_through_them(study, run_of, tmp_path: Path) -> None:
    fitted = read_fitted_genes(study.folder / "genes.parquet")
    direction = np.zeros((len(fitted.gene_ids), 1))
    direction[[0, 3], 0] = 0.6, 0.8
    table = fitted.table.copy()
    table.loc[fitted.columns, "components"] = pd.Series(list(direction), index=fitted.columns, dtype=object)
    write_fitted_genes(tmp_path / "genes.parquet", replace(fitted, table=table, components=direction))
    run = run_of(task="pretraining")
    genes = {"fold-genes": tmp_path / "genes.parquet"}
    assert main(line(study, "pretrain", tmp_path, run, **genes)) == 0
    found = read_attributions(tmp_path / "attributions.parquet")
    assert found.about["components"] == 1
    named = [gene in ("ENSG000", "ENSG003") for gene in found.gene_ids]
    assert np.abs(found.values[:, named]).max() > 0
    assert np.abs(found.values[:, ~np.array(named)]).max() < 1e-7


def test_the_tables_rank_genes_sum_sets_and_say_what_was_checked(study, explained: Path) -> None:
    ranked, sets, local, checks = (
        pd.read_csv(explained / f"{name}.csv") for name in ("global", "gene_sets", "local", "checks")
    )
    assert set(ranked["method"]) == {"ig", "ig_noise"}
    for _, one in ranked.groupby(["run", "value", "method"]):
        assert one["mean_absolute"].is_monotonic_decreasing
        assert (one["low"] <= one["mean_absolute"]).all()
    assert set(sets["gene_set"]) == {"first", "second"}
    assert sets.loc[sets["gene_set"] == "second", "genes"].unique().tolist() == [1]
    assert set(local["patient_id"]) == set(study.role("test"))
    assert set(checks["check"]) == {
        "completeness", "random_weights", "random_weights_signed", "noise", "deletion", "without_predicted_tumour",
        "attention_other", "attention_null",
    }  # fmt: skip
    assert (checks.loc[checks["check"] == "completeness", "passed"] == "yes").all()
    assert {path.name for path in explained.glob("*.sha256")} == {
        f"{name}.csv.sha256"
        for name in ("global", "gene_sets", "local", "modalities", "modalities_local", "deletion", "checks")
    }


def test_maps_are_of_test_patients_with_slice_masks_and_three_inputs(study, explained: Path) -> None:
    rows = pq.read_table(explained / "attention.parquet").to_pylist()
    assert [row["patient_id"] for row in rows] == study.role("test")
    for row in rows:
        assert len(row["image"]) == len(row["truth"]) == len(row["prediction"]) == row["side"] ** 2
        for name in ("own", "other", "null"):
            assert sum(row[name]) == pytest.approx(1, abs=1e-5)
        assert row["donor"] != row["patient_id"]


def test_the_report_shows_every_value_with_what_it_does_not_show(explained: Path) -> None:
    section = explain_section(explained, simulated=True)
    for value in ("contrast", "similarity", "mask"):
        assert section.figures[f"explain_{value}_genes"]
        assert section.figures[f"explain_{value}_sets"]
    assert section.figures["explain_attention"]
    assert section.html.count("It shows") == section.html.count("<figcaption>") == section.html.count("<img")
    assert section.html.count("does not show") >= 7
    assert section.html.count("simulated") >= section.html.count("<img")


def test_a_changed_table_is_refused_by_the_report(explained: Path, tmp_path: Path) -> None:
    shutil.copytree(explained, tmp_path, dirs_exist_ok=True)
    (tmp_path / "checks.csv").write_text("run,value\n")
    with pytest.raises(IntegrityError, match=r"checks\.csv: damaged or edited"):
        explain_section(tmp_path, simulated=True)


def test_verify_reads_all_of_it_and_names_the_rule_that_mends_it(explained: Path, tmp_path: Path) -> None:
    shutil.copytree(explained, tmp_path / "explain", symlinks=True)
    files = dict(kinds_of(tmp_path))["attributions"]
    assert len(files) == 1 + 2 * 3 + 7
    assert [fault for path, kind in files if (fault := fault_of(path, kind))] == []
    broken = tmp_path / "explain/mgi/deletion.parquet"
    broken.write_bytes(broken.read_bytes()[:-1])
    (tmp_path / "explain/local.csv").write_text("x")
    faults = [fault for path, kind in files if (fault := fault_of(path, kind))]
    assert [re.findall(r"--forcerun (\w+)", fault)[0] for fault in faults] == ["explain", "explain_tables"]


def test_permuted_pairs_are_pretrained_and_stand_beside_the_run(study, run_of, explained: Path, tmp_path: Path) -> None:
    permuted = run_of(task="pretraining", control="permuted-pairs")
    options = {"run-json": permuted.as_json(), "weights": tmp_path / "runs/p/weights.safetensors"}
    options |= {"curves": tmp_path / "runs/p/curves.jsonl", "record": tmp_path / "runs/p/run.json"}
    assert study.run("pretrain", "p", **options) == 0
    plain = load_file(study.weights("pretrain"))
    assert any(not torch.equal(one, plain[name]) for name, one in load_file(options["weights"]).items())
    more = {"weights": options["weights"], "curves": options["curves"]}
    assert main(line(study, "p", tmp_path / "permuted", permuted, **more)) == 0
    for name in ("pretrain", "mgi"):
        (tmp_path / name).symlink_to(explained / name)
    assert tables(tmp_path, "pretrain", "mgi", "permuted") == 0
    checks = pd.read_csv(tmp_path / "checks.csv")
    beside = checks[checks["check"] == "permuted_pairs"]
    assert beside[["run", "value"]].values.tolist() == [
        ["pretrain-fold0-seed0", "contrast"], ["pretrain-fold0-seed0", "similarity"]
    ]  # fmt: skip
    assert tables(tmp_path, "pretrain", "pretrain") == 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"settings": '{"values": ["mask"]}'},
            "--run: found pretrain-fold0-seed0, expected a run of MGI with one of mask",
        ),
        ({"settings": '{"values": []}'}, "explain.values: found [], expected"),
        ({"settings": '{"steps": 1}'}, "explain.steps: found 1, expected"),
        ({"output": "x.parquet"}, "--output: found x.parquet, expected a path that ends in attributions.parquet"),
        ({"weights": "mgi"}, "the weights of mgi-fold0-seed0, expected those of pretrain-fold0-seed0"),
        ({"curves": "empty"}, "no temperature in it, expected the curve of a pre-training"),
    ],
    ids=["value", "none", "steps", "output", "weights", "curves"],
)
def test_bad_input_is_one_line(study, run_of, tmp_path: Path, capsys, change: dict[str, str], said: str) -> None:
    (tmp_path / "empty").write_text("")
    files = {"mgi": study.weights("mgi"), "empty": tmp_path / "empty"}
    given = {name: files.get(value, value) for name, value in change.items()}
    assert main(line(study, "pretrain", tmp_path, run_of(task="pretraining"), **given)) in (2, 5)
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("mgi explain: ")
    assert said in told
