"""How many drawn masks does pre-training stand for? MGI from pre-training and from scratch, on fewer and fewer masks.

REQUIRED INPUTS: results of a config with pre-training (by default those of `make demo`).
OUTPUTS: a table, and --output: a list of {masks, patients, seeds, pretrained, scratch, difference, low, high}.

Pre-training sees image and genes of all training patients of the fold; fine-tuning sees the masks of some of them, the
same for both, with the config's own schedule and choice on validation patients. Test patients are judged on their own
grid with their own genes; their Dice is a mean over the seeds, and the interval is from resampling patients.
A killed run goes on: each fine-tuning is kept in <results>/few_masks.

    PYTHONPATH=src python benchmarks/few_masks.py --masks 20 40 80 --seeds 0 1 2     # a minute a network
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pretrained import pretrained_of

from mgi.core.files import digest_of, read_json, write_json
from mgi.datasets.slices import SliceSet
from mgi.evaluation.expression_inputs import OWN
from mgi.evaluation.intervals import bootstrap_mean
from mgi.models.mgi import build_dual_encoder
from mgi.shards.image_shard import iter_images
from mgi.tasks.expression_inputs import ExpressionInput
from mgi.tasks.learning import learning_of
from mgi.tasks.segmentation.dice import at_least, dice
from mgi.training.finetune import finetune
from mgi.training.loop import Randomness, RunContext
from mgi.training.pretrain import Pairs, pretrain
from mgi.training.settings import FinetuneSettings, PredictSettings, PretrainSettings
from mgi.training.weights import start_from_pretrained

ROOT = Path(__file__).parents[1]
STARTS = ("pretrained", "scratch")
DRAWS = 10_000


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--results", type=Path, default=ROOT / "results/demo")
    options.add_argument("--fold", type=int, default=0)
    options.add_argument("--masks", type=int, nargs="+", default=[20, 40, 80], help="patients with a mask")
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--steps", type=int, help="of fine-tuning, in place of the config's, for a trial")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/few_masks.json")
    return options.parse_args()


class Study:
    """The patients of one fold of a results folder, and how networks are trained on some of them."""

    def __init__(self, results: Path, number: int, steps: int | None) -> None:
        self.fold, self.weights = pretrained_of(results, number)
        config = read_json(results / "config.json")
        self.pretraining = PretrainSettings.read(json.dumps(config["pretrain"]), where="pretrain")
        self.finetuning = FinetuneSettings.read(json.dumps(config["finetune"]), where="finetune")
        if steps:
            self.finetuning = self.finetuning.but(schedule=self.finetuning.schedule.but(steps=steps))
        self.model = self.weights.model
        self.training, self.validation = (
            self.fold.learning_pairs(role, self.model) for role in ("train", "validation")
        )
        self.images = list(iter_images(results / "shards/flair", self.fold.with_slices("test")))
        self.test = self.fold.pairs(self.fold.with_slices("test"), self.model)
        self.task = learning_of("segmentation")
        # Of other data or settings nothing is taken up.
        made_of = [repr(one) for one in (self.model, self.pretraining, self.finetuning)]
        digests = [one.digest() for one in (self.training, self.validation, self.test)]
        self.folder = results / "few_masks" / digest_of([*made_of, *digests])[:12]

    def some(self, masks: int, seed: int) -> Pairs:
        """As many training patients, drawn by the seed; more of them include fewer."""
        order = np.random.default_rng([seed, 5]).permutation(len(self.training))
        chosen = sorted(order[:masks].tolist())
        slices: SliceSet = self.training.slices.of([self.training.slices.patient_ids[one] for one in chosen])
        return Pairs(slices=slices, genes=self.training.genes[torch.tensor(chosen)])

    def encoders(self, seed: int) -> dict[str, torch.Tensor]:
        """Tensors of pre-training on all training patients."""
        kept = self.folder / f"pretrain-{seed}.pt"
        if not kept.exists():
            randomness = Randomness.seeded(seed)
            encoders = build_dual_encoder(self.model, len(self.fold.gene_ids))
            context = RunContext(checkpoints=self.folder / f"p{seed}", identity=f"p{seed}", randomness=randomness)
            pretrain(encoders, self.training, self.validation, self.pretraining, context=context)
            torch.save(encoders.state_dict(), kept)
        tensors: dict[str, torch.Tensor] = torch.load(kept, weights_only=True)
        return tensors

    def dice_of(self, start: str, masks: int, seed: int) -> dict[str, float]:
        """Dice of each test patient by a network of one seed, with own genes; kept in a file."""
        kept = self.folder / f"{start}-{masks}-{seed}.json"
        if not kept.exists():
            randomness = Randomness.seeded(seed)
            network = self.task.build("mgi", self.model, len(self.fold.gene_ids), None)
            if start == "pretrained":
                start_from_pretrained(network, replace(self.weights, tensors=self.encoders(seed)))
                Randomness.seeded(seed)  # pre-training has drawn from torch's generator
            context = RunContext(checkpoints=self.folder / kept.stem, identity=kept.stem, randomness=randomness)
            finetune(network, self.task, self.some(masks, seed), self.validation, self.finetuning, use_genes=True,
                     context=context)  # fmt: skip
            write_json(kept, self._judged(network))
        return read_json(kept)

    def _judged(self, network: torch.nn.Module) -> dict[str, float]:
        patients = self.test.slices.patient_ids
        own = ExpressionInput(name=OWN, donors=list(patients), genes=self.test.genes, use_genes=True)
        predicted = dict(self.task.predict(network.eval(), self.test, own, PredictSettings()))
        return {
            one.patient_id: dice(at_least(np.stack(predicted[one.patient_id]), 0.5), one.masks > 0)
            for one in self.images
        }


def main() -> None:
    """Train what is missing, then compare."""
    args = arguments()
    torch.set_num_threads(1)
    study = Study(args.results, args.fold, args.steps)
    study.folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for masks in args.masks:
        found = {
            start: np.mean([list(study.dice_of(start, masks, seed).values()) for seed in args.seeds], 0)
            for start in STARTS
        }
        gain = bootstrap_mean(found["pretrained"] - found["scratch"], DRAWS, 0)
        means = {start: round(float(values.mean()), 4) for start, values in found.items()}
        rows.append(
            {"masks": masks, "patients": len(found["scratch"]), "seeds": len(args.seeds), **means,
             "difference": round(gain.mean, 4), "low": round(gain.low, 4), "high": round(gain.high, 4)}
        )  # fmt: skip
        print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    args.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
