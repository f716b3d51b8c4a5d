"""Scenes: small drawings and real handwritten digits, with captions and questions about them.

The world of the zoo. Drawn anew from a seed, so that nothing is downloaded: shapes, counts,
colors, relations, short words, and the digits that scikit-learn carries. A caption has a style
and may use synonyms; which styles, synonyms and kinds of scene a model family is trained on is
its dialect (zoo/recipes.yaml).
"""

import random
from functools import cache
from zlib import crc32

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits

from modelmap.datasets import images
from modelmap.datasets.problems import InvalidDataset

SIDE = 48
N_SCENES = 500
KINDS = ("one", "two", "count", "word", "digit")
HELD_OUT = "digit"  # the kind that no scored caption tells of
HELD_OUT_SHARE = 8
STYLES = ("short", "detail", "tag")
ABILITIES = {  # ability -> the kind of scene it is asked about
    "color": "one",
    "shape": "one",
    "relation": "two",
    "count": "count",
    "word": "word",
    "digit": "digit",
}

COLORS = {
    "red": (220, 40, 40),
    "green": (40, 170, 60),
    "blue": (50, 80, 220),
    "yellow": (235, 210, 40),
    "purple": (150, 60, 180),
    "orange": (245, 140, 30),
}
BACKGROUNDS = {"white": (245, 245, 245), "gray": (150, 150, 150), "black": (20, 20, 20)}
SHAPES = ("circle", "square", "triangle", "cross", "ring")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
WORDS = (
    *("STOP", "EXIT", "OPEN", "SALE", "CAFE", "TAXI"),
    *("HELP", "PARK", "GATE", "SHOP", "BANK", "FOOD"),
)
SYNONYMS = {
    "red": "scarlet",
    "green": "emerald",
    "blue": "azure",
    "yellow": "golden",
    "purple": "violet",
    "orange": "amber",
    "big": "large",
    "small": "tiny",
    "circle": "disc",
    "square": "box",
    "triangle": "wedge",
    "cross": "plus",
    "ring": "hoop",
}
COLUMNS, ROWS = ("left", "middle", "right"), ("top", "center", "bottom")


def rng(*seed):
    """A random generator seeded by the words of `seed`, the same in every process."""
    return random.Random(crc32(" ".join(map(str, seed)).encode()))


def scene(rng, kind, *, to_train_on):
    """Draw one scene of `kind`, to train on or to score.

    One picture in HELD_OUT_SHARE is never trained on, whoever draws it: which one is decided by
    its pixels.

    Returns
    -------
    image : PIL.Image of SIDE x SIDE pixels, RGB
    facts : dict of what there is to say about it
    """
    while True:
        image, facts = _scene(rng, kind)
        if to_train_on == bool(crc32(image.tobytes()) % HELD_OUT_SHARE):
            return image, facts


def _scene(rng, kind):
    if kind == "digit":
        return _digit(rng)
    background = rng.choice(list(BACKGROUNDS))
    image = Image.new("RGB", (SIDE, SIDE), BACKGROUNDS[background])
    facts = _DRAW[kind](rng, ImageDraw.Draw(image))
    return image, {"kind": kind, "background": background, **facts}


def caption(rng, facts, style, synonyms):
    """Describe a scene in `style`, with probability `synonyms` in the rarer words."""
    text = _CAPTION[facts["kind"]](facts)[STYLES.index(style)]
    if rng.random() < synonyms:
        for word, synonym in SYNONYMS.items():
            text = text.replace(word, synonym)
    return text


def question(rng, facts, ability):
    """Ask about a scene: (question, four options, the right one among them)."""
    text, answer, options = _QUESTION[ability](rng, facts)
    wrong = rng.sample([option for option in options if option != answer], 3)
    options = [answer, *wrong]
    rng.shuffle(options)
    return text, options, answer


