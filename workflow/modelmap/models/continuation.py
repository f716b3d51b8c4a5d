"""Prompts that are computed once and continued from their cache."""

import torch


class Continuation:
    """Prompts of one length, ready to be continued.

    Parameters
    ----------
    network : on the device of `inputs`
    inputs : dict, what the network takes of the prompts, without any padding
    suffix_type : token type of what follows a prompt, see families.Family

    Attributes
    ----------
    next_logits : Tensor of shape (n_rows, 1, vocabulary size), predict the token behind each row
    """

    def __init__(self, network, inputs, *, suffix_type):
        core = getattr(network, "model", None)
        if hasattr(core, "rope_deltas"):
            core.rope_deltas = None  # of the batch before
        first = network(**inputs, use_cache=True, logits_to_keep=1)
        deltas = getattr(core, "rope_deltas", None)
        self._network, self._suffix_type = network, suffix_type
        self._cache, self._n_columns = first.past_key_values, inputs["input_ids"].shape[1]
        self._deltas = None if deltas is None else deltas.reshape(-1, 1)
        self._crossed = inputs.get("cross_attention_mask")
        self.next_logits = first.logits[:, -1:]

    def take(self, of):
        """Let row i continue what row of[i] was; `of` is a Tensor of integers."""
        of = of.to(self.next_logits.device)
        self.next_logits = self.next_logits[of]
        self._cache.reorder_cache(of)
        if self._deltas is not None:
            self._deltas = self._deltas.to(of.device)[of]
        if self._crossed is not None:
            self._crossed = self._crossed[of]

    def extend(self, tokens):
        """Put tokens, Tensor of shape (n_rows, n_tokens), behind the rows.

        Returns
        -------
        Tensor of shape (n_rows, n_tokens, vocabulary size): the logits behind each of them
        """
        n_rows, n = tokens.shape
        device, begin = tokens.device, self._n_columns
        self._n_columns += n
        shape = n_rows, self._n_columns
        more = {"attention_mask": torch.ones(shape, dtype=torch.long, device=device)}
        if self._deltas is not None:
            positions = torch.arange(begin, self._n_columns, device=device).expand(n_rows, -1)
            more["position_ids"] = (positions + self._deltas.to(device)).expand(3, -1, -1)
        if self._crossed is not None:
            more["cross_attention_mask"] = self._crossed[:, -1:].expand(-1, n, -1, -1)
        if self._suffix_type:
            more["token_type_ids"] = torch.full_like(tokens, self._suffix_type)
        logits = self._network(
            input_ids=tokens, past_key_values=self._cache, use_cache=True, **more
        ).logits
        self.next_logits = logits[:, -1:]
        return logits
