"""Build the container's recipe and run a workflow in it, without a Docker daemon and without a registry of images.

What stands in for the official base is made here: Debian's packages by debootstrap, and in /usr/local an environment of
Debian's Python, so that `python` and `pip` are where the official image has them. buildah builds containers/Dockerfile
on it, unchanged, and runs Snakemake in a clone, as a user of whom the image knows nothing (`docker run --user`).
Of each step the minutes that pass and the seconds of CPU are kept; on a shared machine only the latter can be compared.
Finished steps in the folder of `--work` are not done again. Needs root, debootstrap and buildah.

    PYTHONPATH=src:workflow python benchmarks/container.py --pip-conf pip.conf --volume FOLDER:FOLDER
    PYTHONPATH=src:workflow python benchmarks/container.py --configfile config/toy.yaml
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from trials import cpu_seconds

from lib.environments import IMAGE, PYTHON
from mgi.reporting.provenance import machine

ROOT = Path(__file__).resolve().parents[1]
SUITE = IMAGE.rsplit("-", 1)[1]
INCLUDED = f"ca-certificates,netbase,tzdata,python{PYTHON},python3-venv,python3-dev"
PATHS = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
STRANGER = 1234  # a user id without a name


class Container:
    """The three steps, in the folder `work`."""

    def __init__(self, work: Path, driver: str) -> None:
        self.work, self.clone = work, work / "clone"
        self.buildah = ["buildah", "--storage-driver", driver]
        self.buildah += ["--root", str(work / "storage"), "--runroot", str(work / "running")]

    def has(self, image: str) -> bool:
        """Whether that image was built here."""
        return subprocess.run([*self.buildah, "inspect", image], capture_output=True).returncode == 0

    def base(self) -> None:
        """The stand-in for the official base, under its name."""
        folder = self.work / "base"
        shutil.rmtree(folder, ignore_errors=True)
        run("debootstrap", "--variant=minbase", f"--include={INCLUDED}", SUITE, str(folder))
        run("chroot", str(folder), f"/usr/bin/python{PYTHON}", "-m", "venv", "/usr/local")
        run("chroot", str(folder), "apt-get", "clean")
        container = run(*self.buildah, "from", "scratch").strip()
        run(*self.buildah, "add", "--quiet", container, str(folder), "/")
        run(*self.buildah, "config", "--env", f"PATH={PATHS}", "--env", "LANG=C.UTF-8", "--cmd", "python3", container)
        run(*self.buildah, "commit", "--quiet", "--rm", container, IMAGE)

    def build(self, torch: str, pip_conf: Path | None, volumes: list[str]) -> None:
        """The image, from the checked-out commit."""
        if not self.clone.exists():
            run("git", "clone", "--quiet", str(ROOT), str(self.clone))
        given = [f"--secret=id=pip.conf,src={pip_conf.resolve()}"] if pip_conf else []
        given += [f"--volume={volume}:ro" for volume in volumes]
        said = ["--isolation=chroot", "--pull=false", f"--build-arg=TORCH={torch}", "--tag=mgi", *given]
        run(*self.buildah, "build", "--file", "containers/Dockerfile", *said, ".", cwd=self.clone)

    def workflow(self, configfile: str) -> None:
        """Snakemake in the image, in a clone that belongs to a user without a name."""
        for path in [self.clone, *self.clone.rglob("*")]:
            os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
        container = run(*self.buildah, "from", "--pull=false", "localhost/mgi").strip()
        said = ["--isolation=chroot", f"--user={STRANGER}:{STRANGER}", f"--volume={self.clone}:/mgi"]
        inside = ["--workingdir=/mgi", container, "--", "snakemake", "--configfile", configfile]
        try:
            run(*self.buildah, "run", *said, *inside)
        finally:
            run(*self.buildah, "rm", container)


def run(*command: str, cwd: Path | None = None) -> str:
    """What it printed; ends this with the end of that where the command fails."""
    done = subprocess.run(command, cwd=cwd, text=True, capture_output=True, errors="replace")
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--work", type=Path, default=ROOT / "build/container", help="base, images and clone")
    options.add_argument("--torch", choices=("cpu", "cuda"), default="cpu", help="build of torch (default: cpu)")
    options.add_argument("--pip-conf", type=Path, help="pip's settings for the build; they do not stay in the image")
    options.add_argument("--volume", action="append", default=[], help="FOLDER:FOLDER, for the build; may be repeated")
    options.add_argument("--driver", default="overlay", help="buildah's storage (default: overlay; vfs works anywhere)")
    options.add_argument("--configfile", default="config/demo.yaml", help="what to run (default: the demo)")
    options.add_argument("--output", type=Path, help="JSON of all figures")
    return options.parse_args()


def main() -> None:
    """Do what is not done yet and print a line for each step."""
    said = arguments()
    if missing := [name for name in ("debootstrap", "buildah") if not shutil.which(name)]:
        raise SystemExit(f"container: not found: {', '.join(missing)}; install it")
    said.work.mkdir(parents=True, exist_ok=True)
    container = Container(said.work.resolve(), said.driver)
    waiting: list[tuple[str, Callable[[], None]]] = []
    if not container.has(IMAGE):
        waiting.append(("base", container.base))
    if not container.has("localhost/mgi"):
        waiting.append(("build", lambda: container.build(said.torch, said.pip_conf, said.volume)))
    waiting.append(("workflow", lambda: container.workflow(said.configfile)))
    steps: dict[str, dict[str, float]] = {}
    for name, step in waiting:
        began, used = time.monotonic(), cpu_seconds()
        step()
        steps[name] = {"seconds": time.monotonic() - began, "cpu_seconds": cpu_seconds() - used}
        print(f"{name:9}{steps[name]['seconds'] / 60:6.1f} min {steps[name]['cpu_seconds']:7.1f} s of CPU", flush=True)
    listed = run(*container.buildah, "images", "--format", "{{.Name}} {{.Size}}")
    sizes = dict(re.findall(r"^(\S+?):?\s+(.+)$", listed, re.MULTILINE))
    print("\n".join(f"{name}: {size}" for name, size in sizes.items()))
    if said.output:
        at = run("git", "-C", str(container.clone), "rev-parse", "--short=8", "HEAD").strip()
        record = {"commit": at, "machine": machine(), "configfile": said.configfile, "sizes": sizes, "steps": steps}
        said.output.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
