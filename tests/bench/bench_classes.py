"""Classes of learners, one after another: all verdicts right, and nothing left behind.

    KERAS_BACKEND=jax python tests/bench/bench_classes.py [--classes 20] [--learners 30]
    KERAS_BACKEND=jax python tests/bench/bench_classes.py --classes 1 --plain

A backend may fork its learners (`course.grading.nursery.BACKENDS`) while twenty classes end clean.
Every learner's model is built and evaluated, and every fifth learner's process dies on the way.
`--plain` imports Keras for each learner. The seconds are of processor time.
"""

import argparse
import contextlib
import csv
import io
import resource
import tempfile
from pathlib import Path

import psutil

import course
from course.grading import check, grades, nursery, sources
from course.grading.exercise import FAIL, PASS

LESSON, MODEL, DIES = 3, "build_model", "gradient"


def learners_file(dies):
    text = sources.learners_file(LESSON, "en")
    solved = sources.solved(LESSON, "en")
    start = solved.index(f"def {MODEL}(")
    text += "\n\n" + solved[start : solved.index("\n\n\n", start)] + "\n"
    if dies:
        text += f"\n\ndef {DIES}(*arguments):\n    import os\n    os._exit(3)\n"
    return text


def still_there():
    """The processes of graders and learners, and what nobody has waited for."""
    found = []
    for each in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found.append((each.pid, each.status()))
    return found


def spent():
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def main():
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--classes", type=int, default=20)
    flags.add_argument("--learners", type=int, default=30)
    flags.add_argument("--jobs", type=int, default=2)
    flags.add_argument("--plain", action="store_true", help="import Keras for each learner")
    given = flags.parse_args()
    nursery.BACKENDS = () if given.plain else course.BACKENDS
    with tempfile.TemporaryDirectory() as folder:
        learners, table = Path(folder, "class"), Path(folder, "grades.csv")
        for number in range(given.learners):
            path = learners / f"{number:03}" / sources.file_name(LESSON)
            path.parent.mkdir(parents=True)
            path.write_text(learners_file(number % 5 == 4), encoding="utf-8")
        for one in range(1, given.classes + 1):
            before = spent()
            with contextlib.redirect_stdout(io.StringIO()):
                grades.collect(learners, table, check.LIMITS, given.jobs)
            with table.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file))
            for number, row in enumerate(rows):
                assert row[f"{LESSON}.{MODEL}"] == PASS, row
                assert (row[f"{LESSON}.{DIES}"] == FAIL) == (number % 5 == 4), row
            assert len(rows) == given.learners
            assert still_there() == []
            which = f"{course.backend}: class {one} of {given.classes}"
            print(f"{which} is clean, {spent() - before:.0f} s of processor time", flush=True)


if __name__ == "__main__":
    main()
