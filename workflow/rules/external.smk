"""Another archive: every method trained on the whole configured cohort, and tested on patients from elsewhere.

The other archive is ingested, scored and compared by the rules of this workflow, loaded once more with the sources of
the config section `external` and a results folder of their own. Training reads nothing of it.

REQUIRED INPUTS: <results>/shards/, <results>/tables/whole.parquet; the sources that the section names.
OUTPUTS: <results>/external/; the runs and the fold of the whole cohort lie beside the others.
"""

OUTSIDE = f"{config['results']}/external"
OUTSIDE_IMAGES, OUTSIDE_EXPRESSION = (
    [path.replace("<results>", OUTSIDE) for path in one.shard[:-1]]
    for one in (configured(external_config(config))[name] for name in ("flair", "rna"))
)
WHOLE_FOLD = f"{config['results']}/folds/{config['split']['folds']}/genes.parquet"


module another:
    snakefile:
        ROOT / "workflow" / "Snakefile"
    config:
        external_config(config)


use rule * from another exclude split, check_leaks, fit_genes, fit_features, pretrain, finetune as external_*


rule prepare_external:
    """Refuse whoever was trained on, and put all others on the frozen genes."""
    input:
        images="<results>/shards/flair/dataset.json",
        expression="<results>/shards/rna/dataset.json",
        split="<results>/tables/whole.parquet",
        fitted=WHOLE_FOLD,
        cohort=f"{OUTSIDE}/tables/cohort.parquet",
        external_images=f"{OUTSIDE}/shards/flair/dataset.json",
        external_expression=f"{OUTSIDE}/shards/rna/dataset.json",
        files=[*IMAGE_FILES, *EXPRESSION_FILES],
        external_files=[*OUTSIDE_IMAGES, *OUTSIDE_EXPRESSION],
    output:
        values=f"{OUTSIDE}/aligned/values.parquet",
        features=f"{OUTSIDE}/aligned/features.parquet",
        dataset=f"{OUTSIDE}/aligned/dataset.json",
        split=f"{OUTSIDE}/aligned/split.parquet",
        tsv=f"{OUTSIDE}/aligned/split.tsv",
        digest=f"{OUTSIDE}/aligned/split.tsv.sha256",
        metadata=f"{OUTSIDE}/aligned/metadata.json",
    log:
        "<logs>/prepare_external.log",
    benchmark:
        "<benchmarks>/prepare_external.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(4000),
        runtime=grows(30),
    params:
        settings=json.dumps({"max_missing": config["external"]["max_missing"]}),
        near=config["external"]["near_duplicates"],
        code=code_of("prepare-external"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi prepare-external \
            --settings {params.settings:q} \
            --near-duplicates {params.near:q} \
            --image-shard {input.images:q} \
            --expression-shard {input.expression:q} \
            --split {input.split:q} \
            --fitted {input.fitted:q} \
            --external-cohort {input.cohort:q} \
            --external-image-shard {input.external_images:q} \
            --external-expression-shard {input.external_expression:q} \
            --output-values {output.values:q} \
            --output-features {output.features:q} \
            --output-dataset {output.dataset:q} \
            --output-split {output.split:q} \
            --tsv {output.tsv:q} \
            --metadata {output.metadata:q}
        """


use rule predict_fold from another as external_predict_fold with:
    input:
        images=f"{OUTSIDE}/shards/flair/dataset.json",
        prepared=[local(f"{RESULTS}/external/{prepared_table(config)}")],
        expression=f"{OUTSIDE}/aligned/dataset.json",
        shards=[
            *OUTSIDE_IMAGES,
            f"{OUTSIDE}/aligned/values.parquet",
            f"{OUTSIDE}/aligned/features.parquet",
        ],
        genes=WHOLE_FOLD,
        # The config is refused where networks read slides or further modalities.
        beside=[],
        modality_shards=[],
        modality_fits=[],
        split=f"{OUTSIDE}/aligned/split.parquet",
        weights=partial(predicting_weights, WHOLE, config["results"]),
        record=partial(predicting_records, WHOLE, config["results"]),


use rule compare from another as external_compare with:
    input:
        scores=expand(f"{OUTSIDE}/evaluation/{{run}}.parquet", run=evaluated(WHOLE)),
        split=f"{OUTSIDE}/aligned/split.parquet",
