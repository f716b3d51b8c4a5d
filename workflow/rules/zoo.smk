"""
Train the zoo, and measure its own benchmark.

    checkpoint   resources/zoo/{zoo}/          an ordinary checkpoint, for a row with repo zoo:NAME
    questions    resources/samples/zoo-questions.parquet
    benchmarks   resources/zoo/benchmarks.tsv  share of questions answered right, per ability
"""

CHECKPOINT = ("config.json", "model.safetensors", "processor_config.json", "tokenizer.json")


wildcard_constraints:
    zoo="|".join(map(re.escape, ZOO["models"])),


def zoo_models():
    """Models of the sheet that the zoo makes."""
    return [name for name, row in MODELS.items() if row["repo"].startswith("zoo:")]


def contrasts(wildcards):
    """Pairs of zoo models that differ in one thing: dicts of a, b and what they show."""
    repo = {row["repo"].removeprefix("zoo:"): name for name, row in MODELS.items()}
    return [
        pair | {side: repo[pair[side]] for side in "ab"}
        for pair in ZOO["contrasts"]
        if {pair["a"], pair["b"]} <= repo.keys()
    ]


def recipe(wildcards):
    """All that decides the weights of a zoo model, but for those of its parents."""
    entry = ZOO["models"][wildcards.zoo]
    named = {key: ZOO[f"{key}s"][entry[key]] for key in ("world", "tokenizer") if key in entry}
    return entry | {"world_name": entry.get("world")} | named | {"questions": ZOO["questions"]}


def parents(wildcards):
    return expand(
        "resources/zoo/{parent}/model.safetensors",
        parent=ZOO["models"][wildcards.zoo].get("parents", []),
    )


rule train:
    input:
        parents,
    output:
        expand("resources/zoo/{{zoo}}/{file}", file=CHECKPOINT),
    log:
        "logs/train/{zoo}.log",
    params:
        recipe=recipe,
        prompt=ZOO["prompt"],
    priority: 1  # before scores: everything waits for the longest chain of parents
    conda:
        "../../envs/modelmap.yaml"
    script:
        "../scripts/train.py"


rule ask:
    output:
        f"resources/samples/{QUESTIONS}.parquet",
    log:
        "logs/ask.log",
    params:
        n_questions=ZOO["n_questions"],
        version=tables.version(tables.SAMPLES),
    conda:
        "../../envs/modelmap.yaml"
    script:
        "../scripts/ask.py"


rule measure:
    input:
        samples=f"resources/samples/{QUESTIONS}.parquet",
        scores=lambda wildcards: scores_of(QUESTIONS),
    output:
        table="resources/zoo/benchmarks.tsv",
        by_rule="resources/zoo/benchmarks.by_rule.tsv",
    log:
        "logs/measure.log",
    params:
        version=tables.version(tables.SCORES),
    conda:
        "../../envs/modelmap.yaml"
    script:
        "../scripts/measure.py"
