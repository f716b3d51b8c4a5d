"""Load a checkpoint folder as a model that can encode samples and give their logits."""

import errno
import gc
import json
import os
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from inspect import signature
from pathlib import Path

os.environ["USE_HUB_KERNELS"] = "NO"  # compiled code that transformers would fetch by itself
gc.disable()  # imports leave much that stays: to look through it again and again takes 0.6 s

import torch  # noqa: E402

from modelmap.models.torchvision import make_importable  # noqa: E402

make_importable()  # before transformers looks for it

import transformers  # noqa: E402
from transformers import (  # noqa: E402
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForMultimodalLM,
    AutoProcessor,
    AutoTokenizer,
)
from transformers.models.auto.modeling_auto import (  # noqa: E402
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES,
)

from modelmap import memory  # noqa: E402
from modelmap.models import attention as packed  # noqa: E402
from modelmap.models.confinement import confined, expect_own_files  # noqa: E402
from modelmap.models.families import KNOWN, UNKNOWN, refusal  # noqa: E402
from modelmap.models.model import Model, Refused  # noqa: E402

gc.freeze()
gc.enable()

LOADED = {*MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES, *MODEL_FOR_CAUSAL_LM_MAPPING_NAMES}
BLIND = LOADED - {*MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES}
OWN_CODE = ("AutoModelForMultimodalLM", "AutoModelForImageTextToText", "AutoModelForCausalLM")
# How transformers says that a checkpoint wants a package which need not be installed
WANTS = ("pip install", "not installed", "requires the")
VISION = {"packed": packed.NAME, "eager": "eager"}


class NoDevice(RuntimeError):
    """The device that the config asks for is not there."""


def expect_to_score(path, *, images, remote_code):
    """Raise Refused if the checkpoint in `path` is not made for samples with (or without) images.

    Its weights are not looked at.
    """
    kind = read_config(path).get("model_type")
    if images and _classes(path, remote_code)[1] is AutoTokenizer:
        raise Refused(f"{kind} is a language model: it takes no images", "not applicable")
    if not images and KNOWN.get(kind, UNKNOWN).needs_image:
        raise Refused(f"{kind} scores no text without an image", "not applicable")


def load(
    path,
    *,
    adapter,
    dtype,
    device,
    attention,
    image_options,
    share_prefix,
    remote_code,
    threads,
):
    """Load the checkpoint in folder `path`.

    Parameters
    ----------
    adapter : folder of a PEFT adapter to put on it, or None
    dtype : "auto" (the checkpoint's on a GPU, float32 on a CPU) or the name of a torch dtype
    device : "auto" (a GPU if there is one) or the name of a torch device
    attention : "auto" (transformers' choice) or the name of an attention implementation
    image_options : dict of settings for the image processor, or None
    share_prefix : "auto" (where the family is known to allow it) or False
    remote_code : bool, whether code in the folder may be run to load it
    threads : int, CPU threads to compute with

    Raises
    ------
    Refused
        If the folder is no checkpoint that can be scored right, or lacks weights.
    NoDevice
        If the device is not there.
    """
    network_class, processor_class = _classes(path, remote_code)
    torch.set_num_threads(threads)
    transformers.logging.disable_progress_bar()
    device = _device(device)
    if dtype == "auto":
        dtype = "float32" if device == "cpu" else "auto"
    network = _read_network(
        path,
        network_class,
        adapter=adapter,
        remote_code=remote_code,
        dtype=dtype,
        attn_implementation=None if attention == "auto" else attention,
        device_map=None if device == "cpu" else _device_map(path, device, dtype),
    )
    processor = _read_processor(path, processor_class, remote_code=remote_code)
    return _model(network, processor, attention, image_options, share_prefix)


