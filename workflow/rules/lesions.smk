"""What tumours look like, by features made by hand.

REQUIRED INPUTS: <results>/shards/flair/, <results>/predictions/.
OUTPUTS: <results>/tables/lesion_features.parquet and lesion_features_predicted.parquet, for whoever asks for them.
"""


rule lesion_features:
    """Measure every tumour by hand-made features: by the reference masks, or by those that the first method predicts."""
    input:
        images="<results>/shards/flair/dataset.json",
        slices=SCAN_FILES,
        predictions=lambda wildcards: (
            masks_of(RUNS, "<results>") if wildcards.of else []
        ),
    output:
        features="<results>/tables/lesion_features{of}.parquet",
    log:
        "<logs>/lesion_features{of}.log",
    benchmark:
        "<benchmarks>/lesion_features{of}.tsv"
    wildcard_constraints:
        of="|_predicted",
    conda:
        TRAIN_ENV
    threads: 1
    resources:
        mem_mb=grows(4000),
        runtime=grows(60),
    params:
        predictions=lambda wildcards, input: (
            ["--predictions", *input.predictions] if input.predictions else []
        ),
        code=code_of("lesion-features", *TASK_CODE),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi lesion-features \
            --image-shard {input.images:q} \
            {params.predictions:q} \
            --output {output.features:q}
        """
