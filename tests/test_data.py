import hashlib
import os
import re

import numpy as np
import pytest
from conftest import one_line

from course import data
from course.cli import main
from course.errors import InputError


@pytest.mark.parametrize("name", data.CHECKSUMS)
def test_the_files_are_the_ones_the_card_describes(name):
    digest = hashlib.sha256((data.folder() / name).read_bytes()).hexdigest()
    card = (data.folder() / "README.md").read_text(encoding="utf-8")
    assert digest == data.CHECKSUMS[name] == data.checksum(name)
    assert re.search(rf"{re.escape(name)}.*\n?.*{digest}", card)


def test_the_points_obey_their_formulas():
    x, y = data.load_three_points()
    assert (x.tolist(), y.tolist()) == ([1, 2, 3], [2, 4, 6])
    for load, first, last in [
        (data.load_five_points, 0, 4),
        (data.load_two_hundred_points, 1, 200),
    ]:
        x, y = load()
        assert (x[0], x[-1]) == (first, last)
        assert (y == 2 * x + 5).all()


def test_two_features_are_the_draw_that_the_card_describes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)).round(6)
    y = (X @ [2, -3.4] + 4.2 + 0.01 * rng.normal(size=200)).round(6)
    np.testing.assert_allclose(data.load_two_features()[0], X, atol=1e-12)
    np.testing.assert_allclose(data.load_two_features()[1], y, atol=1e-12)


def table(tmp_path, text, target="y"):
    file = tmp_path / "table.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return data.load_table(file, target)


GOOD = "a,b,y\n1,2,3\n2,1,5\n3,5,4\n4,0,9\n5,5,5\n"


def test_a_good_table(tmp_path):
    got = table(tmp_path, "name," + GOOD.replace("\n", "\nBob,", 5).removesuffix("Bob,"))
    assert got.columns == ["a", "b"]
    assert got.left_out == ["name"]
    assert got.y.tolist() == [3, 5, 4, 9, 5]
    assert got.X[:, 1].tolist() == [2, 1, 5, 0, 5]


def test_a_fit_to_the_scaled_table_in_the_tables_units():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(9, 2)) * [3, 0.1] + [7, -4], rng.normal(size=9) + 290
    got = data.Table(X, y, ["a", "b"], "y", [])
    Z, _ = got.scaled()
    np.testing.assert_allclose([Z.mean(0), Z.std(0)], [[0, 0], [1, 1]], atol=1e-12)
    ws, bs = np.array([[0.5, -2.0], [1.0, 0.0]]), np.array([0.25, 0.0])
    for w, b in [(ws[0], bs[0]), (ws, bs)]:
        in_units, intercept = got.in_units(w, b)
        y_hat = X @ in_units.T + intercept
        np.testing.assert_allclose((y_hat - y.mean()) / y.std(), Z @ w.T + b, atol=1e-12)
    told = got.described(*got.in_units(ws, bs), ": one, other")
    names = "weight of a", "weight of b", "intercept", "fraction of the variance explained"
    assert list(told)[3:] == [f"{name}: one, other" for name in names]
    explained = [1 - np.mean((Z @ w + b - (y - y.mean()) / y.std()) ** 2) for w, b in zip(ws, bs)]
    np.testing.assert_allclose(told[f"{names[-1]}: one, other"], explained, atol=1e-12)
    assert told["weight of b: one, other"].tolist() == in_units[:, 1].tolist()


