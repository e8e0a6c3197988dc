"""A model's weights as safetensors: by name, loaded without running anything. Weights that are one appear once."""

import safetensors.torch
from torch import Tensor, nn

FILE = "model.safetensors"


def content(model: nn.Module) -> tuple[bytes, dict[str, str]]:
    """The file, and the names that stand for another weight: {"output.weight": "embedding.weight"}."""
    first: dict[tuple[object, ...], str] = {}
    kept, tied = {}, {}
    for name, tensor in model.state_dict().items():
        if not isinstance(tensor, Tensor):
            continue
        place = (tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tuple(tensor.shape))
        if tensor.numel() and place in first:
            tied[name] = first[place]
        else:
            first[place] = name
            kept[name] = tensor.detach().contiguous().clone()
    return safetensors.torch.save(kept, metadata={"format": "pt"}), tied


def opened(file: bytes, tied: dict[str, str]) -> dict[str, Tensor]:
    weights = safetensors.torch.load(file)
    return {**weights, **{name: weights[other] for name, other in tied.items()}}
