"""What an image is worth to a model, sample by sample."""

import numpy as np


def gap(given, other):
    """How much likelier a target is behind its own image than behind another condition.

    Against another image it overstates the pointwise mutual information: see `mutual_information`.
    Against none, the model is asked what it was never trained for.

    Parameters
    ----------
    given, other : ndarray of shape (n_models, n_samples), nats

    Returns
    -------
    ndarray of the same shape, nats
    """
    return given - other


def mutual_information(given, others):
    """Pointwise mutual information of target and image, l(x|I) - log p(x), in nats.

    p(x) is estimated by the mean of p(x|I') over the sample's own image and `others`, so that the
    result is at most the logarithm of their number.

    Parameters
    ----------
    given : ndarray of shape (n_models, n_samples), nats
    others : ndarray of shape (n_others, n_models, n_samples), behind images of other samples

    Returns
    -------
    ndarray of shape (n_models, n_samples), nats; NaN where a score is missing
    """
    every = np.concatenate([given[None], np.reshape(others, (-1, *given.shape))])
    return given - (np.logaddexp.reduce(every, axis=0) - np.log(len(every)))
