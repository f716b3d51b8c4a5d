"""
Find each model's checkpoint, note what it is, and bring its weights here.

    model     resources/models/{model}.json      repo, commit, local_path, files, hashes, status
    weights   in the user's own Hugging Face cache
    native    resources/models/{model}.native/   of a checkpoint that is converted

A row's repo is zoo:NAME, a folder, or a hub id. `retrieve` downloads what is small of a hub id;
`fetch` its weights, for one job that is to run: a score's (its shard) or one of theory's (texts,
judged). What `fetch` and `convert` leave is temporary: scores that are there want no weights, so
`remove_weights` may delete them at any time.
"""


localrules:
    retrieve,
    fetch,
    remove_weights,


# Few at a time: each has several connections, and what is fetched long before it is scored fills
# the disk. `--resources downloads=N` allows more.
workflow.global_resources.setdefault("downloads", 2)

# The jobs that weights are fetched for: no two share a file, see docs/architecture.md.
USE = r"\d+-of-\d+|texts|judged"


# Files in a storage reach jobs if rules declare them, and weights are no such files. A cache on a
# volume can be seen from everywhere; what lies in a folder would silently be missing.
if workflow.storage_settings and workflow.storage_settings.default_storage_provider:
    for model in sorted(MODELS):
        if not_of_a_hub(model):
            raise WorkflowError(
                f"{config['models']}: {model} (repo {MODELS[model]['repo']}) is read from a folder "
                "here, which jobs on other machines do not see; with --default-storage-provider "
                "models come from a hub, unconverted (docs/executors.md)"
            )


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
        source=lambda wildcards: {
            **{
                key: MODELS[wildcards.model][key]
                for key in ("repo", "revision", "adapter", "convert", "remote_code")
            },
            "path": checkpoint_path(wildcards.model),
            "adapter_path": folder(MODELS[wildcards.model]["adapter"]),
        },
        attempt=lambda wildcards: attempt(wildcards.model),
    script:
        "../scripts/retrieve.py"


rule fetch:
    input:
        "resources/models/{model}.json",
    output:
        temp("resources/fetched/{dataset}/{model}/{shard}"),
    log:
        "logs/fetch/{dataset}/{model}/{shard}.log",
    wildcard_constraints:
        shard=USE,
    conda:
        "../../envs/modelmap.yaml"
    resources:
        downloads=1,
    params:
        images=lambda wildcards: blocks.shows_images(DATASETS[wildcards.dataset]),
    script:
        "../scripts/fetch.py"


rule convert:
    input:
        model="resources/models/{model}.json",
        fetched=fetched,
    output:
        temp("resources/converted/{dataset}/{model}/{shard}"),
    log:
        "logs/convert/{dataset}/{model}/{shard}.log",
    wildcard_constraints:
        shard=USE,
    conda:
        "../../envs/modelmap.yaml"
    resources:
        **if_asked(mem_mb=memory_mb, runtime=minutes(lambda wildcards: 0)),
    script:
        "../scripts/convert.py"


rule remove_weights:
    log:
        "logs/remove_weights.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        scores=lambda wildcards: {
            f"resources/models/{model}.json": [
                file for dataset in SCORED for file in scores_of(dataset, [model])
            ]
            for model in MODELS
            if is_remote(model) or MODELS[model]["convert"]
        },
    script:
        "../scripts/remove_weights.py"
