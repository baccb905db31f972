"""What the tables call things, as people read them, and the colour of each method.

Colours are Okabe and Ito's, which most colour-blind readers can tell apart.
"""

METHODS = {
    "mgi": "MGI",
    "mgi-no-genes": "MGI without genes",
    "mgi-fingerprint": "MGI on fingerprints",
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
SPLITS = {"patient": "by patient", "slice": "by slice", "none": "nothing trained"}

GENES = {
    "real": "own genes",
    "permuted": "another patient's genes",
    "mean": "mean genes of training",
    "null": "null token",
    "none": "no genes",
}
AUDIT = {
    **GENES,
    "fingerprint": "retrained on fingerprints",
    "none": "retrained without genes",
    "scratch": "own genes, no pre-training",
}

DEFINITIONS = {
    "volume": ("Volume", "one Dice per patient over all its voxels; the headline"),
    "volume_largest_component": ("Volume, largest body", "the same after keeping the largest connected prediction"),
    "slice_positive": ("Slices with tumour", "mean over a patient's slices that have tumour"),
    "slice_all_empty_one": (
        "All slices, empty = 1",
        "mean over all slices of a patient; empty against empty counts 1 (lenient)",
    ),
    "slice_all_empty_skipped": (
        "All slices, empty skipped",
        "slices empty in both are left out; a false positive on an empty slice counts 0",
    ),
    "slice_five_thresholds": (
        "Five thresholds",
        "slice mean over thresholds .1 .3 .5 .7 .9, empty against empty counts 1 (lenient)",
    ),
    "pooled": ("Pooled", "one Dice over the voxels of all patients together; large tumours weigh more"),
    "hd95_px": ("HD95, pixels", "95th percentile of in-plane boundary distance; lower is better"),
    "nsd_2px": ("NSD at 2 px", "share of the boundaries that lie within 2 pixels of each other, in plane"),
    "lesion_slice_sensitivity": ("Slice sensitivity", "share of slices with tumour on which anything is predicted"),
    "empty_slice_specificity": ("Slice specificity", "share of slices without tumour that stay empty"),
    "volume_error": ("Volume error", "predicted minus true volume, as a share of the true one; 0 is best"),
}


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
