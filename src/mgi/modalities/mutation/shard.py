"""Mutated genes of all patients into one shard: 0 and 1, hotspots, and how many variants each tumour has."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mgi.core.errors import BadInputError
from mgi.locks.lock import check_table
from mgi.modalities.mutation.maf import read_maf
from mgi.modalities.mutation.own_file import read_own_file
from mgi.modalities.mutation.tumour import BURDEN_KIND, GENE_KIND, HOTSPOT_KIND, HOTSPOTS, Tumour, tumour_of
from mgi.modalities.sharding import ShardJob
from mgi.modalities.table_shard import features_of, in_order, write_table_shard
from mgi.shards.feature_shard import ALL_GENES, Row

UNIT, BURDEN = "0 or 1; variants of the burden", "variants"


def shard(job: ShardJob) -> str:
    """Write what is mutated in all patients, the features, and the description last.

    Two tumours without a mutated gene are alike, so equal rows are no sign of one patient under two ids.
    """
    if job.lock.table is not None:
        return _of_own_file(job)
    tumours = {entry.patient_id: tumour_of(read_maf(entry.verified_path())) for entry in in_order(job)}
    return _write(job, tumours, names_of(tumours.values()), {}, {ALL_GENES: True})


def _of_own_file(job: ShardJob) -> str:
    path = job.own_table("file of mutations")
    table = check_table(Path(path), job.lock.table)
    own = read_own_file(Path(path))
    tumours, unknown = {}, {}
    for entry in in_order(job):
        if entry.key not in own.tumours:
            raise BadInputError(f"{path}: sample {entry.key}: missing, though the lock lists it")
        tumours[entry.patient_id] = own.tumours[entry.key]
        unknown[entry.patient_id] = own.unknown.get(entry.key, frozenset())
    names = names_of(own.tumours.values()) | {gene: gene for gene in own.genes}
    about = {"table_sha256": table.sha256, "layout": own.layout, "notes": list(own.notes)}
    return _write(job, tumours, names, unknown, {**about, ALL_GENES: own.all_genes})


def names_of(tumours: Iterable[Tumour]) -> dict[str, str]:
    """The name of every gene that is mutated in some tumour, by id."""
    return {gene: name for tumour in tumours for gene, name in tumour.genes.items()}


def _write(
    job: ShardJob,
    tumours: Mapping[str, Tumour],
    names: Mapping[str, str],
    unknown: Mapping[str, frozenset[str]],
    about: Mapping[str, Any],
) -> str:
    """Write the shard; a hotspot or a burden that is known of nobody is no feature."""
    genes = sorted(names)
    hotspots = sorted(HOTSPOTS) if any(one.hotspots is not None for one in tumours.values()) else []
    burden = [BURDEN] if any(one.burden is not None for one in tumours.values()) else []
    kinds = [GENE_KIND] * len(genes) + [HOTSPOT_KIND] * len(hotspots) + [BURDEN_KIND] * len(burden)
    labels = [names[gene] for gene in genes] + hotspots + burden
    features = features_of([*genes, *hotspots, *burden], names=labels, kinds=kinds)
    column_of = {gene: column for column, gene in enumerate(genes)}

    def rows() -> Iterator[Row]:
        for patient, tumour in sorted(tumours.items()):
            values = np.zeros(len(features), np.float32)
            values[[column_of[gene] for gene in tumour.genes]] = 1.0
            values[[column_of[gene] for gene in unknown.get(patient, ())]] = np.nan
            values[len(genes) : len(genes) + len(hotspots)] = [
                np.nan if tumour.hotspots is None else name in tumour.hotspots for name in hotspots
            ]
            values[len(genes) + len(hotspots) :] = np.nan if tumour.burden is None else tumour.burden
            yield patient, values

    return write_table_shard(job, features, UNIT, rows(), about, told_apart=False)
