"""The table of runs holds each combination that the config asks for, once."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from lib.runs import (
    fold_genes,
    for_each,
    leak_report,
    masks_of,
    model_settings,
    pathways,
    predicting_weights,
    pretrain_settings,
    pretrain_stripped,
    pretrained_weights,
    run_json,
)
from mgi.config.tree import checked
from mgi.core.errors import ConfigError
from mgi.core.run import IMAGE_SETTINGS, Run, full_cohort_section, run_table
from mgi.core.run_choice import by_patient, by_slice, evaluated
from mgi.core.section import read_record
from mgi.models.baselines import BASELINES
from mgi.models.settings import ModelSettings
from mgi.tasks.segmentation import learning

BOTH = {"methods": ["mgi", "unet"], "folds": [0, 2], "seeds": [0, 1], "controls": ["no-genes"]}


def test_methods_folds_and_seeds_are_all_combined() -> None:
    table = run_table(BOTH)
    assert evaluated(table) == [
        f"{row}-fold{fold}-seed{seed}" for row in ("mgi", "mgi-no-genes", "unet") for fold in (0, 2) for seed in (0, 1)
    ]
    assert [key for key in table if key not in evaluated(table)] == [
        f"pretrain-fold{fold}-seed{seed}" for fold in (0, 2) for seed in (0, 1)
    ]


def test_a_key_is_the_key_of_its_row() -> None:
    table = run_table(BOTH)
    assert all(run.key == key for key, run in table.items())
    assert json.loads(run_json(table, SimpleNamespace(run="mgi-no-genes-fold2-seed1"))) == {
        "task": "segmentation", "method": "mgi", "inputs": ["flair"], "control": "no-genes", "split_unit": "patient",
        "fold": 2, "seed": 1, "pretrained": "pretrain-fold2-seed1",
    }  # fmt: skip


def test_a_run_reads_the_genes_and_the_pretraining_of_its_own_fold_and_seed() -> None:
    table = run_table(BOTH)
    mgi, unet = SimpleNamespace(run="mgi-fold2-seed1"), SimpleNamespace(run="unet-fold0-seed0")
    assert fold_genes(table, mgi) == "<results>/folds/2/genes.parquet"
    assert pretrained_weights(table, mgi) == ["<results>/runs/pretrain-fold2-seed1/weights.safetensors"]
    assert pretrained_weights(table, unet) == []


def test_without_mgi_nothing_is_pretrained() -> None:
    assert list(run_table(BOTH | {"methods": ["unet"], "folds": [0], "seeds": [5]})) == ["unet-fold0-seed5"]


def test_an_ensemble_of_the_seeds_predicts_for_each_method_control_and_fold_and_is_not_trained() -> None:
    plain, table = run_table(BOTH), run_table(BOTH | {"ensemble": True})
    added = [key for key in table if key not in plain]
    labels = ("mgi", "mgi-no-genes", "unet")
    assert added == [f"{label}-ensemble-fold{fold}-seed0" for label in labels for fold in (0, 2)]
    assert evaluated(table) == [*evaluated(plain), *added]
    assert by_patient(table) == by_patient(plain)
    members, alone = SimpleNamespace(run=added[-1]), SimpleNamespace(run="unet-fold2-seed1")
    assert predicting_weights(table, "r", members) == [
        f"r/runs/unet-fold2-seed{seed}/weights.safetensors" for seed in (0, 1)
    ]
    assert predicting_weights(table, "r", alone) == ["r/runs/unet-fold2-seed1/weights.safetensors"]
    assert pretrained_weights(table, members) == []
    assert read_record(Run, table[added[0]].as_json(), "x") == table[added[0]]


def test_a_run_that_is_no_ensemble_keeps_the_record_that_it_had() -> None:
    assert all("members" not in run.record() for run in run_table(BOTH).values())


@pytest.mark.parametrize(
    ("control", "kinds"),
    [
        ("no-genes", ["mgi-no-genes"]),
        ("random-id", ["mgi-random-id", "pretrain-random-id"]),
        ("no-pretraining", ["mgi-no-pretraining"]),
    ],
)
def test_a_control_adds_its_rows_per_fold_and_seed(control: str, kinds: list[str]) -> None:
    with_control, without = run_table(BOTH | {"controls": [control]}), run_table(BOTH | {"controls": []})
    added = [f"{kind}-fold{fold}-seed{seed}" for kind in kinds for fold in (0, 2) for seed in (0, 1)]
    assert sorted(set(with_control) - set(without)) == added


def test_random_vectors_are_pretrained_on_too_and_no_pretraining_starts_from_nothing() -> None:
    table = run_table(BOTH | {"controls": ["no-genes", "random-id", "no-pretraining"]})
    found = {key.rsplit("-", 2)[0]: (len(run.inputs), run.pretrained) for key, run in table.items() if run.fold == 0}
    assert found == {
        "pretrain": (2, None),
        "pretrain-random-id": (2, None),
        "mgi": (2, "pretrain-fold0-seed1"),
        "mgi-no-genes": (1, "pretrain-fold0-seed1"),
        "mgi-random-id": (2, "pretrain-random-id-fold0-seed1"),
        "mgi-no-pretraining": (2, None),
        "unet": (1, None),
    }


def test_without_mgi_there_are_no_controls() -> None:
    assert list(run_table(BOTH | {"methods": ["unet"], "controls": ["random-id"], "folds": [1], "seeds": [0]})) == [
        "unet-fold1-seed0"
    ]


def test_what_is_split_by_slice_is_apart_from_what_is_compared() -> None:
    leaky = {"methods": ["mgi", "unet"], "folds": [1], "seeds": [0], "controls": ["random-id"]}
    honest, table = run_table(BOTH), run_table(BOTH | {"leaky_slice_split": leaky})
    assert by_slice(honest) == []
    assert by_patient(table) == [*by_patient(honest)]
    assert evaluated(table) == evaluated(honest)
    assert by_slice(table) == [f"{kind}-slice-fold1-seed0" for kind in ("mgi", "mgi-random-id", "unet")]
    added = {key: run for key, run in table.items() if key not in honest}
    assert {run.split_unit for run in added.values()} == {"slice"}
    assert added["mgi-slice-fold1-seed0"].pretrained == "pretrain-slice-fold1-seed0"
    assert added["pretrain-random-id-slice-fold1-seed0"].control == "random-id"
    assert set(added) == {*by_slice(table), "pretrain-slice-fold1-seed0", "pretrain-random-id-slice-fold1-seed0"}


def test_a_run_waits_for_the_check_of_its_own_split_unit() -> None:
    table = run_table(BOTH | {"leaky_slice_split": BOTH})
    run, of_a_slice = (SimpleNamespace(run=f"unet{part}-fold0-seed0") for part in ("", "-slice"))
    reports = [leak_report(table, folds, one) for folds, one in ((5, run), (5, of_a_slice), (0, run))]
    assert reports == [f"<results>/tables/leaks{ending}.json" for ending in ("", "-slice", "-whole")]


class Recorder:
    """Settings that note which of them are read."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if name in ModelSettings.model_fields:
            self.read.add(name)
            return getattr(self._settings, name)
        return getattr(ModelSettings, name).fget(self)  # a property, which reads fields in its turn


