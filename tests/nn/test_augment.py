"""Images changed in a whole batch at once: moved, mirrored and covered, by hand and against one after the other."""

import torch

from dlrun.nn.augment import covered, moved

BLACK = torch.tensor(-2.0)


def test_moved_and_mirrored_by_hand() -> None:
    x = torch.arange(1.0, 7.0).view(1, 1, 2, 3).expand(4, 1, 2, 3)  # 1 2 3 over 4 5 6
    by = torch.tensor([[0, 0], [1, 0], [0, -2], [-1, 1]])
    mirrored = torch.tensor([True, False, False, True])
    out = moved(x, by, mirrored, BLACK)
    assert out[0, 0].tolist() == [[3, 2, 1], [6, 5, 4]]
    assert out[1, 0].tolist() == [[-2, -2, -2], [1, 2, 3]]
    assert out[2, 0].tolist() == [[3, -2, -2], [6, -2, -2]]
    assert out[3, 0].tolist() == [[-2, 6, 5], [-2, -2, -2]]


def test_moved_by_each_images_own_pixels() -> None:
    """Against one image after the other, by flip and roll."""
    x = torch.rand(20, 3, 7, 6)
    by, mirrored = torch.randint(-9, 10, (20, 2)), torch.rand(20) < 0.5
    black = torch.tensor([-1.0, -2.0, -3.0]).view(3, 1, 1)  # each channel has its own
    out = moved(x, by, mirrored, black)
    for i, (down, right) in enumerate(by.tolist()):
        expected = black.expand(3, 27, 26).clone()
        expected[:, 10 + down : 17 + down, 10 + right : 16 + right] = x[i].flip(2) if mirrored[i] else x[i]
        assert out[i].equal(expected[:, 10:17, 10:16])


def test_covered_by_hand() -> None:
    out = covered(torch.ones(3, 2, 4, 4), torch.tensor([[1, 2], [-1, -1], [3, 0]]), 2)
    assert out[0, 1].tolist() == [[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]]
    assert out[1, 0].tolist() == [[0, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]]  # cut off at the edge
    assert out[2, 0].sum() == 14


def test_one_move_for_all_will_do() -> None:
    x = torch.rand(5, 2, 4, 6)
    one = moved(x, torch.tensor([[1, -2]]), torch.tensor([True]), BLACK)
    assert one.equal(moved(x, torch.tensor([[1, -2]] * 5), torch.tensor([True] * 5), BLACK))
