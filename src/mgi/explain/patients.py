"""One patient's attributions and deletion curves, of all answers that there are to explain."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mgi.core.errors import BadInputError
from mgi.explain.attribution_file import IG, IG_NOISE
from mgi.explain.deletion import SHARES, deletion_curves
from mgi.explain.integrated_gradients import Answer, Attribution, integrated_gradients, noise_tunnel
from mgi.explain.settings import TOLERANCE, ExplainSettings
from mgi.explain.subjects import Subject

ROUGH = 0.1
"""Tolerance for random weights, of which a ranking alone is wanted, and whose answers hardly change."""


@dataclass(frozen=True)
class PatientRows:
    """Rows of ATTRIBUTIONS and of DELETION, without patient and network."""

    attributions: list[dict[str, Any]]
    deletions: list[dict[str, Any]]


def explain_patient(
    subject: Subject,
    number: int,
    genes: Tensor,
    baseline: Tensor,
    settings: ExplainSettings,
    *,
    where: str,
    trained: bool,
) -> PatientRows:
    """Attribute each answer to the genes (G,) of a patient; a network that is not `trained` without noise alone.

    `where` names run and patient in errors, and decides the random numbers. Raises BadInputError where attributions do
    not add up.
    """
    rows, deletions = [], []
    for value, answer in subject.answers(number).items():
        generator = torch.Generator(genes.device).manual_seed(seed_of(settings.seed, where, value))
        try:
            found = dict(
                _attributions(answer, genes, baseline, settings, generator, subject.at_once(number), trained=trained)
            )
        except BadInputError as error:
            raise BadInputError(f"{where}: {value}: {error}") from None
        rows += [_row(value, method, one) for method, one in found.items()]
        if trained:
            curves = deletion_curves(answer, genes, baseline, found[IG].values, generator)
            deletions += [
                {"value": value, "order": order, "share": share, "remaining": left}
                for order, curve in curves.items()
                for share, left in zip(SHARES, curve, strict=True)
            ]
    return PatientRows(rows, deletions)


def seed_of(seed: int, *names: str) -> int:
    """A seed of its own for what the names stand for, whoever else is explained."""
    return int.from_bytes(hashlib.sha256(" ".join([str(seed), *names]).encode()).digest()[:7])


def _attributions(
    answer: Answer,
    genes: Tensor,
    baseline: Tensor,
    settings: ExplainSettings,
    generator: torch.Generator,
    at_once: int,
    *,
    trained: bool,
) -> Iterator[tuple[str, Attribution]]:
    """With and without noise, by the method's name."""

    def attribute(genes: Tensor) -> Attribution:
        tolerance = TOLERANCE if trained else ROUGH
        return integrated_gradients(answer, genes, baseline, settings.steps, at_once, tolerance=tolerance)

    yield IG, attribute(genes)
    if trained and settings.noise_samples:
        samples, noise_sd = settings.noise_samples, settings.noise_sd
        yield IG_NOISE, noise_tunnel(attribute, genes, generator, samples=samples, noise_sd=noise_sd)


def _row(value: str, method: str, found: Attribution) -> dict[str, Any]:
    return {
        "value": value,
        "method": method,
        "change": found.change,
        "error": found.error,
        "steps": found.steps,
        "attributions": found.values.float().cpu().numpy(),
    }
