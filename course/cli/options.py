"""What a lesson's `run` is told: seed, budget, precision, data; and which lesson takes what."""

from dataclasses import dataclass, field

from course import data as course_data
from course.errors import InputError


@dataclass(frozen=True)
class Options:
    """What the command line passes to a lesson; None means the lesson's own value.

    Attributes:
        seed: of all random numbers.
        steps, epochs: how long to train.
        quick: a smaller budget.
        dtype: of the Keras model.
        data: a set of images: "mnist" or an archive's name.
        table: a table of the user's own, a `course.data.Table`.
        patience: epochs without a better validation cost after which training stops.
        save, resume: a model's file, a checkpoint's folder.
        predict, model: pictures to be read, and the model that is to read them.
        processes, process, address, wait: for several machines; see `course.machine.cluster`.
    """

    seed: int = 0
    steps: int | None = None
    epochs: int | None = None
    quick: bool = False
    dtype: str = "float64"
    data: str | None = None
    table: course_data.Table | None = None
    patience: int | None = None
    save: str | None = None
    resume: str | None = None
    predict: tuple = ()
    model: str | None = None
    processes: int | None = None
    process: int | None = None
    address: str | None = None
    wait: int = 60


@dataclass(frozen=True)
class Takes:
    """What a lesson takes.

    Attributes:
        budget: "epochs" or "steps", by which it measures its training.
        table: whether --data and --target name a table of one's own.
        images: whether --data names a set of images.
        dtype: of its Keras models, unless told.
        training: whether its network can be kept, resumed and asked about pictures.
        machines: whether several machines can train it together.
        steps: help for --steps, where the usual one does not hold.
        constants: flags that set a constant of the page, {flag: constant}.
    """

    budget: str = "steps"
    table: bool = False
    images: bool = False
    dtype: str = "float64"
    training: bool = False
    machines: bool = False
    steps: str = "how long to train"
    constants: dict = field(default_factory=dict)


RATE = {"learning-rate": "LEARNING_RATE"}
BATCH = {"batch-size": "BATCH_SIZE"}
MOMENTUM = {"momentum": "MOMENTUM"}
HIDDEN = {"hidden": "HIDDEN"}
ALPHA = {"alpha": "ALPHA"}
LESSONS = {
    1: Takes(),
    2: Takes("epochs", constants=RATE),
    3: Takes(table=True, constants=RATE),
    4: Takes("epochs", constants={**RATE, **BATCH}),
    5: Takes(constants={"learning-rate": "LEARNING_RATES"}),
    6: Takes(constants={**RATE, **MOMENTUM}),
    7: Takes(constants={**HIDDEN, **RATE}),
    8: Takes(table=True, constants={**RATE, **MOMENTUM, **ALPHA}),
    9: Takes(table=True, constants={**RATE, **ALPHA}),
    10: Takes(table=True, steps="how many α"),
    11: Takes("epochs", images=True, dtype="float32", training=True,
              constants={**RATE, **MOMENTUM, **BATCH}),
    12: Takes("epochs", images=True, dtype="float32"),
    13: Takes("epochs", images=True, constants={**HIDDEN, **RATE, **MOMENTUM, **BATCH}),
    14: Takes("epochs", images=True, dtype="float32", machines=True),
}  # fmt: skip


def make(lesson, *, target=None, **given):
    """The `Options` of a lesson.

    Args:
        lesson: its number.
        target: the column of a table `data` that is to be predicted.
        given: attributes of `Options`.

    Raises:
        InputError: the table cannot be read, or its target is not named.

    >>> make(11, quick=True).dtype
    'float32'
    """
    takes = LESSONS[lesson]
    given = {"dtype": takes.dtype, **given}
    if takes.table:
        source = given.pop("data", None)
        if source is None and target is not None:
            raise InputError("--target needs --data FILE.csv")
        if source is not None:
            given["table"] = course_data.load_table(source, target)
    return Options(**given)
