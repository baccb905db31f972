"""What the commands that train and predict share: a fold's patients as tensors, a run's files."""

import argparse
import json
import logging
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mgi.cohort.leak_report import require_no_leaks
from mgi.cohort.split import TEST, TRAIN, UNPAIRED_EXPRESSION, VALIDATION, slice_roles
from mgi.cohort.tables import patients_with_role, read_split
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.files import atomic_path, digest_of, sha256_of, write_json
from mgi.core.origins import origins_of
from mgi.core.run import ENTRY, RANDOM_ID, Run
from mgi.core.run_files import FILES, MADE_FROM
from mgi.core.scratch_table import ScratchTable
from mgi.core.section import Section
from mgi.datasets.gene_rows import GeneRows
from mgi.datasets.prepared_table import PreparedTable
from mgi.datasets.settings import AugmentSettings, PreparedSettings
from mgi.datasets.slices import SliceSet, absent_slices
from mgi.modalities.rna.gene_sets import GeneSets, match_sets, read_gmt
from mgi.modalities.rna.normalise import FittedGenes, read_fitted_genes, train_hash_of
from mgi.modalities.rna.scaled_blocks import scaled_blocks
from mgi.modalities.rna.scaling import random_id_vectors
from mgi.models.gene_tokens import Members
from mgi.models.settings import ModelSettings
from mgi.shards.bags import KIND as BAGS
from mgi.shards.bags import open_bags
from mgi.shards.channels import MAIN_ALONE
from mgi.shards.dataset_manifest import dataset_of, kind_of
from mgi.shards.expression_shard import open_expression
from mgi.shards.image_shard import OpenImages, channels_of
from mgi.training.checkpoint import identity_of, remove_checkpoints
from mgi.training.loop import Curve, Randomness, RunContext
from mgi.training.pretrain import Pairs
from mgi.training.weights import save_weights

LOG = logging.getLogger(__name__)


