"""Write a simulated cohort as the folder from which the stand-in archive serves."""

import shutil
from collections.abc import Callable
from pathlib import Path

from mgi_standin.errors import ConfigError, ResourceError
from mgi_standin.files import atomic_path, write_json
from mgi_standin.simulation.availability import draw_availability, without_images
from mgi_standin.simulation.clinical import TABLE, case_hit, draw_clinical, table_row
from mgi_standin.simulation.cohort import gene_model_of, simulate_cohort
from mgi_standin.simulation.gdc_folder import GdcFolder
from mgi_standin.simulation.genes import draw_gene_table
from mgi_standin.simulation.identifiers import AVAILABILITY_STREAM, IMAGES_HELD_STREAM, archive_key, stream_of
from mgi_standin.simulation.latent_factors import as_gmt
from mgi_standin.simulation.nbia_folder import NbiaFolder
from mgi_standin.simulation.omics.files import OmicsFiles
from mgi_standin.simulation.settings import SimulationSettings
from mgi_standin.simulation.slides_files import SlideFiles

COMPLETE, GENES, LABELS, NOTE = "archive.json", "genes.tsv", "labels.tsv", "SIMULATED.txt"
GENE_SETS, ORACLES, SLIDES = "latent_factors.gmt", "oracles.tsv", "slides.tsv"
FOLDERS = ("gdc", "nbia")
FORMAT = 1


def write_archive(
    settings: SimulationSettings,
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the whole folder afresh; `archive.json` comes last, and its presence means that the rest is complete.

    The same settings give the same bytes. `progress` is told patients done and in all.
    Raises ConfigError where the cohort cannot be drawn, and ResourceError where the folder holds another's files.
    """
    try:
        patients = simulate_cohort(settings)
    except ValueError as error:
        raise ConfigError(f"simulation: {error}") from None
    _clear(folder)
    genes = draw_gene_table(settings.n_genes, settings.seed)
    key = archive_key(settings, genes)
    held = draw_availability([patient.patient_id for patient in patients], stream_of(settings, AVAILABILITY_STREAM))
    held = without_images(held, settings.missing, stream_of(settings, IMAGES_HELD_STREAM))
    subtypes = {patient.patient_id: patient.subtype for patient in patients}
    omics = OmicsFiles(settings, genes, key, subtypes, held) if settings.omics else None
    slides = SlideFiles(settings, key) if settings.slides else None
    gdc = GdcFolder(settings, genes, key, folder / "gdc", omics, slides)
    nbia = NbiaFolder(settings, key, folder / "nbia")
    for done, patient in enumerate(patients, start=1):
        gdc.add(patient, held[patient.patient_id])
        nbia.add(patient, held[patient.patient_id])
        progress(done, len(patients))
    clinical = draw_clinical(patients, settings)
    gdc.add_cases([case_hit(one, key) for one in clinical])
    gdc.close()
    nbia.close()
    with atomic_path(folder / LABELS) as part:
        lines = ["\t".join(row) for row in (TABLE, *map(table_row, clinical))]
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, drawn in ((ORACLES, omics), (SLIDES, slides)):
        if drawn is not None:
            with atomic_path(folder / name) as part:
                part.write_text(drawn.truth(), encoding="utf-8")
    with atomic_path(folder / GENE_SETS) as part:
        part.write_text(as_gmt(gene_model_of(settings), genes["gene_id"].tolist()), encoding="utf-8")
    with atomic_path(folder / GENES) as part:
        genes.to_csv(part, sep="\t", index=False, lineterminator="\n")
    write_json(folder / COMPLETE, {**settings.stated(), "simulated": True, "format": FORMAT})


def _clear(folder: Path) -> None:
    """Remove an earlier archive, complete or not, and mark the folder as one that may be removed."""
    ours = any((folder / name).exists() for name in (COMPLETE, NOTE))
    foreign = [name for name in FOLDERS if (folder / name).exists()]
    if foreign and not ours:
        raise ResourceError(f"{folder / foreign[0]}: not of a simulated archive; move it or choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NOTE).write_text("Everything here is simulated, and replaced when the simulation runs again.\n")
    for name in (COMPLETE, ORACLES, SLIDES):
        (folder / name).unlink(missing_ok=True)
    for name in FOLDERS:
        if (folder / name).exists():
            shutil.rmtree(folder / name)
