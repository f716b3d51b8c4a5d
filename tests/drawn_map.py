"""What a browser shows of the map's page."""


def points(page):
    """What plotly draws of the models: color by number."""
    trace = page.evaluate(
        "(({customdata, marker}) => ({customdata, color: marker.color}))(map.data.at(-1))"
    )
    return dict(zip(trace["customdata"], trace["color"], strict=True))


def place(page, i):
    """Where a model is on the screen."""
    return page.evaluate(
        """i => { const {xaxis, yaxis, _size} = map._fullLayout, box = map.getBoundingClientRect();
        return [box.left + _size.l + xaxis.c2p(embedding().x[i]),
                box.top + _size.t + yaxis.c2p(embedding().y[i])]; }""",
        i,
    )


def overlaps(page):
    """Pairs of names on the map that overlap, and how many there are."""
    boxes = page.evaluate(
        "[...document.querySelectorAll('#names span')].map(s => s.getBoundingClientRect())"
        ".map(b => [b.left, b.top, b.right, b.bottom])"
    )
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]
    meet = [(a, b) for a, b in pairs if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]]
    return len(boxes), meet
