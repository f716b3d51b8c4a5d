"""Load a checkpoint folder as a model that can encode samples and give their logits."""

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from PIL import Image

from modelmap.models.torchvision import make_importable

make_importable()  # before transformers looks for it

import transformers  # noqa: E402
from transformers import AutoModelForImageTextToText, AutoProcessor  # noqa: E402

from modelmap.models import encoding  # noqa: E402

# Families whose scores the tests hold against transformers' own loss.
FAMILIES = ("gemma3", "llava", "qwen2_vl", "smolvlm")


class NoDevice(RuntimeError):
    """The device that the config asks for is not there."""


class Refused(ValueError):
    """A model that cannot be scored, and never will be as it stands; says why.

    `status` is "refused" for a model that we do not trust, "corrupt" for one that cannot be read.
    """

    def __init__(self, reason, status="refused"):
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Model:
    """A network with its processor.

    Scoring asks of it: `n_columns`, `encode`, `logits`, and the facts for its provenance.
    Samples are anything with `prompt`, `target`, `image` (PIL.Image or None) and
    `size` (width, height; None without an image).
    """

    network: torch.nn.Module
    processor: object
    _prompts: dict = field(default_factory=dict, repr=False)
    _rows: dict = field(default_factory=dict, repr=False)

    @property
    def device(self):
        """Where the network lives."""
        return self.network.device

    @property
    def is_float32(self):
        """Whether the network computes in float32."""
        return self.network.dtype == torch.float32

    @contextmanager
    def float32(self):
        """Compute in float32 for a while; then all is as it was, bit for bit.

        Only what is in lower precision is converted: rotary frequencies, for one, are float32
        buffers of a bfloat16 model, and would not survive the way back.
        """
        tensors = (*self.network.parameters(), *self.network.buffers())
        low = [(t, t.dtype) for t in tensors if t.is_floating_point() and t.dtype.itemsize < 4]
        try:
            for tensor, _ in low:
                tensor.data = tensor.data.float()
            yield
        finally:
            for tensor, dtype in low:
                tensor.data = tensor.data.to(dtype)

    @property
    def image_token_id(self):
        """The token that stands for a part of an image."""
        return self.network.config.image_token_id

    @property
    def max_columns(self):
        """The longest row the network has positions for."""
        return self.network.config.get_text_config().max_position_embeddings

    @property
    def suggested_batch_tokens(self):
        """Tokens in a batch that keep the device busy and fit its memory: a rule of thumb."""
        if self.device.type == "cpu":
            return 4096
        return 65536 if self.network.num_parameters() < 1e9 else 16384

    def facts(self, sample):
        """What its numbers depend on besides its files, for the provenance."""
        image_processor = self.processor.image_processor.to_dict()
        return {
            "rendered_prompt": self._prompt(sample)[0],
            "end_of_turn": self.end_of_turn,
            "dtype": str(self.network.dtype).removeprefix("torch."),
            "attention": self.network.config._attn_implementation,
            "device": torch.cuda.get_device_name()
            if self.device.type == "cuda"
            else str(self.device),
            "image_processor": {k: v for k, v in image_processor.items() if _is_setting(v)},
            "versions": {m.__name__: m.__version__ for m in (torch, transformers)},
        }

    @cached_property
    def end_of_turn(self):
        """Token ids that close the assistant's turn."""
        return encoding.end_of_turn(self.processor)

    def row(self, sample):
        """Render and tokenize one sample: (prompt text, Row). Variants share what they can."""
        text, separator = self._prompt(sample)
        if (key := (text, sample.target)) not in self._rows:
            row = encoding.target_row(
                self.processor.tokenizer, text, separator, sample.target, self.end_of_turn
            )
            if self.image_token_id in row.target:
                raise encoding.BadTarget("the target holds the token that stands for an image")
            self._rows[key] = row
        return text, self._rows[key]

    def _prompt(self, sample):
        key = sample.prompt, sample.size is not None
        if key not in self._prompts:
            self._prompts[key] = encoding.render(self.processor, key[0], image=key[1])
        return self._prompts[key]

    def n_image_tokens(self, sizes):
        """Image tokens that the processor says it makes of images of `sizes` (width, height).

        None if it cannot say.
        """
        if not hasattr(self.processor, "_get_num_multimodal_tokens"):
            return None
        said = self.processor._get_num_multimodal_tokens(image_sizes=[(h, w) for w, h in sizes])
        return list(said["num_image_tokens"])

    def n_columns(self, samples):
        """Length in tokens of each sample's row, without looking at a pixel.

        A sample that cannot be encoded has length 0: it fails when it is, and only it.
        """
        if not samples:
            return []
        tokenizer = self.processor.tokenizer
        of_size = self._image_columns(
            {s.size for s in samples if s.size}, self._prompt(samples[0])[0]
        )
        lengths = []
        for sample in samples:
            try:
                text, row = self.row(sample)
            except encoding.BadTarget:
                lengths.append(0)
                continue
            prompt = len(tokenizer(text)["input_ids"]) + of_size.get(sample.size, 0) - row.straddle
            lengths.append(prompt + len(row.target) + len(row.end_of_turn))
        return lengths

    def _image_columns(self, sizes, text):
        """By how many columns an image of each size lengthens the prompt `text`.

        By the processor's own count, to which it adds what it always adds (found out on one blank
        image); where it does not count, by encoding a blank image of each size. A size that the
        processor refuses adds none: its samples fail when they are encoded, and only they.
        """
        bare = len(self.processor.tokenizer(text)["input_ids"])
        columns, always = {}, None
        for size in sorted(sizes):
            try:
                said = self.n_image_tokens([size])
                if said is None or always is None:
                    columns[size] = self._n_prompt_columns(text, Image.new("RGB", size)) - bare
                    always = None if said is None else columns[size] - said[0]
                else:
                    columns[size] = said[0] + always
            except ValueError:
                columns[size] = 0
        return columns

    def _n_prompt_columns(self, text, image):
        row = encoding.Row([], [], [], 0)
        return encoding.encode(
            self.processor, [text], [image], [row], image_token_id=self.image_token_id
        ).starts[0]

    def encode(self, samples):
        """Encode samples, all with an image or all without, as a Batch on the CPU."""
        texts, rows = zip(*map(self.row, samples), strict=True)
        images = None if samples[0].size is None else [sample.image for sample in samples]
        return encoding.encode(
            self.processor, texts, images, rows, image_token_id=self.image_token_id
        )

    def logits(self, inputs, columns):
        """Logits that predict the tokens in `columns`.

        The model's own head runs on just these columns where it can be told to.

        Returns
        -------
        Tensor of shape (n_rows, len(columns), vocabulary size), float32

        Raises
        ------
        Refused
            If the network's output does not line up with its input.
        """
        inputs = {k: v.to(self.device) if torch.is_tensor(v) else v for k, v in inputs.items()}
        for key, value in inputs.items():
            if torch.is_tensor(value) and value.is_floating_point():
                inputs[key] = value.to(self.network.dtype)
        before = torch.tensor(columns, device=self.device) - 1
        logits = self.network(**inputs, use_cache=False, logits_to_keep=before).logits
        if logits.shape[1] == len(columns):
            return logits.float()
        if logits.shape[1] == inputs["input_ids"].shape[1]:
            return logits[:, before].float()
        raise Refused(
            f"expected logits at {len(columns)} or {inputs['input_ids'].shape[1]} columns, "
            f"found {logits.shape[1]}: they do not line up with the input"
        )


