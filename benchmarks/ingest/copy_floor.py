"""The least that a verified download can cost: GET each file over kept connections, write it, take its MD5.

REQUIRED INPUTS: a plan, JSON: a list of [path below the address, file name, MD5 or null]. OUTPUT: files in --folder.
No retries, no resume, no sync, no second reading. With --inflate, a zip's members are unpacked in memory by the library
named and their MD5 taken, which is what proving a series takes at least.
"""

import argparse
import hashlib
import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from inflating import LIBRARIES, members

BUFFER_BYTES = 1 << 20
Row = tuple[str, str, str | None]


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--url", required=True, help="http://host:port")
    options.add_argument("--plan", required=True, type=Path)
    options.add_argument("--folder", required=True, type=Path)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--inflate", choices=LIBRARIES)
    return options.parse_args()


def copy(connection: http.client.HTTPConnection, path: str, target: Path, buffer: memoryview) -> str:
    """Bring one body into place; its MD5."""
    connection.request("GET", path, headers={"Accept-Encoding": "identity"})
    reply = connection.getresponse()
    if reply.status != 200:
        raise RuntimeError(f"{path}: HTTP {reply.status}")
    digest = hashlib.md5(usedforsecurity=False)
    with target.open("wb", buffering=0) as sink:
        while count := reply.readinto(buffer):
            digest.update(buffer[:count])
            sink.write(buffer[:count])
    return digest.hexdigest()


def inflate(path: Path, library: str) -> None:
    """Unpack a zip's members in memory and compare their MD5 with the list that it brings."""
    listed, found = "", {}
    for name, data in members(path, library):
        if name == "md5hashes.csv":
            listed = data.decode()
        else:
            found[name] = hashlib.md5(data, usedforsecurity=False).hexdigest()
    for name, digest in (line.split(",") for line in listed.splitlines()[1:]):
        if found[name] != digest:
            raise RuntimeError(f"{path}: {name}: another MD5")


def copy_share(host: str, rows: list[Row], folder: Path, *, unpacks_by: str | None) -> None:
    """One thread's files over one connection."""
    connection = http.client.HTTPConnection(host)
    buffer = memoryview(bytearray(BUFFER_BYTES))
    for path, name, expected in rows:
        found = copy(connection, path, folder / name, buffer)
        if expected is not None and found != expected:
            raise RuntimeError(f"{path}: MD5 {found}, expected {expected}")
        if unpacks_by:
            inflate(folder / name, unpacks_by)
    connection.close()


def main() -> None:
    """Share the files among the threads."""
    args = arguments()
    args.folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = json.loads(args.plan.read_text())
    host = urlsplit(args.url).netloc
    with ThreadPoolExecutor(args.threads) as pool:
        shares = [rows[start :: args.threads] for start in range(args.threads)]
        for done in [pool.submit(copy_share, host, share, args.folder, unpacks_by=args.inflate) for share in shares]:
            done.result()


if __name__ == "__main__":
    main()
