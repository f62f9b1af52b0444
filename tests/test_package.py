"""What is built and installed: the wheel works away from the checkout."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from conftest import NO_NETWORK, ROOT, child_environment, once

import course
from course import data
from course.cli import doctor


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("not a checkout")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True, capture_output=True,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


@once
def test_the_wheel_holds_the_course_and_its_data_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert f"deep_learning_checked-{course.__version__}-" in wheel.name
    for name in data.CHECKSUMS:
        assert f"course/_datasets/{name}" in names
    tops = {name.split("/")[0] for name in names}
    assert tops == {"course", f"deep_learning_checked-{course.__version__}.dist-info"}
    assert "course/py.typed" in names  # type checkers read the course's annotations
    licences = {Path(name).name for name in names if "/licenses/" in name}
    assert licences == {"LICENSE", "LICENSE-text"}


@pytest.mark.slow
@once
def test_a_lesson_runs_from_the_wheel(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    environment = child_environment()
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "site"), str(NO_NETWORK)])
    done = subprocess.run(
        [sys.executable, "-m", "course.lesson03", "--quick", "--json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert '"lesson": 3' in done.stdout
    listed = subprocess.run(
        [sys.executable, "-c", "from course import data; print(data.folder())"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(listed.stdout.strip()) == tmp_path / "site" / "course" / "_datasets"


def test_the_pins_are_exact_and_name_no_place():
    pins = (ROOT / "constraints.txt").read_text().split()
    assert all(pin.count("==") == 1 for pin in pins)
    assert not any(mark in pin for pin in pins for mark in (":", "/", "@"))
    assert any(pin.startswith("keras==") for pin in pins)


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))  # none in an sdist


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_takes_actions_by_hash_and_may_only_read(path):
    text = path.read_text(encoding="utf-8")
    used = re.findall(r"uses: (.*)", text)
    assert used
    pinned = r"[\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+"
    assert [action for action in used if not re.fullmatch(pinned, action)] == []
    assert re.findall(r"^ *permissions:.*\n(?: +.*\n)*", text, re.MULTILINE) == [
        "permissions:\n  contents: read\n"
    ]
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    assert "pull_request_target" not in text


def test_each_action_has_one_hash():
    used = {action for path in WORKFLOWS for action in re.findall(r"uses: (.*)", path.read_text())}
    assert len(used) == len({action.partition("@")[0] for action in used})


def test_the_doctor_asks_for_what_the_package_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = dict(entry.split(">=") for entry in project["dependencies"])
    assert asked == doctor.MINIMUM
