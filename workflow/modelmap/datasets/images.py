"""Image files: decoded once here to see that they are whole, and again when scored."""

import io
from pathlib import Path

from PIL import Image, ImageOps

from modelmap.datasets.files import open_file

MIN_SIDE = 8  # pixels; smaller than a patch of most vision towers
MOST_PIXELS = 89_478_485  # 256 MiB of RGB; a small file may claim many more
MOST_BYTES = 2**29  # of an image file
# Pillow reads many more, some by programs of their own (EPS: Ghostscript).
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")


class BadImage(ValueError):
    """An image file that cannot be used; says why."""


def decode(content):
    """Decode the bytes of an image file as an upright RGB image.

    The first frame of an animation; transparency lies on white; 16-bit gray is scaled to 8 bits.

    Raises
    ------
    BadImage
        If the bytes are no image of FORMATS, are broken, or the image is tiny or huge. A huge one
        is not decoded.
    """
    if not content:
        raise BadImage("the file is empty")
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        if image.width * image.height > MOST_PIXELS:
            raise Image.DecompressionBombError
        image.load()
        image = ImageOps.exif_transpose(image)
    except Image.UnidentifiedImageError:
        known = ", ".join(FORMATS)
        raise BadImage(f"the file is not an image that can be read ({known})") from None
    except Image.DecompressionBombError:  # Pillow has a limit of its own
        huge = f"the image is huge (more than {MOST_PIXELS:,} pixels)"
        raise BadImage(f"{huge}; scale it down") from None
    except MemoryError:
        raise  # no fault of the image
    except Exception as error:  # decoders raise many kinds: OSError, SyntaxError, struct.error …
        raise BadImage(f"the image is broken ({error})") from None
    if min(image.size) < MIN_SIDE:
        width, height = image.size
        raise BadImage(f"the image is tiny ({width} x {height}; at least {MIN_SIDE} pixels a side)")
    return _rgb(image)


def read(folder, name):
    """The bytes of the file `name`, which comes from data, of a folder.

    Raises
    ------
    BadImage
        If it lies outside the folder or cannot be read.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise BadImage("it lies outside the folder")
    try:
        with open_file(Path(folder, name), most=MOST_BYTES) as file:
            return file.read()
    except FileNotFoundError:
        raise BadImage("it does not exist") from None
    except OSError as error:
        raise BadImage(f"it cannot be read ({error.strerror})") from None
    except ValueError:  # of a zero byte
        raise BadImage("it does not exist: no file can be named so") from None


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
