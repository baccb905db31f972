"""MicroRNAs: quantification of the BCGSC at the GDC, or a table of the user's own."""

from mgi.modalities.gdc.absence import absent_of
from mgi.modalities.gdc.aliquots import other_sample
from mgi.modalities.modality import Modality

MODALITY = Modality(
    name="mirna",
    shard_format="table",
    settings="mgi.modalities.mirna.settings:MirnaSettings",
    fetching="mgi.modalities.mirna.opening",
    sharding="mgi.modalities.mirna.shard",
    fitting="mgi.modalities.mirna.fitting",
    own_files={"matrix": "table"},
    absent=absent_of("microRNA"),
    told=other_sample,
    same_sample_as="rna",
)
