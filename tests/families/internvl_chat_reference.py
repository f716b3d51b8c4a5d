"""What InternVL's own code computes of its own weights, step by step.

After modeling_internvl_chat.py, modeling_intern_vit.py and modeling_internlm2.py of
OpenGVLab/InternVL, in float32; it knows nothing of transformers.
"""

import torch
from torch.nn import functional as F

from families.common import HEADS, HIDDEN, LAYERS
from families.internvl_chat_layout import KV_HEADS


def logits(config, w, pixels, ids, image_token_id):
    """What InternVLChatModel computes with InternLM2, step by step, of one row of ids.

    Parameters
    ----------
    w : the weights under InternVL's own names
    pixels : Tensor of shape (n_tiles, 3, height, width)
    ids : Tensor of shape (n_tokens,)
    """
    stem = "vision_model.embeddings"
    weight, bias = (w[f"{stem}.patch_embedding.{kind}"] for kind in ("weight", "bias"))
    x = F.conv2d(pixels, weight, bias, stride=weight.shape[-1])
    places = _places(w[f"{stem}.position_embedding"], x.shape[2:])
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([w[f"{stem}.class_embedding"].expand(len(x), -1, -1), x], 1) + places
    states = [x]
    for i in range(LAYERS):
        states.append(
            _vision_layer(
                config["vision_config"], w, f"vision_model.encoder.layers.{i}", states[-1]
            )
        )
    x = states[config["select_layer"]][:, 1:]
    side = int(x.shape[1] ** 0.5)
    x = _shuffle(x.reshape(len(x), side, side, -1))
    x = x.reshape(len(x), -1, x.shape[-1])
    x = F.layer_norm(x, x.shape[-1:], w["mlp1.0.weight"], w["mlp1.0.bias"])
    x = F.gelu(F.linear(x, w["mlp1.1.weight"], w["mlp1.1.bias"]))
    seen = F.linear(x, w["mlp1.3.weight"], w["mlp1.3.bias"])
    x = w["language_model.model.tok_embeddings.weight"][ids].clone()
    x[ids == image_token_id] = seen.reshape(-1, HIDDEN)
    for i in range(LAYERS):
        x = _internlm2_layer(config["llm_config"], w, f"language_model.model.layers.{i}", x)
    x = _rms(x, w["language_model.model.norm.weight"], config["llm_config"]["rms_norm_eps"])
    return F.linear(x, w["language_model.output.weight"])


def _places(table, shape):
    """Position embeddings for a grid of patches of another shape than they were learned for."""
    side = int((table.shape[1] - 1) ** 0.5)
    grid = table[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, size=tuple(shape), mode="bicubic", align_corners=False)
    return torch.cat([table[:, :1], grid.flatten(2).transpose(1, 2)], 1)


def _rms(x, weight, eps):
    return weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps))


def _vision_layer(config, w, name, x):
    def norm(x, which):
        weight = w[f"{name}.{which}.weight"]
        if config["norm_type"] == "rms_norm":
            return _rms(x, weight, config["layer_norm_eps"])
        return F.layer_norm(
            x, x.shape[-1:], weight, w[f"{name}.{which}.bias"], config["layer_norm_eps"]
        )

    b, n, c = x.shape
    y = F.linear(norm(x, "norm1"), w[f"{name}.attn.qkv.weight"], w.get(f"{name}.attn.qkv.bias"))
    q, k, v = y.reshape(b, n, 3, HEADS, c // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
    if config["qk_normalization"]:
        q, k = [
            _rms(y.transpose(1, 2).flatten(-2), w[f"{name}.attn.{which}_norm.weight"], 1e-6)
            .view(b, n, HEADS, c // HEADS)
            .transpose(1, 2)
            for which, y in (("q", q), ("k", k))
        ]
    y = ((q * (c // HEADS) ** -0.5) @ k.transpose(-2, -1)).softmax(-1) @ v
    y = y.transpose(1, 2).reshape(b, n, c)
    y = F.linear(y, w[f"{name}.attn.proj.weight"], w[f"{name}.attn.proj.bias"])
    x = x + y * w[f"{name}.ls1"]
    y = F.gelu(F.linear(norm(x, "norm2"), w[f"{name}.mlp.fc1.weight"], w[f"{name}.mlp.fc1.bias"]))
    y = F.linear(y, w[f"{name}.mlp.fc2.weight"], w[f"{name}.mlp.fc2.bias"])
    return x + y * w[f"{name}.ls2"]


def _shuffle(x, scale=0.5):
    n, w, h, c = x.size()
    x = x.view(n, w, int(h * scale), int(c / scale)).permute(0, 2, 1, 3).contiguous()
    x = x.view(n, int(h * scale), int(w * scale), int(c / (scale * scale)))
    return x.permute(0, 2, 1, 3).contiguous()


def _internlm2_layer(config, w, name, x):
    n, size = len(x), HIDDEN // HEADS
    per_group = HEADS // KV_HEADS
    y = _rms(x, w[f"{name}.attention_norm.weight"], config["rms_norm_eps"])
    y = F.linear(y, w[f"{name}.attention.wqkv.weight"]).view(n, KV_HEADS, per_group + 2, size)
    q = y[:, :, :per_group].reshape(n, HEADS, size)
    k = y[:, :, -2].repeat_interleave(per_group, 1)
    v = y[:, :, -1].repeat_interleave(per_group, 1)
    frequencies = 1.0 / config["rope_theta"] ** (torch.arange(0, size, 2).float() / size)
    angles = torch.outer(torch.arange(n).float(), frequencies).repeat(1, 2)[:, None]

    def turned(y):
        first, second = y.chunk(2, -1)
        return y * angles.cos() + torch.cat([-second, first], -1) * angles.sin()

    scores = torch.einsum("qhd,khd->hqk", turned(q), turned(k)) / size**0.5
    scores = scores.masked_fill(torch.ones(n, n).triu(1).bool(), float("-inf"))
    y = torch.einsum("hqk,khd->qhd", scores.softmax(-1), v).reshape(n, HIDDEN)
    x = x + F.linear(y, w[f"{name}.attention.wo.weight"])
    y = _rms(x, w[f"{name}.ffn_norm.weight"], config["rms_norm_eps"])
    gate = F.silu(F.linear(y, w[f"{name}.feed_forward.w1.weight"]))
    y = gate * F.linear(y, w[f"{name}.feed_forward.w3.weight"])
    return x + F.linear(y, w[f"{name}.feed_forward.w2.weight"])
