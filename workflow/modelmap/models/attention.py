"""Attention within packed sequences, for vision towers that pack the patches of all images.

Such a tower (Qwen2-VL and its kin) hands over one long row of patches and where each image, or
each window of one, begins. Under SDPA it loops over them in Python: 844 calls for one 640 x 480
image in Qwen2.5-VL. Registered under a name that holds "flash", this function is handed the whole
row at once.
"""

import torch
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

NAME = "flash_packed"


def packed_attention(
    module,
    query,
    key,
    value,
    attention_mask,
    *,
    scaling=None,
    cu_seq_lens_q=None,
    max_length_q=None,
    **_,
):
    """Attend within each sequence, and not beyond.

    Parameters
    ----------
    query, key, value : Tensor of shape (1, n_heads, n_patches, head_dim); keys and values may
        have fewer heads, each for several of the query
    cu_seq_lens_q : Tensor of shape (n_sequences + 1,), where sequences begin; None: it is one
    max_length_q : the length of the longest

    Returns
    -------
    Tensor of shape (1, n_patches, n_heads, head_dim), and None
    """
    grouped = query.shape[1] != key.shape[1]
    if cu_seq_lens_q is None:
        attended = scaled_dot_product_attention(
            query, key, value, scale=scaling, enable_gqa=grouped
        )
        return attended.transpose(1, 2), None
    if _has_kernel(query):
        q, k, v = (tensor[0].transpose(0, 1) for tensor in (query, key, value))
        starts = cu_seq_lens_q.int()
        longest = max_length_q, max_length_q
        out = varlen_attn(q, k, v, starts, starts, *longest, scale=scaling, enable_gqa=grouped)
        return out[None], None
    out = torch.empty_like(query)
    starts = cu_seq_lens_q.long()
    lengths = starts.diff()
    for length in lengths.unique().tolist():  # sequences of one length at a time, as a batch
        at = starts[:-1][lengths == length][:, None] + torch.arange(length, device=starts.device)
        q, k, v = (tensor[0][:, at].transpose(0, 1) for tensor in (query, key, value))
        attended = scaled_dot_product_attention(q, k, v, scale=scaling, enable_gqa=grouped)
        out[0][:, at] = attended.transpose(0, 1)
    return out.transpose(1, 2), None


def _has_kernel(query):
    """Whether flash attention can run: half precision on an NVIDIA GPU since Ampere."""
    half = query.is_cuda and query.dtype in (torch.float16, torch.bfloat16)
    return half and torch.cuda.get_device_capability(query.device) >= (8, 0)


AttentionInterface.register(NAME, packed_attention)