class Fold:
    """The patients of a run's fold: split, fitted genes, pathways if any, and a role's slices and genes on demand.

    Slices and genes stay on disk: the prepared slices of all runs, and a file of this job in the folder `scratch` for
    expression as the fold scales it. Where the image is a slide there are `bags` and no slices; `beside` are slides
    beside scans, of which a patient may lack either. With the control `random-id` a fixed random vector replaces each
    patient's expression. Split by slice, every patient has slices in every role.
    """

    def __init__(self, args: argparse.Namespace, run: Run, scratch: Path) -> None:
        self.args, self.run, self.scratch = args, run, scratch
        beside = vars(args).get("slide_shard")
        shards = [args.expression_shard, args.image_shard, *([] if beside is None else [beside])]
        datasets = [dataset_of(one) for one in shards]
        self.bags = open_bags(args.image_shard) if kind_of(args.image_shard) == BAGS else None
        self.beside = None if beside is None else open_bags(beside)
        if self.bags is None and args.prepared is None:
            raise ConfigError("--prepared: missing, expected it or --results and --run")
        self.channels = MAIN_ALONE if self.bags is not None else channels_of(args.image_shard)
        self.sources = [args.split, args.fold_genes, *datasets]
        if leaks := vars(args).get("leaks"):
            require_no_leaks(leaks, args.split, datasets, run.split_unit)
        self.split = read_split(args.split)
        self.fitted: FittedGenes = read_fitted_genes(args.fold_genes)
        trained = self.patients(TRAIN)  # none where all patients are from elsewhere
        if trained and self.fitted.train_hash != train_hash_of(trained):
            raise BadInputError(
                f"{args.fold_genes}: fitted on other patients than fold {run.fold} of {args.split} trains on"
            )
        self.gene_ids = self.fitted.gene_ids
        self._sets = self._read_sets(vars(args).get("pathways"))
        self.gene_sets: Members | None = None if self._sets is None else self._sets.members
        self._expression = open_expression(args.expression_shard)
        self._random_id_seed = run.seed if run.control == RANDOM_ID else None

    def patients(self, role: str) -> list[str]:
        """Patient ids of a role, sorted."""
        return patients_with_role(self.split, self.run.fold, role)

    def with_slices(self, role: str) -> list[str]:
        """Patients who have slices in a role, sorted; for a pre-training of one image of several those who have it."""
        roles = (TRAIN, VALIDATION, TEST) if self.run.leaks else (role,)
        found = sorted(patient for each in roles for patient in self.patients(each))
        if self.run.of_image is None:
            return found
        having = [patient for patient in found if patient in self._seen]
        if not having and role in (TRAIN, VALIDATION):
            raise BadInputError(f"{self.args.image_shard}: none of {len(found)} {role} patients, expected some")
        return having

    @cached_property
    def _seen(self) -> set[str]:
        """Who has the run's image."""
        if self.bags is not None:
            return set(self.bags.slides["patient_id"].to_pylist())
        return set(OpenImages(self.args.image_shard).patient_ids)

    def slices_of(self, patients: list[str], role: str, model: ModelSettings, augment: AugmentSettings) -> SliceSet:
        """Slices of some patients in a role, with copies without scalp after them where any are to be drawn."""
        whole = self._in_role(self._slices(patients, model), role)
        if augment.skull_strip == 0:
            return whole
        return whole.beside(self._in_role(self._slices(patients, model, stripped=True), role))

    def training_pairs(self, model: ModelSettings, augment: AugmentSettings) -> Pairs:
        """Those of training, with copies without scalp after them where any are to be drawn."""
        whole = self.learning_pairs(TRAIN, model)
        if augment.skull_strip == 0 or self.bags is not None:
            return whole
        stripped = self._in_role(self._slices(self.with_slices(TRAIN), model, stripped=True), TRAIN)
        return replace(whole, slices=whole.slices.beside(stripped))

    def learning_pairs(self, role: str, model: ModelSettings) -> Pairs:
        """Slices of a role and its patients' genes; volumes were standardised whole before any slice is left out."""
        pairs = self.pairs(self.with_slices(role), model)
        return replace(pairs, slices=self._in_role(pairs.slices, role))

    def pairs(self, patients: list[str], model: ModelSettings) -> Pairs:
        """All slices of patients as the network sees them, with the standardised expression of the same patients."""
        return Pairs(slices=self._slices(patients, model), genes=self.genes(patients))

    def pairs_without_genes(self, patients: list[str], model: ModelSettings) -> Pairs:
        """The same of patients who have no expression: each is given zeros."""
        rows, zeros = torch.zeros(len(patients), dtype=torch.int64), torch.zeros(1, len(self.gene_ids))
        return Pairs(slices=self._slices(patients, model), genes=zeros, gene_rows=rows)

    def _slices(self, patients: list[str], model: ModelSettings, *, stripped: bool = False) -> SliceSet:
        if self.bags is not None:
            return absent_slices(patients)
        path = self.args.prepared_stripped if stripped else self.args.prepared
        if path is None:
            raise ConfigError("--prepared-stripped: missing, expected it where augment.skull_strip is more than 0")
        settings = PreparedSettings(image_size=model.image_size, image_crop=model.image_crop, stripped=stripped)
        table = PreparedTable(path, dataset_of(self.args.image_shard), settings)
        return table.slices(patients, model.context_slices, may_lack=self.beside is not None)

    def _in_role(self, slices: SliceSet, role: str) -> SliceSet:
        """Where the split is by slice, the slices that have this role."""
        if not self.run.leaks:
            return slices
        counts = torch.bincount(slices.patient).tolist()
        roles = [slice_roles(one, n, self.run.fold) for one, n in zip(slices.patient_ids, counts, strict=True)]
        return slices.keeping(torch.from_numpy(np.concatenate(roles) == role))

    def genes(self, patients: list[str]) -> GeneRows:
        """What a network reads of these patients' genes (P, G): expression, some at a time in memory."""
        return self.expression(patients)

    def expression(self, patients: list[str], fitted: FittedGenes | None = None) -> GeneRows:
        """Standardised expression (P, G) of these patients, or their random vectors, some at a time in memory.

        `fitted` scales it in place of what the fold was fitted to.
        """
        rows = self._expression.rows_of(patients)
        table = ScratchTable(self.scratch, (len(patients), len(self.gene_ids)))
        if self._random_id_seed is not None:
            for number, patient in enumerate(patients):
                table.write(number, random_id_vectors([patient], len(self.gene_ids), self._random_id_seed))
            return GeneRows(table)
        place = {row: number for number, row in enumerate(rows)}
        for block, scaled in scaled_blocks(self._expression, fitted or self.fitted, rows):
            for row, values in zip(block.tolist(), scaled, strict=True):
                table.write(place[row], values)
        return GeneRows(table)

    def random_vectors(self, patients: list[str], width: int) -> torch.Tensor:
        """Random numbers (P, width) that name each patient, by the run's seed; the same for any modality."""
        return torch.from_numpy(random_id_vectors(patients, width, self.run.seed))

    def average_genes(self) -> torch.Tensor:
        """Mean (G,) over the training patients of what the model sees as their genes."""
        if self._random_id_seed is None:
            return torch.tensor(self.fitted.average)
        trained = self.patients(TRAIN)
        if not trained:
            return torch.zeros(len(self.gene_ids))  # that of the distribution
        return self.expression(trained).mapped().mean(0)

    def unpaired_expression(self) -> list[str]:
        """Patients with expression and no image, sorted: they may train the gene encoder.

        Raises BadInputError where one has another role in any fold: whoever is tested once is never trained on here.
        """
        patients = self.patients(UNPAIRED_EXPRESSION)
        others = self.split.loc[(self.split["role"] != UNPAIRED_EXPRESSION) & self.split["patient_id"].isin(patients)]
        if len(others):
            fold, patient, role = others[["fold", "patient_id", "role"]].iloc[0]
            raise BadInputError(
                f"split: {patient} is {UNPAIRED_EXPRESSION} in fold {self.run.fold} and {role} in fold {fold}, "
                "expected one role"
            )
        return patients

    def _read_sets(self, pathways: Path | None) -> GeneSets | None:
        if pathways is None:
            return None
        names = dict(zip(self.fitted.table["gene_id"], self.fitted.table["gene_name"], strict=True))
        sets = match_sets(read_gmt(pathways), self.gene_ids, [names[one] for one in self.gene_ids], where=str(pathways))
        LOG.info("%s: %s", pathways, sets.summary())
        return sets

    def identity(self) -> dict[str, Any]:
        """What decides which data a checkpoint was trained on."""
        roles = {role: self.with_slices(role) for role in (TRAIN, VALIDATION)}
        scaling = {"scaler": self.fitted.scaler, "unit": self._expression.unit}
        if self.fitted.components is not None:
            scaling["components"] = digest_of(row.tobytes().hex() for row in self.fitted.components)
        sets = {"gene_sets": None if self.gene_sets is None else list(self.gene_sets.items())}
        return {"genes": digest_of(self.gene_ids), "train_hash": self.fitted.train_hash, **scaling, **roles, **sets}

    def record(self) -> dict[str, Any]:
        """What a run's record says of its genes and patients."""
        sets = self._sets
        pathways = sets and {
            "used": len(sets.members),
            "dropped": sets.dropped,
            "genes_in_none": sets.n_outside,
            "genes_not_found": len(sets.unknown),
        }
        return {
            "gene_hash": digest_of(self.gene_ids),
            "n_genes": len(self.gene_ids),
            "pathways": pathways,
            "random_id_seed": self._random_id_seed,
            "patients": {role: len(self.with_slices(role)) for role in (TRAIN, VALIDATION, TEST)},
        }


