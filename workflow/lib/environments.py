"""Write all that installs the packages from one source: names of pyproject.toml, versions of requirements.txt.

`make environments` writes the conda environments, the two locks that say which build of torch, and the recipes of the
container. What a name brings along is read from the metadata of the packages that are installed here, as for the Python
of the conda environments, whichever runs; what only a CUDA build of torch asks for is left to requirements-cuda.txt.
"""

import hashlib
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .lock_check import CUDA

PYTHON = "3.11"
FOR_PYTHON = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0"}
IMAGE = f"python:{PYTHON}-slim-bookworm"
COMPILER = "g++"  # for the scan's CPU kernel
# The newest torch that mamba-ssm's kernels are known to compile with; they need setuptools and wheel while they do.
GPU_PINS = {"torch": "2.11.0", "torchvision": "0.26.0", "setuptools": "81.0.0", "wheel": "0.45.1"}
COPIED = ("requirements.txt", "requirements-cuda.txt", "requirements-torch-cpu.txt", "requirements-torch-cuda.txt")
MADE = "Made by `make environments`"
HEADS = {
    "data": "Ingestion, evaluation and report: no torch. Pins are those of requirements.txt.",
    "train": "Training and prediction: envs/data.yaml, torch, and a compiler for the scan's CPU kernel "
    "(docs/explanation/what-mgi-is.md). Pins are those of requirements.txt.",
    "train-gpu": "Training and prediction with mamba-ssm's fused scan, for NVIDIA GPUs; chosen by compute.environment "
    "in the config.\n# As envs/train.yaml, but for torch: 2.11 is the newest that mamba-ssm's kernels are known to "
    "compile with. They come as source\n# only and need torch while they compile, so train-gpu.post-deploy.sh installs "
    "them into the finished environment.",
}


def written(folder: Path) -> dict[str, str]:
    """The text of each file by its name, as the pins of the checkout `folder` ask for it."""
    pins = pins_of(folder / "requirements.txt")
    data, train = (_chosen(folder, extras, pins) for extras in (("slides",), ("slides", "train")))
    compiler = ["cxx-compiler >=1.9"]
    locks = {f"requirements-torch-{build}.txt": _torch_lock(build, pins["torch"]) for build in ("cpu", "cuda")}
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in COPIED[:2]} | locks
    digest = hashlib.sha256("".join(texts[name] for name in COPIED).encode()).hexdigest()
    return locks | {
        "envs/data.yaml": _environment("data", [], data),
        "envs/train.yaml": _environment("train", compiler, train),
        "envs/train-gpu.yaml": _environment(
            "train-gpu", ["cuda-nvcc =13.0", *compiler, "ninja >=1.12"], train | GPU_PINS
        ),
        "containers/Dockerfile": _dockerfile(digest),
        "containers/mgi.def": _definition(digest),
    }


def pins_of(lock: Path) -> dict[str, str]:
    """Version by name of every pin in a lock file, those for some platforms only included."""
    lines = [line.split(" ;")[0] for line in lock.read_text(encoding="utf-8").splitlines()]
    return dict(line.split("==", 1) for line in lines if re.match(r"[\w.-]+==", line))


def closure(asked: Iterable[str]) -> set[str]:
    """Names of the packages that requirements bring along for PYTHON, themselves included, as installed here."""
    found: set[str] = set()
    waiting = [Requirement(line) for line in asked]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        keys = {f"{name}[{extra}]" for extra in one.extras} | {name}
        if CUDA.match(name) or keys <= found:
            continue
        found |= keys
        waiting += _needs(name, one.extras)
    return {key for key in found if "[" not in key}


def _needs(name: str, extras: Iterable[str]) -> Iterator[Requirement]:
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        raise SystemExit(
            f"environments: {name} is not installed here, and what it needs is unknown: make setup"
        ) from None
    for line in lines:
        need = Requirement(line)
        if need.marker is None or any(need.marker.evaluate({"extra": extra, **FOR_PYTHON}) for extra in ("", *extras)):
            yield need