def test_a_byte_order_mark_windows_lines_quotes_spaces_and_blank_lines(tmp_path):
    text = '\ufeff"a", b ,y\r\n"1",2, 3\r\n\r\n2,1,5\r\n3,5,4\r\n4,0,9\r\n'
    assert table(tmp_path, text).columns == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a,b,y\n", "no rows below its header"),
        ("a,b,y\n1,2,3\n", "only one row"),
        ("a,b,y\n1,2,3\n4,5\n", "line 3: 2 cells where the header has 3"),
        (GOOD.replace("5,4", "five,4"), "line 4, column 'b': 'five' is not a usable number"),
        (GOOD.replace("5,4", "nan,4"), "line 4, column 'b': 'nan'"),
        (GOOD.replace("5,4", ",4"), "line 4, column 'b': ''"),
        (GOOD.replace("9", "inf"), "line 5, column 'y': 'inf'"),
        (GOOD.replace("9", "1e300"), "line 5, column 'y': '1e300'"),
        (GOOD.replace("b,y", "a,y"), "column 1 is named 'a', as another is"),
        (GOOD.replace("a,b", ",b"), "column 1 has no name"),
        (GOOD.replace(",", ";"), "not to be separated by commas"),
        (b"a,y\n1,\xff\n", "not UTF-8 text (byte 6)"),
        ("价格,y\n1,2\n".encode()[1:], "not UTF-8 text (byte 0)"),
        (GOOD.encode("utf-16"), "not UTF-8 text"),
        ('a,y\n"1,2\n', "not a CSV table"),
        (GOOD.replace("5,4", "1_0,4"), "line 4, column 'b': '1_0'"),
        ("a,b,y\n1e-200,7,3\n2e-200,6,5\n3e-200,7,4\n0,7,1\n", "column 'a' is constant"),
        ("a,b,y\n1,7,3\n2,7,5\n3,7,4\n4,7,1\n", "column 'b' is constant"),
        ("a,b,y\n1,2,3\n2,4,5\n3,6,4\n4,8,1\n", "column 'b' is a combination of 'a'"),
        ("a,b,y\n1,2,3\n2,1,3\n3,6,3\n4,8,3\n", "column 'y' is constant"),
        ("a,b,y\n1,2,3\n2,1,5\n3,6,4\n", "3 rows cannot fix 2 weights and an intercept"),
        ("y,name\n1,Bob\n2,Eve\n", "no column of numbers is left"),
        ("a,y\n1,low\n2,high\n", "the target 'y' has no numbers"),
        ("a,b\n1,2\n2,3\n", "has no column 'y'; its columns are: 'a', 'b'"),
    ],
)
def test_bad_tables(tmp_path, text, words):
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        table(tmp_path, text)
    assert "\n" not in str(caught.value)


def column(*texts):
    """A table whose column b has these cells, in quotes."""
    rows = enumerate(zip(texts, (3, 5, 4, 9, 5)))
    return "a,b,y\n" + "".join(f'{i * (7 - i)},"{text}",{y}\n' for i, (text, y) in rows)


@pytest.mark.parametrize(
    ("texts", "values", "said"),
    [
        (["£155,000", "£98,500", "£1,250", "£90", "£0"], [155000, 98500, 1250, 90, 0], "155000"),
        (["￥12.50", "￥3", "-￥4", "￥5.5", "￥1"], [12.5, 3, -4, 5.5, 1], "12.5"),
        (["155 000 €", "98 500 €", "1 €", "2 €", "3 €"], [155000, 98500, 1, 2, 3], "155000"),
        (["155 000", "98 500", "1", "2", "3"], [155000, 98500, 1, 2, 3], "155000"),
        (["155'000", "98'500.5", "1", "2", "3"], [155000, 98500.5, 1, 2, 3], "155000"),
        (["1,234,567", "98,500", "1", "2", "3"], [1234567, 98500, 1, 2, 3], "1234567"),
        (["1,234.5", "98,500", "1", "2", "3"], [1234.5, 98500, 1, 2, 3], "1234.5"),
        (["1", "2", "3", "98，500.5", "−5"], [1, 2, 3, 98500.5, -5], "98500.5"),
    ],
)
def test_thousands_and_currencies_that_can_mean_one_thing(tmp_path, texts, values, said):
    got = table(tmp_path, column(*texts))
    assert got.X[:, got.columns.index("b")].tolist() == values
    ((what, remark),) = got.remarks
    first = next(text for text in texts if not re.fullmatch(r"\d+", text))
    assert (what, remark) == ("column 'b'", f"{first!r} is read as {said}")
    assert got.described(np.ones(2), 0.0)[what] == remark


