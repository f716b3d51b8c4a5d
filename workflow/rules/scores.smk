"""
Score every sample with every model: one job per (dataset, model, shard).

    scores   results/scores/{dataset}/{model}/{shard}.parquet

Only what changes numbers is a param. `batch_tokens` and `device` do not, so they are resources.
"""


def scores_of(dataset):
    """The score files of a dataset, in the order of the models' names."""
    return [
        f"results/scores/{dataset}/{model}/{k}-of-{MODELS[model]['shards']}.parquet"
        for model in models_of(dataset)
        for k in range(1, MODELS[model]["shards"] + 1)
    ]


def score_settings(wildcards):
    """What changes the numbers of one model on one dataset, and nothing else."""
    row, score = MODELS[wildcards.model], config["score"]
    dataset = DATASETS.get(wildcards.dataset, {"prompt": "", "variants": ["given", "blank"]})
    return {
        "repo": row["repo"],
        "revision": row["revision"],
        "dtype": row["dtype"] or score["dtype"],
        "attention": row["attention"] or score["attention"],
        "prompt": row["prompt"] or dataset["prompt"],
        "image_options": row["image_options"],
        "variants": dataset["variants"],
        "require_image_use": score["require_image_use"],
    }


rule score:
    input:
        checkpoint_files,
        samples="resources/samples/{dataset}.parquet",
        model=ancient("resources/models/{model}.json"),
    output:
        "results/scores/{dataset}/{model}/{shard}.parquet",
    log:
        "logs/score/{dataset}/{model}/{shard}.log",
    benchmark:
        "logs/score/{dataset}/{model}/{shard}.benchmark.tsv"
    params:
        settings=score_settings,
        version=tables.version(tables.SCORES),
    resources:
        gpu=1,
        device=config["score"]["device"],
        batch_tokens=str(config["score"]["batch_tokens"]),
    conda:
        "../../envs/modelmap.yaml"
    script:
        "../scripts/score.py"
