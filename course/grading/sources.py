"""The exercises' sources: one file per lesson, from which the learner's file comes.

`course/exercises/lesson03.py` holds solved functions and, below the line CHECKS, the list TASKS
that says how each is checked. The learner's file is what stands above that line, in one language,
without the marked parts:

- a docstring's English ends where a line `zh:` begins the Chinese;
- from `# solution` to `# end`, or to the end of the function, stands the solution. The
  learner gets `raise NotImplementedError` instead, or the lines that begin with `# given: `.

Everything here but `tasks` works without Keras.
"""

import ast
import functools
import importlib.util
import os
import re
import threading
from pathlib import Path

import course
from course.errors import InputError, need_backend
from course.grading.exercise import SEED, say

# COURSE_EXERCISES names a folder of one's own exercises.
FOLDER = Path(os.environ.get("COURSE_EXERCISES") or Path(course.__file__).parent / "exercises")
PARSING = threading.Lock()
CHECKS = "# --- checks ---"
TAG = re.compile(r"^# lesson (\d{1,3}), (en|zh):", re.MULTILINE)
FILE_NAME = re.compile(r"exercise[ _-]?0*(\d{1,3})(?!\d)", re.IGNORECASE)
CHINESE = re.compile(r"\n *zh:\n")
HAN = re.compile("[\u4e00-\u9fff]")
DOCSTRING = re.compile(r'"""(.*?)"""', re.DOTALL)
SOLUTION = re.compile(
    r"^( *)# solution\n((?:\1.*\n|[ ]*\n)*?)(?:\1# end\n|(?=(?!\1| *\n))|\Z)", re.M
)


def lessons():
    """The numbers of the lessons that have exercises."""
    return sorted(int(path.stem[-2:]) for path in FOLDER.glob("lesson[0-9][0-9].py"))


@functools.cache
def source(lesson):
    """The solved file, English and Chinese, without the checks.

    Raises:
        InputError: the lesson has no exercises.
    """
    if lesson not in lessons():
        known = ", ".join(map(str, lessons()))
        raise InputError(f"there are no exercises for lesson {lesson}; there are for {known}")
    text = (FOLDER / f"lesson{lesson:02}.py").read_text(encoding="utf-8")
    return text.partition(CHECKS)[0].rstrip() + "\n"


def solved(lesson, language):
    """The solved file in one language, marks taken out."""
    text = _in_language(source(lesson), language)
    return re.sub(r"^ *# (?:solution|end|given: .*)\n", "", text, flags=re.MULTILINE)


def learners_file(lesson, language):
    """The file a learner starts from.

    Args:
        lesson: its number.
        language: "en" or "zh".

    Raises:
        InputError: the lesson has no exercises.
    """
    text = SOLUTION.sub(_taken_out, _in_language(source(lesson), language))
    text = re.sub(r'"""\n\n( +raise)', r'"""\n\1', text).rstrip() + "\n"
    head, quotes, rest = text.partition('"""\n')
    command = f"python -m course check {file_name(lesson)}"
    told = say(language, "this line tells the course which file it is", "课程靠这一行认出这个文件")
    tag = f"\n# lesson {lesson}, {language}: {told}\n"
    how = say(
        language,
        f"Check your work:  {command}\n"
        f"Before each exercise the check calls keras.utils.set_random_seed({SEED}): the same file\n"
        "always gets the same answer. np.random.default_rng() needs a seed of its own.",
        f"检查：{command}\n"
        f"每道题之前，检查都会调用 keras.utils.set_random_seed({SEED})：同一个文件结果总是一样。\n"
        "np.random.default_rng() 需要自己给种子。",
    )
    return f"{head}\n{how}\n{quotes}{tag}{rest}"


def file_name(lesson):
    return f"exercise{lesson:02}.py"


def _taken_out(match):
    indent, block = match.groups()
    given = [line.partition("# given: ")[2] for line in block.splitlines() if "# given: " in line]
    blanks = re.search(r"\n*\Z", block)[0][1:]
    return "".join(f"{indent}{line}\n" for line in given or ["raise NotImplementedError"]) + blanks


def _in_language(text, language):
    def choose(match):
        english, chinese = _split(match[1])
        if not chinese:
            return match[0]
        indent = re.search(r"\n( *)\Z", match[1])
        end = f"\n{indent[1]}" if indent and "\n" in say(language, english, chinese) else ""
        return f'"""{say(language, english, chinese)}{end}"""'

    return DOCSTRING.sub(choose, text)


def _split(docstring):
    """(English, Chinese)."""
    parts = CHINESE.split(docstring, maxsplit=1)
    chinese = parts[1].strip() if len(parts) > 1 else ""
    return parts[0].rstrip(), chinese


def named(stem):
    """The lesson that a file's name speaks of, or None."""
    found = FILE_NAME.search(stem)
    return int(found[1]) if found else None


def meant(stem, text):
    """(lesson, language) of a learner's file, or None where it is no exercise.

    Where the line that says it is gone, its name does, if a function of that lesson is in it.

    Args:
        stem: the file's name without its suffix.
        text: what it holds.
    """
    tag, lesson = TAG.search(text), named(stem)
    if tag:
        return int(tag[1]), tag[2]
    if lesson in lessons() and any(f"def {name}(" in text for name in names(lesson)):
        return lesson, "zh" if HAN.search(text) else "en"
    return None


def parsed(text):
    """The syntax tree; Python 3.11 fails now and then where two threads make one at a time."""
    with PARSING:
        return ast.parse(text)


def names(lesson):
    """The exercises' names in order, read without importing anything."""
    text = source(lesson)
    tree = parsed(text)
    lines = text.splitlines()
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(line.strip() == "# solution" for line in lines[node.lineno : node.end_lineno])
    ]


def wording(lesson, name, language):
    """An exercise's docstring in one language."""
    tree = parsed(_in_language(source(lesson), language))
    (node,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)
    return ast.get_docstring(node)


@functools.cache
def tasks(lesson):
    """The lesson's TASKS; the course's own import Keras.

    Raises:
        InputError: there is no backend for it.
    """
    course.import_quietly(need_backend())
    path = FOLDER / f"lesson{lesson:02}.py"
    spec = importlib.util.spec_from_file_location(f"course.exercises.{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.TASKS


def untouched(text, lesson, language):
    """The names of the exercises that are still as they were given.

    Args:
        text: the learner's file; it must be Python.
    """
    given = _bodies(learners_file(lesson, language))
    mine = _bodies(text)
    return {name for name in names(lesson) if mine.get(name) == given[name]}


def _bodies(text):
    """{name: what each function does}, whatever its docstring, comments and blanks."""
    found = {}
    for node in parsed(text).body:
        if isinstance(node, ast.FunctionDef):
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:]
            found[node.name] = ast.dump(node)
    return found