def load_without_weights(path, *, dtype, image_options, share_prefix):
    """The model that `load` would put on a GPU, its network on torch's meta device.

    It encodes samples as that one does. Folder `path` needs no weights; parameters are as there.
    Of dtype "auto", where config.json names none, the network is in float32.

    Raises
    ------
    Refused
        If the folder is no checkpoint that can be scored right.
    """
    network_class, processor_class = _classes(path, remote_code=False)
    options = {} if dtype == "auto" else {"dtype": dtype}
    with _reading(path):
        config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
        with torch.device("meta"):
            network = network_class.from_config(
                config, experts_implementation="batched_mm", **options
            )
    network.requires_grad_(False)
    processor = _read_processor(path, processor_class, remote_code=False)
    return _model(network, processor, "auto", image_options, share_prefix)


def _model(network, processor, attention, image_options, share_prefix):
    """A network and its processor, set up as scoring needs them."""
    tokenizer = getattr(processor, "tokenizer", processor)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if image_options:
        _set_image_options(processor, image_options)
    kind = network.config.model_type
    family = KNOWN.get(kind, UNKNOWN)
    if share_prefix is False:
        family = replace(family, shares_prefix=False)
    if attention == "auto" and family.vision_attention != "auto":
        network.config.vision_config._attn_implementation = VISION[family.vision_attention]
    if "mm_token_type_ids" in signature(network.forward).parameters:
        processor.return_mm_token_type_ids = True  # some processors must be asked
    put_head_in_float32(network)
    return Model(network.eval(), processor, family)


def read_config(path):
    """Read the config.json of a checkpoint folder; Refused if there is none to read."""
    file = Path(path) / "config.json"
    try:
        config = json.loads(file.read_text())
    except FileNotFoundError:
        raise Refused(f"{path} is no checkpoint: it has no config.json", "corrupt") from None
    except (OSError, ValueError, RecursionError) as error:
        raise Refused(f"{file} cannot be read: {error}", "corrupt") from error
    if not isinstance(config, dict):
        raise Refused(f"{file} is no JSON object", "corrupt")
    if isinstance(kind := config.get("model_type"), list | dict):
        raise Refused(f"{file} says model_type {kind!r}, expected text")
    return config


def _classes(path, remote_code):
    """(Auto class of the network, AutoProcessor or AutoTokenizer) of a checkpoint.

    Raises
    ------
    Refused
        If it is neither a vision-language nor a language model, or is known to be scored wrongly.
    """
    config = read_config(path)
    expect_own_files(path, remote_code=remote_code)
    if reason := refusal(config):
        raise Refused(f"{path}: its {reason}")
    kind = config.get("model_type")
    own = config.get("auto_map") if remote_code else None
    if own and (name := next((name for name in OWN_CODE if name in own), None)):
        sees_images = Path(path, "preprocessor_config.json").exists()
        return getattr(transformers, name), AutoProcessor if sees_images else AutoTokenizer
    if kind in MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES:
        return AutoModelForMultimodalLM, AutoProcessor
    if kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return AutoModelForCausalLM, AutoTokenizer
    raise Refused(
        f"{path}: its config.json says model_type {kind!r}, which transformers "
        f"{transformers.__version__} loads neither as a vision-language nor as a language model"
    )


@contextmanager
def _reading(what, *, remote_code=False):
    """Whatever a broken checkpoint raises, it is broken for good: Refused.

    It is confined, but for code of its own that is allowed.
    """
    try:
        with nullcontext() if remote_code else confined():
            yield
    except Refused as error:
        raise Refused(f"{what}: {error}", error.status) from error
    except torch.OutOfMemoryError as error:
        raise Refused(f"{what} does not fit the device's memory: {error}", "too_large") from error
    except (MemoryError, torch.AcceleratorError):
        raise  # no fault of the checkpoint
    except ImportError as error:
        memory.expect_enough(error)
        if not any(words in str(error) for words in WANTS):
            raise  # of a machine whose packages are broken
        reason = f"{what} needs what is not installed here: {error}; install it, then make retry"
        raise Refused(reason) from error
    except Exception as error:
        memory.expect_enough(error)
        if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
            raise  # of the disk or the network
        reason = f"{what} cannot be loaded: {type(error).__name__}: {error}"
        raise Refused(reason, "corrupt") from error


