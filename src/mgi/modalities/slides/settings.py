"""Where slides come from, how they are tiled, and what a tile becomes."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mgi.core.section import Positive, Share, UserPath, refusal, unit
from mgi.core.section_errors import shown
from mgi.locks.settings import Address, FetchSettings
from mgi.modalities.gdc.settings import FileRange
from mgi.modalities.slides.encoder_forms import FORMS

GDC, FOLDER, PRECOMPUTED = "gdc", "folder", "precomputed"
HANDMADE, TIMM = "handmade", "timm:"
Mpp = Annotated[float, Field(gt=0, le=16)]
Rgb = Annotated[tuple[float, float, float], Field(strict=False)]
_OF_WEIGHTS = ("weights", "weights_sha256", "pixel_mean", "pixel_sd")


class SlidesSettings(FetchSettings):
    """Whole-slide images, or vectors of their tiles that were computed elsewhere."""

    read_by: ClassVar = {
        **dict.fromkeys(("unstated_mpp", "min_tissue", "min_tiles", "encoder", *_OF_WEIGHTS), (FOLDER, GDC)),
        "folder": (FOLDER, PRECOMPUTED),
        **dict.fromkeys(("project", "expected_files", "keep"), (GDC,)),
    }
    source: Literal["gdc", "folder", "precomputed"] = "folder"
    """gdc: open slides of the GDC; folder: a folder of slides; precomputed: a folder of .h5 files, one a slide, with
    features and coords."""
    project: str = "TCGA-LGG"
    """For source gdc: the project."""
    base_url: Address = "https://api.gdc.cancer.gov"
    """For source gdc: address of its interface."""
    expected_files: FileRange = None
    """For source gdc: fewest and most slides that a search may find; null: any number but 0."""
    keep: bool = True
    """For source gdc: whether slides stay on the disk; false: each is fetched, made into vectors and deleted."""
    folder: UserPath | None = None
    """Path of the folder, read in place."""
    slide_list: UserPath | None = None
    """Path of a TSV with file, and patient_id where file names begin with no barcode or id, and mpp where a file states
    none or a wrong one; of the GDC's slides mpp alone is read."""
    frozen: bool = False
    """Whether a frozen section (TS or BS in its name) may serve a patient without a diagnostic slide."""
    unstated_mpp: Mpp | None = None
    """Micrometres a pixel of slides that do not state it; null: such a slide is rejected."""
    tile_px: Annotated[int, Field(ge=16, le=4096), unit("pixels")] = 256
    """Side of a tile."""
    mpp: Annotated[Mpp, unit("µm")] = 0.5
    """Size of a tile's pixel; a slide may be finer, and is averaged."""
    min_tissue: Share = 0.5
    """Least share of a tile that is tissue."""
    min_tiles: Positive = 4
    """A slide with fewer tiles is rejected."""
    encoder: Annotated[str, Field(pattern=r"^(handmade|timm:[A-Za-z0-9_.]+)$")] = HANDMADE
    """handmade: colours, stain, nuclei and texture, without weights; timm:NAME: that network of timm."""
    weights: UserPath | None = None
    """For timm:NAME: path of its weights, a .safetensors file; nothing is downloaded."""
    weights_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """For timm:NAME: SHA-256 of that file."""
    weights_of: Annotated[str, Field(json_schema_extra={"enum": [*FORMS, None]})] | None = None
    """Published encoder that the weights, or the vectors of source precomputed, are of; its tiles are then required."""
    pixel_mean: Rgb | None = None
    """For timm:NAME: mean of red, green and blue from 0 to 1 in its training; null: what timm says of the network."""
    pixel_sd: Rgb | None = None
    """For timm:NAME: their standard deviation."""

    @model_validator(mode="after")
    def _encoder_has_its_weights(self) -> Self:
        by_timm = self.encoder.startswith(TIMM)
        for name in _OF_WEIGHTS:
            value = getattr(self, name)
            if by_timm and value is None and name in ("weights", "weights_sha256"):
                raise refusal(name, "null", f"the weights of {self.encoder}, and their SHA-256")
            if not by_timm and value is not None:
                raise refusal(name, shown(value), f"null, since encoder is {self.encoder}")
        if (self.pixel_mean is None) != (self.pixel_sd is None):
            raise refusal("pixel_sd", shown(self.pixel_sd), "both of pixel_mean and pixel_sd, or neither")
        return self

    @model_validator(mode="after")
    def _tiles_are_the_encoders(self) -> Self:
        if self.weights_of is None:
            return self
        if self.weights_of not in FORMS:
            raise refusal("weights_of", shown(self.weights_of), f"one of {', '.join(FORMS)}")
        if self.source != PRECOMPUTED and self.encoder == HANDMADE:
            raise refusal("weights_of", shown(self.weights_of), "null, since encoder is handmade")
        if wrong := FORMS[self.weights_of].mismatch(self.tile_px, self.mpp):
            raise refusal(wrong[0], f"{wrong[1]:g}", f"{wrong[2]:g} for {self.weights_of}")
        return self