def test_a_decimal_point_elsewhere_says_what_the_commas_are(tmp_path):
    texts = "155,000", "98,500", "1", "2", "3"
    with pytest.raises(InputError, match="'155,000' is not a usable number; write 155 or 155000,"):
        table(tmp_path, column(*texts))
    got = table(tmp_path, column(*texts).replace(",9\n", ",9.5\n"))
    assert got.X[:, 1].tolist() == [155000, 98500, 1, 2, 3]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["50 m2", "62 m2", "71 m2", "80 m2", "9 m2"], "'50 m2' is not a usable number; write 50"
         " and put m2 into the name of the column, or leave out the row or the column"),
        (["50 m2", "62", "71", "80", "9"], "line 2, column 'b': '50 m2'"),
        (["50 m²", "?", "71 m²", "80 m²", "9 m²"], "write 50 and put m2 into the name"),
        (["12,5", "3,75", "4,5", "1,5", "2,5"], "'12,5' is not a usable number; write 12.5,"),
        (["12,5", "3", "4", "1", "2"], "'12,5' is not a usable number; write 12.5,"),
        (["£155,000", "$98,500", "£1", "£2", "£3"], "column 'b' has no sign"),
        (["£155,000", "98500", "£1", "£2", "£3"], "'£155,000' is not a usable number"),
        (["£1,250", "£2,375", "£1", "£2", "£3"], "'£1,250' is not a usable number; write 1.25 or"),
        (["€155.000", "€98.500", "€1", "€2", "€3"], "write 155 or 155000"),
        (["1.234.567,89", "1", "2", "3", "4"], "write 1234567.89,"),
        (["5平米", "6平米", "7平米", "8平米", "9平米"], "write 5 and put 平米 into the name"),
        (["$5/kg", "$6/kg", "$7/kg", "$8/kg", "$9/kg"], "write 5 and put /kg into the name"),
        (["98.5²", "10", "11", "12", "13"], "'98.5²' is not a usable number; fix the cell"),
        (["£1e3", "5", "6", "7", "8"], "'£1e3' is not a usable number; fix the cell"),
        (["12%", "13%", "14%", "11%", "9%"], "write 12 and put % into the name"),
        (["£5", "", "£7", "£1", "£2"], "line 3, column 'b': '' is not a usable number; fill"),
        (["1", "2", "12,000", "11000", "3"], "'12,000' is not a usable number; write 12 or 12000"),
    ],
)  # fmt: skip
def test_what_a_cell_should_look_like(tmp_path, texts, words):
    if "no sign" in words:  # of two currencies nothing is known
        assert table(tmp_path, column(*texts)).left_out == ["b"]
        return
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        table(tmp_path, column(*texts))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "texts",
    [
        ["2024-01-05", "2024-02-05", "2024-03-05", "2024-04-05", "2024-05-05"],
        ["1st", "2nd", "3rd", "4th", "5th"], ["12:30", "12:31", "1:00", "2:00", "3:00"],
        ["12.05.2024", "13.05.2024", "1.1.2023", "2.1.2023", "3.1.2023"],
        ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"],
        ["12 Main St", "3 Main St", "4 Main St", "5 Main St", "6 Main St"],
        ["5a", "7a", "6a", "8a", "9a"], ["12 Jan", "13 Jan", "14 Jan", "15 Jan", "16 Jan"],
        ["5²", "6²", "7²", "8²", "9²"], ["①", "②", "③", "④", "⑤"],
        ["A12", "B12", "C12", "D12", "E12"], ["18-25", "26-40", "41-60", "61+", "-"],
    ],
)  # fmt: skip
def test_dates_names_and_numbers_of_houses_are_words(tmp_path, texts):
    assert table(tmp_path, column(*texts)).left_out == ["b"]


@pytest.mark.parametrize("encoding", ["gbk", "gb18030"])
def test_a_table_of_excels_in_china(tmp_path, encoding):
    text = "面积（平方米）,卧室,价格,城市\n" + "".join(
        f"{a},{b},{y},北京\n" for a, b, y in [(90, 2, 3), (60, 1, 2), (75, 2, 9), (80, 3, 1)]
    )
    got = table(tmp_path, text.encode(encoding), "价格")
    assert got.columns == ["面积（平方米）", "卧室"]
    assert got.remarks == (("encoding of the table", "GB18030 (not UTF-8)"),)


@pytest.mark.parametrize("text", ["Größe", "prix_élevé", "naïve", "Ñandú", "£", "цена"])
def test_other_encodings_are_not_taken_for_chinese(tmp_path, text):
    encoding = "cp1251" if text == "цена" else "cp1252"
    with pytest.raises(InputError, match="is not UTF-8 text"):
        table(tmp_path, GOOD.replace("b", text).encode(encoding))


