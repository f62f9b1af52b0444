"""Watch the process in which a learner's code runs, and hear what it tells."""

import re
import time
from dataclasses import dataclass

from course.grading import copies
from course.machine.processes import TICK

START = 300  # seconds that importing Keras may take, on a busy machine
LOOK = 0.5  # seconds between two looks at all processes and the whole folder, which take time
MAX_PRINTED = 2**20  # bytes


# A terminal's codes, and other control characters.
NOT_TEXT = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text):
    """What a learner's code says, without what would steer a terminal, or is overwritten there.

    >>> plain("1/9\\r9/9 \\x1b[32mdone\\x1b[0m")
    '9/9 done'
    """
    lines = text.replace("\r\n", "\n").split("\n")
    return NOT_TEXT.sub("", "\n".join(line.split("\r")[-1] for line in lines))


@dataclass(frozen=True)
class Limits:
    """Of each exercise.

    Attributes:
        seconds: that it may take.
        memory: bytes that it may take beside Keras's own.
    """

    seconds: float = 60
    memory: int = 2 * 2**30


class Watch:
    """One process over a learner's exercises.

    Args:
        child: a `course.machine.processes.Child` that runs `course.grading.child`.
        limits: a `Limits`.
        place: the folder to which the learner's code writes.

    Attributes:
        states: {exercise: (state, message)} of those that have ended.
        doing: the exercise under way; "" while the file is imported; None between exercises.
    """

    def __init__(self, child, limits, place):
        self.child, self.limits, self.place = child, limits, place
        self.states, self.doing = {}, None
        self.last = None  # the kind of the last record
        self.began = time.monotonic()  # when it came
        self.memory = 0  # bytes, Keras's own
        self.looked = 0.0

    def hear(self):
        """Take in what the process has told since the last call."""
        for record in self.child.records():
            if self.last is None:
                self.memory = self.child.memory()
            self.last, self.began = next(iter(record)), time.monotonic()
            if self.last == "begin":
                self.doing = record["begin"]
            elif self.last == "end":
                self.states[record["end"]] = record["state"], plain(record["message"])
                self.doing = None

    def until_it_ends(self, stop):
        """Wait until the process ends or breaks a limit, or until `stop` is set.

        Returns:
            the limit that it broke, (English, Chinese), or None.
        """
        while not self.child.wait(TICK) and not stop.is_set():
            self.hear()
            broken = self._time() or self._output() or self._memory_and_disk()
            if broken:
                return broken
        return None

    def _time(self):
        took = time.monotonic() - self.began
        # Keras's import, and the look at an answer, are not the learner's time.
        if self.last in (None, "returned"):
            if took > START:
                return f"the check itself took more than {START} s", f"检查本身超过了 {START} 秒"
        elif took > self.limits.seconds:
            seconds = f"{self.limits.seconds:g}"
            return (
                f"not done after {seconds} s: a loop without end?",
                f"{seconds} 秒之后还没有结束：是不是死循环？",
            )
        return None

    def _output(self):
        if self.child.size <= MAX_PRINTED:
            return None
        most = f"{MAX_PRINTED >> 20} MiB"
        return f"it prints more than {most}", f"打印的内容超过 {most}"

    def _memory_and_disk(self):
        whole = time.monotonic() - self.looked > LOOK
        if self.last and self.child.memory(tree=whole) - self.memory > self.limits.memory:
            most = f"{self.limits.memory / 2**30:.3g} GiB"
            return f"it takes more memory than the {most} allowed", f"占用的内存超过了允许的 {most}"
        if not whole:
            return None
        self.looked = time.monotonic()
        if copies.fills(self.place):
            most = f"{copies.MAX_WRITTEN >> 20} MiB"
            return (
                f"it writes more than {most}, or {copies.MAX_ENTRIES} files",
                f"写入超过 {most}，或超过 {copies.MAX_ENTRIES} 个文件",
            )
        return None
