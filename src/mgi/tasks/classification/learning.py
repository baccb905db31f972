"""Classification as it is learned and predicted: classes, cross entropy, and a temperature fitted on validation.

P patients, K classes. An outcome (P,) is the number of the class, -1 where it is not known.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, softmax

from mgi.core.run import Run
from mgi.core.section import read_record
from mgi.evaluation.classification import macro_auc
from mgi.tasks.classification.prediction_file import PREDICTIONS
from mgi.tasks.classification.settings import ClassificationSettings
from mgi.tasks.patient_labels import LabelledPatients
from mgi.tasks.patient_learning import PatientLearning

LOG = logging.getLogger(__name__)
UNKNOWN = -1.0
COLDEST, HOTTEST = 0.1, 10.0
"""Bounds of the temperature: where validation is told without error, the best one would be 0."""


@dataclass(frozen=True, kw_only=True)
class ClassificationHead:
    """The classes in the order of the outputs, how often each is in training, and the temperature of the logits.

    `circular` says why the run's inputs tell the label by themselves; None where they do not.
    """

    target: str
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    balance: Literal["weights", "sampling", "none"]
    hidden: int = 0
    temperature: float = 1.0
    circular: str | None = None
    schema = PREDICTIONS

    @property
    def n_outputs(self) -> int:
        """K."""
        return len(self.classes)

    def chances(self, outcome: Tensor) -> NDArray[np.float64]:
        """Equal for all whose class is known, or such that all classes are equally likely."""
        classes = outcome.long().numpy()
        counts = np.array(self.counts, dtype=np.float64)
        of_class = 1 / counts if self.balance == "sampling" else np.ones(len(counts))
        chances: NDArray[np.float64] = np.where(classes >= 0, of_class[classes], 0.0)
        return chances

    def loss(self, outputs: Tensor, outcome: Tensor) -> Tensor:
        """Cross entropy; a rare class weighs as much as a common one with the balance `weights`."""
        counts = torch.tensor(self.counts, dtype=outputs.dtype, device=outputs.device)
        weight = counts.sum() / (len(counts) * counts) if self.balance == "weights" else None
        return cross_entropy(outputs, outcome.long(), weight=weight)

    def figures(self, outputs: Tensor, outcome: Tensor) -> dict[str, float]:
        """The loss, which decides, since the AUC of few patients moves in steps; and the AUC, over all pairs."""
        loss = self.loss(outputs, outcome).item()
        auc = macro_auc(softmax(outputs.double(), 1).numpy(), outcome.long().numpy())
        return {"score": -loss, "validation_loss": loss, "validation_auc": auc}

    def fitted(self, training: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor]) -> Self:
        """With the temperature at which the validation patients' cross entropy, each patient alike, is least."""
        outputs, outcome = validation[0].double(), validation[1].long()

        def entropy(log_temperature: float) -> float:
            return cross_entropy(outputs / np.exp(log_temperature), outcome).item()

        best = scipy.optimize.minimize_scalar(entropy, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded")
        return replace(self, temperature=float(np.exp(best.x)))

    def answer(self, outputs: Tensor) -> dict[str, Any]:
        """The probability of each class, at the temperature and without it."""
        logits = outputs.double()
        return {
            "probability": softmax(logits / self.temperature, 0).tolist(),
            "uncalibrated": softmax(logits, 0).tolist(),
        }

    def plain(self) -> dict[str, Any]:
        """The head as JSON knows it."""
        return asdict(self) | {"classes": list(self.classes), "counts": list(self.counts)}


def from_labels(run: Run, settings: str, patients: LabelledPatients) -> PatientLearning:
    """The task as a run learns it of its training patients' labels; `settings` are the section `classification`.

    Validation patients of a class that training lacks do not count in the choice of weights, and a line says so.
    Raises BadInputError where nothing can be learned.
    """
    chosen = ClassificationSettings.read(settings, where="classification")
    training, validation = patients.classes(run.target)
    target = str(run.target)
    patients.labels.require_not_circular(target, patients.inputs_of(run))
    counts = Counter(training.values())
    classes = tuple(sorted(counts))
    if lost := sorted(set(validation.values()) - set(classes)):
        LOG.warning("%s: fold %d: no training patient is %s: left out of validation", run.target, run.fold, lost)
    number = {name: place for place, name in enumerate(classes)}
    outcomes = {one: float(number[name]) for one, name in (training | validation).items() if name in number}
    head = ClassificationHead(
        target=target,
        classes=classes,
        counts=tuple(counts[name] for name in classes),
        balance=chosen.balance,
        hidden=chosen.hidden,
        circular=patients.labels.circular(target, patients.inputs_of(run)),
    )
    return PatientLearning(run=run, head=head, settings=chosen, outcomes=outcomes, unknown=UNKNOWN)


def from_head(run: Run, head: Mapping[str, Any], where: str) -> PatientLearning:
    """The task as a run predicts it, from what its weights say of their outputs."""
    return PatientLearning(run=run, head=read_record(ClassificationHead, head, f"{where}: head"))
