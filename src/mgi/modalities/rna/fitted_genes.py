"""A fold's fitted genes as a file: all genes of the shard, with what was kept and how it is scaled."""

from pathlib import Path

import pyarrow as pa

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.fingerprint import digest_of
from mgi.modalities.rna.normalise import FittedGenes, fitted_genes
from mgi.shards.parquet import metadata_of, read_table, write_table
from mgi.shards.schemas import FITTED_GENES

METADATA = ("gene_hash", "train_hash", "n_train", "scaler")


def write_fitted_genes(path: Path | str, fitted: FittedGenes) -> None:
    """Write the table of all genes; the kept ones in model order and the training patients go in as digests,
    the scaler by name."""
    metadata = {
        "gene_hash": digest_of(fitted.gene_ids),
        "train_hash": fitted.train_hash,
        "n_train": str(fitted.n_train),
        "scaler": fitted.scaler,
    }
    metadata["digest"] = _digest_of_metadata(metadata)
    columns = {
        column.name: pa.array(fitted.table[column.name], column.type, from_pandas=True) for column in FITTED_GENES
    }
    write_table(path, pa.table(columns, schema=FITTED_GENES.with_metadata(metadata)))


def read_fitted_genes(path: Path | str) -> FittedGenes:
    """Read a fold's genes.

    Raises IntegrityError where the kept genes are not those of the metadata digest, BadInputError where columns differ.
    """
    table = read_table(path, FITTED_GENES)
    metadata = metadata_of(table.schema, path, [*METADATA, "digest"])
    if metadata["digest"] != _digest_of_metadata(metadata):
        raise IntegrityError(f"{path}: its metadata is not what was written; delete it and run again")
    try:
        fitted = fitted_genes(
            table.to_pandas(),
            train_hash=metadata["train_hash"],
            n_train=int(metadata["n_train"]),
            scaler=metadata["scaler"],
        )
    except (BadInputError, ValueError) as error:
        raise BadInputError(f"{path}: {error}") from None
    if (found := digest_of(fitted.gene_ids)) != metadata["gene_hash"]:
        raise IntegrityError(f"{path}: gene_hash {metadata['gene_hash']}, but its kept genes have {found}")
    return fitted


def _digest_of_metadata(metadata: dict[str, str]) -> str:
    """Return a digest of the metadata, which page checksums do not cover."""
    return digest_of(metadata[name] for name in METADATA)
