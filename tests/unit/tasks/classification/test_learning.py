"""Classes are learned of genes or images, calibrated on validation alone, and refused where nothing can be learned."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mgi.cohort.labels.file import LabelTable
from mgi.core.errors import BadInputError
from mgi.core.run import Run
from mgi.evaluation.classification import macro_auc
from mgi.models.settings import ModelSettings
from mgi.tasks.classification.learning import ClassificationHead, from_head, from_labels
from mgi.tasks.classification.prediction_file import PREDICTIONS
from mgi.tasks.expression_inputs import audit_inputs
from mgi.tasks.patient_labels import LabelledPatients
from mgi.tasks.patient_predictions import read_patients
from mgi.training.finetune import finetune
from mgi.training.loop import RunContext
from mgi.training.pretrain import Pairs
from mgi.training.settings import FinetuneSettings, PredictSettings

RUN = Run(task="classification", target="idh", method="mgi", inputs=("flair", "rna"), fold=0, seed=0)
HEAD = ClassificationHead(target="idh", classes=("mutant", "wt"), counts=(3, 1), balance="weights")


def labelled(known: dict[str, str | None], validation: list[str], **more: object) -> LabelledPatients:
    table = pd.DataFrame({"patient_id": list(known), "idh": list(known.values())})
    labels = LabelTable(table=table, classes=("idh",), source="own.csv", endpoint=None, survival_source=None, **more)
    training = [one for one in known if one not in validation]
    return LabelledPatients(labels=labels, where="labels.parquet", fold=2, training=training, validation=validation)


def side_of(pairs: Pairs) -> dict[str, str]:
    """The class is the sign of the first gene, which is also the side of the lesion."""
    sides = (pairs.genes[torch.arange(len(pairs))][:, 0] > 0).tolist()
    return {one: "right" if side else "left" for one, side in zip(pairs.slices.patient_ids, sides, strict=True)}


def test_a_class_is_told_of_both_inputs_of_the_image_alone_and_of_the_genes_alone(
    pairs: Callable[..., Pairs], model_settings: ModelSettings, run_context: Callable[..., RunContext]
) -> None:
    training, validation, test = pairs(40, 0), pairs(16, 1, "V"), pairs(24, 2, "T")
    patients = labelled(side_of(training) | side_of(validation), validation.slices.patient_ids)
    task = from_labels(RUN, '{"slices": 3, "image_dropout": 0.5}', patients)
    context = run_context("sides")
    model = task.build("mgi", model_settings, 10)
    given = {
        "schedule": {"steps": 150, "batch": 16, "learning_rate": 3e-3, "warmup_steps": 5, "validate_every": 25},
        "image_encoder_lr_scale": 1.0, "gene_encoder_lr_scale": 1.0, "gene_dropout": 0.5, "augment": {"flip": False},
    }  # fmt: skip
    seen, chosen = task.learned_from(training), task.learned_from(validation)
    curve = finetune(model, task, seen, chosen, FinetuneSettings.read(given), use_genes=True, context=context)
    assert max(point["validation_auc"] for point in curve) > 0.9
    found = from_head(RUN, task.fitted(model, seen, chosen).plain(), "weights")
    truth = np.array([one == "right" for one in side_of(test).values()], dtype=np.int64)
    aucs = {}
    settings = PredictSettings(permutations=1)
    flags = {"reads_genes": True, "images_apart": True}
    for one in audit_inputs(test.genes, torch.zeros(10), test.slices.patient_ids, settings, **flags):
        rows = [answer["probability"] for _, answer in found.predict(model, test, one, settings, None)]
        aucs[one.name] = macro_auc(np.array(rows), truth)
    assert aucs["own"] > 0.9
    assert aucs["image_left_out"] > 0.75
    assert aucs["null_token"] > 0.9


def test_a_rare_class_weighs_as_much_as_a_common_one() -> None:
    outputs, outcome = torch.zeros(4, 2), torch.tensor([0.0, 0, 0, 1]).double()
    outputs.requires_grad_()
    HEAD.loss(outputs, outcome).backward()
    assert outputs.grad is not None
    pulled = outputs.grad[:, 0]
    assert pulled[:3].sum().item() == pytest.approx(-pulled[3].item())
    plain = replace(HEAD, balance="none")
    assert plain.chances(torch.tensor([0.0, 1, -1])).tolist() == [1.0, 1.0, 0.0]
    sampled = replace(HEAD, balance="sampling").chances(torch.tensor([0.0, 0, 0, 1, -1]))
    assert sampled[:3].sum() == pytest.approx(sampled[3])


def test_the_temperature_is_that_of_validation_and_keeps_the_order() -> None:
    rng = np.random.default_rng(0)
    truth = torch.from_numpy(rng.integers(0, 2, 4000)).double()
    logit = torch.from_numpy(rng.normal(0, 1, 4000)) + 2 * truth - 1  # its log odds are twice that
    outputs = torch.stack([torch.zeros(4000), 8 * logit.float()], 1)  # four times too sure
    fitted = HEAD.fitted((outputs[:0], truth[:0]), (outputs, truth))
    assert fitted.temperature == pytest.approx(4.0, rel=0.1)
    answer = fitted.answer(torch.tensor([0.0, 8.0]))
    assert answer["probability"][1] == pytest.approx(1 / (1 + np.exp(-8 / fitted.temperature)))
    assert answer["uncalibrated"][1] == pytest.approx(1 / (1 + np.exp(-8)))
    other_training = HEAD.fitted((outputs, 1 - truth), (outputs, truth))
    assert other_training == fitted, "training says nothing of the temperature"


def test_the_head_travels_with_weights_and_predictions(tmp_path: Path) -> None:
    head = replace(HEAD, temperature=2.0, hidden=5, circular="idh is read off rna")
    task = from_head(RUN, json.loads(json.dumps(head.plain())), "weights")
    assert task.head == head
    with task.prediction_writer(tmp_path / "p.parquet", RUN) as writer:
        writer.add("A", "own", "A", head.answer(torch.tensor([1.0, 0.0])))
        writer.add("A", "null_token", None, head.answer(torch.tensor([0.0, 0.0])))
    rows, kept = read_patients(tmp_path / "p.parquet", PREDICTIONS)
    assert kept == head.plain()
    assert [row["probability"] for row in rows][1] == [0.5, 0.5]


def test_several_classes_are_learned_in_the_order_of_their_names() -> None:
    known = {"A": "G3", "B": "G2", "C": "G4", "D": "G3", "V": "G3", "W": "G2", "X": "G9", "U": None}
    task = from_labels(RUN, "{}", labelled(known, ["V", "W", "X"]))
    assert isinstance(task.head, ClassificationHead)
    assert (task.head.classes, task.head.counts) == (("G2", "G3", "G4"), (1, 2, 1))
    assert task.outcomes == {"A": 1, "B": 0, "C": 2, "D": 1, "V": 1, "W": 0}, "G9 is not in training"


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"A": "wt", "B": "wt", "V": "wt", "W": "mutant"}, "one class, 'wt', among 2 of 2 training patients"),
        ({"A": "wt", "B": "mutant", "V": "wt", "W": None}, "one class, 'wt', among 1 of 2 validation patients"),
        ({"A": None, "B": None, "V": "wt", "W": "mutant"}, "no label of any of the 2 training patients"),
    ],
)
def test_one_class_is_refused_with_file_label_and_fold(known: dict[str, str | None], message: str) -> None:
    with pytest.raises(BadInputError, match=rf"^labels\.parquet: idh: fold 2: found {message}.* expected two or more$"):
        from_labels(RUN, "{}", labelled(known, ["V", "W"]))


def test_an_unknown_label_and_labels_of_others_and_circular_ones_are_refused() -> None:
    known = {"A": "wt", "B": "mutant", "V": "wt", "W": "mutant"}
    with pytest.raises(BadInputError, match=r"runs\.target: found codel, expected one of idh$"):
        from_labels(replace(RUN, target="codel"), "{}", labelled(known, ["V", "W"]))
    others = replace(labelled(known, ["V", "W"]), training=["X", "Y", "Z"])
    with pytest.raises(BadInputError, match=r"patient_id: found none of the 3 training patients of fold 2"):
        from_labels(RUN, "{}", others)
    circular = {"read_off": {"idh": ("rna",)}}
    task = from_labels(RUN, "{}", labelled(known, ["V", "W"], **circular))
    assert isinstance(task.head, ClassificationHead)
    assert task.head.circular == "idh is read off rna"
    with pytest.raises(BadInputError, match=r"labels\.read_off: idh is read off rna"):
        from_labels(RUN, "{}", labelled(known, ["V", "W"], **circular, refuses_circular=True))


def test_circular_is_what_is_read_off_a_modality_that_the_network_reads() -> None:
    known = {"A": "wt", "B": "mutant", "V": "wt", "W": "mutant"}
    circular = {"read_off": {"idh": ("mutation",)}}
    for told_by, reason in ((("mutation", "rna"), "idh is read off mutation"), ((), None), (("cn",), None)):
        patients = replace(labelled(known, ["V", "W"], **circular), told_by=told_by)
        assert from_labels(RUN, "{}", patients).head.plain()["circular"] == reason
    off_expression = labelled(known, ["V", "W"], read_off={"idh": ("rna",)})
    without = from_labels(RUN, "{}", replace(off_expression, told_by=("cn",)))
    assert without.head.plain()["circular"] is None


def test_another_method_is_refused() -> None:
    task = from_head(RUN, HEAD.plain(), "weights")
    with pytest.raises(BadInputError, match="method 'unet': expected mgi, which alone can do classification"):
        task.build("unet", ModelSettings(size="tiny"), 10)