def load(path, *, dtype, device, attention, image_options, threads):
    """Load the checkpoint in folder `path`.

    Parameters
    ----------
    dtype : "auto" (the checkpoint's on a GPU, float32 on a CPU) or the name of a torch dtype
    device : "auto" (a GPU if there is one) or the name of a torch device
    attention : "auto" (transformers' choice) or the name of an attention implementation
    image_options : dict of settings for the image processor, or None
    threads : int, CPU threads to compute with

    Raises
    ------
    Refused
        If the folder is no checkpoint of a family that is known to be scored right, or
        lacks weights.
    """
    config = read_config(path)
    if (family := config.get("model_type")) not in FAMILIES:
        raise Refused(
            f"{path}: its config.json says model_type {family!r}; scored so far are "
            + ", ".join(FAMILIES)
        )
    torch.set_num_threads(threads)
    transformers.logging.disable_progress_bar()
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise NoDevice("score.device is cuda, but torch finds no GPU; set it to auto or cpu")
    # float32 is to be float32 on a GPU too
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    if dtype == "auto":
        dtype = "auto" if device.startswith("cuda") else "float32"
    options = {} if attention == "auto" else {"attn_implementation": attention}
    try:
        network, info = AutoModelForImageTextToText.from_pretrained(
            path,
            dtype=dtype,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            **options,
        )
        processor = AutoProcessor.from_pretrained(path, local_files_only=True)
    except (MemoryError, torch.OutOfMemoryError, ImportError):
        raise  # no fault of the checkpoint
    except Exception as error:  # whatever a broken checkpoint raises, it is broken for good
        reason = f"{path} cannot be loaded: {type(error).__name__}: {error}"
        raise Refused(reason, "corrupt") from error
    if wrong := info["missing_keys"] | {key for key, *_ in info["mismatched_keys"]}:
        names = ", ".join(sorted(wrong)[:5])
        reason = f"{path}: {len(wrong)} weights are missing or of another shape: {names} …"
        raise Refused(reason, "corrupt")
    if processor.tokenizer.pad_token_id is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    for key, value in (image_options or {}).items():
        if not hasattr(processor.image_processor, key):
            raise Refused(f"image_options: the image processor has no setting {key!r}")
        setattr(processor.image_processor, key, value)
    return Model(network.eval().to(device), processor)


def _is_setting(value):
    try:
        json.dumps(value)
    except TypeError:
        return False
    return value is not None


def read_config(path):
    """Read the config.json of a checkpoint folder; Refused if there is none to read."""
    file = Path(path) / "config.json"
    try:
        return json.loads(file.read_text())
    except FileNotFoundError:
        raise Refused(f"{path} is no checkpoint: it has no config.json", "corrupt") from None
    except (OSError, ValueError) as error:
        raise Refused(f"{file} cannot be read: {error}", "corrupt") from error
