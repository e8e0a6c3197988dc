"""What would be read, as a record of plain values: counted in the tensors, and told by what the reader has seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from dlrun import memory
from dlrun.config import assemble, catalogue
from dlrun.config.assemble import RunSpec
from dlrun.data import table
from dlrun.data.base import Data, Schema, Split
from dlrun.describe.examples import examples_of
from dlrun.describe.measure import Class, Number, classes_of, columns_of, numbers_of, twice_in
from dlrun.describe.survey import survey
from dlrun.describe.tokens import Tokens, counted, frequent, lengths
from dlrun.errors import DlrunError, RunFailed
from dlrun.run import blame
from dlrun.tabular.columns import Seen
from dlrun.tabular.targets import Likely


@dataclass
class Part:
    """One of train, val and test. `unknown`: how many of its tokens the vocabulary does not have."""

    examples: int
    tokens: int | None = None
    unknown: int | None = None


@dataclass
class Description:
    """Everything that is known of a dataset; what its kind does not have is empty or None.

    `source`: upstream, stand-in, generated or own. `models`: task -> the models that fit, the home model first.
    `twice`: part held out -> examples of it that are trained on as well. `targets`: of a table whose target was not
    named, each column that would do and its task, `likeliest` one of them; `texts` are its columns of sentences.
    """

    data: str
    source: str
    inputs: str
    task: str | None
    parts: dict[str, Part]
    said: tuple[str, ...] = ()
    note: str = ""
    target: str | None = None
    columns: list[Seen] = field(default_factory=list)
    classes: list[Class] = field(default_factory=list)
    numbers: list[Number] = field(default_factory=list)
    tokens: list[Tokens] = field(default_factory=list)
    shape: dict[str, int] = field(default_factory=dict)  # of a picture: channels, height, width
    pictures: dict[str, list[int]] = field(
        default_factory=dict
    )  # [height, width] of the smallest, largest in the files
    twice: dict[str, int] | None = None
    examples: list[dict[str, str]] = field(default_factory=list)
    targets: dict[str, str] = field(default_factory=dict)
    likeliest: Likely | None = None
    texts: list[str] = field(default_factory=list)
    models: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_stream(self) -> bool:
        """One long text, of which there are no examples to count."""
        return self.inputs == "text" and all(part.examples == 1 for part in self.parts.values())

    def values(self) -> dict[str, object]:
        return asdict(self) | {"likeliest": self.likeliest and self.likeliest._asdict()}


def describe(spec: RunSpec, *, replaceable: bool) -> Description:
    """UserError and DataError as of a run; what else the user's own reader raises becomes RunFailed."""
    if spec.data.target is table.load and spec.data.options["target"] is None:
        return without_target(spec)
    try:
        with memory.watched(f"The data ({assemble.sizes_of(spec.data)})"):
            data, facts = assemble.load_data(spec, replaceable=replaceable)
        sizes = set(spec.task(schema=data.schema).sizes)
    except DlrunError:
        raise
    except Exception as error:
        if place := blame.own_place(error, spec.trusted):
            raise RunFailed(f"{place}: {type(error).__name__}: {blame.first_line(error)}") from error
        raise
    return described(data, facts, spec, sizes)


def without_target(spec: RunSpec) -> Description:
    """A table's columns, and which of them would do as its target."""
    path, encoding = (spec.data.options[key] for key in ("path", "encoding"))
    assert isinstance(path, str | None) and isinstance(encoding, str | None)
    found = survey(path, encoding)
    rows = {"all": Part(found.rows)}
    return Description(
        found.path.name,
        "own",
        "table",
        None,
        rows,
        said=found.told,
        columns=list(found.overview.columns),
        examples=list(found.overview.examples),
        targets=found.targets,
        likeliest=found.likeliest,
        texts=list(found.texts),
        models={
            task: models(spec, task, catalogue.offers("table", task)) for task in sorted({*found.targets.values()})
        },
    )


def described(data: Data, facts: dict[str, object], spec: RunSpec, sizes: set[str]) -> Description:
    schema, overview = data.schema, data.overview
    splits = {"train": data.train, "val": data.val, "test": data.test}
    there = {name: split for name, split in splits.items() if split is not None}
    made = Description(
        str(facts["name"]),
        str(facts["source"]),
        schema.inputs,
        spec.config["choices"]["task"],
        {name: Part(len(split)) for name, split in there.items()} if schema.inputs != "function" else {},
        said=data.said,
        note=data.note,
        target=schema.target,
        columns=columns_of(data),
        twice=overview.twice if overview.twice is not None else twice_in(there, schema),
        examples=list(overview.examples) or examples_of(data.train, schema),
        models=models_of(spec, schema, sizes),
    )
    if schema.inputs == "image":
        made.shape = {name: schema.sizes[name] for name in ("in_channels", "height", "width")}
        made.pictures = dict(zip(("smallest", "largest"), map(list, overview.pictures), strict=False))
    if schema.targets == "class":
        made.classes = classes_of(there, schema)
    if schema.targets == "number":
        made.numbers = numbers_of(there, schema)
    if schema.vocab:
        count_tokens(made, there, schema)
    return made


def count_tokens(made: Description, splits: dict[str, Split], schema: Schema) -> None:
    """Vocabularies with their most frequent tokens, lengths of texts, and each part's tokens and unknown ones."""
    vocabs = [schema.vocab, *([schema.target_vocab] if schema.inputs == "pair" else [])]
    for side, vocab in enumerate(vocabs):
        assert vocab is not None
        counts = {name: counted(split, side, schema, len(vocab)) for name, split in splits.items()}
        unit = {"word": "words", "char": "characters", "bpe": "byte pairs"}[vocab.tokenization]
        of = ("source", "target")[side] if len(vocabs) > 1 else "text"
        made.tokens.append(
            Tokens(unit, len(vocab), frequent(counts["train"], vocab), of, lengths(splits["train"], side, schema))
        )
        for name, found in counts.items():
            part = made.parts[name]
            part.tokens = (part.tokens or 0) + int(found.sum())
            if vocab.unknown is not None:
                part.unknown = (part.unknown or 0) + int(found[vocab.unknown])


def models_of(spec: RunSpec, schema: Schema, sizes: set[str]) -> dict[str, list[str]]:
    """Those of the task that was chosen, by the sizes it has measured; of texts those of other tasks as well."""
    data, task = (spec.config["choices"][group] for group in ("data", "task"))
    found = {task: sizes}
    if schema.inputs == "text" and data in catalogue.choices("data"):
        found |= {other: catalogue.offers(data, other) for other in catalogue.choices("task") if other != task}
    named = {each: models(spec, each, offered) for each, offered in found.items() if offered}
    return {each: fitting for each, fitting in named.items() if fitting}


def models(spec: RunSpec, task: str, sizes: set[str]) -> list[str]:
    """The home model first; those that bring another task along are left out."""
    data = spec.config["choices"]["data"]
    own = data in catalogue.choices("data") and catalogue.home_model(data, task)
    homes = {name: catalogue.home(name) for name in catalogue.fitting(sizes)}
    fitting = [name for name, home in homes.items() if home.get("task", task) == task]
    return sorted(fitting, key=lambda name: name != own and homes[name].get("data") != data)
