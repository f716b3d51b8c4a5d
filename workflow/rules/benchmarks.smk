"""
Hold each model's mean negative log-likelihood, and its coordinates, against a table of benchmark
scores.

    correlation   results/benchmarks/{dataset}/correlation.tsv   with each benchmark and their mean
    strata        results/benchmarks/{dataset}/correlation_strata.tsv  by kind of sample
                  …/correlation_strata.{svg,png,pdf}
    coverage      results/benchmarks/{dataset}/coverage.tsv      which models are in both
    figures       results/benchmarks/{dataset}/figures/          a scatter each, and what it draws
    prediction    results/benchmarks/{dataset}/prediction.tsv    how well coordinates predict scores
                  …/prediction_{models,samples}.tsv              each score; what carries it
                  …/prediction.{svg,png,pdf}                     predicted against actual
    leakage       results/benchmarks/{dataset}/leakage.tsv       likelier than scores predict
                  …/leakage.{svg,png,pdf}
    answers       results/benchmarks/{dataset}/answers.tsv       of datasets that are questions
"""

TABLE = config["benchmarks"]["table"]
COMPARED = config["benchmarks"]["datasets"] or list(DATASETS)


rule correlate:
    input:
        table=TABLE or [],
        models="results/matrix/{dataset}.models.parquet",
        losses="results/map/{dataset}/strata.tsv",
    output:
        correlation=report(
            "results/benchmarks/{dataset}/correlation.tsv",
            caption="../report/correlation.rst",
            category="Benchmarks",
            subcategory="{dataset}",
            labels={"what": "mean loss", "as": "table"},
        ),
        strata=report(
            "results/benchmarks/{dataset}/correlation_strata.tsv",
            caption="../report/correlation_strata.rst",
            category="Benchmarks",
            subcategory="{dataset}",
            labels={"what": "by kind of sample", "as": "table"},
        ),
        heatmap=report(
            "results/benchmarks/{dataset}/correlation_strata.svg",
            caption="../report/correlation_strata.rst",
            category="Benchmarks",
            subcategory="{dataset}",
            labels={"what": "by kind of sample", "as": "figure"},
        ),
        heatmaps=multiext("results/benchmarks/{dataset}/correlation_strata", ".png", ".pdf"),
        coverage=report(
            "results/benchmarks/{dataset}/coverage.tsv",
            caption="../report/coverage.rst",
            category="Benchmarks",
            subcategory="{dataset}",
            labels={"what": "models in both", "as": "table"},
        ),
        figures=report(
            directory("results/benchmarks/{dataset}/figures"),
            patterns=["{benchmark}.svg"],
            caption="../report/correlation.rst",
            category="Benchmarks",
            subcategory="{dataset}",
            labels={"what": "{benchmark}", "as": "figure"},
        ),
    log:
        "logs/correlate/{dataset}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata(
            "label",
            "family",
            "generation",
            "recipe",
            "parent",
            "benchmark_name",
            "params_b",
            "released",
        ),
        how={
            key: config["benchmarks"][key]
            for key in ("n_bootstrap", "n_permutations", "random_state")
        },
        level=config["map"]["level"],
    script:
        "../scripts/correlate.py"


rule predict:
    input:
        table=TABLE or [],
        models="results/matrix/{dataset}.models.parquet",
        samples="results/matrix/{dataset}.samples.parquet",
        coordinates="results/map/{dataset}/coordinates.parquet",
    output:
        report(
            "results/benchmarks/{dataset}/prediction.svg",
            caption="../report/prediction.rst",
            category="Benchmarks",
            subcategory="{dataset}",
            labels={"what": "scores from the map", "as": "figure"},
        ),
        report(
            "results/benchmarks/{dataset}/leakage.svg",
            caption="../report/leakage.rst",
            category="Benchmarks",
            subcategory="{dataset}",
            labels={"what": "likelihood from scores", "as": "figure"},
        ),
        multiext("results/benchmarks/{dataset}/prediction", ".png", ".pdf"),
        multiext("results/benchmarks/{dataset}/leakage", ".png", ".pdf"),
        summary=report(
            "results/benchmarks/{dataset}/prediction.tsv",
            caption="../report/prediction.rst",
            category="Benchmarks",
            subcategory="{dataset}",
            labels={"what": "scores from the map", "as": "table"},
        ),
        models="results/benchmarks/{dataset}/prediction_models.tsv",
        samples="results/benchmarks/{dataset}/prediction_samples.tsv",
        leakage=report(
            "results/benchmarks/{dataset}/leakage.tsv",
            caption="../report/leakage.rst",
            category="Benchmarks",
            subcategory="{dataset}",
            labels={"what": "likelihood from scores", "as": "table"},
        ),
    log:
        "logs/predict/{dataset}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata(
            "label",
            "family",
            "generation",
            "recipe",
            "parent",
            "benchmark_name",
            "language_model",
            "params_b",
            "released",
        ),
        how=config["benchmarks"]["prediction"]
        | {"random_state": config["benchmarks"]["random_state"]},
    script:
        "../scripts/predict.py"


rule answer:
    input:
        samples="resources/samples/{dataset}.parquet",
        scores=lambda wildcards: scores_of(wildcards.dataset),
    output:
        report(
            "results/benchmarks/{dataset}/answers.tsv",
            caption="../report/answers.rst",
            category="Benchmarks",
            subcategory="{dataset}",
            labels={"what": "questions answered", "as": "table"},
        ),
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
        expand(
            [
                "results/benchmarks/{dataset}/correlation.tsv",
                "results/benchmarks/{dataset}/prediction.tsv",
            ],
            dataset=COMPARED,
        )
        if TABLE
        else [],
        expand("results/benchmarks/{dataset}/answers.tsv", dataset=questions()),
