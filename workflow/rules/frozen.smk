"""
Keep a map as it is, for models that join it later; and say what they would change in it.

    reference   results/map/{map}/reference.parquet   models, samples, column means, embeddings
    drift       results/map/{map}/drift.tsv           how far each model would move, by method
                …/drift_summary.tsv                   median and largest
                …/drift.{svg,png,pdf}

`freeze` writes the first, which a config then names as `map.reference`; the second is of such maps.
"""

# A map that stands on a frozen one is not frozen again: the file may then lie where it was made.
if not REFERENCES:

    rule freeze_map:
        input:
            matrix="results/matrix/{map}.parquet",
            samples="results/matrix/{map}.samples.parquet",
            models="results/matrix/{map}.models.parquet",
            coordinates="results/map/{map}/coordinates.parquet",
            embeddings=rules.embed.output.embeddings,
        output:
            "results/map/{map}/reference.parquet",
        log:
            "logs/freeze_map/{map}.log",
        conda:
            "../../envs/modelmap.yaml"
        params:
            models=metadata(*reference.METADATA),
            settings=reference.settings(config, METHODS),
            dataset=lambda wildcards: of_the_dataset(wildcards.map),
            methods=METHODS,
            information=lambda wildcards: wildcards.map in INFORMATION,
            version=tables.version(tables.REFERENCE),
        script:
            "../scripts/freeze_map.py"


rule freeze:
    input:
        to_freeze,


rule redraw:
    input:
        coordinates="results/map/{map}/coordinates.parquet",
        models="results/matrix/{map}.models.parquet",
        embeddings=rules.embed.output.embeddings,
        reference=lambda wildcards: frozen_map(wildcards.map),
    output:
        summary=report(
            "results/map/{map}/drift_summary.tsv",
            caption="../report/drift.rst",
            category="Map",
            subcategory="{map}",
            labels={"what": "drift", "as": "table"},
        ),
        table="results/map/{map}/drift.tsv",
        figures=[
            report(
                "results/map/{map}/drift.svg",
                caption="../report/drift.rst",
                category="Map",
                subcategory="{map}",
                labels={"what": "drift", "as": "figure"},
            ),
            "results/map/{map}/drift.png",
            "results/map/{map}/drift.pdf",
        ],
    log:
        "logs/redraw/{map}.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        sheet=metadata("label", "family", "generation", "recipe", "parent"),
        methods=METHODS,
    script:
        "../scripts/redraw.py"
