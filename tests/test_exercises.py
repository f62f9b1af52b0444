"""Every exercise: its solution passes, as given it is "not yet", every mistake is recognised."""

import ast
import re

import pytest

from course.grading import sources
from course.grading.exercise import FAIL, KINDS, LANGUAGES, NOT_YET, PASS, say
from course.grading.judge import judge

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
