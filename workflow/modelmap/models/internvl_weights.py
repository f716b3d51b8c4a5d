"""Weights of an `internvl_chat` checkpoint under transformers' names.

    vision_model.encoder.layers.0.attn.qkv      -> ...attention.q_proj, .k_proj, .v_proj
    language_model.model.layers.0.attention.wqkv -> ...self_attn.q_proj, .k_proj, .v_proj

The native network says which tensors there must be, and of which shape; each is made of one tensor
of the checkpoint or a part of it (experts: of several). Nothing may be missing or left over.
"""

import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from modelmap.models.confinement import expect_own_files
from modelmap.models.model import Refused

SHARD_BYTES = 2**31  # also what is held in memory at once
INDEX = "model.safetensors.index.json"
# The weights of a head, and of the embedding that it may be
HEADS = {
    "language_model.lm_head.weight": "language_model.model.embed_tokens.weight",
    "language_model.output.weight": "language_model.model.tok_embeddings.weight",
}

# (native, their own), applied in this order
VISION = [
    ("model.vision_tower.", "vision_model."),
    (".cls_token", ".class_embedding"),
    (".position_embeddings", ".position_embedding"),
    (".patch_embeddings.projection.", ".patch_embedding."),
    (".encoder.layer.", ".encoder.layers."),
    (".attention.projection_layer.", ".attn.proj."),
    (".attention.", ".attn."),
    (".lambda_", ".ls"),
    (".layernorm_before.", ".norm1."),
    (".layernorm_after.", ".norm2."),
]
PROJECTOR = [
    ("model.multi_modal_projector.layer_norm.", "mlp1.0."),
    ("model.multi_modal_projector.linear_1.", "mlp1.1."),
    ("model.multi_modal_projector.linear_2.", "mlp1.3."),
]
LANGUAGE = [
    ("model.language_model.", "language_model.model."),
    ("lm_head.", "language_model.lm_head."),
]
INTERNLM2 = [
    *LANGUAGE,
    (".lm_head.", ".output."),
    (".embed_tokens.", ".tok_embeddings."),
    (".self_attn.o_proj.", ".attention.wo."),
    (".self_attn.", ".attention."),
    (".mlp.gate_proj.", ".feed_forward.w1."),
    (".mlp.up_proj.", ".feed_forward.w3."),
    (".mlp.down_proj.", ".feed_forward.w2."),
    (".input_layernorm.", ".attention_norm."),
    (".post_attention_layernorm.", ".ffn_norm."),
]
# Buffers that older versions of transformers saved, and every network computes by itself
RECOMPUTED = re.compile(r"\.rotary_emb\.inv_freq$")


@dataclass(frozen=True)
class Origin:
    """What a native tensor is made of: tensors of the checkpoint, and how."""

    sources: list[str]
    make: Callable = lambda tensor: tensor


class Weights:
    """The weights in a checkpoint folder, open for reading as a context.

    Raises Refused if they are no safetensors, or not whole.
    """

    def __init__(self, folder):
        self.folder = folder
        self._files = ExitStack()
        self._of = {}

    def __enter__(self):
        with ExitStack() as files:  # closes those that were opened if one cannot be
            for path in _files(self.folder):
                try:
                    file = files.enter_context(safe_open(path, "pt"))
                except (OSError, SafetensorError) as error:
                    raise Refused(f"{path} cannot be read: {error}", "corrupt") from error
                names = file.keys()
                self._of |= {name: file for name in names if not RECOMPUTED.search(name)}
            self._files = files.pop_all()
        return self

    def __exit__(self, *exception):
        self._files.close()

    def are_tied(self, *, said):
        """Whether the head is the embedding, for a config that has `said` so (True, False, None).

        Raises
        ------
        Refused
            If it is said to be, and there is another one.
        """
        head = next((name for name in HEADS if name in self._of), None)
        if head is None:
            return said is not False
        both = head, HEADS[head]
        if said and both[1] in self._of and not torch.equal(*map(self._tensor, both)):
            raise Refused(
                f"{self.folder}: tie_word_embeddings in config.json says that {head} is "
                f"{both[1]}, but they differ",
                "corrupt",
            )
        return False

    def write(self, folder, config, *, internlm2):
        """Write them to `folder` as the shards of a native checkpoint with this InternVLConfig.

        `internlm2` says whether they are those of InternLM2.
        """
        shards, index, total = [], {}, 0
        for shard in self._shards(self._origins(config, internlm2=internlm2)):
            shards.append(folder / f"model-{len(shards) + 1:05}.safetensors")
            save_file(shard, shards[-1], metadata={"format": "pt"})
            index |= dict.fromkeys(shard, len(shards))
            total += _size(shard)
        _name(shards, index, total)

    def _shards(self, origins):
        """Native tensors by name, as many at once as go into a file."""
        shard = {}
        for name, origin in origins.items():
            tensor = origin.make(*map(self._tensor, origin.sources)).contiguous()
            if shard and _size(shard) + tensor.nbytes > SHARD_BYTES:
                yield shard
                shard = {}
            shard[name] = tensor
        yield shard

    def _tensor(self, name):
        return self._of[name].get_tensor(name)

    def _shape(self, name):
        return self._of[name].get_slice(name).get_shape()

    def _origins(self, config, *, internlm2):
        """{native name: Origin}; Refused if they and the tensors that are there do not match."""
        with torch.device("meta"):
            network = transformers.InternVLForConditionalGeneration(config)
        shapes = {name: list(value.shape) for name, value in network.state_dict().items()}
        if config.tie_word_embeddings:
            del shapes["lm_head.weight"]
        origins = {name: _origin(name, config, internlm2=internlm2) for name in shapes}
        wanted = dict.fromkeys(s for origin in origins.values() for s in origin.sources)
        wrong = {
            source: None
            for name, origin in origins.items()
            if self._of.keys() >= {*origin.sources} and self._shape_of(origin) != shapes[name]
            for source in origin.sources
        }
        problems = {
            "are missing": [name for name in wanted if name not in self._of],
            "are unknown": sorted(self._of.keys() - wanted.keys()),
            "are of another shape than config.json says": [
                f"{name} {self._shape(name)}" for name in wrong
            ],
        }
        if found := [_told(what, names) for what, names in problems.items() if names]:
            raise Refused(f"{self.folder}: {'; '.join(found)}", "corrupt")
        return origins

    def _shape_of(self, origin):
        """The shape that an Origin makes of what is there; None if it cannot."""
        tensors = [torch.empty(self._shape(s), device="meta") for s in origin.sources]
        try:
            return list(origin.make(*tensors).shape)
        except (RuntimeError, IndexError):
            return None


