"""Source `coco`: an annotation file as MS-COCO's captions have it, and a folder of its images."""

import json
import os
from pathlib import Path

from modelmap.datasets import images
from modelmap.datasets.entries import Entry, rows
from modelmap.datasets.files import open_file
from modelmap.datasets.problems import InvalidDataset, Problems

MOST_BYTES = 2**30  # of the annotations, which are read at once; those of MS-COCO have 0.1 GB


class Source:
    """The annotated images that lie in the folder, in the order of the file.

    Images that are not there are left out; `facts` tells how many.

    Raises
    ------
    InvalidDataset
        If the file is none of COCO's captions, or no image of it lies in the folder.
    """

    def __init__(self, block):
        self.file, self.folder = Path(block["path"]["annotations"]), Path(block["path"]["images"])
        self.n_targets = block["targets_per_image"]
        annotated = _captions(self.file)
        names = set(_names(self.folder))
        there = [n for n in annotated if n in names or "/" in n and _is_there(self.folder, n)]
        self.entries = [(name, annotated[name]) for name in there]
        n_absent = len(annotated) - len(self.entries)
        if not self.entries:
            raise InvalidDataset(
                f"{self.folder}: none of the {n_absent} images of {self.file} is there"
            )
        self.facts = {"n_images_absent": n_absent}
        if n_absent:
            print(
                f"{n_absent} of the {len(annotated)} images of {self.file} are not in "
                f"{self.folder} and are left out"
            )

    def __len__(self):
        return len(self.entries)

    def rows(self, picks):
        """The rows (columns of tables.SAMPLES) of `picks`: image -> numbers of its captions.

        Raises
        ------
        InvalidDataset
            All that is wrong with their images and captions.
        """
        problems, found = Problems(self.file, "image"), []
        for i in sorted(picks):
            name, texts = self.entries[i]
            try:
                entry = Entry(name, name, texts, images.read(self.folder, name), group=name)
            except images.BadImage as error:
                problems.add(name, str(error))
                continue
            found += rows(entry, picks[i], n_targets=self.n_targets, problems=problems)
        problems.raise_any()
        return found


def _is_there(folder, name):
    return os.path.exists(folder / name)  # False, too, of what cannot be a name


def _names(folder):
    try:
        return [path.name for path in folder.iterdir()]
    except OSError as error:
        raise InvalidDataset(f"{folder}: {error.strerror}; expected a folder of images") from None


def _captions(file):
    """File name of each annotated image -> its captions, in the order of their ids."""
    try:
        with open_file(file, most=MOST_BYTES) as content:
            said = json.loads(content.read().decode("utf-8"))
        names = {image["id"]: str(image["file_name"]) for image in said["images"]}
        captions = {name: [] for name in names.values()}
        for annotation in sorted(said["annotations"], key=lambda a: a["id"]):
            captions[names[annotation["image_id"]]].append(annotation["caption"])
    except OSError as error:
        raise InvalidDataset(f"{file}: {error.strerror}; expected COCO's captions") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidDataset(
            f"{file}: not as COCO's captions are ({type(error).__name__}: {error}); expected "
            "images with id and file_name, and annotations with id, image_id and caption"
        ) from None
    return captions
