"""From verified bytes to the shards that the learning half reads, and the split.

REQUIRED INPUTS: <results>/locks/, <results>/raw/, <results>/tables/; the user's own tables where named.
OUTPUTS: <results>/shards/, <results>/prepared/, <results>/tables/split.parquet and whole.parquet.
The files of prepared patients lie undeclared beside their table, so that another cohort makes what is new alone.
"""


rule data:
    """Target: everything that training reads."""
    input:
        shards=[one.shard[-1] for one in MODALITIES.values()],
        split="<results>/tables/split.parquet",
        fitted=fitted_files(MODALITIES, config["runs"]["folds"]),
        labels=LABELS,


rule shard:
    """Put what was fetched of a table's modality into one file, a row a patient, unscaled."""
    input:
        lock="<results>/locks/{modality}.json",
        index=lambda wildcards: MODALITIES[wildcards.modality].indexes,
        table=lambda wildcards: own(MODALITIES[wildcards.modality].own_files),
        given=lambda wildcards: own(
            MODALITIES[wildcards.modality].shard_inputs.values()
        ),
        digests=lambda wildcards: sidecars(MODALITIES[wildcards.modality].made_inputs),
    output:
        values="<results>/shards/{modality}/values.parquet",
        features="<results>/shards/{modality}/features.parquet",
        dataset="<results>/shards/{modality}/dataset.json",
    log:
        "<logs>/shard-{modality}.log",
    benchmark:
        "<benchmarks>/shard-{modality}.tsv"
    wildcard_constraints:
        modality=of_format(MODALITIES, "table"),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(4000),
        runtime=grows(60),
    params:
        table=lambda wildcards: option(
            "--table", MODALITIES[wildcards.modality].own_path
        ),
        settings=lambda wildcards: MODALITIES[wildcards.modality].stored,
        part=partial(part_options, config["cohort"]["exclude"]),
        index=lambda wildcards, input: for_each_batch(input.index),
        given=lambda wildcards, input: MODALITIES[wildcards.modality].shard_options(
            input.given
        ),
        code=lambda wildcards: code_of(
            "shard", *MODALITIES[wildcards.modality].sharding_code
        ),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi shard \
            --modality {wildcards.modality:q} \
            --settings {params.settings:q} \
            --lock {input.lock:q} \
            --index {params.index:q} \
            {params.table:q} \
            {params.part:q} \
            {params.given:q} \
            --threads {threads} \
            --output {output:q}
        """


use rule shard as shard_volumes with:
    output:
        slices="<results>/shards/{modality}/part-{part}.parquet",
        part="<results>/shards/{modality}/part-{part}.json",
    log:
        "<logs>/shard_volumes-{modality}-{part}.log",
    benchmark:
        "<benchmarks>/shard_volumes-{modality}-{part}.tsv"
    wildcard_constraints:
        modality=of_format(MODALITIES, "volumes"),
    threads: 2
    resources:
        mem_mb=grows(4000),
        runtime=grows(120),


use rule shard as shard_bags with:
    output:
        tiles="<results>/shards/{modality}/part-{part}.parquet",
        picture="<results>/shards/{modality}/part-{part}.png",
        part="<results>/shards/{modality}/part-{part}.json",
    log:
        "<logs>/shard_bags-{modality}-{part}.log",
    benchmark:
        "<benchmarks>/shard_bags-{modality}-{part}.tsv"
    wildcard_constraints:
        modality=of_format(MODALITIES, "bags"),
    threads: 2
    resources:
        mem_mb=grows(8000),
        runtime=grows(720),


rule describe_volumes:
    """Describe the parts of a shard of images, once they agree, have the cohort's patients, and none of them twice."""
    input:
        slices=lambda wildcards: MODALITIES[wildcards.modality].part_files,
        parts=lambda wildcards: MODALITIES[wildcards.modality].part_records,
        cohort="<results>/tables/cohort.parquet",
    output:
        dataset="<results>/shards/{modality}/dataset.json",
    log:
        "<logs>/describe_volumes-{modality}.log",
    benchmark:
        "<benchmarks>/describe_volumes-{modality}.tsv"
    wildcard_constraints:
        modality=of_format(MODALITIES, "volumes"),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(10),
    params:
        n_parts=lambda wildcards, input: len(input.parts),
        code=code_of("describe-volumes"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi describe-volumes \
            --modality {wildcards.modality:q} \
            --parts {params.n_parts} \
            --cohort {input.cohort:q} \
            --output {output.dataset:q}
        """


rule describe_bags:
    """Describe the parts of a shard of bags, once they agree and have the cohort's patients, with a table of all slides."""
    input:
        files=lambda wildcards: MODALITIES[wildcards.modality].part_files,
        parts=lambda wildcards: MODALITIES[wildcards.modality].part_records,
        cohort="<results>/tables/cohort.parquet",
    output:
        slides="<results>/shards/{modality}/slides.parquet",
        picture="<results>/shards/{modality}/slides.png",
        dataset="<results>/shards/{modality}/dataset.json",
    log:
        "<logs>/describe_bags-{modality}.log",
    benchmark:
        "<benchmarks>/describe_bags-{modality}.tsv"
    wildcard_constraints:
        modality=of_format(MODALITIES, "bags"),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(10),
    params:
        n_parts=lambda wildcards, input: len(input.parts),
        code=code_of("describe-bags"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi describe-bags \
            --modality {wildcards.modality:q} \
            --parts {params.n_parts} \
            --cohort {input.cohort:q} \
            --output {output.dataset:q}
        """


rule prepare_slices:
    """Put all slices at the network's size, once for every run; what an earlier job made of a patient is used again."""
    input:
        images="<results>/shards/flair/dataset.json",
        slices=SCAN_FILES,
    output:
        table=local("<local_results>/prepared/{prepared}/slices.parquet"),
    log:
        "<logs>/prepare_slices-{prepared}.log",
    benchmark:
        "<benchmarks>/prepare_slices-{prepared}.tsv"
    wildcard_constraints:
        prepared="|".join(map(re.escape, PREPARED)),
    conda:
        TRAIN_ENV
    threads: 2
    resources:
        mem_mb=grows(4000),
        runtime=grows(240),
    params:
        settings=lambda wildcards: PREPARED[wildcards.prepared],
        code=code_of("prepare-slices"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi prepare-slices \
            --image-shard {input.images:q} \
            --settings {params.settings:q} \
            --code {params.code:q} \
            --threads {threads} \
            --output {output.table:q}
        """


rule split:
    """Give every patient one test fold, stratified by hospital; beside it the fold that tests nobody."""
    input:
        cohort="<results>/tables/cohort.parquet",
    output:
        split="<results>/tables/split.parquet",
        tsv="<results>/tables/split.tsv",
        whole="<results>/tables/whole.parquet",
        sites=report(
            "<results>/tables/split_sites.tsv",
            caption="../report/sites.rst",
            category="Cohort",
            labels={"table": "hospitals by fold"},
        ),
        digests=sidecars(
            ["<results>/tables/split.tsv", "<results>/tables/split_sites.tsv"]
        ),
    log:
        "<logs>/split.log",
    benchmark:
        "<benchmarks>/split.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(10),
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
        shards=[path for one in MODALITIES.values() for path in one.shard],
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
        mem_mb=grows(4000),
        runtime=grows(30),
    params:
        datasets=lambda wildcards, input: described(input.shards),
        split_unit=lambda wildcards: LEAK_CHECKS[wildcards.of].split_unit,
        near=config["cohort"]["near_duplicates"],
        code=code_of("check-leaks"),
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m mgi check-leaks \
            --split {input.split:q} \
            --dataset {params.datasets:q} \
            --split-unit {params.split_unit:q} \
            --near-duplicates {params.near:q} \
            --output {output.report:q}
        """
