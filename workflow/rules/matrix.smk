"""
Gather the scores of all models on a dataset, and say how each model fared. Of a dataset that is a
matrix of others (source: matrix), gather its rows, and what is scored on the same samples.

    matrix    results/matrix/{dataset}.parquet           log-likelihoods, NaN where missing
    samples   results/matrix/{dataset}.samples.parquet   which samples count, and why not
    models    results/matrix/{dataset}.models.parquet    which models count; mean NLL, image gap
    gaps      results/matrix/{dataset}.{image_gap,blank_gap,text_gap}.parquet
    pmi       results/matrix/{dataset}.pmi.parquet, .pmi.samples.parquet, .pmi.models.parquet
    gate      results/gate/{dataset}/{model}.parquet
    status    results/status.tsv, results/status.html
"""


rule gather:
    input:
        samples=lambda wildcards: samples_of(wildcards.dataset),
        scores=lambda wildcards: scores_for(wildcards.dataset),
        matrix=lambda wildcards: matrix_files(wildcards.dataset),
        subset=subset_of,
        reference=lambda wildcards: frozen_map(wildcards.dataset),
    output:
        matrix="results/matrix/{dataset}.parquet",
        samples="results/matrix/{dataset}.samples.parquet",
        models="results/matrix/{dataset}.models.parquet",
        gate=directory("results/gate/{dataset}"),
    log:
        "logs/gather/{dataset}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        level=config["map"]["level"],
        given=lambda wildcards: given_on(wildcards.dataset),
        samples_from=lambda wildcards: DATASETS[wildcards.dataset]["samples_from"],
        version=[
            tables.version(schema)
            for schema in (
                tables.MATRIX,
                tables.MATRIX_SAMPLES,
                tables.MATRIX_MODELS,
                tables.GATE,
            )
        ],
    script:
        "../scripts/gather.py"


rule compare_images:
    input:
        samples="resources/samples/{dataset}.parquet",
        scores=lambda wildcards: scores_of(wildcards.dataset),
    output:
        "results/matrix/{dataset}.{measure}.parquet",
    log:
        "logs/compare_images/{dataset}/{measure}.log",
    wildcard_constraints:
        measure=one_of(blocks.GAPS),
    conda:
        "../../envs/modelmap.yaml"
    params:
        version=tables.version(tables.VISUAL),
    script:
        "../scripts/compare_images.py"


rule inform:
    input:
        samples="resources/samples/{dataset}.parquet",
        models="results/matrix/{dataset}.models.parquet",
        scores=lambda wildcards: scores_for(f"{wildcards.dataset}.pmi"),
        subset=subset_of,
        reference=lambda wildcards: frozen_map(f"{wildcards.dataset}.pmi"),
    output:
        matrix="results/matrix/{dataset}.pmi.parquet",
        samples="results/matrix/{dataset}.pmi.samples.parquet",
        models="results/matrix/{dataset}.pmi.models.parquet",
    log:
        "logs/inform/{dataset}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        version=[
            tables.version(schema)
            for schema in (tables.VISUAL, tables.MATRIX_SAMPLES, tables.MATRIX_MODELS)
        ],
    script:
        "../scripts/inform.py"


rule status:
    input:
        scores=[file for dataset in SCORED for file in scores_of(dataset)],
        matrices=expand("results/matrix/{dataset}.models.parquet", dataset=MATRICES),
    output:
        table="results/status.tsv",
        page=report(
            "results/status.html",
            caption="../report/status.rst",
            category="Run",
            labels={"what": "how every model fared", "as": "page"},
        ),
    log:
        "logs/status.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        not_applicable=not_applicable(),
        frozen=on_frozen_maps(),
    script:
        "../scripts/status.py"


rule complete:
    input:
        status="results/status.tsv",
        everything=lambda wildcards: rules.map.input
        + rules.stability.input
        + rules.benchmarks.input
        + rules.subsets.input,
    output:
        touch("results/complete"),
    log:
        "logs/complete.log",
    conda:
        "../../envs/modelmap.yaml"
    script:
        "../scripts/complete.py"
