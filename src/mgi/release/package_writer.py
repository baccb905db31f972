"""Makes the folder of a released run (see package)."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import mgi
from mgi.core.files import atomic_path, write_json
from mgi.modalities.rna.normalise import read_fitted_genes
from mgi.release.bundle_metadata import bundle_metadata
from mgi.release.card import CardContent, model_card
from mgi.release.further import FurtherFiles, files_of, write_further
from mgi.release.package import (
    CARD,
    CONFIG,
    FILES,
    FORMAT,
    GENES,
    METADATA,
    SLIDE_RANGE,
    WEIGHTS,
    entries_of,
    require_no_release,
    size_and_digest,
    write_config,
)
from mgi.tasks.registry import reads_labels
from mgi.tasks.segmentation.scoring import THRESHOLD
from mgi.training.weights import load_weights


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The files that a run's release is made of: its weights, and what its fold fitted."""

    weights: Path
    genes: Path
    further: Mapping[str, FurtherFiles]


def write_release(folder: Path, *, trained: Trained, content: CardContent) -> None:
    """Copy the files of a run into `folder`, with the card of its `content`, metadata and config.json.

    Raises ConfigError where a release lies there already.
    """
    require_no_release(folder)
    fitted = read_fitted_genes(trained.genes)
    loaded = load_weights(trained.weights, genes=fitted.gene_ids)
    for source, name in ((trained.weights, WEIGHTS), (trained.genes, GENES)):
        with atomic_path(folder / name) as part:
            shutil.copyfile(source, part)
    write_further(folder, trained.further)
    with atomic_path(folder / CARD) as part:
        part.write_text(model_card(content), encoding="utf-8")
    metadata = bundle_metadata(loaded, does=content.does, simulated=content.simulated, tiles=content.any_tiles)
    write_json(folder / METADATA, metadata)
    names = (*FILES, METADATA, *files_of(list(trained.further)))
    config = {
        "format": FORMAT,
        "mgi": mgi.__version__,
        **entries_of(loaded, fitted),
        "expression_unit": content.expression["unit"],
        "threshold": None if reads_labels(loaded.run.task) else THRESHOLD,
        "training_range": asdict(content.trained),
        **({} if content.slides is None else {SLIDE_RANGE: asdict(content.slides)}),
        "simulated": content.simulated,
        "files": {name: size_and_digest(folder / name) for name in names},
    }
    write_config(folder / CONFIG, config)
