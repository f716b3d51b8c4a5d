"""
Make the samples of each dataset: every image is decoded once here, and every problem told at once.

    samples   resources/samples/{dataset}.parquet
"""


rule sample:
    input:
        files=source_files,
        subset=subset_of,
    output:
        "resources/samples/{dataset}.parquet",
    log:
        "logs/sample/{dataset}.log",
    # A hub's dataset is downloaded, and nodes of a cluster may have no network.
    localrule: any(block["source"] == "hub" for block in DATASETS.values())
    conda:
        "../../envs/modelmap.yaml"
    params:
        block=lambda wildcards: drawn(wildcards.dataset),
        version=tables.version(tables.SAMPLES),
    script:
        "../scripts/sample.py"
