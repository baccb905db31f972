"""Networks that read further modalities beside expression, which a patient may lack."""

from typing import Any

import pytest
import torch
from torch import Tensor

from mgi.models.gene_pooling import gene_pooling_of
from mgi.models.mgi import build_mgi
from mgi.models.patient_network import build_patient_network
from mgi.models.settings import ModelSettings
from mgi.shards.channels import MAIN_ALONE

SETTINGS = ModelSettings(size="tiny", gene_patch=5)
N_GENES, FURTHER = 20, {"cn": 6, "proteins": 3}
IMAGES = torch.randn(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
PATIENT, BOTH, NOBODY = torch.tensor([0, 0, 1, 1]), torch.tensor([True, True]), torch.tensor([False, False])
NETWORKS = {
    "decoder": (build_mgi, {}),
    "film": (build_mgi, {"fusion": "film"}),
    "patient": (lambda settings, n: build_patient_network(settings, n, 3, hidden=5), {}),
    "mean": (lambda settings, n: build_patient_network(settings, n, 3, hidden=0), {"gene_pooling": "mean"}),
    "class": (build_mgi, {"encoders": {"cn": "group_attention"}, "gene_groups": 3}),
}


def network(kind: str, further: dict[str, int] = FURTHER, *, expression: bool = True) -> Any:
    build, changes = NETWORKS[kind]
    torch.manual_seed(0)
    built = build(SETTINGS.but(**changes).reading(MAIN_ALONE, further, expression=expression), N_GENES)
    for name, parameter in built.named_parameters():
        if "null_token" in name or "film" in name:
            torch.nn.init.normal_(parameter)  # trained, they are not zero
    return built


def numbers(*, rna: tuple[int, ...] = (), cn: tuple[int, ...] = (), proteins: tuple[int, ...] = ()) -> Tensor:
    """Genes of two patients, of whom those that are named lack a modality."""
    drawn = torch.randn(2, N_GENES + 9, generator=torch.Generator().manual_seed(1))
    drawn[list(rna), :N_GENES] = torch.nan
    drawn[list(cn), N_GENES : N_GENES + 6] = torch.nan
    drawn[list(proteins), N_GENES + 6 :] = torch.nan
    return drawn


def of_encoder(model: Any, name: str) -> list[Tensor]:
    part = model.further.of(name)
    return [one.grad for one in (*part.encoder.parameters(), *part.projection.parameters()) if one.grad is not None]


@pytest.mark.parametrize("kind", NETWORKS)
def test_without_further_modalities_the_network_is_that_of_expression_alone(kind: str) -> None:
    build, changes = NETWORKS[kind]
    torch.manual_seed(0)
    plain = build(SETTINGS.but(**changes), N_GENES).state_dict()
    alone = build(torch.manual_seed(0) and SETTINGS.but(**changes).reading(MAIN_ALONE), N_GENES).state_dict()
    assert plain.keys() == alone.keys()
    assert all(torch.equal(plain[name], alone[name]) for name in plain)
    assert not any("further" in name for name in plain)
    assert "further" not in SETTINGS.reading(MAIN_ALONE).plain()


@pytest.mark.parametrize("kind", ["decoder", "film"])
def test_all_else_begins_alike_whatever_further_modalities_there_are(kind: str) -> None:
    build, changes = NETWORKS[kind]
    torch.manual_seed(0)
    plain = build(SETTINGS.but(**changes), N_GENES).state_dict()
    torch.manual_seed(0)
    several = build(SETTINGS.but(**changes).reading(MAIN_ALONE, FURTHER), N_GENES).state_dict()
    assert all(torch.equal(plain[name], several[name]) for name in plain)


@pytest.mark.parametrize("kind", NETWORKS)
def test_who_lacks_a_modality_has_its_null_token(kind: str) -> None:
    model, values = network(kind).eval(), numbers(cn=(1,))
    further = model.further
    tokens = further(further.encode(further.apart(values)[1]), BOTH)
    assert tokens.shape == (2, 2, 16)
    assert torch.equal(tokens[1, 0], further.of("cn").null_token[0])
    assert not torch.equal(tokens[0, 0], further.of("cn").null_token[0])
    assert not torch.equal(tokens[1, 1], further.of("proteins").null_token[0])
    none = further(None, NOBODY)
    assert torch.equal(none[:, 1], further.of("proteins").null_token.expand(2, -1))


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_modality_that_nobody_has_gives_its_encoder_no_gradient_and_its_null_token_one(kind: str) -> None:
    model = network(kind).train()
    model(IMAGES, numbers(cn=(0, 1)), PATIENT, BOTH).square().mean().backward()
    assert of_encoder(model, "cn") == []
    assert model.further.of("cn").null_token.grad.abs().sum() > 0
    assert any(gradient.abs().sum() > 0 for gradient in of_encoder(model, "proteins"))
    unread = model.further.of("proteins").null_token.grad
    assert unread is None or not unread.any()
    assert all(one.grad.isfinite().all() for one in model.parameters() if one.grad is not None)


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_numbers_of_one_patient_never_reach_the_other(kind: str) -> None:
    model, values = network(kind).eval(), numbers(proteins=(1,)).requires_grad_()
    model(IMAGES, values, PATIENT, BOTH)[2:].square().sum().backward()
    assert values.grad is not None
    assert not values.grad[0].any()
    assert values.grad[1, : N_GENES + 6].any()
    assert not values.grad[1, N_GENES + 6 :].any()


@pytest.mark.parametrize("kind", NETWORKS)
def test_without_genes_nothing_is_read_of_any_modality(kind: str) -> None:
    model = network(kind).eval()
    outputs = model(IMAGES, numbers(), PATIENT, NOBODY)
    assert outputs.isfinite().all()
    assert torch.equal(outputs, model(IMAGES, torch.zeros(2, N_GENES), PATIENT, NOBODY))
    assert not torch.allclose(outputs, model(IMAGES, numbers(), PATIENT, BOTH))


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_modality_changes_the_answer(kind: str) -> None:
    model = network(kind).eval()
    whole = model(IMAGES, numbers(), PATIENT, BOTH)
    for lacking in ({"cn": (0,)}, {"proteins": (0,)}):
        changed = model(IMAGES, numbers(**lacking), PATIENT, BOTH)
        assert changed.isfinite().all()
        assert not torch.allclose(changed[:2], whole[:2], atol=1e-6)
        torch.testing.assert_close(changed[2:], whole[2:])


def test_the_order_in_which_modalities_are_listed_changes_nothing() -> None:
    one, two = (network("decoder", further).state_dict() for further in (FURTHER, dict(reversed(FURTHER.items()))))
    assert list(one) == list(two)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_another_number_of_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="28 numbers given, 29 expected"):
        network("decoder")(IMAGES, numbers()[:, :-1], PATIENT, BOTH)


