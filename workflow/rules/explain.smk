"""Which genes the networks' answers rest on, in configs that ask for it: a job a run, then tables of all.

REQUIRED INPUTS: <results>/runs/, <results>/shards/, <results>/prepared/, <results>/folds/, <results>/tables/split.parquet.
OUTPUTS: <results>/explain/.
"""


rule explain:
    """Attribute what a run's network answers for test patients to their genes, with checks."""
    input:
        images=RUN_IMAGE.shard[-1],
        prepared=prepared_slices(config),
        expression="<results>/shards/rna/dataset.json",
        shards=[*IMAGE_FILES, *EXPRESSION_FILES],
        genes=run_genes,
        split="<results>/tables/split.parquet",
        modality_shards=run_modality_shards,
        modality_fits=run_modality_fits,
        covariates=run_covariates,
        weights="<results>/runs/{run}/weights.safetensors",
        curves="<results>/runs/{run}/curves.jsonl",
        record="<results>/runs/{run}/run.json",
    output:
        attributions="<results>/explain/{run}/attributions.parquet",
        deletion="<results>/explain/{run}/deletion.parquet",
        attention="<results>/explain/{run}/attention.parquet",
    log:
        "<logs>/explain-{run}.log",
    benchmark:
        "<benchmarks>/explain-{run}.tsv"
    conda:
        TRAIN_ENV
    threads: config["compute"]["threads"]
    resources:
        mem_mb=grows(config["compute"]["train_mem_mb"]),
        runtime=grows(config["compute"]["train_runtime"]),
        gpu=min(config["compute"]["gpu"], 1),
    params:
        described=described_run,
        prepared=prepared_option,
        settings=settings("explain", without=TABLES_ALONE),
        modalities=modality_options,
        deterministic=DETERMINISTIC,
        memory=memory_kept(),
        code=lambda wildcards: code_of("explain", *run_modality_code(wildcards)),
    shell:
        r"""
        exec &> >(tee {log:q})
        export {params.memory}
        python -m mgi.core.gpu_lease {resources.gpu} python -m mgi explain \
            --gpus {resources.gpu} {params.deterministic:q} \
            --run-json {params.described:q} \
            --settings {params.settings:q} \
            --weights {input.weights:q} \
            --curves {input.curves:q} \
            --image-shard {input.images:q} \
            {params.prepared:q} \
            --expression-shard {input.expression:q} \
            --fold-genes {input.genes:q} \
            {params.modalities:q} \
            --split {input.split:q} \
            --output {output.attributions:q}
        """


rule explain_tables:
    """Rank genes and gene sets by the attributions of all runs, and say which checks they pass."""
    input:
        attributions=expand(
            "<results>/explain/{run}/attributions.parquet", run=EXPLAINED
        ),
        deletion=expand("<results>/explain/{run}/deletion.parquet", run=EXPLAINED),
        attention=expand("<results>/explain/{run}/attention.parquet", run=EXPLAINED),
        gene_sets=own(explained_sets(config)),
    output:
        tables=expand("<results>/explain/{table}.csv", table=EXPLAIN_TABLES),
        digests=expand("<results>/explain/{table}.csv.sha256", table=EXPLAIN_TABLES),
        attention="<results>/explain/attention.parquet",
    log:
        "<logs>/explain_tables.log",
    benchmark:
        "<benchmarks>/explain_tables.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(4000),
        runtime=grows(30),
    params:
        attributions=lambda wildcards, input: for_each(EXPLAINED, input.attributions),
        runs=settings("runs", without=("leaky_slice_split",)),
        settings=settings("explain"),
        gene_sets=lambda wildcards, input: option(
            "--gene-sets", next(iter(input.gene_sets), None)
        ),
        folder=lambda wildcards, output: str(Path(output.attention).parent),
        code=code_of("explain-tables"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi explain-tables \
            --attributions {params.attributions:q} \
            --runs {params.runs:q} \
            --settings {params.settings:q} \
            {params.gene_sets:q} \
            --output {params.folder:q}
        """
