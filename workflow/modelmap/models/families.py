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
    vision_attention : "packed": the vision tower packs the patches of all images, over which SDPA
        loops; "eager": it is wrong under SDPA; "auto": the same as the rest
    suffix_type : the token type of what follows the prompt (1: seen by nothing before it)
    inserts_image : the processor puts the image's tokens into the text by itself
    closes_prompt : the processor closes the prompt with a line break, so that a target is
        tokenized by itself
    needs_image : there is no score of text alone
    """

    shares_prefix: bool = True
    needs_mask: bool = False
    vision_attention: str = "auto"
    suffix_type: int = 0
    inserts_image: bool = False
    closes_prompt: bool = False
    needs_image: bool = False


UNKNOWN = Family(shares_prefix=False, needs_mask=True)

_PLAIN = Family()
_PACKED = Family(vision_attention="packed")
_LOOKS_AHEAD = Family(needs_mask=True)  # image tokens attend both ways
_QUERIES = Family(shares_prefix=False, needs_mask=True, inserts_image=True, needs_image=True)
_THINKER = Family(vision_attention="packed", needs_mask=True)  # positions come from the mask

KNOWN = {
    "aria": _PLAIN,
    "aya_vision": _PLAIN,
    "blip-2": _QUERIES,
    "chameleon": _PLAIN,
    "cohere2_vision": _PLAIN,
    "cohere_compass": _PACKED,
    "cosmos3_edge": _PACKED,
    "cosmos3_omni": _PACKED,
    "deepseek_ocr2": _PLAIN,
    "deepseek_vl": _PLAIN,
    "deepseek_vl_hybrid": _PLAIN,
    "dots3_note": _PACKED,
    "ernie4_5_vl_moe": _PACKED,
    "exaone4_5": _PACKED,
    "fast_vlm": _PLAIN,
    "fuyu": Family(inserts_image=True),
    "gemma3": _LOOKS_AHEAD,
    "gemma3_text": _PLAIN,
    "gemma3n": _PLAIN,
    "gemma4": _LOOKS_AHEAD,
    "gemma4_unified": _LOOKS_AHEAD,
    "glm46v": _PACKED,
    "glm4v": _PACKED,
    "glm4v_moe": _PACKED,
    "glm5_next": _PACKED,
    "glm_ocr": _PACKED,
    "glmga": _PACKED,
    "gpt2": _PLAIN,
    "granite4_vision": Family(shares_prefix=False),  # it makes no cache
    "granite_docling": _PLAIN,
    "hyperclovax_vision_v2": _PACKED,
    "idefics": Family(shares_prefix=False, inserts_image=True, needs_image=True),
    "idefics2": _PLAIN,
    "idefics3": _PLAIN,
    "inkling2": _PACKED,
    "inkling_mm_model": _PLAIN,
    "instructblip": _QUERIES,
    "internvl": _PLAIN,
    "janus": _PLAIN,
    "kimi_k25": _PACKED,
    "kosmos-2": _QUERIES,
    "lfm2_vl": _PLAIN,
    "lfm3_vl": _PACKED,
    "lighton_ocr": _PACKED,
    "llama": _PLAIN,
    "llama4": _PLAIN,
    "llava": _PLAIN,
    "llava_next": _PLAIN,
    "llava_next_video": _PLAIN,
    "llava_onevision": _PLAIN,
    "mamba2": Family(shares_prefix=False),  # its cache is no transformers Cache
    "minicpm_ocr": _PACKED,
    "minicpmv4_6": _PACKED,
    "minicpmv4_7": _PACKED,
    "minimax_m3_vl": _PACKED,
    "mistral3": _PACKED,
    "mistral4": _PLAIN,
    "mistral_large4": _PACKED,
    "mllama": _LOOKS_AHEAD,
    "molmo2": _LOOKS_AHEAD,
    "muse_glimmer": _PACKED,
    "muse_spark": _PACKED,
    "nemotron_h_omni": _PACKED,
    "opt": _PLAIN,
    "ovis2": _PLAIN,
    "paddleocr_vl": _PACKED,
    "paligemma": Family(needs_mask=True, suffix_type=1, closes_prompt=True),
    "perception_lm": _PLAIN,
    "phi4_multimodal": Family(needs_mask=True, vision_attention="eager"),
    "qianfan_ocr": _PLAIN,
    "qwen2_5_omni_thinker": _THINKER,
    "qwen2_5_vl": _PACKED,
    "qwen2_vl": _PACKED,
    "qwen3": _PLAIN,
    "qwen3_5": _PACKED,
    "qwen3_5_moe": _PACKED,
    "qwen3_omni_moe_thinker": _THINKER,
    "qwen3_vl": _PACKED,
    "qwen3_vl_moe": _PACKED,
    "qwen4_exp": _PACKED,
    "smolvlm": _PLAIN,
    "step3p7": _PLAIN,
    "unlimited_ocr": Family(shares_prefix=False),  # cached, its targets see less of themselves
    "video_llama_3": _PACKED,
    "video_llava": _PLAIN,
    "vipllava": _PLAIN,
}

_ENCODER_DECODER = "an encoder-decoder, which this engine does not score"
_TALKER = "a thinker with a talker: save its thinker as a checkpoint of its own"
_NO_TEXT = "no model of text"
REFUSED = {
    "bart": _ENCODER_DECODER,
    "blip": "a captioner whose processor ends the prompt before an answer could begin",
    "diffusion_gemma": "a diffusion model: it has no left-to-right log-likelihood",
    "emu3": "wrong in a batch: padding an image of another size changes its codes",
    "florence2": _ENCODER_DECODER,
    "git": "a captioner whose logits are longer than its input, so that columns do not line up",
    "got_ocr2": "a reader of pages: its processor takes no image beside a prompt of one's own",
    "hunyuan_vl": "wrong in a batch: it counts image positions across all rows",
    "pi0": _NO_TEXT,
    "pix2struct": _ENCODER_DECODER,
    "pp_formulanet": _ENCODER_DECODER,
    "qwen2_5_omni": _TALKER,
    "qwen3_omni_moe": _TALKER,
    "shieldgemma2": "a judge of images: it asks questions of its own",
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
    text = config.get("text_config")
    text = text if isinstance(text, dict) else {}
    if config.get("is_encoder_decoder") or text.get("is_encoder_decoder") or _is_t5(text):
        return f"model_type {kind!r} is {_ENCODER_DECODER}"
    return None


def _is_t5(text):
    return text.get("model_type") in ("t5", "mt5", "umt5")
