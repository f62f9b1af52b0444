"""The lab's benches: their scripts, data and texts; pages of nothing else for who works on them.

python tutorials/benches.py --output FOLDER [BENCH …] writes those pages in a moment, where the
whole site takes minutes.
"""

import argparse
import html
import io
import json
import shutil
import sys
from pathlib import Path

import running
from running import CATALOGUES, LANGUAGES, TUTORIALS, BuildError

STATIC = TUTORIALS / "_static"
SCRIPTS = STATIC / "lab"
TEXTS = CATALOGUES / "lab.po"


def scripts(name):
    """A bench's scripts in the order in which they are loaded, below _static."""
    own = [f"{name}.js", f"{name}.view.js"]
    files = [
        "texts.js", "d3.min.js", "random.js", "lab.js", f"data/{name}.js",
        *said(name, "needs"), *own,
    ]  # fmt: skip
    left_out = said(name, "without")
    return [f"lab/{file}" for file in files if file not in left_out]


def said(name, word):
    """Scripts that a bench's head needs or does without: /* needs: digit.js */."""
    head = (SCRIPTS / f"{name}.js").read_text(encoding="utf-8")
    first = head.partition(f"/* {word}: ")[2].partition("*/")[0]
    return first.replace(",", " ").split()


def texts():
    """The English texts of the scripts, the arguments of t(…), in order."""
    from babel.messages.extract import extract

    found = []
    for path in sorted(SCRIPTS.glob("*.js")):
        if path.name != "d3.min.js":
            source = io.BytesIO(path.read_bytes())
            for _, text, _, _ in extract(
                "javascript", source, {"t": None, "fault": None}
            ):
                found.append(text if isinstance(text, str) else text[0])
    return list(dict.fromkeys(found))


def check_texts():
    """Raise a BuildError where a text of the benches has no translation."""
    known = running.catalogue(TEXTS)
    missing = [text for text in texts() if not known.get(text)]
    if missing:
        raise BuildError(
            f"lab.po lacks the Chinese of {missing[0]!r}"
            f" and {len(missing) - 1} more; python tutorials/translate.py adds them"
        )


def write_data(folder, data, language):
    """Put texts.js and data/*.js where the scripts look for them."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    known = {} if language == "en" else running.catalogue(TEXTS)
    first = f"window.lab = {{ data: {{}}, texts: {_json(known)} }};\n"
    assigned = {"texts.js": first}  # the first script of a page
    for name, values in data.items():
        assigned[f"data/{name}.js"] = f"lab.data.{name} = {_json(values)};\n"
    for file, text in assigned.items():
        (folder / file).write_text(text, encoding="utf-8")


def _json(value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("</", "<\\/")


def page(name, language):
    """A page with one bench and nothing else, in the folder lab/ of a site."""
    links = [
        f'<script src="../_static/{file}"></script>' for file in scripts(name)
    ]
    return "\n".join(
        [
            f'<!doctype html><html lang="{language.replace("_", "-")}"><head>',
            '<meta charset="utf-8"><meta name="viewport"',
            'content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(name)}</title>",
            '<link rel="stylesheet" href="../_static/lab/lab.css">',
            "<style>body { font-family: sans-serif; margin: 1rem }",
            'html[data-theme="dark"] { background: #14181e; color: #ddd;',
            "--pst-color-text-base: #ddd; --pst-color-surface: #222832;",
            "--pst-color-background: #14181e; --pst-color-border: #444;",
            "--pst-color-text-muted: #aaa }</style></head><body>",
            f'<div class="bench" data-bench="{name}"></div>',
            *links,
            "</body></html>",
        ]
    )


def build(output, names):
    """Write the benches' own pages in both languages, with data made now."""
    from course import lab

    data = {name: lab.made(name) for name in names}
    for language, folder in LANGUAGES.items():
        root = output / folder
        shutil.copytree(SCRIPTS, root / "_static" / "lab", dirs_exist_ok=True)
        write_data(root / "_static" / "lab", data, language)
        (root / "lab").mkdir(exist_ok=True)
        for name in names:
            text = page(name, language)
            (root / "lab" / f"{name}.html").write_text(text, encoding="utf-8")
    print(*(output / "lab" / f"{name}.html" for name in names), sep="\n")
    return 0


def main():
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sys.path.insert(0, str(TUTORIALS.parent))
    from course.lab import LESSON

    flags.add_argument("bench", nargs="*", choices=[[], *LESSON])
    flags.add_argument("--output", type=Path, required=True)
    given = flags.parse_args()
    return build(given.output, given.bench or list(LESSON))


if __name__ == "__main__":
    raise SystemExit(running.command(main, "tutorials/benches.py"))
