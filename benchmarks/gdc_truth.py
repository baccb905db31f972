"""Does the GDC serve what the documentation says, and do labels read off its files agree with a clinical table?

REQUIRED INPUTS: the network (or --archive, a simulated one), and --table with labels of the same patients.
OUTPUTS: a line for each modality and for each oracle; below --folder locks, files and shards, so that a second call
goes on where the first ended. Exit code 1 where a count or an agreement is not as expected.

Counts need no download. The oracles need copy number and mutations of all patients: 1.8 GB and 14 MB of TCGA-LGG.

    PYTHONPATH=src python benchmarks/gdc_truth.py --folder gdc-truth --counts-only
    PYTHONPATH=src python benchmarks/gdc_truth.py --folder gdc-truth --table subtypes.csv \\
        --column idh=IDH.status codel=X1p.19q.codeletion atrx=ATRX.status
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from mgi.cli import main as mgi
from mgi.cohort.labels.labels import Labels
from mgi.cohort.labels.oracles import READ_OFF, Agreement, agreement, with_oracles
from mgi.cohort.labels.settings import LabelSettings
from mgi.cohort.labels.user_table import read_label_table
from mgi.locks.lock import Lock, read_lock
from mgi.modalities.modality import SHARD_FILES
from mgi.modalities.oracles import oracles_of
from mgi.shards.feature_shard import open_features

# Fewest and most patients of TCGA-LGG with a chosen sample. A manifest (GENCODE v36) has 511 with expression,
# 509 with copy number (ASCAT2; ASCAT3 came later), 516 with methylation, and 513 with variants, of whom some lost their
# masked file. MicroRNAs (about 512) and proteins (about 430) were not counted. The ranges allow for a later release.
EXPECTED = {
    "rna": (500, 520), "cn": (480, 520), "mutation": (490, 515), "methylation": (505, 520), "mirna": (500, 520),
    "rppa": (400, 460),
}  # fmt: skip
TOLD = tuple(dict.fromkeys(READ_OFF.values()))
LEAST = 0.98


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--folder", type=Path, required=True, help="where locks, files and shards are kept")
    options.add_argument("--archive", help="folder of a simulated archive, served locally instead of the GDC")
    options.add_argument("--project", default="TCGA-LGG")
    options.add_argument("--expected", nargs="+", default=[], metavar="NAME=LOW-HIGH", help="patients of a modality")
    options.add_argument("--counts-only", action="store_true", help="search, and download nothing")
    options.add_argument("--table", type=Path, help="labels by patient: CSV, TSV or Parquet")
    options.add_argument("--patient-column", help="whose a row is (default: found by its name)")
    options.add_argument("--column", nargs="+", default=[], metavar="ORACLE=COLUMN", help=f"of {', '.join(READ_OFF)}")
    options.add_argument("--least", type=float, default=LEAST, help="share that must agree (default: %(default)s)")
    return options.parse_args()


def pairs(given: list[str]) -> dict[str, str]:
    """NAME=VALUE texts by name."""
    return dict(one.split("=", 1) for one in given)


class Archive:
    """Commands of MGI on one archive, with their files below one folder."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.folder: Path = args.folder
        pause = {"retry_base_s": 0.1} if args.archive else {}
        self.settings = json.dumps({"project": args.project, **pause})
        self.served = ["--archive", args.archive] if args.archive else []

    def lock(self, name: str) -> Lock:
        """What there is of a modality, searched anew."""
        path = self.folder / f"locks/{name}.json"
        beside = [] if name == "rna" else [f"--same-sample-as={self.folder / 'locks/rna.json'}"]
        self._run("lock", name, *self.served, f"--settings={self.settings}", *beside, f"--output={path}")
        return read_lock(path)

    def shard(self, name: str) -> Path:
        """Fetch a modality and make its shard."""
        lock, index = (self.folder / place for place in (f"locks/{name}.json", f"raw/{name}/batch-1-of-1.json"))
        fetching = (*self.served, f"--settings={self.settings}", f"--lock={lock}", "--batch=1-of-1")
        self._run("fetch", name, *fetching, f"--output={index}")
        shard = self.folder / "shards" / name
        outputs = [str(shard / file) for file in SHARD_FILES["table"].values()]
        self._run("shard", name, f"--lock={lock}", f"--index={index}", "--output", *outputs)
        return shard

    @staticmethod
    def _run(command: str, modality: str, *options: str) -> None:
        if code := mgi([command, f"--modality={modality}", *options]):
            raise SystemExit(code)


def counted(archive: Archive, expected: Mapping[str, tuple[int, int]]) -> bool:
    """Search every modality and say how many patients have it; whether all counts are as expected."""
    fine = True
    for name, (low, high) in expected.items():
        patients = len(archive.lock(name).chosen)
        inside = low <= patients <= high
        fine &= inside
        print(f"{'ok ' if inside else 'BAD'} {name}: {patients} patients, expected {low} to {high}", flush=True)
    return fine


def agreements(archive: Archive, labels: Labels) -> dict[str, Agreement]:
    """How what the files tell agrees with the table, by oracle."""
    shards = {name: open_features(archive.shard(name)) for name in TOLD}
    told = {oracle: classes for name in TOLD for oracle, classes in oracles_of(name, shards[name]).items()}
    everyone = sorted({patient for shard in shards.values() for patient in shard.patient_ids})
    columns = {f"{name}_oracle": name for name in labels.column_of}
    both = with_oracles(labels, columns, told, everyone)
    return {name: agreement(both, name, column) for column, name in columns.items()}


def main() -> int:
    """Count, compare and say it."""
    args = arguments()
    given = {
        name: (int(low), int(high)) for name, text in pairs(args.expected).items() for low, high in [text.split("-")]
    }
    archive = Archive(args)
    fine = counted(archive, {**EXPECTED, **given})
    if args.counts_only:
        return 0 if fine else 1
    columns = {"patient_id": args.patient_column, "classes": pairs(args.column)}
    chosen = LabelSettings.read({"source": "table", "table": str(args.table), "columns": columns}, where="--column")
    for name, found in agreements(archive, read_label_table(args.table, chosen)).items():
        inside = found.share >= args.least
        fine &= inside
        print(f"{'ok ' if inside else 'BAD'} {found.said(name)}: {found.share:.1%}, expected {args.least:.0%} or more")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
