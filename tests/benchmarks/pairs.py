"""Image-caption pairs to score: images of noise, and captions as long as those of MS-COCO."""

import random
from itertools import islice

from tiny import Sample, noise

PROMPT = "Describe the image."
WHO = """a man|two women|an old farmer|some children|a brown dog|a black cat|three cyclists
a waiter|a young girl|two tourists|a baseball player|a police officer""".replace("\n", "|").split(
    "|"
)
DOES = """stood waiting|sat quietly|rested a while|looked up|played happily|ate some lunch
talked loudly|held an umbrella|read a book|carried heavy bags|took many pictures|fell asleep"""
DOES = DOES.replace("\n", "|").split("|")
WHERE = """next to a parked bicycle|in front of a brick wall|on a bench near the lake
under a big tree|at the corner of a street|behind a table with fruit|on the beach at sunset
in a kitchen with white tiles|by the window of a train|between two yellow taxis
on top of a snowy hill|inside an empty station""".replace("\n", "|")
WHERE = WHERE.split("|")


def captions(n, seed=0):
    """`n` captions, each another."""
    every = [f"{who} {does} {where}." for who in WHO for does in DOES for where in WHERE]
    if n > len(every):
        raise ValueError(f"there are only {len(every)} captions")
    return [text.capitalize() for text in random.Random(seed).sample(every, n)]


def pairs(n_images, n_captions, size):
    """Samples: `n_captions` behind each of `n_images` images of `size` (width, height)."""
    texts = iter(captions(n_images * n_captions))
    samples = []
    for i in range(n_images):
        image = noise(*size, seed=i)
        for text in islice(texts, n_captions):
            samples.append(Sample(f"s{len(samples)}", text, image, PROMPT, content=b"%d" % i))
    return samples
