"""
Make the samples of each dataset: every image is decoded once here, and every problem told at once.

    samples   resources/samples/{dataset}.parquet
"""


rule sample:
    input:
        source_files,
    output:
        "resources/samples/{dataset}.parquet",
    log:
        "logs/sample/{dataset}.log",
    wildcard_constraints:
        dataset=one_of(DATASETS),
    conda:
        "../../envs/modelmap.yaml"
    params:
        block=lambda wildcards: {
            key: DATASETS[wildcards.dataset].get(key)
            for key in ("source", "path", "targets_per_image", "n_samples", "seed")
        },
        version=tables.version(tables.SAMPLES),
    script:
        "../scripts/sample.py"
