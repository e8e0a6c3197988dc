"""What the kept files say, as types: `kept` decodes into them, so that nothing else has to ask what is there.

Keys that a record does not name are kept beside it. A new key is one line here.
"""

from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta

Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Value = float | None
Status = Literal["running", "completed", "interrupted", "diverged", "failed", "pruned"]


class Goal(TypedDict, total=False):
    metric: str | None
    mode: Literal["min", "max"] | None
    best: Value
    best_step: Count


class DataFacts(TypedDict, total=False):
    name: str
    source: str
    sha256: dict[str, str]


class Summary(TypedDict, total=False):
    """summary.json, as far as it is there: a job that could not begin says less."""

    status: Status
    choices: dict[str, str]
    goal: Goal
    baseline: dict[str, Value]
    metrics: dict[str, Value]
    epoch: Count
    step: Count
    parameters: Count
    duration_s: Value
    examples_per_s: object
    seed: int
    device: str
    data: DataFacts
    overrides: list[str]
    versions: dict[str, str]
    git: object  # commit, and whether files differ from it
    error: str | None


class Config(TypedDict, total=False):
    """config.yaml, as far as its shape goes; `assemble` knows what each value means."""

    seed: int
    batch_size: int
    stand_in: str
    trusted: list[str] | None
    folder: str | int
    choices: dict[str, str]
    data: dict[str, object]
    task: dict[str, object]
    model: dict[str, object]
    init: dict[str, object]
    optim: dict[str, object]
    scheduler: dict[str, object]
    trainer: dict[str, object]
    device: dict[str, object]


class Line(TypedDict):
    """One of metrics.jsonl; tags and their values stand beside these."""

    step: Count
    epoch: Count
    time_s: float


class Launcher(TypedDict, total=False):
    """`launcher:` of conf/config.yaml."""

    workers: int | None
    threads: int | None
    gpus: list[int] | None
    ignore_missing_keys: bool
    lenient: bool  # its name in version 0.1.0


class Format(TypedDict, total=False):
    """What a later version raises when an older one would misread the rest."""

    format: int


class SweepFacts(TypedDict):
    """sweep.json."""

    kind: Literal["grid", "optuna"]
    command: list[str]
    launcher: Launcher
    workers: dict[str, object]


class SweepRow(TypedDict):
    """A job in leaderboard.json."""

    rank: int | None
    job: int
    status: str
    overrides: list[str]
    metric: str | None
    mode: Literal["min", "max"] | None
    best: Value
    last: Value
    duration_s: Value
    folder: str
    error: str | None


class Spread(TypedDict):
    """A configuration in leaderboard.json, of which several jobs differ in their seed alone."""

    overrides: str
    mean: float
    std: float
    seeds: int


class Leaderboard(TypedDict):
    """leaderboard.json."""

    metric: str | None
    mode: Literal["min", "max"] | None
    common: list[str]
    jobs: list[SweepRow]
    seeds: NotRequired[list[Spread]]


class JobRecord(TypedDict):
    """A line of jobs.jsonl."""

    number: Annotated[int, Meta(ge=0, lt=10**7)]
    overrides: list[str]
    config: Config
