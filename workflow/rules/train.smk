"""Pre-training, fine-tuning and prediction, one job per row of the table of runs.

REQUIRED INPUTS: <results>/shards/, <results>/prepared/, <results>/folds/, <results>/tables/split.parquet.
OUTPUTS: <results>/runs/, <results>/predictions/; checkpoints lie undeclared in a run's ckpt/, so that a killed run resumes.
"""


rule train:
    """Target: all trained models."""
    input:
        weights=expand("<results>/runs/{run}/weights.safetensors", run=COMPARED),


rule pretrain:
    """Align the gene and image encoders by contrast on a fold's training patients."""
    input:
        images=run_images,
        prepared=prepared_slices(config),
        stripped=run_stripped,
        expression="<results>/shards/rna/dataset.json",
        image_files=run_image_files,
        shards=EXPRESSION_FILES,
        genes=run_genes,
        split=lambda wildcards: fold_split(TRAINED[wildcards.run].fold),
        leaks=run_leaks,
        pathways=run_pathways,
        modality_shards=run_modality_shards,
        modality_fits=run_modality_fits,
        covariates=run_covariates,
    output:
        weights="<results>/runs/{run}/weights.safetensors",
        curves="<results>/runs/{run}/curves.jsonl",
        run="<results>/runs/{run}/run.json",
    log:
        "<logs>/pretrain-{run}.log",
    benchmark:
        "<benchmarks>/pretrain-{run}.tsv"
    wildcard_constraints:
        run=r"pretrain-.+",
    # MGI waits for it: begun last, it would leave all but one core idle at the end.
    priority: 10
    conda:
        TRAIN_ENV
    threads: training_threads(config, "pretrain")
    resources:
        mem_mb=grows(config["compute"]["train_mem_mb"]),
        runtime=grows(config["compute"]["train_runtime"]),
        gpu=training_gpus(config, "pretrain"),
        nodes=nodes_of(config, "pretrain"),
    params:
        described=described_run,
        prepared=prepared_option,
        model=run_model,
        settings=run_pretrain,
        stripped=lambda wildcards, input: option(
            "--prepared-stripped", next(iter(input.stripped), None)
        ),
        processes=processes_per_node(config, "pretrain"),
        torchrun=torchrun(config, "pretrain"),
        pathways=pathways_option,
        modalities=modality_options,
        deterministic=DETERMINISTIC,
        memory=memory_kept(),
        code=lambda wildcards: code_of("pretrain", *run_modality_code(wildcards)),
    shell:
        r"""
        exec &> >(tee {log:q})
        # The processes share the job's threads; torchrun would give each of them one.
        export OMP_NUM_THREADS=$(({threads} > {params.processes} ? {threads} / {params.processes} : 1))
        export {params.memory}
        python -m mgi.core.gpu_lease {resources.gpu} {params.torchrun:q} python -m mgi pretrain \
            --gpus {resources.gpu} {params.deterministic:q} \
            --run-json {params.described:q} \
            --model {params.model:q} \
            {params.pathways:q} {input.pathways:q} \
            --settings {params.settings:q} \
            --image-shard {input.images:q} \
            {params.prepared:q} \
            {params.stripped:q} \
            --expression-shard {input.expression:q} \
            --fold-genes {input.genes:q} \
            {params.modalities:q} \
            --split {input.split:q} \
            --leaks {input.leaks:q} \
            --weights {output.weights:q} \
            --curves {output.curves:q} \
            --record {output.run:q}
        """


