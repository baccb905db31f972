"""What a network of several modalities reads of a fold's patients: the vectors of each, and who lacks which."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from mgi.cohort.labels.covariates import N_NOISE, NUMBERS, Covariates
from mgi.cohort.labels.file import read_labels
from mgi.cohort.split import TRAIN, UNPAIRED_IMAGE
from mgi.commands._learning import Fold
from mgi.commands._modalities import read_pairs
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.files import digest_of
from mgi.core.run import COVARIATES, EXPRESSION, PERMUTED_PAIRS, RANDOM_ID
from mgi.datasets.derangement import cyclic_derangement
from mgi.datasets.gene_rows import Genes
from mgi.datasets.modality_tables import ABSENT, ModalityTables, complete_enough
from mgi.datasets.settings import AugmentSettings
from mgi.modalities.fitted_features import FittedFeatures, read_fitted_features, train_hash_of
from mgi.modalities.fitting import vectors
from mgi.models.settings import ModelSettings
from mgi.shards.dataset_manifest import dataset_of
from mgi.shards.feature_shard import OpenFeatures, open_features
from mgi.training.multimodal_batches import MultimodalPairs
from mgi.training.settings import PretrainSettings

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class FoldModalities:
    """The modalities that a network reads: expression of the fold, covariates, shards and fits of the others."""

    fold: Fold
    names: tuple[str, ...]
    shards: Mapping[str, OpenFeatures]
    fits: Mapping[str, FittedFeatures]
    covariates: Covariates | None

    @classmethod
    def of(cls, fold: Fold, names: Sequence[str]) -> Self:
        """Those of these names, from the files that the command was given.

        Raises ConfigError where a file is not named, BadInputError where one was fitted on other patients.
        """
        given = {
            option: read_pairs(vars(fold.args)[option] or [], f"--{option.replace('_', '-')}")
            for option in ("modality_shard", "modality_fit")
        }
        shards, fits = {}, {}
        for name in sorted(set(names) - {EXPRESSION, COVARIATES}):
            for option, paths in given.items():
                if name not in paths:
                    raise ConfigError(f"--{option.replace('_', '-')}: {name}: missing, expected {name}=PATH")
            shard, fit = given["modality_shard"][name], given["modality_fit"][name]
            shards[name], fits[name] = open_features(shard), read_fitted_features(fit)
            known = set(shards[name].patient_ids)
            trained = [patient for patient in fold.patients(TRAIN) if patient in known]
            if fits[name].modality != name or (trained and fits[name].train_hash != train_hash_of(trained)):
                raise BadInputError(
                    f"{fit}: found {fits[name].modality} fitted on {fits[name].n_train} patients, expected {name} "
                    f"fitted on the {len(trained)} of fold {fold.run.fold} of {fold.args.split} who train and have it"
                )
            fold.sources += [Path(fit), dataset_of(shard)]
        covariates = _covariates(fold) if COVARIATES in names else None
        return cls(fold=fold, names=tuple(sorted(names)), shards=shards, fits=fits, covariates=covariates)

    @property
    def features(self) -> dict[str, list[str] | None]:
        """By name the features in model order, as weights keep them; those of expression stand there as genes."""
        own = {name: fit.feature_ids for name, fit in self.fits.items()} | {COVARIATES: list(NUMBERS)}
        return {name: own.get(name) for name in self.names}

    @property
    def sizes(self) -> dict[str, int]:
        """The numbers of each modality."""
        return {name: len(self.fold.gene_ids) if own is None else len(own) for name, own in self.features.items()}

    def counts(self, patients: list[str]) -> dict[str, int]:
        """How many of these patients have which modality."""
        return {name: int(self._has(name, patients).sum()) for name in self.names}

    def identity(self) -> dict[str, Any]:
        """What decides the vectors beside the shards: a checkpoint of another fit is never resumed."""
        return {name: [digest_of(fit.feature_ids), fit.train_hash] for name, fit in self.fits.items()}

    def tables(self, patients: list[str]) -> ModalityTables:
        """The vectors of these patients."""
        values, row_of = {}, {}
        for name in self.names:
            has = self._has(name, patients)
            values[name] = self._values(name, [one for one, there in zip(patients, has, strict=True) if there])
            row_of[name] = torch.from_numpy(np.where(has, np.cumsum(has) - 1, ABSENT).astype(np.int64))
        return ModalityTables(values=values, row_of=row_of)

    def _has(self, name: str, patients: list[str]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        if name == EXPRESSION:
            without = set(self.fold.patients(UNPAIRED_IMAGE))
            return np.array([patient not in without for patient in patients], bool)
        if self.covariates is not None and name == COVARIATES:
            return self.covariates.known(patients)
        return np.isin(np.array(patients, object), np.array(self.shards[name].patient_ids, object))

    def _values(self, name: str, patients: list[str]) -> Genes:
        """Vectors (R, K) of patients who have the modality; with the control `random-id` numbers that name them."""
        if name == EXPRESSION:
            return self.fold.expression(patients)
        if self.fold.run.control == RANDOM_ID:
            return self.fold.random_vectors(patients, self.sizes[name])
        if self.covariates is not None and name == COVARIATES:
            noise = self.fold.random_vectors(patients, N_NOISE).numpy()
            return torch.from_numpy(self.covariates.vectors(patients, noise))
        return torch.from_numpy(vectors(self.shards[name], self.fits[name], patients))

    def pairs(
        self, role: str, settings: PretrainSettings, model: ModelSettings, augment: AugmentSettings
    ) -> MultimodalPairs:
        """Slices and modalities of the patients of a role who have what `settings.missing` asks for."""
        patients, tables = self.taking_part(role, settings)
        return MultimodalPairs(slices=self.fold.slices_of(patients, role, model, augment), tables=tables)

    def taking_part(self, role: str, settings: PretrainSettings) -> tuple[list[str], ModalityTables]:
        """The patients of a role who have what `settings.missing` asks for, and their modalities."""
        everyone = self.fold.with_slices(role)
        tables = self.tables(everyone)
        chosen = complete_enough(tables.presence, settings.missing).nonzero().flatten()
        if len(chosen) == 0 and everyone:
            asked = "all" if settings.missing == "inner" else "any"
            raise BadInputError(f"pretrain.modalities: no {role} patient has {asked} of {', '.join(self.names)}")
        patients = [everyone[place] for place in chosen.tolist()]
        counts = ", ".join(f"{name} {int(has)}" for name, has in zip(tables.names, tables.presence.sum(0), strict=True))
        LOG.info("%s: %d of %d patients take part (%s)", role, len(patients), len(everyone), counts)
        return patients, self._controlled(tables.taking(chosen), settings)

    def _controlled(self, tables: ModalityTables, settings: PretrainSettings) -> ModalityTables:
        """The tables with what a control exchanges: all modalities of a patient together, or one alone."""
        seed = self.fold.run.seed
        if self.fold.run.control == PERMUTED_PAIRS and len(tables) > 1:
            tables = tables.taking(cyclic_derangement(len(tables), seed))
        if settings.permuted_modality is not None:
            tables = tables.permuted(settings.permuted_modality, seed)
        return tables

    def unpaired(self, settings: PretrainSettings) -> ModalityTables:
        """The modalities of patients with expression and no image, as far as a term of the loss reads them."""
        reads = settings.unpaired_batch > 0 and (settings.reconstructs_genes or settings.missing == "outer_genes")
        everyone = self.fold.unpaired_expression() if reads else []
        tables = self.tables(everyone)
        asked = complete_enough(tables.presence, settings.missing)
        if not settings.reconstructs_genes:
            asked &= tables.presence.sum(1) > 1  # of one modality alone there is nothing to contrast
        return self._controlled(tables.taking(asked.nonzero().flatten()), settings)

    def record(self, training: ModalityTables, validation: ModalityTables) -> dict[str, Any]:
        """What a run's record says of the modalities: numbers, and patients who train and validate by each."""
        tables = {"train": training, "validation": validation}
        return {
            name: {
                "numbers": self.sizes[name],
                **{role: int((one.row_of[name] >= 0).sum()) for role, one in tables.items()},
            }
            for name in self.names
        }


def _covariates(fold: Fold) -> Covariates:
    path = vars(fold.args)["covariates"]
    if path is None:
        raise ConfigError("--covariates: missing, expected the labels of the cohort for the modality covariates")
    fold.sources.append(path)
    return Covariates(read_labels(path), fold.patients(TRAIN), str(path))
