"""Columns of every Parquet file between ingestion and learning."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

GENES = pa.schema(
    [
        ("gene_index", pa.int32()),
        ("gene_id", pa.string()),
        ("gene_name", pa.string()),
        ("gene_type", pa.string()),  # null where the user's own table has no types
        ("chromosome", pa.string()),  # null where unknown
        ("start", pa.int64()),  # 1-based, null where unknown
    ]
)
SLICES = pa.schema(
    [
        ("patient_id", pa.string()),
        ("slice", pa.int32()),  # from 0, inferior to superior
        ("position_mm", pa.float64()),  # along the normal; null where the archive has no geometry
        ("rows", pa.int32()),
        ("cols", pa.int32()),
        ("dtype", pa.string()),  # numpy's name
        ("pixels", pa.binary()),  # C order, byte-shuffled: see shards.parquet
        ("mask", pa.binary()),  # uint8 0 or 1, C order; null where there is none
        ("spacing_row_mm", pa.float64()),
        ("spacing_col_mm", pa.float64()),
        ("affine", pa.list_(pa.float64(), 16)),  # (k, i, j, 1) to LPS mm, row by row; null where there is no geometry
        ("native_axes", pa.string()),  # directions of x, y, z in the file it was read from
        ("source", pa.string()),  # sha256 of what it was read from
    ]
)
SLICES_OF_CHANNELS = SLICES.append(
    pa.field("others", pa.binary())  # the other channels, as `pixels`: one below the other, in the order of the files
)
PREPARED = pa.schema(
    [
        ("patient_id", pa.string()),
        ("file", pa.string()),  # .npy, float32: a plane a slice, then one for the mask of each slice with tumour
        ("rows", pa.int32()),  # of the native slices
        ("cols", pa.int32()),
        ("first_row", pa.int32()),  # the part of them that fills the network's square
        ("stop_row", pa.int32()),
        ("first_col", pa.int32()),
        ("stop_col", pa.int32()),
        ("area", pa.list_(pa.float32())),  # a slice each: its tumour, in pixels of the square
        ("crc32", pa.list_(pa.uint32())),  # a plane each
    ]
)
FEATURES = pa.schema(
    [
        ("feature_id", pa.string()),
        ("name", pa.string()),
        ("chromosome", pa.string()),  # null where unknown
        ("start", pa.int64()),  # 1-based, null where unknown
        ("kind", pa.string()),  # tells features of one shard apart, such as gene and burden; null where all are alike
    ]
)
FITTED_FEATURES = pa.schema(
    [
        ("feature_index", pa.int32()),  # row of the shard's features; rows are in the model's order
        ("feature_id", pa.string()),
        ("name", pa.string()),
        ("kind", pa.string()),
        ("centre", pa.float64()),  # of what the room's transform makes of the shard's values
        ("deviation", pa.float64()),  # above 0
        ("filler", pa.float64()),  # stands for a gap, before centre and deviation: the training mean
    ]
)
BAGGED_SLIDES = pa.schema(
    [
        ("patient_id", pa.string()),
        ("slide_id", pa.string()),
        ("source", pa.string()),  # sha256 of the slide, or of the file that was computed of it
        ("tiles", pa.int32()),
        ("bad_tiles", pa.int32()),  # with tissue, but not decodable; left out
        # What follows is null where only what was computed of the slide is here.
        ("width", pa.int32()),  # pixels of level 0
        ("height", pa.int32()),
        ("mpp", pa.float64()),  # micrometres a pixel of level 0
        ("levels", pa.int32()),
        ("vendor", pa.string()),  # as OpenSlide calls the format
        ("tissue_mm2", pa.float64()),
        ("pen", pa.float64()),  # share of the slide that is coloured as ink
        ("black", pa.float64()),
        ("threshold", pa.int32()),  # of saturation, 0 to 255: Otsu's
        ("mask_um", pa.float64()),  # micrometres a pixel of the mask
    ]
)
FITTED_GENES = pa.schema(
    [
        ("gene_index", pa.int32()),
        ("gene_id", pa.string()),
        ("gene_name", pa.string()),
        ("kept", pa.bool_()),
        ("reason", pa.string()),  # null where kept
        ("order", pa.int32()),  # place in the model's input, -1 where not kept
        ("mean", pa.float64()),  # of the shard's values over the training patients; scaler robust: the median
        ("std", pa.float64()),
        ("reference", pa.float64()),  # the j-th smallest of the scaler's distribution where order is j, else null
        ("average", pa.float64()),  # training mean of what the model reads, null where not kept
        ("components", pa.list_(pa.float64())),  # the gene's part in each principal component; null: all is kept
    ]
)
SPLIT = pa.schema(
    [
        ("fold", pa.int32()),
        ("patient_id", pa.string()),
        ("site", pa.string()),
        ("role", pa.string()),  # train, validation, test, unpaired_expression or unpaired_image
    ]
)
EMBEDDINGS = pa.schema(
    [
        ("patient_id", pa.string()),
        ("role", pa.string()),  # in the run's fold, as in SPLIT
        ("image", pa.list_(pa.float32())),  # mean of a scan's slices, pooled, or the slide's; no mask is read
        ("image_tumour", pa.list_(pa.float32())),  # the same weighted by the true tumour area; null without tumour
        ("genes", pa.list_(pa.float32())),  # the pooled vector; null without expression
        ("image_projected", pa.list_(pa.float32())),  # these three after the projection, of length 1
        ("image_tumour_projected", pa.list_(pa.float32())),
        ("genes_projected", pa.list_(pa.float32())),
        ("image_untrained", pa.list_(pa.float32())),  # the first three by the same network before any training
        ("image_tumour_untrained", pa.list_(pa.float32())),
        ("genes_untrained", pa.list_(pa.float32())),
    ]
)


def expression_values(n_genes: int, *, counts: bool = False) -> pa.Schema:
    """A row a patient in the order of the genes table: unscaled values and, where the source has them, read counts."""
    columns = [("patient_id", pa.string()), ("values", pa.list_(pa.float32(), n_genes))]
    if counts:
        columns.append(("counts", pa.list_(pa.uint32(), n_genes)))
    return pa.schema(columns)


def feature_values(n_features: int) -> pa.Schema:
    """A row a patient in the order of the features table; NaN where a feature was not measured."""
    return pa.schema([("patient_id", pa.string()), ("values", pa.list_(pa.float32(), n_features))])


def bag_columns(width: int) -> pa.Schema:
    """A row a tile: whose it is, its number in its slide, its corner and tissue, and `width` numbers."""
    return pa.schema(
        [
            ("patient_id", pa.string()),
            ("slide_id", pa.string()),
            ("tile", pa.int32()),  # from 0, in raster order
            ("x0", pa.int32()),  # pixels of level 0, of the upper left corner
            ("y0", pa.int32()),
            ("tissue", pa.float32()),  # share of the tile; null where only vectors are known
            ("embedding", pa.list_(pa.float16(), width)),
        ]
    )


def cohort_columns(modalities: Mapping[str, Sequence[str]]) -> pa.Schema:
    """A row a patient; for each modality whether it is there, else why not, and the same for its companions by role."""
    columns = [
        ("patient_id", pa.string()),
        ("site", pa.string()),
        ("status", pa.string()),  # kept or dropped
        ("reason", pa.string()),  # null where kept
    ]
    for name, companions in modalities.items():
        columns += [(name, pa.bool_()), (f"{name}_reason", pa.string()), (f"{name}_key", pa.string())]
        for role in companions:
            columns += [(f"{name}_{role}", pa.bool_()), (f"{name}_{role}_keys", pa.list_(pa.string()))]
    return pa.schema([*columns, ("notes", pa.string()), ("simulated", pa.bool_())])


def label_columns(classes: Sequence[str]) -> pa.Schema:
    """A row a patient; class labels by name, null where unknown."""
    return pa.schema(
        [
            ("patient_id", pa.string()),
            *((name, pa.string()) for name in classes),
            ("time_days", pa.float64()),  # above 0; null with its event where either cannot be used
            ("event", pa.bool_()),  # false: censored at that time
            ("survival_reason", pa.string()),  # why they are null; null where they are there or nothing was asked for
            ("endpoint", pa.string()),  # what the event is, such as OS; null where no survival was asked for
            ("survival_source", pa.string()),
            ("age_years", pa.float64()),  # at diagnosis
            ("sex", pa.string()),  # in lower case
            ("source", pa.string()),
            ("reason", pa.string()),  # why nothing is known of the patient; null where something is
            ("simulated", pa.bool_()),
        ]
    )