def gene_ids_of(args: argparse.Namespace) -> list[str]:
    """The genes that the fold was fitted to, in model order, for those who need them before the fold."""
    return read_fitted_genes(args.fold_genes).gene_ids


def context_of(fold: Fold, randomness: Randomness, *learned: Any) -> RunContext:
    """Where the run's training keeps its checkpoints, and what it is: its settings, and what it has `learned` from."""
    args, run = fold.args, fold.run
    return RunContext(
        checkpoints=args.weights.parent / "ckpt",
        identity=identity_of(run.record(), args.model, args.settings, *learned),
        randomness=randomness,
        genes=fold.gene_ids,
    )


def finish(
    fold: Fold,
    model: torch.nn.Module,
    curve: Curve,
    context: RunContext,
    *,
    model_settings: ModelSettings,
    settings: Section,
    **more: Any,
) -> None:
    """Write the three files of a training run: curve, weights, and last the record, which has the digests of both.

    `more` adds to the record; what the weights keep of it goes to them too: the `head`, which says what the outputs of
    a task of labels mean, and the `modalities` of a pre-training with several, of which the record has the numbers.
    """
    modalities = more.pop("modalities", None)
    args, run = fold.args, fold.run
    with atomic_path(args.curves) as part:
        part.write_text("".join(json.dumps(point, sort_keys=True) + "\n" for point in curve))
    genes: dict[str, Any] = {"genes": fold.gene_ids, "gene_sets": fold.gene_sets}
    kept = {"head": more.get("head"), "modalities": modalities}
    save_weights(args.weights, model, run=run, model=model_settings, more=kept, **genes)
    record = {
        ENTRY: run.record(),
        "settings": settings.plain(),
        "steps": curve[-1]["step"],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "device": next(model.parameters()).device.type,
        "torch": torch.__version__,
        **fold.record(),
        MADE_FROM: origins_of(args.record, fold.sources),
        FILES: {path.name: sha256_of(path) for path in (args.curves, args.weights)},
        **more,
    }
    write_json(args.record, record)
    remove_checkpoints(context.checkpoints)
