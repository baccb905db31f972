"""A small simulated archive with a record of what the commands ask of it, and a small study to learn from."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

import predicted_patients
from mgi.cli import main
from mgi.core.run import Run
from mgi_standin.simulation.archive import write_archive
from mgi_standin.simulation.settings import SimulationSettings
from predicted_patients import OBLIQUE, C, S, save_nifti, volume
from trained_study import Study, described_run


@pytest.fixture(scope="session")
def simulated_archive(tmp_path_factory) -> Path:
    settings = SimulationSettings(
        seed=7, n_patients=16, n_genes=1200, slices_min=15, slices_max=15, pixels=32, genes_drive_images=True
    )
    folder = tmp_path_factory.mktemp("simulated") / "archive"
    write_archive(settings, folder)
    return folder


class Asked(Sequence[str]):
    """The paths that commands ask of the simulated archive, in order, as its process notes them in a file."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.clear()

    def clear(self) -> None:
        """Forget what was asked."""
        self.log.write_text("")

    def _paths(self) -> list[str]:
        return [json.loads(line)["path"] for line in self.log.read_text().splitlines()]

    def __getitem__(self, position):
        return self._paths()[position]

    def __len__(self) -> int:
        return len(self._paths())

    def __eq__(self, other: object) -> bool:
        return self._paths() == other

    __hash__ = None


@pytest.fixture
def asked(monkeypatch, tmp_path_factory) -> Asked:
    """What the simulated archive is asked from now on."""
    asked = Asked(tmp_path_factory.mktemp("asked") / "requests.jsonl")
    monkeypatch.setenv("MGI_STANDIN_REQUESTS", str(asked.log))
    return asked


@pytest.fixture(scope="session")
def run_of() -> Callable[..., Run]:
    """Describes a run of fold 0 and seed 0."""
    return described_run


@pytest.fixture(scope="session")
def write_study() -> type[Study]:
    """The class of studies: called with a folder, it writes one."""
    return Study


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Study:
    """A study with everything trained and predicted; only for reading."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    finished = Study(tmp_path_factory.mktemp("study"))
    finished.all_runs()
    return finished


class Released:
    """The study's runs in the layout of results, evaluated, and each as a release."""

    def __init__(self, study: Study, folder: Path) -> None:
        self.results, self.study = folder / "results", study
        shutil.copytree(study.folder / "runs", self.results / "runs")
        for kind, modality in (("images", "flair"), ("expression", "rna")):
            shutil.copytree(study.folder / kind, self.results / "shards" / modality)
        for source, target in (("genes.parquet", "folds/0/genes.parquet"), ("split.parquet", "tables/split.parquet")):
            (self.results / target).parent.mkdir(parents=True)
            shutil.copyfile(study.folder / source, self.results / target)
        study.prepared(shard=self.results / "shards/flair")
        for key in ("mgi", "mgi-no-genes", "unet"):
            options = {
                "predictions": study.folder / f"predictions/{key}.parquet",
                "image-shard": self.results / "shards/flair",
                "output": self.results / f"evaluation/{key}-fold0-seed0.parquet",
            }
            assert main(["evaluate", *(f"--{name}={value}" for name, value in options.items())]) == 0
            assert self.release(key, folder / key) == 0
        self.folder = folder

    def release(self, key: str, output: Path) -> int:
        """Make a release of a run; the exit code is returned."""
        return main(["release", f"--weights={self.results}/runs/{key}/weights.safetensors", f"--output={output}"])

    def model(self, key: str) -> Path:
        """The release of a run; only for reading."""
        return self.folder / key


@pytest.fixture(scope="session")
def released(study, tmp_path_factory) -> Released:
    """The study's runs as releases; only for reading."""
    return Released(study, tmp_path_factory.mktemp("released"))


@pytest.fixture
def bright(monkeypatch) -> None:
    """In place of the network: what is brighter than BRIGHT is tumour."""
    monkeypatch.setattr(
        "mgi.release.prediction.segment_patient",
        lambda _, images, *__: np.where(images.slices > predicted_patients.BRIGHT, 255, 0).astype(np.uint8),
    )


@pytest.fixture
def dicom(mr_file) -> Callable[..., None]:
    """Write a volume as DICOM files whose names and numbers say nothing of their place."""

    def write(folder: Path, voxels: np.ndarray, *, series: str = "1.2.3.4", **tags: object) -> None:
        folder.mkdir(exist_ok=True)
        for k, plane in enumerate(voxels):
            own = {"SeriesInstanceUID": series, "SOPInstanceUID": f"{series}.{k}", **tags}
            content = mr_file(
                plane.astype(np.uint16), position=(10.0, -20.0, 30.0 + 4 * k), axes=(1, 0, 0, 0, C, S),
                spacing=(0.8, 0.9), instance=9 - k, tags=own,
            )  # fmt: skip
            (folder / f"{series}-{(7 * k) % 5}").write_bytes(content)

    return write


@pytest.fixture
def flair(tmp_path: Path) -> Path:
    save_nifti(tmp_path / "flair.nii.gz", volume()[0], OBLIQUE)
    return tmp_path / "flair.nii.gz"


@pytest.fixture
def genes_seen(monkeypatch) -> list:
    """What reaches the network as genes."""
    seen: list = []

    def record(_, images, scaled, __):
        seen.extend(scaled)
        return np.zeros(images.slices.shape, np.uint8)

    monkeypatch.setattr("mgi.release.prediction.segment_patient", record)
    return seen
