"""Images and expression of new patients, the command that segments them, and what it says of them."""

import json
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image

from mgi.cli import main
from mgi.modalities.flair.geometry import ras_of

SHAPE = (5, 22, 24)  # k i j
LESION = (slice(1, 3), slice(4, 9), slice(13, 20))  # near one corner, so that no wrong turn goes unseen
C, S = np.cos(0.3), np.sin(0.3)
OBLIQUE = np.array([[0, 0.1, 0.9, -90.5], [-2 * S, 0.9 * C, 0, -101.25], [5 * C, 0.9 * S, 0, 33.3], [0, 0, 0, 1]])
BRIGHT = 700


def volume(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A noisy volume (k, i, j) with a bright lesion, and the lesion."""
    lesion = np.zeros(SHAPE, np.uint8)
    lesion[LESION] = 1
    noise = np.random.default_rng(seed).normal(300, 60, SHAPE).clip(0, 600)
    return np.where(lesion, 900, noise).astype(np.int16), lesion


def save_nifti(path: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    image = nibabel.Nifti1Image(voxels.transpose(2, 1, 0), ras_of(affine))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)


def run(image: Path, model: Path, output: Path, *more: str, force: bool = True) -> int:
    """The exit code; forced, since the toy model has seen no image but the study's four."""
    forced = ["--force"] if force else []
    return main(["predict", str(image), f"--model={model}", f"--output={output}", *forced, *more])


def report(output: Path) -> dict:
    return json.loads(output.with_name(output.name.removesuffix(".nii.gz") + ".json").read_text())


def flags(output: Path) -> set[str]:
    return {flag["flag"] for flag in report(output)["flags"]}


def write_slices(folder: Path, voxels: np.ndarray, stem: str = "TCGA_CS_0001_20000101") -> None:
    """FLAIR in the middle channel, decoys in the others; two digits, so that 10 must come after 2."""
    folder.mkdir()
    decoy = voxels[:, ::-1]
    for number, (flair, other) in enumerate(zip(voxels, decoy, strict=True), start=8):
        pixels = np.stack([other, flair, other], axis=-1).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{stem}_{number}.tif")


def table(path: Path, genes: list[str], samples: dict[str, list[float]]) -> Path:
    lines = [["gene_id", *samples], *([gene, *column] for gene, *column in zip(genes, *samples.values(), strict=True))]
    path.write_text("\n".join("\t".join(map(str, line)) for line in lines) + "\n")
    return path


def upright(step_mm: float = 4.0) -> np.ndarray:
    """An affine (k, i, j) of pixels of 1 mm."""
    return np.array([[0, 0, 1.0, 0], [0, 1, 0, 0], [step_mm, 0, 0, 0], [0, 0, 0, 1]])
