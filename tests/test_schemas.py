"""The schemas describe every key and column, and config/README.md is made of them."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from modelmap.sheet import read_models
from modelmap.validation import expected, load_schema, validate_config

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "workflow" / "schemas"
NAMES = ("config", "datasets", "models")
MAKE_REFERENCE = "PYTHONPATH=workflow python tests/test_schemas.py > config/README.md"


def reference():
    """Return config/README.md: every key of the config and every column of the sheet."""
    note = "<!-- Made from workflow/schemas by tests/test_schemas.py: edit the schemas. -->\n"
    parts = [note, "# Config and model sheet\n"]
    for name in NAMES:
        schema = load_schema(SCHEMAS / f"{name}.schema.yaml")
        parts += [f"## {schema['title']}\n", schema["description"]]
        parts += ["| name | allowed | default | meaning |", "|---|---|---|---|"]
        parts += [*(table_row(name, *entry) for entry in properties(schema)), ""]
    return "\n".join(parts)


def properties(schema, prefix=""):
    """Yield (dotted name, schema, required) of all keys, those of blocks after the block."""
    for name, part in schema["properties"].items():
        yield prefix + name, part, name in schema.get("required", [])
        if "properties" in part:
            yield from properties(part, f"{prefix}{name}.")


def table_row(schema, name, part, required):
    default = "*required*" if required else f"`{json.dumps(part['default'])}`"
    if schema == "models" and not required and not part["default"]:
        default = ""  # an empty field
    return f"| `{name}` | {expected(part)} | {default} | {part['description']} |"


def all_properties():
    for name in NAMES:
        for entry in properties(load_schema(SCHEMAS / f"{name}.schema.yaml")):
            yield pytest.param(*entry[1:], id=f"{name}-{entry[0]}")


@pytest.fixture(autouse=True)
def _working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_json_schemas(name):
    schema = yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("name", NAMES)
def test_schemas_close_every_block(name):
    def blocks(node):
        if isinstance(node, dict):
            if "properties" in node and "description" in node:
                yield node
            for part in node.values():
                yield from blocks(part)

    found = list(blocks(load_schema(SCHEMAS / f"{name}.schema.yaml")))
    assert found
    assert all(block["additionalProperties"] is False for block in found)


@pytest.mark.parametrize(("part", "required"), all_properties())
def test_every_property_is_described_and_has_a_default_if_it_is_optional(part, required):
    assert part["description"]
    assert ("default" in part) is not required
    assert "|" not in expected(part) + part["description"], "it would break the table"


def test_reference_is_current():
    written = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
    assert written == reference(), f"config/README.md is stale; run: {MAKE_REFERENCE}"


def example(name):
    """Return what stands between the fences of a schema's description."""
    return load_schema(SCHEMAS / f"{name}.schema.yaml")["description"].split("```")[1]


def test_examples_of_the_reference_pass():
    validate_config(yaml.safe_load(example("config").removeprefix("yaml")), [], SCHEMAS)
    Path("models.tsv").write_text(example("models"))
    assert read_models("models.tsv", SCHEMAS, zoo=[])[0]["params_b"] == 0.5


if __name__ == "__main__":
    print(reference(), end="")
