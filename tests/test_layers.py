"""Who may import whom: scripts at the center, leaves that do not know each other."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "workflow"

# module or folder -> packages of others, and parts of ours, that it may import
MAY_IMPORT = {
    "geometry": ({"numpy", "scipy", "sklearn", "threadpoolctl", "umap"}, {"geometry"}),
    "tables": ({"numpy", "polars", "pyarrow"}, set()),
    "validation": ({"jsonschema", "yaml"}, set()),
    "blocks": (set(), {"validation"}),
    "protocols": (set(), {"validation"}),
    "sheet": ({"jsonschema", "yaml"}, {"validation"}),
    "gpus": (set(), set()),
    "log": (set(), {"runs"}),
    "keeping": (set(), {"tables"}),
    "memory": (set(), set()),
    "runs": (set(), set()),
    "progress": (set(), set()),
    "summary": (set(), {"progress", "quoting"}),
    "quoting": (set(), set()),
    "hub": ({"huggingface_hub"}, {"hub_errors"}),
    "hub_errors": ({"huggingface_hub"}, {"quoting"}),
    "foreign": ({"numpy", "polars", "pyarrow"}, {"matrix_files", "validation"}),
    "matrix_files": ({"numpy", "pyarrow"}, {"validation"}),
    "gather": ({"numpy", "polars"}, {"blocks", "geometry"}),
    "retrieve": ({"filelock"}, {"hub", "models"}),
    "embeddings": ({"numpy", "polars"}, {"geometry"}),
    "labels": ({"numpy", "polars"}, {"geometry"}),
    "metadata": ({"polars"}, {"geometry"}),
    "structure": ({"numpy", "polars"}, {"geometry", "metadata"}),
    "adjustment": ({"polars"}, {"geometry"}),
    "subsets": ({"numpy", "polars"}, {"geometry"}),
    "strata": ({"numpy", "polars"}, {"geometry"}),
    "stability": ({"numpy", "polars"}, {"embeddings", "geometry", "stability"}),
    "frozen": ({"numpy", "polars"}, {"gather", "tables"}),
    "joining": ({"numpy", "polars"}, {"embeddings", "geometry"}),
    "reference": (set(), {"tables", "validation"}),
    "theory": ({"numpy", "polars", "scipy"}, {"geometry"}),
    "pairs": ({"numpy", "polars"}, {"geometry", "metadata"}),
    "benchmarks": ({"polars"}, {"metadata"}),
    "correlate": ({"numpy", "polars"}, {"benchmarks", "geometry"}),
    "predict": ({"numpy", "polars"}, {"benchmarks", "geometry", "metadata"}),
    "disagreement": ({"numpy", "polars"}, set()),
    "portraits": (set(), {"benchmarks", "disagreement", "gather", "geometry", "tables"}),
    "planning": ({"polars"}, set()),
    "report": ({"jinja2", "polars", "yaml"}, {"figures", "report", "tables"}),
    "resources": (set(), set()),
    "slurm": (set(), set()),
    "datasets": (
        {"PIL", "datasets", "huggingface_hub", "numpy", "pyarrow", "sklearn"},
        {"datasets", "hub_errors", "quoting"},
    ),
    "models": (
        {
            "PIL",
            "safetensors",
            "sentencepiece",
            "tokenizers",
            "torch",
            "torchvision",
            "transformers",
        },
        {"memory", "models", "quoting"},
    ),
    "scoring": ({"numpy", "torch"}, {"memory", "quoting", "scoring"}),
    "zoo": ({"numpy", "safetensors", "tokenizers", "torch", "transformers"}, {"models", "zoo"}),
    "figures": (
        {"PIL", "itables", "matplotlib", "numpy", "plotly", "polars", "scipy", "seaborn"},
        {"figures"},
    ),
}


def imports(path):
    """Top-level packages of others, and parts of modelmap, that a file imports."""
    import sys

    others, ours = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "modelmap":
            names = [f"modelmap.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        else:
            continue
        for name in names:
            first, *rest = name.split(".")
            if first == "modelmap":
                ours.add(rest[0])
            elif first not in sys.stdlib_module_names:
                others.add(first)
    return others, ours


def files(part):
    path = ROOT / "modelmap" / part
    return sorted(path.glob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def test_every_part_has_a_rule():
    parts = {p.stem for p in (ROOT / "modelmap").iterdir() if not p.name.startswith("__")}
    assert parts == set(MAY_IMPORT)


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports(part):
    others, ours = MAY_IMPORT[part]
    for path in files(part):
        found_others, found_ours = imports(path)
        assert found_others <= others, path
        assert found_ours <= ours, path


def test_scripts_are_thin_and_do_not_import_each_other():
    names = {path.stem for path in (ROOT / "scripts").glob("*.py")}
    for path in (ROOT / "scripts").glob("*.py"):
        others, _ = imports(path)
        assert not others & names, path
        assert len(path.read_text().splitlines()) <= 60, path


def test_what_the_sheet_says_is_read_whole_before_its_columns_have_a_type():
    """Of 1,018 models the first 100 may lack a family, which is then no column of nulls."""
    for path in (ROOT / "scripts").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            made = ast.unparse(node) if isinstance(node, ast.Call) else ""
            if made.startswith("pl.DataFrame(") and "params." in made:
                assert "infer_schema_length=None" in made, path


def test_rules_import_only_what_is_light():
    import re

    for path in [ROOT.parent / "Snakefile", *(ROOT / "rules").glob("*.smk")]:
        ours = re.findall(r"^from modelmap import (.*)$", path.read_text(), re.M)
        names = {name.strip() for line in ours for name in line.split(",")}
        light = {
            "blocks",
            "foreign",
            "gpus",
            "keeping",
            "planning",
            "progress",
            "protocols",
            "reference",
            "resources",
            "runs",
            "sheet",
            "slurm",
            "summary",
            "tables",
            "validation",
        }
        assert names <= light, path
