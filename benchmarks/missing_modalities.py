"""What are patients worth who lack modalities? Inner against outer on drawn patients, with two controls.

REQUIRED INPUTS: none; patients are drawn from a few latent numbers that show in the image and in every modality.
OUTPUTS: a table, and --output: a list of {seed, way, patients, retrieval_at_1, median_rank, by_modality}.

Training and validation patients lack each modality with --missing; new patients have all. Retrieval is among the new
patients, of the image with the mean vector of the three real modalities. `shuffled`: outer, with every modality handed
on among the training patients. Three ways have a fourth modality of random numbers that every patient has: `noise`,
`measured` (pretrain.modality_weights: measured) and `ignored`, where it weighs 0 and can change nothing: what the
others differ from it by is paired, since all three draw the same numbers, and outer draws others. Training patients
have several slices with pixels of their own noise, and their modalities get noise in each step: with one slice and no
noise (--slices 1 --gene-noise 0) the encoders learn pairs by heart, and then a modality of noise does harm.

    PYTHONPATH=src python benchmarks/missing_modalities.py       # 21 trainings of some seconds
    PYTHONPATH=src python benchmarks/missing_modalities.py --ways outer ignored noise measured --seeds $(seq 0 15)
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from mgi.core.files import atomic_path
from mgi.datasets.modality_tables import ModalityTables, complete_enough
from mgi.datasets.slices import SliceSet
from mgi.datasets.volume import Frame
from mgi.models.multimodal import MultimodalEncoder, build_multimodal_encoder, seeded_by_name
from mgi.models.settings import ModelSettings
from mgi.training.contrastive import own_ranks
from mgi.training.loop import Randomness, RunContext
from mgi.training.multimodal import joint_vectors, pretrain_multimodal
from mgi.training.multimodal_batches import MultimodalPairs
from mgi.training.settings import PretrainSettings

ROOT = Path(__file__).parents[1]
REAL, NOISE = ("cn", "methylation", "rna"), "noise"
LATENT, NUMBERS, SIDE, NOISE_NUMBERS = 16, 300, 16, 5
STRENGTH = 0.2  # of the latent numbers' part in a number, whose noise has deviation 1
MODEL = ModelSettings(size="small", gene_encoder="flat_mlp", image_size=SIDE, patch_size=SIDE, projection_width=32)
WITH_NOISE: dict[str, Any] = {"ignored": {NOISE: 0.0}, "noise": "mean", "measured": "measured"}
"""By way the weights of the modalities, where one is noise."""
WAYS = ("inner", "outer", "outer_genes", "shuffled", *WITH_NOISE)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--missing", type=float, default=0.6, help="share of a modality's training patients")
    options.add_argument("--patients", type=int, default=150, help="training patients with an image")
    options.add_argument("--unpaired", type=int, default=100, help="training patients without one, for outer_genes")
    options.add_argument("--validation", type=int, default=60, help="validation patients with an image")
    options.add_argument("--new", type=int, default=400, help="patients of the test")
    options.add_argument("--slices", type=int, default=24, help="of a training patient")
    options.add_argument("--gene-noise", type=float, default=1.0, help="deviation of what is added to modalities")
    options.add_argument("--steps", type=int, default=120)
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/missing_modalities.json")
    return options.parse_args()


class FlatImage(nn.Module):
    """Pixels (B, 1, H, W) through a perceptron to one token (B, 1, D): what shows is spread over the whole image."""

    width, grid = 64, 1

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(SIDE * SIDE, 64), nn.GELU(), nn.Linear(64, 64))

    def forward(self, images: Tensor) -> Tensor:
        """Encode slices."""
        return self.layers(images.flatten(1)).unsqueeze(1)  # type: ignore[no-any-return]


def patients_of(count: int, seed: int, first: int, n_slices: int = 1) -> tuple[SliceSet, dict[str, Tensor]]:
    """Images and modalities of patients, of whom the same cohort has the same patterns; `first` draws others."""
    patterns, own = (torch.Generator().manual_seed(1000 * seed + one) for one in (0, first))
    latent = torch.randn(count, LATENT, generator=own)
    shown = {}
    for name, size in (("image", SIDE * SIDE), *((one, NUMBERS) for one in REAL)):
        shown[name] = STRENGTH * latent @ torch.randn(LATENT, size, generator=patterns)
    pixels = shown.pop("image").repeat_interleave(n_slices, 0)
    seen = {name: part + torch.randn(part.shape, generator=own) for name, part in shown.items()}
    seen[NOISE] = torch.randn(count, NOISE_NUMBERS, generator=own)
    images = (pixels + torch.randn(pixels.shape, generator=own)).view(-1, 1, SIDE, SIDE)
    slices = SliceSet(
        channels=torch.cat([images, torch.ones_like(images)], 1),
        patient=torch.arange(count).repeat_interleave(n_slices),
        patient_ids=[f"{first}-{number}" for number in range(count)],
        frames=[Frame(shape=(SIDE, SIDE), rows=(0, SIDE), columns=(0, SIDE))] * count,
    )
    return slices, seen


def tables_of(seen: dict[str, Tensor], names: tuple[str, ...], missing: float, seed: int) -> ModalityTables:
    """The named modalities, each of which a patient lacks with this probability; noise is never missing."""
    names = tuple(sorted(names))
    draw = torch.rand(len(seen["rna"]), len(REAL), generator=torch.Generator().manual_seed(seed)) >= missing
    has = {name: draw[:, column] for column, name in enumerate(REAL)} | {NOISE: torch.ones(len(draw)).bool()}
    return ModalityTables.dense({name: seen[name] for name in names}, torch.stack([has[one] for one in names], 1))


def trained(way: str, seed: int, args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One training, and what the new patients' images retrieve."""
    missing = way if way in ("inner", "outer_genes") else "outer"
    names = (*REAL, NOISE) if way in WITH_NOISE else REAL
    slices, seen = patients_of(args.patients, seed, 1, args.slices)
    tables = tables_of(seen, names, args.missing, seed)
    for name in REAL if way == "shuffled" else ():
        tables = tables.permuted(name, seed)
    taking = complete_enough(tables_of(seen, REAL, args.missing, seed).presence, missing).nonzero().flatten()
    training = MultimodalPairs(slices=slices.of([slices.patient_ids[i] for i in taking]), tables=tables.taking(taking))
    _, apart = patients_of(args.unpaired, seed, 2)
    settings = PretrainSettings.read(
        {
            "schedule": {
                "steps": args.steps, "batch": 64, "learning_rate": 1e-3, "warmup_steps": 20,
                "validate_every": max(1, args.steps // 6), "checkpoint_every": args.steps,
            },
            "augment": {"scale": 0.0, "rotation": 0.0, "flip": False, "jitter": 0.0},
            "modalities": list(names), "missing": missing, "masked_gene_weight": 0.0, "gene_noise": args.gene_noise,
            "modality_weights": WITH_NOISE.get(way, "mean"), "unpaired_batch": 32 if missing == "outer_genes" else 0,
        }
    )  # fmt: skip
    context = RunContext(checkpoints=folder / f"{way}{seed}", identity="", randomness=Randomness.seeded(seed))
    encoders = build_multimodal_encoder(MODEL, tables.sizes)
    with seeded_by_name("flat image"):
        flat: Any = FlatImage()
        built = {name: encoders.of(name) for name in encoders.names}
        encoders = MultimodalEncoder(flat, built, MODEL.projection_width)
    new, numbers = patients_of(args.new, seed, 3)
    test = MultimodalPairs(slices=new, tables=tables_of(numbers, names, 0.0, seed))
    unpaired = tables_of(apart, names, args.missing, seed + 1)
    known, told = patients_of(args.validation, seed, 4)
    validation = MultimodalPairs(slices=known, tables=tables_of(told, names, args.missing, seed + 2))
    pretrain_multimodal(encoders, training, validation, settings, context=context, unpaired=unpaired)
    return {"seed": seed, "way": way, "patients": len(training), **retrieved(encoders, test)}


@torch.no_grad()
def retrieved(encoders: MultimodalEncoder, test: MultimodalPairs) -> dict[str, Any]:
    """Among the new patients, of the image with the mean of the real modalities, and with each."""
    encoders.eval()
    every = torch.arange(len(test))
    assert isinstance(test.slices.images, Tensor)
    images = encoders.image_vectors(test.slices.images)
    vectors = {name: encoders.of(name)(test.tables.rows(name, every)[1]) for name in REAL}
    joint, _ = joint_vectors(vectors, dict.fromkeys(REAL, every), len(every))
    rank = own_ranks(images @ joint.T)
    return {
        "retrieval_at_1": found_at_once(rank),
        "median_rank": rank.float().median().item(),
        "by_modality": {name: found_at_once(own_ranks(images @ own.T)) for name, own in vectors.items()},
    }


def found_at_once(rank: Tensor) -> float:
    """The share of images that find their own vector first."""
    return (rank == 1).float().mean().item()


def differences(found: list[dict[str, Any]], way: str, other: str) -> str:
    """What a way's retrieval at 1 is more than another's on the same seeds: mean, and 95 % interval by Student's t."""
    hits = [{one["seed"]: one["retrieval_at_1"] for one in found if one["way"] == name} for name in (way, other)]
    each = np.array([hits[0][seed] - hits[1][seed] for seed in hits[0]])
    reach = stats.t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.nan
    return f"{way} minus {other}: {each.mean():+.4f} ({each.mean() - reach:+.4f} to {each.mean() + reach:+.4f})"


def main() -> None:
    """Train all ways on all seeds, print the table and write it."""
    args = arguments()
    torch.set_num_threads(1)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in args.seeds:
            for way in args.ways:
                found.append(trained(way, seed, args, Path(folder)))
                print(json.dumps(found[-1]), flush=True)
    print(f"\n{'way':12} {'patients':>8} {'R@1':>6} {'each seed':>20} {'median rank':>12}  (chance {1 / args.new:.4f})")
    for way in args.ways:
        own = [one for one in found if one["way"] == way]
        hits = [one["retrieval_at_1"] for one in own]
        each = " ".join(f"{hit:.2f}" for hit in hits)
        rank = sum(one["median_rank"] for one in own) / len(own)
        print(f"{way:12} {own[0]['patients']:8} {sum(hits) / len(hits):6.3f} {each:>20} {rank:12.1f}")
    for way in args.ways if "ignored" in args.ways else ():
        if way in WITH_NOISE and way != "ignored":
            print(differences(found, way, "ignored"))
    with atomic_path(args.output) as part:
        part.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
