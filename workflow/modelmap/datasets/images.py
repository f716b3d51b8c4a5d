"""Image files: decoded once here to see that they are whole, and again when scored."""

import io
import warnings
from pathlib import Path

from PIL import Image, ImageOps

MIN_SIDE = 8  # pixels; smaller than a patch of most vision towers


class BadImage(ValueError):
    """An image file that cannot be used; says why."""


def decode(content):
    """Decode the bytes of an image file as an upright RGB image.

    The first frame of an animation; transparency lies on white; 16-bit gray is scaled to 8 bits.

    Raises
    ------
    BadImage
        If the bytes are no image, are broken, or the image is tiny or huge.
    """
    if not content:
        raise BadImage("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content))
            image.load()
            image = ImageOps.exif_transpose(image)
    except Image.UnidentifiedImageError:
        raise BadImage("the file is not an image that can be read") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadImage(
            f"the image is huge (more than {Image.MAX_IMAGE_PIXELS:,} pixels); scale it down"
        ) from None
    except MemoryError:
        raise  # no fault of the image
    except Exception as error:  # decoders raise many kinds: OSError, SyntaxError, struct.error …
        raise BadImage(f"the image is broken ({error})") from None
    if min(image.size) < MIN_SIDE:
        width, height = image.size
        raise BadImage(f"the image is tiny ({width} x {height}; at least {MIN_SIDE} pixels a side)")
    return _rgb(image)


def read(folder, name):
    """The bytes of the file `name` of a folder.

    Raises
    ------
    BadImage
        If it lies outside the folder or cannot be read.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise BadImage("it lies outside the folder")
    try:
        return Path(folder, name).read_bytes()
    except FileNotFoundError:
        raise BadImage("it does not exist") from None
    except OSError as error:
        raise BadImage(f"it cannot be read ({error.strerror})") from None


def encode(image):
    """The bytes of a PNG file that holds `image`."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _rgb(image):
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")
