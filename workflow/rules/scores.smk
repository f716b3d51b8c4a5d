"""
Score every sample with every model: one job per (dataset, model, shard).

    scores   results/scores/{dataset}/{model}/{shard}.parquet
             … .parts/   finished batches of a job that has not ended: it goes on with them
             … .whole    the same file as the scores until `gather` has read them: see score.py

Only what changes numbers is a param. `batch_tokens` and `device` do not, so they are resources, and
so is what a cluster is asked for (modelmap/resources.py).
"""


rule score:
    input:
        samples="resources/samples/{dataset}.parquet",
        model="resources/models/{model}.json",
        weights=weights,
    output:
        "results/scores/{dataset}/{model}/{shard}.parquet",
    log:
        "logs/score/{dataset}/{model}/{shard}.log",
    conda:
        "../../envs/modelmap.yaml"
    threads: score_threads()
    resources:
        **if_asked(mem_mb=memory_mb, runtime=minutes(n_pairs)),
        gpu=gpus_of,
        jobs_per_gpu=config["score"]["jobs_per_gpu"],
        device=config["score"]["device"],
        batch_tokens=str(config["score"]["batch_tokens"]),
    params:
        settings=lambda wildcards: settings_of(wildcards.model, wildcards.dataset),
        version=tables.version(tables.SCORES),
    script:
        "../scripts/score.py"
