"""Readers of what the pipeline itself wrote: shards, split, genes, checkpoints, weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuzz.target import on_disk


def beside(
    kind: str, name: str, call: Callable[[Path], Any], seeds: Path, scratch: Path
) -> Callable[[bytes, Any], Any]:
    """A reader of a folder in which one file is replaced."""
    for path in sorted((seeds / kind).iterdir()):
        (scratch / path.name).write_bytes(path.read_bytes())

    def read(data: bytes, note: Any) -> Any:
        (scratch / name).write_bytes(data)
        return call(scratch)

    return read


def _bytes_of(array: Any) -> bytes:
    return b"" if array is None else bytes(array.tobytes())


def read_images(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.shards.image_shard import read_images

    def call(folder: Path) -> Any:
        return [
            (one.patient_id, one.spacing_mm, one.source, *map(_bytes_of, (one.slices, one.masks, one.positions_mm)))
            for one in read_images(folder).values()
        ]

    return beside("shard_images", "part-1-of-2.parquet", call, seeds, scratch)


def read_parts(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.shards.image_parts import read_parts

    return beside("shard_images", "part-1-of-2.json", lambda folder: read_parts(folder, 2), seeds, scratch)


def read_expression(name: str) -> Callable[[Path, Path], Callable[[bytes, Any], Any]]:
    def reader(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
        from mgi.shards.expression_shard import read_expression

        def call(folder: Path) -> Any:
            shard = read_expression(folder)
            return shard.patient_ids, shard.values.tobytes(), shard.genes.to_csv(), shard.unit

        return beside("shard_expression", name, call, seeds, scratch)

    return reader


def read_dataset(kind: str) -> Callable[[Path, Path], Callable[[bytes, Any], Any]]:
    def reader(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
        from mgi.shards.expression_shard import read_expression
        from mgi.shards.image_shard import read_images

        call = read_expression if kind == "shard_expression" else read_images
        return beside(kind, "dataset.json", call, seeds, scratch)

    return reader


def read_split(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.cohort.tables import read_split

    return on_disk(scratch, lambda path: read_split(path).to_csv())


def read_fitted(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.modalities.rna.normalise import read_fitted_genes

    def call(path: Path) -> Any:
        fitted = read_fitted_genes(path)
        return fitted.table.to_csv(), fitted.train_hash, fitted.n_train

    return on_disk(scratch, call)


def read_checkpoint(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.core.errors import BadInputError
    from mgi.training.checkpoint import load_checkpoint

    (path,) = (seeds / "checkpoint").glob("*.pt")

    def call(folder: Path) -> Any:
        state = load_checkpoint(folder, identity="x")
        if state is None:
            raise BadInputError("passed over: training begins again")
        return {name: str(value) for name, value in state.items()}

    return beside("checkpoint", path.name, call, seeds, scratch)


def read_weights(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.training.weights import load_weights

    def call(path: Path) -> Any:
        found = load_weights(path, genes=["a", "b"])
        return {name: value.tolist() for name, value in found.tensors.items()}, found.run, found.model, found.genes

    return on_disk(scratch, call)
