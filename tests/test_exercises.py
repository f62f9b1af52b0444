"""Every exercise: its solution passes, as given it is "not yet", every mistake is recognised."""

import ast
import random
import re
from dataclasses import replace

import keras
import numpy as np
import pytest
from conftest import ROOT

from course.grading import exercise, sources
from course.grading.exercise import FAIL, KINDS, LANGUAGES, NOT_YET, PASS, Task, numbers, say
from course.grading.judge import UNBUILT, _baseline, judge
from course.grading.messages import usual

LESSONS = sources.lessons()
TASKS = [(lesson, name) for lesson in LESSONS for name in sources.names(lesson)]
HAN = re.compile("[\u4e00-\u9fff]")
each_lesson = pytest.mark.parametrize("lesson", LESSONS)
each_language = pytest.mark.parametrize("language", LANGUAGES)
each_task = pytest.mark.parametrize(("lesson", "name"), TASKS)


def task(lesson, name):
    (found,) = (task for task in sources.tasks(lesson) if task.name == name)
    return found


def functions(text):
    module = {}
    exec(text, module)
    return module


@each_lesson
def test_a_lesson_has_three_to_six_exercises_and_says_how_each_is_checked(lesson):
    found = sources.tasks(lesson)
    assert [task.name for task in found] == sources.names(lesson)
    assert 3 <= len(found) <= 6
    kinds = [KINDS.index(task.kind) for task in found]
    assert kinds == sorted(kinds), "easy to hard"
    assert len(set(kinds)) >= 3


@each_task
def test_it_has_hints_and_three_mistakes_in_both_languages(lesson, name):
    found = task(lesson, name)
    assert len(found.mistakes) >= 3
    for english, chinese in [found.hint, *((mistake.en, mistake.zh) for mistake in found.mistakes)]:
        assert english
        assert not HAN.search(english)
        assert HAN.search(chinese)
    assert (found.reference is None) == (found.at_least is not None)


@each_task
def test_the_solution_passes(lesson, name):
    solution = functions(sources.solved(lesson, "en"))[name]
    state, message = judge(task(lesson, name), solution)
    assert state == PASS, message


@each_lesson
def test_the_solutions_are_the_same_in_both_languages(lesson):
    english, chinese = (sources._bodies(sources.solved(lesson, each)) for each in LANGUAGES)
    assert english == chinese
    assert english.keys() >= {*sources.names(lesson)}


@each_task
def test_every_mistake_is_recognised(lesson, name):
    found = task(lesson, name)
    for number, mistake in enumerate(found.mistakes):
        language = LANGUAGES[number % 2]
        state, message = judge(found, mistake.wrong, language)
        expected = say(language, mistake.en, mistake.zh)
        assert (state, message.splitlines()[-1]) == (FAIL, expected)


@each_lesson
@each_language
def test_as_given_nothing_is_done_yet(lesson, language):
    text = sources.learners_file(lesson, language)
    assert sources.untouched(text, lesson, language) == set(sources.names(lesson))
    given = functions(text)
    for found in sources.tasks(lesson):
        if found.kind != "bug":
            assert judge(found, given[found.name])[0] == NOT_YET


@each_lesson
@each_language
def test_the_learners_file_is_in_one_language_and_holds_no_solution(lesson, language):
    text = sources.learners_file(lesson, language)
    tag = sources.TAG.search(text)
    assert (int(tag[1]), tag[2]) == (lesson, language)
    assert not re.search(r"# solution|# given|# end|\bzh:|TASKS", text.replace(tag[0], ""))
    tree = ast.parse(text)
    for node in [tree, *(n for n in tree.body if isinstance(n, ast.FunctionDef))]:
        assert bool(HAN.search(ast.get_docstring(node))) == (language == "zh")
    assert max(map(len, text.splitlines())) <= 100


@each_lesson
def test_a_bug_as_given_is_wrong(lesson):
    given = functions(sources.learners_file(lesson, "en"))
    for found in sources.tasks(lesson):
        if found.kind == "bug":
            assert judge(found, given[found.name])[0] == FAIL


