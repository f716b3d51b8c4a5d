"""How fast scoring is: against what people use instead, and against what a GPU can do."""

from modelmap.models.torchvision import make_importable

make_importable()  # before transformers looks for it
