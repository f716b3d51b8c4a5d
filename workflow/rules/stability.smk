"""
Ask whether the map would be the same with other samples, models, seeds, methods or data.

    views      results/stability/{map}/{samples,models,seeds,methods,strata}.tsv, .svg, .png, .pdf
    datasets   results/stability/datasets.{tsv,svg,png,pdf}   the maps of this config, in pairs
"""

VIEWS = ("samples", "models", "seeds", "methods", "strata")


rule stabilize:
    input:
        coordinates="results/map/{map}/coordinates.parquet",
        samples="results/matrix/{map}.samples.parquet",
        embeddings=rules.embed.output.embeddings,
        restarts=rules.embed.output.restarts,
    output:
        [
            report(
                f"results/stability/{{map}}/{view}.{ending}",
                caption=f"../report/stability_{view}.rst",
                category="Stability",
                subcategory="{map}",
                labels={"what": f"other {view}", "as": kind},
            )
            for view in VIEWS
            for ending, kind in (("tsv", "table"), ("svg", "figure"))
        ],
        expand(
            "results/stability/{{map}}/{view}.{ending}",
            view=VIEWS,
            ending=("png", "pdf"),
        ),
    log:
        "logs/stabilize/{map}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata("family"),
        how=config["stability"],
        tsne=config["map"]["tsne"],
        released=metadata("released") if config["map"]["protocol"] == "oyama2025" else [],
    script:
        "../scripts/stabilize.py"


rule compare_datasets:
    input:
        coordinates=per_map("results/map/{map}/coordinates.parquet"),
        samples=per_map("results/matrix/{map}.samples.parquet"),
    output:
        [
            report(
                f"results/stability/datasets.{ending}",
                caption="../report/stability_datasets.rst",
                category="Stability",
                subcategory="all maps",
                labels={"what": "other datasets", "as": kind},
            )
            for ending, kind in (("tsv", "table"), ("svg", "figure"))
        ],
        multiext("results/stability/datasets", ".png", ".pdf"),
    log:
        "logs/compare_datasets.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata("family"),
        how=config["stability"],
    script:
        "../scripts/compare_datasets.py"


rule stability:
    input:
        per_map(*[f"results/stability/{{map}}/{view}.tsv" for view in VIEWS]),
        "results/stability/datasets.tsv",
