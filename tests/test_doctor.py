import sys

import pytest
from conftest import once

import course
from course import data, machine
from course.cli import doctor
from course.machine import processes


@pytest.fixture
def quick_backends(monkeypatch):
    """The probe imports a backend in a process of its own; here its answer is made up."""

    class Answer:
        last_words = ""

        def __init__(self, words, changes):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def wait(self, seconds):
            return True

        def records(self):
            return [{"version": "1.0", "devices": ["CPU", "GPU NVIDIA H200"], "no GPU": ""}]

    monkeypatch.setattr(processes, "Child", Answer)


@pytest.mark.slow
@once  # it looks at all that are installed
def test_a_machine_that_can_run_lessons(command):
    done = command("course", "doctor", check=0)
    assert "Lessons can run here." in done.stdout
    for word in ("Python", "keras", "cores", "checksums hold", "fonts", "sandbox", "writing"):
        assert word in done.stdout
    assert f"OK       {course.backend}" in done.stdout


def test_the_gpu_is_named(quick_backends, capsys):
    assert doctor.doctor() == 0
    assert "sees CPU, GPU NVIDIA H200\n" in capsys.readouterr().out


def test_why_no_gpu_is_seen_stands_in_the_same_line(monkeypatch, capsys):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    if doctor.sys.platform == "linux":
        assert doctor._backend(course.backend)
        (line,) = capsys.readouterr().out.splitlines()
        assert line.endswith("sees CPU; no GPU: CUDA_VISIBLE_DEVICES=-1 leaves it out: unset it")
    answer = {"version": "1.0", "devices": ["CPU"], "no GPU": "an NVIDIA card, but no driver"}
    probe = f"import json; print('chatter'); print(json.dumps({answer}))"
    monkeypatch.setattr(doctor, "PROBE", probe)
    assert doctor._backend(course.backend)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("1.0, sees CPU; no GPU: an NVIDIA card, but no driver")


def test_no_backend_at_all(monkeypatch, capsys):
    monkeypatch.setattr(course, "is_installed", lambda name: False)
    assert doctor.doctor() == 1
    out = capsys.readouterr().out
    assert "missing  jax" in out
    assert f"-> {course.install('jax')}" in out
    assert "optional jax" not in out
    assert "No lesson can run here yet" in out


def test_the_other_backends_are_optional(quick_backends, monkeypatch, capsys):
    monkeypatch.setattr(course, "is_installed", lambda name: name == course.backend)
    assert doctor.doctor() == 0
    out = capsys.readouterr().out
    for other in {*course.BACKENDS} - {course.backend}:
        line = f"optional {other:<12} not installed\n{'':22}-> {course.install(other)}\n"
        assert line in out
    assert "missing" not in out
    assert "import course before Keras" in out


def test_a_backend_that_does_not_import(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "PROBE", "raise OSError('libcudart is not there')")
    assert doctor.doctor() == 1
    assert "does not import: OSError: libcudart is not there" in capsys.readouterr().out


def test_a_backend_that_does_not_answer(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "PROBE", "import time; time.sleep(60)")
    monkeypatch.setattr(doctor, "SECONDS", 0.2)
    assert not doctor._backend(course.backend)
    assert "did not answer within 0.2 s" in capsys.readouterr().out


def test_a_backend_that_cannot_be_tried(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.delitem(sys.modules, "course.machine.processes")
    monkeypatch.delattr(machine, "processes")
    assert not doctor._backend(course.backend)
    assert "cannot be tried: import of psutil halted" in capsys.readouterr().out


def test_a_data_file_that_has_changed(quick_backends, monkeypatch, tmp_path, capsys):
    for name in data.CHECKSUMS:
        (tmp_path / name).write_bytes((data.folder() / name).read_bytes())
    (tmp_path / "five_points.csv").write_text("x,y\n0,6\n")
    (tmp_path / "three_points.csv").unlink()
    monkeypatch.setattr(data.points, "folder", lambda: tmp_path)
    assert doctor.doctor() == 1
    out = capsys.readouterr().out
    assert "three_points.csv is not there, five_points.csv has changed" in out


def test_a_folder_that_takes_no_files(quick_backends, monkeypatch, capsys):
    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    assert doctor.doctor() == 0  # --save-dir can name another
    assert "Permission denied" in capsys.readouterr().out


def test_the_chosen_backend_must_be_one_that_works(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_backend", lambda name: name != course.backend)
    assert doctor.doctor() == 1
    out = capsys.readouterr().out
    assert f"missing  chosen       {course.backend}" in out
    assert "set KERAS_BACKEND" in out


def test_a_package_that_is_too_old(quick_backends, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "MINIMUM", {**doctor.MINIMUM, "keras": "99.0"})
    assert doctor.doctor() == 1
    assert course.install('"keras>=99.0"') in capsys.readouterr().out
