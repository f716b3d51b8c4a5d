"""
Say what stands behind a map: who descends from whom, what recipes do, what the sheet explains.

    tree       results/map/{map}/tree.nwk, tree.{svg,png,pdf,tsv}   neighbor joining, with support
    suspects   results/map/{map}/suspects.tsv                       pairs that look like kin
    lineage    results/map/{map}/lineage.tsv, lineage.{svg,png,pdf} shifts from parent to child
               results/map/{map}/lineage_models.tsv                 each shift, as drawn
    variance   results/map/{map}/variance.tsv                       shares of columns of the sheet
    labels     results/map/{map}/labels.tsv                         what stands together
"""


rule relate:
    input:
        coordinates="results/map/{map}/coordinates.parquet",
        samples="results/matrix/{map}.samples.parquet",
        models="results/matrix/{map}.models.parquet",
    output:
        newick="results/map/{map}/tree.nwk",
        tree=report(
            "results/map/{map}/tree.svg",
            caption="../report/tree.rst",
            category="Structure",
            subcategory="{map}",
            labels={"what": "tree", "as": "figure"},
        ),
        trees=multiext("results/map/{map}/tree", ".png", ".pdf", ".tsv"),
        suspects=report(
            "results/map/{map}/suspects.tsv",
            caption="../report/suspects.rst",
            category="Structure",
            subcategory="{map}",
            labels={"what": "undeclared parents", "as": "table"},
        ),
        lineage=report(
            "results/map/{map}/lineage.tsv",
            caption="../report/lineage.rst",
            category="Structure",
            subcategory="{map}",
            labels={"what": "recipes", "as": "table"},
        ),
        arrows=report(
            "results/map/{map}/lineage.svg",
            caption="../report/lineage.rst",
            category="Structure",
            subcategory="{map}",
            labels={"what": "recipes", "as": "figure"},
        ),
        all_arrows=multiext("results/map/{map}/lineage", ".png", ".pdf"),
        shifts="results/map/{map}/lineage_models.tsv",
        variance=report(
            "results/map/{map}/variance.tsv",
            caption="../report/variance.rst",
            category="Structure",
            subcategory="{map}",
            labels={"what": "what the sheet explains", "as": "table"},
        ),
        labels=report(
            "results/map/{map}/labels.tsv",
            caption="../report/labels.rst",
            category="Structure",
            subcategory="{map}",
            labels={"what": "what stands together", "as": "table"},
        ),
    log:
        "logs/relate/{map}.log",
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
            "released",
        ),
        how={"n_bootstrap": config["map"]["n_bootstrap"]},
        level=config["map"]["level"],
        n_permutations=config["benchmarks"]["n_permutations"],
    script:
        "../scripts/relate.py"
