"""Downloads side by side: ours, the peer's and the floor's, each cold, of the same files, from the same archive."""

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from inflating import LIBRARIES
from measured import ROOT, Server, measure, mgi

NBIA = "/nbia-api/services/v4"
FLOOR_THREADS = (1, 4)
GDC_CLIENT_PROCESSES = (2, 4, 8)
# Files below this size it asks for in groups, as a tar: its other way, off by default at the size of STAR files.
GDC_CLIENT_GROUP_BYTES = 64 << 20
TCIA_DRIVER = ROOT / "tests/peers/tcia_download.py"
Result = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the archive lies and answers, and where the clients may write."""

    archive: Path
    server: Server
    work: Path

    def emptied(self, name: str) -> Path:
        """A client's folder, with nothing in it."""
        folder = self.work / name
        self.discard(folder)
        folder.mkdir(parents=True)
        return folder

    def discard(self, folder: Path) -> None:
        """Empty the files of a folder and set it aside until `forget`.

        Whoever creates files soon after others were removed pays for it: ext4 takes no inode that was freed in the
        last minutes, and passes by each of them at each new file (measured here: 0.25 ms a file, and ours makes two).
        """
        if not folder.exists():
            return
        for path in folder.rglob("*"):
            if path.is_file():
                os.truncate(path, 0)
        self._aside.mkdir(exist_ok=True)
        folder.rename(self._aside / f"{folder.name}-{time.time_ns()}")

    def forget(self) -> None:
        """Remove what was set aside."""
        shutil.rmtree(self._aside, ignore_errors=True)

    @property
    def _aside(self) -> Path:
        return self.work / "discarded"

    def cost(self, name: str, command: list[str | Path]) -> Result:
        """What a command took, and what the archive sent and took meanwhile."""
        self.server.spent()
        cost = measure(command, self.work / f"{name}.log")
        return {**cost.as_json(), "server": dict(self.server.spent())}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One half of ingestion: its commands, its settings, and the bodies that it needs."""

    name: str  # expression | images
    modality: str
    settings: Mapping[str, Any]
    path: str  # of the service, below the address

    def settings_for(self, server: Server) -> str:
        """The section of the configuration, with defaults for everything but the address."""
        return json.dumps({**self.settings, "base_url": server.url + self.path})

    def fetch_command(self, place: Place) -> list[str | Path]:
        """Our fetch, of the whole cohort in one batch."""
        return mgi(
            "fetch",
            modality=self.modality,
            settings=self.settings_for(place.server),
            lock=place.work / f"{self.name}.lock.json",
            batch="1-of-1",
            output=place.work / self.name / "index.json",
        )


EXPRESSION = Kind(name="expression", modality="rna", settings={"source": "gdc"}, path="")
IMAGES = Kind(name="images", modality="flair", settings={"source": "tcia"}, path=NBIA)


def table(place: Place, name: str) -> list[dict[str, Any]]:
    """A listing of the archive folder."""
    rows: list[dict[str, Any]] = json.loads((place.archive / name).read_text())
    return rows


def plan_of(kind: Kind, place: Place) -> Path:
    """The bodies that the floor brings: path, name, MD5 where one is published for the whole body."""
    if kind is EXPRESSION:
        rows = [[f"/data/{hit['file_id']}", hit["file_id"], hit["md5sum"]] for hit in table(place, "gdc/files.json")]
    else:
        uids = [row["SeriesInstanceUID"] for row in table(place, "nbia/series.json")]
        rows = [[f"{NBIA}/getImage?SeriesInstanceUID={uid}&IncludeMD5=Yes", f"{uid}.zip", None] for uid in uids]
    path = place.work / f"{kind.name}.plan.json"
    path.write_text(json.dumps(rows))
    return path


def ours(kind: Kind, place: Place) -> Result:
    """Lock, then fetch into an empty folder; both count."""
    place.emptied(kind.name)
    lock = mgi(
        "lock",
        modality=kind.modality,
        settings=kind.settings_for(place.server),
        output=place.work / f"{kind.name}.lock.json",
    )
    return {
        "lock": place.cost(f"lock-{kind.name}", lock),
        "fetch": place.cost(f"fetch-{kind.name}", kind.fetch_command(place)),
    }


def floor(kind: Kind, place: Place, threads: int, *, inflate: str | None = None) -> Result:
    """The least that a copy with MD5 costs."""
    folder = place.emptied("floor")
    command: list[str | Path] = [sys.executable, Path(__file__).with_name("copy_floor.py"), "--url", place.server.url]
    command += ["--plan", plan_of(kind, place), "--folder", folder, "--threads", str(threads)]
    spent = place.cost("floor", [*command, "--inflate", inflate] if inflate else command)
    place.discard(folder)
    return spent


def round_of(kind: Kind, place: Place) -> Result:
    """The floor's ways one after the other, then ours, whose files stay."""
    place.discard(place.work / kind.name)
    ways = {f"{threads} threads": partial(floor, kind, place, threads) for threads in FLOOR_THREADS}
    if kind is IMAGES:
        for library in LIBRARIES:  # as many threads as our fetch has by default
            ways[f"4 threads, inflated by {library}"] = partial(floor, kind, place, 4, inflate=library)
    return {"floor": {name: way() for name, way in ways.items()}, "ours": ours(kind, place)}


def second_run(kind: Kind, place: Place) -> Result:
    """Our fetch where everything is in place."""
    return place.cost(f"again-{kind.name}", kind.fetch_command(place))


def gdc_client(place: Place, program: Path, *options: str) -> Result:
    """NCI's client on a manifest of the same files; every file's MD5 is compared afterwards."""
    folder = place.emptied("gdc-client")
    rows = table(place, "gdc/files.json")
    manifest = place.work / "manifest.txt"
    columns = ("file_id", "file_name", "md5sum", "file_size", "state")
    lines = ["id\tfilename\tmd5\tsize\tstate", *("\t".join(str(row[name]) for name in columns) for row in rows)]
    manifest.write_text("\n".join(lines) + "\n")
    command = [program, "download", "--server", place.server.url, "-m", manifest, "-d", folder, *options]
    spent = place.cost("gdc-client", command)
    for row in rows:
        content = (folder / row["file_id"] / row["file_name"]).read_bytes()
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != row["md5sum"]:
            raise RuntimeError(f"gdc-client: {row['file_id']}: another MD5 than the archive's")
    place.discard(folder)
    return spent


def tcia_utils(place: Place, python: Path) -> Result:
    """TCIA's downloadSeries with its ten threads; every image's MD5 is compared afterwards."""
    folder = place.emptied("tcia-utils")
    url = f"{place.server.url}{NBIA}/"
    spent = place.cost("tcia-utils", [python, TCIA_DRIVER, url, folder, "TCGA-LGG", "y"])
    for series in table(place, "nbia/series.json"):
        uid = series["SeriesInstanceUID"]
        for image in table(place, f"nbia/instances/{uid}.json"):
            content = (folder / uid / image["file"]).read_bytes()
            if hashlib.md5(content, usedforsecurity=False).hexdigest() != image["md5"]:
                raise RuntimeError(f"tcia_utils: {uid}: {image['file']}: another MD5 than the archive's")
    place.discard(folder)
    return spent
