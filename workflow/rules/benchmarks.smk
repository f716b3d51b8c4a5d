"""
Hold each model's mean negative log-likelihood against a table of benchmark scores.

    correlation   results/benchmarks/{dataset}/correlation.tsv   with each benchmark and their mean
    coverage      results/benchmarks/{dataset}/coverage.tsv      which models are in both
    figures       results/benchmarks/{dataset}/figures/          a scatter each
    answers       results/benchmarks/{dataset}/answers.tsv       of datasets that are questions
"""

TABLE = config["benchmarks"]["table"]


rule correlate:
    input:
        table=TABLE or [],
        models="results/matrix/{dataset}.models.parquet",
    output:
        correlation=report(
            "results/benchmarks/{dataset}/correlation.tsv",
            caption="../report/correlation.rst",
            category="Benchmarks",
            subcategory="{dataset}",
        ),
        coverage="results/benchmarks/{dataset}/coverage.tsv",
        figures=report(
            directory("results/benchmarks/{dataset}/figures"),
            patterns=["{benchmark}.svg"],
            caption="../report/correlation.rst",
            category="Benchmarks",
            subcategory="{dataset}",
            labels={"benchmark": "{benchmark}"},
        ),
    log:
        "logs/correlate/{dataset}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata("label", "family", "generation", "recipe", "parent", "benchmark_name"),
        how={
            key: config["benchmarks"][key]
            for key in ("n_bootstrap", "n_permutations", "random_state")
        },
        level=config["map"]["level"],
    script:
        "../scripts/correlate.py"


rule answer:
    input:
        samples="resources/samples/{dataset}.parquet",
        scores=lambda wildcards: scores_of(wildcards.dataset),
    output:
        "results/benchmarks/{dataset}/answers.tsv",
    log:
        "logs/answer/{dataset}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        version=tables.version(tables.SCORES),
    script:
        "../scripts/answer.py"


rule benchmarks:
    input:
        per_dataset("results/benchmarks/{dataset}/correlation.tsv") if TABLE else [],
        [
            f"results/benchmarks/{dataset}/answers.tsv"
            for dataset, block in DATASETS.items()
            if block["options"] is not None and not block["answer_only"]
        ],
