"""Every public reader under the damage that suits its format, and the share of its group's inputs that it gets."""

import importlib.util
from typing import Any

from fuzz import binaries, mutate, own, patients, slides, texts
from fuzz.mutate import Mutation
from fuzz.target import Target, files


def _target(
    name: str, group: str, share: float, seeds: Any, mutation: Mutation, reader: Any, checked: bool = False
) -> Target:
    return Target(name=name, group=group, share=share, seeds=seeds, mutation=mutation, reader=reader, checked=checked)


INSIDE = mutate.zipped_content(mutate.damage)
PLACES = binaries.readers_in("mgi.modalities.rna.positions")
BETAS = binaries.readers_in("mgi.modalities.methylation.betas")
MIRNA = binaries.readers_in("mgi.modalities.mirna.quantification")
COPIES = binaries.readers_in("mgi.modalities.cn.ascat")
MAF = binaries.readers_in("mgi.modalities.mutation.maf", "mgi.modalities.mutation.own_file")
RPPA = binaries.readers_in("mgi.modalities.rppa.antibodies")
FEATURES = binaries.readers_in("mgi.tables.feature_matrix")
DOCUMENT = mutate.sealed_document
DESCRIPTIONS = {kind: own.read_dataset(kind) for kind in ("shard_images", "shard_expression")}
FORMATS = [
    _target("volume", "dicom", 0.7, binaries.single_images, mutate.dicom, binaries.read_volume),
    _target("segmentation", "dicom", 0.3, binaries.segmentations, mutate.dicom, binaries.read_segmentation),
    _target("star", "tsv", 0.55, files("star"), mutate.table, binaries.read_star),
    _target("matrix", "tsv", 0.2, files("matrix", "*[tc]sv"), mutate.table, binaries.read_matrix),
    _target("matrix-gz", "tsv", 0.05, files("matrix", "*.gz"), mutate.gzipped_table, binaries.read_matrix),
    _target("matrix-parquet", "tsv", 0.05, files("matrix", "*.parquet"), mutate.damage, binaries.read_matrix),
    _target("positions", "tsv", 0.1, files("positions", "*.[tg][st][vf]"), mutate.table, PLACES),
    _target("positions-gz", "tsv", 0.05, files("positions", "*.gz"), mutate.gzipped_table, PLACES),
    _target("copies", "omics", 0.2, files("copies"), mutate.table, COPIES),
    _target("maf", "omics", 0.15, files("maf", "*.tsv"), mutate.table, MAF),
    _target("maf-gz", "omics", 0.05, files("maf", "*.gz"), mutate.gzipped_table, MAF),
    _target("betas", "omics", 0.15, files("betas"), mutate.table, BETAS),
    _target("mirna", "omics", 0.15, files("mirna"), mutate.table, MIRNA),
    _target("rppa", "omics", 0.1, files("rppa"), mutate.table, RPPA),
    _target("features", "omics", 0.15, files("features", "*[tc]sv"), mutate.table, FEATURES),
    _target("features-parquet", "omics", 0.05, files("features", "*.parquet"), mutate.damage, FEATURES),
    _target("gdc", "json", 0.3, files("json", "gdc_files.json"), mutate.document, texts.read_gdc),
    _target("nbia", "json", 0.2, files("json", "nbia_series.json"), mutate.document, texts.read_nbia),
    _target("sops", "json", 0.05, files("json", "nbia_sops.json"), mutate.document, texts.read_sops),
    _target("locks", "json", 0.2, files("json", "lock_*.json"), DOCUMENT, texts.read_lock),
    _target("indexes", "json", 0.1, files("json", "index_*.json"), DOCUMENT, texts.read_index),
    _target("dataset", "json", 0.05, files("shard_images", "dataset.json"), DOCUMENT, DESCRIPTIONS["shard_images"]),
    _target("part", "json", 0.05, files("shard_images", "part-1-of-2.json"), DOCUMENT, own.read_parts),
    _target(
        "datasets", "json", 0.05, files("shard_expression", "*.json"), DOCUMENT, DESCRIPTIONS["shard_expression"]
    ),
    _target("verify", "zip", 0.35, binaries.both, mutate.zipped, binaries.verify_series, checked=True),
    _target("verify-inside", "zip", 0.1, binaries.both, INSIDE, binaries.verify_series, checked=True),
    _target("series", "zip", 0.15, binaries.SERIES_AND_MASKS[0], mutate.zipped, binaries.read_series),
    _target("buda", "zip", 0.1, files("kaggle"), mutate.zipped, binaries.read_buda),
    _target("buda-inside", "zip", 0.1, files("kaggle"), INSIDE, binaries.read_buda),
    _target("kaggle", "zip", 0.1, files("kaggle"), mutate.zipped, binaries.read_kaggle),
    _target("kaggle-inside", "zip", 0.1, files("kaggle"), INSIDE, binaries.read_kaggle),
    _target("labels-table", "labels", 0.35, files("label_table", "*[tc]sv"), mutate.table, patients.read_label_table),
    _target(
        "labels-parquet", "labels", 0.1, files("label_table", "*.parquet"), mutate.damage, patients.read_label_table
    ),
    _target("patients", "labels", 0.1, files("patient_table", "*.tsv"), mutate.table, patients.read_patient_tables),
    _target(
        "patients-parquet", "labels", 0.05, files("patient_table", "*.parquet"), mutate.damage,
        patients.read_patient_tables,
    ),
    _target("cases", "labels", 0.3, files("cases", "reply.json"), mutate.document, patients.read_cases),
    _target("cases-kept", "labels", 0.1, files("cases", "kept.json"), DOCUMENT, patients.read_kept_cases),
    _target("config", "config", 0.5, texts.configs, mutate.config, texts.read_config),
    _target("settings", "config", 0.5, texts.sections, mutate.document, texts.parse_section),
]  # fmt: skip
if importlib.util.find_spec("mgi.modalities.flair.nifti"):
    FORMATS.append(
        _target("nifti", "nifti", 1.0, files("nifti"), mutate.nifti, binaries.readers_in("mgi.modalities.flair.nifti"))
    )