@pytest.mark.parametrize("method", sorted(BASELINES))
def test_the_networks_of_the_comparison_read_no_other_setting(method: str) -> None:
    settings = Recorder(ModelSettings(baseline_width=4))
    learning.build(method, settings, n_genes=10)
    assert settings.read <= set(IMAGE_SETTINGS)
    assert {"baseline_width", "context_slices"} <= settings.read


def test_a_network_without_genes_is_given_what_it_reads_and_mgi_everything_but_the_users_file() -> None:
    config = {"model": {**ModelSettings().plain(), "pathways": "sets.gmt"}}
    given = {
        run: json.loads(model_settings(config, run_table(BOTH), SimpleNamespace(run=f"{run}-fold0-seed0")))
        for run in ("unet", "mgi-no-genes", "pretrain")
    }
    assert set(given["unet"]) == set(IMAGE_SETTINGS)
    assert set(given["mgi-no-genes"]) == set(given["pretrain"]) == set(config["model"]) - {"pathways"}


VARIED = {
    "flat": {"model": {"gene_encoder": "flat_mlp"}, "finetune": True},
    "sets": {"model": {"gene_tokens": "pathway", "pathways": "p.gmt"}},
    "strip": {"pretrain": {"augment": {"skull_strip": 0.5}}},
}


