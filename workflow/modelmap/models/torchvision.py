"""Let a CUDA-built torchvision be imported beside a CPU build of torch.

PyPI's torchvision carries compiled operators for CUDA. Beside a CPU-only torch they cannot load,
and the import fails with "operator torchvision::nms does not exist", taking transformers' image
processors down with it. They only need torchvision's pure-torch transforms, for which it is
enough that the schemas of the missing operators exist.
"""

import sys

import torch

_library = None  # the definitions last as long as this object


def make_importable():
    """Import torchvision, declaring its missing operators where its own cannot load."""
    global _library
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in [m for m in sys.modules if m.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        _library = torch.library.Library("torchvision", "DEF")
        _library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision  # noqa: F401
