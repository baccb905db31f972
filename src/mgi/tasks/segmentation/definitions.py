"""What the definitions of a score are called in print, and what each of them counts."""

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
