"""Files of many patients as a fetch leaves them, and commands on them in processes of their own: time and memory."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from omics_files import Text, written

from mgi.cohort.settings import SplitSettings
from mgi.cohort.split import whole_cohort
from mgi.cohort.tables import write_split
from mgi.core.files import write_json
from mgi.core.receipt import write_receipt
from mgi.locks.item import Item
from mgi.locks.lock import Lock, as_json
from mgi.locks.raw_index import entry_of, write_raw_index

# What was resident before a process became another one counts in its rusage, so that its own VmHWM is asked for.
_RUN = """
import sys
from mgi.cli import main
code = main(sys.argv[1:])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
sys.exit(code)
"""
FOLD = 2  # that of the whole cohort is numbered after the last
TABLE_FILES = ("values.parquet", "features.parquet", "dataset.json")


class Cost(NamedTuple):
    """What a command took: seconds on the clock and of CPU, and the most memory in MiB."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def patient_of(number: int) -> str:
    """A made-up barcode; no TCGA patient has a Z and three digits."""
    return f"TCGA-CS-Z{number:03d}"


def write_cohort(folder: Path, modality: str, text: Text, n_patients: int) -> int:
    """Lock, index, files and split of a cohort; the bytes of all files. Files that are there are kept."""
    items, entries, total = [], [], 0
    for number in range(n_patients):
        path = folder / f"files/{number:04d}.txt"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(written(text, number))
        md5, size = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest(), path.stat().st_size
        write_receipt(path, {"md5": md5})
        barcode = f"{patient_of(number)}-01A-11D-A000-05"
        items.append(
            Item(patient_id=patient_of(number), key=f"f{number}", role=modality, size=size, md5=md5, sample=barcode,
                 chosen=True, reason="primary tumour")
        )  # fmt: skip
        entries.append(entry_of(items[-1], path=path, size=size, md5=md5))
        total += size
    lock = Lock(modality=modality, source="gdc", simulated=True, items=tuple(items))
    write_json(folder / "lock.json", as_json(lock))
    write_raw_index(folder / "index.json", modality, "gdc", entries)
    patients = [patient_of(number) for number in range(n_patients)]
    split = whole_cohort(patients, SplitSettings(folds=FOLD), sites=dict.fromkeys(patients, "CS"))
    write_split(split, folder / "split.parquet", folder / "split.tsv")
    return total


def sharded(folder: Path, modality: str) -> Cost:
    """`mgi shard` of the cohort in a folder."""
    outputs = [str(folder / "shard" / name) for name in TABLE_FILES]
    given = ["--lock", str(folder / "lock.json"), "--index", str(folder / "index.json")]
    return run(["shard", "--modality", modality, *given, "--output", *outputs])


def fitted(folder: Path, modality: str) -> Cost:
    """`mgi fit-features` of its shard."""
    given = [
        "--shard",
        str(folder / "shard/dataset.json"),
        "--split",
        str(folder / "split.parquet"),
        "--fold",
        str(FOLD),
    ]
    output = ["--settings", "{}", "--output", str(folder / "fitted.parquet")]
    return run(["fit-features", "--modality", modality, *given, *output])


def run(command: list[str]) -> Cost:
    """A command of mgi with one thread."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", _RUN, *command], env=env, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout as output:
        said = output.read().split()
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command[:3])}: exit code {child.returncode}")
    return Cost(wall_s=wall, cpu_s=used.ru_utime + used.ru_stime, peak_mib=int(said[-1]) / 1024)
