"""Bring the Chinese .po files in step with the tutorials: python tutorials/translate.py.

New and changed texts are left empty, to be translated; texts that are gone are dropped.
Comments and docstrings of the code that the pages show are in code.po, the benches' texts
in lab.po. Texts in
figures and tables (labels.po) are found by running the tutorials; --no-run leaves
them as they are. --check writes nothing and fails where something is to do.
"""

import argparse
import io
import tempfile
from pathlib import Path

import benches
import build
import running
from running import CATALOGUES, CODE, LABELS, BuildError

try:
    from babel.messages import pofile
    from babel.messages.catalog import Catalog
except ImportError:
    pofile = None  # build.ready() says what is missing

# Babel's own has a date, which would change with every run.
HEADER = b"""\
msgid ""
msgstr ""
"Language: zh_CN\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""


def templates(folder):
    """{file name: English texts} of the pages, by Sphinx's gettext, and of their code."""
    from course.cli import pages

    notebooks = {path.stem: running.read(path) for path in running.tutorials()}
    build.stage(folder / "en", notebooks, "en", exercises=False)
    for name in notebooks:  # a number stands as it was written
        (folder / "en" / f"{name}.numbers.json").unlink()
    build.render(
        folder / "en", folder / "pot", "en", notebooks, True, builder="gettext"
    )
    found = {}
    for path in sorted((folder / "pot").rglob("*.pot")):
        if not path.stem.startswith(("sphinx", "solution")):
            name = path.relative_to(folder / "pot").with_suffix(".po")
            with path.open("rb") as file:
                found[name.as_posix()] = [
                    message.id for message in pofile.read_po(file)
                ][1:]
    cells = [c for name in notebooks for c in notebooks[name].cells]
    code = [c.source for c in cells if c.cell_type == "code"]
    texts = [text for source in code for *_, text in pages.comments(source)]
    found[CODE.name] = list(dict.fromkeys(texts))
    found[benches.TEXTS.name] = benches.texts()
    return found


def labels(folder):
    """The texts in figures and tables, {key: English}, by running the tutorials."""
    found = {}
    for notebook in build.run_all(folder).values():
        found.update(running.labels(notebook))
    return dict(sorted(found.items()))


def merged(path, texts):
    """The file's new content, in the order of the texts, with the translations it has.

    Args:
        texts: what is translated; or {key: English}, and the English of a key that is not the
            text itself becomes the translator's comment.
    """
    from course.cli import pages

    known = running.catalogue(path)
    new = Catalog(locale="zh_CN")
    for text in texts:
        known[text] = known.get(text) or ("" if pages.has_words(text) else text)
        english = texts[text] if isinstance(texts, dict) else text
        comments = [] if english == text else [english]
        new.add(text, known[text], auto_comments=comments).flags.clear()
    written = io.BytesIO()
    pofile.write_po(written, new, width=100, omit_header=True)
    return HEADER + written.getvalue(), [t for t in texts if not known[t]]


def translate(run, check):
    build.ready()
    with tempfile.TemporaryDirectory() as folder:
        wanted = templates(Path(folder))
        if run:
            wanted[LABELS.name] = labels(Path(folder))
    stale, empty = [], []
    CATALOGUES.mkdir(parents=True, exist_ok=True)
    for name, texts in wanted.items():
        content, untranslated = merged(CATALOGUES / name, texts)
        empty += [f"{name}: {text}" for text in untranslated]
        old = (
            (CATALOGUES / name).read_bytes()
            if (CATALOGUES / name).is_file()
            else b""
        )
        if content != old:
            stale.append(name)
            if not check:
                (CATALOGUES / name).parent.mkdir(exist_ok=True)
                (CATALOGUES / name).write_bytes(content)
    if not check:
        known = CATALOGUES.rglob("*.po")
        gone = {p.relative_to(CATALOGUES).as_posix() for p in known} - {
            *wanted,
            LABELS.name,
        }
        for name in gone:
            (CATALOGUES / name).unlink()
    if check and stale:
        raise BuildError(
            f"not in step with the tutorials: {stale}; run python tutorials/translate.py"
        )
    print("\n".join(empty) if empty else "everything is translated")
    return 1 if empty else 0


def main():
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument(
        "--no-run", dest="run", action="store_false", help="leave labels.po"
    )
    flags.add_argument(
        "--check", action="store_true", help="write nothing; say what is to do"
    )
    given = flags.parse_args()
    return translate(given.run, given.check)


if __name__ == "__main__":
    raise SystemExit(running.command(main, "tutorials/translate.py"))