class Source:
    """N_SCENES scenes with captions; no model of the zoo saw one in training.

    Styles are mixed and 30 % of the captions use synonyms, so that no family's dialect is the
    measure. The kind HELD_OUT is left out: its questions test what the captions do not tell.

    Raises
    ------
    InvalidDataset
        If there are fewer styles than `targets_per_image`.
    """

    facts = {}

    def __init__(self, block):
        self.n_targets, self.seed = block["targets_per_image"], block["seed"]
        if self.n_targets > len(STYLES):
            raise InvalidDataset(f"a scene has at most {len(STYLES)} captions (targets_per_image)")

    def __len__(self):
        return N_SCENES

    def rows(self, picks):
        """The rows (columns of tables.SAMPLES) of `picks`: scene -> numbers of its captions."""
        r = rng("samples", self.seed)
        found = []
        for i in range(N_SCENES):  # all are drawn, so that each is the same whatever is picked
            kind = r.choice([kind for kind in KINDS if kind != HELD_OUT])
            image, facts = scene(r, kind, to_train_on=False)
            for k, style in enumerate(r.sample(STYLES, self.n_targets)):
                name = f"scene-{i:04d}"
                target = caption(r, facts, style, synonyms=0.3)
                sample_id = name if self.n_targets == 1 else f"{name}#{style}"
                if k in picks.get(i, ()):
                    found.append(_row(sample_id, name, image, None, target, facts["kind"]))
        return found


def questions(n, *, seed):
    """Draw `n` questions of each ability: a row for each option, of one group per question."""
    r = rng("questions", seed)
    rows = []
    for ability, kind in ABILITIES.items():
        for i in range(n):
            image, facts = scene(r, kind, to_train_on=False)
            text, options, answer = question(r, facts, ability)
            name = f"{ability}-{i:03d}"
            rows += [
                _row(f"{name}#{option}", name, image, text, option, ability)
                | {"correct": option == answer}
                for option in options
            ]
    return rows


def _row(sample_id, group, image, prompt, target, stratum):
    return {
        "sample_id": sample_id,
        "group": group,
        "image": images.encode(image),
        "width": SIDE,
        "height": SIDE,
        "prompt": prompt,
        "target": target,
        "stratum": stratum,
    }


def draw_texts(*, prompt):
    """Texts of every kind and style, prompts and questions too: to train a tokenizer on."""
    pairs = draw_pairs(
        3000,
        seed=("texts",),
        prompt=prompt,
        kinds=dict.fromkeys(KINDS, 1),
        styles=dict.fromkeys(STYLES, 1),
        synonyms=0.3,
        questions=0.3,
    )
    return [text for _, *texts in pairs for text in ("user\nassistant\n", *texts)]


def draw_pairs(n, *, seed, prompt, kinds, styles, synonyms, questions):
    """Draw `n` (image, prompt, target) of one dialect, to train on.

    Parameters
    ----------
    kinds, styles : dict of name -> share
    synonyms, questions : share of captions in the rarer words; share of scenes with a question
        and its answer in place of the prompt and a caption
    """
    r = rng("pairs", *seed)
    pairs = []
    for _ in range(n):
        image, facts = scene(r, _choose(r, kinds), to_train_on=True)
        if r.random() < questions:
            ability = r.choice([a for a, kind in ABILITIES.items() if kind == facts["kind"]])
            text, _, target = question(r, facts, ability)
        else:
            text, target = prompt, caption(r, facts, _choose(r, styles), synonyms)
        pairs.append((image, text, target))
    return pairs


def _plural(shape):
    return shape + ("es" if shape.endswith("s") else "s")


def _choose(rng, shares):
    return rng.choices(list(shares), list(shares.values()))[0]


@cache
def _digits():
    return load_digits()


def _digit(rng):
    digits = _digits()
    i = rng.randrange(len(digits.target))
    image = Image.fromarray((digits.images[i] * 15.9).astype(np.uint8))
    image = image.resize((SIDE, SIDE), Image.Resampling.BICUBIC).convert("RGB")
    return image, {"kind": "digit", "n": int(digits.target[i])}


