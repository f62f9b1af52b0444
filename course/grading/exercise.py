"""Exercises: one source per lesson, from which the learner's file and the checks come.

`course/exercises/lesson03.py` holds solved functions and, below the line CHECKS, a list
TASKS that says how each is checked. The learner's file is what stands above that line, in
one language, with the marked parts taken out:

- a docstring's English ends where a line `zh:` begins the Chinese;
- from `# solution` to `# end`, or to the end of the function, stands the solution. The
  learner gets `raise NotImplementedError` for it, or the lines that begin with `# given: `.

Everything here but `judge` works without Keras.
"""

import ast
import copy
import functools
import importlib
import inspect
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

import numpy as np

import course
from course.errors import InputError

FOLDER = Path(course.__file__).parent / "exercises"
CHECKS = "# --- checks ---"
LANGUAGES = ("en", "zh")
KINDS = ("line", "predict", "bug", "model", "baseline", "free")
PASS, FAIL, NOT_YET = "pass", "fail", "not yet"
TAG = re.compile(r"^# lesson (\d{1,3}), (en|zh):", re.MULTILINE)
UNCOMPILED = (
    "the model is not compiled: call model.compile(...) before returning it",
    "模型还没有编译：返回之前请调用 model.compile(...)",
)
CHINESE = re.compile(r"\n *zh:\n")
DOCSTRING = re.compile(r'"""(.*?)"""', re.DOTALL)
SOLUTION = re.compile(
    r"^( *)# solution\n((?:\1.*\n|[ ]*\n)*?)(?:\1# end\n|(?=(?!\1| *\n))|\Z)", re.M
)


@dataclass(frozen=True, eq=False)
class Mistake:
    """A common mistake.

    Attributes:
        wrong: takes the solution's arguments and returns what the mistake gives.
        en, zh: what the mistake is, in a sentence that teaches.
        matches: `matches(result, *arguments) -> bool`, where equal numbers don't tell.
    """

    wrong: Callable
    en: str
    zh: str
    matches: Callable | None = None


def as_it_is(result, *arguments):
    return result


@dataclass(frozen=True, eq=False)
class Task:
    """One exercise.

    Attributes:
        solution: the solved function.
        kind: one of KINDS.
        hint: (English, Chinese).
        mistakes: the common mistakes, most telling first.
        cases: tuples of arguments to call it with.
        reference: `reference(*arguments)`, what `measure` should give, from a source
            other than the solution.
        measure: `measure(result, *arguments)`, the numbers of the result that count, an
            array or {(English, Chinese): array}, what each is called; compared in order.
        tolerance: the largest difference allowed, relative to the largest number of the
            reference where that is above 1.
        score, at_least: for a task with a target, `score(result, *arguments)` must be
            `at_least`; it has no reference.
        remark: `remark(result, *arguments)`, what else to say beside the score, as
            (English, Chinese).
        expects: the type that the result must have; None where any will do.
    """

    solution: Callable
    kind: str
    hint: tuple[str, str]
    mistakes: tuple[Mistake, ...]
    reference: Callable | None = None
    cases: tuple = ((),)
    measure: Callable = as_it_is
    tolerance: float = 1e-6
    score: Callable | None = None
    at_least: float | None = None
    remark: Callable | None = None
    expects: type | None = None

    @property
    def name(self):
        return self.solution.__name__


def say(language, en, zh):
    return zh if language == "zh" else en


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
    how = say(language, f"Check your work:  {command}", f"检查：{command}")
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


def names(lesson):
    """The exercises' names in order, read without importing anything."""
    text = source(lesson)
    tree = ast.parse(text)
    lines = text.splitlines()
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(line.strip() == "# solution" for line in lines[node.lineno : node.end_lineno])
    ]


def wording(lesson, name, language):
    """An exercise's docstring in one language."""
    tree = ast.parse(_in_language(source(lesson), language))
    (node,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)
    return ast.get_docstring(node)


def tasks(lesson):
    """The lesson's TASKS; imports Keras."""
    return importlib.import_module(f"course.exercises.lesson{lesson:02}").TASKS


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
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:]
            found[node.name] = ast.dump(node)
    return found


