"""Make what is made of the code: the config's schema, config/config.yaml, and the pages of config and Python API.

Without --write nothing is changed: a file that is stale is named, and the exit code is 1.
"""

import argparse
from pathlib import Path

from mgi.config.render import made_files


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--write", action="store_true", help="write the files that are stale")
    options.add_argument("--root", type=Path, default=Path(), help="the repository (default: this folder)")


def run(args: argparse.Namespace) -> int:
    stale = {path: text for path, text in made_files().items() if not _holds(args.root / path, text)}
    for path, text in stale.items():
        if args.write:
            (args.root / path).parent.mkdir(parents=True, exist_ok=True)
            (args.root / path).write_text(text, encoding="utf-8")
        print(f"{'written' if args.write else 'stale'}: {path}")
    return int(bool(stale) and not args.write)


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
