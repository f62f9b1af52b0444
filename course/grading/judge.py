"""Hold a learner's function against an exercise's reference and its common mistakes."""

import copy
import functools

from course.grading import exercise
from course.grading.exercise import FAIL, NOT_YET, PASS, close, parts, say
from course.grading.messages import difference, usual

UNBUILT = (
    "the model has no weights yet, for it does not know its input's shape: begin it with"
    " keras.Input((…,))",
    "模型还没有权重，因为它不知道输入的形状：请以 keras.Input((…,)) 开头",
)
UNCOMPILED = (
    "the model is not compiled: call model.compile(...) before returning it",
    "模型还没有编译：返回之前请调用 model.compile(...)",
)


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
        exercise.start_from_seed()
        try:
            result = function(*copy.deepcopy(arguments))
        except NotImplementedError:
            return NOT_YET, ""
        problem = _unusable(task, result, arguments)
        if problem:
            return FAIL, say(language, *problem)
        results.append(result)
    returned()
    try:
        if task.at_least is not None:
            return _scored(task, results, language)
        return _compared(task, results, language)
    except Exception as error:
        told = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        en, zh = f"what it returns cannot be checked: {told}", f"返回的结果无法检查：{told}"
        return FAIL, say(language, en, zh)


def _unusable(task, result, arguments):
    """Why a result cannot be compared at all, (English, Chinese), or None."""
    if result is None:
        return "it returns None: is there a `return`?", "返回了 None：是不是忘了 `return`？"
    if isinstance(result, tuple) and task.reference and task.measure is exercise.as_it_is:
        try:
            exercise.numbers(result)
        except TypeError:
            n = len(result)
            return (
                f"it returns a tuple of {n}; one array is wanted: np.append(a, b) joins two",
                f"返回的是 {n} 个值的元组，需要的是一个数组：用 np.append(a, b) 把两个接起来",
            )
    if task.expects and not isinstance(result, task.expects):
        expected, got = task.expects.__name__, type(result).__name__
        return (
            f"it returns a {got}; a {expected} is wanted",
            f"返回的是 {got}，需要的是 {expected}",
        )
    if not getattr(result, "built", True) and task.solution(*arguments).built:
        return UNBUILT
    if not getattr(result, "compiled", True) and task.solution(*arguments).compiled:
        for mistake in task.mistakes:
            if mistake.matches and mistake.matches(result, *arguments):
                return mistake.en, mistake.zh
        return UNCOMPILED
    return None


def _scored(task, results, language):
    """(state, message) where a score must reach a target."""
    for mistake in task.mistakes:
        if _is_mistake(task, mistake, results, results):
            return FAIL, say(language, mistake.en, mistake.zh)
    score = _score(task, results)
    got, target = f"{score:.4g}", f"{task.at_least:.4g}"
    state = PASS if score >= task.at_least else FAIL
    said = say(language, f"{got}; at least {target} is wanted", f"{got}，要求不低于 {target}")
    if state == FAIL:
        short, baseline = f"{task.at_least - score:.2g}", f"{_baseline(task):.4g}"
        said += say(
            language,
            f": {short} is missing; the baseline reaches {baseline}",
            f"：还差 {short}；基线达到 {baseline}",
        )
    if task.remark:
        said += "\n" + say(language, *task.remark(results[0], *task.cases[0]))
    return state, said


def _score(task, results):
    """The lowest of all cases."""
    return min(float(task.score(r, *a)) for r, a in zip(results, task.cases, strict=True))


def _baseline(task):
    """The baseline's score."""
    if not callable(task.baseline):
        return task.baseline
    return _score(task, [task.baseline(*copy.deepcopy(arguments)) for arguments in task.cases])


def _compared(task, results, language):
    """(state, message) where numbers must equal a reference's; the first difference is told."""
    measured = [task.measure(r, *a) for r, a in zip(results, task.cases, strict=True)]
    for found, arguments in zip(measured, task.cases, strict=True):
        found = parts(found)
        for name, expected in parts(task.reference(*arguments)).items():
            got = found[name]
            if close(got, expected, task.tolerance):
                continue
            known = (m for m in task.mistakes if _is_mistake(task, m, results, measured))
            mistake = next((say(language, m.en, m.zh) for m in known), None)
            lines = [
                name and say(language, *name),
                *difference(task, got, expected, arguments, language),
                mistake or usual(got, expected, arguments, language, task.tolerance),
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