def test_a_column_that_numbers_the_rows_is_remarked_on(tmp_path):
    got = table(tmp_path, "id,b,y\n3,2,3\n10,1,5\n11,5,4\n40,0,9\n")
    assert got.remarks[0][0] == "column 'id'"
    assert "leave it out" in got.remarks[0][1]
    for other in ("id,b,y\n3,2,3\n10,1,5\n1,5,4\n4,0,9\n", "x,y\n1,3\n2,5\n3,4\n",
                  "id,b,y\n3,2,3\n3.5,1,5\n5,5,4\n6,0,9\n"):  # fmt: skip
        assert table(tmp_path, other).remarks == ()


def test_a_combination_of_several_columns_is_named(tmp_path):
    rng = np.random.default_rng(0)
    a, b, c, y = rng.normal(size=(4, 20))
    rows = np.column_stack([a, c, b, a - 2 * b, y])
    text = "a,c,b,d,y\n" + "\n".join(",".join(map(str, row)) for row in rows)
    with pytest.raises(InputError, match="'d' is a combination of 'a', 'b'; leave it out"):
        table(tmp_path, text)


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"cannot read .*No such file"):
        data.load_table(tmp_path / "none.csv", "y")
    for name in ("", "a" * 300):
        with pytest.raises(InputError, match=r"--data: .*(got ''|no file's name)"):
            data.load_table(name, "y")
    with pytest.raises(InputError, match=r"cannot read .*directory"):
        data.load_table(tmp_path, "y")
    with open(tmp_path / "big.csv", "wb") as file:
        file.truncate(300 * 2**20)
    with pytest.raises(InputError, match="has more than 50 MiB"):
        data.load_table(tmp_path / "big.csv", "y")

    def locked(path, mode):
        raise PermissionError(13, "Permission denied", os.fspath(path))

    (tmp_path / "locked.csv").write_text(GOOD)
    monkeypatch.setattr(type(tmp_path), "open", locked)  # as root every file is readable
    with pytest.raises(InputError, match=r"cannot read .*Permission denied"):
        data.load_table(tmp_path / "locked.csv", "y")


def test_a_stream_without_an_end(in_tmp):
    if os.path.exists("/dev/zero"):
        with pytest.raises(InputError, match="more than 50 MiB"):
            data.load_table("/dev/zero", "y")


def test_names_that_mean_something_to_others(in_tmp, capsys):
    (in_tmp / "t.csv").write_text(GOOD.replace("a,b,y", "$a,[/b],价格 $\\x$"), encoding="utf-8")
    assert main("lesson03", ["--data", "t.csv", "--target", "价格 $\\x$"]) == 0
    assert "weight of [/b]" in capsys.readouterr().out
    assert (in_tmp / "figures" / "lesson03_table.png").stat().st_size > 5000


def test_what_was_read_is_said(in_tmp, capsys):
    rows = [(1, "￥1,500,000", 3), (2, "￥98,500", 5), (3, "￥1", 4), (4, "￥20", 9), (5, "￥7", 5)]
    text = "编号,价格,y\n" + "".join(f'{i},"{price}",{y}\n' for i, price, y in rows)
    (in_tmp / "t.csv").write_bytes(text.encode("gbk"))
    assert main("lesson03", ["--data", "t.csv", "--target", "y"]) == 0
    out = capsys.readouterr().out
    for line in ("encoding of the table .*GB18030", "'￥1,500,000' is read as 1500000",
                 "column '编号'\n.*leave it out"):  # fmt: skip
        assert re.search(line, out)


@pytest.mark.parametrize("flags", [["--data", "no.csv", "--target", "y"], ["--data", "ok.csv"]])
def test_the_lesson_says_it_in_one_line(in_tmp, capsys, flags):
    (in_tmp / "ok.csv").write_text(GOOD)
    assert main("lesson03", flags) == 2
    line = one_line(capsys.readouterr().err)
    assert "No such file" in line or "--target is missing; the columns of ok.csv are: 'a'" in line


def test_columns_that_nearly_repeat_each_other(in_tmp, capsys):
    rng = np.random.default_rng(0)
    a = rng.normal(size=50)
    rows = np.column_stack([a, a + 1e-4 * rng.normal(size=50), rng.normal(size=50)])
    text = "a,b,y\n" + "\n".join(",".join(map(str, row)) for row in rows)
    (in_tmp / "near.csv").write_text(text)
    assert main("lesson03", ["--data", "near.csv", "--target", "y"]) == 2
    assert "nearly repeat each other" in one_line(capsys.readouterr().err)
