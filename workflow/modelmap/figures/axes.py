"""What the axes of a map say."""


def axis_names(title, explained_variance=None):
    """Names of the two axes, with the share of variance where the method has one.

    Parameters
    ----------
    title : str, the method as people write it, such as "t-SNE"
    explained_variance : sequence of float, or None

    Returns
    -------
    tuple of two str
    """
    shares = [*(explained_variance or []), 0.0, 0.0]
    if explained_variance is None:
        return f"{title} 1", f"{title} 2"
    name = "PC" if title == "PCA" else title
    return tuple(
        f"{name} {i} ({share:.0%})".replace("%", " %") for i, share in enumerate(shares[:2], 1)
    )
