"""Everything that a run made, in one page."""

from modelmap.figures.report import Chapter, report_page
from modelmap.report.captions import caption
from modelmap.report.methods import methods, versions
from modelmap.report.overview import numbers_of, read_facts, summary
from modelmap.report.run import the_run
from modelmap.report.sections import Result, read_tsv, sections

# Chapters about several maps at once: the first words of their captions' names.
CHAPTERS = {
    "benchmarks": ("Benchmarks", ("correlation", "prediction", "leakage", "coverage", "answers")),
    "stability": ("Would the map be the same?", ("stability",)),
    "subsets": ("Fewer samples", ("subsets",)),
    "theory": ("Half a squared distance and KL", ("divergences", "interpolation")),
}


def report(results, maps, *, page, texts, root, told, status, gates, files):
    """Make the page.

    Parameters
    ----------
    results : list of sections.Result
    maps : dict of name to what overview.read_facts takes
    page : Path
        Where it will lie.
    texts : Path
        The folder of captions and of the template of methods.
    root : Path
        Of the workflow.
    told : dict: config (as it held), methods (embedding to title), families and labels (of
        models), zoo (whether models of it are among these), shown (as methods.methods has it)
    status : Path of status.tsv
    gates : list of Path
        A folder of each dataset.
    files : list of Path
        All that the page is made of.

    Returns
    -------
    str, HTML that needs nothing else
    """
    results = [Result(*result) for result in results]
    facts = {name: read_facts(**of) for name, of in maps.items()}
    fared = read_tsv(status)
    config, labels = told["config"], told["labels"]

    def filled(name, of):
        text = (texts / f"{name}.rst").read_text(encoding="utf-8")
        return caption(text, of=of, params={"level": config["map"]["level"]})

    about = {"families": told["families"], "zoo": told["zoo"], "files": files, "page": page}
    run = {"labels": labels, "caption": filled("status", None), "status_file": status, "page": page}
    how = {key: told[key] for key in ("config", "methods")} | told["shown"]
    how["theory"] = any(result.caption == "divergences" for result in results)
    template = (texts / "methods.html").read_text(encoding="utf-8")
    chapters = [
        summary(fared, facts, **about),
        *_chapters([r for r in results if r.caption != "status"], facts, filled, page, labels),
        the_run(fared, gates, **run),
        methods(template, maps=facts, status=fared, **how),
        versions(config, root=root, files=files),
    ]
    return report_page("A map of models" if len(facts) == 1 else "Maps of models", chapters)


def _chapters(results, maps, filled, page, labels):
    """A chapter for each map, then those about several maps."""
    common = {
        id: [result for result in results if result.caption.startswith(names)]
        for id, (_, names) in CHAPTERS.items()
    }
    of_maps = [result for result in results if all(result not in some for some in common.values())]
    for i, (name, facts) in enumerate(maps.items()):
        mine = sections([result for result in of_maps if result.of == name], filled, page, labels)
        yield Chapter(f"chapter-{i}", f"The map of {name}", numbers_of(facts), mine)
    for id, some in common.items():
        if some:
            yield Chapter(id, CHAPTERS[id][0], "", sections(some, filled, page, labels))
