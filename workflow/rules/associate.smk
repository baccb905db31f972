"""Which genes, or features of other modalities, go with what is seen of a tumour, in configs that ask for it.

REQUIRED INPUTS: <results>/shards/, <results>/tables/, <results>/embeddings/ for components of them.
OUTPUTS: <results>/associate/, a folder a scan.
"""


rule associations:
    """Target: all scans of associations."""
    input:
        scans=expand("<results>/associate/{scan}/hits.tsv", scan=SCANS),


rule embedding_components:
    """Turn the test patients' image vectors into components that are the same variables in every fold."""
    input:
        embeddings=expand("<results>/embeddings/{run}.parquet", run=embedded(RUNS)),
    output:
        components="<results>/associate/embedding_components.parquet",
    log:
        "<logs>/embedding_components.log",
    benchmark:
        "<benchmarks>/embedding_components.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(10),
    params:
        settings=json.dumps(
            {key: config["associate"][key] for key in ["components", "embedding"]}
        ),
        code=code_of("embedding-components"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi embedding-components \
            --embeddings {input.embeddings:q} \
            --settings {params.settings:q} \
            --output {output.components:q}
        """


rule associate:
    """Test every phenotype against every feature of a modality, given the scan's covariates."""
    input:
        phenotypes=lambda wildcards: SCANS[wildcards.scan].phenotypes,
        shard=lambda wildcards: MODALITIES[SCANS[wildcards.scan].modality].shard,
        covariates=lambda wildcards: SCANS[wildcards.scan].tables,
    output:
        associations="<results>/associate/{scan}/associations.parquet",
        hits=report(
            "<results>/associate/{scan}/hits.tsv",
            caption="../report/hits.rst",
            category="Associations",
            labels={"table": "hits", "scan": "{scan}"},
        ),
        phenotypes="<results>/associate/{scan}/phenotypes.tsv",
        left_out="<results>/associate/{scan}/left_out.tsv",
        digests=sidecars(
            expand(
                "<results>/associate/{{scan}}/{table}.tsv",
                table=["hits", "phenotypes", "left_out"],
            )
        ),
    log:
        "<logs>/associate-{scan}.log",
    benchmark:
        "<benchmarks>/associate-{scan}.tsv"
    wildcard_constraints:
        scan="|".join(SCANS),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(4000),
        runtime=grows(60),
    params:
        features=lambda wildcards, input: described(input.shard),
        columns=lambda wildcards: SCANS[wildcards.scan].options,
        covariates=lambda wildcards, input: (
            ["--covariates", *input.covariates] if input.covariates else []
        ),
        transform=config["associate"]["transform"],
        fdr=config["associate"]["fdr"],
        permutations=config["associate"]["permutations"],
        seed=config["associate"]["seed"],
        folder=lambda wildcards, output: str(Path(output.associations).parent),
        code=lambda wildcards: code_of(
            "associate", *scanned_code(MODALITIES, SCANS[wildcards.scan])
        ),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi associate \
            --phenotypes {input.phenotypes:q} \
            --features {params.features:q} \
            {params.covariates:q} \
            {params.columns:q} \
            --transform {params.transform:q} \
            --fdr {params.fdr:q} \
            --permutations {params.permutations:q} \
            --seed {params.seed:q} \
            --output {params.folder:q}
        """
