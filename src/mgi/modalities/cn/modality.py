"""Copies of genes: gene-level copy number of the GDC (ASCAT3), or a table of the user's own."""

from mgi.modalities.gdc.absence import absent_of
from mgi.modalities.gdc.aliquots import other_sample
from mgi.modalities.modality import Modality

MODALITY = Modality(
    name="cn",
    shard_format="table",
    settings="mgi.modalities.cn.settings:CnSettings",
    fetching="mgi.modalities.cn.opening",
    sharding="mgi.modalities.cn.shard",
    fitting="mgi.modalities.cn.fitting",
    oracles="mgi.modalities.cn.oracles",
    own_files={"matrix": "table"},
    shard_keys=("scale",),
    absent=absent_of("copy number"),
    told=other_sample,
    same_sample_as="rna",
    fit_beside=("rna",),
)
