"""The model sheet, checked before any job starts; all its problems are found at once."""

import copy
import csv
import json
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from modelmap.validation import (
    InvalidInput,
    Validator,
    clashes,
    expected,
    load_schema,
    nearest,
    options,
    problem,
    relative,
    shown,
    typed,
)

FROM_TEXT = {
    "number": float,
    "integer": int,
    "object": json.loads,
    "array": lambda text: [part.strip() for part in text.split(",") if part.strip()],
}


def read_models(path, schema_dir, *, zoo, given=(), parents=()):
    """Return the rows of the model sheet, typed, with defaults filled in.

    Tabs separate fields; blanks around a field, blank lines and lines that begin with # do not
    count. Double quotes are ordinary characters, as in JSON, unless a field begins with one: then
    it is read as spreadsheets write it ("" inside for one). An empty field is None, but `label` is
    then the model's name, `shards` and `gpus` are 1, `parent` is an empty list.

    Parameters
    ----------
    zoo : collection of str
        The names that may follow `zoo:` in the column `repo`.
    given : collection of str
        Models whose log-likelihoods a matrix gives: they alone may have no `repo`, and where there
        are some, the sheet may have no rows.
    parents : collection of str
        Models of frozen maps, which rows may name as parents without a row of their own.

    Returns
    -------
    list of dict, one per row

    Raises
    ------
    InvalidInput
    """
    sheet = _Sheet(relative(path), load_schema(Path(schema_dir) / "models.schema.yaml"))
    (number, header), *lines = sheet.read_lines(path)
    sheet.read_header(number, header)
    rows = {number: sheet.row(number, fields) for number, fields in lines}
    if not rows and not given:
        sheet.refuse(number, 0, "no rows below the header; add one line per model")
    sheet.check_names(rows)
    sheet.check_repos(number, rows, given)
    sheet.check_zoo(rows, zoo)
    sheet.check_parents(rows, parents)
    if sheet.problems:
        raise InvalidInput(sheet.problems)
    return list(rows.values())


def check_benchmark_names(rows, path, table):
    """Refuse a `benchmark_name` that is in no row of the benchmark table, if that is there yet.

    Parameters
    ----------
    rows : list of dict, the model sheet
    path : of the sheet
    table : path of the benchmark table

    Raises
    ------
    InvalidInput
    """
    if not Path(table).exists():  # it may be made by the workflow
        return
    lines = Path(table).read_text(encoding="utf-8-sig", errors="replace").splitlines()
    known = {line.split("\t")[0] for line in lines if line.strip() and line[0] != "#"}
    problems = []
    for row in rows:
        name = row["benchmark_name"]
        if name and name not in known:
            message = (
                f'benchmark_name "{name}" is no row of {relative(table)}{nearest(name, known)}'
            )
            problems.append(problem(relative(path), 0, 0, message, f"model {row['model']}"))
    if problems:
        raise InvalidInput(problems)


