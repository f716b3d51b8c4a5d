"""How many resamples are worth their time."""


def affordable(n, *, most, least, cost):
    """Fewer resamples than wanted, where each costs much.

    Parameters
    ----------
    n : int, how many are wanted
    most : float, operations that all together may take
    least : int, how many there are at least, if so many are wanted
    cost : float, operations of one

    Returns
    -------
    int
    """
    return min(n, max(least, int(most / max(cost, 1))))
