"""A handler that notes every request in a file, for tests that ask what a client sent."""

import json
import threading
from dataclasses import asdict
from pathlib import Path

from mgi_standin.archive.response import Handler, Request, Response


def logged(answer: Handler, path: Path) -> Handler:
    """Append one JSON object a request (all but its body) before it is answered."""
    lock = threading.Lock()

    def note(request: Request) -> Response:
        line = json.dumps({**asdict(request), "body": len(request.body)})
        with lock, path.open("a", encoding="utf-8") as log:
            log.write(line + "\n")
        return answer(request)

    return note
