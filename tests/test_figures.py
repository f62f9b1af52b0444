"""The pictures' fonts, and the names of a user's columns in them."""

import pytest
from conftest import ROOT
from matplotlib import font_manager, pyplot as plt

from course import data, figures
from course.cli import main

SITE_FONT = ROOT / "tutorials" / "fonts" / "NotoSansCJKsc-subset.otf"


@pytest.fixture
def no_chinese(monkeypatch, tmp_path):
    """A machine without a Chinese font; return a function that gives it the site's."""
    manager = font_manager.fontManager
    monkeypatch.setattr(manager, "ttflist", [f for f in manager.ttflist if "DejaVu" in f.name])
    monkeypatch.setattr(figures, "SITE_FONT", tmp_path / "no.otf")
    yield lambda: monkeypatch.setattr(figures, "SITE_FONT", SITE_FONT)
    figures._drawn.cache_clear()


def test_a_name_that_no_font_has_gets_a_number_and_a_key(no_chinese):
    assert figures.chinese_fonts() == []
    assert figures.label("面积", "column 1") == "column 1"
    assert figures.label("größe in €, $x_1$", "column 1") == r"größe in €, \$x_1\$"
    table = data.Table(None, None, ["a", "面积"], "价格", [])
    assert figures.key(table) == {"column 2": "面积", "target": "价格"}
    assert figures.key(table._replace(columns=["a"], target="y")) == {}


checkout = pytest.mark.skipif(not SITE_FONT.is_file(), reason="the wheel has no fonts")


@checkout
def test_the_sites_font_is_used_where_there_is_no_other(no_chinese):
    no_chinese()
    assert figures.chinese_fonts() == ["Noto Sans CJK SC"]
    assert figures.label("面积", "column 1") == "面积"
    assert figures.label("面\U0002a6d6", "column 1") == "column 1"  # it has the commonest only
    figure, (ax,) = figures.panels("面积")  # a missing glyph is an error in the tests
    with figures.fonts():
        ax.plot([1, 2], label="价格")
        ax.legend()
        ax.set_yticks([1, 2], ["卧室", "面积"])
        figure.canvas.draw()


@pytest.mark.parametrize("site", [False, pytest.param(True, marks=checkout)])
def test_a_lesson_on_a_chinese_table(no_chinese, in_tmp, capsys, site):
    if site:
        no_chinese()
    rows = "1,2,3\n2,1,5\n3,5,4\n4,0,9\n5,5,5\n"
    (in_tmp / "t.csv").write_text(f"面积,b,价格\n{rows}", encoding="utf-8")
    assert main("lesson09", ["--data", "t.csv", "--target", "价格"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert ("No font here has these names: column 1 = 面积, target = 价格." in out) is not site
    plt.close("all")
