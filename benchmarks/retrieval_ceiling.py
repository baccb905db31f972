"""How well could anyone tell whose genes an image of the demo belongs to? Chance, what can be learned, and the ceiling.

REQUIRED INPUTS: none; the demo's patients and others of the same cohort are drawn without an archive.
OUTPUTS: a table, and --output: a list of {name, patients, r, R@1, median_rank, mean_rank, loss}.

A network and a ridge are *told* the true factors of patients (the tumour's side apart, which no image shows), and say
them of others. Told of many patients they are as good as images and genes allow: that is the ceiling. Told of as many
as the demo trains on, they are what the same number of patients teaches where nothing has to be guessed.
The retrieval is that of the log density ratio log p(image, genes) - log p(image) p(genes) of what they say, jointly
normal with the moments of patients apart, in draws of as many patients as the demo validates on.

    PYTHONPATH=src python benchmarks/retrieval_ceiling.py        # 15 minutes on one core
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mgi.datasets.augment import apply_augment, sample_augment
from mgi.datasets.batches import tumour_weights
from mgi.datasets.settings import AugmentSettings
from mgi.datasets.slices import SliceSet, prepare_slices
from mgi_standin.simulation.cohort import draw_patient, gene_model_of
from mgi_standin.simulation.genes import draw_gene_table
from mgi_standin.simulation.settings import SimulationSettings
from mgi_standin.simulation.star import draw_counts, tpm

ROOT = Path(__file__).parents[1]
DEMO = {
    "seed": 7,
    "n_genes": 2000,
    "slices_min": 8,
    "slices_max": 10,
    "pixels": 96,
    "genes_drive_images": True,
}  # as in config/demo.yaml
SIDE = 48
TRAITS = ("size", "margin", "contrast")
DEMO_TRAINS, DEMO_VALIDATES = 147, 37
RIDGE, BATCH, RATE = 1000.0, 48, 2e-3
TURNED = AugmentSettings(scale=0.0, rotation=180.0, flip=True, jitter=0.0)
Wide = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Patients:
    """Slices, expression (P, G) as log2(TPM + 1), and true factors (P, 3) of drawn patients."""

    slices: SliceSet
    genes: Wide
    factors: Wide

    def rows(self, chosen: Sequence[int]) -> "Patients":
        """Some of the patients, in order."""
        ids = [self.slices.patient_ids[one] for one in chosen]
        return Patients(slices=self.slices.of(ids), genes=self.genes[chosen], factors=self.factors[chosen])


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--many", type=int, default=1400, help="patients of whom the ceiling is told")
    options.add_argument("--moments", type=int, default=200, help="patients whose moments the density ratio has")
    options.add_argument("--judged", type=int, default=400, help="patients among whom images look for their genes")
    options.add_argument("--steps", type=int, default=1200, help="of the optimiser for many; a third for few")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/retrieval_ceiling.json")
    return options.parse_args()


def draw(count: int) -> Patients:
    """The first patients of the demo's cohort and those who would follow if it were larger."""
    settings = SimulationSettings(**DEMO, n_patients=count)
    model, table = gene_model_of(settings), draw_gene_table(settings.n_genes, settings.seed)
    volumes, genes, factors = [], [], []
    for index in range(count):
        one = draw_patient(index, model, settings)
        counts = draw_counts(one.log_expression, table, np.random.default_rng([settings.seed, 99, index]))
        genes.append(np.log2(tpm(counts.unstranded, table) + 1))
        factors.append([one.factors[name] for name in TRAITS])
        volumes.append((f"{index:06d}", np.rint(one.volume).astype(np.int16), one.mask.astype(np.uint8)))
    return Patients(slices=prepare_slices(volumes, SIDE, 0, "none"), genes=np.array(genes), factors=np.array(factors))


def read_genes(told: Patients, others: Patients) -> Wide:
    """The factors (P, 3) of others by ridge regression on standardised expression."""
    mean, std = told.genes.mean(0), told.genes.std(0)
    known, asked = ((one.genes - mean) / np.where(std > 0, std, np.inf) for one in (told, others))
    middle = told.factors.mean(0)
    weights = np.linalg.solve(known @ known.T + RIDGE * np.eye(len(known)), told.factors - middle)
    return np.asarray(asked @ known.T @ weights + middle)


class TraitReader(nn.Module):
    """A small convolutional network: slices (B, 1, S, S) to factors (B, 3)."""

    def __init__(self) -> None:
        super().__init__()
        widths = ((1, 24, 1), (24, 48, 2), (48, 48, 1), (48, 96, 2), (96, 96, 1), (96, 128, 2))
        layers = [
            nn.Sequential(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU())
            for i, o, stride in widths
        ]
        self.body = nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.head = nn.Sequential(nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, len(TRAITS)))

    def forward(self, images: Tensor) -> Tensor:
        """Maxima and means of the last maps, then two layers."""
        maps = self.body(images.contiguous(memory_format=torch.channels_last))
        return self.head(torch.cat([maps.amax((2, 3)), maps.mean((2, 3))], 1))  # type: ignore[no-any-return]


