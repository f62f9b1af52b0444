"""Run lessons with many seeds, and show what the seed alone does to their results.

    python -m course run 13 --seeds 0-19 --jobs 2                  on this machine
    python -m course run 13 --seeds 0-19 --jobs 8 --joblib dask    on Dask's workers

Each run is a process of its own (course.machine.runs). A run that crashes, or that the system
kills because memory is short, does not stop the others. The record of each run is written to a
file of its own as soon as the run ends. The same command goes on where an earlier one ended.
"""

import contextlib
import json
import re
import signal
import sys
from concurrent.futures import BrokenExecutor

import numpy as np

import course
from course.cli.table import plain, short
from course.errors import InputError, Interrupted, Parser, whole_number
from course.files import atomic_write, path_flag, writable_folder
from course.machine import runs

MAX_SEEDS, MAX_JOBS = 100_000, 256
MAX_LETTERS = 300  # of a run's last words
MAX_ROW = 4  # numbers in a result that are shown one by one
ALONE = ("seed", "save", "save-dir", "resume", "show", "predict")  # flags that no sweep takes


def add_flags(flags):
    """Give an argparse parser the flags of a sweep; one that is not given is None."""
    add = flags.add_argument
    add("--seeds", metavar="0-19", help="with each of these seeds; or 3, or 0-4,7,10-12")
    add("--jobs", type=whole_number(1, MAX_JOBS), help="with --seeds: runs at a time (default: 1)")
    add("--joblib", metavar="BACKEND", help="with --seeds: joblib's backend (default: threading)")
    add("--results", type=path_flag, metavar="FOLDER",
        help="with --seeds: of the records (default: sweep)")  # fmt: skip


def asked(given):
    """Whether the flags ask for a sweep.

    Raises:
        InputError: some do, and others do not.
    """
    others = [name for name in ("jobs", "joblib", "results") if getattr(given, name) is not None]
    if given.seeds is None and others:
        raise InputError(f"--{others[0]} needs --seeds, as in --seeds 0-19")
    if given.seeds is not None and given.backend == "all":
        raise InputError("--seeds does not go with --backend all; name one backend")
    return given.seeds is not None


def seeds(text):
    """The seeds, each once, in the order given.

    >>> seeds("7,0-2,1")
    [7, 0, 1, 2]
    """
    found = {}
    for part in text.split(","):
        ends = re.fullmatch(r"(\d{1,10})(?:-(\d{1,10}))?", part.strip(), re.ASCII)
        first, last = (int(ends[1]), int(ends[2] or ends[1])) if ends else (1, 0)
        if not first <= last < 2**32:
            raise InputError(f"--seeds: expected 3, or 0-19, or 0-4,7,10-12, got {text!r}")
        if len(found) + last - first >= MAX_SEEDS:
            raise InputError(f"--seeds: at most {MAX_SEEDS} at a time, got {text!r}")
        found.update(dict.fromkeys(range(first, last + 1)))
    return list(found)


def sweep(lessons, given, flags):
    """Run lessons with many seeds, keep the records, and print what the seeds do.

    Args:
        lessons: their numbers.
        given: what `add_flags` parsed.
        flags: list of flags for the lessons.

    Returns:
        0 when every run gave a record and all checks hold, 1 when not.

    Raises:
        InputError: a flag that a sweep does not take, or a folder that holds other runs.
        Interrupted: Ctrl-C; what is finished is kept.
    """
    wanted = [(lesson, seed) for lesson in dict.fromkeys(lessons) for seed in seeds(given.seeds)]
    _refuse(flags)
    name, jobs = runs.known(given.joblib or "threading"), given.jobs or 1
    folder = writable_folder(given.results or "sweep", "--results")
    as_json, flags = "--json" in flags, [flag for flag in flags if flag != "--json"]
    found = Found(wanted, folder, flags)
    found.read()
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # `kill` ends it as Ctrl-C does
    try:
        if found.missing():
            runs.run_all(found.missing(), flags, found.backend, name, jobs, found.add)
    except KeyboardInterrupt:
        there = f"{len(found.records)} of {len(wanted)} runs are in {folder}"
        raise Interrupted(f"interrupted; {there}; the same command goes on") from None
    except BrokenExecutor:
        found.give_up(f"a worker of joblib's {name} was killed")
    (_print_json if as_json else _show)(found)
    return 0 if found.passed else 1


def _refuse(flags):
    alone = Parser(prog="python -m course run", add_help=False)
    for flag in ALONE:
        alone.add_argument(f"--{flag}", dest=flag, nargs="?", const=True)
    for flag, value in vars(alone.parse_known_args(flags)[0]).items():
        if value is not None:
            raise InputError(f"--{flag} does not go with --seeds")


