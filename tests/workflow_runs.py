"""Run the workflow in tests: a copy of the project with a zoo that is trained in seconds."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def copy_project(folder):
    """Copy what is in git of the project to `folder`, with a quick zoo."""
    for name in ("workflow", "config", "profiles", "envs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", folder)
    recipes = folder / "workflow/modelmap/zoo/recipes.yaml"
    zoo = yaml.safe_load(recipes.read_text())
    zoo["n_questions"] = 4
    for recipe in zoo["models"].values():
        if "steps" in recipe:
            recipe |= {"steps": 6, "n_pairs": 64}
    recipes.write_text(yaml.safe_dump(zoo))
    return folder


def snakemake(folder, *arguments, snakefile=None):
    """Run Snakemake in `folder`; return the finished process, its output in `stdout`."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2"]
    if snakefile:
        command += ["--snakefile", str(snakefile)]
    return subprocess.run(
        [*command, *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def run(folder, *arguments, **options):
    """Run Snakemake, which must succeed."""
    done = snakemake(folder, *arguments, **options)
    assert done.returncode == 0, done.stdout
    return done.stdout


def planned(folder, *arguments, **options):
    """The jobs a dry run plans: rule -> number, `all` left out."""
    text = run(folder, "--dry-run", *arguments, **options)
    if "Nothing to be done" in text:
        return {}
    table = text.split("Job stats:")[1].split("\n\n")[0]
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", table, re.M))
    return {rule: int(n) for rule, n in jobs.items() if rule not in ("all", "total")}


def write_sheet(path, rows):
    """Write a model sheet from dicts."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns] + [[str(row.get(c, "")) for c in columns] for row in rows]
    Path(path).write_text("\n".join("\t".join(line) for line in lines) + "\n")
