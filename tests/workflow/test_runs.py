"""The table of runs holds each combination that the config asks for, once."""

import json
from types import SimpleNamespace

from lib.runs import fold_genes, pretrained_weights, run_table, segmenters, spec_json

BOTH = {"methods": ["mgi", "unet"], "folds": [0, 2], "seeds": [0, 1], "gene_audit": True}


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


def test_the_gene_audit_adds_one_row_per_fold_and_seed() -> None:
    with_audit, without = run_table(BOTH), run_table(BOTH | {"gene_audit": False})
    assert sorted(set(with_audit) - set(without)) == [f"mgi-none-fold{f}-seed{s}" for f in (0, 2) for s in (0, 1)]