class Found:
    """The runs of a sweep and their records.

    Attributes:
        wanted: list of (lesson, seed).
        records: {run: what --json prints, with "flags", "version" and "status"}.
        failures: {run: why it gave no record}.
    """

    def __init__(self, wanted, folder, flags):
        self.wanted, self.folder, self.backend = wanted, folder, course.pick_backend()
        self.now = {"flags": flags, "version": course.__version__}
        self.records, self.failures = {}, {}

    @property
    def passed(self):
        records = self.records.values()
        return not self.failures and all(c["passed"] for r in records for c in r["checks"])

    def of(self, lesson):
        """The records of a lesson, in the order of `wanted`."""
        return [self.records[r] for r in self.wanted if r in self.records and r[0] == lesson]

    def missing(self):
        """The runs that have no record yet, in order."""
        return [run for run in self.wanted if run not in self.records]

    def path(self, run):
        return self.folder / f"lesson{run[0]:02}_{self.backend}_seed{run[1]:04}.json"

    def read(self):
        """Read the records of an earlier sweep; damaged files are run again."""
        for run in self.wanted:
            path = self.path(run)
            try:
                record = _record(_json(path.read_bytes()), run, self.backend)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise InputError(f"cannot read {path}: {error.strerror or error}") from None
            if record is None or not self.now.keys() <= record.keys():
                continue
            for name, value in self.now.items():
                if record[name] != value:
                    raise InputError(
                        f"{path} is of other {name}, {record[name]} and not {value};"
                        " name another folder with --results"
                    )
            self.records[run] = record
        if self.records:
            _say(f"{len(self.records)} of {len(self.wanted)} were there")

    def add(self, run, status, record, said):
        """Keep the record of a run that has ended, or why it gave none.

        Raises:
            InputError: the first run refused its flags.
        """
        record = _record(record, run, self.backend) if status in (0, 1) else None
        if status == 2 and not self.records:  # the flags, which all runs have
            raise InputError(f"lesson {run[0]}, seed {run[1]}: {_words(said)}")
        if record is None:
            self.failures[run] = _why(status, said)
            told = f"no record: {self.failures[run]}"
        else:
            record = {**record, **self.now, "status": status}
            with atomic_write(self.path(run)) as part:
                part.write_text(json.dumps(plain(record)) + "\n", encoding="utf-8")
            self.records[run] = record
            good = sum(check["passed"] for check in record["checks"])
            told = f"{good} of {len(record['checks'])} checks hold, {record['seconds']:.1f} s"
        done = len(self.records) + len(self.failures)
        _say(f"{run[0]} seed {run[1]}: {told}  ({done} of {len(self.wanted)})")

    def give_up(self, why):
        """Count the runs that have no record as failed."""
        _say(f"{why}; {len(self.missing())} runs have no record; the same command goes on")
        self.failures = dict.fromkeys(self.missing(), why) | self.failures


def _say(line):
    print(line, file=sys.stderr, flush=True)


def _json(text):
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text)
    return None


def _record(found, run, backend):
    """The object where it is the record of this run, else None."""
    with contextlib.suppress(TypeError, KeyError, AttributeError, ValueError):
        whose = found["lesson"], found["seed"], found["backend"]
        _ = found["results"].items(), found["title"] + "", found["seconds"] + 0.0
        _ = [(check["name"] + "", check["passed"] + 0) for check in found["checks"]]
        return found if whose == (*run, backend) else None
    return None


def _why(status, said):
    """Why a run gave no record, in one line: how it ended, and its last words."""
    how = {None: "it could not run", 2: "bad input"}.get(status, f"it ended with status {status}")
    if status is not None and status < 0:
        with contextlib.suppress(ValueError):
            how = f"killed by {signal.Signals(-status).name}"
    if how.endswith("SIGKILL"):
        how += " (too little memory?)"
    return f"{how}: {_words(said)}" if said.strip() else how


def _words(said):
    return " ".join(said.split())[:MAX_LETTERS]


def _print_json(found):
    records = [record for lesson in _lessons(found) for record in found.of(lesson)]
    failures = [{"lesson": n, "seed": s, "why": why} for (n, s), why in found.failures.items()]
    outcome = {"passed": found.passed, "records": records, "failures": failures}
    print(json.dumps(plain(outcome), allow_nan=False))


def _lessons(found):
    return dict.fromkeys(lesson for lesson, _ in found.wanted)


def _show(found):
    """Of each lesson the numbers that all runs have, and the checks that fail."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    for lesson in _lessons(found):
        records = found.of(lesson)
        if records:
            console.print(_table(lesson, records))
        failing = {}
        for record in records:
            for check in record["checks"]:
                if not check["passed"]:
                    failing.setdefault(check["name"], []).append(str(record["seed"]))
        for name, which in failing.items():
            console.print(f"[bold red]FAILS[/] with seed {', '.join(which)}: {escape(name)}")
        if records and not failing:
            console.print(f"{len(records)} run{'s' * (len(records) > 1)}, all checks hold")
    if found.failures:
        told = ", ".join(f"{lesson} seed {seed}" for lesson, seed in found.failures)
        console.print(f"[bold red]NO RECORD[/] of {told}")


def _table(lesson, records):
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.title = f"\nLesson {lesson}: {records[0]['title']}"
    table.add_column("result", overflow="fold")
    for title in ("mean", "s", "s/√n", "smallest", "largest"):
        table.add_column(title, justify="right", no_wrap=True)
    results = [_numbers(record["results"]) for record in records]
    for name in results[0]:
        values = [found[name] for found in results if name in found]
        if len(values) == len(results):
            table.add_row(escape(name), *map(short, _spread(np.array(values, dtype="float64"))))
    return table


def _numbers(results):
    """{name: number}; a short row of numbers gives one for each place.

    >>> _numbers({"costs": [3.0, 2.0], "backend": "jax"})
    {'costs (1 of 2)': 3.0, 'costs (2 of 2)': 2.0}
    """
    numbers = {}
    for name, value in results.items():
        row = value if isinstance(value, list) else [value]
        if len(row) <= MAX_ROW and {type(x) for x in row} <= {int, float}:
            for place, x in enumerate(row, 1):
                numbers[f"{name} ({place} of {len(row)})" if len(row) > 1 else name] = x
    return numbers


def _spread(x):
    """Mean, standard deviation s, s/√n, smallest, largest."""
    s = x.std(ddof=1) if len(x) > 1 else np.nan
    return x.mean(), s, s / np.sqrt(len(x)), x.min(), x.max()