def test_an_encoder_with_a_class_token_is_pooled_by_it() -> None:
    assert gene_pooling_of("mixed", has_class_token=True).kind == "class"
    assert gene_pooling_of("mixed", has_class_token=False).kind == "mixed"


@pytest.mark.parametrize("kind", NETWORKS)
def test_who_has_no_genes_gets_the_same_whoever_is_in_the_batch(kind: str) -> None:
    model = network(kind).eval()
    alone = model(IMAGES[2:], numbers()[1:], torch.tensor([0, 0]), torch.tensor([False]))
    beside = model(IMAGES, numbers(), PATIENT, torch.tensor([True, False]))
    rows = slice(1, None) if len(beside) == 2 else slice(2, None)  # one output a patient, or one a slice
    torch.testing.assert_close(alone, beside[rows], atol=1e-5, rtol=1e-5)


def without_expression(**lacking: tuple[int, ...]) -> Tensor:
    """What a network that reads no expression is given."""
    return numbers(**lacking)[:, N_GENES:]


@pytest.mark.parametrize("kind", NETWORKS)
def test_who_lacks_expression_alone_has_its_null_token_and_the_further_modalities_still_count(kind: str) -> None:
    model = network(kind).eval()
    lacks = model(IMAGES, numbers(rna=(1,)), PATIENT, BOTH)
    assert lacks.isfinite().all()
    whole, nothing = model(IMAGES, numbers(), PATIENT, BOTH), model(IMAGES, numbers(), PATIENT, NOBODY)
    torch.testing.assert_close(lacks[:2], whole[:2])
    for other in (whole, nothing):
        assert not torch.allclose(lacks[2:], other[2:], atol=1e-6)
    other_copies = numbers(rna=(1,))
    other_copies[1, N_GENES] += 3
    assert not torch.equal(lacks[2:], model(IMAGES, other_copies, PATIENT, BOTH)[2:])


