"""
Hold what the map stands on against measurement: is half the squared distance a KL divergence? Does
the log-likelihood of models with interpolated weights lie between?

    texts           results/theory/{dataset}/texts/{model}.parquet     what each model writes
    judged          results/theory/{dataset}/judged/{model}.parquet    how likely others find it
    token_kl        results/theory/{dataset}/token_kl.{tsv,svg,…}      models with one tokenizer
    text_kl         results/theory/{dataset}/text_kl.{tsv,svg,…}       all pairs
    agreement       results/theory/{dataset}/agreement.tsv             correlations and ratios
    writers         results/theory/{dataset}/writers.tsv               shares of texts that count
    interpolation   results/theory/{dataset}/interpolation.{tsv,svg,…}, interpolation_summary.tsv

No part of `map` or `all`: `snakemake theory` makes it, and the report then holds it.
"""

CHECKED = config["theory"]["datasets"] or SCORED
THEORY = expand(
    "results/theory/{dataset}/{table}.tsv",
    dataset=CHECKED,
    table=["agreement", "interpolation_summary"],
)


rule write_texts:
    input:
        samples="resources/samples/{dataset}.parquet",
        kept="results/matrix/{dataset}.samples.parquet",
        models="results/matrix/{dataset}.models.parquet",
        model="resources/models/{model}.json",
        weights=weights_of("texts"),
    output:
        texts="results/theory/{dataset}/texts/{model}.parquet",
        distributions=temp("results/theory/{dataset}/texts/{model}.npy"),
    log:
        "logs/write_texts/{dataset}/{model}.log",
    conda:
        "../../envs/modelmap.yaml"
    threads: score_threads()
    resources:
        gpu=0 if config["score"]["device"] == "cpu" else 1,
        device=config["score"]["device"],
        batch_tokens=str(config["score"]["batch_tokens"]),
    params:
        settings=lambda wildcards: settings_of(wildcards.model, wildcards.dataset),
        how={key: config["theory"][key] for key in ("n_samples", "max_tokens", "seed")},
        version=tables.version(tables.TEXTS),
    script:
        "../scripts/write_texts.py"


rule judge_texts:
    input:
        samples="resources/samples/{dataset}.parquet",
        models="results/matrix/{dataset}.models.parquet",
        texts=lambda wildcards: expand(
            "results/theory/{dataset}/texts/{model}.parquet",
            dataset=wildcards.dataset,
            model=models_of(wildcards.dataset),
        ),
        model="resources/models/{model}.json",
        weights=weights_of("judged"),
    output:
        "results/theory/{dataset}/judged/{model}.parquet",
    log:
        "logs/judge_texts/{dataset}/{model}.log",
    conda:
        "../../envs/modelmap.yaml"
    threads: score_threads()
    resources:
        gpu=0 if config["score"]["device"] == "cpu" else 1,
        device=config["score"]["device"],
        batch_tokens=str(config["score"]["batch_tokens"]),
    params:
        settings=lambda wildcards: settings_of(wildcards.model, wildcards.dataset),
        version=tables.version(tables.SCORES),
    script:
        "../scripts/judge_texts.py"


rule compare_divergences:
    input:
        samples="results/matrix/{dataset}.samples.parquet",
        scores=lambda wildcards: scores_of(wildcards.dataset),
        distances="results/map/{dataset}/distances.parquet",
        texts=lambda wildcards: expand(
            "results/theory/{dataset}/texts/{model}.{kind}",
            dataset=wildcards.dataset,
            model=models_of(wildcards.dataset),
            kind=["parquet", "npy"],
        ),
        judged=lambda wildcards: expand(
            "results/theory/{dataset}/judged/{model}.parquet",
            dataset=wildcards.dataset,
            model=models_of(wildcards.dataset),
        ),
    output:
        report(
            expand("results/theory/{{dataset}}/{level}_kl.svg", level=["token", "text"]),
            caption="../report/divergences.rst",
            category="Theory",
            subcategory="{dataset}",
            labels={"what": "KL against its estimate"},
        ),
        expand(
            "results/theory/{{dataset}}/{level}_kl.{ending}",
            level=["token", "text"],
            ending=["png", "pdf", "tsv"],
        ),
        agreement=report(
            "results/theory/{dataset}/agreement.tsv",
            caption="../report/divergences.rst",
            category="Theory",
            subcategory="{dataset}",
            labels={"what": "agreement, table"},
        ),
        writers="results/theory/{dataset}/writers.tsv",
    log:
        "logs/compare_divergences/{dataset}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata("label", "family"),
        level=config["map"]["level"],
    script:
        "../scripts/compare_divergences.py"


rule interpolate:
    input:
        samples="resources/samples/{dataset}.parquet",
        kept="results/matrix/{dataset}.samples.parquet",
        weights=interpolated_checkpoints,
    output:
        points="results/theory/{dataset}/interpolation.tsv",
        summary=report(
            "results/theory/{dataset}/interpolation_summary.tsv",
            caption="../report/interpolation.rst",
            category="Theory",
            subcategory="{dataset}",
            labels={"what": "interpolated weights, table"},
        ),
        figure=report(
            "results/theory/{dataset}/interpolation.svg",
            caption="../report/interpolation.rst",
            category="Theory",
            subcategory="{dataset}",
            labels={"what": "interpolated weights"},
        ),
        figures=multiext("results/theory/{dataset}/interpolation", ".png", ".pdf"),
    log:
        "logs/interpolate/{dataset}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        corners=lambda wildcards: [
            {
                role: {"model": model, "path": checkpoint_path(model)}
                for role, model in some.items()
            }
            for some in interpolated(wildcards)
        ],
        prompts=lambda wildcards: {
            model: prompt_of(model, wildcards.dataset) for model in models_of(wildcards.dataset)
        },
        n_samples=config["theory"]["n_samples"],
    script:
        "../scripts/interpolate.py"


rule theory:
    input:
        to_check,
