import torch
from torch import nn

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


def test_every_parameter_belongs_to_one_group_the_first_that_names_it() -> None:
    inner, outer = nn.Linear(2, 2), nn.Linear(2, 2)
    model = nn.Sequential(inner, outer)
    groups = [ParameterGroup(modules=[inner], rate=0.1, rests_until=5), ParameterGroup(modules=[model])]
    optimiser = make_optimiser(groups, SCHEDULE)
    owned = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    assert len(owned) == len({id(parameter) for parameter in owned}) == 4
    rate = {id(parameter): group["rate"] for group in optimiser.param_groups for parameter in group["params"]}
    assert [rate[id(parameter)] for parameter in model.parameters()] == [0.1, 0.1, 1.0, 1.0]
    assert [group["rests_until"] for group in optimiser.param_groups] == [5, 5, 0, 0]


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