def test_every_draw_starts_from_the_same_seed():
    def draws():
        exercise.start_from_seed()
        layer = keras.layers.Dense(1)
        layer.build((None, 1))
        inside = numbers(keras.random.uniform(())), numbers(layer.kernel)
        return [random.random(), np.random.random(), *(float(x.sum()) for x in inside)]

    assert draws() == draws()


def drawn_score(seen):
    def function():
        seen.append(np.random.random())
        return seen[-1]

    return function


def test_the_same_file_always_gets_the_same_verdict():
    seen = []
    scored = Task(
        drawn_score(seen), "free", ("", ""), (), score=lambda result: result, at_least=0.999,
        baseline=lambda: 0.25,
    )  # fmt: skip
    said = [judge(scored, scored.solution) for _ in range(2)]
    assert seen[0] == seen[1]
    assert said[0] == said[1]
    for language in LANGUAGES:
        assert f"set_random_seed({exercise.SEED})" in sources.learners_file(LESSONS[0], language)


def test_a_score_that_misses_says_by_how_much_and_what_the_baseline_reaches():
    scored = Task(
        float,
        "free",
        ("", ""),
        (),
        score=lambda result: result,
        at_least=0.94,
        baseline=lambda: 0.5,
    )
    state, message = judge(scored, lambda: 0.8)
    assert state == FAIL
    assert message == "0.8; at least 0.94 is wanted: 0.14 is missing; the baseline reaches 0.5"
    assert judge(scored, lambda: 0.8, "zh")[1] == "0.8，要求不低于 0.94：还差 0.14；基线达到 0.5"
    assert judge(scored, lambda: 0.95) == (PASS, "0.95; at least 0.94 is wanted")


@each_task
def test_what_is_scored_has_a_baseline_below_the_target(lesson, name):
    found = task(lesson, name)
    if found.at_least is not None:
        assert np.isfinite(_baseline(found))
        assert _baseline(found) < found.at_least


@pytest.mark.parametrize("lesson", [3, 6])
def test_a_model_without_its_input_is_told_so(lesson):
    def build(*_):
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile(optimizer="sgd", loss="mse")
        return model

    assert judge(task(lesson, "build_model"), build) == (FAIL, UNBUILT[0])
    assert judge(task(lesson, "build_model"), build, "zh") == (FAIL, UNBUILT[1])


def test_a_tuple_for_an_array_is_told_how_to_join_it():
    def in_two(X, y, theta):
        error = X @ theta[:-1] + theta[-1] - y
        return 2 / len(y) * X.T @ error, 2 / len(y) * error.sum()

    state, message = judge(task(3, "gradient"), in_two)
    assert state == FAIL
    assert "tuple of 2" in message
    assert "np.append" in message


def test_a_tuple_of_numbers_is_no_model():
    one = replace(task(3, "gradient"), expects=np.ndarray)
    assert judge(one, lambda X, *_: (1.0, 2.0)) == (
        FAIL,
        "it returns a tuple; a ndarray is wanted",
    )


def test_what_a_comparison_says_is_cut():
    class Endless:
        def __array__(self, *_, **__):
            raise RuntimeError("x" * 10**6)

    state, message = judge(task(3, "gradient"), lambda *_: Endless())
    assert state == FAIL
    assert message.startswith("what it returns cannot be checked: RuntimeError: xxx")
    assert len(message) < 400


def test_a_missing_factor_of_two_over_n_is_named():
    right, X = np.array([1.0, -3.0]), np.ones((10, 2))
    assert "2/n" in usual(5 * right, right, (X,), "en")
    assert "2/n" in usual(5 * right, right, (X,), "zh")
    assert judge(task(3, "gradient"), sum_of_errors)[1].endswith("the factor 2/n is missing.")
    four = np.ones((4, 2))
    assert "Twice" in usual(2 * right, right, (four,), "en"), "2/n of four rows is told as a 2"


def sum_of_errors(X, y, theta):
    error = X @ theta[:-1] + theta[-1] - y
    return np.append(X.T @ error, error.sum())


def test_learners_work_stays_out_of_a_clone():
    assert "/exercises/" in (ROOT / ".gitignore").read_text().splitlines()
