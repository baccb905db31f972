import pytest
import torch
from torch import nn

from mgi.models.gene_encoder import build_gene_encoder
from mgi.models.mgi import build_mgi
from mgi.models.settings import ModelSettings
from mgi.training.optimiser import ParameterGroup, make_optimiser
from mgi.training.settings import ScheduleSettings

SCHEDULE = ScheduleSettings(steps=1, weight_decay=0.3)
MODEL = ModelSettings(
    image_size=16,
    patch_size=8,
    image_width=16,
    image_depth=1,
    image_heads=2,
    gene_patch=4,
    gene_width=16,
    gene_depth=1,
    decoder_width=16,
    decoder_heads=2,
    decoder_depth=1,
)


def test_norms_biases_states_codes_and_null_tokens_are_not_decayed_and_matrices_are() -> None:
    model = build_mgi(MODEL, 10)
    optimiser = make_optimiser([ParameterGroup(modules=[model])], SCHEDULE)
    decay = {id(parameter): group["weight_decay"] for group in optimiser.param_groups for parameter in group["params"]}
    plain = {name for name, parameter in model.named_parameters() if decay[id(parameter)] == 0}
    assert all(name in plain for name, parameter in model.named_parameters() if parameter.ndim < 2)
    wide = {name for name, parameter in model.named_parameters() if parameter.ndim >= 2 and name in plain}
    assert wide == {
        "null_token",
        "decoder.image_code",
        "gene_encoder.tokens.position",
        "gene_encoder.blocks.0.layer.A_log",
        "image_encoder.vit.cls_token",
        "image_encoder.vit.pos_embed",
    }
    assert {group["weight_decay"] for group in optimiser.param_groups} == {0.3, 0.0}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"gene_tokens": "gene"}, {"position"}),
        ({"gene_tokens": "pathway"}, {"position", "bias"}),
        ({"gene_encoder": "group_attention"}, {"groups.position", "cls_token"}),
    ],
)
def test_what_a_token_is_told_apart_by_is_not_decayed(changes, names: set[str]) -> None:
    tokens = build_gene_encoder(MODEL.but(**changes), 10, {"a": [0, 1], "b": [2]}).tokens
    optimiser = make_optimiser([ParameterGroup(modules=[tokens])], SCHEDULE)
    decay = {id(parameter): group["weight_decay"] for group in optimiser.param_groups for parameter in group["params"]}
    assert {name for name, parameter in tokens.named_parameters() if decay[id(parameter)] == 0} == names


def test_every_parameter_belongs_to_one_group_the_first_that_names_it() -> None:
    inner, outer = nn.Linear(2, 2), nn.Linear(2, 2)
    model = nn.Sequential(inner, outer)
    groups = [ParameterGroup(modules=[inner], lr_scale=0.1, frozen_until=5), ParameterGroup(modules=[model])]
    optimiser = make_optimiser(groups, SCHEDULE)
    owned = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    assert len(owned) == len({id(parameter) for parameter in owned}) == 4
    rate = {id(parameter): group["lr_scale"] for group in optimiser.param_groups for parameter in group["params"]}
    assert [rate[id(parameter)] for parameter in model.parameters()] == [0.1, 0.1, 1.0, 1.0]
    assert [group["frozen_until"] for group in optimiser.param_groups] == [5, 5, 0, 0]


def test_a_frozen_parameter_is_left_out() -> None:
    model = nn.Linear(2, 2)
    model.weight.requires_grad_(False)
    optimiser = make_optimiser([ParameterGroup(modules=[model])], SCHEDULE)
    assert [list(group["params"]) for group in optimiser.param_groups] == [[model.bias]]
    assert isinstance(optimiser, torch.optim.AdamW)


def test_what_a_layer_marks_as_undecayed_is_not_decayed() -> None:
    layer = nn.Linear(2, 2, bias=False)
    layer.weight._no_weight_decay = True
    optimiser = make_optimiser([ParameterGroup(modules=[layer])], SCHEDULE)
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.0]


def test_channels_last_weights_are_stepped_as_any_others_and_keep_their_layout() -> None:
    torch.manual_seed(0)
    plain, last = (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4)) for _ in range(2))
    last.load_state_dict(plain.state_dict())
    last.to(memory_format=torch.channels_last)
    optimisers = [make_optimiser([ParameterGroup(modules=[one])], SCHEDULE) for one in (plain, last)]
    strides = [parameter.stride() for parameter in last.parameters()]
    for number in range(3):
        if number == 2:
            last[1].weight.grad = plain[1].weight.grad = None  # as one that rests
        for one, other in zip(plain.parameters(), last.parameters(), strict=True):
            if number < 2 or one is not plain[1].weight:
                one.grad = torch.randn_like(one)
                other.grad = torch.empty_like(other).copy_(one.grad)
        for optimiser in optimisers:
            optimiser.step()
        for one, other in zip(plain.parameters(), last.parameters(), strict=True):
            torch.testing.assert_close(one, other)
    assert [parameter.stride() for parameter in last.parameters()] == strides
    assert last[0].weight.grad.stride() == last[0].weight.stride()
    for parameter in last.parameters():  # a checkpoint of a CPU goes on on a GPU, which turns nothing
        moments = optimisers[1].state[parameter]
        assert moments["exp_avg"].stride() == moments["exp_avg_sq"].stride() == parameter.stride()
    again = make_optimiser([ParameterGroup(modules=[last])], SCHEDULE)
    again.load_state_dict(optimisers[1].state_dict())
    again.step()
    optimisers[0].step()
    torch.testing.assert_close(plain[0].weight, last[0].weight)
