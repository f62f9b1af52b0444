"""The form of the pages, and who may import whom, read from the sources without running them."""

import ast
import re

import pytest
from conftest import ROOT

COURSE = ROOT / "course"
PAGES = sorted(COURSE.glob("lesson[0-9][0-9].py"))
ROOMS = [
    "checks",
    "cli",
    "data",
    "exercises",
    "figures",
    "grading",
    "lab",
    "linear",
    "machine",
    "training",
]
TOOLS = ["autodiff", "costs", "descent", "errors", "estimators", "files", "optimizers", "prox"]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)

# What a room's modules may import of the course, besides their own room.
SHARED = {*TOOLS, "data", "linear", "training"}
MAY_IMPORT = {
    "page": SHARED - {"files"},  # and earlier lessons
    "checks": SHARED,  # and lessons
    "figures": SHARED,  # and checks.references, to draw what was predicted
    "data": {"errors", "files"},
    "linear": {"errors", "autodiff", "prox"},
    "training": {"errors", "files", "autodiff", "data"},
    "tools": SHARED - {"data"},
    "grading": {*SHARED, "machine", "exercises", "grading"},
    "exercises": {*SHARED, "grading", "checks"},
    "machine": {*SHARED, "cli", "checks"},
    "lab": SHARED,  # and lessons, whose functions the benches repeat
    "cli": {*SHARED, "machine", "checks", "figures", "grading", "notebook"},  # what `read` shows
}
LESSONS_BY_NAME = {"grading", "cli", "machine", "exercises", "lab"}


def source(path):
    return path.read_text(encoding="utf-8")


def imported(path, above_main=False):
    """The course's modules that a file imports, "cli.table" for course.cli.table, with lines.

    Args:
        above_main: leave out what stands under `if __name__ == "__main__":`.
    """
    tree = ast.parse(source(path))
    body = [node for node in tree.body if not (above_main and _is_main(node))]
    found = set()
    for node in (inner for outer in body for inner in ast.walk(outer)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.removeprefix("course.") for name in found if name.startswith("course.")}


def _is_main(node):
    return isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)


def top(name):
    return name.split(".")[0]


@each_page
def test_a_page_is_a_page(page):
    text = source(page)
    lines = text.splitlines()
    assert len(lines) <= 200
    assert "fmt: skip" not in text
    docstring = ast.get_docstring(ast.parse(text)).splitlines()
    assert len(docstring) <= 25
    assert re.fullmatch(rf"Lesson {int(page.stem[-2:])}: .+\.", docstring[0])
    assert f"course/checks/{page.stem}.py" in text
    # Lesson 10 has no Keras model: its second way is course.linear.
    second = "# All at once ---" if page.stem == "lesson10" else "# In Keras ---"
    assert text.index("# By hand ---") < text.index(second)
    assert text.index(second) < text.index("# What the lesson shows ---")
    assert lines[-4:] == [
        'if __name__ == "__main__":',
        "    from course.cli import main",
        "",
        "    raise SystemExit(main(__file__))",
    ]


@each_page
def test_all_pages_have_one_interface(page):
    body = ast.parse(source(page)).body
    functions = {
        node.name: [argument.arg for argument in node.args.args]
        for node in body
        if isinstance(node, ast.FunctionDef)
    }
    taken = {
        alias.asname or alias.name
        for node in body
        if isinstance(node, ast.ImportFrom) and node.module.startswith("course.")
        for alias in node.names
    }
    wanted = {"load_data", "build_model", "train", "run", "results"}
    if page.stem == "lesson10":  # no Keras model: thousands of fits in one call of course.linear
        wanted -= {"build_model", "train"}
        functions.pop("train", None)
    assert wanted <= functions.keys() | taken
    assert functions["run"] == ["options"]
    assert functions["results"] == ["measured"]
    assert functions.get("train", ["model"])[0] == "model"


