"""Which files and settings of further modalities a job of a run is told, and which no other run is."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from lib.modalities import configured
from lib.runs import (
    covariates,
    finetune_settings,
    modality_code,
    modality_fits,
    modality_options,
    modality_shards,
    model_settings,
    pretrain_settings,
)
from mgi.config.tree import checked
from mgi.core.run import run_table
from mgi.models import encoder_names


def several(**pretrain: Any) -> dict[str, Any]:
    """A config with copy number, whose variant `more` reads it."""
    more = {"pretrain": {"modalities": ["rna", "cn"], **pretrain}, "model": {"encoders": {"cn": "mlp"}}}
    runs = {"methods": ["mgi"], "folds": [1], "controls": [], "variants": {"more": {**more, "finetune": True}}}
    return checked({"modalities": {"cn": {}}, "cohort": {"require": ["rna", "flair"]}, "runs": runs})


def test_a_pretraining_reads_shards_and_fits_of_its_variants_modalities() -> None:
    config = several(missing="outer")
    table, modalities = run_table(config["runs"]), configured(config)
    more, plain, tuned = (
        SimpleNamespace(run=f"{key}-fold1-seed0") for key in ("pretrain-more", "pretrain", "mgi-more")
    )
    shards, fits = modality_shards(config, modalities, table, more), modality_fits(config, table, more)
    assert fits == ["<results>/folds/1/cn.parquet"]
    assert shards == [f"<results>/shards/cn/{file}" for file in ("values.parquet", "features.parquet", "dataset.json")]
    assert modality_code(config, modalities, table, more) == modalities["cn"].fitting_code
    given = SimpleNamespace(modality_shards=shards, modality_fits=fits, covariates=[])
    assert modality_options(more, given) == [
        "--modality-shard", "cn=<results>/shards/cn/dataset.json", "--modality-fit", "cn=<results>/folds/1/cn.parquet",
    ]  # fmt: skip
    for other in (plain, tuned):
        assert modality_shards(config, modalities, table, other) == modality_fits(config, table, other) == []
    assert modality_options(plain, SimpleNamespace(modality_shards=[], modality_fits=[], covariates=[])) == []


def test_mgi_with_genes_reads_further_modalities_once_fine_tuned_and_no_other_run() -> None:
    runs = {"methods": ["mgi", "unet"], "folds": [1], "controls": ["no-genes"], "ensemble": True, "seeds": [0, 1]}
    asked = {"modalities": {"cn": {}}, "runs": runs, "finetune": {"modalities": ["rna", "cn"]}}
    config = checked({**asked, "model": {"encoders": {"cn": "mlp"}}})
    table, modalities = run_table(config["runs"]), configured(config)
    for key in ("mgi", "mgi-ensemble"):
        run = SimpleNamespace(run=f"{key}-fold1-seed0")
        assert modality_fits(config, table, run) == ["<results>/folds/1/cn.parquet"]
        assert modality_shards(config, modalities, table, run)[-1] == "<results>/shards/cn/dataset.json"
        assert modality_code(config, modalities, table, run) == modalities["cn"].fitting_code
    assert json.loads(finetune_settings(config, table, run))["modalities"] == ["cn", "rna"]
    assert "encoders" in json.loads(model_settings(config, table, run))
    given = SimpleNamespace(modality_shards=["s/cn/dataset.json"], modality_fits=["f/cn.parquet"])
    options = ["--modality-shard", "cn=s/cn/dataset.json", "--modality-fit", "cn=f/cn.parquet"]
    assert modality_options(run, given) == options
    for key in ("mgi-no-genes", "unet", "pretrain"):
        run = SimpleNamespace(run=f"{key}-fold1-seed0")
        assert modality_fits(config, table, run) == []
        assert "modalities" not in json.loads(finetune_settings(config, table, run))


def test_labels_are_read_where_covariates_are_a_modality() -> None:
    runs = {"methods": ["mgi"], "folds": [0], "variants": {"more": {"pretrain": {"modalities": ["covariates"]}}}}
    config = checked({"labels": {"source": "gdc"}, "runs": runs})
    table = run_table(config["runs"])
    more, plain = (SimpleNamespace(run=f"{key}-fold0-seed0") for key in ("pretrain-more", "pretrain"))
    assert covariates(config, table, more) == ["<results>/tables/labels.parquet"]
    assert covariates(config, table, plain) == []
    assert modality_fits(config, table, more) == []
    given = SimpleNamespace(modality_shards=[], modality_fits=[], covariates=["l"])
    assert modality_options(more, given) == ["--covariates", "l"]


def test_of_expression_alone_a_job_is_told_what_it_was_told_before_there_were_others() -> None:
    config = several(missing="outer")
    table = run_table(config["runs"])
    told = {
        key: json.loads(pretrain_settings(config, table, SimpleNamespace(run=key))) for key in table if "pre" in key
    }
    model = {key: json.loads(model_settings(config, table, SimpleNamespace(run=key))) for key in table}
    assert not {"modalities", "missing", "modality_weights", "modality_dropout", "permuted_modality"} & set(
        told["pretrain-fold1-seed0"]
    )
    assert told["pretrain-more-fold1-seed0"]["missing"] == "outer"
    assert {key for key, one in model.items() if "encoders" in one} == {"pretrain-more-fold1-seed0"}


def test_the_plugin_of_an_encoder_counts_for_the_runs_that_have_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_names, "_ADDED", {})
    encoder_names.register_gene_encoder("own", several)
    runs = {"methods": ["mgi", "unet"], "folds": [0], "variants": {"own": {"model": {"gene_encoder": "own"}}}}
    config = checked({"runs": {**runs, "variants": {"own": {**runs["variants"]["own"], "finetune": True}}}})
    table, modalities = run_table(config["runs"]), configured(config)
    found = {key: modality_code(config, modalities, table, SimpleNamespace(run=key)) for key in table}
    assert {key for key, code in found.items() if code == [__name__]} == {
        "pretrain-own-fold0-seed0",
        "mgi-own-fold0-seed0",
    }
    assert all(code in ([], [__name__]) for code in found.values())
