"""Run the tutorials, and make of each run a page in English and one in Chinese."""

import copy
import json
import os
import re
import sys
from pathlib import Path

TUTORIALS = Path(__file__).resolve().parent
CATALOGUES = TUTORIALS / "locale" / "zh_CN" / "LC_MESSAGES"
LABELS = CATALOGUES / "labels.po"  # texts in figures and tables
FONT = TUTORIALS / "fonts" / "NotoSansCJKsc-subset.otf"
LANGUAGES = {"en": "", "zh_CN": "zh"}  # and the folder of each in the site
SECONDS = 900  # for the longest tutorial
# Between two blocks: empty lines, or the start of the next item of a list.
BLOCK = re.compile(r"(\n\s*\n|\n(?=(?:- |\d+\. )))")
MARK = re.compile(r"(#+ |- |\d+\. |)([\s\S]*)")
NUMBER = re.compile(r"\{number\}`(\w+)(?::([^`]+))?`")


class BuildError(Exception):
    """What keeps the site from being built, in one line."""


def tutorials():
    """The pages that are run, Jupytext percent text, in order; the lessons first."""
    found = [
        path
        for path in TUTORIALS.glob("*.py")
        if path.read_text(encoding="utf-8").startswith("# ---\n# jupyter:")
    ]
    return sorted(
        found, key=lambda p: (not p.stem.startswith("lesson"), p.stem)
    )


def read(path):
    """A tutorial as a notebook, not yet run."""
    import jupytext

    notebook = jupytext.read(path)
    notebook.metadata.pop("jupytext", None)
    return notebook


def catalogue(path=LABELS):
    """{English: translation} of a .po file."""
    from babel.messages import pofile

    if not path.is_file():
        return {}
    with path.open("rb") as file:
        return {
            message.id: message.string
            for message in pofile.read_po(file)
            if message.id
        }


def with_course():
    """The environment of a process that imports this checkout's course."""
    paths = [str(TUTORIALS.parent), os.environ.get("PYTHONPATH")]
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
    for output in outputs(notebook):
        if output.output_type == "stream" and output.name == "stderr":
            raise BuildError(f"{path.name}: a cell warns: {output.text}")
    return notebook


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


def page(notebook, language):
    """The notebook with its figures and tables in one language."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
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
    from course.notebook import quote

    known = numbers(notebook)
    texts = (
        {} if language == "en" else catalogue(CATALOGUES / f"{path.stem}.po")
    )
    plain = read(path)
    for cell in plain.cells:
        if cell.cell_type == "markdown":
            blocks = [
                translated(block, texts) for block in BLOCK.split(cell.source)
            ]
            cell.source = NUMBER.sub(
                lambda m: quote(known[m[1]], m[2] or ""), "".join(blocks)
            )
    return plain


def translated(block, texts):
    """A heading, a paragraph or an item of a list in the other language, else as it is."""
    mark, text = MARK.match(block).groups()
    return mark + texts.get(" ".join(text.split()), text)


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
