"""A path over the contour lines of a function of two numbers, drawn with Pillow alone."""

import math
from collections.abc import Callable

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

Frame = tuple[float, float, float, float]  # left, right, bottom, top

FINE = 3  # everything is drawn so many times larger and then made smaller: Pillow's own lines have jagged edges
WIDTH, HEIGHT = 640 * FINE, 420 * FINE  # of the function's part
LEFT, RIGHT, ABOVE, BELOW = 58 * FINE, 18 * FINE, 58 * FINE, 50 * FINE  # room for numbers and titles
LEVELS = 14
LOW, HIGH, UNKNOWN = (38, 92, 138), (238, 244, 250), (200, 200, 200)  # colours of the bottom, of the top, of NaN
LINE, INK, GREY = (255, 255, 255), (30, 30, 30), (110, 110, 110)
PATH, END = (235, 110, 20), (200, 30, 30)


def contour(
    objective: Callable[[Tensor], Tensor], path: Tensor, frame: Frame, *, title: str, subtitle: str
) -> Image.Image:
    """A (N, 2) path on the function (..., 2) -> (...) within the frame; what leaves the frame is cut off there."""
    canvas = Image.new("RGB", (LEFT + WIDTH + RIGHT, ABOVE + HEIGHT + BELOW), "white")
    plot = landscape(objective, frame)
    draw_path(plot, path, frame)
    canvas.paste(plot, (LEFT, ABOVE))
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((LEFT, ABOVE, LEFT + WIDTH, ABOVE + HEIGHT), outline=INK, width=FINE)
    draw_axes(draw, frame)
    draw.text((LEFT, 9 * FINE), title, INK, ImageFont.load_default(18 * FINE))
    draw.text((LEFT, 34 * FINE), subtitle, GREY, ImageFont.load_default(13 * FINE))
    return canvas.resize((canvas.width // FINE, canvas.height // FINE), Image.Resampling.LANCZOS)


def landscape(objective: Callable[[Tensor], Tensor], frame: Frame) -> Image.Image:
    """The function's bands, dark where it is low, with white lines between them."""
    left, right, bottom, top = frame
    across, down = torch.linspace(left, right, WIDTH), torch.linspace(top, bottom, HEIGHT)
    x1, x2 = torch.meshgrid(across, down, indexing="xy")
    values = objective(torch.stack([x1, x2], dim=-1)).expand(HEIGHT, WIDTH)
    known = values[::7, ::7][values[::7, ::7].isfinite()]  # a part is enough to place the lines
    # Squares of fractions: a bowl holds an area that grows with the square of its radius, so its lines come out even.
    fractions = torch.linspace(0, 1, LEVELS + 1)[1:-1] ** 2
    levels = known.quantile(fractions) if len(known) else torch.zeros(LEVELS - 1)
    band = torch.bucketize(values.contiguous(), levels)
    fraction = torch.linspace(0, 1, LEVELS).unsqueeze(1)
    colours = (torch.tensor(LOW) * (1 - fraction) + torch.tensor(HIGH) * fraction).round().byte()
    pixels = colours[band]
    edge = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    for shift in range(1, FINE):  # as many pixels wide
        edge[:, shift:] |= band[:, shift:] != band[:, :-shift]
        edge[shift:] |= band[shift:] != band[:-shift]
    pixels[edge] = torch.tensor(LINE, dtype=torch.uint8)
    pixels[~values.isfinite()] = torch.tensor(UNKNOWN, dtype=torch.uint8)
    return Image.fromarray(pixels.numpy())


def draw_path(plot: Image.Image, path: Tensor, frame: Frame) -> None:
    """Lines and dots; the start is an open ring, the end a larger dot."""
    left, right, bottom, top = frame
    path = path[path.isfinite().all(1)].double()
    if not len(path):
        return
    x = (path[:, 0] - left) / (right - left) * WIDTH
    y = (top - path[:, 1]) / (top - bottom) * HEIGHT
    # Pillow's lines take no numbers of any size; a hundred frames away their direction is still the true one.
    points = [(float(a), float(b)) for a, b in zip(x.clamp(-1e5, 1e5), y.clamp(-1e5, 1e5), strict=True)]
    draw = ImageDraw.Draw(plot)
    draw.line(points, PATH, 2 * FINE, joint="curve")
    for point in points:
        draw.circle(point, 3.5 * FINE, PATH, "white", FINE)
    draw.circle(points[0], 6 * FINE, "white", PATH, 2 * FINE)
    draw.circle(points[-1], 6 * FINE, END, "white", FINE)


def draw_axes(draw: ImageDraw.ImageDraw, frame: Frame) -> None:
    left, right, bottom, top = frame
    numbers, names = ImageFont.load_default(12 * FINE), ImageFont.load_default(14 * FINE)
    for value in ticks(left, right):
        x = LEFT + (value - left) / (right - left) * WIDTH
        draw.line((x, ABOVE + HEIGHT, x, ABOVE + HEIGHT + 5 * FINE), INK, FINE)
        draw.text((x, ABOVE + HEIGHT + 8 * FINE), f"{value:g}", INK, numbers, anchor="mt")
    for value in ticks(bottom, top):
        y = ABOVE + (top - value) / (top - bottom) * HEIGHT
        draw.line((LEFT - 5 * FINE, y, LEFT, y), INK, FINE)
        draw.text((LEFT - 8 * FINE, y), f"{value:g}", INK, numbers, anchor="rm")
    draw.text((LEFT + WIDTH / 2, ABOVE + HEIGHT + BELOW - 8 * FINE), "x1", INK, names, anchor="mb")
    draw.text((8 * FINE, ABOVE + HEIGHT / 2), "x2", INK, names, anchor="lm")


def ticks(low: float, high: float) -> list[float]:
    """Four to nine round numbers, 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    apart = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.8)
    places = range(math.ceil(low / apart - 1e-9), math.floor(high / apart + 1e-9) + 1)  # -0.3 / 0.1 is above -3
    return [float(f"{number * apart:.12g}") for number in places]  # 0.6, not 0.6000000000000001
