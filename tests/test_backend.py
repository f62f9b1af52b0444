"""Which backend is picked, and what is said when none can be."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import one_line

import course


def pick(installed, **environ):
    return course.pick_backend(environ, lambda name: name in installed)


@pytest.fixture
def keras_home(tmp_path):
    def write(text):
        (tmp_path / "keras.json").write_text(text)
        return str(tmp_path)

    return write


def test_the_variable_comes_first(keras_home):
    home = keras_home(json.dumps({"backend": "jax"}))
    assert pick(["jax", "torch"], KERAS_BACKEND="torch", KERAS_HOME=home) == "torch"


def test_then_keras_json(keras_home):
    assert pick(["tensorflow", "jax"], KERAS_HOME=keras_home('{"backend": "jax"}')) == "jax"


def test_then_the_first_installed(tmp_path):
    assert pick(["torch", "jax"], KERAS_HOME=str(tmp_path)) == "jax"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"backend": "tensorflow"}', "{}"])
def test_a_keras_json_that_says_nothing_usable(keras_home, text):
    # Keras itself writes "tensorflow" there, whatever is installed.
    assert pick(["torch"], KERAS_HOME=keras_home(text)) == "torch"


@pytest.mark.parametrize(
    ("installed", "environ", "words"),
    [
        ([], {}, "none is installed: python -m pip install -c .*constraints.txt. jax"),
        (
            ["jax", "torch"],
            {"KERAS_BACKEND": "tensorfow"},
            "'tensorfow'; the course runs on tensorflow, jax, torch; installed: jax, torch",
        ),
        (
            [],
            {"KERAS_BACKEND": "tensorfow"},
            "'tensorfow'; the course runs on .*; none is installed: python -m pip install",
        ),
        (
            ["jax"],
            {"KERAS_BACKEND": "torch"},
            r"torch', which is not installed \(installed: jax\): python -m pip install -c .* torch",
        ),
        (
            [],
            {"KERAS_BACKEND": "torch"},
            "'torch', which is not installed: python -m pip install -c .* torch",
        ),
    ],
)
def test_no_usable_backend_is_one_line(tmp_path, installed, environ, words):
    with pytest.raises(ImportError, match=words) as caught:
        pick(installed, KERAS_HOME=str(tmp_path), **environ)
    assert "\n" not in str(caught.value)


def test_keras_json_with_a_backend_that_is_missing(keras_home):
    with pytest.raises(ImportError, match=r"keras\.json says 'torch', which is not installed"):
        pick(["jax"], KERAS_HOME=keras_home('{"backend": "torch"}'))


def test_the_install_command_keeps_the_pins_of_a_clone(monkeypatch, tmp_path):
    pins = Path(course.__file__).resolve().parents[1] / "constraints.txt"
    assert course.install("jax torch") == f'python -m pip install -c "{pins}" jax torch'
    monkeypatch.setattr(course, "__file__", str(tmp_path / "site-packages" / "course.py"))
    assert course.install("jax") == "python -m pip install jax"  # from a wheel


def test_a_keras_that_was_imported_before_on_another_backend(monkeypatch):
    numpy_alone = SimpleNamespace(backend=SimpleNamespace(backend=lambda: "numpy"))
    monkeypatch.setitem(course.sys.modules, "keras", numpy_alone)
    monkeypatch.setattr(course.sys, "excepthook", course.sys.__excepthook__)
    with pytest.raises(ImportError, match=r"before course and runs on 'numpy'; .*course first"):
        course._set_up()


def test_a_script_ends_with_the_line_and_no_traceback(monkeypatch, capsys):
    monkeypatch.delitem(course.sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "thano")
    monkeypatch.setattr(course.sys, "excepthook", course.sys.__excepthook__)
    with pytest.raises(ImportError) as caught:
        course._set_up()
    course.sys.excepthook(caught.type, caught.value, caught.tb)
    assert one_line(capsys.readouterr().err).startswith("course: KERAS_BACKEND says 'thano'")
    # So does a notebook, which asks the error itself.
    assert caught.value._render_traceback_() == [f"BackendError: {caught.value}"]
    course.sys.excepthook(ValueError, ValueError("another"), None)
    assert capsys.readouterr().err == "ValueError: another\n"


def test_the_hook_of_somebody_else_stays(monkeypatch):
    monkeypatch.delitem(course.sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "thano")
    monkeypatch.setattr(course.sys, "excepthook", print)
    with pytest.raises(ImportError):
        course._set_up()
    assert course.sys.excepthook is print


@pytest.mark.parametrize(
    ("system", "asked", "torch_device"),
    [("darwin", {}, "cpu"), ("darwin", {"KERAS_TORCH_DEVICE": "mps"}, "mps"), ("linux", {}, None)],
)
def test_what_a_gpu_is_told_before_keras_is_imported(monkeypatch, system, asked, torch_device):
    environ = {"KERAS_BACKEND": course.backend, **asked}
    monkeypatch.setattr(course.sys, "platform", system)
    monkeypatch.setattr(course.os, "environ", environ)
    course._set_up()
    assert environ.get("KERAS_TORCH_DEVICE") == torch_device  # Apple's GPUs have no float64
    assert environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"


def test_what_the_user_says_of_memory_stays(monkeypatch):
    says = {"TF_FORCE_GPU_ALLOW_GROWTH": "false", "XLA_PYTHON_CLIENT_PREALLOCATE": "true"}
    environ = {"KERAS_BACKEND": course.backend, **says}
    monkeypatch.setattr(course.os, "environ", environ)
    course._set_up()
    assert {name: environ[name] for name in says} == says


@pytest.mark.parametrize("name", ["course.lesson02", "course"])
def test_commands_say_it_in_one_line(command, name):
    arguments = [name, "run", "2"] if name == "course" else [name]
    done = command(*arguments, KERAS_BACKEND="thano", check=2)
    assert "'thano'; the course runs on tensorflow, jax, torch" in one_line(done.stderr)
    assert done.stdout == ""


def test_importing_the_package_raises_an_import_error(command):
    done = command("timeit", "-n1", "import course", KERAS_BACKEND="thano")
    assert done.returncode == 1
    assert (
        done.stderr.strip().splitlines()[-1].startswith("course.BackendError: KERAS_BACKEND says")
    )


def test_the_list_needs_neither_a_backend_nor_keras(command):
    listed = command("course", KERAS_BACKEND="thano", check=0)
    assert "Linear regression" in listed.stdout
    # -X importtime names every module imported, on stderr.
    modules = command("course", check=0, PYTHONPROFILEIMPORTTIME="1").stderr
    assert "course.errors" in modules
    assert "keras" not in modules
    assert "numpy" not in modules