def judge(task, function, language="en", returned=lambda: None):
    """Hold a learner's function against the task.

    Args:
        returned: called when the function has returned for the last time.

    Returns:
        (state, message): PASS, FAIL or NOT_YET, and what there is to say about it.

    Raises:
        whatever the function raises, other than NotImplementedError.
    """
    results = []
    for arguments in task.cases:
        try:
            result = function(*copy.deepcopy(arguments))
        except NotImplementedError:
            return NOT_YET, ""
        if result is None:
            en = "it returns None: is there a `return`?"
            return FAIL, say(language, en, "返回了 None：是不是忘了 `return`？")
        if task.expects and not isinstance(result, task.expects):
            want, got = task.expects.__name__, type(result).__name__
            en, zh = f"it returns a {got}; a {want} is wanted", f"返回的是 {got}，需要的是 {want}"
            return FAIL, say(language, en, zh)
        if not getattr(result, "compiled", True) and task.solution(*arguments).compiled:
            known = (s for s in task.mistakes if s.matches and s.matches(result, *arguments))
            return FAIL, next(
                (say(language, s.en, s.zh) for s in known), say(language, *UNCOMPILED)
            )
        results.append(result)
    returned()
    try:
        if task.at_least is not None:
            return _scored(task, results, language)
        return _compared(task, results, language)
    except Exception as error:
        told = f"{type(error).__name__}: {error}".splitlines()[0]
        en, zh = f"what it returns cannot be checked: {told}", f"返回的结果无法检查：{told}"
        return FAIL, say(language, en, zh)


def _scored(task, results, language):
    for mistake in task.mistakes:
        if _is_mistake(task, mistake, results, results):
            return FAIL, say(language, mistake.en, mistake.zh)
    score = min(float(task.score(r, *a)) for r, a in zip(results, task.cases, strict=True))
    got, least = f"{score:.4g}", f"{task.at_least:.4g}"
    state = PASS if score >= task.at_least else FAIL
    said = say(language, f"{got}; at least {least} is wanted", f"{got}，要求不低于 {least}")
    if task.remark:
        said += "\n" + say(language, *task.remark(results[0], *task.cases[0]))
    return state, said


def _compared(task, results, language):
    measured = [task.measure(r, *a) for r, a in zip(results, task.cases, strict=True)]
    for found, arguments in zip(measured, task.cases, strict=True):
        found = parts(found)
        for name, expected in parts(task.reference(*arguments)).items():
            got = found[name]
            if close(got, expected, task.tolerance):
                continue
            mistakes = (
                mistake
                for mistake in task.mistakes
                if _is_mistake(task, mistake, results, measured)
            )
            known = next((say(language, mistake.en, mistake.zh) for mistake in mistakes), None)
            lines = [
                name and say(language, *name),
                *difference(task, got, expected, arguments, language),
                known or usual(got, expected, arguments, language, task.tolerance),
            ]
            return FAIL, "\n".join(filter(None, lines))
    return PASS, ""


def _is_mistake(task, mistake, results, measured):
    """Whether the learner's results are just what the mistake gives, in every case."""
    try:
        if mistake.matches:
            return all(mistake.matches(r, *a) for r, a in zip(results, task.cases, strict=True))
        return all(
            close(parts(found)[name], number, task.tolerance)
            for found, wrong in zip(measured, _mistake_gives(task, mistake), strict=True)
            for name, number in wrong.items()
        )
    except Exception:
        return False


@functools.cache
def _mistake_gives(task, mistake):
    """What is measured of the mistake, case by case."""
    results = [mistake.wrong(*copy.deepcopy(arguments)) for arguments in task.cases]
    return [parts(task.measure(r, *a)) for r, a in zip(results, task.cases, strict=True)]


def parts(value):
    """What was measured as {name: array}; one array alone has the name ""."""
    named = value if isinstance(value, dict) else {"": value}
    return {name: numbers(part) for name, part in named.items()}


def numbers(value):
    """A result as an array of float64; tensors and lists too.

    Raises:
        TypeError: it is nothing of numbers.

    >>> numbers([10**30, 1])
    array([1.e+30, 1.e+00])
    """
    import keras

    if keras.ops.is_tensor(value) or isinstance(value, keras.Variable):
        value = keras.ops.convert_to_numpy(value)
    try:
        array = np.asarray(value)
    except ValueError:  # rows of unequal lengths
        array = np.asarray(None)
    large = array.dtype.kind == "O" and all(isinstance(number, Real) for number in array.flat)
    if array.dtype.kind not in "biuf" and not large:  # Python's whole numbers have no limit
        raise TypeError(f"a number or an array is wanted, not {type(value).__name__}")
    return array.astype("float64")


def close(got, expected, tolerance):
    """Whether shapes are the same and numbers near; NaN is near nothing.

    >>> close(np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-9]), 1e-6)
    True
    """
    if got.shape != expected.shape:
        return False
    if got.size == 0:
        return True
    size = max(1.0, float(np.max(np.abs(expected))))
    return bool(np.max(np.abs(got - expected)) <= tolerance * size)


