"""Run a network that has no weights: count its operations and the memory that it would hold.

The network stands on torch's meta device, where a tensor has a shape and no values. That alone
stops at the first line that asks for a value: where do the image's tokens stand, how many patches
has it, which experts does a token go to? So what can be known is known: ids, grids, masks and
positions are tensors with values on the CPU, and only what is computed from weights has none.
"""

import weakref
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.flop_counter import FlopCounterMode

aten = torch.ops.aten
ATTENTION = aten.scaled_dot_product_attention
WITH_MASKS = aten.index.Tensor, aten.index_put.default, aten.index_put_.default
META, CPU = torch.device("meta"), torch.device("cpu")


@dataclass(frozen=True)
class Running:
    """A network that runs without weights."""

    counter: FlopCounterMode
    memory: "_Weightless"

    @property
    def flops(self):
        """Operations of matrix products until now."""
        return self.counter.get_total_flops()

    @property
    def peak_bytes(self):
        """The most that was held at once besides weights."""
        return self.memory.peak

    def flops_within(self, name):
        """Operations until now of the module of that name (see Module.named_modules), which was
        called from the network's own call."""
        return sum(self.counter.flop_counts[name].values())


@contextmanager
def running(network):
    """Let `network`, whose parameters and buffers are on the meta device, be called.

    Attention counts as one operation whose score matrix is never held, as by the kernels of a
    GPU; all pairs of a query and a key count, as is usual, though a causal kernel leaves out half.
    """
    counter = FlopCounterMode(display=False, custom_mapping={ATTENTION: _attention_flops})
    with torch.inference_mode(), counter, _RealData(), _Weightless(network) as memory:
        yield Running(counter, memory)


class _RealData(TorchFunctionMode):
    """Tensors made from numbers keep them, wherever they are asked to be."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        makes = func in (torch.tensor, torch.as_tensor) and not torch.is_tensor(args[0])
        return func(*args, **kwargs | {"device": CPU} if makes else kwargs)


class _Weightless(TorchDispatchMode):
    """Operations with a tensor that has no values give one without, all others run on the CPU."""

    def __init__(self, network):
        super().__init__()
        tensors = *network.parameters(), *network.buffers()
        self.weights = {tensor.untyped_storage()._cdata for tensor in tensors}
        self.held, self.now, self.peak = set(), 0, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        # These check devices before their parts could be seen here.
        if func not in (aten.take_along_dim.default, ATTENTION.default):
            with self:
                whole = func.decompose(*args, **kwargs)
            if whole is not NotImplemented:
                return whole
        known = not any(torch.is_tensor(x) and x.is_meta for x in tree_flatten((args, kwargs))[0])
        if kwargs.get("device") is not None:
            kwargs = kwargs | {"device": CPU if known else META}
        if known:
            return func(*args, **kwargs)
        if func in WITH_MASKS:
            args = args[0], [i for index in args[1] for i in _positions(index)], *args[2:]
        out = func(*tree_map(_without_values, args), **tree_map(_without_values, kwargs))
        if func is aten.topk.default:
            out = out[0], _spread(out[1], args[0].shape[args[2] if len(args) > 2 else -1])
        # Experts' weights are picked for each token here, by their kernels on a GPU they are not.
        if func is not aten.index.Tensor or not self._is_weight(args[0]):
            tree_map(self._hold, out)
        return out

    def _is_weight(self, tensor):
        return tensor.untyped_storage()._cdata in self.weights

    def _hold(self, tensor):
        """Count a tensor's bytes for as long as it is there; views count once."""
        if not torch.is_tensor(tensor) or not tensor.is_meta or self._is_weight(tensor):
            return
        storage = tensor.untyped_storage()
        if storage._cdata not in self.held:
            self.held.add(storage._cdata)
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._release, storage._cdata, storage.nbytes())

    def _release(self, key, n_bytes):
        self.held.discard(key)
        self.now -= n_bytes


def _without_values(value):
    return value.to(META) if torch.is_tensor(value) and not value.is_meta else value


def _positions(index):
    """An index, a mask as the positions where it is true; one that is computed is true."""
    if index is None or index.dtype != torch.bool:
        return [index]
    return (torch.ones(index.shape) if index.is_meta else index).nonzero().unbind(1)


def _spread(indices, n):
    """What the top-k of n picks: as if a router chose all experts equally often."""
    return (torch.arange(indices.numel()) % n).reshape(indices.shape)


def _attention_flops(query, key, value, *_, out_shape=None, **__):
    *rows, n_queries, width = query
    n_rows = torch.Size(rows).numel()
    return 2 * n_rows * n_queries * key[-2] * (width + value[-1])
