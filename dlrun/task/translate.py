"""Translation: a sentence in, a sentence out, word by word (book 10.9 to 10.12)."""

import math
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from dlrun import console
from dlrun.data.base import Data, Schema
from dlrun.data.fr_en import BOS, EOS, PAD
from dlrun.draw.alignment import drawn
from dlrun.errors import UserError
from dlrun.limits import Reach
from dlrun.metric import bleu
from dlrun.task.base import Batches, StepOutput, Task
from dlrun.text.beam import Translator, beam_search, greedy


class Batch(NamedTuple):
    source: Tensor  # (B, S) ids, padded to the longest of the batch
    lengths: Tensor  # (B,) of the sources, <eos> counted in
    target: Tensor  # (B, T) <bos> and the translation
    labels: Tensor  # (B, T) the translation and <eos>
    n: int  # labels that are no padding


class Translation(NamedTuple):
    text: str
    source: list[str]  # the tokens as the model saw them, <eos> at their end
    words: list[str]  # the tokens that it wrote
    score: float  # log of its chance, divided by length ** length_penalty
    weights: Tensor | None  # (tokens and <eos>, source) where it looked while it wrote; None without attention


class Translate(Task):
    """While it trains the true words before each one are given (teacher forcing), and padding does not count.

    Evaluation also translates each sentence greedily: `exact` is the fraction of those that are right word for word,
    `bleu` the mean over sentences, with k-grams of up to `bleu` words. That takes longer than the loss does.
    """

    goal = "min perplexity"

    def __init__(self, schema: Schema, *, bleu: Reach):
        super().__init__(schema)
        if schema.vocab is None or schema.target_vocab is None:
            raise UserError("task=translate needs pairs of sentences; pick data=fr_en or fra_eng.")
        self.vocab, self.target_vocab, self.order_of_bleu = schema.vocab, schema.target_vocab, bleu
        self.sizes = {"source_vocab_size": len(self.vocab), "target_vocab_size": len(self.target_vocab)}
        self.longest = schema.sizes["target_len"] + 1  # what a translation is cut off at, <eos> counted in

    def attach(self, data: Data) -> None:
        super().attach(data)
        # Measured on the CPU, once: a batch is cut to its longest sentence without waiting for the device.
        self.lengths = {
            name: [(side != PAD).sum(1) for side in (split.x, split.y) if side is not None]
            for name, split in self.splits.items()
        }

    def batches(self, split: str, batch_size: int, *, seed: int, epoch: int, start: int = 0) -> Batches:
        part, order = self.splits[split], self.order(split, seed=seed, epoch=epoch).cpu()
        x, y, (x_lengths, y_lengths) = part.x, part.y, self.lengths[split]
        assert y is not None

        def make(index: int) -> Batch:
            chosen = order[index * batch_size : (index + 1) * batch_size]
            longest = int(x_lengths[chosen].max()), int(y_lengths[chosen].max())
            rows = chosen.to(self.device)
            source, labels = x[rows, : longest[0]], y[rows, : longest[1]]
            target = torch.cat([torch.full_like(labels[:, :1], BOS), labels[:, :-1]], dim=1)
            lengths = x_lengths[chosen].to(self.device)
            return Batch(source, lengths, target, labels, int(y_lengths[chosen].sum()))

        return Batches(make, -(-len(order) // batch_size), start)

    def step(self, model: nn.Module, batch: Batch) -> StepOutput:
        logits = model(batch.source, batch.lengths, batch.target)
        loss = cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=PAD)
        return StepOutput(loss, {} if model.training else self.compared(model, batch), batch.n)

    def compared(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Sums over the sentences; `sentences` turns what the trainer makes of them, means per word, back to theirs."""
        assert isinstance(model, Translator)
        written = greedy(model, batch.source, batch.lengths, bos=BOS, eos=EOS, longest=self.longest)
        wanted = [ids[: ids.index(EOS)] for ids in batch.labels.tolist()]
        pairs = list(zip(written, wanted, strict=True))
        return {
            "exact": torch.tensor([float(ours == theirs) for ours, theirs in pairs]),
            "bleu": torch.tensor([bleu(ours, theirs, self.order_of_bleu) for ours, theirs in pairs]),
            "sentences": torch.ones(len(pairs)),
        }

    def report(self, means: dict[str, float]) -> dict[str, float]:
        loss = means["loss"]
        metrics = {"loss": loss, "perplexity": math.exp(loss) if loss < 700 else math.inf}
        for name in ("exact", "bleu") if "sentences" in means else ():
            metrics[name] = means[name] / means["sentences"]
        return metrics

    # translations

    def shown_sample(self, model: nn.Module, seed: int) -> tuple[str, str]:
        """A held-out sentence, or one of the training part, and its translation."""
        sentence, best = self.shown_translation(model)
        return sentence, f"{sentence} -> {best.text}"

    def shown_translation(self, model: nn.Module) -> tuple[str, Translation]:
        part = self.splits.get("val", self.splits["train"])
        sentence = self.vocab.text(id for id in part.x[0].tolist() if id not in (PAD, EOS))
        return sentence, self.translate(model, sentence, beam=2, length_penalty=0.75)[0]

    def pictures(self, model: nn.Module, title: str) -> dict[str, Image.Image]:
        """Where the model looked for its sample; none without attention, or when the weights are no numbers."""
        found = self.shown_translation(model)[1]
        if found.weights is None or not found.weights.isfinite().all():
            return {}
        return {"samples/attention": drawn(found.weights, found.source, [*found.words, found.source[-1]])}

    @torch.no_grad()
    def translate(self, model: nn.Module, text: str, *, beam: int, length_penalty: float) -> list[Translation]:
        """A sentence -> `beam` translations, best first. UserError for an empty one; unknown words are warned of."""
        words = self.vocab.split(text)
        if not words:
            raise UserError("The sentence is empty. Type one in quotes after the run.")
        if unknown := [word for word in words if word not in self.vocab.index]:
            console.warn(f"not in the vocabulary of {len(self.vocab):,}, read as <unk>: {', '.join(unknown)}")
        assert isinstance(model, Translator)
        was_training = model.training
        model.eval()
        source = torch.tensor([[*self.vocab.encode(words), EOS]], device=self.device)
        lengths = torch.tensor([source.shape[1]], device=self.device)
        found = beam_search(
            model,
            source,
            lengths,
            bos=BOS,
            eos=EOS,
            longest=self.longest,
            beam=beam,
            length_penalty=length_penalty,
        )
        shown = [self.vocab.text([id]) for id in source[0].tolist()]
        answers = []
        for ids, score in found:
            _, weights = model.decode(torch.tensor([[BOS, *ids]], device=self.device), *model.encode(source, lengths))
            weights = None if weights is None else weights[0].cpu()
            written = [self.target_vocab.text([id]) for id in ids]
            answers.append(Translation(self.target_vocab.text(ids), shown, written, score, weights))
        model.train(was_training)
        return answers
