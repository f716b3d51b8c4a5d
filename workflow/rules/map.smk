"""
Make the map of each dataset: coordinates, distances, embeddings, pictures.

    coordinates   results/map/{dataset}/coordinates.parquet      double-centered log-likelihoods
    distances     results/map/{dataset}/distances.parquet        of all pairs, with intervals
    neighbors     results/map/{dataset}/neighbors.parquet        of each model, nearest first
    embeddings    results/map/{dataset}/embedding_{method}.parquet
    pictures      results/map/{dataset}/map_{method}.{svg,png,pdf}, …_all.*, heatmap.*
    page          results/map/{dataset}/map.html
    findings      results/map/{dataset}/findings.html            what the numbers say, in tables
"""

METHODS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}
FORMATS = ("svg", "png", "pdf")


wildcard_constraints:
    method="|".join(METHODS),


rule center:
    input:
        matrix="results/matrix/{dataset}.parquet",
        samples="results/matrix/{dataset}.samples.parquet",
        models="results/matrix/{dataset}.models.parquet",
    output:
        "results/map/{dataset}/coordinates.parquet",
    log:
        "logs/center/{dataset}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        clip=config["map"]["clip"],
        version=tables.version(tables.COORDINATES),
    script:
        "../scripts/center.py"


rule measure_distances:
    input:
        coordinates="results/map/{dataset}/coordinates.parquet",
        samples="results/matrix/{dataset}.samples.parquet",
        models="results/matrix/{dataset}.models.parquet",
    output:
        distances="results/map/{dataset}/distances.parquet",
        neighbors="results/map/{dataset}/neighbors.parquet",
    log:
        "logs/measure_distances/{dataset}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        how={key: config["map"][key] for key in ("level", "n_bootstrap")},
        version=[tables.version(tables.DISTANCES), tables.version(tables.NEIGHBORS)],
    script:
        "../scripts/measure_distances.py"


rule embed:
    input:
        "results/map/{dataset}/coordinates.parquet",
    output:
        "results/map/{dataset}/embedding_{method}.parquet",
    log:
        "logs/embed/{dataset}/{method}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        settings=lambda wildcards: config["map"][wildcards.method],
        version=tables.version(tables.EMBEDDING),
    script:
        "../scripts/embed.py"


rule plot_map:
    input:
        "results/map/{dataset}/embedding_{method}.parquet",
    output:
        report(
            "results/map/{dataset}/map_{method}.svg",
            caption="../report/map.rst",
            category="Map",
            subcategory="{dataset}",
            labels={"figure": "{method}", "labels": "representative"},
        ),
        report(
            "results/map/{dataset}/map_{method}_all.svg",
            caption="../report/map.rst",
            category="Map",
            subcategory="{dataset}",
            labels={"figure": "{method}", "labels": "all"},
        ),
        multiext(
            "results/map/{dataset}/map_{method}",
            ".png",
            ".pdf",
            "_all.png",
            "_all.pdf",
        ),
    log:
        "logs/plot_map/{dataset}/{method}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata("label", "family", "generation", "recipe", "parent"),
        title=lambda wildcards: METHODS[wildcards.method],
    script:
        "../scripts/plot_map.py"


rule plot_heatmap:
    input:
        "results/map/{dataset}/distances.parquet",
    output:
        report(
            "results/map/{dataset}/heatmap.svg",
            caption="../report/heatmap.rst",
            category="Map",
            subcategory="{dataset}",
            labels={"figure": "distances", "labels": "all"},
        ),
        multiext("results/map/{dataset}/heatmap", ".png", ".pdf"),
    log:
        "logs/plot_heatmap/{dataset}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata("label", "family", "generation", "recipe", "parent"),
    script:
        "../scripts/plot_heatmap.py"


rule draw_page:
    input:
        embeddings=expand("results/map/{{dataset}}/embedding_{method}.parquet", method=METHODS),
        models="results/matrix/{dataset}.models.parquet",
        neighbors="results/map/{dataset}/neighbors.parquet",
    output:
        report(
            "results/map/{dataset}/map.html",
            caption="../report/page.rst",
            category="Map",
            subcategory="{dataset}",
            labels={"figure": "interactive", "labels": "on hover"},
        ),
    log:
        "logs/draw_page/{dataset}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata("label", "family", "generation", "recipe", "parent"),
        methods=METHODS,
    script:
        "../scripts/draw_page.py"


rule find:
    input:
        models="results/matrix/{dataset}.models.parquet",
        distances="results/map/{dataset}/distances.parquet",
        neighbors="results/map/{dataset}/neighbors.parquet",
        gate="results/gate/{dataset}",
    output:
        page=report(
            "results/map/{dataset}/findings.html",
            caption="../report/findings.rst",
            category="Findings",
            subcategory="{dataset}",
        ),
        families="results/map/{dataset}/families.tsv",
        contrasts="results/map/{dataset}/contrasts.tsv",
    log:
        "logs/find/{dataset}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata("label", "family", "parent"),
        contrasts=contrasts,
        n_permutations=config["benchmarks"]["n_permutations"],
    script:
        "../scripts/find.py"


rule map:
    input:
        per_dataset(
            "results/map/{dataset}/coordinates.parquet",
            "results/map/{dataset}/distances.parquet",
            "results/map/{dataset}/neighbors.parquet",
            "results/map/{dataset}/heatmap.svg",
            "results/map/{dataset}/map.html",
            "results/map/{dataset}/findings.html",
            *[f"results/map/{{dataset}}/map_{method}.svg" for method in METHODS],
        ),
        [
            f"results/matrix/{dataset}.{measure}.parquet"
            for dataset in DATASETS
            for measure in visual_measures(dataset)
        ],
        "results/status.tsv",
