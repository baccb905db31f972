"""What a fold's models see of each modality that is a table, and on which scale: fitted on its training patients alone.

REQUIRED INPUTS: <results>/shards/, <results>/tables/split.parquet or whole.parquet; the user's list of genes where named.
OUTPUTS: <results>/folds/.
"""


rule fit_genes:
    """Choose and scale a fold's genes on its training patients alone."""
    input:
        expression="<results>/shards/rna/dataset.json",
        files=EXPRESSION_FILES,
        split=lambda wildcards: fold_split(int(wildcards.fold)),
        listed=GENE_LIST,
    output:
        genes="<results>/folds/{fold}/genes.parquet",
    log:
        "<logs>/fit_genes-{fold}.log",
    benchmark:
        "<benchmarks>/fit_genes-{fold}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(4000),
        runtime=grows(30),
    params:
        settings=settings("modalities.rna.fit", without=("positions", "gtf")),
        listed=["--gene-list"] if GENE_LIST else [],
        code=code_of("fit-genes"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi fit-genes \
            --expression-shard {input.expression:q} \
            --split {input.split:q} \
            --fold {wildcards.fold:q} \
            --settings {params.settings:q} \
            {params.listed:q} {input.listed:q} \
            --output {output.genes:q}
        """


rule fit_features:
    """Choose and scale a fold's features of a modality on the training patients who have it."""
    input:
        shard=lambda wildcards: MODALITIES[wildcards.modality].shard,
        split=lambda wildcards: fold_split(int(wildcards.fold)),
        beside=partial(features_beside, MODALITIES),
    output:
        fitted="<results>/folds/{fold}/{modality}.parquet",
    log:
        "<logs>/fit_features-{modality}-{fold}.log",
    benchmark:
        "<benchmarks>/fit_features-{modality}-{fold}.tsv"
    wildcard_constraints:
        modality=is_fitted(MODALITIES),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(4000),
        runtime=grows(30),
    params:
        settings=lambda wildcards: settings(f"modalities.{wildcards.modality}.fit"),
        dataset=lambda wildcards, input: described(input.shard),
        beside=lambda wildcards, input: beside_options(input.beside),
        code=lambda wildcards: code_of(
            "fit-features", *MODALITIES[wildcards.modality].fitting_code
        ),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi fit-features \
            --modality {wildcards.modality:q} \
            --shard {params.dataset:q} \
            --split {input.split:q} \
            --fold {wildcards.fold:q} \
            --settings {params.settings:q} \
            {params.beside:q} \
            --output {output.fitted:q}
        """
