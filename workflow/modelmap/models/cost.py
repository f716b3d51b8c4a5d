"""What scoring costs, told before any weights are there: operations and memory of a GPU.

One blank image is encoded as scoring would encode it, and the network runs on it without weights
(see weightless.py). So every family is counted by its own code, image tokens and tiles included.
Operations are those of matrix products and convolutions, which are nearly all there are.
"""

from contextlib import contextmanager
from typing import NamedTuple

from PIL import Image

from modelmap.models import loading, weightless

GRAY = (128, 128, 128)


class NoEstimate(RuntimeError):
    """The network cannot run without weights, or cannot take such a sample; says why."""


class Cost(NamedTuple):
    """What scoring samples of one kind takes.

    n_parameters : of the network; n_active_parameters : those that work for one token (of a
        mixture of experts, the experts that it is sent to)
    n_image_tokens, n_prompt_tokens, n_target_tokens : columns of a row that stand for the image,
        for the rest of the prompt, and for a target with its end of turn
    tflop_image : 1e12 operations of the vision tower and what follows it up to the decoder
    tflop_prompt : of the decoder for one prompt, image tokens included
    tflop_target : of the decoder for one target behind it, and of the head
    shares_prefix : whether targets of one image are computed behind one prompt
    weight_bytes : of all parameters, the head in float32
    memory_bytes : weight_bytes, and as often as a condition (a prompt with all its targets) fits
        a batch, the most that one holds at once: activations, cache and logits. What CUDA and
        its allocator take for themselves (about a gigabyte) is not in it.
    """

    n_parameters: int
    n_active_parameters: int
    n_image_tokens: int
    n_prompt_tokens: int
    n_target_tokens: int
    tflop_image: float
    tflop_prompt: float
    tflop_target: float
    shares_prefix: bool
    weight_bytes: int
    memory_bytes: int


class _Sample(NamedTuple):
    """A sample as Model takes it."""

    prompt: str
    target: str
    size: tuple | None
    condition: int = 0

    @property
    def image(self):
        """A blank image of its size."""
        return self.size and Image.new("RGB", self.size, GRAY)


def estimate(
    path, *, prompt, target, size, n_targets, dtype, image_options, share_prefix, batch_tokens
):
    """What scoring `n_targets` such targets behind one image costs on a GPU, as a Cost.

    Parameters
    ----------
    path : folder with config.json and the files of processor and tokenizer; weights may be absent
    prompt, target : str, of usual length
    size : (width, height) of a usual image in pixels; None: texts without an image
    dtype, image_options, share_prefix : see loading.load
    batch_tokens : int, or "auto" for what the model suggests

    Raises
    ------
    Refused
        If the model cannot be scored right, or not on such samples.
    NoEstimate
    """
    loading.expect_to_score(path, images=size is not None, remote_code=False)
    model = loading.load_without_weights(
        path, dtype=dtype, image_options=image_options, share_prefix=share_prefix
    )
    try:
        return count(model, _Sample(prompt, target, size), n_targets, batch_tokens)
    except (MemoryError, ImportError):
        raise
    except Exception as error:  # of code that was not written to run without weights
        kind = model.network.config.model_type
        raise NoEstimate(f"no estimate of a {kind}: {type(error).__name__}: {error}") from error


def of_datasets(path, datasets, **options):
    """The costs of scoring several datasets, or why there is no estimate.

    Parameters
    ----------
    datasets : dict of dataset to what `estimate` wants to know of it (prompt, target, size,
        n_targets)
    options : the other parameters of `estimate`

    Returns
    -------
    dict of dataset to (fields of Cost as a dict or None, note or None)
    """
    found = {}
    for dataset, asked in datasets.items():
        try:
            found[dataset] = estimate(path, **asked, **options)._asdict(), None
        except (loading.Refused, NoEstimate) as error:
            found[dataset] = None, str(error)
    return found


def count(model, sample, n_targets, batch_tokens="auto"):
    """The Cost of a sample with `n_targets` targets; the model is without weights."""
    shares = model.lengths([sample])[0][2]
    together = shares and n_targets > 1
    n_rows = n_targets if together else 1
    batch = model.encode([sample] * n_rows, [0] * n_rows if together else None)
    n_prompt, n_tail = int(batch.starts[0]), batch.tails.shape[1]
    with weightless.running(model.network) as run, _marks(model.network, run) as marks:
        model.tail_logits(batch)
    n_tokens = n_prompt + n_rows * (n_tail - 1) if together else n_prompt + n_tail
    image = marks[0] if sample.size else 0
    # Where prompt and target are one call of the decoder, it is divided by tokens.
    prompt = (marks[1] - image) * (1 if together else n_prompt / n_tokens)
    n_parameters = _n_parameters(model.network)
    weight_bytes = sum(parameter.nbytes for parameter in model.network.parameters())
    budget = model.suggested_batch_tokens if batch_tokens == "auto" else batch_tokens
    n_conditions = _conditions_of_a_batch(budget, model, n_rows, n_prompt, n_tail)
    return Cost(
        n_parameters=n_parameters,
        n_active_parameters=n_parameters - _n_idle(model.network, run, n_tokens),
        n_image_tokens=batch.n_image_tokens[0],
        n_prompt_tokens=n_prompt - batch.n_image_tokens[0],
        n_target_tokens=n_tail,
        tflop_image=image / 1e12,
        tflop_prompt=prompt / 1e12,
        tflop_target=(run.flops - image - prompt) / n_rows / 1e12,
        shares_prefix=shares,
        weight_bytes=weight_bytes,
        memory_bytes=weight_bytes + n_conditions * run.peak_bytes,
    )


@contextmanager
def _marks(network, run):
    """Operations until the decoder's first layer begins, and until the decoder is done.

    What stands before that layer is the image's: some decoders hold the vision tower.
    """
    marks = []

    def note(*_):
        marks.append(run.flops)

    decoder = network.get_decoder()
    first = getattr(decoder, "layers", [decoder])[0]
    hooks = first.register_forward_pre_hook(note), decoder.register_forward_hook(note)
    try:
        yield marks
    finally:
        for hook in hooks:
            hook.remove()


def _conditions_of_a_batch(batch_tokens, model, n_rows, n_prompt, n_tail):
    """How many prompts with `n_rows` rows each are in a batch, by scoring.plan's rules."""
    budget = batch_tokens * (2 if n_rows > 1 else 1)
    most = min(budget // (n_prompt + n_tail), model.max_targets // n_tail)
    return max(1, most // n_rows)


def _n_parameters(network):
    """As the checkpoint has them: a head tied to the embedding is none of its own."""
    tied = network.all_tied_weights_keys
    return sum(p.numel() for name, p in network.named_parameters() if name not in tied)


def _n_idle(network, run, n_tokens):
    """Parameters of the decoder's experts that do not work for a token, on average."""
    names = {module: name for name, module in network.named_modules()}
    idle, root = 0, type(network).__name__
    for name in [names[module] for module in network.get_decoder().modules()]:
        if name.endswith(".experts"):
            module = network.get_submodule(name)
            called = [f"{root}.{name}.{child}" for child, _ in module.named_children()]
            flops = run.flops_within(f"{root}.{name}") or sum(map(run.flops_within, called))
            idle += sum(p.numel() for p in module.parameters()) - flops / (2 * n_tokens)
    return round(idle)
