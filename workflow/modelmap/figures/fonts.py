"""The fonts of all figures: what is installed for East Asian names, and what an SVG asks for."""

from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from matplotlib import font_manager

LATIN = "DejaVu Sans"  # comes with matplotlib
# Fonts that have Chinese, Japanese or Korean; those installed stand in, in this order. The last
# one comes with the package matplotlib-fontja: Japanese and most of Chinese, no Hangul.
CJK = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Source Han Sans JP",
    "Noto Sans CJK SC",
    "Noto Sans CJK KR",
    "Hiragino Sans",
    "Yu Gothic",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
    "Apple SD Gothic Neo",
    "Malgun Gothic",
    "NanumGothic",
    "IPAexGothic",
)
# What a viewer may have in place of DejaVu Sans: about as wide, or narrower
LIKE_LATIN = ("Verdana", "Bitstream Vera Sans", "Liberation Sans", "Arial", "Helvetica")
IN_SVG = ", ".join([*(f"'{name}'" for name in (LATIN, *LIKE_LATIN, *CJK)), "sans-serif"])


@cache
def families():
    """Return the names of the fonts that text is drawn in, one standing in for the one before."""
    packaged = find_spec("matplotlib_fontja")  # not imported: it would set a font for all text
    if packaged:
        file = Path(packaged.origin).with_name("fonts") / "ipaexg.ttf"
        known = font_manager.fontManager
        known.addfont(file)
        # It has one weight: asked for a bold one, matplotlib would write a warning
        known.ttflist.append(replace(known.ttflist[-1], weight=700))
    installed = set(font_manager.get_font_names())
    return [LATIN, *(name for name in CJK if name in installed)]
