"""Expression of all patients on one gene index: values, genes and their description in one folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import atomic_path
from mgi.core.fingerprint import digest_of
from mgi.shards.dataset_manifest import field_of, read_dataset, write_dataset
from mgi.shards.parquet import WRITING, metadata_of, opened_parquet, read_table, require_schema, write_table
from mgi.shards.schemas import GENES, expression_values

VALUES_FILE, GENES_FILE = "values.parquet", "genes.parquet"
KIND = "expression"
ROW_GROUP = 32  # patients; 8 MB at 60,660 genes


@dataclass(frozen=True, kw_only=True)
class ExpressionShard:
    """Unscaled values (n, G) float32, a row per patient sorted by id, a column per row of `genes` (schemas.GENES).

    `scale` is "log2(TPM+1)" or "as given".
    """

    patient_ids: list[str]
    values: NDArray[np.float32]
    genes: pd.DataFrame
    scale: str
    simulated: bool

    @property
    def gene_hash(self) -> str:
        """Digest of the gene ids in their order."""
        return digest_of(self.genes["gene_id"])


def write_expression(
    shard: ExpressionShard, values: Path | str, genes: Path | str, dataset: Path | str, **stated: Any
) -> None:
    """Write a shard, its description last; `stated` adds entries to the description.

    Raises BadInputError where ids repeat or are not sorted, shapes disagree or a value is not finite.
    """
    _check(shard)
    gene_hash = shard.gene_hash
    columns = {name: shard.genes[name] for name in GENES.names}
    table = pa.table(
        {name: pa.array(column, GENES.field(name).type, from_pandas=True) for name, column in columns.items()},
        schema=GENES.with_metadata({"gene_hash": gene_hash}),
    )
    write_table(genes, table)
    schema = expression_values(len(shard.genes)).with_metadata({"gene_hash": gene_hash, "scale": shard.scale})
    with atomic_path(values) as part, pq.ParquetWriter(part, schema, **WRITING) as writer:
        for start in range(0, len(shard.patient_ids), ROW_GROUP):
            rows = slice(start, start + ROW_GROUP)
            flat = pa.array(np.ascontiguousarray(shard.values[rows]).reshape(-1), pa.float32())
            batch = pa.FixedSizeListArray.from_arrays(flat, len(shard.genes))
            writer.write_table(pa.table([pa.array(shard.patient_ids[rows], pa.string()), batch], schema=schema))
    fields = {
        "rows": len(shard.patient_ids),
        "genes": len(shard.genes),
        "gene_hash": gene_hash,
        "scale": shard.scale,
        "simulated": shard.simulated,
    }
    write_dataset(dataset, KIND, [values, genes], {**stated, **fields})


def read_expression(folder: Path | str, *, verify: bool = False) -> ExpressionShard:
    """Read and check a whole shard; `verify` also compares the files' sha256.

    Raises BadInputError or IntegrityError naming the file where anything disagrees with the description.
    """
    folder = Path(folder)
    dataset = read_dataset(folder, KIND, verify=verify)
    genes_path, values_path = folder / GENES_FILE, folder / VALUES_FILE
    genes = read_table(genes_path, GENES)
    expected_hash = field_of(dataset, "gene_hash", folder)
    found_hash = digest_of(genes["gene_id"].to_pylist())
    n_genes = len(genes)
    with opened_parquet(values_path) as source:
        require_schema(source.schema_arrow, expression_values(n_genes), values_path)
        stated_hash = metadata_of(source.schema_arrow, values_path, ["gene_hash"])["gene_hash"]
        table = source.read()
        table.validate(full=True)
        patient_ids = table["patient_id"].to_pylist()
        if table["values"].null_count:
            raise BadInputError(f"{values_path}: values: {table['values'].null_count} null rows, expected none")
        values = table["values"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, n_genes)
    for path, found in ((genes_path, found_hash), (values_path, stated_hash)):
        if found != expected_hash:
            raise IntegrityError(f"{path}: gene_hash {found}, expected {expected_hash}; the gene index is another")
    shard = ExpressionShard(
        patient_ids=patient_ids,
        values=values,
        genes=genes.to_pandas(),
        scale=field_of(dataset, "scale", folder),
        simulated=field_of(dataset, "simulated", folder),
    )
    _check(shard)
    return shard


def _check(shard: ExpressionShard) -> None:
    if shard.values.shape != (len(shard.patient_ids), len(shard.genes)) or shard.values.dtype != np.float32:
        raise BadInputError(
            f"expression shard: values {shard.values.dtype} {shard.values.shape}, expected float32 "
            f"({len(shard.patient_ids)}, {len(shard.genes)})"
        )
    for what, ids in (("patient_id", shard.patient_ids), ("gene_id", shard.genes["gene_id"].tolist())):
        if len(set(ids)) != len(ids):
            raise BadInputError(f"expression shard: {what}: an id occurs twice, expected unique ids")
    if shard.patient_ids != sorted(shard.patient_ids):
        raise BadInputError("expression shard: patient_id: not sorted")
    if not np.isfinite(shard.values).all():
        row, column = (int(index) for index in np.argwhere(~np.isfinite(shard.values))[0])
        gene = shard.genes["gene_id"].iloc[column]
        raise BadInputError(f"expression shard: {shard.patient_ids[row]}, gene {gene}: {shard.values[row, column]}")
