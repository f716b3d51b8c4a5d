"""
Make the map of each dataset: coordinates, distances, embeddings, pictures.

A map is that of a dataset, or, as {dataset}.pmi, of the mutual information on it.


    coordinates   results/map/{map}/coordinates.parquet      double-centered log-likelihoods
    adjustment    results/map/{map}/adjustment.tsv           what length and difficulty have in it
    distances     results/map/{map}/distances.parquet        of all pairs, with intervals
                  results/map/{map}/distances.npy            their squares, models in name order
    neighbors     results/map/{map}/neighbors.parquet        of each model, nearest first
    embeddings    results/map/{map}/embedding_{method}.parquet, embeddings.tsv (how faithful)
    restarts      results/map/{map}/restarts.parquet         embeddings of other seeds
    components    results/map/{map}/pca_variance.{tsv,svg,png,pdf}
    pictures      results/map/{map}/map_{method}.{svg,png,pdf,tsv}, …_all.*, …_column.*, heatmap.*
    page          results/map/{map}/map.html
    findings      results/map/{map}/findings.html            what the numbers say, in tables
"""

METHODS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA", "mds": "MDS"}
FORMATS = ("svg", "png", "pdf")


rule center:
    input:
        matrix="results/matrix/{map}.parquet",
        samples="results/matrix/{map}.samples.parquet",
        models="results/matrix/{map}.models.parquet",
        reference=lambda wildcards: frozen_map(wildcards.map),
    output:
        coordinates="results/map/{map}/coordinates.parquet",
        adjustment=report(
            "results/map/{map}/adjustment.tsv",
            caption="../report/adjustment.rst",
            category="Map",
            subcategory="{map}",
            labels={"what": "length and difficulty", "as": "table"},
        ),
    log:
        "logs/center/{map}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        clip=config["map"]["clip"],
        adjust=sorted(config["map"]["adjust"]),
        information=lambda wildcards: wildcards.map in INFORMATION,
        version=tables.version(tables.COORDINATES),
    script:
        "../scripts/center.py"


rule measure_distances:
    input:
        coordinates="results/map/{map}/coordinates.parquet",
        samples="results/matrix/{map}.samples.parquet",
        models="results/matrix/{map}.models.parquet",
    output:
        distances="results/map/{map}/distances.parquet",
        square="results/map/{map}/distances.npy",
        neighbors="results/map/{map}/neighbors.parquet",
    log:
        "logs/measure_distances/{map}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        how={key: config["map"][key] for key in ("level", "n_bootstrap")},
        version=[tables.version(tables.DISTANCES), tables.version(tables.NEIGHBORS)],
    script:
        "../scripts/measure_distances.py"


rule embed:
    input:
        coordinates="results/map/{map}/coordinates.parquet",
        samples="results/matrix/{map}.samples.parquet",
        models="results/matrix/{map}.models.parquet",
        reference=lambda wildcards: frozen_map(wildcards.map),
    output:
        embeddings=expand("results/map/{{map}}/embedding_{method}.parquet", method=METHODS),
        summary=report(
            "results/map/{map}/embeddings.tsv",
            caption="../report/embeddings.rst",
            category="Map",
            subcategory="{map}",
            labels={"what": "how faithful", "as": "table"},
        ),
        restarts="results/map/{map}/restarts.parquet",
        components="results/map/{map}/pca_variance.tsv",
    log:
        "logs/embed/{map}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        settings={method: config["map"][method] for method in METHODS},
        n_ellipses=config["map"]["ellipses"],
        released=metadata("released") if config["map"]["protocol"] == "oyama2025" else [],
        version=[tables.version(tables.EMBEDDING), tables.version(tables.RESTARTS)],
    script:
        "../scripts/embed.py"


rule plot_map:
    input:
        embeddings=rules.embed.output.embeddings,
        components=rules.embed.output.components,
    output:
        [
            report(
                f"results/map/{{map}}/map_{method}{ending}.svg",
                caption="../report/map.rst",
                category="Map",
                subcategory="{map}",
                labels={"what": METHODS[method], "as": labels},
            )
            for method in METHODS
            for ending, labels in (("", "figure"), ("_all", "figure, every name"))
        ],
        expand(
            "results/map/{{map}}/map_{method}{ending}",
            method=METHODS,
            ending=[
                f"{form}.{format}"
                for form in ("", "_all", "_column")
                for format in (*FORMATS, "tsv")
                if form == "_column" or format != "svg"
            ],
        ),
        report(
            "results/map/{map}/pca_variance.svg",
            caption="../report/pca_variance.rst",
            category="Map",
            subcategory="{map}",
            labels={"what": "PCA's variance", "as": "figure"},
        ),
        multiext("results/map/{map}/pca_variance", ".png", ".pdf"),
    log:
        "logs/plot_map/{map}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata("label", "family", "generation", "recipe", "parent"),
        methods=METHODS,
        level=config["map"]["level"],
    script:
        "../scripts/plot_map.py"