@pytest.mark.parametrize("kind", NETWORKS)
def test_expression_that_nobody_has_gives_its_encoder_no_gradient_and_the_null_token_one(kind: str) -> None:
    model = network(kind).train()
    model(IMAGES, numbers(rna=(0, 1)), PATIENT, BOTH).square().mean().backward()
    assert not any(one.grad is not None and one.grad.any() for one in model.gene_encoder.parameters())
    assert model.null_token.grad.abs().sum() > 0
    assert any(gradient.abs().sum() > 0 for gradient in of_encoder(model, "cn"))
    assert all(one.grad.isfinite().all() for one in model.parameters() if one.grad is not None)


@pytest.mark.parametrize("expression", [True, False])
@pytest.mark.parametrize("kind", NETWORKS)
def test_who_lacks_all_is_given_the_null_tokens_of_all(kind: str, expression: bool) -> None:
    model = network(kind, expression=expression).eval()
    lacking = numbers(rna=(0, 1), cn=(0, 1), proteins=(0, 1))[:, 0 if expression else N_GENES :]
    outputs = model(IMAGES, lacking, PATIENT, BOTH)
    torch.testing.assert_close(outputs, model(IMAGES, torch.zeros_like(lacking), PATIENT, NOBODY))


@pytest.mark.parametrize("kind", NETWORKS)
def test_without_expression_there_is_no_gene_encoder_and_each_modality_counts(kind: str) -> None:
    model = network(kind, expression=False).eval()
    assert not any(name.startswith(("gene_", "null_token")) for name in model.state_dict())
    whole = model(IMAGES, without_expression(), PATIENT, BOTH)
    for lacking in ({"cn": (0,)}, {"proteins": (0,)}):
        changed = model(IMAGES, without_expression(**lacking), PATIENT, BOTH)
        assert changed.isfinite().all()
        assert not torch.allclose(changed[:2], whole[:2], atol=1e-6)
        torch.testing.assert_close(changed[2:], whole[2:])
    with pytest.raises(ValueError, match="29 numbers given, 9 expected"):
        model(IMAGES, numbers(), PATIENT, BOTH)


@pytest.mark.parametrize("kind", ["decoder", "patient"])
def test_without_expression_one_modality_is_enough_and_their_order_changes_nothing(kind: str) -> None:
    alone = network(kind, {"cn": 6}, expression=False).eval()
    assert alone(IMAGES, without_expression(cn=(1,))[:, :6], PATIENT, BOTH).isfinite().all()
    both = [network(kind, names, expression=False) for names in (FURTHER, dict(reversed(FURTHER.items())))]
    one, two = (model.state_dict() for model in both)
    assert list(one) == list(two)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_network_of_no_genetic_modality_is_none() -> None:
    with pytest.raises(ValueError, match="neither expression nor further modalities"):
        build_mgi(SETTINGS.reading(MAIN_ALONE, expression=False), N_GENES)


def test_that_expression_is_read_is_no_news() -> None:
    assert "expression" not in SETTINGS.reading(MAIN_ALONE, FURTHER).plain()
    assert SETTINGS.reading(MAIN_ALONE, FURTHER, expression=False).plain()["expression"] is False
