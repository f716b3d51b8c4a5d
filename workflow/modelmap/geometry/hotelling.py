"""How wide an ellipse is; apart from what makes them, for figures need not wait for that."""

import numpy as np


def radius(level, n_resamples):
    """Mahalanobis radius of the ellipse that holds a Gaussian point with this probability.

    Hotelling's T² with two dimensions, for the covariance is itself estimated from the resamples.
    Of two numerator degrees of freedom F has a quantile in closed form: with d others it is
    d / 2 · ((1 − level)^(−2/d) − 1).
    """
    dof = n_resamples - 2
    return float(np.sqrt((n_resamples - 1) * ((1 - level) ** (-2 / dof) - 1)))
