"""Captions of results: the texts that Snakemake's report shows, too (workflow/report/*.rst)."""

import re
from html import escape
from types import SimpleNamespace

from jinja2 import Environment, StrictUndefined

_TEMPLATES = Environment(undefined=StrictUndefined, autoescape=False)


def caption(text, *, of, params):
    """Fill in a caption.

    Parameters
    ----------
    text : str
        A template as Snakemake has it: paragraphs of plain text, in which ``…`` is code.
    of : str or None
        The map or dataset that it speaks of.
    params : dict
        What else it may name, as `snakemake.params`.

    Returns
    -------
    str, HTML

    Raises
    ------
    jinja2.UndefinedError
        If it names something else.
    """
    wildcards = SimpleNamespace(**({} if of is None else {"map": of, "dataset": of}))
    job = SimpleNamespace(wildcards=wildcards, params=SimpleNamespace(**params))
    filled = _TEMPLATES.from_string(text).render(snakemake=job)
    return re.sub("``(.*?)``", r"<code>\1</code>", escape(" ".join(filled.split())))
