"""Proteins by reverse phase arrays: files of the GDC, or a table of the user's own."""

from mgi.modalities.gdc.absence import absent_of
from mgi.modalities.gdc.aliquots import other_sample
from mgi.modalities.modality import Modality

MODALITY = Modality(
    name="rppa",
    shard_format="table",
    settings="mgi.modalities.rppa.settings:RppaSettings",
    fetching="mgi.modalities.rppa.opening",
    sharding="mgi.modalities.rppa.shard",
    fitting="mgi.modalities.rppa.fitting",
    own_files={"matrix": "table"},
    absent=absent_of("protein array"),
    told=other_sample,
    same_sample_as="rna",
)
