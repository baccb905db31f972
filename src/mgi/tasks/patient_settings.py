"""What tasks of whole patients may set: the head, and how a batch is made."""

from typing import Annotated

from pydantic import Field

from mgi.core.section import Positive, Section, Share


class PatientSettings(Section):
    """The head on the pooled vectors of image and genes, and what a batch has of each patient."""

    hidden: Annotated[int, Field(ge=0, le=65_536)] = 0
    """Units of the one layer between the pooled vectors and the outputs; 0: the head is linear."""
    slices: Positive = 8
    """Slices of each patient in a batch, at most; validation and prediction see all."""
    image_dropout: Share = 0.3
    """Share of a batch's patients whose image is left out; whoever goes without genes (finetune.gene_dropout) keeps the
    image."""
