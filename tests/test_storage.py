"""Where files go to a storage, what lies in folders is refused: it would silently be missing."""

import pytest
from workflow_runs import ROOT, snakemake, write_sheet

pytestmark = pytest.mark.slow

HUB = {"model": "hub", "repo": "org/model"}


@pytest.fixture
def plan(tmp_path):
    """Plan one row's scores, all files in a storage: the finished process."""

    def plan(row):
        write_sheet(tmp_path / "models.tsv", [row])
        (tmp_path / "my.yaml").write_text(
            "{models: models.tsv, datasets: {texts: {source: stdlib, n_samples: 4}}}"
        )
        storage = "--default-storage-provider", "fs", "--default-storage-prefix", tmp_path / "store"
        arguments = ("--dry-run", "results/status.tsv", "--configfile", "my.yaml", *storage)
        return snakemake(tmp_path, *arguments, snakefile=ROOT / "Snakefile")

    return plan


def test_models_of_a_hub_are_planned(plan):
    done = plan(HUB)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "row",
    [HUB | {"repo": "zoo:llava-base"}, HUB | {"convert": "internvl_chat"}],
    ids=["zoo", "converted"],
)
def test_what_is_read_from_a_folder_is_refused(plan, row):
    done = plan(row)
    assert done.returncode != 0
    assert "models.tsv: hub (repo" in done.stdout
    assert "with --default-storage-provider models come from a hub" in done.stdout
