"""What sets families apart from the automatic path, as plain facts.

Each fact of a known family is held by tests/models/test_equivalence.py on a checkpoint of that
family. A family that is not known takes the careful path: nothing shared, nothing left out, and
the gate decides.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """How a family is scored.

    shares_prefix : a cached prompt and image can be continued by several targets
    needs_mask : right padding changes scores unless it is masked (attention that looks ahead)
    packed_vision : the vision tower packs patches of all images and loops over them with SDPA
    suffix_type : the token type of what follows the prompt (1: seen by nothing before it)
    inserts_image : the processor puts the image's tokens into the text by itself
    closes_prompt : the processor closes the prompt with a line break, so that a target is
        tokenized by itself
    needs_image : there is no score of text alone
    """

    shares_prefix: bool = True
    needs_mask: bool = False
    packed_vision: bool = False
    suffix_type: int = 0
    inserts_image: bool = False
    closes_prompt: bool = False
    needs_image: bool = False


UNKNOWN = Family(shares_prefix=False, needs_mask=True)

_PLAIN = Family()
_PACKED = Family(packed_vision=True)
_LOOKS_AHEAD = Family(needs_mask=True)  # image tokens attend both ways
_QUERIES = Family(shares_prefix=False, needs_mask=True, inserts_image=True, needs_image=True)

KNOWN = {
    "aya_vision": _PLAIN,
    "blip-2": _QUERIES,
    "cohere2_vision": _PLAIN,
    "deepseek_vl": _PLAIN,
    "gemma3": _LOOKS_AHEAD,
    "gemma3_text": _PLAIN,
    "gemma4": _LOOKS_AHEAD,
    "glm4v": _PACKED,
    "gpt2": _PLAIN,
    "idefics2": _PLAIN,
    "idefics3": _PLAIN,
    "instructblip": _QUERIES,
    "internvl": _PLAIN,
    "janus": _PLAIN,
    "kosmos-2": Family(needs_mask=True, inserts_image=True, needs_image=True),
    "lfm2_vl": _PLAIN,
    "llama": _PLAIN,
    "llava": _PLAIN,
    "llava_next": _PLAIN,
    "llava_onevision": _PLAIN,
    "mamba2": Family(shares_prefix=False),  # its cache is no transformers Cache
    "minicpmv4_6": _PACKED,
    "mistral3": _PACKED,
    "mllama": _LOOKS_AHEAD,
    "opt": _PLAIN,
    "ovis2": _PLAIN,
    "paligemma": Family(needs_mask=True, suffix_type=1, closes_prompt=True),
    "qwen2_5_vl": _PACKED,
    "qwen2_vl": _PACKED,
    "qwen3": _PLAIN,
    "qwen3_5": _PACKED,
    "qwen3_vl": _PACKED,
    "smolvlm": _PLAIN,
    "vipllava": _PLAIN,
}

_ENCODER_DECODER = "an encoder-decoder, which this engine does not score"
_NO_TEXT = "no model of text"
REFUSED = {
    "bart": _ENCODER_DECODER,
    "diffusion_gemma": "a diffusion model: it has no left-to-right log-likelihood",
    "florence2": _ENCODER_DECODER,
    "pi0": _NO_TEXT,
    "pix2struct": _ENCODER_DECODER,
    "pp_formulanet": _ENCODER_DECODER,
    "t5": _ENCODER_DECODER,
    "t5gemma2": _ENCODER_DECODER,
    "udop": _ENCODER_DECODER,
    "vision-encoder-decoder": _ENCODER_DECODER,
}


def refusal(config):
    """Why a checkpoint with this config.json (a dict) cannot be scored, or None."""
    kind = config.get("model_type")
    if kind in REFUSED:
        return f"model_type {kind!r} is {REFUSED[kind]}"
    text = config.get("text_config") or {}
    if config.get("is_encoder_decoder") or text.get("is_encoder_decoder") or _is_t5(text):
        return f"model_type {kind!r} is {_ENCODER_DECODER}"
    return None


def _is_t5(text):
    return text.get("model_type") in ("t5", "mt5", "umt5")
