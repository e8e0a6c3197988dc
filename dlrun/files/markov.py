"""A made-up language whose entropy is known: the stand-in of every text dataset."""

import math
import random
from collections.abc import Iterator, Sequence

NEXT = (0.5, 0.25, 0.125, 0.125)  # the chances of a token's four successors


class Chain:
    """After each token the line ends with chance `end`, otherwise one of four fixed successors follows.

    A line begins with one of four tokens, all alike. So the next token depends on the last one only, and the best
    possible perplexity per token, line ends counted in, is exp(entropy).
    """

    def __init__(self, tokens: Sequence[str], *, end: float):
        self.tokens, self.end = list(tokens), end
        draw = random.Random(0)
        self.successors = {}
        for token, follower in zip(self.tokens, [*self.tokens[1:], self.tokens[0]], strict=True):
            others = [other for other in self.tokens if other != follower]
            self.successors[token] = [*draw.sample(others, len(NEXT) - 1), follower]  # so that each token is reached
        self.first = draw.sample(self.tokens, len(NEXT))

    @property
    def entropy(self) -> float:
        """Nats per token. A fraction e / (1 + e) of all tokens are line ends, after which log 4 is to be known."""
        end, go_on = self.end, 1 - self.end
        after_token = -end * math.log(end) - sum(go_on * p * math.log(go_on * p) for p in NEXT)
        return (after_token + end * math.log(len(NEXT))) / (1 + end)

    def lines(self, count: int, *, seed: int) -> Iterator[list[str]]:
        draw = random.Random(seed)
        for _ in range(count):
            line = [draw.choice(self.first)]
            while draw.random() >= self.end:
                line.append(draw.choices(self.successors[line[-1]], NEXT)[0])
            yield line
