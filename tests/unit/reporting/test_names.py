from mgi.reporting.names import AUDIT, COLOURS, DEFINITIONS, METHODS, colour_of, in_order, method_name
from mgi.tasks.segmentation.scores import DICE_DEFINITIONS, OTHER_SCORES, POOLED


def test_every_definition_that_is_scored_has_a_name_and_a_meaning() -> None:
    assert set(DEFINITIONS) == {*DICE_DEFINITIONS, *OTHER_SCORES, POOLED}


def test_no_two_methods_share_a_colour() -> None:
    assert len({*COLOURS.values()}) == len(METHODS)


def test_an_unknown_method_keeps_its_name_and_comes_last() -> None:
    assert method_name("unet") == "U-Net"
    assert method_name("swin") == "swin"
    assert colour_of("swin") not in COLOURS.values()
    assert in_order(["swin", "unet", "mgi"]) == ["mgi", "unet", "swin"]


def test_the_audit_says_that_the_last_model_was_retrained() -> None:
    assert AUDIT["none"] == "retrained without genes"
