"""What the vectors of pre-training know of labels and survival, in configs that ask for it.

REQUIRED INPUTS: <results>/embeddings/, <results>/tables/, <results>/shards/rna/.
OUTPUTS: <results>/probe/.
"""


rule probe:
    """Let simple models tell labels and survival from vectors, and from simple features of the same patients."""
    input:
        labels="<results>/tables/labels.parquet",
        split="<results>/tables/split.parquet",
        expression="<results>/shards/rna/dataset.json",
        values=EXPRESSION_FILES,
        vectors=expand("<results>/embeddings/{run}.parquet", run=PROBED),
        lesions=reference_lesions(MODALITIES),
        predicted_lesions=predicted_lesions(RUNS),
    output:
        probes=report(
            "<results>/probe/probes.csv",
            caption="../report/probes.rst",
            category="Probes",
            labels={"table": "labels told by features"},
        ),
        survival=report(
            "<results>/probe/survival.csv",
            caption="../report/probed_survival.rst",
            category="Probes",
            labels={"table": "survival told by features"},
        ),
        retrieval=report(
            "<results>/probe/retrieval.csv",
            caption="../report/retrieval.rst",
            category="Probes",
            labels={"table": "genes retrieved by images"},
        ),
        modalities="<results>/probe/retrieval_modalities.csv",
        digests=sidecars(
            expand(
                "<results>/probe/{table}.csv",
                table=["probes", "survival", "retrieval", "retrieval_modalities"],
            )
        ),
        predictions="<results>/probe/out_of_fold.parquet",
        maps="<results>/probe/maps.parquet",
    log:
        "<logs>/probe.log",
    benchmark:
        "<benchmarks>/probe.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(4000),
        runtime=grows(120),
    params:
        vectors=lambda wildcards, input: for_each(PROBED, input.vectors),
        runs=settings("runs", without=("leaky_slice_split",)),
        lesions=lambda wildcards, input: option(
            "--lesion-features", next(iter(input.lesions), None)
        ),
        predicted_lesions=lambda wildcards, input: option(
            "--lesion-features-predicted", next(iter(input.predicted_lesions), None)
        ),
        settings=settings("probe"),
        folder=lambda wildcards, output: str(Path(output.probes).parent),
        code=code_of("probe"),
    shell:
        r"""
        exec &> >(tee {log:q})
        export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
        python -m mgi probe \
            --labels {input.labels:q} \
            --split {input.split:q} \
            --expression-shard {input.expression:q} \
            --embeddings {params.vectors:q} \
            --runs {params.runs:q} \
            {params.lesions:q} \
            {params.predicted_lesions:q} \
            --settings {params.settings:q} \
            --output {params.folder:q}
        """
