"""Vectors of patients by the encoders of a pre-training run, for all that asks what they know.

REQUIRED INPUTS: <results>/runs/, <results>/shards/, <results>/prepared/, <results>/folds/, <results>/tables/split.parquet.
OUTPUTS: <results>/embeddings/.
"""


rule embed:
    """Encode every patient of a pre-training run's fold, by the trained network and by the same one before training."""
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
        record="<results>/runs/{run}/run.json",
    output:
        vectors="<results>/embeddings/{run}.parquet",
    log:
        "<logs>/embed-{run}.log",
    benchmark:
        "<benchmarks>/embed-{run}.tsv"
    wildcard_constraints:
        run=r"pretrain-.+",
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
        settings=settings("predict", without=("permutations", "seed", "tta_flip")),
        modalities=modality_options,
        deterministic=DETERMINISTIC,
        memory=memory_kept(),
        code=lambda wildcards: code_of("embed", *run_modality_code(wildcards)),
    shell:
        r"""
        exec &> >(tee {log:q})
        export {params.memory}
        python -m mgi.core.gpu_lease {resources.gpu} python -m mgi embed \
            --gpus {resources.gpu} {params.deterministic:q} \
            --run-json {params.described:q} \
            --settings {params.settings:q} \
            --weights {input.weights:q} \
            --image-shard {input.images:q} \
            {params.prepared:q} \
            --expression-shard {input.expression:q} \
            --fold-genes {input.genes:q} \
            {params.modalities:q} \
            --split {input.split:q} \
            --output {output.vectors:q}
        """
