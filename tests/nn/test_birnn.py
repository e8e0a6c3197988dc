"""Reading padded texts from both sides gives what torch's packed sequences give."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dlrun.model.rnn import BiRNN


def test_equals_torchs_packed_sequences_with_its_weights() -> None:
    torch.manual_seed(0)
    theirs = nn.LSTM(6, 5, num_layers=2, batch_first=True, bidirectional=True)
    ours = BiRNN(nn.LSTM, 6, 5, layers=2, dropout=0.0)
    for layer in range(2):
        for module, suffix in ((ours.from_left[layer], ""), (ours.from_right[layer], "_reverse")):
            for name, parameter in module.named_parameters():
                parameter.data.copy_(getattr(theirs, name.replace("_l0", f"_l{layer}{suffix}")))
    x, lengths = torch.randn(4, 9, 6), torch.tensor([9, 1, 4, 7])
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(theirs(packed)[0], batch_first=True, total_length=9)
    found = ours(x, lengths)
    for text, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(found[text, :length], expected[text, :length])
