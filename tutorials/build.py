"""Build the site, English and Chinese: python tutorials/build.py [--output site].

Every tutorial is run once; both languages are made from that run. The site appears under
its name only when all of it is there.
"""

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import benches
import running
from running import LANGUAGES, TUTORIALS, BuildError

NEEDED = (
    "babel",
    "sphinx",
    "myst_nb",
    "sphinx_book_theme",
    "nbclient",
    "ipykernel",
)
MAX_AT_ONCE = 4  # tutorials running; each has a backend of its own in memory
COPIED = (
    "conf.py",
    "_static",
    "_templates",
    "api",
    "lab",
    "locale",
    "*.md",
)


def ready():
    """Raise a BuildError where something is not installed."""
    absent = [
        module for module in NEEDED if importlib.util.find_spec(module) is None
    ]
    if absent:
        raise BuildError(
            f"{absent[0]} is not installed:"
            ' python -m pip install -c constraints.txt -e ".[jax,docs]"'
        )
    sys.path.insert(0, str(TUTORIALS.parent))
    try:
        import course
    except ImportError as error:
        raise BuildError(error) from None


def run_all(work):
    """Run every tutorial, several at a time; return {name: notebook}."""

    def run(path):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(dir=work) as folder:
            notebook = running.run(path, Path(folder))
        seconds = time.perf_counter() - start
        print(f"{path.stem}: run in {seconds:.1f} s", flush=True)
        return notebook

    paths = running.tutorials()
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_AT_ONCE)) as pool:
        try:
            done = list(pool.map(run, reversed(paths)))  # the long ones first
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return {p.stem: notebook for p, notebook in zip(paths, reversed(done))}


def check_texts(languages):
    """Raise a BuildError where a page names what its lesson lacks, or has no translation."""
    from course.cli import pages

    with running.build_errors():
        for path in running.tutorials():
            cells = pages.read(path)
            if "zh_CN" in languages:
                texts = running.catalogue(
                    running.CATALOGUES / f"{path.stem}.po"
                )
                pages.require_translation(
                    cells, texts, running.catalogue(running.CODE), path.name
                )
    if "zh_CN" in languages:
        benches.check_texts()


def check_labels(notebooks):
    """Raise a BuildError where a figure's text has no translation."""
    known = {text for text, chinese in running.catalogue().items() if chinese}
    for name, notebook in notebooks.items():
        missing = set(running.labels(notebook)) - known
        if missing:
            raise BuildError(
                f"{name}.py: labels.po lacks the Chinese of {sorted(missing)};"
                " python tutorials/translate.py adds them to be translated"
            )


def stage(folder, notebooks, language, exercises=True):
    """Put together what Sphinx reads: the pages, already run, in one language.

    Args:
        exercises: whether the lessons' pages end with theirs.
    """
    import nbformat

    import practice

    folder.mkdir()
    for pattern in COPIED:
        for path in TUTORIALS.glob(pattern):
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, folder / path.name)
    practice.stage(folder, language[:2])
    benches.write_data(
        folder / "_static" / "lab", running.benches(notebooks), language
    )
    (folder / "pictures").mkdir()
    for name, notebook in notebooks.items():
        page = running.page(notebook, language)
        picture = folder / "pictures" / f"{name}.png"
        picture.write_bytes(running.picture(page))
        if exercises:
            practice.append(page, name, language[:2])
        nbformat.write(page, folder / f"{name}.ipynb")
        numbers = json.dumps(running.numbers(notebook))
        (folder / f"{name}.numbers.json").write_text(numbers, encoding="utf-8")


def render(source, target, language, names, alone, builder="html"):
    """Let Sphinx make the pages; a warning is an error."""
    found = (page.relative_to(source) for page in source.rglob("*.md"))
    written = ",".join(sorted(p.with_suffix("").as_posix() for p in found))
    command = [
        sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", builder,
        "-d", f"{source}.doctrees", "-D", f"language={language}",
        "-A", f"tutorials={','.join(names)}", "-A", f"written={written}",
        "-A", f"one_language={1 if alone else ''}",
        str(source), str(target),
    ]  # fmt: skip
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=running.with_course(TUTORIALS),  # conf.py imports modules of ours
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise BuildError(f"Sphinx, {language}: {' | '.join(lines[:6])}")


def files(staged, target, notebooks, language):
    """Every page's source, a tutorial's notebook and its exercises, beside the page."""
    import nbformat

    import practice
    from course.grading import sources

    for page in staged.rglob("*.md"):
        shutil.copy(page, target / page.relative_to(staged))
    for lesson in sources.lessons():
        text = sources.learners_file(lesson, language[:2])
        file = target / sources.file_name(lesson)
        file.write_text(text, encoding="utf-8")
    for name, notebook in notebooks.items():
        source = TUTORIALS / f"{name}.py"
        shutil.copy(source, target)
        download = running.download(source, notebook, language)
        practice.append(download, name, language[:2], on_site=False)
        nbformat.write(download, target / f"{name}.ipynb")


def replaceable(output):
    """Raise a BuildError rather than delete a folder that is not a site."""
    indices = [
        output / folder / "searchindex.js" for folder in LANGUAGES.values()
    ]
    empty = not output.exists() or (
        output.is_dir() and not any(output.iterdir())
    )
    if not empty and not any(index.is_file() for index in indices):
        raise BuildError(
            f"{output} exists and is not a site built before; name another --output"
        )


def put_in_place(site, output):
    """Give the finished site its name; the former one, if any, goes."""
    former = site.with_name("former")
    if output.exists():
        os.replace(output, former)
    try:
        os.replace(site, output)
    except BaseException:
        if former.exists():
            os.replace(former, output)
        raise


def build(output, languages):
    ready()
    replaceable(output)
    start = time.perf_counter()
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        work = tempfile.mkdtemp(
            prefix=f".{output.name}.", suffix=".part", dir=output.parent
        )
    except OSError as error:
        raise BuildError(
            f"cannot write beside {output} ({error.strerror})"
        ) from None
    try:
        work = Path(work)
        check_texts(languages)
        notebooks = run_all(work)
        check_labels(notebooks)
        site = work / "site"
        site.mkdir()

        for language in languages:
            stage(work / language, notebooks, language)

        def write(language):
            pages = work / f"{language}.html"  # MyST-NB puts a folder beside it
            render(
                work / language, pages, language, notebooks, len(languages) == 1
            )
            return pages

        with ThreadPoolExecutor(len(languages)) as pool:
            written = dict(zip(languages, pool.map(write, languages)))
        for language, pages in written.items():
            files(work / language, pages, notebooks, language)
            shutil.copytree(
                pages, site / LANGUAGES[language], dirs_exist_ok=True
            )
        (site / ".nojekyll").touch()
        put_in_place(site, output)
    except OSError as error:
        raise BuildError(
            f"{error.filename or output}: {error.strerror or error}"
        ) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(
        f"{output}: built in {time.perf_counter() - start:.1f} s; open {output / 'index.html'}"
    )
    return 0


def main():
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument(
        "--output", type=Path, default=Path("site"), help="default: site"
    )
    flags.add_argument(
        "--language",
        choices=LANGUAGES,
        help="only this one, without the switch",
    )
    given = flags.parse_args()
    languages = [given.language] if given.language else list(LANGUAGES)
    return build(given.output.resolve(), languages)


if __name__ == "__main__":
    raise SystemExit(running.command(main, "tutorials/build.py"))
