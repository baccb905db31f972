from mgi.evaluation.cohort_tables import AUDITED
from mgi.tasks.names import COLOURS, CONDITIONS, METHODS, colour_of, in_order, method_name
from mgi.tasks.segmentation.definitions import DEFINITIONS
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


def test_every_condition_of_the_audit_has_a_name() -> None:
    assert set(AUDITED) < set(CONDITIONS)
    assert {method for method, _ in AUDITED.values()} < set(METHODS)
