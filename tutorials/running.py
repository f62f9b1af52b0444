"""Run the tutorials, and make of each run a page in English and one in Chinese."""

import contextlib
import copy
import json
import os
import re
import sys
from base64 import b64decode
from pathlib import Path

TUTORIALS = Path(__file__).resolve().parent
CATALOGUES = TUTORIALS / "locale" / "zh_CN" / "LC_MESSAGES"
LABELS = CATALOGUES / "labels.po"  # texts in figures and tables
CODE = CATALOGUES / "code.po"  # comments and docstrings of the code on pages
FONT = TUTORIALS / "fonts" / "NotoSansCJKsc-subset.otf"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGES = {"en": "", "zh_CN": "zh"}  # and the folder of each in the site
SECONDS = 900  # for the longest tutorial
WHITE = (  # a PNG of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4"
    "2mP4DwABAQEAHLCMmQAAAABJRU5ErkJggg=="
)
GREETING = re.compile(
    r"^(WARNING: All log messages before absl::|[IW]\d{4} [\d:.]+ +\d+ \S+\.cc:).*$",
    re.MULTILINE,
)


class BuildError(Exception):
    """What keeps the site from being built, in one line."""


def tutorials():
    """The pages that are run, Jupytext percent text, in order; the lessons first."""
    from course.cli import pages

    return sorted(
        filter(pages.is_page, TUTORIALS.glob("*.py")),
        key=lambda p: (not p.stem.startswith("lesson"), p.stem),
    )


def read(path):
    """A tutorial as a notebook, not yet run, with the functions that it shows.

    Raises:
        BuildError: the lesson has no such function, or a prediction no answer.
    """
    from nbformat import v4

    from course.cli import pages

    make = {"markdown": v4.new_markdown_cell, "code": v4.new_code_cell}
    with build_errors():
        cells = pages.read(path)
    notebook = v4.new_notebook(metadata={"kernelspec": KERNEL})
    for cell in cells:
        new = make[cell.kind](cell.text)
        if cell.tags:
            new.metadata["tags"] = list(cell.tags)
        notebook.cells.append(new)
    return notebook


@contextlib.contextmanager
def build_errors():
    """Turn an InputError of the course into a BuildError."""
    from course.errors import InputError

    try:
        yield
    except InputError as problem:
        raise BuildError(problem) from None


def catalogue(path=LABELS):
    """{English: translation} of a .po file."""
    from course.cli import pages

    return pages.catalogue(path)


def with_course(*folders):
    """The environment of a process that imports this checkout's course, and from `folders`."""
    paths = [
        str(TUTORIALS.parent),
        *map(str, folders),
        os.environ.get("PYTHONPATH"),
    ]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def run(path, folder):
    """Run a tutorial in a kernel of its own; return the notebook with its outputs.

    Args:
        path: the tutorial's file.
        folder: an empty folder to run in.

    Raises:
        BuildError: a cell raised, a failing check above all.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import (
        CellExecutionError,
        CellTimeoutError,
        DeadKernelError,
    )

    labels = folder / "labels.json"
    labels.write_text(
        json.dumps({"font": str(FONT), "labels": catalogue()}), encoding="utf-8"
    )
    environment = {
        **with_course(),
        "COURSE_LABELS": str(labels),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": "1",  # several tutorials run at a time
        "PYTHONWARNINGS": "error:Glyph",
    }
    notebook = read(path)
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--IPKernelApp.log_level=40"],  # errors only
    )
    try:
        client.execute(env=environment)
    except CellExecutionError as error:
        raise BuildError(
            f"{path.name}: a cell raises {error.ename}: {error.evalue}"
        ) from None
    except (
        CellTimeoutError,
        DeadKernelError,
        RuntimeError,
    ) as error:  # the kernel's own trouble
        raise BuildError(
            f"{path.name}: {error or type(error).__name__}"
        ) from None
    for cell in notebook.cells:
        cell.get("outputs", [])[:] = filter(is_said, cell.get("outputs", []))
    for output in outputs(notebook):
        if output.output_type == "stream" and output.name == "stderr":
            raise BuildError(f"{path.name}: a cell warns: {output.text}")
    return notebook


def is_said(output):
    """Whether an output is more than TensorFlow's greeting, whose C++ code obeys no log level.

    Keras imports TensorFlow on any backend, for `set_random_seed` for example.
    """
    if output.output_type != "stream" or output.name != "stderr":
        return True
    return bool(GREETING.sub("", output.text).strip())


def outputs(notebook):
    return [
        output for cell in notebook.cells for output in cell.get("outputs", [])
    ]


def ours(output):
    """What course.notebook said about an output, or {}."""
    return output.get("metadata", {}).get("course", {})


def numbers(notebook):
    """The numbers that the run named."""
    return {
        k: v
        for output in outputs(notebook)
        for k, v in ours(output).get("numbers", {}).items()
    }


def labels(notebook):
    """Texts in figures and tables, {key in labels.po: English}."""
    return {
        key: text
        for output in outputs(notebook)
        for key, text in ours(output).get("labels", {}).items()
    }


def benches(notebooks):
    """{bench: its data} of all pages' runs."""
    return {
        name: data
        for notebook in notebooks.values()
        for output in outputs(notebook)
        for name, data in ours(output).get("bench", {}).items()
    }


def picture(notebook):
    """A page's first figure as PNG, for the front page; a white pixel where it has none."""
    figures = (
        output.get("data", {}).get("image/png") for output in outputs(notebook)
    )
    return b64decode(next(filter(None, figures), WHITE))


def page(notebook, language):
    """The notebook with its figures, tables and comments in one language."""
    from course.cli import pages

    notebook = copy.deepcopy(notebook)
    texts = {} if language == "en" else catalogue(CODE)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = pages.with_comments(cell.source, texts)
        for output in cell.get("outputs", []):
            about = output.get("metadata", {}).pop("course", {})
            if language != "en" and "translated" in about:
                output.data.update(about["translated"])
            if "alt" in about:
                cell.metadata["mystnb"] = {
                    "image": {"alt": output.data["text/plain"]}
                }
    return notebook


def download(path, notebook, language):
    """The tutorial as a notebook to be opened elsewhere.

    It is not run, and its text is in one language, with the run's numbers.
    """
    from course.cli import pages
    from course.notebook import quote

    known, texts, comments = numbers(notebook), {}, {}
    if language != "en":
        texts = catalogue(CATALOGUES / f"{path.stem}.po")
        comments = catalogue(CODE)
    plain = read(path)
    plain.cells = [
        cell
        for cell in plain.cells
        if "remove-cell" not in cell.metadata.get("tags", [])
    ]
    for cell in plain.cells:
        if cell.cell_type == "code":
            cell.source = pages.with_comments(cell.source, comments)
            continue
        text = pages.without_benches(
            pages.translated(cell.source, texts), language
        )
        cell.source = pages.NUMBER.sub(
            lambda m: quote(known[m[1]], m[2] or ""), text
        )
    return plain


def one_line(text):
    return " ".join(re.sub(r"\x1b\[[\d;]*m", "", str(text)).split())


def command(main, name):
    """Run `main()`; a BuildError is one line on stderr and exit status 2."""
    try:
        return main()
    except BuildError as problem:
        print(f"{name}: {one_line(problem)}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"{name}: interrupted; nothing was changed", file=sys.stderr)
        return 130
    return 2
