"""Which phenotypes are scanned against the features of which modalities, given which covariates."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from mgi.cohort.labels.settings import LabelSettings
from mgi.core.errors import ConfigError
from mgi.core.run import EXPRESSION, MULTIMODAL_METHOD
from mgi.core.section import Count, Distinct, Modalities, Section
from mgi.core.section_errors import shown

Covariate = Literal["age", "sex", "site"]
Transform = Literal["none", "phenotypes", "both"]
"""What is put on the scale of normal deviates by rank before the model."""


class AssociateSettings(Section):
    """Which genes, or features of other modalities, go with what is seen of a tumour: a linear model for every pair of
    a phenotype and a feature."""

    phenotypes: Literal["embedding", "lesion", "both"] = "both"
    """lesion: features of every tumour by its reference mask; embedding: components of the test patients' image
    vectors by pre-training; both: a scan of each."""
    embedding: Literal["image", "image_tumour"] = "image"
    """Which vectors of the image: the mean over all slices, or over slices by their true tumour area."""
    components: Annotated[int, Field(ge=1, le=1000)] = 10
    """Principal components of the vectors."""
    modalities: Modalities = (EXPRESSION,)
    """Modalities whose features are tested, a scan of each; their order does not matter."""
    covariates: Distinct[Covariate] = ("age", "sex", "site")
    """What moves phenotypes and features alike; age and sex are labels."""
    subtype: Distinct[Annotated[str, Field(min_length=1)]] = ()
    """Class labels that are covariates too in a second scan of the same; none: no second scan."""
    transform: Transform = "both"
    """What is put on normal deviates by rank: none, phenotypes, or both phenotypes and features."""
    fdr: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """False discovery rate of a hit."""
    permutations: Count = 1000
    """Of patients, for p_max and the range of lambda; 0: none."""
    seed: Count = 0
    """Seed of the permutations."""


def check_associations(config: Mapping[str, Any]) -> None:
    """Raise ConfigError where the section asks for labels or vectors that the whole config does not make."""
    chosen, labels = config["associate"], config["labels"]
    if chosen is None:
        return
    if chosen["phenotypes"] != "lesion" and MULTIMODAL_METHOD not in config["runs"]["methods"]:
        found, expected = shown(chosen["phenotypes"]), f"lesion, or {MULTIMODAL_METHOD} among runs.methods"
        raise ConfigError(f"associate.phenotypes: found {found}, expected {expected}: no other method is pre-trained")
    of_gdc, columns = labels["source"] == "gdc", labels["columns"]
    known: dict[str, Sequence[str]] = {
        "covariates": ["site", *(name for name in ("age", "sex") if of_gdc or columns[name] is not None)],
        "subtype": LabelSettings.read(labels, where="labels").classes,
    }
    for key, names in known.items():
        for name in chosen[key]:
            if name not in names:
                raise ConfigError(
                    f"associate.{key}: found {shown(name)}, expected {' or '.join(names) or 'none'}, which the section "
                    f"labels gives (labels.source is {shown(labels['source'])})"
                )