class _Sheet:
    """A model sheet being read, and what is wrong with it."""

    def __init__(self, name, schema):
        self.name = name
        self.required, self.columns = schema["required"], schema["properties"]
        self.header = []
        self.problems = []

    def refuse(self, line, column, message, model=""):
        """Note a problem; return the error to raise if the reading cannot go on."""
        about = [column] if isinstance(column, str) else []
        about += [f"model {model}"] if model else []
        number = self.header.index(column) + 1 if isinstance(column, str) else column
        self.problems.append(problem(self.name, line, number, message, ", ".join(about)))
        return InvalidInput(self.problems)

    def read_lines(self, path):
        """Return (line number, fields) of all lines that count."""
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except OSError as error:
            advice = f'correct "models" in the config (a relative path begins at {Path.cwd()})'
            raise self.refuse(0, 0, f"{error.strerror}; {advice}") from None
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise self.refuse(line, 0, "not UTF-8 text; save the sheet as UTF-8") from None
        lines = enumerate(text.split("\n"), 1)
        lines = [(n, line) for n, line in lines if line.strip() and not line.startswith("#")]
        if not lines:
            columns = ", ".join(self.columns)
            raise self.refuse(0, 0, f"empty; the first line must name the columns ({columns})")
        return [(n, self.split(n, line)) for n, line in lines]

    def split(self, number, line):
        """Return a line's fields; quotes must close in it, lest one swallow the lines after it."""
        try:
            fields = next(csv.reader([line], delimiter="\t", strict=True))
        except csv.Error:
            message = "a field begins with a double quote that does not close at the field's end"
            self.refuse(number, 0, f'{message}; remove it, or write "" for each quote inside')
            fields = line.split("\t")
        return [field.strip() for field in fields]

    def read_header(self, number, names):
        """Take the columns' names, without the empty ones that spreadsheets leave at the end."""
        while names and not names[-1]:
            names.pop()
        self.header = names
        if len(names) == 1 and len(names[0].replace(",", " ").split()) > 1:
            found = f"one column only, {shown(names[0])}"
            raise self.refuse(number, 0, f"{found}; put a tab between columns, here and below")
        for i, name in enumerate(names):
            if name in names[:i]:
                message = f'column "{name}" stands twice, first as column {names.index(name) + 1}'
                self.refuse(number, i + 1, f"{message}; keep one")
            elif name not in self.columns:
                hint = f"{nearest(name, self.columns)} (known: {', '.join(self.columns)})"
                self.refuse(number, i + 1, f'unknown column "{name}"{hint}')
        for name in (name for name in self.required if name not in names):
            meaning = self.columns[name]["description"]
            self.refuse(number, 0, f'column "{name}" is missing; add it ({meaning})')

    def row(self, number, fields):
        """Return a line's typed values, and the default where a field is empty or absent."""
        row = {name: copy.deepcopy(part.get("default")) for name, part in self.columns.items()}
        texts = dict(zip(self.header, fields, strict=False))
        model = texts.get("model", "")
        for name in (name for name in self.header if name in self.columns):
            text, part = texts.get(name), self.columns[name]
            if name == "model" and not texts.get("repo"):
                part = part | part["without_repo"]
            if text and min(text) < " ":
                message = f"found {shown(text)}, with a character that is none of text; remove it"
                self.refuse(number, name, message, model)
            elif text:
                row[name] = typed(text, FROM_TEXT.get(part.get("type"), str))
                if not Validator(part).is_valid(row[name]):
                    hint = nearest(text, options(part))
                    message = f"found {shown(text)}, expected {expected(part)}{hint}"
                    self.refuse(number, name, message, model)
            elif name in self.required:
                self.refuse(number, name, f"empty; fill it in ({part['description']})", model)
        for i, text in enumerate(fields[len(self.header) :], len(self.header) + 1):
            if text:
                message = f"found {shown(text)}, but the header ends at column {len(self.header)}"
                self.refuse(number, i, message, model)
        return row | {"label": row["label"] or row["model"]}

    def check_names(self, rows):
        """Refuse names that stand twice or differ by case alone."""
        named = [(row["model"], number) for number, row in rows.items() if row["model"]]
        for i, j in clashes([name for name, _ in named]):
            (name, number), (other, line) = named[i], named[j]
            message = f'"{other}" stands in line {line}; names must differ, and by more than case'
            self.refuse(number, "model", message, name)

    def check_repos(self, header, rows, given):
        """Refuse rows without a checkpoint whose log-likelihoods no matrix gives either."""
        for number, row in rows.items():
            if row["repo"] or row["model"] in given or not row["model"]:
                continue
            hint = nearest(row["model"], given)
            hint = f", or name a model of a matrix{hint}" if given else ""
            if "repo" in self.header:
                message = f"empty; fill it in ({self.columns['repo']['description']}){hint}"
                self.refuse(number, "repo", message, row["model"])
            else:
                self.refuse(header, 0, f'column "repo" is missing; add it{hint}')

    def check_zoo(self, rows, zoo):
        """Refuse checkpoints that the zoo does not make."""
        for number, row in rows.items():
            before, _, name = (row["repo"] or "").partition(":")
            if before == "zoo" and name not in zoo:
                message = f'found {shown(row["repo"])}, expected a model of the zoo after "zoo:"'
                self.refuse(number, "repo", message + nearest(name, zoo), row["model"])

    def check_parents(self, rows, elsewhere):
        """Refuse parents that are neither rows of the sheet nor elsewhere, and circles of them."""
        lines = {row["model"]: number for number, row in reversed(rows.items())}
        graph = {model: [] for model in lines}
        for number, row in rows.items():
            for parent in row["parent"]:
                if parent in lines:
                    graph[row["model"]].append(parent)
                elif parent not in elsewhere:
                    message = f"found {shown(parent)}, expected a model of this sheet"
                    message += nearest(parent, lines)
                    self.refuse(number, "parent", message, row["model"])
        for circle in _circles(graph):
            model = min(circle, key=lines.get)
            start = circle.index(model)
            path = " -> ".join([*circle[start:], *circle[:start], model])
            self.refuse(lines[model], "parent", f"parents in a circle: {path}", model)


def _circles(graph):
    """Yield circles of a graph {model: parents}, parents first, opening each to find the next."""
    while True:
        try:
            return TopologicalSorter(graph).prepare()
        except CycleError as error:
            parent, child, *_ = circle = error.args[1]
            yield circle[:-1]
            graph[child].remove(parent)
