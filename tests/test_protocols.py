"""Protocols by name: what they fix holds, and a config that says other is refused."""

from pathlib import Path

import pytest
import yaml

from modelmap import protocols
from modelmap.validation import InvalidInput, validate_config

SCHEMAS = Path(__file__).parents[1] / "workflow" / "schemas"


@pytest.fixture(autouse=True)
def _working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def check(block, **command_line):
    text = f"models: m.tsv\ndatasets: {{s: {{source: scenes}}}}\nmap: {block}\n"
    Path("a.yaml").write_text(text)
    merged = yaml.safe_load(text)
    merged["map"] |= command_line
    config = validate_config(merged, ["a.yaml"], SCHEMAS)
    protocols.check_protocol(config, ["a.yaml"], SCHEMAS)
    return config


@pytest.mark.parametrize("protocol", protocols.FIXED)
def test_a_protocol_alone_is_enough_and_is_checked_again(protocol):
    config = check(f"{{protocol: {protocol}}}")
    again = protocols.unfixed(config)
    Path("again.yaml").write_text(yaml.safe_dump(again))
    again = validate_config(again, ["again.yaml"], SCHEMAS)
    protocols.check_protocol(again, ["again.yaml"], SCHEMAS)
    assert protocols.applied(again["map"]) == protocols.applied(config["map"])


def test_the_default_changes_nothing():
    config = check("{clip: 0.1, tsne: {perplexity: 7}}")
    assert protocols.applied(config["map"]) == config["map"]
    assert protocols.unfixed(config) == config


def test_what_a_protocol_fixes_holds_and_the_rest_is_the_configs():
    oyama = protocols.applied(check("{protocol: oyama2025, umap: {n_neighbors: 9}}")["map"])
    assert oyama["clip"] == 0.02
    assert oyama["umap"]["n_neighbors"] == 9
    assert oyama["tsne"] == {
        "metric": "sqeuclidean",
        "perplexity": 30,
        "max_iter": 10000,
        "random_state": 42,
        "published": True,
    }
    vlm = protocols.applied(check("{protocol: vlm2026, tsne: {random_state: 3}}")["map"])
    assert vlm["clip"] is None
    assert (vlm["tsne"]["metric"], vlm["tsne"]["random_state"]) == ("cosine", 3)


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("{protocol: oyama2025, clip: 0.1}", "a.yaml line 3, column 28: map.clip: found 0.1, but"),
        ("{protocol: oyama2025, clip: null}", "map.clip: found nothing, but protocol oyama2025"),
        ("{protocol: vlm2026, clip: 0.02}", "found 0.02, but protocol vlm2026 has nothing; leave"),
        ("{protocol: vlm2026, adjust: [length]}", 'map.adjust: found ["length"], but'),
        (
            "{protocol: oyama2025, tsne: {perplexity: 6}}",
            "map.tsne.perplexity: found 6, but protocol oyama2025 has 30; leave this key out",
        ),
        ("{protocol: oyama2025, tsne: {random_state: 1}}", "map.tsne.random_state: found 1, but"),
    ],
)
def test_what_a_protocol_fixes_cannot_be_set(block, problem):
    with pytest.raises(InvalidInput) as error:
        check(block)
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


def test_neither_can_it_on_the_command_line():
    with pytest.raises(InvalidInput, match=r"^--config: map.clip: found 0.3, but protocol oyama"):
        check("{protocol: oyama2025}", clip=0.3)


def test_saying_the_same_as_the_protocol_is_no_problem():
    check("{protocol: oyama2025, clip: 0.02, tsne: {perplexity: 30}}")
