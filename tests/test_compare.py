"""The backends beside each other."""

import json
import subprocess
import sys

import pytest
from agreement import disagreements
from conftest import once, one_line

import course
from course.__main__ import lessons, main
from course.cli import compare

INSTALLED = [name for name in course.BACKENDS if course.is_installed(name)]


def record(measured, agreement=1e-9, passed=True):
    check = {"id": "c", "name": "a check", "measured": measured, "agreement": agreement,
             "passed": passed}  # fmt: skip
    return {"checks": [check]}


def test_the_pair_that_is_furthest_beyond_its_bound_counts():
    (row,) = compare.agreement(
        {"tensorflow": record([1.0]), "jax": record([1.0 + 1e-8]), "torch": record([1.0], 1e-6)}
    )
    assert not row["agrees"]  # tensorflow and jax promise 1e-9
    assert row["difference"] == pytest.approx(1e-8)
    assert row["allowed"] == pytest.approx(1e-9)


def test_a_backend_of_less_precision_has_its_own_bound():
    (row,) = compare.agreement({"jax": record([1.0]), "torch": record([1.0 + 1e-7], 1e-6)})
    assert row["agrees"]


def test_checks_are_paired_by_id_and_shown_by_name():
    other = record([2.0])
    other["checks"][0]["name"] = "the same check in other words"
    (row,) = compare.agreement({"jax": record([1.0]), "torch": other})
    assert (row["id"], row["name"], row["agrees"]) == ("c", "a check", False)
    with pytest.raises(ValueError, match="two checks have the id 'c'"):
        compare.agreement({"jax": {"checks": [*record([1.0])["checks"], *record([2.0])["checks"]]}})


def test_large_numbers_are_compared_relative_to_their_size():
    (row,) = compare.agreement({"jax": record([1e6]), "torch": record([1e6 + 1e-4])})
    assert row["agrees"]


def test_times_need_not_agree():
    (row,) = compare.agreement({"jax": record([1.0], None), "torch": record([2.0], None)})
    assert row["agrees"]


def test_a_backend_without_the_check_stands_aside():
    without = {"checks": []}
    (row,) = compare.agreement(
        {"tensorflow": record([1.0]), "jax": record([2.0]), "torch": without}
    )
    assert list(row["measured"]) == ["tensorflow", "jax"]
    assert not row["agrees"]
    assert list(row["relative"]) == ["tensorflow, jax"]


def test_the_largest_difference_is_of_a_check_that_both_have(capsys):
    several = {
        "checks": [{**record([1.0])["checks"][0], "id": "devices", "name": "several devices"}]
    }
    both = {"jax": record([1.0]), "torch": record([1.0])}
    rows = [*compare.agreement({"jax": several}), *compare.agreement(both)]
    lessons = [{"lesson": 14, "agreement": rows}]
    compare._show_pairs(compare.Console(width=80), ["jax", "torch"], lessons)
    assert "jax, torch          0.0e+00  (lesson 14, a check)" in capsys.readouterr().out


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bad", ["nan", "inf"])
def test_what_is_not_finite_does_not_agree(bad):
    (row,) = compare.agreement({"jax": record([1.0]), "torch": record([bad])})
    assert not row["agrees"]


def test_a_check_that_fails_is_not_forgotten():
    (row,) = compare.agreement({"jax": record([1.0]), "torch": record([1.0], passed=False)})
    assert not row["passed"]


def left_by_sessions(folder, **changed):
    """What three test sessions leave; `changed` is what one backend measured otherwise."""
    for name in course.BACKENDS:
        (folder / name).mkdir()
        for number in lessons():
            found = record([changed.get(name, 1.0) if number == 3 else 1.0])
            (folder / name / f"{number:02}.json").write_text(json.dumps(found))


def test_sessions_that_agree(tmp_path):
    left_by_sessions(tmp_path)
    assert disagreements(tmp_path) == []


def test_a_session_that_disagrees_is_named(tmp_path):
    left_by_sessions(tmp_path, torch=1.0 + 1e-6)
    (line,) = disagreements(tmp_path)
    assert line.startswith("lesson 3, c: 1.0e-06")


def test_a_session_that_left_no_record_is_not_agreement(tmp_path):
    left_by_sessions(tmp_path)
    (tmp_path / "torch" / "12.json").unlink()
    with pytest.raises(FileNotFoundError):
        disagreements(tmp_path)


def test_a_check_that_says_nothing_here_is_not_compared():
    other = record([5.0])
    other["checks"][0]["not_for"] = "not for Adam"
    (row,) = compare.agreement({"jax": record([1.0]), "torch": other})
    assert row["agrees"]


@pytest.mark.slow
@pytest.mark.skipif(
    len(INSTALLED) < 2 or course.backend != INSTALLED[0],
    reason="one run covers all installed backends: the first one's test session makes it",
)
def test_lessons_run_on_all_installed_backends(command):
    """All fourteen are compared from the records of the test sessions: tests/agreement.py."""
    done = command("course", "run", "1", "3", "--backend", "all", "--quick", "--json", check=0)
    outcome = json.loads(done.stdout)
    assert outcome["passed"]
    assert [lesson["lesson"] for lesson in outcome["lessons"]] == [1, 3]
    for lesson in outcome["lessons"]:
        assert list(lesson["backends"]) == INSTALLED
        assert all({*row["measured"]} == {*INSTALLED} for row in lesson["agreement"])


def child(monkeypatch, script):
    """Let the comparison start this script instead of the lessons."""
    popen = subprocess.Popen

    def start(command, **named):
        return popen([sys.executable, "-c", script], **named)

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(course, "is_installed", lambda name: name != "torch")


def test_a_backend_that_crashes_is_no_success(monkeypatch, capsys):
    child(monkeypatch, "raise OSError('libcudart is not there')")
    assert main(["run", "1", "--backend", "all"]) == 2
    line = one_line(capsys.readouterr().err)
    assert "on tensorflow, lesson 1: OSError: libcudart is not there" in line


def test_a_talkative_backend_does_not_block(monkeypatch, capsys):
    child(monkeypatch, "import sys; sys.stderr.write('x' * 300_000 + '\\nthe end\\n')")
    assert main(["run", "1", "--backend", "all"]) == 2
    assert "the end" in capsys.readouterr().err


def test_one_backend_is_nothing_to_compare(monkeypatch, capsys):
    monkeypatch.setattr(course, "is_installed", lambda name: name == "jax")
    assert main(["run", "1", "--backend", "all"]) == 2
    assert "1 is installed" in one_line(capsys.readouterr().err)


@once  # it starts processes of every backend
@pytest.mark.slow
def test_a_lesson_that_refuses_its_flags_stops_the_comparison(command):
    if len(INSTALLED) < 2:
        pytest.skip("needs two backends")
    done = command("course", "run", "2", "--backend", "all", "--epochs", "0", check=2)
    last = done.stderr.strip().splitlines()[-1]
    assert f"on {INSTALLED[0]}, lesson 2: course.lesson02: argument --epochs" in last