rule plot_heatmap:
    input:
        square="results/map/{map}/distances.npy",
        models="results/matrix/{map}.models.parquet",
    output:
        report(
            "results/map/{map}/heatmap.svg",
            caption="../report/heatmap.rst",
            category="Map",
            subcategory="{map}",
            labels={"what": "distances", "as": "figure"},
        ),
        multiext("results/map/{map}/heatmap", ".png", ".pdf", ".tsv"),
    log:
        "logs/plot_heatmap/{map}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata("label", "family", "generation", "recipe", "parent"),
    script:
        "../scripts/plot_heatmap.py"


rule draw_page:
    input:
        embeddings=rules.embed.output.embeddings,
        matrix="results/matrix/{map}.parquet",
        samples="results/matrix/{map}.samples.parquet",
        models="results/matrix/{map}.models.parquet",
        coordinates="results/map/{map}/coordinates.parquet",
        distances="results/map/{map}/distances.parquet",
        neighbors="results/map/{map}/neighbors.parquet",
        texts=lambda wildcards: samples_of(wildcards.map.removesuffix(".pmi")),
        scores=lambda wildcards: scores_for(wildcards.map),
        benchmarks=config["benchmarks"]["table"] or [],
    output:
        report(
            "results/map/{map}/map.html",
            caption="../report/page.rst",
            category="Map",
            subcategory="{map}",
            labels={"what": "interactive map", "as": "page"},
        ),
    log:
        "logs/draw_page/{map}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata(
            "label",
            "family",
            "generation",
            "recipe",
            "parent",
            "language_model",
            "vision_encoder",
            "tokenizer",
            "params_b",
            "released",
            "benchmark_name",
        ),
        methods=METHODS,
        level=config["map"]["level"],
        information=lambda wildcards: wildcards.map in INFORMATION,
        shows_images=lambda wildcards: shows_images(wildcards.map.removesuffix(".pmi")),
        notes=lambda wildcards: notes_of_page(wildcards.map),
        not_scored=lambda wildcards: not_scored(wildcards.map),
    script:
        "../scripts/draw_page.py"


rule find:
    input:
        models="results/matrix/{map}.models.parquet",
        distances="results/map/{map}/distances.parquet",
        square="results/map/{map}/distances.npy",
        neighbors="results/map/{map}/neighbors.parquet",
        gate=lambda wildcards: f"results/gate/{wildcards.map.removesuffix('.pmi')}",
        labels="results/map/{map}/labels.tsv",
        suspects="results/map/{map}/suspects.tsv",
        recipes="results/map/{map}/lineage.tsv",
        variance="results/map/{map}/variance.tsv",
    output:
        page=report(
            "results/map/{map}/findings.html",
            caption="../report/findings.rst",
            category="Map",
            subcategory="{map}",
            labels={"what": "findings", "as": "page"},
        ),
        families="results/map/{map}/families.tsv",
        contrasts="results/map/{map}/contrasts.tsv",
    log:
        "logs/find/{map}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata("label", "family", "parent"),
        contrasts=contrasts,
    script:
        "../scripts/find.py"


rule stratify:
    input:
        matrix="results/matrix/{map}.parquet",
        samples="results/matrix/{map}.samples.parquet",
        models="results/matrix/{map}.models.parquet",
    output:
        "results/map/{map}/strata.tsv",
        report(
            "results/map/{map}/strata.svg",
            caption="../report/strata.rst",
            category="Map",
            subcategory="{map}",
            labels={"what": "kinds of samples", "as": "figure"},
        ),
        multiext("results/map/{map}/strata", ".png", ".pdf"),
    log:
        "logs/stratify/{map}.log",
    wildcard_constraints:
        map=one_of(DATASETS),
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata("label", "family", "generation", "recipe", "parent"),
        level=config["map"]["level"],
    script:
        "../scripts/stratify.py"


rule map:
    input:
        per_map(
            "results/map/{map}/coordinates.parquet",
            "results/map/{map}/adjustment.tsv",
            "results/map/{map}/distances.parquet",
            "results/map/{map}/neighbors.parquet",
            "results/map/{map}/embeddings.tsv",
            "results/map/{map}/pca_variance.svg",
            "results/map/{map}/heatmap.svg",
            "results/map/{map}/heatmap.tsv",
            "results/map/{map}/map.html",
            "results/map/{map}/findings.html",
            "results/map/{map}/tree.nwk",
            "results/map/{map}/tree.tsv",
            *[f"results/map/{{map}}/map_{method}.svg" for method in METHODS],
            *[f"results/map/{{map}}/map_{method}.tsv" for method in METHODS],
        ),
        per_map("results/map/{map}/drift.tsv") if REFERENCES else [],
        per_dataset("results/map/{dataset}/strata.svg"),
        [
            f"results/matrix/{dataset}.{measure}.parquet"
            for dataset in DATASETS
            for measure in gaps(dataset)
        ],
        "results/status.tsv",
