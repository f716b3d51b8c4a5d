"""
Find each model's checkpoint and note what it is.

    model   resources/models/{model}.json   repo, commit, local_path, hashes, status

A row's repo is zoo:NAME, a folder, or (not downloaded yet) a hub id.
"""

SUFFIXES = (".json", ".safetensors", ".jinja", ".txt", ".model")


def checkpoint_path(model):
    """The folder of a model's checkpoint; None for a hub id."""
    repo = MODELS[model]["repo"]
    if repo.startswith("zoo:"):
        return f"resources/zoo/{repo.removeprefix('zoo:')}"
    if Path(repo).is_dir() or repo.startswith(("./", "../", "/")):
        return repo
    return None


def checkpoint_files(wildcards):
    """The files of a checkpoint, watched: one trained anew in its place is scored anew."""
    path = checkpoint_path(wildcards.model)
    if MODELS[wildcards.model]["repo"].startswith("zoo:"):
        return [f"{path}/{file}" for file in CHECKPOINT]
    files = Path(path).iterdir() if path and Path(path).is_dir() else []
    return sorted(str(file) for file in files if file.suffix in SUFFIXES)


rule retrieve:
    input:
        checkpoint_files,
    output:
        "resources/models/{model}.json",
    log:
        "logs/retrieve/{model}.log",
    params:
        repo=lambda wildcards: MODELS[wildcards.model]["repo"],
        revision=lambda wildcards: MODELS[wildcards.model]["revision"],
        path=lambda wildcards: checkpoint_path(wildcards.model),
    conda:
        "../../envs/modelmap.yaml"
    script:
        "../scripts/retrieve.py"
