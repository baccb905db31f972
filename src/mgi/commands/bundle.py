"""Carry results to another machine and back, in numbered pieces of bounded size.

`pack` writes a tar stream of the chosen parts, cut into pieces (`cat piece-* | tar x` reads it without this program),
and a manifest with digests of pieces and files, last. Equal files give equal bytes. `unpack` checks every piece and
file, replaces nothing that is there, and gives all that it writes one time: no output is older than its input, so
Snakemake goes on from there.
"""

import argparse
import tarfile
import time
from collections.abc import Iterator
from io import BufferedReader
from os import utime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.files import CHUNK, atomic_path, read_json, sha256_of, write_json
from mgi.core.pieces import PieceReader, PieceWriter

FORMAT = "mgi-bundle-1"
MANIFEST = "manifest.json"
MIB = 1 << 20
RUN_FILES = ("weights.safetensors", "curves.jsonl", "run.json")
DATA = ("locks/*.json", "tables/*", "shards/*/*", "folds/*/*", "admitted/*")
PARTS = {
    "data": ["config.json", "preflight.json", *DATA],
    "runs": [f"runs/*/{name}" for name in RUN_FILES],
    "checkpoints": ["runs/*/ckpt/*"],
    "predictions": ["predictions/*.parquet"],
    "evaluation": ["evaluation/*", "benchmarks/*.tsv", "report.html", "figures/*", "summary.json"],
}
"""Patterns below the results folder and its folder `external`; data is what training and the report read."""


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m mgi bundle", description=__doc__)
    actions = options.add_subparsers(dest="action", required=True)
    pack = actions.add_parser("pack", help="write pieces of a results folder")
    pack.add_argument("results", type=Path, help="results folder")
    pack.add_argument("--output", required=True, type=Path, help="new folder of the pieces and their manifest")
    pack.add_argument("--parts", nargs="+", choices=PARTS, default=["data"], help="what travels (default: data)")
    pack.add_argument("--piece-mib", type=float, default=60.0, help="largest piece in MiB (default: 60)")
    unpack = actions.add_parser("unpack", help="check pieces and put their files in place")
    unpack.add_argument("bundle", type=Path, help="folder of the pieces and their manifest")
    unpack.add_argument("--output", required=True, type=Path, help="results folder, new or not")
    unpack.add_argument("--replace", action="store_true", help="also files that are there with other content")
    return options


def run(args: argparse.Namespace) -> None:
    if args.action == "pack":
        _pack(args)
    else:
        _unpack(args)


def _pack(args: argparse.Namespace) -> None:
    size = int(args.piece_mib * MIB)
    if size < 1:
        raise ConfigError(f"--piece-mib: found {args.piece_mib:g}, expected more than 0")
    if args.output.exists() and any(args.output.iterdir()):
        raise ConfigError(f"--output: {args.output} is not empty, expected a new folder")
    names = sorted({name for part in args.parts for name in _files_of(args.results, PARTS[part])})
    if not names:
        raise BadInputError(f"{args.results}: no files of {', '.join(args.parts)}, expected a results folder with them")
    args.output.mkdir(parents=True, exist_ok=True)
    with (
        PieceWriter(args.output, size) as writer,
        tarfile.open(fileobj=writer, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        files = [_add(tar, args.results, name) for name in names]
    manifest = {"format": FORMAT, "parts": sorted(args.parts), "files": files, "pieces": writer.pieces}
    write_json(args.output / MANIFEST, manifest)
    total = sum(piece["size"] for piece in writer.pieces)
    print(f"{args.output}: {len(files)} files in {len(writer.pieces)} pieces, {total / MIB:.1f} MiB")


def _files_of(results: Path, patterns: list[str]) -> Iterator[str]:
    for folder in (results, results / "external"):
        for pattern in patterns:
            for path in folder.glob(pattern):
                # Names that begin with a dot are files that are still being written.
                if path.is_file() and not path.name.startswith("."):
                    yield path.relative_to(results).as_posix()


def _add(tar: tarfile.TarFile, results: Path, name: str) -> dict[str, Any]:
    """Append a file under nobody's name and no time; what the manifest says of it."""
    path = results / name
    entry = tarfile.TarInfo(name)
    entry.size = path.stat().st_size
    with path.open("rb") as source:
        tar.addfile(entry, source)
    return {"path": name, "size": entry.size, "sha256": sha256_of(path)}


def _unpack(args: argparse.Namespace) -> None:
    manifest = _read_manifest(args.bundle)
    files = {file["path"]: file for file in manifest["files"]}
    waiting = {name for name, file in files.items() if not _is_there(args.output / name, file)}
    changed = sorted(name for name in waiting if (args.output / name).exists())
    if changed and not args.replace:
        raise BadInputError(
            f"{args.output / changed[0]}: there with other content than in the bundle, as are {len(changed) - 1} more; "
            "move the folder away, or --replace"
        )
    if not waiting:
        print(f"{args.output}: all {len(files)} files are there, nothing to do")
        return
    pieces = _check_pieces(args.bundle, manifest["pieces"])
    now = time.time()
    with BufferedReader(PieceReader(pieces), CHUNK) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        for entry in tar:
            if entry.name in waiting:
                content = tar.extractfile(entry)
                assert content is not None, entry.name
                _restore(args.output / entry.name, content, files[entry.name], now)
                waiting.remove(entry.name)
    if waiting:
        raise IntegrityError(f"{args.bundle}: {min(waiting)} is in the manifest and in no piece; pack again")
    print(f"{args.output}: {len(files)} files are there")


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise BadInputError(f"{path}: missing, expected the manifest that pack writes last")
    manifest = read_json(path)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
        raise BadInputError(f"{path}: format: found {found}, expected {FORMAT}")
    for file in [*manifest["files"], *({"path": piece["name"]} for piece in manifest["pieces"])]:
        parts = PurePosixPath(file["path"]).parts
        if not parts or parts[0] == "/" or ".." in parts:
            raise BadInputError(f"{path}: path {file['path']!r}, expected one below the folder")
    return manifest


def _is_there(path: Path, file: dict[str, Any]) -> bool:
    return path.is_file() and path.stat().st_size == file["size"] and sha256_of(path) == file["sha256"]


def _check_pieces(folder: Path, pieces: list[dict[str, Any]]) -> list[Path]:
    """The pieces' paths in order; raises IntegrityError naming those that are missing or damaged."""
    missing = [piece["name"] for piece in pieces if not (folder / piece["name"]).is_file()]
    damaged = [
        piece["name"]
        for piece in pieces
        if piece["name"] not in missing and not _is_there(folder / piece["name"], piece)
    ]
    if missing or damaged:
        said = [f"{word}: {', '.join(names)}" for word, names in (("missing", missing), ("damaged", damaged)) if names]
        raise IntegrityError(f"{folder}: of {len(pieces)} pieces {'; '.join(said)}; copy these again")
    return [folder / piece["name"] for piece in pieces]


def _restore(path: Path, content: IO[bytes], file: dict[str, Any], when: float) -> None:
    with atomic_path(path) as part:
        with part.open("wb") as target:
            while chunk := content.read(CHUNK):
                target.write(chunk)
        if sha256_of(part) != file["sha256"]:
            raise IntegrityError(f"{path}: not the bytes of the manifest; pack again")
        utime(part, (when, when))
