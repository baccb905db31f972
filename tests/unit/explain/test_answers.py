import math

import pytest
import torch
from torch import Tensor

from mgi.explain.answers import (
    HeadAnswer,
    MaskAnswer,
    as_measured,
    contrast_answer,
    image_vectors,
    log_odds,
    predicted_probability,
    similarity_answer,
    within_components,
)
from mgi.explain.integrated_gradients import integrated_gradients
from mgi.models.patient_network import build_patient_network
from mgi.tasks.patient_outputs import of_patients


def drawn(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_similarity_is_the_cosine_of_the_two_encoders(encoders) -> None:
    images, genes = drawn(3, 1, 16, 16), drawn(3, 10)
    with torch.no_grad():
        image_side, gene_side = encoders(images, genes)
    vectors = image_vectors(encoders, images)
    torch.testing.assert_close(vectors, image_side)
    answer = similarity_answer(encoders, vectors[1], as_measured)
    torch.testing.assert_close(answer(genes).detach(), gene_side @ image_side[1])


def test_contrast_is_the_log_probability_of_the_own_image_among_the_references(encoders) -> None:
    vectors, genes = image_vectors(encoders, drawn(4, 1, 16, 16)), drawn(1, 10)
    cosines = [similarity_answer(encoders, one, as_measured)(genes).item() for one in vectors]
    shares = [math.exp(cosine / 0.2) for cosine in cosines]
    answer = contrast_answer(encoders, vectors[0], vectors[1:], 0.2, as_measured)
    assert answer(genes).item() == pytest.approx(math.log(shares[0] / sum(shares)), abs=1e-5)


def test_mask_is_the_probability_within_the_mask_less_that_of_the_null_token(segmenter) -> None:
    images, genes, mask = drawn(3, 1, 16, 16), drawn(2, 10), (drawn(3, 1, 16, 16, seed=5) > 0).float()
    sums = [float((predicted_probability(segmenter, images, own) * mask).sum()) for own in genes]
    nobody = torch.zeros(1, dtype=torch.bool)
    with torch.no_grad():
        null = torch.sigmoid(segmenter(images, genes[:1], torch.zeros(3, dtype=torch.int64), nobody))
    answer = MaskAnswer(segmenter, images, mask, as_measured)
    expected = [one - float((null * mask).sum()) for one in sums]
    assert answer(genes).tolist() == pytest.approx(expected, abs=1e-3)


def test_the_head_is_asked_for_what_the_network_says_of_the_whole_patient(model_settings) -> None:
    torch.manual_seed(0)
    network = build_patient_network(model_settings, 10, 3, 4).eval()
    torch.nn.init.normal_(network.attention.weight)
    images, genes = drawn(4, 1, 16, 16), drawn(2, 10)
    everybody, own = torch.ones(2, dtype=torch.bool), torch.arange(2).repeat_interleave(4)
    with torch.no_grad():
        expected = of_patients(network(images.repeat(2, 1, 1, 1), genes, own, everybody), own, 2)
    answer = HeadAnswer(network, images, lambda outputs: outputs[:, 1], as_measured)
    torch.testing.assert_close(answer.outputs(genes).detach(), expected)
    torch.testing.assert_close(answer(genes).detach(), expected[:, 1])
    assert integrated_gradients(answer, genes[0], steps=20).error <= 0.01


def test_log_odds_are_of_one_class_against_the_others_together() -> None:
    logits = torch.log(torch.tensor([[0.2, 0.3, 0.5]]))
    assert log_odds(logits, 2).item() == pytest.approx(0, abs=1e-6)
    assert log_odds(logits + 7, 0).item() == pytest.approx(math.log(0.2 / 0.8), abs=1e-5)


def test_every_answer_of_a_network_is_explained_within_one_percent(encoders, segmenter) -> None:
    vectors, genes = image_vectors(encoders, drawn(4, 1, 16, 16)), drawn(10)
    answers = [
        similarity_answer(encoders, vectors[0], as_measured),
        contrast_answer(encoders, vectors[0], vectors[1:], 0.2, as_measured),
        MaskAnswer(segmenter, drawn(2, 1, 16, 16), torch.ones(2, 1, 16, 16), as_measured),
    ]
    for answer in answers:
        found = integrated_gradients(answer, genes, steps=20)
        with torch.no_grad():
            change = answer(genes[None]) - answer(torch.zeros(1, 10))
        assert found.error <= 0.01
        assert found.change == pytest.approx(float(change), abs=1e-4)


def test_genes_share_what_a_component_tells_by_their_loadings_and_measured_values() -> None:
    """A planted linear answer: 3 times the score of one component of two genes; a third gene is in none."""
    components = torch.tensor([[0.6], [0.8], [0.0]], dtype=torch.float64)
    average = torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64)
    read = within_components(components, average)
    genes = torch.tensor([2.0, -1.0, 9.0], dtype=torch.float64)
    assert read(genes[None])[0].tolist() == pytest.approx([1 - 0.2 * 0.6, -0.2 * 0.8, 2.0])

    def answer(rows: Tensor) -> Tensor:
        return 3 * (read(rows) - average) @ components[:, 0]

    found = integrated_gradients(answer, genes, average)
    assert found.values.tolist() == pytest.approx([3 * 0.6 * 1.0, 3 * 0.8 * -1.0, 0.0])
    assert found.change == pytest.approx(3 * -0.2)


def test_a_direction_that_no_component_holds_gets_nothing_whatever_the_weights(encoders) -> None:
    """What a network reads only within components cannot rest on a gene outside of them."""
    basis = torch.linalg.qr(drawn(10, 2))[0]
    basis[7:] = 0
    basis = torch.linalg.qr(basis)[0]
    answer = similarity_answer(encoders, image_vectors(encoders, drawn(1, 1, 16, 16))[0], lambda rows: rows)
    plain = integrated_gradients(answer, drawn(10), steps=20).values
    read = within_components(basis, torch.zeros(10))
    within = similarity_answer(encoders, image_vectors(encoders, drawn(1, 1, 16, 16))[0], read)
    found = integrated_gradients(within, drawn(10), steps=20).values
    assert plain[7:].abs().min() > 0
    assert found[7:].abs().max() == pytest.approx(0, abs=1e-8)
