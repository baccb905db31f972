from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from mgi.tasks.patient_batches import PatientDrawer
from mgi.tasks.patient_outputs import without_images
from mgi.training.loop import Randomness
from mgi.training.pretrain import Pairs
from mgi.training.settings import FinetuneSettings


def drawer(pairs: Pairs, batch: int = 4, dropout: float = 0.5, **changes: object) -> PatientDrawer:
    schedule = {"steps": 1, "batch": batch}
    given = {
        "training": replace(pairs, outcome=torch.arange(len(pairs)).double()),
        "settings": FinetuneSettings(schedule=schedule, gene_dropout=dropout),
        "randomness": Randomness.seeded(0),
        "chances": np.ones(len(pairs)),
        "slices": 2,
        "image_dropout": dropout,
        "use_genes": True,
    }
    return PatientDrawer(**(given | changes))


def test_a_batch_has_different_patients_with_some_slices_each_and_their_own_outcome(
    pairs: Callable[..., Pairs],
) -> None:
    batch = drawer(pairs(6))(0)
    assert len(batch.outcome) == 4
    assert len(set(batch.outcome.tolist())) == 4
    assert torch.bincount(batch.patient).tolist() == [2] * 4
    whole = pairs(6)
    assert torch.equal(batch.genes, whole.genes[batch.outcome.long()])


def test_whose_outcome_is_not_known_is_never_drawn(pairs: Callable[..., Pairs]) -> None:
    draw = drawer(pairs(6), batch=6, chances=np.array([1.0, 0, 1, 0, 1, 1]))
    assert {one for step in range(20) for one in draw(step).outcome.tolist()} == {0.0, 2.0, 4.0, 5.0}


def test_nobody_goes_without_image_and_genes_at_once_and_each_is_left_out_now_and_then(
    pairs: Callable[..., Pairs],
) -> None:
    draw, seen = drawer(pairs(6)), set()
    for step in range(30):
        batch = draw(step)
        absent = batch.images.flatten(1)[:, 0].isnan()
        for row, has_genes in enumerate(batch.has_genes.tolist()):
            own = set(absent[batch.patient == row].tolist())
            assert len(own) == 1, "a patient's image is left out as a whole"
            seen.add((has_genes, not own.pop()))
    assert seen == {(True, True), (True, False), (False, True)}


def test_without_genes_the_image_always_stays_and_without_the_image_the_genes_do(pairs: Callable[..., Pairs]) -> None:
    for step in range(10):
        batch = drawer(pairs(6), use_genes=False)(step)
        assert not batch.has_genes.any()
        assert not batch.images.isnan().any()
    apart = drawer(without_images(pairs(6)), use_image=False)
    for step in range(10):
        batch = apart(step)
        assert batch.has_genes.all()
        assert batch.images.isnan().all()


def test_a_likelier_patient_is_drawn_more_often(pairs: Callable[..., Pairs]) -> None:
    draw = drawer(pairs(6), batch=1, chances=np.array([5.0, 1, 1, 1, 1, 1]))
    drawn = [draw(step).outcome.item() for step in range(200)]
    assert 70 < drawn.count(0.0) < 130
