"""Where gene expression comes from, and which genes a fold's models see."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mgi.core.section import Count, Distinct, Positive, Section, UserPath, refusal, unit
from mgi.core.section_errors import shown
from mgi.locks.settings import Address, FetchSettings
from mgi.modalities.gdc.settings import FileRange


class GtfSettings(Section):
    """Annotation that gene_order: position reads, fetched from the modality's base_url."""

    file_id: Annotated[str, Field(pattern="^[0-9a-f-]{36}$")] = "be002a2c-3b27-43f3-9e0f-fd47db92a6b5"
    """Its id at the GDC: GENCODE v36, 44.5 MB."""
    md5: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] = "c03931958d4572148650d62eb6dec41a"
    """Its MD5; a simulated archive has an annotation of its own."""


class FitSettings(Section):
    """Which genes a fold's models see, in which order and on which scale; fitted on its training patients alone."""

    gene_filter: Literal["none", "protein_coding", "expressed", "filter_by_expr", "variance", "list"] = "none"
    """none: all genes; protein_coding; expressed: above min_tpm; filter_by_expr: edgeR's rule, on counts; variance: the
    top_k most variable; list: those in gene_list."""
    top_k: Positive = 2000
    """Genes kept by variance."""
    min_tpm: Annotated[float, Field(ge=0, le=1_000_000), unit("TPM")] = 0.1
    """Threshold of expressed, before the logarithm."""
    gene_list: UserPath | None = None
    """For the filter list: path of a file with one gene id or name a line."""
    scaler: Literal["zscore", "robust", "rank", "quantile"] = "zscore"
    """zscore: per gene, by training mean and deviation; robust: by median and median absolute deviation, which one
    patient on another scale does not move; rank, quantile: per patient."""
    components: Annotated[int, Field(ge=0, le=1000)] = 0
    """Principal components to which every patient is reduced, so that a network sees what genes share and not each
    patient's own noise; fitted on those who train, with image or without; 0: nothing is left out."""
    gene_order: Literal["ensembl", "position", "random"] = "ensembl"
    """Order in which the encoder reads genes; ensembl: by id; position: by place on the genome."""
    order_seed: Count = 0
    """Seed of the order random."""
    positions: UserPath | None = None
    """Path of a TSV with gene_id, chromosome, start, in place of the annotation for gene_order: position."""
    gtf: GtfSettings = GtfSettings()
    """Annotation that gene_order: position reads, fetched from base_url."""

    @model_validator(mode="after")
    def _list_is_named(self) -> Self:
        if self.gene_filter == "list" and self.gene_list is None:
            raise refusal("gene_list", "null", "a file of genes for gene_filter list")
        if self.gene_filter != "list" and self.gene_list is not None:
            raise refusal("gene_list", shown(self.gene_list), f"null, since gene_filter is {self.gene_filter}")
        return self


class RnaSettings(FetchSettings):
    """Gene expression: STAR counts of the GDC, or a table of your own."""

    default_run: ClassVar = {"expected_files": (500, 560)}
    renamed: ClassVar = {"values": "unit"}
    first_cohort_only: ClassVar = ("fit",)
    read_by: ClassVar = {
        "table": ("matrix",), "ignore": ("matrix",), "project": ("gdc",), "unit": ("gdc",), "expected_files": ("gdc",)
    }  # fmt: skip
    source: Literal["gdc", "matrix"] = "gdc"
    """gdc: STAR counts of the GDC; matrix: a table of your own, taken as it is."""
    table: UserPath | None = None
    """For source matrix: path of the table (Parquet, TSV or CSV)."""
    ignore: Distinct[str] = ()
    """For source matrix: labels of the table that are no expression (age, survival), `*` for any text: '*_cnv'."""
    project: str = "TCGA-LGG"
    """For source gdc: the project."""
    base_url: Address = "https://api.gdc.cancer.gov"
    """For source gdc: address of its interface."""
    unit: Literal["tpm", "fpkm", "fpkm_uq", "counts"] = "tpm"
    """For source gdc: what the shard stores, as log2(x + 1)."""
    expected_files: FileRange = None
    """For source gdc: fewest and most files that a search may find; null: any number but 0."""
    fit: FitSettings = FitSettings()
    """Which genes a fold's models see, in which order and on which scale; fitted on its training patients alone."""
