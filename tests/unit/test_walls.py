"""The walls between rooms: who may name a modality or a task's score, counted file by file."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/mgi"
# A modality's or a task's own folder, and the models that fuse an image with expression.
MODALITIES = ("rna", "flair", "cn", "mutation", "methylation", "mirna", "rppa")
OWN_ROOMS = (*(f"modalities/{name}/" for name in MODALITIES), "tasks/segmentation/", "models/")
NAMED = re.compile(rf"(?<![a-z])({'|'.join(MODALITIES)}|dice)(?![a-z])", re.IGNORECASE)
EXCEPTIONS = {
    "__init__.py": "says what the package is for",
    "modalities/registry.py": "lists the modalities that ship",
    "core/run.py": "sets which modalities each method reads",
    "tables/feature_matrix.py": "lists what users call a column of features",
    "cohort/labels/oracles.py": "says which modality tells which label",
    "cohort/labels/settings.py": "says so to who writes a config",
    "config/across.py": "compares the channels of two archives' images",
    "config/tree.py": "tells a former section's name from today's",
    "training/settings.py": "tells a former key's name from today's",
    "shards/channels.py": "names the channels that an image may have",
    "locks/lock.py": "tells a former lock's kind from today's",
    "commands/_learning.py": "puts MGI's fold together: expression and images",
    "commands/_run_options.py": "finds MGI's shards in a results folder",
    "commands/fit_genes.py": "is the command of expression alone",
    "commands/gene_positions.py": "is the command of expression alone",
    "commands/prepare_slices.py": "strips scalps as the room of that image can",
    "commands/prepare_external.py": "aligns another archive's expression",
    "commands/release.py": "releases what MGI and its peers read: images and expression",
    "api/overlap.py": "scores masks",
    "api/slice_dataset.py": "reads MGI's fold: images and expression",
    "commands/predict.py": "applies such a release",
    "commands/_many_patients.py": "applies it to a cohort",
    "commands/explain_tables.py": "reads sets of genes",
    "commands/lesion_features.py": "measures what segmentation's masks show",
    "commands/export_masks.py": "writes segmentation's masks as NIfTI",
    "release/bundle_metadata.py": "says in a bundle's words what such a release reads",
    "release/card.py": "says what such a release does",
    "release/card.md.j2": "describes such a release",
    "release/ensemble.md.j2": "describes several of them together",
    "release/training_range.py": "warns of an image or expression unlike those of training",
    "release/new_image.py": "reads a new patient's FLAIR",
    "release/new_patient.py": "reads what such a release is applied to",
    "release/patient_list.py": "lists whom such a release is applied to",
    "release/prediction.py": "applies such a release",
    "release/package.py": "holds such a release",
    "release/package_writer.py": "makes such a release",
}


def names_in(path: Path) -> list[str]:
    """The modalities and scores that a file names, in code, comment or text."""
    return sorted({found.lower() for found in NAMED.findall(path.read_text(encoding="utf-8"))})


def of_all_rooms() -> dict[str, list[str]]:
    files = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.j2")]
    shared = {str(path.relative_to(PACKAGE)): path for path in sorted(files)}
    return {name: names_in(path) for name, path in shared.items() if not name.startswith(OWN_ROOMS)}


def test_no_shared_room_names_a_modality_or_dice() -> None:
    assert {name: found for name, found in of_all_rooms().items() if found and name not in EXCEPTIONS} == {}


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_exception_is_still_one(name: str) -> None:
    assert of_all_rooms()[name] != []
