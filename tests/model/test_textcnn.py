"""Convolutions over words: the strongest answer in the text, and Kim's second channel, which stays as it began."""

import torch
from models import CLASSES, V, textcnn, texts
from torch.nn.functional import relu

from dlrun.model.textcnn import TextCNN


def test_it_is_a_maximum_over_the_text() -> None:
    """One filter of one word: the answer is the largest of the words' own, or 0."""
    model = TextCNN(V, 1, embed=4, kernel_sizes=[1], channels=1, multichannel=False, dropout=0.0).eval()
    with torch.no_grad():
        model.output.weight.fill_(1)
        model.output.bias.zero_()
        each = model(torch.arange(V).unsqueeze(1), torch.ones(V, dtype=torch.long))
        assert len(each.unique()) > 2
        ids, lengths = texts()
        for row, length in enumerate(lengths.tolist()):
            torch.testing.assert_close(model(ids, lengths)[row], each[ids[row, :length]].amax(0))


def test_a_text_shorter_than_a_filter_goes_on_with_zeros() -> None:
    """The filter of 12 words at the start of a text of two: the weights of two words, and the bias."""
    torch.manual_seed(0)
    model, ids = textcnn(kernel_sizes=[12], channels=5), torch.tensor([[3, 8, 0, 0, 0]])
    filters = model.filters[0]
    x = model.embedding.weight[ids[0, :2]].T  # (D, 2)
    strongest = relu((filters.weight[:, :, 0, :2] * x).sum((1, 2)) + filters.bias)
    torch.testing.assert_close(model(ids, torch.tensor([2]))[0], model.output(strongest))


def test_the_second_channel_stays_as_it_began() -> None:
    model = textcnn(multichannel=True)
    assert model.constant is not None and model.constant.equal(model.embedding.weight)
    assert model.embedding_tables() == [model.embedding.weight, model.constant]
    assert "constant" in model.state_dict() and "constant" not in dict(model.named_parameters())
    first, optim = model.constant.clone(), torch.optim.SGD(model.parameters(), lr=1.0)
    model(*texts()).sum().backward()
    optim.step()
    assert model.constant.equal(first) and not model.embedding.weight.equal(first)


def test_parameters() -> None:
    """D = 7, five filters of 2, 3 and 12 words; of two channels each filter sees 2 D numbers of a word."""
    for channels, multichannel in ((1, False), (2, True)):
        filters = 5 * (2 + 3 + 12) * 7 * channels + 3 * 5
        count = sum(each.numel() for each in textcnn(multichannel=multichannel).parameters())
        assert count == V * 7 + filters + 15 * CLASSES + CLASSES
