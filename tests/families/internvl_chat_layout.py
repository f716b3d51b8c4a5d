"""Tiny checkpoints in InternVL's own layout, written as its repositories have them.

Names and packing are typed out here from modeling_internvl_chat.py, modeling_intern_vit.py and
modeling_internlm2.py, layer by layer.
"""

import io
import json

import sentencepiece
import torch
import transformers as T
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from families.common import HEADS, HIDDEN, INIT, LAYERS, TEXTS

SIDE, PATCH, KV_HEADS = 32, 8, 2
# In the order in which InternVL's training adds them
ADDED = [
    "<img>",
    "</img>",
    "<IMG_CONTEXT>",
    "<quad>",
    "</quad>",
    "<ref>",
    "</ref>",
    "<box>",
    "</box>",
]
QWEN_ADDED = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *ADDED]
INTERNLM2_ADDED = ["<|plugin|>", "<|im_end|>", "<|im_start|>"]  # on places of unused pieces
CORPUS = [
    *TEXTS,
    "请描述这张图片",
    "def f(x):\n    return x  ** 2\n",
    "aaa aaaa  b\tb\n\n\n12 345",
] * 9

VISION = {
    "300M": {"norm_type": "layer_norm", "qk_normalization": False, "qkv_bias": True},
    "6B": {"norm_type": "rms_norm", "qk_normalization": True, "qkv_bias": False},
}
ARCHITECTURES = {
    "internlm2": "InternLM2ForCausalLM",
    "llama": "LlamaForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
}
PARTS = ("llm_config", "vision_config")
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}


def write(folder, backbone="qwen2", *, vision="300M", tied=False, bias=False, shards=1, **more):
    """Write a whole checkpoint to `folder`; returns transformers' own network of the same weights.

    Parameters
    ----------
    vision : which InternViT it is alike, a key of VISION
    bias : whether the language model's attention has biases
    more : settings of config.json; those of the parts are merged with them
    """
    torch.manual_seed(0)
    if backbone == "internlm2":
        _, added = save_internlm2_tokenizer(folder)
    else:
        added = save_byte_level_tokenizer(folder, json_too=backbone == "llama")
    settings = config(backbone, max(added) + 1, vision)
    settings["llm_config"] |= {"bias": bias, "tie_word_embeddings": tied}
    for key in settings.keys() & more.keys():
        settings[key] = settings[key] | more[key] if key in PARTS else more[key]
    image_token_id = next(i for i, token in added.items() if token == "<IMG_CONTEXT>")
    native = network(settings, image_token_id=image_token_id)
    save(folder, settings, tensors(native, backbone), shards=shards)
    return native


def config(backbone, vocab_size, vision):
    """The config.json of a checkpoint: names and forms of the real ones."""
    return {
        "architectures": ["InternVLChatModel"],
        "auto_map": {"AutoModel": "modeling_internvl_chat.InternVLChatModel"},
        "downsample_ratio": 0.5,
        "dynamic_image_size": True,
        "force_image_size": SIDE,
        "llm_config": _llm_config(backbone, vocab_size),
        "max_dynamic_patch": 12,
        "min_dynamic_patch": 1,
        "model_type": "internvl_chat",
        "pad2square": False,
        "ps_version": "v2",
        "select_layer": -1,
        "system_message": None,
        "template": "internlm2-chat" if backbone == "internlm2" else "internvl2_5",
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "use_thumbnail": True,
        "vision_config": _vision_config(vision),
    }


def _llm_config(backbone, vocab_size):
    return {
        "architectures": [ARCHITECTURES[backbone]],
        "attn_implementation": "flash_attention_2",
        "auto_map": {"AutoConfig": "configuration_internlm2.InternLM2Config"},
        "bad_words_ids": None,
        "bias": False,
        "head_dim": HIDDEN // HEADS,
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "max_position_embeddings": 2048,
        "model_type": backbone,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": KV_HEADS,
        "rms_norm_eps": 1e-5,
        "rope_scaling": {"factor": 2.0, "type": "dynamic"},
        "rope_theta": 1000000.0,
        "temperature": 1.0,
        "torch_dtype": "float32",
        "use_bfloat16": True,
        "vocab_size": vocab_size,
        **(EXPERTS if backbone == "qwen3_moe" else {}),
    }


def _vision_config(vision):
    return {
        "architectures": ["InternVisionModel"],
        "drop_path_rate": 0.1,
        "hidden_act": "gelu",
        "hidden_size": HIDDEN,
        "image_size": SIDE,
        "initializer_factor": 0.1,
        "intermediate_size": 2 * HIDDEN,
        "layer_norm_eps": 1e-6,
        "model_type": "intern_vit_6b",
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "patch_size": PATCH,
        "use_flash_attn": True,
        **VISION[vision],
    }


