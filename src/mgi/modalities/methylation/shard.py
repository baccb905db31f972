"""Beta values of all patients into one shard, on the probes of the first; no more than a row group is in memory."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mgi.core.errors import BadInputError
from mgi.modalities.methylation.betas import read_betas, require_same_probes
from mgi.modalities.methylation.modality import POSITIONS
from mgi.modalities.methylation.positions import Place, read_probe_positions
from mgi.modalities.sharding import ShardJob
from mgi.modalities.table_shard import (
    features_of,
    in_order,
    require_range,
    rows_of_user,
    table_of_user,
    write_table_shard,
)
from mgi.shards.feature_shard import Row

UNIT = "beta value"


def shard(job: ShardJob) -> str:
    """Write values of all patients, the probes, and the description last."""
    places = read_probe_positions(job.inputs[POSITIONS]) if POSITIONS in job.inputs else {}
    return _shard_table(job, places) if job.lock.table is not None else _shard_files(job, places)


def _shard_files(job: ShardJob, places: Mapping[str, Place]) -> str:
    chosen = in_order(job)
    first = read_betas(chosen[0].verified_path())
    probes = first.probes.to_pylist()

    def rows() -> Iterator[Row]:
        for entry in chosen:
            path = entry.verified_path()
            read = read_betas(path, like=first)
            require_same_probes(first, read, path)
            yield entry.patient_id, read.values

    found = [places.get(probe) for probe in probes]
    features = features_of(
        probes,
        chromosomes=[None if place is None else place.chromosome for place in found],
        starts=[None if place is None else place.start for place in found],
    )
    return _told(job, write_table_shard(job, features, UNIT, rows(), _about(places, probes)), places, probes)


def _shard_table(job: ShardJob, places: Mapping[str, Place]) -> str:
    matrix, about = table_of_user(job)
    require_range(job, matrix, 0.0, 1.0)
    probes = matrix.features
    own_chromosomes = matrix.chromosomes or [None] * len(probes)
    own_starts = matrix.starts or [None] * len(probes)
    features = features_of(
        probes,
        chromosomes=[
            places[probe].chromosome if probe in places else own
            for probe, own in zip(probes, own_chromosomes, strict=True)
        ],
        starts=[places[probe].start if probe in places else own for probe, own in zip(probes, own_starts, strict=True)],
    )
    rows = rows_of_user(job, matrix, np.ascontiguousarray)
    return _told(job, write_table_shard(job, features, UNIT, rows, about | _about(places, probes)), places, probes)


def _about(places: Mapping[str, Place], probes: Sequence[str]) -> dict[str, Any]:
    if not places:
        return {}
    known = sum(probe in places for probe in probes)
    if not known:
        raise BadInputError("modalities.methylation.positions: has none of the probes, expected those of this array")
    return {"probes_placed": known}


def _told(job: ShardJob, said: str, places: Mapping[str, Place], probes: Sequence[str]) -> str:
    if not places:
        return said
    return f"positions of {sum(probe in places for probe in probes)} of {len(probes)} probes; {said}"