if slides.HAS_OPENSLIDE:
    FORMATS.append(_target("slide", "slides", 0.5, files("slides"), mutate.damage, slides.read_slide))
if slides.HAS_H5PY:
    FORMATS.append(_target("tile-vectors", "slides", 0.35, files("tile_vectors"), mutate.damage, slides.read_vectors))
if slides.HAS_OPENSLIDE and slides.HAS_H5PY:
    FORMATS.append(_target("slide-list", "slides", 0.1, files("slide_list"), mutate.table, slides.read_list))
    PARTS = files("bag_parts", "part-1-of-2.json")
    FORMATS.append(_target("bag-part", "slides", 0.05, PARTS, DOCUMENT, slides.read_parts))

OWN = {
    "image-shard": (files("shard_images", "part-1-of-2.parquet"), own.read_images),
    "expression-shard": (files("shard_expression", "values.parquet"), own.read_expression("values.parquet")),
    "gene-table": (files("shard_expression", "features.parquet"), own.read_expression("features.parquet")),
    "split": (files("split", "*.parquet"), own.read_split),
    "fitted-genes": (files("fitted", "*.parquet"), own.read_fitted),
    "labels": (files("labels", "*.parquet"), patients.read_labels),
    "patient-predictions": (files("predictions"), patients.read_predictions),
    "embeddings": (files("embeddings"), patients.read_embeddings),
    "attributions": (files("attributions"), patients.read_attributions),
    "out-of-fold": (files("probe", "out_of_fold.parquet"), patients.read_out_of_fold),
    "associations": (files("scan", "associations.parquet"), patients.read_scan("associations.parquet")),
    "inflation": (files("scan", "phenotypes.tsv"), patients.read_scan("phenotypes.tsv")),
    "bags": (files("shard_bags", "tiles.parquet"), slides.read_bags("tiles.parquet")),
    "bagged-slides": (files("shard_bags", "slides.parquet"), slides.read_bags("slides.parquet")),
    "series-zip": (binaries.both, binaries.verify_series),
}
if importlib.util.find_spec("torch"):
    OWN |= {
        "checkpoint": (files("checkpoint", "*.pt"), own.read_checkpoint),
        "weights": (files("weights", "*.safetensors"), own.read_weights),
    }
CORRUPT = [
    _target(f"{name}:{kind}", kind, 1 / len(OWN), seeds, mutation, reader, checked=True)
    for name, (seeds, reader) in OWN.items()
    for kind, mutation in (("flip", mutate.flip), ("cut", mutate.cut))
]
TARGETS = {target.name: target for target in [*FORMATS, *CORRUPT]}
