"""Serve an archive folder as the GDC and the NBIA do, on this machine only, until Ctrl-C; with faults where asked."""

import argparse
import errno
import json
import os
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from mgi_standin.archive.faults import catalogue, read_rules, with_faults
from mgi_standin.archive.response import Handler, Request, Response
from mgi_standin.archive.server import archive_service, listen
from mgi_standin.errors import BadInputError, ResourceError

_EXAMPLES = """serving {folder}
GDC   {url}
NBIA  {url}/nbia-api/services/v4
try
  curl {url}/status
  curl '{url}/files?size=2&fields=file_name,access'
  curl {url}/nbia-api/services/v4/getPatient
Ctrl-C stops it"""
# Tests of other programs name a file here, in which every request is noted.
_LOG_VARIABLE = "MGI_STANDIN_REQUESTS"

_FAULTS = """A rule file is a JSON list; calls are counted from 1 among those that match path and method:
  [{"path": "^/data/", "fault": "drop", "value": 0.5, "calls": "first 2"},
   {"path": "getSeries[?]", "method": "GET", "fault": "empty", "calls": "only 3"}]
path is a regular expression for path and query, calls is all (also where left out), first N, only N or from N. Faults:
"""


def parser() -> argparse.ArgumentParser:
    whole_lines = argparse.RawDescriptionHelpFormatter
    epilog = _FAULTS + catalogue()
    arguments = argparse.ArgumentParser(description=__doc__, epilog=epilog, formatter_class=whole_lines)
    arguments.add_argument("--folder", type=Path, required=True, help="archive folder; holds archive.json")
    arguments.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1; 0 takes a free one")
    arguments.add_argument("--faults", type=Path, help="rules of what is to go wrong, JSON; see below")
    arguments.add_argument(
        "--until-eof", action="store_true", help="print the address alone, and stop when standard input ends"
    )
    return arguments


def run(args: argparse.Namespace) -> None:
    if not (args.folder / "archive.json").is_file():
        found = "a folder without it" if args.folder.is_dir() else "no such folder"
        raise BadInputError(f"{args.folder}: expected an archive folder with archive.json, found {found}")
    if not 0 <= args.port <= 65535:
        raise ResourceError(f"port {args.port}: expected 0 to 65535")
    rules = [] if args.faults is None else read_rules(args.faults)
    answer = with_faults(archive_service(args.folder), rules)
    if os.environ.get(_LOG_VARIABLE):
        answer = _logged(answer, Path(os.environ[_LOG_VARIABLE]))
    try:
        with listen(answer, args.port) as service:
            if args.until_eof:
                _serve_parent(service.url)
                return
            print(_EXAMPLES.format(folder=args.folder, url=service.url), flush=True)
            if rules:
                print(f"{len(rules)} fault rules of {args.faults} apply", flush=True)
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                print("stopped", flush=True)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            said = f"port {args.port} is in use; choose another with --port, or --port 0 for a free one"
            raise ResourceError(said) from error
        raise ResourceError(f"port {args.port}: {error.strerror or error}") from error


def _logged(answer: Handler, path: Path) -> Handler:
    """Append one JSON object a request (all but its body) before it is answered."""
    lock = threading.Lock()

    def note(request: Request) -> Response:
        line = json.dumps({**asdict(request), "body": len(request.body)})
        with lock, path.open("a", encoding="utf-8") as log:
            log.write(line + "\n")
        return answer(request)

    return note


def _serve_parent(url: str) -> None:
    """Wait for the end of standard input: it ends with the parent, however that ends; an interrupt reaches both."""
    print(url, flush=True)
    with suppress(KeyboardInterrupt):
        sys.stdin.buffer.read()
