"""Whether the backends agree: python tests/agreement.py FOLDER

FOLDER holds what the test sessions of the backends have left there, told by COURSE_RECORDS:
FOLDER/jax/03.json is what lesson 3's checks measured on JAX.
"""

import json
import sys
from pathlib import Path

import course
from course.__main__ import lessons
from course.cli.compare import agreement

ONLY_SOME = {14: {"torch"}}  # lessons with checks that a backend cannot make: several devices


def disagreements(folder, backends=course.BACKENDS):
    """What does not agree, a list of lines.

    Raises:
        FileNotFoundError: a backend's session has left no record of a lesson.
    """
    lines = []
    for number in lessons():
        read = {name: Path(folder, name, f"{number:02}.json").read_text() for name in backends}
        for row in agreement({name: json.loads(text) for name, text in read.items()}):
            missing = {*backends} - {*row["measured"]} - ONLY_SOME.get(number, set())
            if missing or not (row["agrees"] and row["passed"]):
                lines.append(
                    f"lesson {number}, {row['id']}: {row['difference']:.1e}, allowed"
                    f" {row['allowed']:.1e}" + (f"; not on {missing}" if missing else "")
                )
    return lines


if __name__ == "__main__":
    found = disagreements(sys.argv[1])
    print(*found, sep="\n")
    print(f"{len(lessons())} lessons, {', '.join(course.BACKENDS)}:", len(found), "disagreements")
    raise SystemExit(bool(found))
