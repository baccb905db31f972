"""What is said of slides beside what is said of any image, in configs whose runs read them.

REQUIRED INPUTS: <results>/runs/, <results>/shards/, <results>/folds/, <results>/tables/split.parquet.
OUTPUTS: <results>/attention/.
"""


rule tile_attention:
    """Find how much of the slide encoder's attention each tile of the fold's test patients has."""
    input:
        images=RUN_IMAGE.shard[-1],
        expression="<results>/shards/rna/dataset.json",
        shards=[*IMAGE_FILES, *EXPRESSION_FILES],
        genes=run_genes,
        split="<results>/tables/split.parquet",
        weights=run_weights,
        record=run_records,
    output:
        attention="<results>/attention/{run}.parquet",
    log:
        "<logs>/tile_attention-{run}.log",
    benchmark:
        "<benchmarks>/tile_attention-{run}.tsv"
    conda:
        TRAIN_ENV
    threads: config["compute"]["threads"]
    resources:
        mem_mb=grows(config["compute"]["train_mem_mb"]),
        runtime=grows(60),
        gpu=min(config["compute"]["gpu"], 1),
    params:
        described=described_run,
        settings=settings("predict"),
        deterministic=DETERMINISTIC,
        memory=memory_kept(),
        code=code_of("tile-attention"),
    shell:
        r"""
        exec &> >(tee {log:q})
        export {params.memory}
        python -m mgi.core.gpu_lease {resources.gpu} python -m mgi tile-attention \
            --gpus {resources.gpu} {params.deterministic:q} \
            --run-json {params.described:q} \
            --settings {params.settings:q} \
            --weights {input.weights:q} \
            --image-shard {input.images:q} \
            --expression-shard {input.expression:q} \
            --fold-genes {input.genes:q} \
            --split {input.split:q} \
            --output {output.attention:q}
        """
