"""A network with its processor, as scoring sees it."""

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
import transformers
from PIL import Image

from modelmap.models import encoding
from modelmap.models.continuation import Continuation
from modelmap.models.families import KNOWN, UNKNOWN, Family
from modelmap.quoting import plain

LOGITS = {"cpu": 2**26, "other": 2**30}  # float32 values of logits that a device holds at once


class Refused(Exception):
    """A model that cannot be scored, and never will be as it stands; says why.

    `status` is "refused" for a model that we do not trust, "corrupt" for one that cannot be read,
    "too_large" for one that the device cannot hold, "not applicable" for one that is not made for
    such samples.
    """

    def __init__(self, reason, status="refused"):
        super().__init__(plain(reason))
        self.status = status


@dataclass(frozen=True)
class Model:
    """A network with its processor (for text alone: its tokenizer).

    Scoring asks of it: `lengths`, `encode`, `tail_logits`, and the facts for its provenance.
    Samples are anything with `prompt`, `target`, `image` (PIL.Image or None), `size` (width,
    height; None without an image) and `condition`, which is equal for samples with the same
    prompt and image.
    """

    network: torch.nn.Module
    processor: object
    family: Family = UNKNOWN
    _prompts: dict = field(default_factory=dict, repr=False)
    _rows: dict = field(default_factory=dict, repr=False)
    _bare_prompts: dict = field(default_factory=dict, repr=False)

    @property
    def tokenizer(self):
        """The processor's tokenizer."""
        return getattr(self.processor, "tokenizer", self.processor)

    @property
    def sees_images(self):
        """Whether it takes images at all."""
        return self.processor is not self.tokenizer

    def opens_thought(self, sample):
        """Whether the template leaves a thought open, so that a target would be one."""
        return self._prompt(sample)[0].rstrip().endswith("<think>")

    @property
    def is_known(self):
        """Whether its family is one of those that the equivalence suite holds."""
        return self.network.config.model_type in KNOWN

    @property
    def device(self):
        """Where the network lives."""
        return self.network.device

    @property
    def is_float32(self):
        """Whether the network computes in float32."""
        return all(
            p.dtype.itemsize >= 4 for p in self.network.parameters() if p.is_floating_point()
        )

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
        """The token that stands for a part of an image; None if there is none."""
        names = ("image_token_id", "image_token_index")
        places = [(self.network.config, name) for name in names] + [(self.processor, names[0])]
        found = [getattr(*place, None) for place in places]
        return next((token for token in found if token is not None), None)

    @property
    def max_columns(self):
        """The longest row the network has positions for."""
        text = self.network.config.get_text_config()
        return getattr(text, "max_position_embeddings", None) or sys.maxsize

    @property
    def max_targets(self):
        """How many targets' tokens have logits that fit the device's memory at once."""
        values = LOGITS.get(self.device.type, LOGITS["other"])
        return max(1, values // self.network.config.get_text_config().vocab_size)

    @property
    def suggested_batch_tokens(self):
        """Tokens in a batch that keep the device busy and fit its memory: a rule of thumb."""
        if self.device.type == "cpu":
            return 2048
        return 65536 if self.network.num_parameters() < 1e9 else 16384

    def facts(self, sample):
        """What its numbers depend on besides its files, for the provenance."""
        processor = getattr(self.processor, "image_processor", None)
        settings = processor.to_dict() if processor else {}
        settings |= getattr(self.processor, "images_kwargs", None) or {}
        on_gpu = self.device.type == "cuda"
        head = self.network.get_output_embeddings()
        return {
            "rendered_prompt": self._prompt(sample)[0],
            "end_of_turn": self.end_of_turn,
            "dtype": str(self.network.dtype).removeprefix("torch."),
            "head_dtype": str(head.weight.dtype).removeprefix("torch.") if head else None,
            "attention": self.network.config._attn_implementation,
            "device": torch.cuda.get_device_name() if on_gpu else str(self.device),
            "image_processor": {k: v for k, v in settings.items() if _is_setting(v)},
            "versions": {m.__name__: m.__version__ for m in (torch, transformers)},
        }

    @cached_property
    def end_of_turn(self):
        """Token ids that close the assistant's turn."""
        return encoding.end_of_turn(self.processor)

    def row(self, sample):
        """Render and tokenize one sample: (prompt text, Row). Variants share what they can."""
        text, separator = self._prompt(sample)
        if (key := (text, separator, sample.target)) not in self._rows:
            before = ("", "") if self.family.closes_prompt else (text, separator)
            row = encoding.target_row(self.tokenizer, *before, sample.target, self.end_of_turn)
            if self.image_token_id in row.target:
                raise encoding.BadTarget("the target holds the token that stands for an image")
            if max(row.tail) >= self._n_embeddings:
                raise encoding.BadTarget("the target holds a token that the network has no row for")
            self._rows[key] = row
        return text, self._rows[key]

    @cached_property
    def _n_embeddings(self):
        return self.network.get_input_embeddings().weight.shape[0]

    def _prompt(self, sample):
        key = sample.prompt, sample.size is not None
        if key not in self._prompts:
            self._prompts[key] = encoding.render(
                self.processor, key[0], image=key[1], placeholder=self._placeholder
            )
        return self._prompts[key]

    @cached_property
    def _placeholder(self):
        """What stands for an image without a chat template: found out on a blank one."""
        if self.family.inserts_image or not self.sees_images:
            return ""
        candidates = encoding.placeholders(self.processor)
        for placeholder in candidates:
            try:
                prompts = self._encode_prompts([placeholder], [Image.new("RGB", (64, 64))])
            except ValueError:
                continue
            if any(self._count_image_tokens(prompts)):
                return placeholder
        return candidates[0]

    def n_image_tokens(self, sizes):
        """Image tokens that the processor says it makes of images of `sizes` (width, height).

        None if it cannot say.
        """
        if not hasattr(self.processor, "_get_num_multimodal_tokens"):
            return None
        shapes = [(h, w) for w, h in sizes]
        with encoding.raising(ValueError):
            said = self.processor._get_num_multimodal_tokens(image_sizes=shapes)
        return list(said["num_image_tokens"])

    def lengths(self, samples):
        """(prompt, tail, shares) of each sample, without looking at a pixel.

        prompt and tail are numbers of tokens; both are 0 of a sample that cannot be encoded: it
        fails when it is, and only it. `shares` says whether its prompt can be shared.
        """
        of_size, found = {}, []
        for sample in samples:
            try:
                text, row = self.row(sample)
                bare = len(self._bare(text))
                if sample.size not in of_size:
                    of_size[sample.size] = self._n_image_columns(text, sample.size, of_size) - bare
            except (ValueError, OSError, ZeroDivisionError):  # and so when it is encoded
                found.append((0, 0, False))
                continue
            # Text by itself stands behind one token: there is nothing worth sharing.
            shares = self.family.shares_prefix and not row.straddle and text != ""
            found.append((bare + of_size[sample.size] - row.straddle, len(row.tail), shares))
        return found

    def _bare(self, text):
        """The tokens of a prompt without its image."""
        if text not in self._bare_prompts:
            ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            self._bare_prompts[text] = ids
        return self._bare_prompts[text]

    def _n_image_columns(self, text, size, known):
        """Columns of the prompt `text` behind an image of `size`.

        By the processor's own count, to which it adds what it always adds (found out on one blank
        image, of a size among `known`); where it does not count, by encoding a blank image.
        """
        said = None if size is None else self.n_image_tokens([size])
        if said and (other := next((size for size in known if size), None)):
            there = self.n_image_tokens([other])[0]
            return len(self._bare(text)) + known[other] - there + said[0]
        blank = None if size is None else [Image.new("RGB", size)]
        return int(self._encode_prompts([text], blank)["attention_mask"].sum())

    def _encode_prompts(self, texts, images):
        """Encoded prompts, behind `images` (a list) or without (None)."""
        if images is not None:
            return encoding.encode_prompts(self.processor, texts, images)
        if self.family.needs_image:
            raise encoding.NeedsImage(f"a {self.network.config.model_type} scores no text alone")
        if not self.family.closes_prompt:
            return encoding.encode_text(self.processor, texts)
        prompts = encoding.encode_text(self.tokenizer, [text and text + "\n" for text in texts])
        return prompts | {"token_type_ids": torch.zeros_like(prompts["input_ids"])}

    def encode(self, samples, of=None):
        """Encode samples, all with an image or all without, as a Batch on the CPU.

        Parameters
        ----------
        of : list of int, which prompt each sample continues, ascending from 0; samples of one
            prompt have the same `condition`. None: each is encoded with a prompt of its own.
        """
        texts, rows = map(list, zip(*map(self.row, samples), strict=True))
        own = list(range(len(samples))) if of is None else _first_of_each(of)
        pictures = None if samples[0].size is None else [samples[i].image for i in own]
        prompts = self._encode_prompts([texts[i] for i in own], pictures)
        pad = self.tokenizer.pad_token_id or 0
        n_image_tokens = self._count_image_tokens(prompts)
        if of is None:
            suffix = self.family.suffix_type
            inputs, starts = encoding.append(prompts, rows, pad=pad, suffix_type=suffix)
        else:
            n_columns = prompts["attention_mask"].sum(1)
            if n_columns.min() < prompts["input_ids"].shape[1]:
                raise encoding.Uneven(f"prompts of {sorted(set(n_columns.tolist()))} tokens")
            inputs, starts = prompts, n_columns[list(of)]
        if not self.family.needs_mask:
            inputs.pop("attention_mask")
        return encoding.Batch(
            {key: self._cast(value) for key, value in inputs.items()},
            rows,
            starts,
            encoding.pad_tails(rows, pad),
            None if of is None else torch.tensor(of),
            n_image_tokens if of is None else [n_image_tokens[i] for i in of],
        )

    def _count_image_tokens(self, prompts):
        """Image tokens of each prompt."""
        stands = prompts.get("image_embeds_position_mask", prompts["input_ids"])
        token = 1 if "image_embeds_position_mask" in prompts else self.image_token_id
        return [0] * len(stands) if token is None else (stands == token).sum(1).tolist()

    def tail_logits(self, batch):
        """Logits that predict each token of the tails, by the network's own head.

        Returns
        -------
        Tensor of shape (n_rows, n_tail, vocabulary size), float32

        Raises
        ------
        Refused
            If the network's output does not line up with its input.
        """
        inputs = {k: self._to_device(v) for k, v in batch.inputs.items()}
        if batch.of is None:
            return self._logits(inputs, batch.positions().to(self.device)).float()
        return self._continued(inputs, batch).float()

    def _continued(self, inputs, batch):
        """Logits of tails behind shared prompts: the prompts once, then every tail."""
        rows = Continuation(self.network, inputs, suffix_type=self.family.suffix_type)
        rows.take(batch.of)
        if batch.tails.shape[1] == 1:
            return rows.next_logits
        first = rows.next_logits
        return torch.cat([first, rows.extend(batch.tails[:, :-1].to(self.device))], 1)

    def begin(self, samples):
        """Compute the prompts of samples, all of one length, to be continued: a Continuation.

        Raises
        ------
        Refused
            If its family is not known to continue a cached prompt.
        """
        if not self.family.shares_prefix:
            kind = self.network.config.model_type
            raise Refused(f"{kind} is not known to continue a cached prompt", "not applicable")
        batch = self.encode(samples, list(range(len(samples))))
        inputs = {k: self._to_device(v) for k, v in batch.inputs.items()}
        return Continuation(self.network, inputs, suffix_type=self.family.suffix_type)

    def text_of(self, sample, ids):
        """The target that tokens `ids` behind a sample's prompt spell.

        Returns
        -------
        text : None where there is none that could be scored, such as half a character
        canonical : whether it is tokenized as `ids` again (a model may write a word in two pieces)
        """
        prompt, separator = self._prompt(sample)
        before, how = self._bare(prompt), {"clean_up_tokenization_spaces": False}
        bare, whole = (self.tokenizer.decode([*before, *some], **how) for some in ((), ids))
        text = whole.removeprefix(bare).removeprefix(separator)
        try:
            _, row = self.row(replace(sample, target=text))
        except encoding.BadTarget:
            return None, False
        canonical = row.target == list(ids) and not row.straddle
        return (None if "\ufffd" in text and not canonical else text), canonical

    def _logits(self, inputs, positions):
        """Logits at `positions` (n_rows, n_tail); the head runs on just these where it can."""
        if len(set(getattr(self.network, "hf_device_map", {}).values())) > 1:
            return self._logits_from(inputs, positions)
        per_row = hasattr(sys.modules[type(self.network).__module__], "slice_logits_to_keep")
        keep = positions if per_row else positions.unique()
        logits = self.network(**inputs, use_cache=False, logits_to_keep=keep).logits
        n_kept, n_columns = keep.shape[-1], inputs["input_ids"].shape[1]
        if logits.shape[1] == n_kept and per_row:
            return logits
        if logits.shape[1] == n_kept:
            positions = torch.searchsorted(keep, positions)
        elif logits.shape[1] != n_columns:
            raise Refused(
                f"expected logits at {n_kept} or {n_columns} columns, "
                f"found {logits.shape[1]}: they do not line up with the input"
            )
        return logits.take_along_dim(positions[..., None].to(logits.device), dim=1)

    def _logits_from(self, inputs, positions):
        """Logits at `positions` of a network spread over devices, which takes no tensor of them."""
        first = int(positions.min())
        n_kept = inputs["input_ids"].shape[1] - first
        logits = self.network(**inputs, use_cache=False, logits_to_keep=n_kept).logits[:, -n_kept:]
        return logits.take_along_dim((positions - first)[..., None].to(logits.device), dim=1)

    def _to_device(self, value):
        if not torch.is_tensor(value):
            return value
        on_gpu = self.device.type == "cuda"  # elsewhere the source may be gone too early
        return self._cast(value).to(self.device, non_blocking=on_gpu)

    def _cast(self, value):
        """Pixels in the precision of the network."""
        floats = torch.is_tensor(value) and value.is_floating_point()
        return value.to(self.network.dtype) if floats else value


def _first_of_each(of):
    return [i for i, prompt in enumerate(of) if i == 0 or of[i - 1] != prompt]


def _is_setting(value):
    try:
        json.dumps(value)
    except TypeError:
        return False
    return value is not None
