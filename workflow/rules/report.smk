"""
Put everything into one self-contained page, of all results that are declared with `report(...)`.

    report              results/report.html
    snakemake_report    results/snakemake_report.html: Snakemake's own, with the graph of jobs
"""

MAPS = [*DATASETS, *INFORMATION]
# Rules whose results are shown, and the maps or datasets that each is of
SHOWN = [
    *((rule, MAPS) for rule in (rules.draw_page, rules.find, rules.plot_map, rules.embed)),
    *((rule, MAPS) for rule in (rules.redraw,) if REFERENCES),
    *((rule, MAPS) for rule in (rules.plot_heatmap, rules.center, rules.relate)),
    (rules.stratify, DATASETS),
    *((rule, COMPARED) for rule in (rules.correlate, rules.predict) if TABLE),
    (rules.answer, questions()),
    (rules.stabilize, MAPS),
    (rules.compare_datasets, [None]),
    (rules.choose, WHOLE),
]
# Tables of each map whose files need no report of their own
TABLES = {
    "neighbors": "results/map/{map}/neighbors.parquet",
    "models": "results/matrix/{map}.models.parquet",
}
RESULTS = results_of(SHOWN) + [
    [file.format(map=name), caption, "table", caption, name]
    for name in MAPS
    for caption, file in TABLES.items()
]

# `theory` is no part of a report until somebody has asked for it; and no input, lest a model more
# has all of them write texts anew.
OF_THEORY = results_of([(rules.compare_divergences, CHECKED), (rules.interpolate, CHECKED)])
THEORY_IS_MADE = bool(OF_THEORY) and all(os.path.exists(file) for file, *_ in OF_THEORY)

# Cheap to draw: an edited caption shows.
TEXTS = sorted(str(path) for path in (ROOT / "workflow/report").glob("[!.]*"))


rule draw_report:
    input:
        results=[file for file, *_ in RESULTS],
        images=[file.removesuffix("svg") + "png" for file, *_ in RESULTS if file.endswith(".svg")],
        models=per_map("results/matrix/{map}.models.parquet"),
        samples=per_map("results/matrix/{map}.samples.parquet"),
        distances=per_map("results/map/{map}/distances.parquet"),
        coordinates=per_map("results/map/{map}/coordinates.parquet"),
        embeddings=[
            f"results/map/{name}/embedding_{method}.parquet" for name in MAPS for method in METHODS
        ],
        gates=per_dataset("results/gate/{dataset}"),
        status="results/status.tsv",
        texts=TEXTS,
    output:
        "results/report.html",
    log:
        "logs/draw_report.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        results=[told for _, *told in RESULTS],
        theory=[[*row, os.path.getmtime(row[0])] for row in OF_THEORY if THEORY_IS_MADE],
        maps=MAPS,
        told={
            "config": config,
            "methods": METHODS,
            "families": {row["model"]: row["family"] for row in metadata("family")},
            "labels": {row["model"]: row["label"] for row in metadata("label")},
            "zoo": any(map(recipe_of, MODELS)),
            "shown": shown(),
        },
    script:
        "../scripts/draw_report.py"


rule report:
    input:
        "results/report.html",


rule draw_snakemake_report:
    input:
        rules.map.input,
        rules.stability.input,
        rules.benchmarks.input,
        rules.subsets.input,
    output:
        "results/snakemake_report.html",
    log:
        "logs/draw_snakemake_report.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        config=GIVEN,
        targets=["map", "stability", "benchmarks", "subsets"] + ["theory"] * THEORY_IS_MADE,
        snakefile=str(ROOT / "Snakefile"),
    script:
        "../scripts/draw_snakemake_report.py"


# What a person may ask for by name; no part of `all`
rule snakemake_report:
    input:
        "results/snakemake_report.html",
