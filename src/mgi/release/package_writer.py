"""Makes the folder of a released run (see package)."""

import shutil
from dataclasses import asdict
from pathlib import Path

import mgi
from mgi.core.files import atomic_path, write_json
from mgi.modalities.rna.normalise import read_fitted_genes
from mgi.release.bundle_metadata import bundle_metadata
from mgi.release.card import CardContent, model_card
from mgi.release.package import (
    CARD,
    CONFIG,
    FILES,
    FORMAT,
    GENES,
    METADATA,
    WEIGHTS,
    entries_of,
    require_no_release,
    size_and_digest,
    write_config,
)
from mgi.tasks.registry import reads_labels
from mgi.tasks.segmentation.scoring import THRESHOLD
from mgi.training.weights import load_weights


def write_release(
    folder: Path,
    *,
    weights: Path,
    genes: Path,
    content: CardContent,
) -> None:
    """Copy weights and genes of a run into `folder`, with the card of its `content`, metadata and config.json.

    Raises ConfigError where a release lies there already.
    """
    require_no_release(folder)
    fitted = read_fitted_genes(genes)
    loaded = load_weights(weights, genes=fitted.gene_ids)
    for source, name in ((weights, WEIGHTS), (genes, GENES)):
        with atomic_path(folder / name) as part:
            shutil.copyfile(source, part)
    with atomic_path(folder / CARD) as part:
        part.write_text(model_card(content), encoding="utf-8")
    metadata = bundle_metadata(loaded, does=content.does, simulated=content.simulated, tiles=content.tiles)
    write_json(folder / METADATA, metadata)
    config = {
        "format": FORMAT,
        "mgi": mgi.__version__,
        **entries_of(loaded, fitted),
        "expression_unit": content.expression["unit"],
        "threshold": None if reads_labels(loaded.run.task) else THRESHOLD,
        "training_range": asdict(content.trained),
        "simulated": content.simulated,
        "files": {name: size_and_digest(folder / name) for name in (*FILES, METADATA)},
    }
    write_config(folder / CONFIG, config)
