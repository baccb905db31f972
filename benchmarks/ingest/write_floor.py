"""The least that a shard can cost: read every byte that goes in, and write what came out once more as zstd Parquet.

REQUIRED INPUTS: the raw files, and the shard that was made of them. OUTPUT: one line of JSON, seconds of wall and CPU.
Zips are inflated as well. The result is read before the clock starts, a row group at a time.
"""

import argparse
import json
import os
import time
import zipfile
from pathlib import Path

import pyarrow.parquet as pq

from mgi.shards.parquet import WRITING

BUFFER_BYTES = 1 << 20


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--raw", required=True, type=Path, help="folder of .tsv or .zip files")
    options.add_argument("--shard", required=True, type=Path, help="Parquet file that was made of them")
    options.add_argument("--output", required=True, type=Path)
    return options.parse_args()


def read_bytes(path: Path) -> int:
    """How many bytes a file holds, found by reading them."""
    buffer, total = bytearray(BUFFER_BYTES), 0
    with path.open("rb", buffering=0) as source:
        while count := source.readinto(buffer):
            total += count
    return total


def inflate(path: Path) -> int:
    """How many bytes the members of a zip hold, found by unpacking them."""
    with zipfile.ZipFile(path) as archive:
        return sum(len(archive.read(name)) for name in archive.namelist())


def main() -> None:
    """Time reading and writing; not the preparation of what is written."""
    args = arguments()
    spent = {"wall_s": 0.0, "cpu_s": 0.0}

    def clocked(began: tuple[float, float]) -> None:
        spent["wall_s"] += time.monotonic() - began[0]
        spent["cpu_s"] += time.process_time() - began[1]

    for path in sorted(args.raw.rglob("*")):
        began = time.monotonic(), time.process_time()
        if path.suffix == ".zip":
            inflate(path)
        elif path.suffix == ".tsv":
            read_bytes(path)
        clocked(began)
    with pq.ParquetFile(args.shard) as source, args.output.open("wb") as sink:
        writer = pq.ParquetWriter(sink, source.schema_arrow, **WRITING)
        for group in range(source.num_row_groups):
            table = source.read_row_group(group)
            began = time.monotonic(), time.process_time()
            writer.write_table(table, row_group_size=len(table))
            clocked(began)
        began = time.monotonic(), time.process_time()
        writer.close()
        sink.flush()
        os.fsync(sink.fileno())
        clocked(began)
    print(json.dumps({name: round(value, 3) for name, value in spent.items()}))


if __name__ == "__main__":
    main()
