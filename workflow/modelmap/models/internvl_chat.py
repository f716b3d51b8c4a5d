"""Convert an InternVL checkpoint of its own layout (`internvl_chat`) into transformers' InternVL.

Such a checkpoint wants code from its repository to be run; here none is. Its weights are renamed
and split (internvl_weights.py), its tokenizer is read or rebuilt (internvl_tokenizer.py), and what
stands in its code is written into config, processor and chat template. What the native network
cannot compute the same way is refused.

Source of names, defaults and templates: OpenGVLab/InternVL, internvl_chat/internvl (MIT license):
model/internvl_chat/, model/internlm2/ and conversation.py.
"""

import json
import shutil
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import transformers as T

from modelmap.models import internvl_tokenizer, internvl_weights
from modelmap.models.confinement import confined
from modelmap.models.loading import read_config
from modelmap.models.model import Refused

INTERNLM2 = "InternLM2ForCausalLM"
# The class of the language model -> transformers' model_type
BACKBONES = {
    INTERNLM2: "llama",  # the same network, its weights packed otherwise
    "LlamaForCausalLM": "llama",
    "Qwen2ForCausalLM": "qwen2",
    "Qwen3ForCausalLM": "qwen3",
    "Qwen3MoeForCausalLM": "qwen3_moe",
}
# What a config.json does not say has these values: only what differs from them is written.
DEFAULTS = {
    "downsample_ratio": 0.5,
    "dynamic_image_size": False,
    "force_image_size": None,
    "max_dynamic_patch": 6,
    "min_dynamic_patch": 1,
    "pad2square": False,
    "ps_version": "v1",
    "select_layer": -1,
    "system_message": None,
    "template": None,
    "use_thumbnail": False,
}
VISION_DEFAULTS = {
    "hidden_act": "gelu",
    "hidden_size": 3200,
    "image_size": 224,
    "intermediate_size": 12800,
    "layer_norm_eps": 1e-6,
    "model_type": "intern_vit_6b",
    "norm_type": "rms_norm",
    "num_attention_heads": 25,
    "num_hidden_layers": 48,
    "patch_size": 14,
    "qk_normalization": True,
    "qkv_bias": False,
}
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # of ImageNet
# conversation.py: what stands between turns, and the system message
_SENSETIME = (
    "你是由上海人工智能实验室联合商汤科技开发的书生多模态大模型，英文名叫InternVL, "
    "是一个有用无害的人工智能助手。"
)
_SHUSHENG = (
    "你是书生·万象，英文名是InternVL，"
    "是由上海人工智能实验室、清华大学及多家合作单位联合开发的多模态大语言模型。"
)
CONVERSATIONS = {
    "Hermes-2": ("", _SENSETIME),
    "internlm2-chat": ("", _SENSETIME),
    "internvl2_5": ("\n", _SHUSHENG),
}
# A turn's image stands in its own line before the question.
CHAT_TEMPLATE = """\
{%- if messages[0]['role'] != 'system' -%}
{{- '<|im_start|>system\\n' + SYSTEM + '<|im_end|>' + BETWEEN -}}
{%- endif -%}
{%- for message in messages -%}
{{- '<|im_start|>' + message['role'] + '\\n' -}}
{%- if message['content'] is string -%}
{{- message['content'] -}}
{%- else -%}
{%- for part in message['content'] -%}
{{- '<IMG_CONTEXT>\\n' if part['type'] == 'image' else part['text'] -}}
{%- endfor -%}
{%- endif -%}
{{- '<|im_end|>' + BETWEEN -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""


def convert(source, target):
    """Write the checkpoint in folder `source` (which is only read) as a native one to `target`.

    The folder `target` appears when it is whole. Weights are copied one by one in the precision
    they have.

    Raises
    ------
    Refused
        If it is no `internvl_chat` checkpoint, is broken, or holds what the native network does
        not have; of tensors, with the names of the first five.
    FileExistsError
        If `target` exists.
    """
    source, target = Path(source), Path(target)
    config = _read(source)
    if target.exists():
        raise FileExistsError(f"{target} exists: remove it to convert {source} anew")
    with confined():
        tokenizer = internvl_tokenizer.read(source)
    with internvl_weights.Weights(source) as weights:
        tied = weights.are_tied(said=_says_tied(config))
        native = _native_config(source, config, tokenizer, tied=tied)
        partial = target.with_name(f".{target.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)  # of a conversion that was killed
        partial.mkdir(parents=True)
        try:
            native.save_pretrained(partial)
            _processor(config, native, tokenizer).save_pretrained(partial)
            _generation_config(native, tokenizer).save_pretrained(partial)
            weights.write(partial, native, internlm2=_backbone(config) == INTERNLM2)
            partial.rename(target)
        except BaseException:
            shutil.rmtree(partial)
            raise


def _read(source):
    """The config.json with its defaults; Refused if the native network cannot do what it says."""
    config = read_config(source)
    if config.get("model_type") != "internvl_chat":
        kind = config.get("model_type")
        raise Refused(f"{source}: its model_type is {kind!r}; only 'internvl_chat' is converted")
    for part in ("vision_config", "llm_config"):
        if not isinstance(config.get(part), dict):
            raise Refused(f"{source}/config.json has no {part}", "corrupt")
    config = DEFAULTS | config
    config["vision_config"] = VISION_DEFAULTS | config["vision_config"]
    with _refusing(source):
        if lacking := _cannot(config):
            raise Refused(f"{source}: transformers' InternVL does not have {lacking}")
    return config


@contextmanager
def _refusing(source):
    """Refuse, as corrupt, a config.json with values that raise anything."""
    try:
        yield
    except (Refused, MemoryError, ImportError):
        raise
    except Exception as error:
        reason = f"{source}/config.json: {type(error).__name__}: {error}"
        raise Refused(reason, "corrupt") from error


def _cannot(config):
    """What a config asks for that the native network and processor do not have, or None."""
    vision, tiles = config["vision_config"], config["max_dynamic_patch"]
    backbone = _backbone(config)
    if backbone not in BACKBONES:
        return f"the language model {backbone!r}; known are {', '.join(sorted(BACKBONES))}"
    if vision["model_type"] != VISION_DEFAULTS["model_type"]:
        return f"the vision encoder {vision['model_type']!r}"
    if config["template"] not in CONVERSATIONS:
        return f"the template {config['template']!r}; known are {', '.join(CONVERSATIONS)}"
    if config["ps_version"] != "v2":
        return f"ps_version {config['ps_version']!r}, which transposes image tokens"
    if config["pad2square"]:
        return "pad2square"
    if config["dynamic_image_size"] and tiles > 1 and not config["use_thumbnail"]:
        return "tiles without a thumbnail (use_thumbnail: false)"
    if vision["qk_normalization"] and vision["layer_norm_eps"] != 1e-6:
        return f"qk_normalization with layer_norm_eps {vision['layer_norm_eps']}, only with 1e-06"
    return None


def _backbone(config):
    return (config["llm_config"].get("architectures") or [None])[0]


def _says_tied(config):
    """Whether a config says that the head is the embedding; None where it says nothing."""
    places = config, config["llm_config"]
    said = [place.get("tie_word_embeddings") for place in places]
    return next((answer for answer in (True, False) if answer in said), None)


def _native_config(source, config, tokenizer, *, tied):
    """The InternVLConfig of a checkpoint whose head is (or is not) `tied` to its embedding."""
    vision = config["vision_config"]
    own = {key: vision[key] for key in VISION_DEFAULTS if key in _own(T.InternVLVisionConfig)}
    own |= {"attention_bias": vision["qkv_bias"], "use_qk_norm": vision["qk_normalization"]}
    with _refusing(source):
        grid = (config["force_image_size"] or vision["image_size"]) // vision["patch_size"]
        native = T.InternVLConfig(
            vision_config=own,
            text_config=_text_config(config) | {"tie_word_embeddings": tied, "use_cache": True},
            image_token_id=tokenizer.context_image_token_id,
            image_seq_length=int(grid**2 * config["downsample_ratio"] ** 2),
            downsample_ratio=config["downsample_ratio"],
            vision_feature_layer=config["select_layer"],
            tie_word_embeddings=tied,
            architectures=["InternVLForConditionalGeneration"],
            dtype=config.get("torch_dtype") or config.get("dtype"),
        )
    if len(tokenizer) > native.text_config.vocab_size:
        raise Refused(
            f"{source}: its tokenizer has {len(tokenizer)} tokens, "
            f"its embedding {native.text_config.vocab_size}",
            "corrupt",
        )
    return native


def _text_config(config):
    """The language model's config: what transformers' class knows of what is written there."""
    written, kind = config["llm_config"], BACKBONES[_backbone(config)]
    if _backbone(config) == INTERNLM2:
        written = {**written, "attention_bias": written.get("bias", True)}
    known = {*_own(T.CONFIG_MAPPING[kind]), "rope_theta", "rope_scaling"}
    return {"model_type": kind} | {key: value for key, value in written.items() if key in known}


def _own(config_class):
    """The names of settings that a class of configs adds to those of all models."""
    return {f.name for f in fields(config_class)} - {f.name for f in fields(T.PreTrainedConfig)}


def _processor(config, native, tokenizer):
    """The processor that does what InternVL's own code does around its network."""
    side = config["force_image_size"] or config["vision_config"]["image_size"]
    look = {"size": {"height": side, "width": side}, "image_mean": MEAN, "image_std": STD}
    fewest = most = 1  # one tile: the whole image
    if config["dynamic_image_size"]:
        fewest, most = config["min_dynamic_patch"], config["max_dynamic_patch"]
    return T.InternVLProcessor(
        T.GotOcr2ImageProcessor(crop_to_patches=True, min_patches=fewest, max_patches=most, **look),
        tokenizer,
        T.InternVLVideoProcessor(**look),
        image_seq_length=native.image_seq_length,
        chat_template=_chat_template(config),
    )


def _chat_template(config):
    """InternVL's conversation as a template; a system turn of one's own replaces its message."""
    between, message = CONVERSATIONS[config["template"]]
    if isinstance(config["system_message"], str):
        message = config["system_message"]
    template = CHAT_TEMPLATE.replace("BETWEEN", json.dumps(between))
    return template.replace("SYSTEM", json.dumps(message, ensure_ascii=False))


def _generation_config(native, tokenizer):
    """InternVL stops at the end of a turn, whatever its files say."""
    return T.GenerationConfig(
        bos_token_id=native.text_config.bos_token_id,
        eos_token_id=tokenizer.convert_tokens_to_ids(internvl_tokenizer.END_OF_TURN),
        pad_token_id=tokenizer.pad_token_id,
    )