def test_a_variant_is_pretrained_on_the_same_folds_and_seeds_and_fine_tuned_where_it_says_so() -> None:
    without, table = (
        run_table(BOTH),
        run_table(BOTH | {"variants": checked({"runs": {"variants": VARIED}})["runs"]["variants"]}),
    )
    added = [key for key in table if key not in without]
    kinds = ("pretrain-flat", "pretrain-sets", "pretrain-strip", "mgi-flat")
    assert sorted(added) == sorted(
        f"{kind}-fold{fold}-seed{seed}" for kind in kinds for fold in (0, 2) for seed in (0, 1)
    )
    assert {key: run for key, run in table.items() if key in without} == without
    assert table["mgi-flat-fold2-seed1"].pretrained == "pretrain-flat-fold2-seed1"
    assert set(added) - set(by_patient(table)) == set()
    assert [key for key in evaluated(table) if key in added] == [key for key in added if key.startswith("mgi-flat")]
    assert all(table[key].inputs == ("flair", "rna") for key in added)


def test_the_seeds_of_a_variant_predict_together_too() -> None:
    table = run_table(BOTH | {"ensemble": True, "variants": {"flat": {"finetune": True}}})
    assert table["mgi-flat-ensemble-fold0-seed0"].members == ("mgi-flat-fold0-seed0", "mgi-flat-fold0-seed1")


def test_the_split_by_slice_has_no_variants_and_the_whole_cohort_has_them() -> None:
    runs = checked({"runs": {**BOTH, "leaky_slice_split": BOTH, "variants": VARIED}})
    assert not any(run.leaks and run.variant for run in run_table(runs["runs"]).values())
    assert "mgi-flat-fold5-seed0" in run_table(full_cohort_section(runs))


def test_a_variants_settings_are_its_own_and_those_of_other_runs_stay() -> None:
    config, plain = (checked({"runs": {**BOTH, "variants": given}}) for given in (VARIED, {}))
    table, before = run_table(config["runs"]), run_table(plain["runs"])

    def given(config: Any, table: Any, key: str) -> list[Any]:
        wildcards = SimpleNamespace(run=f"{key}-fold0-seed0")
        looked_up = (model_settings, pretrain_settings, pretrain_stripped, pathways)
        return [json.loads(one) if isinstance(one := f(config, table, wildcards), str) else one for f in looked_up]

    model, pretrain, stripped, sets = given(plain, before, "pretrain")
    for key in ("pretrain", "mgi", "unet", "mgi-no-genes"):
        assert given(config, table, key) == given(plain, before, key)
    assert (stripped, sets) == ([], [])
    assert given(config, table, "mgi-flat")[0] == {**model, "gene_encoder": "flat_mlp"}
    assert given(config, table, "pretrain-flat") == [{**model, "gene_encoder": "flat_mlp"}, pretrain, [], []]
    assert given(config, table, "pretrain-sets") == [{**model, "gene_tokens": "pathway"}, pretrain, [], ["p.gmt"]]
    assert given(config, table, "pretrain-strip")[1]["augment"] == {**pretrain["augment"], "skull_strip": 0.5}
    assert given(config, table, "pretrain-strip")[2] == ["<local_results>/prepared/256px-none-stripped/slices.parquet"]


def test_files_of_many_runs_are_named_by_one_path() -> None:
    keys = ["unet-fold0-seed0", "unet-fold1-seed0"]
    paths = [f"r/unet-fold0-seed0/runs/{key}/curves.jsonl" for key in keys]
    assert for_each(keys, paths) == "r/unet-fold0-seed0/runs/{run}/curves.jsonl"
    with pytest.raises(AssertionError, match="no file of unet-fold0-seed0"):
        for_each(keys, ["r/other.parquet"])


def test_masks_are_of_the_first_method_and_seed_in_every_fold() -> None:
    runs = {"methods": ["unet", "mgi"], "folds": [0, 2], "seeds": [1, 0], "controls": []}
    expected = [f"<results>/predictions/unet-fold{fold}-seed1.parquet" for fold in (0, 2)]
    assert masks_of(run_table(runs), "<results>") == expected
    other = {key: replace(run, task="grading") for key, run in run_table(runs).items()}
    with pytest.raises(ConfigError, match="runs: found no method that predicts masks"):
        masks_of(other, "<results>")
