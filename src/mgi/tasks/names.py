"""What the tables call things, as people read them, and the colour of each method.

Colours are Okabe and Ito's, which most colour-blind readers can tell apart.
"""

from mgi.core.run import NO_GENES, NO_PRETRAINING, RANDOM_ID
from mgi.evaluation.expression_inputs import COHORT_MEAN, NOT_USED, NULL_TOKEN, OWN, PERMUTED

METHODS = {
    "mgi": "MGI",
    "mgi-no-genes": "MGI without genes",
    "mgi-random-id": "MGI on random vectors",
    "mgi-no-pretraining": "MGI without pre-training",
    "unet": "U-Net",
    "resunet": "ResU-Net",
    "attention_unet": "Attention U-Net",
    "deeplabv3plus": "DeepLabv3+",
    "empty-mask": "Predicting nothing",
}
BLUE, SKY, ORANGE, VERMILION, GREEN, PURPLE, YELLOW = (
    "#0072B2", "#56B4E9", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#F0E442",
)  # fmt: skip
INK, GREY = "#1d2733", "#8a94a0"
COLOURS = dict(zip(METHODS, (BLUE, SKY, YELLOW, "#000000", ORANGE, VERMILION, GREEN, PURPLE, INK), strict=True))
SPLIT_UNITS = {"patient": "by patient", "slice": "by slice", "none": "nothing trained"}

EXPRESSION_INPUTS = {
    OWN: "own genes",
    PERMUTED: "another patient's genes",
    COHORT_MEAN: "mean genes of training",
    NULL_TOKEN: "null token",
    NOT_USED: "no genes",
}
CONDITIONS = {
    **EXPRESSION_INPUTS,
    RANDOM_ID: "retrained on random vectors",
    NO_GENES: "retrained without genes",
    NO_PRETRAINING: "own genes, no pre-training",
}
"""Of the audit: expression inputs of one model, then controls."""


def method_name(label: str) -> str:
    """The printed name of a method; one that is not known keeps its own."""
    return METHODS.get(label, label)


def colour_of(label: str) -> str:
    """The colour of a method in every figure; grey for one that is not known."""
    return COLOURS.get(label, GREY)


def in_order(labels: list[str]) -> list[str]:
    """Known methods in their fixed order, then the others by name."""
    known = [label for label in METHODS if label in labels]
    return known + sorted(set(labels) - set(known))
