"""Compile a C++ file at first use into a cache, and load it; nothing of torch is needed for either.

A library's name holds two digests: of what it was made from (sources, flags, compiler, processor), so that a home
folder that several kinds of machine share never gives one of them another's instructions, and of its own bytes, since
loading a cut file may kill the process. What another user owns or may write is never loaded (`own_files`).
"""

import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from mgi.core.files import sha256_of
from mgi.scan.own_files import NotOwnError, digest_of_handle, library_of_handle, open_own_file, own_folder

INSTEAD = "; the torch backend is used instead"
NO_COMPILER = f"no C++ compiler: install g++ (conda: cxx-compiler) or set CXX{INSTEAD}"
DIGITS = 32  # of each digest in a name
# No -ffast-math: it folds away the rounding that exp2 is built on.
FLAGS = ["-std=c++17", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fPIC", "-shared", "-w"]
# The first set that compiles is taken. Apple's clang knows no -fopenmp: one thread then.
MACHINE_FLAGS: tuple[list[str], ...] = (["-march=native", "-fopenmp"], ["-march=native"], ["-mcpu=native"], [])

SelfTest = Callable[[ctypes.CDLL], str | None]


class CannotBuild(Exception):  # noqa: N818 - it is a reason, handed on as a line
    """There is no library to load; the message says why in one line."""


def load(sources: Sequence[Path], self_test: SelfTest) -> ctypes.CDLL:
    """The library made from the first of `sources` (the rest are what it includes), built where it is not cached.

    `self_test` gets the library that is returned and tells what is wrong with it, if anything: it is built again then,
    once.
    Raises CannotBuild, also where somebody else may have written what lies in the cache.
    """
    compiler = find_compiler()
    path = cache_folder()
    try:
        with own_folder(path) as folder:
            return _load_from(folder, path, sources, compiler, self_test)
    except NotOwnError as error:
        remedy = "it is not loaded; remove it, or set MGI_CACHE to a folder of your own"
        raise CannotBuild(f"{error}: {remedy}{INSTEAD}") from None
    except OSError as error:
        remedy = "set MGI_CACHE to a folder that can be written"
        raise CannotBuild(f"cannot build the scan in {path} ({error.strerror}): {remedy}{INSTEAD}") from error


def _load_from(
    folder: int, path: Path, sources: Sequence[Path], compiler: list[str], self_test: SelfTest
) -> ctypes.CDLL:
    key = _key(sources, compiler)
    for name in sorted(os.listdir(folder)):
        if name.startswith(f"{key}-") and name.endswith(".so"):
            cached = _tested(folder, path / name, self_test)
            if isinstance(cached, ctypes.CDLL):
                return cached
    target = _build(sources[0], compiler, path, key)
    built = _tested(folder, target, self_test)
    if isinstance(built, str):
        target.unlink(missing_ok=True)
        raise CannotBuild(f"the compiled scan is wrong on this machine ({built}){INSTEAD}")
    return built


def find_compiler() -> list[str]:
    """The command of the C++ compiler: $CXX, or the first of g++, c++, clang++ on the path."""
    named = shlex.split(os.environ.get("CXX", ""))
    for command in [named] if named else [["g++"], ["c++"], ["clang++"]]:
        if shutil.which(command[0]):
            return command
    raise CannotBuild(NO_COMPILER)


def cache_folder() -> Path:
    """$MGI_CACHE/scan, else ~/.cache/mgi/scan."""
    chosen = os.environ.get("MGI_CACHE")
    return (Path(chosen) if chosen else Path.home() / ".cache" / "mgi") / "scan"


def _key(sources: Sequence[Path], compiler: list[str]) -> str:
    digest = hashlib.sha256()
    for part in [*(source.read_bytes() for source in sources), *map(str.encode, (*FLAGS, str(MACHINE_FLAGS)))]:
        digest.update(len(part).to_bytes(8, "little") + part)
    digest.update(f"{compiler} {_version(tuple(compiler))} {_processor()}".encode())
    return digest.hexdigest()[:DIGITS]


@functools.cache
def _version(compiler: tuple[str, ...]) -> str:
    return _run([*compiler, "--version"]).stdout


@functools.cache
def _processor() -> str:
    """What -march=native depends on."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    telling = {line for line in lines if line.startswith(("flags", "Features", "model name", "CPU part"))}
    return "\n".join(sorted(telling)) or f"{platform.machine()} {platform.processor()}"


def _digest(path: Path) -> str:
    return sha256_of(path)[:DIGITS]


def _tested(folder: int, path: Path, self_test: SelfTest) -> ctypes.CDLL | str:
    """The library, or what is wrong with it: other bytes than were built, or another answer."""
    handle = open_own_file(folder, path)
    if path.stem.rpartition("-")[2] != digest_of_handle(handle)[:DIGITS]:
        os.close(handle)
        return "other bytes than its name says"
    try:
        library = library_of_handle(handle, path)
        return self_test(library) or library
    except (OSError, AttributeError) as error:  # not a library of this machine; a function is missing
        return str(error)


def _build(source: Path, compiler: list[str], folder: Path, key: str) -> Path:
    """Compile to a name of this process's own, then rename: others that build the same come to the same file."""
    with tempfile.TemporaryDirectory(prefix=".build.", dir=folder) as scratch:
        made = Path(scratch) / "scan.so"
        _compile(source, compiler, made)
        made.chmod(0o700)
        target = folder / f"{key}-{_digest(made)}.so"
        made.replace(target)
    return target


def _compile(source: Path, compiler: list[str], target: Path) -> None:
    for flags in MACHINE_FLAGS:
        done = _run([*compiler, *FLAGS, *flags, str(source), "-o", str(target)])
        if done.returncode == 0 and target.exists():
            return
    said = next((line for line in done.stderr.splitlines() if "error" in line), "no error named")
    raise CannotBuild(f"{shlex.join(compiler)} cannot compile {source.name} ({said}){INSTEAD}")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    except OSError as error:
        raise CannotBuild(f"cannot run {command[0]} ({error.strerror}){INSTEAD}") from error