def _told(what, names):
    more = " …" if len(names) > 5 else ""
    return f"{len(names)} tensors {what}: {', '.join(names[:5])}{more}"


def _size(shard):
    return sum(tensor.nbytes for tensor in shard.values())


def _files(folder):
    """The safetensors of a checkpoint; Refused if there are none or some are missing."""
    folder = Path(folder)
    expect_own_files(folder, remote_code=False)
    try:
        shards = json.loads((folder / INDEX).read_text())["weight_map"].values()
        paths = [folder / name for name in sorted(set(shards))]
    except FileNotFoundError:
        paths = [folder / "model.safetensors"]
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise Refused(f"{folder / INDEX} cannot be read: {error}", "corrupt") from error
    missing = [path.name for path in paths if not path.exists()]
    pickled = sorted(path.name for path in folder.glob("*.bin"))
    if missing and pickled:
        reason = f"{folder}: its weights are pickled ({', '.join(pickled[:5])}), which can run code"
        raise Refused(f"{reason}; safetensors are wanted")
    if missing:
        raise Refused(
            f"{folder}: {len(missing)} files of weights are missing: {', '.join(missing[:5])}",
            "corrupt",
        )
    return paths


def _origin(name, config, *, internlm2):
    """The Origin of the native tensor `name`."""
    if name.startswith("model.vision_tower."):
        own = _renamed(name, VISION)
        return _part(own, r"\.attn\.([qkv])_proj\.", ".attn.qkv.", _third)
    if name.startswith("model.multi_modal_projector."):
        return Origin([_renamed(name, PROJECTOR)])
    if internlm2:
        own = _renamed(name, INTERNLM2)
        return _part(own, r"\.attention\.([qkv])_proj\.", ".attention.wqkv.", _grouped(config))
    own = _renamed(name, LANGUAGE)
    stem, experts, kind = own.partition(".mlp.experts.")
    if not experts:
        return Origin([own])
    kinds = {"gate_up_proj": ["gate_proj", "up_proj"], "down_proj": ["down_proj"]}[kind]
    sources = [
        f"{stem}{experts}{i}.{k}.weight"
        for i in range(config.text_config.num_experts)
        for k in kinds
    ]
    return Origin(sources, lambda *tensors: _stacked(tensors, len(kinds)))


def _renamed(name, pairs):
    for native, own in pairs:
        name = name.replace(native, own)
    return name


def _part(name, pattern, whole, take):
    """The Origin of `name`, or where it matches `pattern`, that part of the tensor `whole`."""
    if not (found := re.search(pattern, name)):
        return Origin([name])
    part = "qkv".index(found[1])
    return Origin([re.sub(pattern, whole, name)], lambda tensor: take(tensor, part))


def _third(tensor, part):
    """Queries, keys or values of InternViT: they stand below each other."""
    return tensor.unflatten(0, (3, -1))[part].clone()


def _grouped(config):
    """How to take queries, keys or values of InternLM2.

    They stand below each other for each head of keys and values: that head's queries, then its
    keys, then its values.
    """
    text = config.text_config
    n_groups = text.num_key_value_heads
    n_queries = text.num_attention_heads // n_groups

    def take(tensor, part):
        heads = tensor.unflatten(0, (n_groups, n_queries + 2, -1))
        rows = slice(n_queries) if part == 0 else slice(n_queries + part - 1, n_queries + part)
        return heads[:, rows].flatten(0, 2).clone()

    return take


def _stacked(tensors, n_kinds):
    """Experts' tensors on each other; of several kinds, below each other for each expert."""
    experts = [torch.cat(tensors[i : i + n_kinds]) for i in range(0, len(tensors), n_kinds)]
    return torch.stack(experts)


def _name(files, index, total):
    """Give shards their final names, and write the index if there are several."""
    if len(files) == 1:
        files[0].rename(files[0].with_name("model.safetensors"))
        return
    names = [f"model-{i + 1:05}-of-{len(files):05}.safetensors" for i in range(len(files))]
    for file, name in zip(files, names, strict=True):
        file.rename(file.with_name(name))
    weight_map = {tensor: names[i - 1] for tensor, i in index.items()}
    whole = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (files[0].parent / INDEX).write_text(json.dumps(whole, indent=2))