def network(config, *, image_token_id):
    """Transformers' own network of that config, with random weights that all matter."""
    llm, vision = config["llm_config"], config["vision_config"]
    tied = llm["tie_word_embeddings"]
    shared = ("hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers")
    text_keys = (*shared, *EXPERTS, "head_dim", "num_key_value_heads", "rms_norm_eps", "vocab_size")
    kind = llm["model_type"].replace("internlm2", "llama")
    scaling = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1000000.0}
    native = T.InternVLForConditionalGeneration(
        T.InternVLConfig(
            vision_config={key: vision[key] for key in shared}
            | {key: vision[key] for key in ("image_size", "norm_type", "patch_size")}
            | {"use_qk_norm": vision["qk_normalization"], "attention_bias": vision["qkv_bias"]},
            text_config={key: llm[key] for key in text_keys if key in llm}
            | {"model_type": kind, "tie_word_embeddings": tied, "rope_parameters": scaling}
            | {"attention_bias": llm["bias"] and kind == "llama", "max_position_embeddings": 2048},
            image_token_id=image_token_id,
            image_seq_length=(config["force_image_size"] // vision["patch_size"] // 2) ** 2,
            vision_feature_layer=config["select_layer"],
            tie_word_embeddings=tied,
        )
    )
    for name, weight in native.named_parameters():
        middle = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        torch.nn.init.normal_(weight, mean=middle, std=INIT)
    return native


def tensors(native, backbone):
    """The weights of a native network under InternVL's own names."""
    own = dict(native.state_dict())
    found = {}

    def move(theirs, ours, *, kinds=("weight", "bias")):
        for kind in kinds:
            if f"{theirs}.{kind}" in own:
                found[f"{ours}.{kind}"] = own.pop(f"{theirs}.{kind}").clone()

    sight = "model.vision_tower.embeddings"
    found["vision_model.embeddings.class_embedding"] = own.pop(f"{sight}.cls_token")
    found["vision_model.embeddings.position_embedding"] = own.pop(f"{sight}.position_embeddings")
    move(f"{sight}.patch_embeddings.projection", "vision_model.embeddings.patch_embedding")
    for i in range(LAYERS):
        theirs, ours = f"model.vision_tower.encoder.layer.{i}", f"vision_model.encoder.layers.{i}"
        for kind in ("weight", "bias"):
            parts = [own.pop(f"{theirs}.attention.{x}_proj.{kind}", None) for x in "qkv"]
            if parts[0] is not None:
                found[f"{ours}.attn.qkv.{kind}"] = torch.cat(parts)
        move(f"{theirs}.attention.projection_layer", f"{ours}.attn.proj")
        move(f"{theirs}.attention.q_norm", f"{ours}.attn.q_norm")
        move(f"{theirs}.attention.k_norm", f"{ours}.attn.k_norm")
        move(f"{theirs}.mlp.fc1", f"{ours}.mlp.fc1")
        move(f"{theirs}.mlp.fc2", f"{ours}.mlp.fc2")
        move(f"{theirs}.layernorm_before", f"{ours}.norm1")
        move(f"{theirs}.layernorm_after", f"{ours}.norm2")
        found[f"{ours}.ls1"] = own.pop(f"{theirs}.lambda_1")
        found[f"{ours}.ls2"] = own.pop(f"{theirs}.lambda_2")
    move("model.multi_modal_projector.layer_norm", "mlp1.0")
    move("model.multi_modal_projector.linear_1", "mlp1.1")
    move("model.multi_modal_projector.linear_2", "mlp1.3")
    if native.config.tie_word_embeddings:
        del own["lm_head.weight"]
    if backbone == "internlm2":
        _internlm2(own, found, move)
    else:
        _plain(own, found, move)
    assert not own, sorted(own)
    return {name: tensor.detach().contiguous() for name, tensor in found.items()}


def _internlm2(own, found, move):
    move("model.language_model.embed_tokens", "language_model.model.tok_embeddings")
    move("model.language_model.norm", "language_model.model.norm")
    move("lm_head", "language_model.output")
    for i in range(LAYERS):
        theirs, ours = f"model.language_model.layers.{i}", f"language_model.model.layers.{i}"
        size, per_group = HIDDEN // HEADS, HEADS // KV_HEADS
        for kind in ("weight", "bias"):
            parts = [own.pop(f"{theirs}.self_attn.{x}_proj.{kind}", None) for x in "qkv"]
            if parts[0] is not None:
                q, k, v = [part.split(size) for part in parts]
                rows = []
                for group in range(KV_HEADS):
                    rows += [*q[group * per_group : (group + 1) * per_group], k[group], v[group]]
                found[f"{ours}.attention.wqkv.{kind}"] = torch.cat(rows)
        move(f"{theirs}.self_attn.o_proj", f"{ours}.attention.wo")
        move(f"{theirs}.mlp.gate_proj", f"{ours}.feed_forward.w1")
        move(f"{theirs}.mlp.up_proj", f"{ours}.feed_forward.w3")
        move(f"{theirs}.mlp.down_proj", f"{ours}.feed_forward.w2")
        move(f"{theirs}.input_layernorm", f"{ours}.attention_norm")
        move(f"{theirs}.post_attention_layernorm", f"{ours}.ffn_norm")


def _plain(own, found, move):
    move("lm_head", "language_model.lm_head")
    for name in [name for name in own if name.startswith("model.language_model.")]:
        tail = name.removeprefix("model.language_model.")
        if tail.endswith("experts.gate_up_proj"):
            for e, both in enumerate(own.pop(name)):
                stem = f"language_model.model.{tail.removesuffix('gate_up_proj')}{e}"
                gate, up = both.chunk(2)
                found |= {f"{stem}.gate_proj.weight": gate, f"{stem}.up_proj.weight": up}
        elif tail.endswith("experts.down_proj"):
            for e, down in enumerate(own.pop(name)):
                stem = f"language_model.model.{tail.removesuffix('down_proj')}{e}"
                found[f"{stem}.down_proj.weight"] = down
        else:
            found[f"language_model.model.{tail}"] = own.pop(name)


def save(folder, config, weights, *, shards=1):
    """Write config.json and the weights, in one file or as shards with an index."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    names = sorted(weights)
    if shards == 1:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return
    index = {}
    for i in range(shards):
        file = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        save_file({name: weights[name] for name in names[i::shards]}, folder / file)
        index |= dict.fromkeys(names[i::shards], file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))


def _tokenizer_config(folder, added, **settings):
    flags = dict.fromkeys(["lstrip", "normalized", "rstrip", "single_word"], False)
    decoder = {str(i): {"content": t, "special": True} | flags for i, t in added.items()}
    settings["additional_special_tokens"] = [t for t in added.values() if len(t) > 5]
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"added_tokens_decoder": decoder, "model_max_length": 8192} | settings)
    )


def save_byte_level_tokenizer(folder, *, json_too=False):
    """vocab.json and merges.txt, as with Qwen, or tokenizer.json; returns the added tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(CORPUS, trainer)
    start = backend.get_vocab_size()
    names = {"chat_template": "{{ 'not this one' }}"}
    names |= {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "bos_token": None}
    if json_too:
        backend.add_special_tokens(QWEN_ADDED)
        backend.save(str(folder / "tokenizer.json"))
        names["tokenizer_class"] = "PreTrainedTokenizerFast"
    else:
        backend.model.save(str(folder))
        names["tokenizer_class"] = "Qwen2Tokenizer"
        names["auto_map"] = {"AutoTokenizer": ["tokenization_qwen2.X", None]}
    added = {start + i: token for i, token in enumerate(QWEN_ADDED)}
    _tokenizer_config(folder, added, **names)
    return added


def save_internlm2_tokenizer(folder, *, dummy_prefix=False, **options):
    """tokenizer.model, as with InternLM2; returns (sentencepiece's own processor, added tokens)."""
    folder.mkdir(parents=True, exist_ok=True)
    unused = [f"[UNUSED_TOKEN_{i}]" for i in range(4)]
    model = io.BytesIO()
    settings = {
        "model_type": "bpe",
        "vocab_size": 420,
        "byte_fallback": True,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "allow_whitespace_only_pieces": True,
        "user_defined_symbols": ["\n\n", "——", "２", *unused],
        "minloglevel": 2,
    }
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_writer=model,
        add_dummy_prefix=dummy_prefix,
        **settings | options,
    )
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    added = {0: "<unk>", 1: "<s>", 2: "</s>"}
    # the unused pieces but the first give their places away; the others come behind all pieces
    added |= {pieces.piece_to_id(unused[i + 1]): t for i, t in enumerate(INTERNLM2_ADDED)}
    added |= {len(pieces) + i: token for i, token in enumerate(ADDED)}
    _tokenizer_config(
        folder,
        added,
        tokenizer_class="InternLM2Tokenizer",
        auto_map={"AutoTokenizer": ["x.X", None]},
    )
    return pieces, added
