"""A project in a folder of its own, whose models are on a hub of its own."""

import json
from pathlib import Path

import polars as pl
import yaml
from tiny import noise
from workflow_runs import ROOT, planned, run, snakemake, write_sheet

TEXTS = ["a red circle", "There are two blue squares.", "x", "A small green triangle"]
PHOTOS = {"photos": {"source": "folder", "path": "photos"}}


class HubProject:
    """Photographs, a sheet and a config in `folder`; `hub` serves the models."""

    def __init__(self, folder, hub):
        self.folder, self.hub = folder, hub
        (folder / "photos").mkdir()
        lines = []
        for i in range(8):
            noise(48, 32 + 4 * i, seed=i).save(folder / f"photos/{i}.png")
            lines.append({"file_name": f"{i}.png", "text": TEXTS[i % 4] * (1 + i // 4)})
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "photos/metadata.jsonl").write_text(text)

    def configure(self, rows, **changes):
        """Write sheet and config; a row is the model's name and what else its columns hold."""
        write_sheet(self.folder / "models.tsv", rows)
        config = {"models": "models.tsv", "datasets": PHOTOS}
        config["map"] = {"n_bootstrap": 20, "tsne": {"max_iter": 250}}
        (self.folder / "my.yaml").write_text(yaml.safe_dump(config | changes))

    def snakemake(self, *arguments, function=snakemake):
        """Run Snakemake by a function of workflow_runs; the requests on record are those of it."""
        self.hub.requests.clear()
        arguments = (*arguments, "--configfile", "my.yaml")
        return function(self.folder, *arguments, snakefile=ROOT / "Snakefile")

    def run(self, *arguments):
        return self.snakemake(*arguments, function=run)

    def plan(self, *arguments):
        return self.snakemake(*arguments, function=planned)

    def status(self, dataset="photos"):
        """Model -> (status, reason)."""
        table = pl.read_csv(self.folder / "results/status.tsv", separator="\t")
        columns = table.filter(dataset=dataset).select("model", "status", "reason")
        return {model: (status, reason) for model, status, reason in columns.rows()}

    def found(self, model):
        """What is known of a model: resources/models/{model}.json."""
        return json.loads((self.folder / f"resources/models/{model}.json").read_text())

    def scores(self):
        """Score file, as {dataset}/{model}/{shard}.parquet -> when it was written."""
        files = (self.folder / "results/scores").rglob("*.parquet")
        return {str(Path(*file.parts[-3:])): file.stat().st_mtime_ns for file in files}
