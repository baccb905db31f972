"""From verified bytes to the shards that the learning half reads, the split, and each fold's gene list and scaler.

REQUIRED INPUTS: <results>/locks/, <results>/raw/, <results>/tables/; the user's own tables where named.
OUTPUTS: <results>/shards/, <results>/tables/split.parquet and whole.parquet, <results>/folds/.
"""


rule data:
    """Target: everything that training reads."""
    input:
        expression="<results>/shards/expression/dataset.json",
        images="<results>/shards/images/dataset.json",
        split="<results>/tables/split.parquet",


rule shard_expression:
    """Put every patient's unscaled expression into one float32 table."""
    input:
        lock="<results>/locks/expression.json",
        index=gather.expression("<results>/raw/expression/batch-{scatteritem}.json"),
        table=existing(EXPRESSION_TABLE),
        positions=POSITIONS,
    output:
        values="<results>/shards/expression/values.parquet",
        genes="<results>/shards/expression/genes.parquet",
        dataset="<results>/shards/expression/dataset.json",
    log:
        "<logs>/shard_expression.log",
    benchmark:
        "<benchmarks>/shard_expression.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        table=option("--table", EXPRESSION_TABLE),
        stored=config["modalities"]["rna"]["unit"],
        positions=["--positions"] if POSITIONS else [],
        code=code_of("shard-expression"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi shard-expression \
            --lock {input.lock:q} \
            --index {input.index:q} \
            --stored {params.stored:q} \
            {params.table:q} \
            {params.positions:q} {input.positions:q} \
            --values {output.values:q} \
            --genes {output.genes:q} \
            --dataset {output.dataset:q}
        """


rule shard_images:
    """Put every slice of the cohort with its mask into one table, inferior to superior."""
    input:
        lock="<results>/locks/images.json",
        index=gather.images("<results>/raw/images/batch-{scatteritem}.json"),
        cohort="<results>/tables/cohort.parquet",
        table=existing(IMAGE_TABLE),
    output:
        slices="<results>/shards/images/slices.parquet",
        dataset="<results>/shards/images/dataset.json",
    log:
        "<logs>/shard_images.log",
    benchmark:
        "<benchmarks>/shard_images.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        table=option("--table", IMAGE_TABLE),
        code=code_of("shard-images"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi shard-images \
            --lock {input.lock:q} \
            --index {input.index:q} \
            --cohort {input.cohort:q} \
            {params.table:q} \
            --threads {threads} \
            --slices {output.slices:q} \
            --dataset {output.dataset:q}
        """


rule split:
    """Give every patient one test fold, stratified by hospital; beside it the fold that tests nobody."""
    input:
        cohort="<results>/tables/cohort.parquet",
    output:
        split="<results>/tables/split.parquet",
        tsv="<results>/tables/split.tsv",
        whole="<results>/tables/whole.parquet",
        sites="<results>/tables/split_sites.tsv",
    log:
        "<logs>/split.log",
    benchmark:
        "<benchmarks>/split.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=settings("split"),
        code=code_of("split"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi split \
            --cohort {input.cohort:q} \
            --settings {params.settings:q} \
            --output {output.split:q} \
            --tsv {output.tsv:q} \
            --whole {output.whole:q} \
            --sites {output.sites:q}
        """


rule check_leaks:
    """Refuse a split whose roles share a patient, a gene vector or an image slice; training waits for it."""
    input:
        split=lambda wildcards: LEAK_CHECKS[wildcards.of].split,
        slices="<results>/shards/images/slices.parquet",
        values="<results>/shards/expression/values.parquet",
    output:
        report="<results>/tables/leaks{of}.json",
    log:
        "<logs>/check_leaks{of}.log",
    benchmark:
        "<benchmarks>/check_leaks{of}.tsv"
    wildcard_constraints:
        of="|".join(LEAK_CHECKS),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        protocol=lambda wildcards: LEAK_CHECKS[wildcards.of].protocol,
        code=code_of("check-leaks"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi check-leaks \
            --split {input.split:q} \
            --slices {input.slices:q} \
            --values {input.values:q} \
            --protocol {params.protocol:q} \
            --output {output.report:q}
        """


rule fit_genes:
    """Choose and scale a fold's genes on its training patients alone."""
    input:
        values="<results>/shards/expression/values.parquet",
        genes="<results>/shards/expression/genes.parquet",
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
        mem_mb=4000,
        runtime=30,
    params:
        settings=settings("modalities.rna.fit", without=("positions", "gtf")),
        listed=["--gene-list"] if GENE_LIST else [],
        code=code_of("fit-genes"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi fit-genes \
            --values {input.values:q} \
            --genes {input.genes:q} \
            --split {input.split:q} \
            --fold {wildcards.fold:q} \
            --settings {params.settings:q} \
            {params.listed:q} {input.listed:q} \
            --output {output.genes:q}
        """
