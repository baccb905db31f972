"""Survival as it is learned and predicted: Cox's risk or hazards by interval, and the training cohort's risks.

P patients, K cut points. An outcome (P, 2) is the time in days and whether the event happened, NaN where not known.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import softplus

from mgi.core.errors import BadInputError
from mgi.core.run import Run
from mgi.core.section import read_record
from mgi.evaluation.concordance import harrell_c
from mgi.evaluation.cox import breslow
from mgi.evaluation.follow_up import follow_up_of
from mgi.evaluation.kaplan_meier import stepped
from mgi.tasks.patient_labels import LabelledPatients
from mgi.tasks.patient_learning import PatientLearning
from mgi.tasks.survival.prediction_file import PREDICTIONS
from mgi.tasks.survival.settings import SurvivalSettings
from mgi.training.survival_loss import cox_loss, discrete_hazard_loss, interval_outcomes

UNKNOWN = (float("nan"), float("nan"))
PERCENTILES = np.linspace(0, 1, 101)


@dataclass(frozen=True, kw_only=True)
class SurvivalHead:
    """The cut points in days, and what the training patients' risks are like once the network is trained.

    `reference` are percentiles 0 to 100 of their risks, which have `mean` and `deviation`. With the hazard `cox`
    `baseline_hazard` (K,) is that up to each cut point of a patient with the mean risk (Breslow).
    """

    hazard: Literal["cox", "discrete"]
    endpoint: str
    times_days: tuple[float, ...]
    patients: int
    events: int
    hidden: int = 0
    mean: float = 0.0
    deviation: float = 1.0
    baseline_hazard: tuple[float, ...] = ()
    reference: tuple[float, ...] = ()
    schema = PREDICTIONS

    @property
    def n_outputs(self) -> int:
        """One risk, or a hazard in each interval."""
        return 1 if self.hazard == "cox" else len(self.times_days)

    def chances(self, outcome: Tensor) -> NDArray[np.float64]:
        """Equal for all whose time is known."""
        known: NDArray[np.float64] = (~outcome[:, 0].isnan()).double().numpy()
        return known

    def loss(self, outputs: Tensor, outcome: Tensor) -> Tensor:
        """Negative partial log likelihood, or that of the intervals."""
        times, events = outcome[:, 0], outcome[:, 1] > 0
        if self.hazard == "cox":
            return cox_loss(outputs[:, 0], times, events)
        ends = torch.tensor(self.times_days, dtype=times.dtype, device=times.device)
        return discrete_hazard_loss(outputs, *interval_outcomes(times, events, ends))

    def figures(self, outputs: Tensor, outcome: Tensor) -> dict[str, float]:
        """The loss, which decides, since concordance of few events moves in steps; and that where it is known."""
        loss = self.loss(outputs, outcome).item()
        index = harrell_c(follow_up_of(outcome[:, 0].numpy(), outcome[:, 1].numpy()), self.log_risk(outputs).numpy())
        known = {} if np.isnan(index) else {"validation_c_index": index}
        return {"score": -loss, "validation_loss": loss, **known}

    def log_risk(self, outputs: Tensor) -> Tensor:
        """Higher for an earlier event (P,): Cox's, or the log of the mean over cut points of the hazard up to each."""
        if self.hazard == "cox":
            return outputs[:, 0].double()
        return softplus(outputs.double()).cumsum(1).mean(1).log()

    def fitted(self, training: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor]) -> Self:
        """With the risks of the training patients, and their baseline hazard."""
        risk, outcome = self.log_risk(training[0]).numpy(), training[1].numpy()
        deviation = float(risk.std()) or 1.0
        return replace(
            self,
            mean=float(risk.mean()),
            deviation=deviation,
            baseline_hazard=self._baseline_hazard(risk - risk.mean(), outcome) if self.hazard == "cox" else (),
            reference=tuple(np.quantile((risk - risk.mean()) / deviation, PERCENTILES).tolist()),
        )

    def _baseline_hazard(self, risk: NDArray[np.float64], outcome: NDArray[np.float64]) -> tuple[float, ...]:
        follow_up = follow_up_of(outcome[:, 0], outcome[:, 1])
        return tuple(stepped(*breslow(follow_up, risk), np.array(self.times_days), 0.0).tolist())

    def answer(self, outputs: Tensor) -> dict[str, Any]:
        """The risk in deviations from the training patients' mean, the share of them below it, and survival."""
        log_risk = self.log_risk(outputs.unsqueeze(0))[0].item()
        risk = (log_risk - self.mean) / self.deviation
        if self.hazard == "cox":
            survival = np.exp(-np.array(self.baseline_hazard) * np.exp(log_risk - self.mean)).tolist()
        else:
            survival = (-softplus(outputs.double()).cumsum(0)).exp().tolist()
        return {"risk": risk, "risk_quantile": self._quantile(risk), "survival": survival}

    def _quantile(self, risk: float) -> float:
        """Where the training patients' risks are all one, a half."""
        low, high = (np.searchsorted(self.reference, risk, side=side) for side in ("left", "right"))
        if low != high:
            return float((low + high - 1) / 2 / (len(PERCENTILES) - 1))
        return float(np.interp(risk, self.reference, PERCENTILES))

    def plain(self) -> dict[str, Any]:
        """The head as JSON knows it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def from_labels(run: Run, settings: str, patients: LabelledPatients) -> PatientLearning:
    """The task as a run learns it of its training patients' times; `settings` are the section `survival`.

    Raises BadInputError where nothing can be learned.
    """
    chosen = SurvivalSettings.read(settings, where="survival")
    training, validation = patients.survival()
    times = np.array([time for time, event in training.values() if event])
    ends = np.unique(np.quantile(times, np.linspace(0, 1, chosen.intervals + 1)[1:]))
    if len(ends) < 2:
        found = f"one event time, {times[0]:g} days, in training"
        raise BadInputError(f"{patients.where}: time_days: fold {run.fold}: found {found}, expected two or more")
    head = SurvivalHead(
        hazard=chosen.hazard,
        endpoint=str(patients.labels.endpoint),
        times_days=tuple(ends.tolist()),
        patients=len(training),
        events=len(times),
        hidden=chosen.hidden,
    )
    outcomes = {one: (time, float(event)) for one, (time, event) in (training | validation).items()}
    return PatientLearning(run=run, head=head, settings=chosen, outcomes=outcomes, unknown=UNKNOWN)


def from_head(run: Run, head: Mapping[str, Any], where: str) -> PatientLearning:
    """The task as a run predicts it, from what its weights say of their outputs."""
    return PatientLearning(run=run, head=read_record(SurvivalHead, head, f"{where}: head"))
