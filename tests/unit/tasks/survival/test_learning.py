"""Risks are learned of genes, put beside those of the training patients, and refused where nothing can be learned."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from mgi.cohort.labels.file import LabelTable
from mgi.core.errors import BadInputError
from mgi.core.run import Run
from mgi.evaluation.concordance import harrell_c
from mgi.evaluation.cox import fit_cox
from mgi.evaluation.follow_up import follow_up_of
from mgi.models.settings import ModelSettings
from mgi.tasks.expression_inputs import audit_inputs
from mgi.tasks.patient_labels import LabelledPatients
from mgi.tasks.survival.learning import SurvivalHead, from_head, from_labels
from mgi.training.finetune import finetune
from mgi.training.loop import RunContext
from mgi.training.pretrain import Pairs
from mgi.training.settings import FinetuneSettings, PredictSettings

RUN = Run(task="survival", method="mgi", inputs=("flair", "rna"), fold=2, seed=0)
HEAD = SurvivalHead(hazard="cox", endpoint="OS", times_days=(10.0, 20.0, 30.0), patients=4, events=3)


def labelled(
    known: dict[str, tuple[float, bool] | None], validation: list[str], endpoint: str | None = "OS"
) -> LabelledPatients:
    times, events = ([None if one is None else one[part] for one in known.values()] for part in (0, 1))
    table = pd.DataFrame({"patient_id": list(known), "time_days": times, "event": events})
    labels = LabelTable(table=table, classes=(), source="own.csv", endpoint=endpoint, survival_source="own.csv")
    training = [one for one in known if one not in validation]
    return LabelledPatients(labels=labels, where="labels.parquet", fold=2, training=training, validation=validation)


def follow_up(pairs: Pairs, seed: int) -> dict[str, tuple[float, bool]]:
    """Whoever has more of the first gene is followed for a shorter time; of a quarter it ends without the event."""
    rng = np.random.default_rng(seed)
    gene = pairs.genes[torch.arange(len(pairs))][:, 0].numpy()
    times = 300 * np.exp(-2 * gene) + 1
    events = rng.random(len(pairs)) < 0.75
    return dict(zip(pairs.slices.patient_ids, zip(times.tolist(), events.tolist(), strict=True), strict=True))


@pytest.mark.parametrize("hazard", ["cox", "discrete"])
def test_the_order_of_events_is_learned_of_genes_without_the_image(
    hazard: str,
    pairs: Callable[..., Pairs],
    model_settings: ModelSettings,
    run_context: Callable[..., RunContext],
) -> None:
    training, validation, test = pairs(48, 0), pairs(16, 1, "V"), pairs(24, 2, "T")
    patients = labelled(follow_up(training, 0) | follow_up(validation, 1), validation.slices.patient_ids)
    run = replace(RUN, control="no-image", inputs=("rna",))
    task = from_labels(run, json.dumps({"hazard": hazard, "slices": 1, "intervals": 4}), patients)
    context = run_context(hazard)
    model = task.build("mgi", model_settings.but(gene_encoder="flat_mlp"), 10)
    given = {
        "schedule": {"steps": 120, "batch": 48, "learning_rate": 2e-3, "warmup_steps": 5, "validate_every": 30},
        "gene_encoder_lr_scale": 1.0,
    }  # fmt: skip
    seen, chosen = task.learned_from(training), task.learned_from(validation)
    finetune(model, task, seen, chosen, FinetuneSettings.read(given), use_genes=True, context=context)
    found = from_head(run, json.loads(json.dumps(task.fitted(model, seen, chosen).plain())), "weights")
    settings = PredictSettings(permutations=0)
    own = audit_inputs(test.genes, torch.zeros(10), test.slices.patient_ids, settings, reads_genes=True)[0]
    answers = [answer for _, answer in found.predict(model, test, own, settings, None)]
    times, events = zip(*follow_up(test, 2).values(), strict=True)
    risk = np.array([one["risk"] for one in answers])
    assert harrell_c(follow_up_of(times, events), risk) > 0.7
    survival = np.array([one["survival"] for one in answers])
    assert (np.diff(survival, axis=1) <= 0).all()
    assert ((survival >= 0) & (survival <= 1)).all()
    assert np.corrcoef(risk, survival[:, 1])[0, 1] < 0
    quantiles = np.array([one["risk_quantile"] for one in answers])
    assert (quantiles[np.argsort(risk)] == np.sort(quantiles)).all()


def test_the_baseline_is_breslows() -> None:
    rng = np.random.default_rng(0)
    x, times = rng.normal(size=(60, 1)), rng.integers(1, 40, 60).astype(float)
    events = rng.random(60) < 0.7
    cox = fit_cox(follow_up_of(times, events), x, ["x"])
    risk = torch.from_numpy(cox.log_risk(x)).unsqueeze(1)
    outcome = torch.from_numpy(np.stack([times, events], 1))
    fitted = HEAD.fitted((risk, outcome), (risk, outcome))
    survival = [fitted.answer(one)["survival"] for one in risk]
    assert np.array(survival) == pytest.approx(cox.survival(x, [10.0, 20.0, 30.0]), abs=1e-6)


def test_risks_are_in_deviations_of_the_training_patients() -> None:
    risk = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    outcome = torch.tensor([[5.0, 1], [6, 1], [7, 1], [8, 0]]).double()
    fitted = HEAD.fitted((risk, outcome), (risk[:0], outcome[:0]))
    answers = [fitted.answer(torch.tensor([value])) for value in (0.0, 2.5, 9.0)]
    assert [one["risk"] for one in answers] == pytest.approx([-2.5 / 1.25**0.5, 0.0, 6.5 / 1.25**0.5])
    assert [one["risk_quantile"] for one in answers] == pytest.approx([0.0, 0.5, 1.0])
    alike = HEAD.fitted((torch.ones(4, 1), outcome), (risk[:0], outcome[:0]))
    assert alike.answer(torch.tensor([1.0]))["risk_quantile"] == 0.5


def test_hazards_give_survival() -> None:
    head = replace(HEAD, hazard="discrete", reference=tuple(np.linspace(-1, 1, 101).tolist()))
    answer = head.answer(torch.tensor([0.0, 0.0, 0.0]))
    assert answer["survival"] == pytest.approx([0.5, 0.25, 0.125])
    riskier = head.answer(torch.tensor([1.0, 0.0, 0.0]))
    assert riskier["risk"] > answer["risk"]


def test_cut_points_are_quantiles_of_the_event_times_of_training_alone() -> None:
    known: dict[str, tuple[float, bool] | None] = {f"A{day}": (float(day), True) for day in range(1, 9)}
    known |= {"C": (900.0, False), "V": (500.0, True), "U": None}
    task = from_labels(RUN, '{"intervals": 4}', labelled(known, ["V"]))
    assert isinstance(task.head, SurvivalHead)
    assert task.head.times_days == (2.75, 4.5, 6.25, 8.0)
    assert (task.head.patients, task.head.events) == (9, 8)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"A": (5.0, False), "B": (6.0, False), "V": (7.0, True)}, "no event among 2 of 2 training patients"),
        ({"A": (5.0, True), "B": (6.0, True), "V": (7.0, False)}, "no event among 1 of 1 validation patients"),
        ({"A": (5.0, True), "B": (5.0, True), "V": (7.0, True)}, "one event time, 5 days, in training"),
    ],
)
def test_no_event_is_refused_with_file_and_fold(known: dict[str, tuple[float, bool] | None], message: str) -> None:
    with pytest.raises(BadInputError, match=rf"^labels\.parquet: (event|time_days): fold 2: found {message}"):
        from_labels(RUN, "{}", labelled(known, ["V"]))


def test_labels_without_survival_are_refused() -> None:
    known: dict[str, tuple[float, bool] | None] = {"A": (5.0, True), "V": (7.0, True)}
    with pytest.raises(BadInputError, match=r"^labels\.parquet: time_days: found no survival"):
        from_labels(RUN, "{}", labelled(known, ["V"], endpoint=None))
