"""What the axes of a map say, and the line below them."""


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


def faithfulness(facts):
    """Say how far to believe a map.

    Parameters
    ----------
    facts : dict
        trustworthiness, neighbor_overlap, chance, n_neighbors; none of few models. no_ellipses:
        why none are drawn, where they were asked for.

    Returns
    -------
    str, empty if there is nothing to say
    """
    if "neighbor_overlap" not in facts:
        return ""
    without = f"; {facts['no_ellipses']}" if "no_ellipses" in facts else ""
    return (
        f"trustworthiness {facts['trustworthiness']:.2f}; the map keeps "
        f"{100 * facts['neighbor_overlap']:.0f} % of each model's {facts['n_neighbors']} nearest "
        f"({100 * facts['chance']:.0f} % by chance){without}"
    )
