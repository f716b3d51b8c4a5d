"""
Hold what the map stands on against measurement: is half the squared distance a KL divergence? Does
the log-likelihood of models with interpolated weights lie between?

    texts           results/theory/{dataset}/texts/{model}.parquet     what each model writes
    judged          results/theory/{dataset}/judged/{model}.parquet    how likely it finds theirs
    measured        results/theory/{dataset}/measured/{token,text}.tsv KL divergence of pairs
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
        # which samples it can score, whatever else it is scored on since
        scores=lambda wildcards: ancient(scores_of(wildcards.dataset, [wildcards.model])),
        model="resources/models/{model}.json",
        weights=weights_of("texts"),
    output:
        "results/theory/{dataset}/texts/{model}.parquet",
    log:
        "logs/write_texts/{dataset}/{model}.log",
    conda:
        "../../envs/modelmap.yaml"
    threads: score_threads()
    resources:
        **if_asked(mem_mb=memory_mb, runtime=minutes(n_tokens_written)),
        gpu=gpus_of,
        jobs_per_gpu=config["score"]["jobs_per_gpu"],
        device=config["score"]["device"],
        batch_tokens=str(config["score"]["batch_tokens"]),
    params:
        settings=settings_of_theory,
        n_samples=config["theory"]["n_samples"],
        how={key: config["theory"][key] for key in ("max_tokens", "seed")},
        gated=config["score"]["require_image_use"],  # whether it is scored at all
        version=tables.version(tables.TEXTS),
    script:
        "../scripts/write_texts.py"


rule judge_texts:
    input:
        samples="resources/samples/{dataset}.parquet",
        texts=lambda wildcards: of_models("texts", wildcards),
        model="resources/models/{model}.json",
        weights=weights_of("judged"),
    output:
        scores="results/theory/{dataset}/judged/{model}.parquet",
        distributions=temp("results/theory/{dataset}/judged/{model}.npy"),
    log:
        "logs/judge_texts/{dataset}/{model}.log",
    conda:
        "../../envs/modelmap.yaml"
    threads: score_threads()
    resources:
        **if_asked(mem_mb=memory_mb, runtime=minutes(n_texts_judged)),
        gpu=gpus_of,
        jobs_per_gpu=config["score"]["jobs_per_gpu"],
        device=config["score"]["device"],
        batch_tokens=str(config["score"]["batch_tokens"]),
    params:
        settings=settings_of_theory,
        version=tables.version(tables.SCORES),
    script:
        "../scripts/judge_texts.py"


# Apart from what compares: distributions are gone by then, and a name changes no divergence.
rule measure_divergences:
    input:
        samples="resources/samples/{dataset}.parquet",
        texts=lambda wildcards: of_models("texts", wildcards),
        judged=lambda wildcards: of_models("judged", wildcards),
        distributions=lambda wildcards: of_models("judged", wildcards, ending="npy"),
    output:
        token="results/theory/{dataset}/measured/token.tsv",
        text="results/theory/{dataset}/measured/text.tsv",
        writers="results/theory/{dataset}/writers.tsv",
    log:
        "logs/measure_divergences/{dataset}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        level=config["map"]["level"],
    script:
        "../scripts/measure_divergences.py"


rule compare_divergences:
    input:
        samples="results/matrix/{dataset}.samples.parquet",
        scores=lambda wildcards: scores_of(wildcards.dataset),
        distances="results/map/{dataset}/distances.parquet",
        measured=expand("results/theory/{{dataset}}/measured/{level}.tsv", level=["token", "text"]),
    output:
        [
            report(
                f"results/theory/{{dataset}}/{level}_kl.svg",
                caption="../report/divergences.rst",
                category="Theory",
                subcategory="{dataset}",
                labels={"what": f"KL by {level}s", "as": "figure"},
            )
            for level in ("token", "text")
        ],
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
            labels={"what": "agreement", "as": "table"},
        ),
    log:
        "logs/compare_divergences/{dataset}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata("label", "family"),
    script:
        "../scripts/compare_divergences.py"


rule interpolate:
    input:
        samples="resources/samples/{dataset}.parquet",
        kept=ancient("results/matrix/{dataset}.samples.parquet"),
        weights=interpolated_checkpoints,
    output:
        points="results/theory/{dataset}/interpolation.tsv",
        summary=report(
            "results/theory/{dataset}/interpolation_summary.tsv",
            caption="../report/interpolation.rst",
            category="Theory",
            subcategory="{dataset}",
            labels={"what": "interpolated weights", "as": "table"},
        ),
        figure=report(
            "results/theory/{dataset}/interpolation.svg",
            caption="../report/interpolation.rst",
            category="Theory",
            subcategory="{dataset}",
            labels={"what": "interpolated weights", "as": "figure"},
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
            some["origin"]: prompt_of(some["origin"], wildcards.dataset)
            for some in interpolated(wildcards)
        },
        n_samples=config["theory"]["n_samples"],
    script:
        "../scripts/interpolate.py"


rule theory:
    input:
        to_check,
