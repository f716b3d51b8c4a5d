"""
Tell what a run will cost before anything of it starts: `snakemake --cores 1 plan`.

    estimate   results/plan/{model}.json           operations and memory, dataset by dataset
    plan       results/plan.txt, results/plan.tsv  jobs, downloads, disk, memory, GPU-hours

Only what is small of a hub model is downloaded for it. Models of the zoo are left out: to tell
what they cost they would have to be trained, which is most of it. `plan` is a command: it always runs, for it
tells what is still to do.
"""


rule estimate:
    input:
        "resources/models/{model}.json",
    output:
        "results/plan/{model}.json",
    log:
        "logs/estimate/{model}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        datasets=lambda wildcards: {
            dataset: usual_sample(wildcards.model, dataset)
            for dataset in SCORED
            if wildcards.model in scored_on(dataset)
        },
        options=lambda wildcards: {
            "dtype": MODELS[wildcards.model]["dtype"] or config["score"]["dtype"],
            "image_options": MODELS[wildcards.model]["image_options"],
            "share_prefix": config["score"]["share_prefix"],
            "batch_tokens": config["score"]["batch_tokens"],
        },
    script:
        "../scripts/estimate.py"


rule plan:
    input:
        models=expand("resources/models/{model}.json", model=not_of_the_zoo()),
        estimates=expand("results/plan/{model}.json", model=not_of_the_zoo()),
    log:
        "logs/plan.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=not_of_the_zoo(),
        n_zoo=len(scored_somewhere()) - len(not_of_the_zoo()),
        table="results/plan.tsv",
        text="results/plan.txt",
        blocks={dataset: DATASETS[dataset] for dataset in SCORED},
        drawn={dataset: drawn(dataset) for dataset in SCORED},
        scores=lambda wildcards: {
            f"{dataset}/{model}": {
                "files": scores_of(dataset, [model]),
                "settings": settings_of(model, dataset),
            }
            for dataset in SCORED
            for model in not_of_the_zoo()
        },
    script:
        "../scripts/plan.py"