def _read_network(path, network_class, *, adapter, remote_code, **options):
    """The network from folder `path`, with the adapter on it."""
    with _reading(path, remote_code=remote_code):
        network, info = network_class.from_pretrained(
            path,
            local_files_only=True,
            trust_remote_code=remote_code,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # they are refused below, by name
            output_loading_info=True,
            **options,
        )
    if wrong := info["missing_keys"] | {key for key, *_ in info["mismatched_keys"]}:
        names = ", ".join(sorted(wrong)[:5])
        reason = f"{path}: {len(wrong)} weights are missing or of another shape: {names} …"
        raise Refused(reason, "corrupt")
    if adapter:
        _put_on(network, adapter)
    return network


def _read_processor(path, processor_class, *, remote_code):
    """The processor (or tokenizer) from folder `path`."""
    with _reading(path, remote_code=remote_code):
        processor = processor_class.from_pretrained(
            path, local_files_only=True, trust_remote_code=remote_code
        )
    tokenizer = getattr(processor, "tokenizer", processor)
    if len(tokenizer) <= len(tokenizer.added_tokens_decoder):
        raise Refused(f"{path}: its tokenizer has no vocabulary; are its files missing?", "corrupt")
    return processor


def _put_on(network, adapter):
    """Put the PEFT adapter in folder `adapter` on a network; Refused if it does not fit."""
    if not (Path(adapter) / "adapter_model.safetensors").exists():
        raise Refused(f"{adapter} is no adapter: it has no adapter_model.safetensors", "corrupt")
    with _reading(f"the adapter {adapter}"):
        info = network.load_adapter(adapter, adapter_kwargs={"local_files_only": True})
    if wrong := info.missing_keys | info.unexpected_keys:
        names = ", ".join(sorted(wrong)[:5])
        reason = f"the adapter {adapter} does not fit: {len(wrong)} weights: {names} …"
        raise Refused(reason, "corrupt")


def _device(name):
    """The device to compute on; NoDevice if it is not there."""
    # float32 is to be float32 on a GPU too
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        found = next((device for device, found in there.items() if found), "cpu")
        if found == "cpu":
            print("no GPU found: computing on the CPU")
        return found
    if not there.get(name, name == "cpu"):
        raise NoDevice(f"score.device is {name}, but torch finds none; set it to auto or cpu")
    return name


def _set_image_options(processor, options):
    """Set the image processor; also what the processor itself would override it with."""
    images = getattr(processor, "image_processor", None)
    for key, value in options.items():
        if not hasattr(images, key):
            raise Refused(f"image_options: there is no setting {key!r} of an image processor")
        setattr(images, key, value)
    processor.images_kwargs = {**(getattr(processor, "images_kwargs", None) or {}), **options}


def _device_map(path, device, dtype):
    """Where the weights go: straight to the device, or spread over GPUs if one is too small."""
    if device != "cuda":
        return {"": device}
    n_bytes = sum(file.stat().st_size for file in Path(path).glob("model*.safetensors"))
    n_bytes *= 2 if dtype == "float32" else 1  # checkpoints are mostly in half precision
    free, _ = torch.cuda.mem_get_info()
    fits = n_bytes < 0.8 * free  # the rest is for activations
    return {"": 0} if fits or torch.cuda.device_count() == 1 else "auto"


def put_head_in_float32(network):
    """Let a head of lower precision compute in float32: logits are not rounded.

    Half of the error variance of a bfloat16 model is in the rounding of its logits. A head tied
    to the embedding gets weights of its own.
    """
    head = network.get_output_embeddings()
    if not isinstance(head, torch.nn.Linear) or head.weight.dtype.itemsize >= 4:
        return
    tied, dtype = head.weight, torch.float32
    head.weight = torch.nn.Parameter(tied.detach().to(dtype), requires_grad=False)
    if head.bias is not None:
        head.bias = torch.nn.Parameter(head.bias.detach().to(dtype), requires_grad=False)
    head.register_forward_pre_hook(lambda _, args: (args[0].to(dtype), *args[1:]))
