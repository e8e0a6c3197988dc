"""A Huffman tree over words, for hierarchical softmax (Morin & Bengio 2005; Mikolov 2013, section 2.1; book 10.2)."""

from __future__ import annotations

import heapq
from typing import NamedTuple

import torch
from torch import Tensor


class Tree(NamedTuple):
    """A word's probability is the product of sigmoid(sign * score) over the inner nodes on its path from the root.

    So a softmax over V words costs about log2 V scores, and fewer for the frequent ones.
    """

    nodes: Tensor  # (V, L) inner nodes, 0 to V - 2; 0 past a path's end
    signs: Tensor  # (V, L) 1: the path goes left, -1: right, 0: it has ended

    def to(self, device: torch.device) -> Tree:
        return Tree(self.nodes.to(device), self.signs.to(device))


def huffman(counts: Tensor) -> Tree:
    """(V,) occurrences -> the tree with the shortest expected path. A word that never occurs has no path."""
    heap = [(count, word) for word, count in enumerate(counts.tolist()) if count > 0]
    heapq.heapify(heap)
    words, parent, sign = len(counts), dict[int, int](), dict[int, int]()
    for node in range(words, words + len(heap) - 1):  # inner nodes are numbered on behind the words
        (left_count, left), (right_count, right) = heapq.heappop(heap), heapq.heappop(heap)
        parent[left] = parent[right] = node
        sign[left], sign[right] = 1, -1
        heapq.heappush(heap, (left_count + right_count, node))
    paths = [path(word, parent, sign) for word in range(words)]
    longest = max(len(each) for each in paths)
    padded = torch.tensor([each + [(words, 0)] * (longest - len(each)) for each in paths])  # (V, L, 2)
    return Tree(padded[..., 0] - words, padded[..., 1])


def path(word: int, parent: dict[int, int], sign: dict[int, int]) -> list[tuple[int, int]]:
    """(inner node, sign) from the root down to a word."""
    steps = []
    while word in parent:
        steps.append((parent[word], sign[word]))
        word = parent[word]
    return steps[::-1]
