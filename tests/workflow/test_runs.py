"""The table of runs holds each combination that the config asks for, once."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from lib.runs import (
    READ_WITHOUT_GENES,
    by_patient,
    by_slice,
    fold_genes,
    leak_report,
    model_settings,
    pretrained_weights,
    run_table,
    segmenters,
    spec_json,
)
from mgi.models.baselines import BASELINES
from mgi.models.settings import ModelSettings
from mgi.tasks.segmentation.segmenters import build_segmenter

BOTH = {"methods": ["mgi", "unet"], "folds": [0, 2], "seeds": [0, 1], "controls": ["no-genes"]}


def test_methods_folds_and_seeds_are_all_combined() -> None:
    table = run_table(BOTH)
    assert segmenters(table) == [
        f"{row}-fold{fold}-seed{seed}"
        for row in ("mgi-real", "mgi-none", "unet-none")
        for fold in (0, 2)
        for seed in (0, 1)
    ]
    assert [key for key in table if key not in segmenters(table)] == [
        f"pretrain-fold{fold}-seed{seed}" for fold in (0, 2) for seed in (0, 1)
    ]


def test_a_key_is_the_key_of_its_row() -> None:
    table = run_table(BOTH)
    assert all(spec.key == key for key, spec in table.items())
    assert json.loads(spec_json(table, SimpleNamespace(run="mgi-none-fold2-seed1"))) == {
        "key": "mgi-none-fold2-seed1", "method": "mgi", "genes": "none", "fold": 2, "seed": 1, "protocol": "patient",
        "pretrained": "pretrain-fold2-seed1",
    }  # fmt: skip


def test_a_run_reads_the_genes_and_the_pretraining_of_its_own_fold_and_seed() -> None:
    table = run_table(BOTH)
    mgi, unet = SimpleNamespace(run="mgi-real-fold2-seed1"), SimpleNamespace(run="unet-none-fold0-seed0")
    assert fold_genes(table, mgi) == "<results>/folds/2/genes.parquet"
    assert pretrained_weights(table, mgi) == ["<results>/runs/pretrain-fold2-seed1/weights.safetensors"]
    assert pretrained_weights(table, unet) == []


def test_without_mgi_nothing_is_pretrained() -> None:
    assert list(run_table(BOTH | {"methods": ["unet"], "folds": [0], "seeds": [5]})) == ["unet-none-fold0-seed5"]


@pytest.mark.parametrize(
    ("control", "kinds"),
    [
        ("no-genes", ["mgi-none"]),
        ("random-id", ["mgi-fingerprint", "pretrain-fingerprint"]),
        ("no-pretraining", ["mgi-scratch"]),
    ],
)
def test_a_control_adds_its_rows_per_fold_and_seed(control: str, kinds: list[str]) -> None:
    with_control, without = run_table(BOTH | {"controls": [control]}), run_table(BOTH | {"controls": []})
    added = [f"{kind}-fold{fold}-seed{seed}" for kind in kinds for fold in (0, 2) for seed in (0, 1)]
    assert sorted(set(with_control) - set(without)) == added


def test_fingerprints_are_pretrained_on_fingerprints_and_scratch_on_nothing() -> None:
    table = run_table(BOTH | {"controls": ["no-genes", "random-id", "no-pretraining"]})
    genes = {key.rsplit("-", 2)[0]: (spec.genes, spec.pretrained) for key, spec in table.items() if spec.fold == 0}
    assert genes == {
        "pretrain": ("real", None),
        "pretrain-fingerprint": ("fingerprint", None),
        "mgi-real": ("real", "pretrain-fold0-seed1"),
        "mgi-none": ("none", "pretrain-fold0-seed1"),
        "mgi-fingerprint": ("fingerprint", "pretrain-fingerprint-fold0-seed1"),
        "mgi-scratch": ("real", None),
        "unet-none": ("none", None),
    }


def test_without_mgi_there_are_no_controls() -> None:
    assert list(run_table(BOTH | {"methods": ["unet"], "controls": ["random-id"], "folds": [1], "seeds": [0]})) == [
        "unet-none-fold1-seed0"
    ]


def test_what_is_split_by_slice_is_apart_from_what_is_compared() -> None:
    leaky = {"methods": ["mgi", "unet"], "folds": [1], "seeds": [0], "controls": ["random-id"]}
    honest, table = run_table(BOTH), run_table(BOTH | {"leaky_slice_split": leaky})
    assert by_slice(honest) == []
    assert by_patient(table) == [*by_patient(honest)]
    assert segmenters(table) == segmenters(honest)
    assert by_slice(table) == [f"{kind}-slice-fold1-seed0" for kind in ("mgi-real", "mgi-fingerprint", "unet-none")]
    added = {key: spec for key, spec in table.items() if key not in honest}
    assert {spec.protocol for spec in added.values()} == {"slice"}
    assert added["mgi-real-slice-fold1-seed0"].pretrained == "pretrain-slice-fold1-seed0"
    assert added["pretrain-fingerprint-slice-fold1-seed0"].genes == "fingerprint"
    assert set(added) == {*by_slice(table), "pretrain-slice-fold1-seed0", "pretrain-fingerprint-slice-fold1-seed0"}


def test_a_run_waits_for_the_check_of_its_own_protocol() -> None:
    table = run_table(BOTH | {"leaky_slice_split": BOTH})
    run, of_a_slice = (SimpleNamespace(run=f"unet-none{part}-fold0-seed0") for part in ("", "-slice"))
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
    build_segmenter(method, settings, n_genes=10)
    assert settings.read <= set(READ_WITHOUT_GENES)
    assert {"baseline_width", "context_slices"} <= settings.read


def test_a_network_without_genes_is_given_what_it_reads_and_mgi_everything_but_the_users_file() -> None:
    config = {"model": {**ModelSettings().plain(), "pathways": "sets.gmt"}}
    given = {
        run: json.loads(model_settings(config, run_table(BOTH), SimpleNamespace(run=f"{run}-fold0-seed0")))
        for run in ("unet-none", "mgi-none", "pretrain")
    }
    assert set(given["unet-none"]) == set(READ_WITHOUT_GENES)
    assert set(given["mgi-none"]) == set(given["pretrain"]) == set(config["model"]) - {"pathways"}
