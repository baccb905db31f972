"""The network that `mgi explain` explains, its test patients with their genes as measured, and what it is asked."""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mgi.cohort.split import TEST, VALIDATION
from mgi.commands._explained_modalities import ExplainedModalities
from mgi.commands._further_fold import FurtherFold, modalities_of
from mgi.commands._learning import Fold
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.run import EXPRESSION, Run
from mgi.core.run_files import RECORD, require_recorded
from mgi.explain.answers import (
    THRESHOLD,
    HeadAnswer,
    Reading,
    as_measured,
    log_odds,
    predicted_probability,
    within_components,
)
from mgi.explain.multimodal_subject import reading_of
from mgi.explain.patients import seed_of
from mgi.explain.runs import value_belongs
from mgi.explain.settings import CONTRAST, HEAD, MASK, OF_PRETRAINING, VALUES, ExplainSettings
from mgi.models.mgi import MGI, build_dual_encoder
from mgi.models.multimodal import build_multimodal_encoder
from mgi.models.patient_network import PatientNetwork
from mgi.shards.channels import require_channels
from mgi.tasks.learning import predicting
from mgi.tasks.patient_learning import PatientLearning
from mgi.tasks.survival.learning import SurvivalHead
from mgi.training.pretrain import Pairs
from mgi.training.pretrain_batches import largest_tumours
from mgi.training.weights import Weights, load_weights

Shown = tuple[Tensor, Tensor, NDArray[np.int64]]
"""Slices (S, C, H, W) of a patient, the predicted mask (S, 1, H, W), and the slices' rows."""


