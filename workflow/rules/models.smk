"""
Find each model's checkpoint and note what it is.

    model   resources/models/{model}.json   repo, commit, local_path, hashes, status

A row's repo is zoo:NAME, a folder, or (not downloaded yet) a hub id.
"""


rule retrieve:
    input:
        checkpoint_files,
    output:
        "resources/models/{model}.json",
    log:
        "logs/retrieve/{model}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        repo=lambda wildcards: MODELS[wildcards.model]["repo"],
        revision=lambda wildcards: MODELS[wildcards.model]["revision"],
        path=lambda wildcards: checkpoint_path(wildcards.model),
        adapter=lambda wildcards: MODELS[wildcards.model]["adapter"],
    script:
        "../scripts/retrieve.py"
