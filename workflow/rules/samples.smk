"""
Make the samples of each dataset: every image is decoded once here, and every problem told at once.

    samples   resources/samples/{dataset}.parquet
"""


def source_files(wildcards):
    """The file that lists a folder's images. (The images themselves are not watched.)"""
    block = DATASETS[wildcards.dataset]
    file = Path(block["path"]) / "metadata.jsonl" if block["source"] == "folder" else None
    return [str(file)] if file and file.exists() else []


rule sample:
    wildcard_constraints:
        dataset="|".join(map(re.escape, DATASETS)),
    input:
        source_files,
    output:
        "resources/samples/{dataset}.parquet",
    log:
        "logs/sample/{dataset}.log",
    params:
        block=lambda wildcards: {
            key: DATASETS[wildcards.dataset].get(key)
            for key in ("source", "path", "targets_per_image", "n_samples", "seed")
        },
        version=tables.version(tables.SAMPLES),
    conda:
        "../../envs/modelmap.yaml"
    script:
        "../scripts/sample.py"
