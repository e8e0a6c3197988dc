"""Where a translation looked while it was written, as a picture: one row a word, one column a word of the sentence."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

CELL, MARGIN, FONT_SIZE = 36, 8, 15  # pixels


def drawn(weights: Tensor, source: Sequence[str], words: Sequence[str]) -> Image.Image:
    """(words, source) weights from 0, which is white, to 1, which is black (as in Bahdanau 2015, figure 3)."""
    font = ImageFont.load_default(FONT_SIZE)
    left = round(max(map(font.getlength, words))) + 2 * MARGIN
    top = round(max(map(font.getlength, source))) + 2 * MARGIN
    picture = Image.new("L", (left + CELL * len(source) + MARGIN, top + CELL * len(words) + MARGIN), 255)
    pen = ImageDraw.Draw(picture)
    for row, word in enumerate(words):
        pen.text((left - MARGIN, top + (row + 0.5) * CELL), word, fill=0, font=font, anchor="rm")
        for column, weight in enumerate(weights[row].tolist()):
            x, y = left + column * CELL, top + row * CELL
            pen.rectangle((x, y, x + CELL, y + CELL), fill=round(255 * (1 - weight)), outline=200)
    for column, word in enumerate(source):  # upwards: long words would run into each other
        label = Image.new("L", (top - 2 * MARGIN + 1, CELL), 255)
        ImageDraw.Draw(label).text((0, CELL / 2), word, fill=0, font=font, anchor="lm")
        picture.paste(label.rotate(90, expand=True), (left + column * CELL, MARGIN))
    return picture
