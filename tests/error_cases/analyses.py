"""What is asked of patients and networks: survival, scans, probes, attributions."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from error_cases.ways import Case, command
from mgi.association.components import FoldVectors, components_of
from mgi.association.inputs import gather
from mgi.association.patient_table import read_feature_table, read_patient_table, read_patient_tables
from mgi.association.scan import scan
from mgi.config.tree import checked
from mgi.evaluation.brier import brier_scores
from mgi.evaluation.concordance import harrell_c, uno_c
from mgi.evaluation.cox import fit_cox
from mgi.evaluation.follow_up import follow_up_of
from mgi.evaluation.kaplan_meier import kaplan_meier
from mgi.explain.integrated_gradients import integrated_gradients, noise_tunnel
from mgi.probes.classification import FoldFeatures, Target, probe_classes
from mgi.probes.features import feature_set
from mgi.probes.settings import ProbeSettings
from mgi.probes.survival import Endpoint, probe_survival
from mgi.shards.embedding_file import read_embeddings
from probed_world import options as probe_options
from probed_world import write_world


def scanned(phenotypes: str, genes: str, columns: str | None = None) -> Case:
    """What the scan says of two tables of patients; `columns` is an option of the first."""

    def run(folder: Path) -> None:
        (folder / "own.tsv").write_text(phenotypes)
        (folder / "genes.tsv").write_text(genes)
        own = read_patient_table(folder / "own.tsv", columns and columns.split(), "--phenotype-columns")
        inputs = gather(own, read_feature_table(folder / "genes.tsv"), None)
        scan(inputs.phenotypes, inputs.features, inputs.design)

    return run


def two_tables(folder: Path, covariate: str) -> None:
    """What is said of a covariate that is not in one of two tables."""
    for name in ("one.tsv", "two.tsv"):
        (folder / name).write_text("id\tage\nP1\t3\n")
    read_patient_tables([folder / "one.tsv", folder / "two.tsv"], [covariate], "--covariate-columns")


def vectors_of(fold: int) -> FoldVectors:
    """Vectors of two numbers of a fold's two training patients, who are tested in it too."""
    patients, vectors = ("P0", "P1"), np.array([[0.0, 1.0], [2.0, 5.0]])
    return FoldVectors(fold=fold, train=patients, train_vectors=vectors, test=patients, test_vectors=vectors)


FOUR = follow_up_of([1.0, 2.0, 3.0, 4.0], [1, 1, 1, 0])


def cox(covariates: Any) -> None:
    fit_cox(FOUR, covariates, [f"x{column}" for column in range(np.shape(covariates)[1])])


ONE_FOLD = FoldFeatures(
    fold=0, patients=["P0", "P1", "P2"], training=np.array([0, 1]), test=np.array([2]),
    sets=[feature_set("image", np.eye(3))],
)  # fmt: skip


def probing(**settings: Any) -> "Case":
    """The probes of a small world of patients, with these settings."""
    text = json.dumps(settings).replace("{", "{{").replace("}", "}}")
    return lambda folder: command(*probe_options(write_world(folder), settings=text))(folder)


