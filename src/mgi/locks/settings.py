"""What a user chooses about the two halves of ingestion; one dataclass per section of the configuration."""

from dataclasses import dataclass
from typing import Literal

from mgi.core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ExpressionSettings:
    """Where gene expression comes from."""

    source: Literal["gdc", "matrix"] = "gdc"
    table: str | None = None
    """The user's own table, for source matrix: Parquet, TSV or CSV."""
    project: str = "TCGA-LGG"
    base_url: str = "https://api.gdc.cancer.gov"
    values: Literal["tpm", "fpkm", "fpkm_uq", "counts"] = "tpm"
    """What of the GDC's files the shard stores, as log2(x + 1); it changes nothing in what is fetched."""
    lock: str | None = None
    """A committed lock to use instead of discovery; no search endpoint is then asked."""
    expected_files: tuple[int, ...] | None = None
    """Fewest and most files that discovery may find at the GDC; None takes any number but 0."""
    batches: int = 4
    threads: int = 4
    retry_base_s: float = 1.0
    """Upper bound of the first pause between attempts; it doubles, up to 60 s."""

    def __post_init__(self) -> None:
        expected = (0, 0) if self.expected_files is None else self.expected_files
        ordered = len(expected) == 2 and 0 <= expected[0] <= expected[1]
        _check(ordered, "expression.expected_files", list(expected), "two numbers, the fewest and the most files")
        _check_fetching("expression", self.batches, self.threads, self.retry_base_s)


@dataclass(frozen=True, kw_only=True)
class ImageSettings:
    """Where images and masks come from."""

    source: Literal["tcia", "kaggle", "nifti", "dicom"] = "kaggle"
    archive: str | None = None
    """The user's copy of the Kaggle zip, for source kaggle; read in place, never unpacked."""
    folder: str | None = None
    """The user's folder of NIfTI or DICOM files, for sources nifti and dicom; read in place, never changed."""
    manifest: str | None = None
    """Which series are meant: a .tcia list for sources tcia and dicom, or a General Commons CSV for source dicom."""
    patients: str | None = None
    """TSV with the columns id and patient_id, for sources tcia and dicom whose patients are not named by barcodes."""
    collection: str = "TCGA-LGG"
    base_url: str = "https://nbia.cancerimagingarchive.net/nbia-api/services/v4"
    lock: str | None = None
    """A committed lock to use instead of discovery; no search endpoint is then asked."""
    batches: int = 4
    threads: int = 4
    retry_base_s: float = 1.0
    """Upper bound of the first pause between attempts; it doubles, up to 60 s."""
    min_images: int = 15
    """A series with fewer images is not a brain: localisers have 3 to 9."""

    def __post_init__(self) -> None:
        _check_fetching("images", self.batches, self.threads, self.retry_base_s)
        _check(self.min_images >= 1, "images.min_images", self.min_images, "at least 1")
        for key in ("manifest", "patients"):
            served = self.source in ("tcia", "dicom") or getattr(self, key) is None
            _check(served, f"images.{key}", getattr(self, key), f"null, since source {self.source} does not read it")


def _check_fetching(section: str, batches: int, threads: int, retry_base_s: float) -> None:
    _check(batches >= 1, f"{section}.batches", batches, "at least 1")
    _check(1 <= threads <= 16, f"{section}.threads", threads, "1 to 16")
    _check(0 <= retry_base_s <= 60, f"{section}.retry_base_s", retry_base_s, "0 to 60 seconds")


def _check(right: bool, key: str, found: object, expected: str) -> None:
    if not right:
        raise ConfigError(f"{key}: found {found!r}, expected {expected}")