class Explained:
    """A run's network in evaluation mode, and test patients drawn by the seed, with what is known of them.

    `genes` (P, G) are standardised and as measured; where the fold keeps principal components, `read` gives what the
    network sees of them. `baseline` (G,) is the average training patient. Of a network with several modalities both
    have the numbers of all, side by side.
    """

    def __init__(self, args: argparse.Namespace, run: Run, settings: ExplainSettings, place: torch.device) -> None:
        self.args, self.run, self.settings, self.place = args, run, settings, place
        plain = replace(run, control=None)
        asked = settings.values or VALUES
        self.values = [value for value in asked if value_belongs(value, plain)]
        if not self.values:
            raise ConfigError(f"--run: found {run.key}, expected a run of MGI with one of {', '.join(asked)}")
        self.fold: Fold = Fold(args, run, args.output.parent)
        if args.weights.with_name(RECORD).is_file():
            require_recorded(args.weights)
        self.weights: Weights = load_weights(args.weights, genes=self.fold.gene_ids)
        if self.weights.run != run:
            found, remedy = self.weights.run.key, "delete them and train it again"
            raise BadInputError(f"{args.weights}: the weights of {found}, expected those of {run.key}; {remedy}")
        if self.weights.model.further:
            names = modalities_of(self.weights.model, tuple(self.weights.model.further))
            self.fold = FurtherFold(args, run, args.output.parent, names)
        require_channels(self.fold.channels, self.weights.model.channels, str(args.image_shard))
        self.task = None if run.is_pretraining else predicting(self.weights, args.weights)
        self.patients = self._drawn(TEST, settings.patients)
        fitted = replace(self.fold.fitted, components=None)
        self.genes = self.fold.expression(self.patients, fitted)[slice(None)].to(place)  # P G
        self.baseline = torch.tensor(self.fold.fitted.average, dtype=torch.float32, device=place)
        self.read = self._reading()
        self.several = ExplainedModalities.of(
            self.fold, self.weights, args.weights, patients=self.patients, genes=self.genes, average=self.baseline,
            gene_names=self._names_of_genes(),
        )  # fmt: skip
        if self.several is not None:
            self.genes, self.baseline = self.several.numbers, self.several.baseline
        self.network = self._built()
        self.network.load_state_dict(self.weights.tensors)

    def reading(self, number: int) -> Reading:
        """What the fine-tuned network reads of a patient's `genes`."""
        if self.several is None:
            return self.read
        assert isinstance(self.fold, FurtherFold)
        return reading_of(self.several.layout, number, self.fold.in_order, {EXPRESSION: self.read})

    def reading_of(self, number: int) -> Reading | None:
        """The same; None of a patient who has none of its modalities, of whom there is nothing to explain."""
        return self.reading(number) if self.several is None or self.several.layout.has[number] else None

    def seen(self, number: int) -> Tensor:
        """What it reads (1, G) of the patient as measured."""
        return self.reading(number)(self.genes[number : number + 1])

    def random_network(self, draw: int) -> nn.Module:
        """The same network with fresh random weights, others for each `draw`."""
        names = ["random weights", *([str(draw)] if draw else [])]
        torch.manual_seed(seed_of(self.settings.seed, self.run.key, *names))
        return self._built()

    def gene_names(self) -> tuple[list[str], list[str | None]]:
        """Ids and names in the model's order."""
        if self.several is not None:
            return self.several.ids, self.several.names
        return self.fold.gene_ids, self._names_of_genes()

    @cached_property
    def pairs(self) -> Pairs:
        """Slices of the patients, and what the network reads of their genes."""
        return self.fold.pairs(self.patients, self.weights.model)

    @cached_property
    def references(self) -> Tensor:
        """Images (R, C, H, W) of validation patients."""
        wanted = self.settings.references if CONTRAST in self.values else 1
        return self.most_tumour(self.fold.pairs(self._drawn(VALIDATION, wanted), self.weights.model))

    @cached_property
    def temperature(self) -> float:
        """The temperature at the end of pre-training."""
        return self._temperature("temperature")

    @cached_property
    def temperatures(self) -> dict[str, float]:
        """That of each modality's contrast, where several are read and the contrast is explained."""
        names = () if self.several is None or CONTRAST not in self.values else self.several.sizes
        of_two = " with two validation patients who have the modality"
        return {name: self._temperature(f"temperature_{name}", of_two) for name in names}

    def _temperature(self, field: str, more: str = "") -> float:
        if self.args.curves.with_name(RECORD).is_file():
            require_recorded(self.args.curves)
        lines = self.args.curves.read_text(encoding="utf-8").splitlines()
        found = [point[field] for point in map(json.loads, lines) if field in point]
        if not found:
            raise BadInputError(f"{self.args.curves}: no {field} in it, expected the curve of a pre-training{more}")
        return float(found[-1])

    @cached_property
    def shown(self) -> list[Shown | None]:
        """Of each patient the slices with the largest mask, as the trained network predicts it; None without any."""
        assert isinstance(self.network, MGI)
        found: list[Shown | None] = []
        for number, rows in enumerate(self.pairs.slices.rows_of):
            images = self.pairs.slices.images[torch.from_numpy(rows)].to(self.place)
            seen = self.pairs.genes_of(torch.tensor([number]))[0].to(self.place)
            mask = (predicted_probability(self.network, images, seen) >= THRESHOLD).float()
            area = mask.sum((1, 2, 3))
            chosen = torch.argsort(area, descending=True, stable=True)[: self.settings.slices]
            chosen = chosen[area[chosen] > 0].sort().values
            found.append((images[chosen], mask[chosen], rows[chosen.cpu().numpy()]) if len(chosen) else None)
        return found

    def images(self, number: int) -> Tensor:
        """All slices (S, C, H, W) of a patient."""
        return self.pairs.slices.images[torch.from_numpy(self.pairs.slices.rows_of[number])].to(self.place)

    @cached_property
    def predicted(self) -> list[int | None]:
        """The number of the class that the trained network predicts for each patient; None of a risk."""
        assert isinstance(self.network, PatientNetwork)
        if self.is_risk:
            return [None] * len(self.patients)
        found: list[int | None] = []
        for number, own in enumerate(self.genes):
            answer = HeadAnswer(self.network, self.images(number), as_measured, self.reading(number))
            with torch.no_grad():
                found.append(int(answer.outputs(own.unsqueeze(0)).argmax()))
        return found

    @property
    def is_risk(self) -> bool:
        """Whether the network tells a risk and no class."""
        return isinstance(self.task, PatientLearning) and isinstance(self.task.head, SurvivalHead)

    def numbers(self) -> list[Callable[[Tensor], Tensor]]:
        """What is made of each patient's outputs: the log of the risk, or the log-odds of the predicted class."""
        assert isinstance(self.task, PatientLearning)
        if isinstance(self.task.head, SurvivalHead):
            return [self.task.head.log_risk] * len(self.patients)
        return [partial(log_odds, chosen=one) for one in self.predicted if one is not None]

    def most_tumour(self, pairs: Pairs) -> Tensor:
        """Of each patient the slice with the most tumour (P, C, H, W), as where pre-training is validated."""
        return pairs.slices.images[largest_tumours(pairs.slices)].to(self.place)

    def about(self) -> dict[str, Any]:
        """How the attributions were found."""
        told: dict[str, Any] = {"settings": self.settings.plain(), "values": self.values}
        components = self.fold.fitted.components
        told["components"] = None if components is None else components.shape[1]
        told["test_patients"] = len(self.fold.with_slices(TEST))
        if set(self.values) & set(OF_PRETRAINING):
            told["references"] = len(self.references)
            told |= {"temperatures": self.temperatures} if self.several else {"temperature": self.temperature}
        if self.several is not None:
            told |= self.several.about(self.patients)
        if MASK in self.values:
            empty = [one for one, shown in zip(self.patients, self.shown, strict=True) if shown is None]
            told["without_predicted_tumour"] = empty
        if HEAD in self.values and not self.is_risk:
            classes = self.weights.head["classes"] if self.weights.head else []
            told["predicted"] = {
                patient: classes[one]
                for patient, one in zip(self.patients, self.predicted, strict=True)
                if one is not None
            }
        return told

    def summary(self, rows: Sequence[dict[str, Any]]) -> str:
        """One line of what was explained."""
        worst = max((row["error"] for row in rows), default=0.0)
        steps = max((row["steps"] for row in rows), default=0)
        counted = f"{len(self.fold.gene_ids)} genes" if self.several is None else self.several.counted()
        return (
            f"{self.run.key}: {len(self.patients)} of {len(self.fold.with_slices(TEST))} test patients, "
            f"{counted}, {', '.join(self.values)}; attributions add up within {worst:.2%} ({steps} steps at most)"
        )

    def _drawn(self, role: str, most: int) -> list[str]:
        """Patients of a role with slices, sorted: all, or as many as wanted, drawn by the seed."""
        known = self.fold.with_slices(role)
        if not known:
            raise BadInputError(f"{self.args.split}: fold {self.run.fold}: no {role} patient, expected one at least")
        order = np.random.default_rng([self.settings.seed, self.run.fold]).permutation(len(known))
        return sorted(known[row] for row in order[:most])

    def _names_of_genes(self) -> list[str | None]:
        names = dict(zip(self.fold.fitted.table["gene_id"], self.fold.fitted.table["gene_name"], strict=True))
        return [names[gene] for gene in self.fold.gene_ids]

    def _built(self) -> nn.Module:
        sizes, genes, sets = self.weights.model, len(self.fold.gene_ids), self.weights.gene_sets
        if self.task is not None:
            network: nn.Module = self.task.build(self.run.method, sizes, genes, sets)
        elif self.several is not None:
            network = build_multimodal_encoder(sizes, self.several.sizes, sets)
        else:
            network = build_dual_encoder(sizes, genes, sets)
        return network.to(self.place).eval()

    def _reading(self) -> Reading:
        components = self.fold.fitted.components
        if components is None:
            return as_measured
        return within_components(torch.tensor(components, dtype=torch.float32, device=self.place), self.baseline)
