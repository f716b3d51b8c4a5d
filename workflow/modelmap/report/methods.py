"""How the numbers of a run were made: methods as they were set, and versions."""

import json
import platform
import re
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from subprocess import run

import polars as pl
import yaml
from jinja2 import Environment, StrictUndefined

from modelmap.figures.report import Chapter, Section
from modelmap.figures.table import table

PACKAGES = ("snakemake", "torch", "transformers", "datasets", "numpy", "scipy", "scikit-learn")
PACKAGES += ("umap-learn", "polars", "pyarrow", "matplotlib", "itables")

# By classical scaling; they stand among its parameters.
FOUND = ("n_noise_measured", "n_negative_eigenvalues", "negative_share")


def methods(template, *, config, maps, status, methods, theory, **shown):
    """Make the chapter of methods.

    Parameters
    ----------
    template : str, of Jinja
    config : dict
        As it held, defaults filled in.
    maps : dict of name to overview.MapFacts
    status : DataFrame of gather.STATUS
    methods : dict of an embedding's name to what people call it
    theory : bool
        Whether it was checked.
    shown : gaps, images, texts (whether images were exchanged; whether datasets show images; and
        texts alone), information (of "images", "prompt": what maps of it are made of)

    Returns
    -------
    Chapter
    """
    datasets = config["datasets"]
    given = [name for name, block in datasets.items() if block["source"] == "matrix"]
    subsets = [name for name, block in datasets.items() if block["subset"]]
    environment = Environment(undefined=StrictUndefined, autoescape=True)
    html = environment.from_string(template).render(
        config=config,
        maps={name: _told(facts) for name, facts in maps.items()},
        methods=methods,
        kl_limit=next(iter(maps.values())).distances["kl_limit"],
        held=_held(status),
        given=given,
        scored=len(given) < len(datasets),
        subsets=subsets,
        changed=list(_changed(config["map"], subsets)),
        theory=theory,
        **shown,
    )
    before, *rest = re.split(r'<h3 id="([\w-]+)">(.*?)</h3>', html)
    parts = [Section(*part) for part in zip(*[iter(rest)] * 3, strict=True)]
    return Chapter("methods", "Methods", before, parts)


def versions(config, *, root, files):
    """Make the chapter of what the run was made with, and when.

    Parameters
    ----------
    config : dict
        As it was given, defaults filled in.
    root : Path
        Of the workflow; its commit is told if it is a repository.
    files : list of Path
        What the report was made of.

    Returns
    -------
    Chapter
    """
    first, last = (_date(pick(file.stat().st_mtime for file in files)) for pick in (min, max))
    held = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    said = f"<p>The files in this report were made from {first} to {last}.{_commit(root)}</p>"
    packages = [("Python", platform.python_version()), *((p, version(p)) for p in PACKAGES)]
    frame = pl.DataFrame(packages, ["package", "version"], orient="row")
    parts = [
        Section("packages", "Packages", _PACKAGES + table(frame, "packages")),
        Section("config", "Config as it held", f"<pre>{escape(held)}</pre>"),
    ]
    return Chapter("versions", "Versions", said, parts)


_PACKAGES = (
    "<p>Installed where this page was drawn. Each file of scores tells in its footer with which "
    "versions of torch and transformers it was made.</p>"
)


def in_words(parameters):
    """The parameters of an embedding (dict)."""
    return ", ".join(f"{key} {_short(value)}" for key, value in parameters.items())


def _held(status):
    """((dtype, attention, device), how many scores) of what was scored in this folder."""
    how = ("dtype", "attention", "device")
    scored = status.filter(pl.col("dtype").is_not_null())
    return [(row[:3], row[3]) for row in scored.group_by(how).len().sort(how).rows()]


def _changed(settings, subsets):
    """What makes d² another number than the plain variance."""
    if settings["clip"] is not None:
        yield "l are the log-likelihoods as they were clipped"
    if settings["adjust"]:
        yield "without what is projected off"
    if subsets:
        yield f"on {', '.join(subsets)} weighted, and so is the mean"


def _told(facts):
    """The facts of a map, settings of embeddings as text."""
    settings = {}
    for method, found in facts.embeddings.items():
        held = {k: v for k, v in found.get("parameters", {}).items() if k not in FOUND}
        settings[method] = found.get("absent") or in_words(held) or "nothing to set"
    return facts._replace(embeddings=settings)


def _short(value):
    if isinstance(value, float):
        return f"{value:.3g}"
    return value if isinstance(value, str) else json.dumps(value)


def _date(seconds):
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _commit(root):
    """The workflow's commit, where it lies in a repository of its own."""
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    done = run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return ""
    commit = escape(done.stdout.strip())
    return f" This page was drawn by the workflow at commit <code>{commit}</code>."
