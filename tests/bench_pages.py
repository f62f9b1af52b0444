"""A bench of the site under a test's hands: what `test_lab*.py` share."""

import contextlib
import json
import re
import shutil
import sys

import numpy as np
from conftest import ROOT
from website import opened

sys.path.insert(0, str(ROOT / "tutorials"))
import benches

LANGUAGES = {"en": "", "zh": "zh/"}


class BenchPage:
    """A bench's page in the browser; `state`, `model`, `set` are the bench's own."""

    def __init__(self, browser, address, name, width=1280):
        self.browser, self.address, self.name = browser, address, name
        opened(browser, "about:blank")
        opened(browser, address, width)
        self.run("bench.update()")

    def run(self, script, *arguments):
        """Run JavaScript in which `bench` is the bench."""
        head = f"const bench = lab.benches[{json.dumps(self.name)}];"
        return self.browser.execute_script(head + script, *arguments)

    def set(self, **changes):
        """Change the state as the controls do, and draw."""
        ok = self.run("const ok = bench.set(arguments[0]); bench.update(); return ok;", changes)
        assert ok, (changes, self.message)

    def model(self, what):
        """A part of what the bench computed: arrays of numbers, NaN and inf as None."""
        return self.run(f"return bench.model.{what};")

    @property
    def state(self):
        return self.run("return bench.state;")

    @property
    def message(self):
        return self.run("return bench.parts.message.textContent;")

    @property
    def text(self):
        return self.run("return bench.place.innerText;")

    def python(self):
        """What "Copy as Python" gives, run: its variables."""
        text = self.run("return bench.definition.python(bench.state, bench);")
        scope = {}
        exec(compile(text, "copied.py", "exec"), scope)
        return scope


def page(site, browser, name, language="en", fragment="", width=1280):
    """Open a bench's page from the site's files, without a server."""
    path = site / LANGUAGES[language] / "lab" / f"{name}.html"
    return BenchPage(browser, path.as_uri() + fragment, name, width)


@contextlib.contextmanager
def spoilt(site, tmp_path, browser, name, file, right, wrong):
    """The bench's page with one deliberate mistake in a script."""
    copy = tmp_path / "site"
    shutil.copytree(site / "_static" / "lab", copy / "_static" / "lab")
    (copy / "lab").mkdir()
    script = copy / "_static" / "lab" / file
    text = script.read_text(encoding="utf-8")
    assert text.count(right) >= 1, (file, right)
    script.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    # The site's page needs the theme's files; a page of the bench alone does not.
    (copy / "lab" / f"{name}.html").write_text(benches.page(name, "en"), encoding="utf-8")
    yield page(copy, browser, name)


def caught(check, bench):
    """Whether the check, a function that asserts, fails at this bench."""
    try:
        check(bench)
    except (AssertionError, TypeError, ValueError):  # of NaN, which arrives as None
        return True
    return False


def assert_near(found, expected, relative):
    """Equal but for `relative` times the largest expected size."""
    found, expected = np.asarray(found, "float64"), np.asarray(expected, "float64")
    assert found.shape == expected.shape
    size = np.abs(expected).max() if expected.size else 0
    worst = np.abs(found - expected).max() if expected.size else 0
    assert worst <= relative * size, (worst, relative * size)


def no_nonsense(text):
    """No NaN, undefined or infinity on the screen."""
    assert not re.search(r"NaN|undefined|Infinity|\[object", text), text