@each_page
def test_a_page_knows_nothing_of_checks_figures_flags_files_and_errors(page):
    names = imported(page, above_main=True)
    number = int(page.stem[-2:])
    allowed = MAY_IMPORT["page"] | {f"lesson{earlier:02}" for earlier in range(1, number)}
    if number == 14:
        allowed.add("machine.devices")
    assert {name for name in names if top(name) not in allowed and name not in allowed} == set()
    text = source(page).partition("if __name__")[0]
    assert not re.search(r"\b(raise (?!KeyboardInterrupt)|open\(|print\(|Path\(|InputError)", text)


def constants(page):
    """The names in capitals that a page defines at its top."""
    targets = [n.targets[0] for n in ast.parse(source(page)).body if isinstance(n, ast.Assign)]
    return [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]


def keys(path, name):
    """{key: value} of the dict that a module has under a name, both as they are written."""
    for node in ast.parse(source(path)).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return {ast.literal_eval(k): v for k, v in zip(node.value.keys, node.value.values)}


@each_page
def test_every_constant_may_be_changed(page):
    """The proof says what each may be, and the tests try three values of each."""
    assert keys(COURSE / "checks" / page.name, "CONSTANTS").keys() == {*constants(page)}
    tried = keys(ROOT / "tests" / f"test_{page.name}", "WHAT_IF")
    assert tried.keys() == {*constants(page)}
    for name, values in tried.items():
        assert len({*map(ast.unparse, values.elts)}) >= 3, name


def room_of(path):
    parts = path.relative_to(COURSE).parts
    if len(parts) == 2:
        return parts[0]
    if path in PAGES:
        return "page"
    return "tools" if path.stem in TOOLS else None


MODULES = [path for path in sorted(COURSE.rglob("*.py")) if room_of(path) not in (None, "page")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(COURSE)))
def test_who_imports_whom(path):
    room, stem = room_of(path), path.stem
    allowed = {*MAY_IMPORT[room], room}
    for name in imported(path):
        lesson = re.match(r"lesson\d\d", top(name))
        if lesson:
            # Proofs and pictures may use lessons; else they are known by name only.
            if room in ("checks", "figures"):
                assert lesson[0] <= stem, f"{name} comes later"
            else:
                assert room in LESSONS_BY_NAME, name
                assert room != "machine" or stem == "together", name
            continue
        if room == "figures" and name.startswith("checks.references"):
            continue
        assert top(name) in allowed, f"{room} imports {name}"
        own = re.fullmatch(rf"{room}\.(lesson\d\d)(\..*)?", name)
        assert not own, f"{path.name} imports another lesson's {room}"


def test_the_house_has_no_other_rooms():
    modules = {path.stem for path in COURSE.glob("*.py")} - {page.stem for page in PAGES}
    assert modules == {"__init__", "__main__", "notebook", *TOOLS}
    folders = {path.name for path in COURSE.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == set(ROOMS)
    assert len(PAGES) == 14
    for page in PAGES:
        for room in ("checks", "figures", "exercises"):
            assert (COURSE / room / page.name).is_file()


def test_backends_are_told_apart_in_few_places():
    there = {
        str(path.relative_to(COURSE))
        for path in COURSE.rglob("*.py")
        if re.search(r"backend\.backend\(\)|course\.backend\b", source(path))
    }
    allowed = ("autodiff.py", "descent.py", "linear/gram.py", "training/", "machine/", "cli/")
    allowed += ("grading/", "__init__.py", "__main__.py", "notebook.py", "checks/tolerance.py")
    assert {name for name in there if not name.startswith(allowed)} == set()


@pytest.mark.parametrize("fault", ["checks", "figures.lesson03", "cli.flags", "lesson09"])
def test_a_page_that_imports_what_it_must_not_is_seen(fault, tmp_path):
    page = tmp_path / "lesson03.py"
    text = source(COURSE / "lesson03.py")
    line = f"from course.{fault.rpartition('.')[0]} import {fault.rpartition('.')[2]}\n"
    page.write_text(
        text.replace("import keras\n", "import keras\n" + line.replace("course. ", "course "), 1)
    )
    with pytest.raises(AssertionError):
        test_a_page_knows_nothing_of_checks_figures_flags_files_and_errors(page)