def difference(task, got, expected, arguments, language):
    """Lines that say what was expected and what came, with shapes."""
    named = zip(inspect.signature(task.solution).parameters, arguments, strict=False)
    called = ", ".join(f"{name} {_brief(value, language)}" for name, value in named)
    wanted, came = _show(expected, language), _show(got, language)
    yield say(language, f"expected {wanted}", f"应为 {wanted}")
    yield say(language, f"got      {came}", f"得到 {came}")
    if got.shape == expected.shape and got.ndim:
        allowed = task.tolerance * max(1.0, np.abs(expected).max())
        wrong = ~(np.abs(got - expected) <= allowed)  # NaN too
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        where = ", ".join(map(str, at))
        en = f"first difference at [{where}]: expected {expected[at]:.6g}, got {got[at]:.6g}"
        zh = f"第一处不同在 [{where}]：应为 {expected[at]:.6g}，得到 {got[at]:.6g}"
        yield say(language, en, zh)
    if called:
        yield say(language, f"called with {called}", f"调用参数：{called}")


def _show(array, language):
    flat = ", ".join(f"{x:.6g}" for x in itertools.islice(array.flat, 6))
    if array.ndim == 0:
        return flat
    shape = say(language, f", shape {array.shape}", f"，形状 {array.shape}")
    return f"[{flat}{', …' if array.size > 6 else ''}]{shape}"


def _brief(value, language):
    if isinstance(value, np.ndarray) and value.ndim:
        return say(language, f"of shape {value.shape}", f"形状 {value.shape}")
    text = repr(value) if not isinstance(value, np.generic) else f"{value:.6g}"
    return f"= {text if len(text) <= 30 else type(value).__name__}"


def usual(got, expected, arguments, language, tolerance=1e-6):
    """What every exercise may have wrong: shape, sign, a factor; None where it is not that.

    >>> usual(np.array([2.0, 4.0]), np.array([1.0, 2.0]), (), "en")
    'Twice what is wanted: a factor 2 too many.'
    """
    rows = next((len(a) for a in arguments if isinstance(a, np.ndarray) and a.ndim), None)
    found = (
        _wrong_shape(got, expected)
        if got.shape != expected.shape
        else _wrong_size(got, expected, rows, tolerance)
    )
    return found and say(language, *found)


def _wrong_shape(got, expected):
    if expected.ndim == 0:
        return (
            f"One number is wanted, not an array of shape {got.shape}.",
            f"应当是一个数，而不是形状为 {got.shape} 的数组。",
        )
    if got.size == expected.size and got.squeeze().shape == expected.squeeze().shape:
        return (
            f"The shape is {got.shape}, not {expected.shape}: (n,) and (n, 1) are two things.",
            f"数的形状是 {got.shape}，而不是 {expected.shape}：(n,) 与 (n, 1) 是两回事。",
        )
    if got.shape == expected.shape[::-1]:
        return "It is transposed: rows and columns have changed places.", "转置了：行和列颠倒了。"
    if got.ndim == expected.ndim + 1 and got.shape[0] == got.shape[-1]:
        return (
            "Each with each, not each with its own: (n,) against (n, 1) broadcasts to (n, n).",
            "每个都与所有的配了对，而应当一一对应：(n,) 与 (n, 1) 运算会广播成 (n, n)。",
        )
    if got.ndim < expected.ndim:
        return (
            "Summed or averaged over too much: an axis has gone.",
            "求和或求平均时多消去了一个轴。",
        )
    return (
        f"The shape is {got.shape}; {expected.shape} is wanted.",
        f"形状是 {got.shape}，应为 {expected.shape}。",
    )


def _wrong_size(got, expected, rows, tolerance):
    if np.isnan(got).any():
        return (
            "There is a NaN: 0/0, the logarithm of a negative number, or an overflow.",
            "出现了 NaN：0/0、负数取对数，或者溢出。",
        )
    factors = {
        -1.0: ("The sign is the other way round.", "符号反了。"),
        2.0: ("Twice what is wanted: a factor 2 too many.", "是正确值的两倍：多了一个因子 2。"),
        0.5: ("Half of what is wanted: a factor 2 is missing.", "是正确值的一半：少了一个因子 2。"),
    }
    if rows and rows > 2:
        factors[float(rows)] = (
            f"{rows} times what is wanted, and there are {rows} rows: summed, not averaged.",
            f"是正确值的 {rows} 倍，而数据正好有 {rows} 行：求了和，没有求平均。",
        )
        factors[1 / rows] = (
            f"1/{rows} of what is wanted, and there are {rows} rows: averaged, not summed.",
            f"是正确值的 1/{rows}，而数据正好有 {rows} 行：求了平均，而不是求和。",
        )
    for factor, said in factors.items():
        if np.any(expected) and close(got, factor * expected, tolerance):
            return said
    if got.ndim == 1 and len(got) > 1 and close(got, expected[::-1], tolerance):
        return "The order is reversed.", "顺序颠倒了。"
    return None
