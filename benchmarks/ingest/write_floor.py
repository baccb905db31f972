"""The least that a shard can cost: read every byte that goes in, and write what came out once more as zstd Parquet.

REQUIRED INPUTS: the raw files, and the shard that was made of them. OUTPUT: one line of JSON, seconds of wall and CPU.
Zips are inflated as well. The result is read before the clock starts, and is in memory whole.
"""

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from inflating import LIBRARIES, members

from mgi.shards.parquet import WRITING

BUFFER_BYTES = 1 << 20


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--raw", required=True, type=Path, help="folder of .tsv or .zip files")
    options.add_argument("--shard", required=True, type=Path, help="Parquet file that was made of them")
    options.add_argument("--output", required=True, type=Path)
    options.add_argument("--inflate", choices=LIBRARIES, default="zlib", help="what unpacks zips")
    options.add_argument("--threads", type=int, default=1)
    return options.parse_args()


def read_bytes(path: Path) -> int:
    """How many bytes a file holds, found by reading them."""
    buffer, total = bytearray(BUFFER_BYTES), 0
    with path.open("rb", buffering=0) as source:
        while count := source.readinto(buffer):
            total += count
    return total


def inflate(path: Path, library: str) -> int:
    """How many bytes the members of a zip hold, found by unpacking them."""
    return sum(len(data) for _, data in members(path, library))


def write(target: Path, schema: pa.Schema, groups: list[pa.Table]) -> None:
    """Row groups as one file, on the disk."""
    with target.open("wb") as sink:
        writer = pq.ParquetWriter(sink, schema, **WRITING)
        for table in groups:
            writer.write_table(table, row_group_size=len(table))
        writer.close()
        sink.flush()
        os.fsync(sink.fileno())


def main() -> None:
    """Time reading and writing together; not the preparation of what is written."""
    args = arguments()
    with pq.ParquetFile(args.shard) as source:
        schema = source.schema_arrow
        groups = [source.read_row_group(group) for group in range(source.num_row_groups)]
    began = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(args.threads) as pool:
        # Writing first: with two threads one writes while the other reads, as in ours.
        work = [pool.submit(write, args.output, schema, groups)]
        for path in sorted(args.raw.rglob("*")):
            if path.suffix == ".zip":
                work.append(pool.submit(inflate, path, args.inflate))
            elif path.suffix == ".tsv":
                work.append(pool.submit(read_bytes, path))
        for done in work:
            done.result()
    spent = {"wall_s": time.monotonic() - began[0], "cpu_s": time.process_time() - began[1]}
    print(json.dumps({name: round(value, 3) for name, value in spent.items()}))


if __name__ == "__main__":
    main()
