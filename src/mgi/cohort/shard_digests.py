"""What of each patient a shard holds, as digests: equal ones in two patients are one person, or one copied file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mgi.cohort.duplicates import digest_of_values, slice_digests
from mgi.core.errors import BadInputError
from mgi.core.files import read_json
from mgi.shards import expression_shard, image_shard


@dataclass(frozen=True, kw_only=True)
class ShardDigests:
    """Digests by patient of what `what` names: a vector of a table, a slice of volumes."""

    what: str
    by_patient: Mapping[str, set[bytes]]

    @property
    def n_digests(self) -> int:
        """How many there are."""
        return sum(len(digests) for digests in self.by_patient.values())


def digests_of_shard(dataset: Path) -> ShardDigests:
    """Read a whole shard, whatever its format, by its dataset.json.

    Raises BadInputError where it has a format in which nothing can be compared.
    """
    described = read_json(dataset)
    kind, name = described.get("kind"), described.get("modality", dataset.parent.name)
    if kind == expression_shard.KIND:
        shard = expression_shard.read_expression(dataset)
        vectors = zip(shard.patient_ids, shard.values, strict=True)
        return ShardDigests(what=f"{name} vector", by_patient={one: {digest_of_values(row)} for one, row in vectors})
    if kind == image_shard.KIND:
        volumes = image_shard.iter_images(dataset)
        return ShardDigests(
            what=f"{name} slice", by_patient={one.patient_id: set(slice_digests(one.slices)) for one in volumes}
        )
    raise BadInputError(f"{dataset}: kind {kind!r}, expected a shard of a table or of volumes")