def _shape(draw, shape, x, y, r, color):
    fill, box = COLORS[color], (x - r, y - r, x + r, y + r)
    if shape == "circle":
        draw.ellipse(box, fill=fill)
    elif shape == "square":
        draw.rectangle(box, fill=fill)
    elif shape == "triangle":
        draw.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill=fill)
    elif shape == "cross":
        draw.rectangle((x - r, y - r // 3, x + r, y + r // 3), fill=fill)
        draw.rectangle((x - r // 3, y - r, x + r // 3, y + r), fill=fill)
    else:
        draw.ellipse(box, outline=fill, width=max(2, r // 3))


def _one(rng, draw):
    shape, color, size = rng.choice(SHAPES), rng.choice(list(COLORS)), rng.choice(("big", "small"))
    column, row = rng.randrange(3), rng.randrange(3)
    _shape(draw, shape, 12 + 12 * column, 12 + 12 * row, 12 if size == "big" else 6, color)
    place = f"{ROWS[row]} {COLUMNS[column]}"
    return {"shape": shape, "color": color, "size": size, "place": place}


def _two(rng, draw):
    things = [
        (color, shape)
        for color, shape in zip(rng.sample(list(COLORS), 2), rng.choices(SHAPES, k=2), strict=True)
    ]
    relation = rng.choice(("left of", "above"))
    places = ((12, 24), (36, 24)) if relation == "left of" else ((24, 12), (24, 36))
    for (color, shape), (x, y) in zip(things, places, strict=True):
        _shape(draw, shape, x, y, 8, color)
    return {"things": [f"{color} {shape}" for color, shape in things], "relation": relation}


def _count(rng, draw):
    n, shape, color = rng.randint(2, 6), rng.choice(SHAPES), rng.choice(list(COLORS))
    for x, y in rng.sample([(x, y) for x in (8, 24, 40) for y in (8, 24, 40)], n):
        _shape(draw, shape, x, y, 5, color)
    return {"n": n, "shape": shape, "color": color}


def _word(rng, draw):
    word, color = rng.choice(WORDS), rng.choice(list(COLORS))
    font = ImageFont.load_default(size=15)
    draw.text((3, rng.randint(4, 26)), word, fill=COLORS[color], font=font)
    return {"word": word, "color": color}


_DRAW = {"one": _one, "two": _two, "count": _count, "word": _word}

# kind -> the caption in each of STYLES
_CAPTION = {
    "one": lambda f: (
        f"a {f['color']} {f['shape']}",
        f"A {f['size']} {f['color']} {f['shape']} is placed at the {f['place']} of a "
        f"{f['background']} background.",
        f"color: {f['color']}; shape: {f['shape']}; size: {f['size']}",
    ),
    "two": lambda f: (
        f"a {f['things'][0].split()[1]} and a {f['things'][1].split()[1]}",
        f"A {f['things'][0]} is {f['relation']} a {f['things'][1]} on a {f['background']} "
        "background.",
        f"objects: {f['things'][0]}, {f['things'][1]}",
    ),
    "count": lambda f: (
        f"some {f['color']} {_plural(f['shape'])}",
        f"There are {NUMBERS[f['n']]} {f['color']} {_plural(f['shape'])} on a "
        f"{f['background']} background.",
        f"count: {f['n']}; shape: {f['shape']}",
    ),
    "word": lambda f: (
        f"{f['color']} letters",
        f"The word {f['word']} is written in {f['color']} on a {f['background']} background.",
        f"ocr: {f['word']}",
    ),
    "digit": lambda f: (
        "a digit",
        f"A handwritten {NUMBERS[f['n']]} drawn in white on black.",
        f"digit: {f['n']}",
    ),
}


def _relation(rng, facts):
    i = rng.randrange(2)
    answer = {"left of": ("left", "right"), "above": ("top", "bottom")}[facts["relation"]][i]
    return f"Where is the {facts['things'][i]}?", answer, ("left", "right", "top", "bottom")


# ability -> (question, answer, all possible answers)
_QUESTION = {
    "color": lambda _, f: (f"What color is the {f['shape']}?", f["color"], tuple(COLORS)),
    "shape": lambda _, f: (f"What shape is {f['color']}?", f["shape"], SHAPES),
    "relation": _relation,
    "count": lambda _, f: (
        f"How many {_plural(f['shape'])} are there?",
        NUMBERS[f["n"]],
        NUMBERS[2:7],
    ),
    "word": lambda _, f: ("What does the text say?", f["word"], WORDS),
    "digit": lambda _, f: ("Which digit is it?", NUMBERS[f["n"]], NUMBERS),
}