CASES: dict[str, dict[str, Case]] = {
    "survival": {
        "a time before the start": lambda _: follow_up_of([3.0, -0.03], [1, 0], "OS"),
        "a missing time": lambda _: follow_up_of([3.0, np.nan], [1, 0], "OS"),
        "an event of another code": lambda _: follow_up_of([3.0, 4.0], [1, 2], "OS"),
        "all censored": lambda _: follow_up_of([3.0, 4.0], [0, 0], "OS"),
        "a constant covariate": lambda _: cox([[1.0], [1.0], [1.0], [1.0]]),
        "fewer events than covariates": lambda _: cox(np.random.default_rng(0).normal(size=(4, 5))),
        "covariates that add up": lambda _: cox([[1.0, 2.0], [3.0, 6.0], [2.0, 4.0], [0.0, 0.0]]),
        "a covariate that separates": lambda _: cox([[4.0], [3.0], [2.0], [1.0]]),
        "a risk that is missing": lambda _: harrell_c(FOUR, [1.0, 2.0, np.nan, 4.0]),
        "an event after training's follow-up": lambda _: uno_c(follow_up_of([1.0, 2.0], [1, 0]), FOUR, [1, 2, 3, 4]),
        "a time after the follow-up": lambda _: kaplan_meier(follow_up_of([1.0, 2.0], [1, 0])).at([3.0]),
        "a time without a Brier score": lambda _: brier_scores(FOUR, FOUR, np.ones((4, 1)), [4.0]),
    },
    "association": {
        "patients that do not match": scanned("id\tvolume\nP1\t3\n", "id\tTP53\nTCGA-CS-4938\t3\n"),
        "a phenotype that is not numeric": scanned("id\tgrade\nP1\tG2\n", "id\tTP53\nP1\t3\n"),
        "a feature that is not numeric": scanned("id\tvolume\nP1\t3\n", "id\tTP53\nP1\t3\nP2\tlow\n"),
        "too few patients": scanned("id\tvolume\nP1\t3\nP2\t4\n", "id\tTP53\nP1\t3\nP2\t1\n"),
        "nobody has all values": scanned("id\tvolume\nP1\tNA\n", "id\tTP53\nP1\t3\n"),
        "a column that is not there": scanned("id\tvolume\nP1\t3\n", "id\tTP53\nP1\t3\n", "age"),
        "a covariate in two tables": lambda folder: two_tables(folder, "age"),
        "a covariate in no table": lambda folder: two_tables(folder, "sex"),
        "more components than vectors span": lambda _: components_of([vectors_of(0)], ((), np.empty((0, 2))), 3),
        "a patient who is tested twice": lambda _: components_of(
            [vectors_of(0), vectors_of(1)], (("P0", "P1"), np.eye(2)), 1
        ),
        "two rows of a patient": scanned("id\tvolume\nP1\t3\nP1\t4\n", "id\tTP53\nP1\t3\n"),
        "nothing varies": scanned(*(f"id\t{name}\n" + "".join(f"P{n}\t1\n" for n in range(9)) for name in "xy")),
    },
    "probes": {
        "a label that there is not": probing(targets=["grade"]),
        "a label of one class": probing(smallest_class=50),
        "a fold that learns from one class": lambda _: probe_classes(
            Target(name="idh", classes=("Mutant", "WT"), of={"P0": 0, "P1": 0, "P2": 1}),
            "paired",
            [ONE_FOLD],
            ProbeSettings(),
        ),
        "nobody to test": lambda _: probe_classes(
            Target(name="idh", classes=("Mutant", "WT"), of={"P0": 0, "P1": 1}), "paired", [ONE_FOLD], ProbeSettings()
        ),
        "training without events": lambda _: probe_survival(
            Endpoint(name="OS", of={"P0": (3.0, False), "P1": (4.0, False), "P2": (5.0, True)}),
            "paired",
            [ONE_FOLD],
            ProbeSettings(),
        ),
        "one event in training": lambda _: probe_survival(
            Endpoint(name="OS", of={"P0": (3.0, True), "P1": (4.0, False), "P2": (5.0, True)}),
            "paired",
            [ONE_FOLD],
            ProbeSettings(),
        ),
        "vectors that are not there": lambda folder: read_embeddings(
            folder / "embeddings/pretrain-fold0-seed0.parquet"
        ),
        "no labels to probe": lambda _: checked({"probe": {"draws": 3}}),
        "a label that the config does not have": lambda _: checked(
            {"probe": {"targets": ["idh"]}, "labels": {"source": "gdc"}}
        ),
        "nothing pre-trained to probe": lambda _: checked(
            {"probe": {"draws": 3}, "labels": {"source": "gdc"}, "runs": {"methods": ["unet"]}}
        ),
    },
    "explain": {
        "an answer that jumps": lambda _: integrated_gradients(lambda rows: rows.round().sum(1), torch.ones(2)),
        "an answer of another shape": lambda _: integrated_gradients(lambda rows: rows, torch.ones(3)),
        "no samples": lambda _: noise_tunnel(
            lambda genes: integrated_gradients(lambda rows: rows.sum(1), genes),
            torch.ones(2),
            torch.Generator(),
            samples=0,
        ),
        "a value that no run has": lambda _: checked({"explain": {}, "runs": {"methods": ["unet"]}}),
        "values of genes that no loss reads": lambda _: checked(
            {"explain": {}, "pretrain": {"loss": "barlow_twins", "masked_gene_weight": 0.0}}
        ),
    },
}
