"""Whose genes belong to an image? Pre-training on simulated patients with every gene, judged on held-out ones.

REQUIRED INPUTS: none; two cohorts are simulated, one whose genes shape the lesions and one with independent genes.
OUTPUTS: a table, and --output: a list of {name, value, chance, low, high, p}. `low` to `high` holds 95 % of what random
pairings of the same vectors give. The workflow does all up to the weights, so a killed run goes on where it stopped.

    make bench-retrieval
    PYTHONPATH=src python benchmarks/retrieval.py --role validation      # for choosing settings
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pretrained import pretrained_of
from torch import Tensor
from torch.nn.functional import normalize

from mgi.models.mgi import DualEncoder, build_dual_encoder
from mgi.training.pretrain import Pairs

ROOT = Path(__file__).parents[1]
COHORTS = {"genes shape the lesions": ("retrieval",), "independent genes": ("retrieval", "retrieval-null")}
RUN, FOLD = "pretrain-fold0-seed0", 0
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
PATIENTS_AT_ONCE = 8
DRAWS, LEVEL = 10_000, 0.95
Ranks = NDArray[np.int64]


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--role", choices=("validation", "test"), default="test", help="whose patients are judged")
    options.add_argument("--cohorts", nargs="+", choices=list(COHORTS), default=list(COHORTS))
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/retrieval.json")
    return options.parse_args()


def run_workflow(cohorts: list[str]) -> None:
    """Simulate, ingest and pre-train every cohort, one core each and side by side."""
    running = []
    for cohort in cohorts:
        layers = [f"config/{name}.yaml" for name in ("demo", *COHORTS[cohort])]
        target = f"results/{COHORTS[cohort][-1]}/runs/{RUN}/weights.safetensors"
        command = [sys.executable, "-m", "snakemake", target, "--cores", "1", "--configfile", *layers]
        running.append(subprocess.Popen([*command, "--quiet", "rules", "reason", "host"], cwd=ROOT))
    outcomes = [one.wait() for one in running]
    if any(outcomes):
        raise SystemExit("bench-retrieval: the workflow failed; the reason stands above, and another run goes on")


def vectors_of(results: Path, role: str) -> tuple[Tensor, Tensor]:
    """Unit vectors (P, D) of the images and of the genes of a role's patients, in the same order."""
    fold, weights = pretrained_of(results, FOLD)
    aligner = build_dual_encoder(weights.model, len(fold.gene_ids)).to(DEVICE)
    aligner.load_state_dict(weights.tensors)
    return encode(aligner.eval(), fold.pairs(fold.with_slices(role), weights.model))


@torch.no_grad()
def encode(aligner: DualEncoder, pairs: Pairs) -> tuple[Tensor, Tensor]:
    """A patient's image vector is the mean over all slices: which of them show the tumour is not asked."""
    found = []
    for few in torch.arange(len(pairs.genes)).split(PATIENTS_AT_ONCE):
        slices = pairs.slices.of([pairs.slices.patient_ids[one] for one in few.tolist()])
        images = aligner.image_projection(aligner.image_pooling(aligner.image_encoder(slices.images[:].to(DEVICE))))
        genes = aligner.gene_projection(aligner.gene_pooling(aligner.gene_encoder(pairs.genes[few].to(DEVICE))))
        units = normalize(images, dim=-1).cpu()  # one a slice
        means = torch.stack([units[slices.patient == one].mean(0) for one in range(len(few))])
        found.append((normalize(means, dim=-1), normalize(genes, dim=-1).cpu()))
    return torch.cat([images for images, _ in found]), torch.cat([genes for _, genes in found])


def ranks_of(similarity: NDArray[np.floating]) -> Ranks:
    """(P, P) to (P, P): the rank, from 1, of each column in its row; of equals each has the worst."""
    ordered = np.sort(-similarity, axis=1)
    return np.stack([np.searchsorted(row, -own, side="right") for row, own in zip(ordered, similarity, strict=True)])


def judge(ranks: Ranks, *, draws: int = DRAWS, seed: int = 0) -> dict[str, dict[str, float]]:
    """R@1 and median rank of the true pairs, and of `draws` random pairings of images with genes."""
    rng = np.random.default_rng(seed)
    patients = np.arange(len(ranks))
    pairings = [patients, *(rng.permutation(patients) for _ in range(draws))]
    by_pairing = np.stack([ranks[patients, pairing] for pairing in pairings])  # 1 + draws, P
    return {
        "R@1": _beside_chance((by_pairing == 1).mean(axis=1), better=1),
        "median rank": _beside_chance(np.median(by_pairing, axis=1), better=-1),
    }


def _beside_chance(figures: NDArray[np.floating], *, better: int) -> dict[str, float]:
    """The first figure beside the others; p is the share of pairings at least as good, itself among them."""
    value, others = figures[0], figures[1:]
    low, high = np.quantile(others, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    as_good = int((better * others >= better * value).sum())
    return {
        "value": float(value),
        "chance": float(others.mean()),
        "low": float(low),
        "high": float(high),
        "p": (1 + as_good) / (1 + len(others)),
    }


def rows_of(cohort: str, role: str, figures: Mapping[str, Mapping[str, float]], patients: int) -> list[dict[str, Any]]:
    """One row a figure."""
    return [{"name": f"{cohort}: {name}, {patients} {role} patients", **one} for name, one in figures.items()]


def text_of(rows: list[dict[str, Any]]) -> str:
    """The rows for people."""
    return "\n".join(
        f"{one['name']:60s} {one['value']:8.3f}   chance {one['chance']:.3f} ({one['low']:.3f} to {one['high']:.3f})"
        f"   p {one['p']:.4f}"
        for one in rows
    )


def main() -> None:
    """Run the workflow, judge, print, write."""
    args = arguments()
    run_workflow(args.cohorts)
    rows: list[dict[str, Any]] = []
    for cohort in args.cohorts:
        images, genes = vectors_of(ROOT / "results" / COHORTS[cohort][-1], args.role)
        ranks = ranks_of((images @ genes.T).numpy())
        rows += rows_of(cohort, args.role, judge(ranks), len(ranks))
    print(text_of(rows))
    if args.role == "test":
        args.output.write_text(json.dumps(rows, indent=1) + "\n")
        print(f"written to {args.output}")


if __name__ == "__main__":
    main()
