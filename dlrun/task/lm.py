"""Language modelling: the next token, over one long stream of text (book 6.3, 6.4; Mikolov 2010)."""

import math
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from dlrun.data.base import Schema, Split
from dlrun.errors import UserError, did_you_mean
from dlrun.limits import PositiveInt
from dlrun.model.base import Output, State
from dlrun.task.base import Batches, StepOutput, Task, generator

COUNTED = 10_000_000  # tokens of a part at most that the baseline looks at: some 50 ms, and its third digit stays
LOOKED_AT = 1_000  # tokens in which a prompt is looked for
IGNORE = -100  # cross_entropy leaves such targets out


class Batch(NamedTuple):
    ids: Tensor  # (B, T)
    targets: Tensor  # (B, T); IGNORE past the end of the stream
    n: int  # targets that count
    fresh: bool  # the state starts anew: the first batch of a pass, or random order


class LanguageModel(Task):
    """`consecutive`: the stream lies in `batch_size` rows, read side by side; the state travels from batch to batch.

    Row r predicts its part of the stream from the token before it on, so every token but the very first is predicted
    once and perplexity is exp(total nll / tokens). More rows mean more places where the state starts from nothing.
    `random`: windows of `seq_len` tokens in random order, each with a fresh state.
    """

    baseline_answer = "each token as likely as it is frequent"

    def __init__(
        self,
        schema: Schema,
        *,
        goal: Literal["min perplexity", "min loss"],
        seq_len: PositiveInt,
        sampling: Literal["consecutive", "random"],
    ):
        super().__init__(schema)
        self.goal = goal
        if schema.vocab is None or schema.inputs != "text":
            raise UserError("task=lm needs text; pick data=ptb, jaychou_lyrics or imdb.")
        self.vocab = schema.vocab
        self.sizes = {"vocab_size": len(schema.vocab)}
        self.seq_len, self.sampling = seq_len, sampling
        self.carry: dict[
            bool, State
        ] = {}  # whether it trains -> the state after its last batch: no pass reads another's

    def batches(self, split: str, batch_size: int, *, seed: int, epoch: int, start: int = 0) -> Batches:
        stream = self.splits[split].x
        if self.sampling == "random" and split == "train":
            return self.windows(self.splits[split], batch_size, seed, epoch, start)
        return self.rows(stream, batch_size, start)

    def capacity(self) -> int:
        return max(1, (len(self.splits["train"].x) - 1) // self.seq_len)

    def to(self, device: torch.device) -> None:
        """What is mapped stays where it is, and its batches are moved one by one."""
        self.device = device
        self.splits = {name: split if split.mapped else split.to(device) for name, split in self.splits.items()}

    def rows(self, stream: Tensor, batch_size: int, start: int) -> Batches:
        """Cut out of the stream batch by batch, as that may be a file larger than memory."""
        count = len(stream) - 1  # predictions
        rows = max(1, min(batch_size, count // self.seq_len))
        length = -(-count // rows)
        begins = torch.arange(rows) * length
        first = (begins.unsqueeze(1) + torch.arange(self.seq_len + 1)).to(stream.device)

        def make(index: int) -> Batch:
            done = index * self.seq_len
            width = min(self.seq_len, length - done)
            where = first[:, : width + 1] + done
            piece = stream[where.clamp(max=count)].long()
            ids, targets = piece[:, :-1], piece[:, 1:]
            n = int((count - begins - done).clamp(0, width).sum())  # predictions the rows still have
            if n < targets.numel():
                past = where > count
                ids, targets = ids.masked_fill(past[:, :-1], 0), targets.masked_fill(past[:, 1:], IGNORE)
            return Batch(ids.to(self.device), targets.to(self.device), n, fresh=index == 0)

        return Batches(make, -(-length // self.seq_len) if count > 0 else 0, start)

    def windows(self, part: Split, batch_size: int, seed: int, epoch: int, start: int) -> Batches:
        """The book's random sampling: another offset each pass, then windows that do not overlap, shuffled.

        UserError for a text that would have no window from the last offset on.
        """
        stream = part.x
        if 2 <= len(stream) < 2 * self.seq_len:
            raise UserError(
                f"task.sampling=random with task.seq_len={self.seq_len} needs {2 * self.seq_len:,} tokens to train on, "
                f"and there are {len(stream):,}. Type task.seq_len={len(stream) // 2}, or task.sampling=consecutive"
            )
        draw = generator(seed, epoch)
        offset = int(torch.randint(self.seq_len, (1,), generator=draw))
        count = (len(stream) - 1 - offset) // self.seq_len
        kind = torch.int32 if count < 2**31 else torch.int64  # a 10 GB text has some 300 million windows
        order = torch.randperm(max(count, 0), generator=draw, dtype=kind).to(stream.device)
        within = torch.arange(self.seq_len, device=stream.device)

        def at(index: int) -> Tensor:
            return offset + order[index * batch_size : (index + 1) * batch_size].long() * self.seq_len

        def make(index: int) -> Batch:
            where = at(index).unsqueeze(1) + within
            ids, targets = (stream[each].long().to(self.device) for each in (where, where + 1))
            return Batch(ids, targets, where.numel(), fresh=True)

        batches = -(-count // batch_size) if count > 0 else 0
        return Batches(make, batches, start, lambda index: part.prefetch(at(index), self.seq_len + 1))

    def step(self, model: nn.Module, batch: Batch) -> StepOutput:
        """The model answers an `Output`; its penalty adds to the loss, not to the shown one."""
        state = None if batch.fresh else self.carry.get(model.training)
        answer: Output = model(batch.ids, state)
        self.carry[model.training] = detached(answer.state)  # cut off the graph: gradients reach back one batch
        loss = cross_entropy(answer.logits.flatten(0, 1), batch.targets.flatten(), ignore_index=IGNORE)
        total = loss if answer.penalty is None else loss + answer.penalty
        return StepOutput(total, {"loss": loss * batch.n}, batch.n)

    def report(self, means: dict[str, float]) -> dict[str, float]:
        loss = means["loss"]
        return {**means, "perplexity": math.exp(loss) if loss < 700 else math.inf}

    def baseline(self, split: str) -> dict[str, float]:
        """Unigrams: the training part's counts, one added to each."""
        words = len(self.vocab)
        train, part = (self.splits[name].x[:COUNTED].cpu() for name in ("train", split))
        if len(part) < 2:
            return {}
        counts, wanted = (torch.bincount(each, minlength=words).double() for each in (train, part[1:]))
        nats = -(wanted * ((counts + 1) / (len(train) + words)).log()).sum().item()
        return self.report({"loss": nats / (len(part) - 1)})

    def state_dict(self) -> dict[str, object]:
        return {"carry": self.carry.get(True)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.carry = {True: moved(state["carry"], self.device)}

    # text

    def prompt(self) -> str:
        """The first tokens of the training part that are all known: of an unknown one nothing is left to be read."""
        count = 2 if self.vocab.tokenization == "word" else 4
        ids = self.splits["train"].x[:LOOKED_AT].tolist()
        pieces = (ids[at : at + size] for size in range(count, 0, -1) for at in range(len(ids) - size + 1))
        text = self.vocab.text(next((each for each in pieces if self.vocab.unknown not in each), ids[:count]))
        return text.rstrip("\ufffd")  # four tokens of bytes hold a whole character and maybe a part of the next

    def shown_sample(self, model: nn.Module, seed: int) -> tuple[str, str]:
        prompt = self.prompt()
        return prompt, self.sample(model, prompt, length=100, temperature=0.8, top_k=None, seed=seed)

    @torch.no_grad()
    def sample(
        self, model: nn.Module, prompt: str, *, length: int, temperature: float, top_k: int | None, seed: int
    ) -> str:
        """`prompt` and `length` tokens; temperature 0 takes the likeliest. The global random state is left as it is."""
        tokens = self.known_tokens(prompt)
        was_training = model.training
        model.eval()
        draw = torch.Generator().manual_seed(seed)
        ids = torch.tensor([self.vocab.encode(tokens)], device=self.device)
        answer: Output = model(ids, None)
        written = []
        for _ in range(length):
            written.append(pick(answer.logits[0, -1].float().cpu(), temperature, top_k, draw))
            answer = model(torch.tensor([[written[-1]]], device=self.device), answer.state)
        model.train(was_training)
        return self.vocab.join([*tokens, *self.vocab.decode(written)])

    def known_tokens(self, prompt: str) -> list[str]:
        tokens = self.vocab.split(prompt)
        if not tokens:
            raise UserError("The prompt is empty. Type a few words of your own in quotes after the run.")
        for token in tokens:
            if token not in self.vocab.index:
                hint = did_you_mean(token, self.vocab.tokens)
                raise UserError(f"{token} is not in the vocabulary of {len(self.vocab):,}. {hint}".rstrip())
        return tokens


COLD = 1e-6  # below it logits divided by it would be infinite


def pick(logits: Tensor, temperature: float, top_k: int | None, draw: torch.Generator) -> int:
    """One token from (V,) logits."""
    if temperature < COLD:
        return int(logits.argmax())
    logits = logits / temperature
    if top_k is not None and top_k < len(logits):
        logits[logits < logits.topk(top_k).values[-1]] = -torch.inf
    return int(torch.multinomial(logits.softmax(0), 1, generator=draw))


def detached(state: State) -> State:
    if isinstance(state, Tensor):
        return state.detach()
    return tuple(detached(part) for part in state) if isinstance(state, tuple) else state


def moved(state: State, device: torch.device) -> State:
    if isinstance(state, Tensor):
        return state.to(device)
    return tuple(moved(part, device) for part in state) if isinstance(state, tuple) else state
