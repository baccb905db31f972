"""Serve an archive folder as `mgi_standin archive` does; for each line on stdin, say in JSON what it cost since.

REQUIRED INPUTS: an archive folder. OUTPUT: the address on the first line of stdout. Ends with its stdin.
"""

import json
import re
import sys
import time
from pathlib import Path

from mgi_standin.archive.server import Exchange, serve

_BODY = re.compile(r"^/(v0/)?data\b|/getImage")


def told(exchanges: list[Exchange], cpu_s: float) -> dict[str, float]:
    """Requests in all, those for bodies, what went out, and the time of the processor."""
    return {
        "requests": len(exchanges),
        "bodies": sum(bool(_BODY.search(one.path)) for one in exchanges),
        "mb": round(sum(one.sent for one in exchanges) / 1e6, 3),
        "cpu_s": round(cpu_s, 3),
    }


def main() -> None:
    """Serve until stdin ends."""
    with serve(Path(sys.argv[1])) as service:
        print(service.url, flush=True)
        seen, used = 0, time.process_time()
        for _ in sys.stdin:
            now = time.process_time()
            print(json.dumps(told(service.requests[seen:], now - used)), flush=True)
            seen, used = len(service.requests), time.process_time()


if __name__ == "__main__":
    main()
