"""The config, checked before any job starts; and the words in which bad input is refused.

All problems are found at once; each is told with its place, what was found and what was expected.
What is allowed stands in workflow/schemas alone; where type and bounds would read badly in a
message, a schema's own keyword `expected` says it in words.
"""

import copy
import difflib
import functools
import json
from collections.abc import Mapping
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.validators import extend

# JSON schema itself takes 8.0 for an integer, and NaN passes all bounds (x - x is 0 for finite x).
TYPE_CHECKS = {
    "integer": lambda _, x: isinstance(x, int) and not isinstance(x, bool),
    "number": lambda _, x: isinstance(x, int | float) and not isinstance(x, bool) and x - x == 0,
}
Validator = extend(
    Draft202012Validator, type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(TYPE_CHECKS)
)
TYPES = {
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a block of keys",
}
BOUNDS = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}


class InvalidInput(ValueError):
    """Bad input: the message holds every problem, one per line, sorted by place."""

    def __init__(self, problems):
        super().__init__("\n".join(text for *_, text in sorted(set(problems))))


def problem(file, line, column, message, about=""):
    """Return file, line, column (from 1; 0: none) and message of a problem, for InvalidInput."""
    place = f"{file} line {line}" if line else file
    place += (f", column {column}" if column else "") + (f" ({about})" if about else "")
    return file, line, column, f"{place}: {message}".replace("\n", "\\n")


def load_schema(path):
    """Return a schema; that of the config holds that of a dataset's block."""
    schema = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    for part in schema["properties"].values():
        if reference := (part.get("additionalProperties") or {}).get("$ref"):
            part["additionalProperties"] = load_schema(Path(path).parent / reference)
    return schema


def expected(schema):
    """Return in words what a schema allows."""
    if "expected" in schema:
        return schema["expected"]
    if "anyOf" in schema:
        return " or ".join(map(expected, schema["anyOf"]))
    if values := [shown(value) for value in options(schema)]:
        return " or ".join(filter(None, [", ".join(values[:-1]), values[-1]]))
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    bounds = " and ".join(f"{sign} {schema[key]}" for key, sign in BOUNDS.items() if key in schema)
    return " or ".join(f"{TYPES[t]} {bounds}".strip() if t != "null" else t for t in types)


def options(schema):
    """Return the values of which a schema wants one."""
    parts = [schema, *schema.get("anyOf", [])]
    return [option for part in parts for option in part.get("enum", [])]


def _below(schema, key):
    """Return the schema of the value at a key, or of a list's items; empty if there is none."""
    named = schema.get("properties", {}).get(key) or schema.get("additionalProperties") or {}
    return schema.get("items", {}) if isinstance(key, int) else named


def shown(value):
    """Return a value as a message shows it: on one line, text in quotes, not too long."""
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:79]}…"


def typed(text, parse):
    """Return what text says, or the text itself if it says nothing of that type."""
    try:
        return parse(text)
    except ValueError:
        return text


def nearest(word, known):
    """Return as the end of a message which known name is meant, if one is near."""
    names = {name.casefold(): name for name in known if isinstance(name, str)}
    close = difflib.get_close_matches(word.casefold(), names, n=1, cutoff=0.7)
    return f'; did you mean "{names[close[0]]}"?' if close else ""


def relative(path):
    """Return a path as a message shows it: from the working directory, if it lies below."""
    path = Path(path)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def clashes(names):
    """Yield (index, earlier index) of names that are equal but for case: one file on some disks."""
    first = {}
    for i, name in enumerate(names):
        if first.setdefault(name.casefold(), i) != i:
            yield i, first[name.casefold()]


class Places:
    """Where each key of a config stands in the files (YAML, JSON) that it was merged from.

    `keys` says which key: a tuple of names, and of indices in lists.
    """

    def __init__(self, paths):
        self.places = {}  # keys -> (file, key node, value node, value)
        self.problems = []
        self.last, self.elsewhere = "config", "--config" if paths else "config"
        for path in paths:
            text = Path(path).read_text(encoding="utf-8-sig")
            self._read(relative(path), yaml.FullLoader(text.replace("\t", " ")))  # tabs: JSON only

    def _read(self, file, loader):
        self.last, root = file, loader.get_single_node()
        for key, first in _repeated(root):
            message = f"{key.value}: stands twice, first in line {_mark(first)[0]}; keep one"
            self.problems.append(problem(file, *_mark(key), message))
        for keys, *place in _positions(loader, (), root, root) if root else ():
            self.places[keys] = file, *place

    def holds(self, keys, value):
        """Tell whether a file says so, and not the command line."""
        mapping = isinstance(value, Mapping)
        return keys in self.places and (mapping or repr(value) == repr(self.places[keys][-1]))

    def refuse(self, keys, message, *found):
        """Note a problem of a key, of the value found there, or (no keys) of the whole config."""
        if found:
            message = f"found {shown(*found)}, expected {message}"
        message = f"{_dotted(keys)}: {message}" if keys else message
        file, line, column = self.last if not keys else self.elsewhere, 0, 0
        if keys in self.places and keys and (not found or self.holds(keys, *found)):
            file, key, value, _ = self.places[keys]
            line, column = _mark(value if found else key)
        self.problems.append(problem(file, line, column, message))


