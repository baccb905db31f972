"""The one table of training runs; its key is the only wildcard of the training and evaluation rules.

A new ablation is a row here, not a rule.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

GENE_METHOD = "mgi"
READ_WITHOUT_GENES = ("baseline_width", "context_slices", "convolution_norm", "image_crop", "image_size")
"""What the networks of the comparison read of the section `model`: another encoder of MGI does not train them again."""
PRETRAIN = "pretrain"
FINGERPRINT = "fingerprint"
CONTROLS = {"no-genes": "none", "random-id": FINGERPRINT, "no-pretraining": "scratch"}
PATIENT, SLICE = "patient", "slice"


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """What tells one run from another; `pretrained` is the key of the run that its encoders start from.

    `genes` is what training sees of them: `real`, `none`, or `fingerprint`, random numbers that name a patient.
    """

    key: str
    method: str
    genes: str
    fold: int
    seed: int
    protocol: str = PATIENT
    pretrained: str | None = None


def finetune_specs(runs: Mapping[str, Any]) -> list[RunSpec]:
    """Every segmentation run of the config section `runs`: methods x folds x seeds, then those split by slice."""
    leaky = runs.get("leaky_slice_split")
    return [*_specs(runs, PATIENT), *(_specs(leaky, SLICE) if leaky else [])]


def _specs(runs: Mapping[str, Any], protocol: str) -> list[RunSpec]:
    return [
        replace(row, key=f"{row.key}-fold{fold}-seed{seed}", fold=fold, seed=seed, pretrained=start)
        for row in _rows(runs, protocol)
        for fold in runs["folds"]
        for seed in runs["seeds"]
        for start in [f"{row.pretrained}-fold{fold}-seed{seed}" if row.pretrained else None]
    ]


def pretrain_specs(runs: Mapping[str, Any]) -> list[RunSpec]:
    """The pre-training runs that the segmentation runs start from, each once."""
    needed = {spec.pretrained: spec for spec in finetune_specs(runs) if spec.pretrained}
    return [
        replace(spec, key=key, method=PRETRAIN, genes=_pretraining_genes(spec), pretrained=None)
        for key, spec in needed.items()
    ]


def run_table(runs: Mapping[str, Any]) -> dict[str, RunSpec]:
    """All specifications by key: pre-training first, then segmentation."""
    return {spec.key: spec for spec in [*pretrain_specs(runs), *finetune_specs(runs)]}


def segmenters(table: Mapping[str, RunSpec]) -> list[str]:
    """Keys of the runs that make masks, all but pre-training, and are split by patient."""
    return [key for key in by_patient(table) if table[key].method != PRETRAIN]


def by_patient(table: Mapping[str, RunSpec]) -> list[str]:
    """Keys of the runs whose patients of the test are not in training: the only ones that are compared and reported."""
    return [key for key, spec in table.items() if spec.protocol == PATIENT]


def by_slice(table: Mapping[str, RunSpec]) -> list[str]:
    """Keys of the runs that make masks of patients on whom they were trained, for the paper-like table alone."""
    return [key for key, spec in table.items() if spec.protocol == SLICE and spec.method != PRETRAIN]


def spec_json(table: Mapping[str, RunSpec], wildcards: Any) -> str:
    """The specification of the run that the wildcards name, as it travels to the commands."""
    return json.dumps(asdict(table[wildcards.run]), sort_keys=True)


def model_settings(config: Mapping[str, Any], table: Mapping[str, RunSpec], wildcards: Any) -> str:
    """The section `model` as JSON with sorted keys, as far as the run's network reads it."""
    given = {key: value for key, value in config["model"].items() if key != "pathways"}
    if table[wildcards.run].method not in (GENE_METHOD, PRETRAIN):
        given = {key: given[key] for key in READ_WITHOUT_GENES}
    return json.dumps(given, sort_keys=True)


def fold_genes(table: Mapping[str, RunSpec], wildcards: Any) -> str:
    """The gene list and scaler of the run's fold."""
    return f"<results>/folds/{table[wildcards.run].fold}/genes.parquet"


@dataclass(frozen=True, kw_only=True)
class LeakCheck:
    """A table of folds, and the protocol under which its roles must not meet."""

    split: str = "<results>/tables/split.parquet"
    protocol: str = PATIENT


LEAK_CHECKS = {
    "": LeakCheck(),
    "-slice": LeakCheck(protocol=SLICE),
    "-whole": LeakCheck(split="<results>/tables/whole.parquet"),
}
"""By the ending of their report's name."""


def leak_report(table: Mapping[str, RunSpec], folds: int, wildcards: Any) -> str:
    """The report of the check that a run waits for; the fold after the last of `folds` has the whole cohort's."""
    spec = table[wildcards.run]
    ending = "-slice" if spec.protocol == SLICE else "-whole" if spec.fold >= folds else ""
    return f"<results>/tables/leaks{ending}.json"


def pretrained_weights(table: Mapping[str, RunSpec], wildcards: Any) -> list[str]:
    """The weights that the run starts from, if any."""
    start = table[wildcards.run].pretrained
    return [] if start is None else [f"<results>/runs/{start}/weights.safetensors"]


def _rows(runs: Mapping[str, Any], protocol: str) -> list[RunSpec]:
    """One row per kind of model, before folds and seeds; `key` and `pretrained` are the beginnings of theirs."""
    rows = _kinds(runs)
    if protocol == PATIENT:
        return rows
    return [
        replace(
            row,
            key=f"{row.key}-{protocol}",
            protocol=protocol,
            pretrained=row.pretrained and f"{row.pretrained}-{protocol}",
        )
        for row in rows
    ]


def _kinds(runs: Mapping[str, Any]) -> list[RunSpec]:
    rows = []
    for method in runs["methods"]:
        if method != GENE_METHOD:
            rows.append(_row(method, "none", "none", None))
            continue
        rows.append(_row(method, "real", "real", PRETRAIN))
        rows += [_control(method, CONTROLS[name]) for name in runs["controls"]]
    return rows


def _control(method: str, name: str) -> RunSpec:
    """A twin of the method that lacks one thing: genes, what genes say, or what pre-training gives."""
    if name == "none":  # the same pre-training, and never a patient's genes after that
        return _row(method, name, "none", PRETRAIN)
    if name == FINGERPRINT:  # pre-trained on fingerprints too
        return _row(method, name, FINGERPRINT, f"{PRETRAIN}-{FINGERPRINT}")
    return _row(method, name, "real", None)


def _row(method: str, kind: str, genes: str, pretrained: str | None) -> RunSpec:
    return RunSpec(key=f"{method}-{kind}", method=method, genes=genes, fold=-1, seed=-1, pretrained=pretrained)


def _pretraining_genes(spec: RunSpec) -> str:
    return FINGERPRINT if spec.genes == FINGERPRINT else "real"
