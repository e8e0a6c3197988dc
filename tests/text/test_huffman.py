"""The Huffman tree: codes that are prefix-free and shortest, and probabilities that sum to one."""

import heapq

import pytest
import torch
from torch import Tensor

from dlrun.text.huffman import huffman

COUNTS = torch.tensor([5, 9, 0, 12, 13, 16, 45, 1, 1])


def codes(counts: Tensor) -> dict[int, str]:
    tree = huffman(counts)
    return {
        word: "".join("0" if sign > 0 else "1" for sign in tree.signs[word].tolist() if sign)
        for word in range(len(counts))
    }


def test_codes_are_prefix_free_and_shortest() -> None:
    found = codes(COUNTS)
    assert found.pop(2) == ""  # never occurs
    ordered = sorted(found.values())
    assert all(not b.startswith(a) for a, b in zip(ordered, ordered[1:], strict=False))
    assert sum(2.0 ** -len(code) for code in found.values()) == 1  # Kraft: no code is wasted
    heap, cost = [count for count in COUNTS.tolist() if count], 0
    heapq.heapify(heap)
    while len(heap) > 1:  # the least expected length is the sum of all merges
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        cost += merged
        heapq.heappush(heap, merged)
    assert sum(int(COUNTS[word]) * len(code) for word, code in found.items()) == cost


def test_tree_probabilities_sum_to_one() -> None:
    torch.manual_seed(0)
    tree, scores = huffman(COUNTS), torch.randn(len(COUNTS))
    assert int(tree.nodes.max()) < (COUNTS > 0).sum() - 1  # inner nodes fit into the output table
    assert int(tree.nodes.min()) == 0
    log_p = (torch.nn.functional.logsigmoid(tree.signs * scores[tree.nodes]) * tree.signs.abs()).sum(1)
    assert log_p[COUNTS > 0].exp().sum().item() == pytest.approx(1, abs=1e-6)


def test_a_tree_by_hand() -> None:
    """Of 1, 2 and 4: the two rarest under one node, that and the frequent one under the root."""
    tree = huffman(torch.tensor([4, 1, 2]))
    assert tree.nodes.tolist() == [[1, 0], [1, 0], [1, 0]]
    assert tree.signs.tolist() == [[-1, 0], [1, 1], [1, -1]]


def test_any_counts_make_a_code_that_wastes_nothing() -> None:
    draw = torch.Generator().manual_seed(0)
    for size in (2, 3, 17, 200):
        found = codes(torch.randint(1, 1000, (size,), generator=draw))
        assert sum(2.0 ** -len(code) for code in found.values()) == 1
