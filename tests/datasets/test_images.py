"""Every image is seen as a person sees it: upright, on white, first frame, not clipped."""

import io

import numpy as np
import pytest
from PIL import Image

from modelmap.datasets import images


def file(image, kind="PNG", **options):
    """Return the bytes of an image file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(left, right, mode="RGB", size=(32, 16)):
    """Return an image of two colors."""
    image = Image.new(mode, size, right)
    image.paste(left, (0, 0, size[0] // 2, size[1]))
    return image


def pixel(image, side):
    return image.getpixel((2 if side == "left" else image.width - 3, image.height // 2))


def test_png_comes_back_to_the_bit():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    decoded = images.decode(images.encode(Image.fromarray(pixels)))
    assert (decoded.mode, decoded.size) == ("RGB", (30, 20))
    np.testing.assert_array_equal(np.asarray(decoded), pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_made_upright(orientation):
    upright = Image.new("RGB", (32, 16), "white")
    upright.paste("red", (0, 0, 16, 8))  # a corner tells all eight apart
    undo = [
        None,
        Image.Transpose.FLIP_LEFT_RIGHT,
        Image.Transpose.ROTATE_180,
        Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_90,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_270,
    ][orientation - 1]
    stored = upright if undo is None else upright.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = images.decode(file(stored, exif=exif))
    np.testing.assert_array_equal(np.asarray(decoded), np.asarray(upright))


def test_cmyk():
    decoded = images.decode(file(halves((0, 0, 0, 0), (0, 255, 255, 0), "CMYK"), "TIFF"))
    assert (pixel(decoded, "left"), pixel(decoded, "right")) == ((255, 255, 255), (255, 0, 0))


def test_palette_with_transparency_lies_on_white():
    image = Image.new("P", (32, 16), 1)
    image.putpalette([0, 0, 0, 200, 30, 30])
    image.paste(0, (0, 0, 16, 16))
    decoded = images.decode(file(image, transparency=0))
    assert (pixel(decoded, "left"), pixel(decoded, "right")) == ((255, 255, 255), (200, 30, 30))


@pytest.mark.parametrize(
    ("mode", "clear", "half", "seen"),
    [
        ("RGBA", (0, 0, 0, 0), (0, 0, 0, 128), 127),
        ("LA", (0, 0), (0, 128), 127),
    ],
)
def test_transparency_lies_on_white(mode, clear, half, seen):
    decoded = images.decode(file(halves(clear, half, mode)))
    assert (pixel(decoded, "left"), pixel(decoded, "right")) == ((255,) * 3, (seen,) * 3)


def test_gray_of_16_bits_is_scaled_and_not_clipped():
    ramp = np.repeat(np.linspace(0, 65535, 64).astype(np.uint16)[None], 16, axis=0)
    decoded = np.asarray(images.decode(file(Image.fromarray(ramp))))
    assert decoded.dtype == np.uint8
    np.testing.assert_allclose(decoded[0, :, 0], ramp[0] / 257, atol=1)
    assert (decoded == decoded[:1, :, :1]).all()


def test_animation_shows_its_first_frame():
    first, second = halves("red", "red"), halves("blue", "blue")
    content = file(first, "GIF", save_all=True, append_images=[second, second])
    assert Image.open(io.BytesIO(content)).n_frames == 2  # GIF merges equal frames
    assert pixel(images.decode(content), "left") == (255, 0, 0)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "YCbCr", "I;16"])
def test_every_mode_becomes_rgb(mode):
    kind = "JPEG" if mode == "YCbCr" else "PNG"
    assert images.decode(file(Image.new(mode, (16, 8)), kind)).mode == "RGB"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        (b"a text, not an image", "the file is not an image that can be read"),
        (file(halves("red", "blue"), "JPEG")[:-40], "the image is broken ("),
        (file(halves("red", "blue"))[:60], "the image is broken ("),
        (file(Image.new("RGB", (4, 4))), "the image is tiny (4 x 4; at least 8 pixels a side)"),
        (file(Image.new("RGB", (99, 7))), "the image is tiny (99 x 7; at least 8 pixels a side)"),
    ],
)
def test_bad_images_are_refused(content, problem):
    with pytest.raises(images.BadImage) as error:
        images.decode(content)
    assert str(error.value).startswith(problem)


@pytest.mark.parametrize("limit", [511, 200])  # Pillow warns, and fails at twice the limit
def test_huge_images_are_refused(limit, monkeypatch):
    content = file(halves("red", "blue"))
    monkeypatch.setattr(images, "MOST_PIXELS", 512)
    images.decode(content)
    monkeypatch.setattr(images, "MOST_PIXELS", limit)
    with pytest.raises(images.BadImage, match=f"huge \\(more than {limit} pixels\\)"):
        images.decode(content)
