"""Most memory that reading a user's expression table takes, as Parquet, CSV and TSV, either way round.

Each table is written into a temporary folder and read in a process of its own, whose largest resident set is printed.
Usage: PYTHONPATH=src python benchmarks/table_memory.py [--patients 100 500] [--genes 60660]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

READ = """
import sys, time
from pathlib import Path
from mgi.modalities.rna.matrix import read_labelled_matrix

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6

before, start = peak(), time.perf_counter()
shape = read_labelled_matrix(Path(sys.argv[1])).values.shape
print(f"{shape[0]} x {shape[1]}: {peak():.0f} MB ({before:.0f} MB before), {time.perf_counter() - start:.1f} s")
"""


def main() -> None:
    """Write, read and measure every table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--patients", type=int, nargs="+", default=[100, 500])
    options.add_argument("--genes", type=int, default=60_660)
    args = options.parse_args()
    rng = np.random.default_rng(0)
    for n_patients in args.patients:
        table = pd.DataFrame(
            np.log2(rng.gamma(0.3, 30.0, (n_patients, args.genes)) + 1).round(4),
            index=[f"TCGA-AA-{number:04d}-01A" for number in range(n_patients)],
            columns=[f"ENSG{number:011d}.1" for number in range(args.genes)],
        )
        for layout, turned in (("a row a patient", table), ("a row a gene", table.T)):
            for ending in ("parquet", "csv", "tsv"):
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder) / f"table.{ending}"
                    if ending == "parquet":
                        turned.to_parquet(path)
                    else:
                        turned.to_csv(path, sep="," if ending == "csv" else "\t", index_label="id")
                    done = subprocess.run(
                        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True
                    )
                    size = path.stat().st_size / 1e6
                    print(f"{ending:8}{layout:16}{size:6.0f} MB on disk  {done.stdout.strip()}", flush=True)


if __name__ == "__main__":
    main()
