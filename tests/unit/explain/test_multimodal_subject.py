import pytest
import torch

from mgi.explain.integrated_gradients import integrated_gradients
from mgi.explain.multimodal_subject import Layout, MultimodalSubject
from mgi.models.multimodal import MultimodalEncoder, build_multimodal_encoder
from mgi.models.settings import ModelSettings

SIZES = {"cn": 6, "rna": 10}
LAYOUT = Layout({"cn": slice(0, 6), "rna": slice(6, 16)}, [["cn", "rna"], ["rna"], []])
TEMPERATURES = {"cn": 0.5, "rna": 0.1}


@pytest.fixture
def encoders(model_settings: ModelSettings) -> MultimodalEncoder:
    torch.manual_seed(0)
    return build_multimodal_encoder(model_settings, SIZES).eval()


def images(count: int, seed: int, size: int) -> torch.Tensor:
    return torch.randn(count, 1, size, size, generator=torch.Generator().manual_seed(seed))


def subject(encoders: MultimodalEncoder, size: int, factor: float = 1.0, layout: Layout = LAYOUT) -> MultimodalSubject:
    """Two references; expression is read times a factor."""
    return MultimodalSubject(
        encoders, images(3, 0, size), images(2, 1, size), values=["contrast", "similarity"], layout=layout,
        temperatures=TEMPERATURES, read={"rna": lambda genes: genes * factor},
    )  # fmt: skip


def test_answers_are_the_mean_over_the_modalities_of_a_patient(encoders, model_settings) -> None:
    size = model_settings.image_size
    numbers = torch.randn(4, 16, generator=torch.Generator().manual_seed(2))
    answers = subject(encoders, size, factor=2.0).answers(0)
    with torch.no_grad():
        own, others = encoders.image_vectors(images(3, 0, size))[0], encoders.image_vectors(images(2, 1, size))
        vectors = {"cn": encoders.of("cn")(numbers[:, :6]), "rna": encoders.of("rna")(2 * numbers[:, 6:])}
        similar = torch.stack([one @ own for one in vectors.values()]).mean(0)
        chosen = []
        for name, one in vectors.items():
            logits = torch.stack([one @ own, *(one @ other for other in others)], 1) / TEMPERATURES[name]
            chosen.append(torch.log(logits.exp()[:, 0] / logits.exp().sum(1)))
        torch.testing.assert_close(answers["similarity"](numbers), similar)
        torch.testing.assert_close(answers["contrast"](numbers), torch.stack(chosen).mean(0))


def test_what_a_patient_lacks_cannot_change_an_answer_and_nothing_has_none(encoders, model_settings) -> None:
    asked = subject(encoders, model_settings.image_size)
    numbers = torch.randn(2, 16, generator=torch.Generator().manual_seed(3))
    other = torch.cat([numbers[:, :6] + 9, numbers[:, 6:]], 1)
    with torch.no_grad():
        for value, answer in asked.answers(1).items():
            assert torch.equal(answer(numbers), answer(other)), value
            assert not torch.equal(asked.answers(0)[value](numbers), asked.answers(0)[value](other)), value
    assert asked.answers(2) == {}


def test_attributions_of_one_modality_are_those_that_it_has_alone_by_their_number(encoders, model_settings) -> None:
    """The answer is a mean over modalities, so its path integral falls into theirs."""
    numbers = torch.randn(16, generator=torch.Generator().manual_seed(4))
    together = integrated_gradients(
        subject(encoders, model_settings.image_size).answers(0)["contrast"], numbers, steps=200
    )
    for name, span in LAYOUT.spans.items():
        alone = Layout(LAYOUT.spans, [[name]] * 3)
        answer = subject(encoders, model_settings.image_size, layout=alone).answers(0)["contrast"]
        own = integrated_gradients(answer, numbers, steps=200).values[span]
        torch.testing.assert_close(together.values[span], own / 2, rtol=1e-3, atol=1e-5)
