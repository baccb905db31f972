from collections.abc import Callable

import pytest
import torch

from mgi.tasks.patient_outputs import of_patients, without_images
from mgi.training.pretrain import Pairs


def test_slices_are_averaged_by_the_softmax_of_their_scores() -> None:
    outputs = torch.tensor([[1.0, 0.0], [3.0, 0.0], [5.0, 0.0], [9.0, torch.log(torch.tensor(3.0))]])
    found = of_patients(outputs, torch.tensor([0, 0, 1, 1]), 2)
    assert found.flatten().tolist() == pytest.approx([2.0, 8.0])


def test_neither_the_order_of_slices_nor_a_shift_of_the_scores_matters() -> None:
    torch.manual_seed(0)
    outputs, patient = torch.randn(9, 4), torch.tensor([0, 1, 2, 0, 1, 2, 2, 2, 0])
    order = torch.randperm(9)
    shifted = outputs + torch.tensor([0.0, 0.0, 0.0, 50.0])
    whole = of_patients(outputs, patient, 3)
    torch.testing.assert_close(of_patients(outputs[order], patient[order], 3), whole)
    torch.testing.assert_close(of_patients(shifted, patient, 3), whole)


def test_the_score_learns() -> None:
    outputs = torch.tensor([[1.0, 0.0], [3.0, 0.0]], requires_grad=True)
    of_patients(outputs, torch.tensor([0, 0]), 1).sum().backward()
    assert outputs.grad is not None
    assert outputs.grad[:, 1].tolist() == pytest.approx([-0.5, 0.5])


def test_patients_without_images_have_one_slice_and_no_pixel(pairs: Callable[..., Pairs]) -> None:
    whole = pairs(3)
    found = without_images(whole)
    assert found.slices.images.shape == (3, 1, 1, 1)
    assert found.slices.images.isnan().all()
    assert found.slices.patient.tolist() == [0, 1, 2]
    assert torch.equal(found.genes, whole.genes)