def _mark(node):
    return node.start_mark.line + 1, node.start_mark.column + 1


def _repeated(node):
    """Yield (key, same key before it) of every mapping; YAML itself silently takes the last."""
    first = {}
    for key, child in node.value if isinstance(node, yaml.MappingNode) else ():
        if first.setdefault(key.value, key) is not key:
            yield key, first[key.value]
        yield from _repeated(child)


def _positions(loader, keys, key, node):
    """Yield (keys, key node, value node, value) of a YAML node and of all below it."""
    yield keys, key, node, loader.construct_object(node, deep=True)  # merges what `<<` names
    children = []
    if isinstance(node, yaml.MappingNode):
        children = [(str(loader.construct_object(name)), name, child) for name, child in node.value]
    elif isinstance(node, yaml.SequenceNode):
        children = [(i, child, child) for i, child in enumerate(node.value)]
    for name, *nodes in children:
        yield from _positions(loader, (*keys, name), *nodes)


def _dotted(keys):
    return "".join(f" item {k + 1}" if isinstance(k, int) else f".{k}" for k in keys).lstrip(".")


def validate_config(config, files, schema_dir):
    """Return the config with defaults filled in: a deep copy in plain dicts.

    `config` is what Snakemake has made of `files` (in the order of merging) and of --config.

    Raises
    ------
    InvalidInput
        If a key is unknown, missing, repeated or not text, or a value is not allowed.
    """
    schema, places = load_schema(Path(schema_dir) / "config.schema.yaml"), Places(files)
    config = _plain(config, schema, (), places)
    for error in Validator(schema).iter_errors(config):
        _explain(error, functools.reduce(_below, error.absolute_path, schema), places)
    names = list(config["datasets"]) if isinstance(config.get("datasets"), dict) else []
    for i, j in clashes(names):
        message = f'differs from "{names[j]}" by case alone; some file systems take both for one'
        places.refuse(("datasets", names[i]), message)
    if places.problems:
        raise InvalidInput(places.problems)
    return _filled(config, schema)


def _plain(value, schema, keys, places):
    """Copy a config into dicts with text for keys; read values that --config gives as text."""
    if isinstance(value, Mapping):
        for key in (key for key in value if not isinstance(key, str)):
            message = f"YAML reads this name as {type(key).__name__}, not as text; put it in quotes"
            places.refuse((*keys, str(key)), message)
        pairs = ((str(key), part) for key, part in value.items())
        return {k: _plain(v, _below(schema, k), (*keys, k), places) for k, v in pairs}
    if isinstance(value, list):
        items = enumerate(value)
        return [_plain(v, _below(schema, i), (*keys, i), places) for i, v in items]
    if isinstance(value, str) and schema and not places.holds(keys, value):
        said = typed(value, json.loads)  # in --config 'a={b: 1}', 1 is text to Snakemake
        return said if not isinstance(said, str) and Validator(schema).is_valid(said) else value
    return value


def _explain(error, schema, places):
    """Note in our words what jsonschema found; `schema` is that of the place, conditions aside."""
    keys, found = tuple(error.absolute_path), error.instance
    known = schema.get("properties", {})
    if error.validator == "required":
        for name in (name for name in error.validator_value if name not in found):
            meaning = known[name]["description"]
            places.refuse(keys, f'"{name}" is missing; add "{name}: …" ({meaning})')
    elif error.validator == "additionalProperties":
        for name in (name for name in found if name not in known):
            hint = f"{nearest(name, known)} (known: {', '.join(known) or 'none'})"
            places.refuse((*keys, name), f"unknown key{hint}")
    elif "propertyNames" in error.schema_path:
        places.refuse((*keys, found), f"not allowed as a name; expected {expected(error.schema)}")
    else:
        hint = nearest(found, options(error.schema)) if isinstance(found, str) else ""
        if found is None and "default" in error.schema:
            hint = "; leave the key out for its default"
        places.refuse(keys, expected(error.schema) + hint, found)


def _filled(config, schema):
    """Fill in the defaults, those of missing blocks too."""
    for name, part in schema.get("properties", {}).items():
        if "default" in part:
            config.setdefault(name, copy.deepcopy(part["default"]))
    for name, value in config.items():
        if isinstance(value, dict):
            _filled(value, _below(schema, name))
    return config