rule finetune:
    """Train one network for its task, from pre-trained encoders where its row says so."""
    input:
        images=RUN_IMAGE.shard[-1],
        prepared=prepared_slices(config),
        stripped=stripped_slices(config, config["finetune"]),
        expression="<results>/shards/rna/dataset.json",
        shards=[*IMAGE_FILES, *EXPRESSION_FILES],
        beside=BESIDE_FILES,
        genes=run_genes,
        split=lambda wildcards: fold_split(TRAINED[wildcards.run].fold),
        leaks=run_leaks,
        pathways=run_pathways,
        modality_shards=run_modality_shards,
        modality_fits=run_modality_fits,
        labels=TASK_LABELS,
        pretrained=run_start,
        pretrained_record=lambda wildcards: beside(run_start(wildcards), "run.json"),
    output:
        weights="<results>/runs/{run}/weights.safetensors",
        curves="<results>/runs/{run}/curves.jsonl",
        run="<results>/runs/{run}/run.json",
    log:
        "<logs>/finetune-{run}.log",
    benchmark:
        "<benchmarks>/finetune-{run}.tsv"
    wildcard_constraints:
        run=r"(?!pretrain-).+",
    conda:
        TRAIN_ENV
    threads: training_threads(config, "finetune")
    resources:
        mem_mb=grows(config["compute"]["train_mem_mb"]),
        runtime=grows(config["compute"]["train_runtime"]),
        gpu=training_gpus(config, "finetune"),
        nodes=nodes_of(config, "finetune"),
    params:
        described=described_run,
        prepared=prepared_option,
        beside=beside_shard,
        model=run_model,
        settings=run_finetune,
        stripped=lambda wildcards, input: option(
            "--prepared-stripped", next(iter(input.stripped), None)
        ),
        processes=processes_per_node(config, "finetune"),
        torchrun=torchrun(config, "finetune"),
        pathways=pathways_option,
        labels=lambda wildcards, input: label_arguments(config, input.labels),
        pretrained=lambda wildcards, input: (
            ["--pretrained", *input.pretrained] if input.pretrained else []
        ),
        modalities=modality_options,
        deterministic=DETERMINISTIC,
        memory=memory_kept(),
        code=lambda wildcards: code_of(
            "finetune", *TASK_CODE, *run_modality_code(wildcards)
        ),
    shell:
        r"""
        exec &> >(tee {log:q})
        # The processes share the job's threads; torchrun would give each of them one.
        export OMP_NUM_THREADS=$(({threads} > {params.processes} ? {threads} / {params.processes} : 1))
        export {params.memory}
        python -m mgi.core.gpu_lease {resources.gpu} {params.torchrun:q} python -m mgi finetune \
            --gpus {resources.gpu} {params.deterministic:q} \
            --run-json {params.described:q} \
            --model {params.model:q} \
            {params.pathways:q} {input.pathways:q} \
            --settings {params.settings:q} \
            --image-shard {input.images:q} \
            {params.prepared:q} \
            {params.beside:q} \
            {params.stripped:q} \
            --expression-shard {input.expression:q} \
            --fold-genes {input.genes:q} \
            {params.modalities:q} \
            --split {input.split:q} \
            --leaks {input.leaks:q} \
            {params.labels:q} \
            {params.pretrained:q} \
            --weights {output.weights:q} \
            --curves {output.curves:q} \
            --record {output.run:q}
        """


rule predict_fold:
    """Predict for the fold's test patients, with each expression input that the audit asks for."""
    input:
        images=RUN_IMAGE.shard[-1],
        prepared=prepared_slices(config),
        expression="<results>/shards/rna/dataset.json",
        shards=[*IMAGE_FILES, *EXPRESSION_FILES],
        beside=BESIDE_FILES,
        genes=run_genes,
        modality_shards=run_modality_shards,
        modality_fits=run_modality_fits,
        split="<results>/tables/split.parquet",
        weights=run_weights,
        record=run_records,
    output:
        predictions="<results>/predictions/{run}.parquet",
    log:
        "<logs>/predict_fold-{run}.log",
    benchmark:
        "<benchmarks>/predict_fold-{run}.tsv"
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
        beside=beside_shard,
        settings=settings("predict"),
        modalities=modality_options,
        deterministic=DETERMINISTIC,
        memory=memory_kept(),
        code=lambda wildcards: code_of(
            "predict-fold", *TASK_CODE, *run_modality_code(wildcards)
        ),
    shell:
        r"""
        exec &> >(tee {log:q})
        export {params.memory}
        python -m mgi.core.gpu_lease {resources.gpu} python -m mgi predict-fold \
            --gpus {resources.gpu} {params.deterministic:q} \
            --run-json {params.described:q} \
            --settings {params.settings:q} \
            --weights {input.weights:q} \
            --image-shard {input.images:q} \
            {params.prepared:q} \
            {params.beside:q} \
            --expression-shard {input.expression:q} \
            --fold-genes {input.genes:q} \
            {params.modalities:q} \
            --split {input.split:q} \
            --output {output.predictions:q}
        """
