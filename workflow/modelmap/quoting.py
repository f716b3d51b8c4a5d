"""Text that comes from data, as a message may show it."""

MOST = 2000  # characters


def plain(text, most=MOST):
    """One line of `text`, without what a terminal would obey; what is left out of it ends in ….

    Blanks of any kind are one blank each; control characters, marks that turn the direction of
    writing, and halves of characters are told as Python writes them.
    """
    text = " ".join(text.split())
    text = text if len(text) <= most else f"{text[:most]}…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