def _chosen(folder: Path, extras: Iterable[str], pins: Mapping[str, str]) -> dict[str, str]:
    """The pins of what the package asks for with these extras."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(line for one in extras for line in project["optional-dependencies"][one])]
    names = closure(asked)
    if missing := sorted(names - pins.keys()):
        raise SystemExit(f"environments: requirements.txt: does not pin {', '.join(missing)}")
    return {name: pins[name] for name in sorted(names)}


def _torch_lock(build: str, version: str) -> str:
    if build == "cpu":
        what = (
            "torch built for CPUs alone, which the public registry has not for Linux on x86: name an index that has it"
        )
        return f"# {what}.\n# {MADE}.\n-r requirements.txt\ntorch=={version}+cpu\n"
    what = "torch with CUDA's libraries, as the public registry has it for Linux"
    return f"# {what}; `===` takes no other build.\n# {MADE}.\n-r requirements.txt\ntorch==={version}\n"


def _environment(name: str, conda: Iterable[str], pins: Mapping[str, str]) -> str:
    packages = [f"python ={PYTHON}", "pip >=23", *conda, "pip:"]
    lines = [f"# {HEADS[name]}", "channels: [conda-forge, nodefaults]", "dependencies:"]
    lines += [f"  - {one}" for one in packages]
    return "\n".join([*lines, *(f"      - {one}=={pins[one]}" for one in sorted(pins))]) + "\n"


_APT = "apt-get install --yes --no-install-recommends"
_INSTALL = f"apt-get update && {_APT} {COMPILER} git && rm -rf /var/lib/apt/lists/*"
# git tells a report its commit, in a clone that belongs to another user too.
_TRUST = "git config --system --add safe.directory '*'"
_PIP = "python -m pip install --no-cache-dir --disable-pip-version-check -r /locks/requirements-torch-$TORCH.txt"


def _dockerfile(digest: str) -> str:
    return f"""# The packages of a run, without the code: jobs take that from the checkout. {MADE}.
# docker build --file containers/Dockerfile --build-arg TORCH=cuda --tag mgi .    (how: docs/how-to/my-cluster.md)
FROM {IMAGE}
ARG TORCH=cuda
ARG PIP_EXTRA_INDEX_URL=
LABEL mgi.locks.sha256="{digest}"
RUN {_INSTALL}
RUN {_TRUST}
# With --user there is neither a home folder nor a name, and Snakemake asks for both.
ENV HOME=/tmp USER=mgi
COPY {" ".join(COPIED)} /locks/
# Settings of pip, where they are given (--secret id=pip.conf,src=FILE), do not stay in the image.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf {_PIP}
"""


def _definition(digest: str) -> str:
    files = "\n".join(f"    {name} /locks/{name}" for name in COPIED)
    return f"""# The packages of a run, without the code: jobs take that from the checkout. {MADE}.
# apptainer build --build-arg TORCH=cuda mgi.sif containers/mgi.def    (how: docs/how-to/my-cluster.md)
Bootstrap: docker
From: {IMAGE}

%arguments
    TORCH=cuda
    PIP_EXTRA_INDEX_URL=

%labels
    mgi.locks.sha256 {digest}

%files
{files}

%post
    TORCH={{{{ TORCH }}}}
    export PIP_EXTRA_INDEX_URL="{{{{ PIP_EXTRA_INDEX_URL }}}}"
    # Settings of pip, where they are given (--bind FOLDER:/mnt, a place that the base has), do not stay in the image.
    test ! -e /mnt/pip.conf || export PIP_CONFIG_FILE=/mnt/pip.conf
    {_INSTALL}
    {_TRUST}
    {_PIP}
"""


if __name__ == "__main__":
    checkout = Path(__file__).parents[2]
    for name, text in written(checkout).items():
        (checkout / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{name}\n")