def read_images(told: Patients, others: Patients, steps: int) -> Wide:
    """The factors (P, 3) of others by a network; slices are turned at random and weighed by their tumour."""
    torch.manual_seed(0)
    generator, rng = torch.Generator().manual_seed(0), np.random.default_rng(0)
    network = TraitReader()
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps, pct_start=0.1)
    middle, spread = told.factors.mean(0), told.factors.std(0)
    truth = torch.tensor((told.factors - middle) / spread, dtype=torch.float32)
    weights = tumour_weights(told.slices.masks.sum((1, 2, 3)).numpy())
    shape = (BATCH, *told.slices.images.shape[1:])
    for _ in range(steps):
        rows = torch.from_numpy(rng.choice(len(weights), BATCH, p=weights))
        images = apply_augment(told.slices.images, rows, sample_augment(shape, TURNED, generator))
        loss = (network(images) - truth[told.slices.patient[rows]]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        pace.step()
    network.eval()
    with torch.no_grad():
        said = torch.cat([network(few) for few in others.slices.images.split(256)]).double().numpy()
    share = tumour_weights(others.slices.masks.sum((1, 2, 3)).numpy())
    patient = others.slices.patient.numpy()
    total = np.bincount(patient, share)
    of_patient = np.stack([np.bincount(patient, share * column) / total for column in said.T], 1)
    return np.asarray(of_patient * spread + middle)


def density_ratio(image: Wide, genes: Wide, moments: tuple[Wide, Wide]) -> Wide:
    """(P, P): the log density ratio of each image (P, 3) with each patient's genes (P, 3), but for a constant."""
    means, covariance = moments
    k = image.shape[1]
    whole, only_image, only_genes = (np.linalg.inv(one) for one in (covariance, covariance[:k, :k], covariance[k:, k:]))
    a, b = image - means[:k], genes - means[k:]
    both = -2 * a @ whole[:k, k:] @ b.T
    of_image = np.einsum("pi,ij,pj->p", a, whole[:k, :k] - only_image, a)
    of_genes = np.einsum("pi,ij,pj->p", b, whole[k:, k:] - only_genes, b)
    return np.asarray((both - of_image[:, None] - of_genes) / 2)


def figures_of(similarity: Wide) -> dict[str, float]:
    """Retrieval and symmetric cross entropy, as a validation of pre-training has them."""
    own = np.diag(similarity)
    rank = 1 + (similarity > own[:, None]).sum(1)
    loss = sum((np.logaddexp.reduce(similarity, axis) - own).mean() for axis in (0, 1)) / 2
    ranks = {"R@1": float((rank == 1).mean()), "median_rank": float(np.median(rank)), "mean_rank": float(rank.mean())}
    return {**ranks, "loss": float(loss)}


def level(name: str, told: int, drawn: Patients, args: argparse.Namespace) -> dict[str, Any]:
    """What a network and a ridge that are told of `told` patients retrieve among others."""
    known = drawn.rows(range(told))
    others = drawn.rows(range(args.many, args.many + args.moments + args.judged))
    image = read_images(known, others, args.steps if told == args.many else args.steps // 3)
    genes = read_genes(known, others)
    apart = np.concatenate([image, genes], 1)[: args.moments]
    moments = apart.mean(0), np.cov(apart.T)
    image, genes, truth = (one[args.moments :] for one in (image, genes, others.factors))
    rng, found = np.random.default_rng(0), []
    for _ in range(200):
        some = rng.permutation(args.judged)[:DEMO_VALIDATES]
        found.append(figures_of(density_ratio(image[some], genes[some], moments)))
    correlations = {
        source: {trait: round(float(np.corrcoef(one[:, k], truth[:, k])[0, 1]), 3) for k, trait in enumerate(TRAITS)}
        for source, one in (("image", image), ("genes", genes))
    }
    means = {field: round(float(np.mean([one[field] for one in found])), 3) for field in found[0]}
    return {"name": name, "patients": told, "r": correlations, **means}


def main() -> None:
    """Draw, judge, print, write."""
    args = arguments()
    torch.set_num_threads(1)
    drawn = draw(args.many + args.moments + args.judged)
    n = DEMO_VALIDATES
    guess = {"R@1": 1 / n, "median_rank": (n + 1) / 2, "mean_rank": (n + 1) / 2, "loss": float(np.log(n))}
    rows: list[dict[str, Any]] = [{"name": "chance", "patients": 0, **{k: round(v, 3) for k, v in guess.items()}}]
    rows.append(level("told, as many as the demo trains on", DEMO_TRAINS, drawn, args))
    rows.append(level("ceiling: told of many", args.many, drawn, args))
    for one in rows:
        figures = "  ".join(f"{field} {one[field]:.3f}" for field in guess)
        print(f"{one['name']:36s} {one['patients']:5d} patients  {figures}  {one.get('r', '')}")
    args.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
