"""KL divergence from whole distributions, where models cut texts into the same tokens."""

import numpy as np

_BLOCK = 2**22  # values looked at together


def token_divergence(log_p, log_q):
    """Divergence of the next token's distribution at every token.

    Summed over a text's tokens and averaged over texts this is Oyama et al.'s token-level KL
    (2025, arXiv 2502.16173): Σ_t KL(p(·|x_<t) ‖ q(·|x_<t)), the texts x being given.

    Parameters
    ----------
    log_p, log_q : arrays of shape (n_tokens, vocabulary size)
        nats; -inf where a token is impossible.

    Returns
    -------
    array of shape (n_tokens,)
        nats, never negative but for rounding.
    """
    step = max(1, _BLOCK // log_p.shape[1])
    return np.concatenate(
        [_divergence(log_p[i : i + step], log_q[i : i + step]) for i in range(0, len(log_p), step)]
        or [np.empty(0)]
    )


def _divergence(log_p, log_q):
    log_p, log_q = np.asarray(log_p, dtype=float), np.asarray(log_q, dtype=float)
    p = np.exp(log_p)
    gap = np.subtract(log_p, log_q, out=np.zeros_like(p), where=p > 0)
    return np.einsum("tv,tv->t", p, gap)
