"""Images changed in a whole batch at once: moved, mirrored (book 9.1), a square covered (Cutout, arXiv 1708.04552)."""

import torch
from torch import Tensor


def moved(x: Tensor, by: Tensor, mirrored: Tensor, black: Tensor) -> Tensor:
    """(B, C, height, width) images, (B, 2) pixels down and to the right, (B,) bools -> images of the same size. Instead
    of B one for all will do.

    Mirrored first, then moved; `black`, () or (C, 1, 1), comes in from the side. Each pixel is looked up where it was:
    one gather for the batch.
    """
    count, channels, height, width = x.shape
    rows = torch.arange(height, device=x.device) - by[:, :1]  # (B, height)
    columns = torch.arange(width, device=x.device) - by[:, 1:]  # (B, width)
    outside = ((rows < 0) | (rows >= height)).unsqueeze(2) | ((columns < 0) | (columns >= width)).unsqueeze(1)
    columns = torch.where(mirrored.unsqueeze(1), width - 1 - columns, columns)
    image = torch.arange(count, device=x.device).view(-1, 1, 1, 1)
    channel = torch.arange(channels, device=x.device).view(1, -1, 1, 1)
    rows, columns = rows.clamp(0, height - 1)[:, None, :, None], columns.clamp(0, width - 1)[:, None, None, :]
    return torch.where(outside.unsqueeze(1), black, x[image, channel, rows, columns])


def covered(x: Tensor, corner: Tensor, side: int) -> Tensor:
    """(B, C, height, width) scaled images, (B, 2) upper left corners, pixels -> the same with a square of zeros each.

    Zero is the mean of scaled data. A corner may lie outside: then the square is cut off at the edge.
    """
    rows = torch.arange(x.shape[2], device=x.device) - corner[:, :1]  # (B, height)
    columns = torch.arange(x.shape[3], device=x.device) - corner[:, 1:]  # (B, width)
    inside = ((rows >= 0) & (rows < side)).unsqueeze(2) & ((columns >= 0) & (columns < side)).unsqueeze(1)
    return x.masked_fill(inside.unsqueeze(1), 0.0)
