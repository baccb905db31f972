"""Mutated genes: masked somatic mutations of the GDC, or a file of the user's own."""

from mgi.modalities.gdc.absence import absent_of
from mgi.modalities.gdc.aliquots import other_sample
from mgi.modalities.modality import Modality

MODALITY = Modality(
    name="mutation",
    shard_format="table",
    settings="mgi.modalities.mutation.settings:MutationSettings",
    fetching="mgi.modalities.mutation.opening",
    sharding="mgi.modalities.mutation.shard",
    fitting="mgi.modalities.mutation.fitting",
    oracles="mgi.modalities.mutation.oracles",
    own_files={"matrix": "table"},
    absent=absent_of("mutations"),
    told=other_sample,
    same_sample_as="rna",
)
