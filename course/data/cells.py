"""A column of a user's table: numbers, numbers as people write them, or words.

"£155,000" is 155000 where the whole column says so. A comma alone does not: 1,250 is 1250 in
London and 1.25 in Berlin. What could be either is refused, with both.
"""

import functools
import itertools
import re
import unicodedata
from dataclasses import dataclass

import numpy as np

# What may stand behind a number; behind others it makes a name: room 5a, 12 Jan.
UNITS = """
    % ‰ ° °C °F mm cm m km mi ft mm2 cm2 m2 km2 ha sqm sqft cm3 m3 ml l L mg g kg t lb oz
    ms s min h hour hours day days week weeks month months year years Hz kHz MHz GHz W kW kWh
    k EUR euro euros USD dollar dollars GBP CNY RMB yuan
    毫米 厘米 米 千米 公里 平方厘米 平方米 平方公里 平米 公顷 亩 立方米 毫升 升 克 斤 公斤 千克 吨
    秒 分钟 小时 天 个月 年 岁 度 摄氏度 千瓦 个 件 台 人 户 间 层 千 万 亿
    元 万元 亿元 欧元 美元 日元
"""
UNIT = "|".join(UNITS.split())
# A sign and a currency's sign in either order, digits with what separates them, a unit.
CELL = re.compile(
    r"(?P<one>[-+]?) ?(?P<before>[$¢-¥฿₠-⃀]?) ?(?P<two>[-+]?)"
    r"(?P<digits>\d(?:[\d,.' ]*\d)?) ?(?P<after>[$¢-¥฿₠-⃀]?)"
    rf"(?P<unit>(?:{UNIT})?(?:/(?:{UNIT}))?)"
)
GROUPS = (("", "."), ("", ","), (",", "."), (".", ","), (" ", "."), (" ", ","), ("'", "."),
          ("'", ","))  # separators of thousands, and decimal points  # fmt: skip
SAMPLE = 1000  # cells that say whether a column is meant to be numbers


@dataclass(frozen=True)
class Written:
    """A number as people write it.

    Attributes:
        digits: with what separates them, and a minus.
        currency: its sign, or "".
        unit: what stands behind, or "".
    """

    digits: str
    currency: str
    unit: str

    def values(self, points=".,"):
        """What it may mean: {(separator of thousands, decimal point): number}.

        >>> sorted({*written("1,250").values().values()})
        [1.25, 1250.0]
        >>> {*written("£155,000").values().values()}  # no price of 155 has three decimals
        {155000.0}
        """
        found = {}
        for separator, point in GROUPS:
            if point in points and _form(separator, point, self.currency).fullmatch(self.digits):
                plain = self.digits.replace(separator, "") if separator else self.digits
                found[separator, point] = float(plain.replace(point, "."))
        return found


@functools.cache
def _form(separator, point, currency):
    """What a number with this separator of thousands and this decimal point looks like."""
    whole = r"\d+"
    if separator:
        whole = rf"(?:0|[1-9]\d{{0,2}}(?:{separator}\d{{3}})*)".replace(".", r"\.")
    forms = [whole, rf"{whole}[{point}]\d+"]
    if currency and point == ",":
        forms = [whole, rf"{whole},\d{{1,2}}", r"\d,\d+"]
    return re.compile(rf"-?(?:{'|'.join(forms)})")


def written(text):
    """The `Written` number that a cell holds, or None.

    >>> written("-$12.50"), written("50 m²").unit, written("2024-01-05")
    (Written(digits='-12.50', currency='$', unit=''), 'm2', None)
    >>> written("98.5²"), written("①"), written("5½"), written("5a")
    (None, None, None, None)
    """
    if any(_is_raised(*pair) for pair in itertools.pairwise(f" {text}")):
        return None
    text = unicodedata.normalize("NFKC", text).replace("−", "-").replace("’", "'")
    found = CELL.fullmatch(text)
    if not found or (found["before"] and found["after"]):
        return None
    minus = "-" * ("-" in found["one"] + found["two"])
    return Written(minus + found["digits"], found["before"] + found["after"], found["unit"])


def _is_raised(before, letter):
    """Whether NFKC would make a digit of a letter that is none: 10² is not 102. m² is m2."""
    if letter.isdecimal() or (letter in "²³" and before.isalpha()):
        return False
    return unicodedata.normalize("NFKC", letter)[:1].isdecimal()


def number(text):
    """The float that a cell is, or None."""
    try:
        return None if "_" in text else float(text)  # to Python, 1_0 is 10
    except ValueError:
        return None


def read(cells, points=".,"):
    """The numbers of a column that are written for people, where they can mean one thing only.

    Args:
        cells: texts.
        points: the decimal points that there may be, "." where the table has such numbers.

    Returns:
        An array, or None.

    >>> read(["£155,000", "£98,500"])
    array([155000.,  98500.])
    >>> read(["1,250", "2,500"])  # or 1.25 and 2.5
    >>> read(["1,250", "2,500"], ".")
    array([1250., 2500.])
    """
    rows = []
    for cell in cells:
        one = written(cell)
        if one is None or one.unit or (rows and one.currency != rows[0].currency):
            return None
        rows.append(one)
    meanings = [row.values(points) for row in rows]
    common = set.intersection(*map(set, meanings))
    columns = {tuple(meaning[groups] for meaning in meanings) for groups in common}
    if len(columns) != 1 or any("," in row.digits and (",", ".") not in common for row in rows):
        return None  # a decimal comma is told, not read: it might stand for two cells
    return np.array(columns.pop())


def meant_as_numbers(cells):
    """Whether most cells look like numbers with the same thing added to them: "50 m2".

    >>> meant_as_numbers(["50 m2", "62 m2", "?"]), meant_as_numbers(["12A", "7B", "2024-01-05"])
    (True, False)
    """
    some = [written(cell) for cell in itertools.islice(filter(None, cells), SAMPLE)]
    added = {(one.currency, one.unit) for one in some if one and one.values()}
    return len(added) == 1 and 2 * sum(one is not None for one in some) > len(some)


def worst(bad):
    """The first of the cells that are no numbers; rather one that is in the way of the others.

    Args:
        bad: pairs (line number, text).

    >>> worst([(2, "£5"), (3, "n/a"), (4, "£7")]), worst([(2, "50 m2"), (3, "n/a")])
    ((3, 'n/a'), (2, '50 m2'))
    """
    first = written(bad[0][1])
    others = (cell for cell in bad if first and not first.unit and written(cell[1]) is None)
    return next(others, bad[0])


def advice(text):
    """What a cell that is no number should look like.

    >>> advice("1,250"), advice("50 m²"), advice("n/a")
    ('write 1.25 or 1250', 'write 50 and put m2 into the name of the column', 'fix the cell')
    """
    one = written(text)
    values = sorted({*one.values().values()}) if one else []
    if not values:
        return "fix the cell" if text else "fill the cell"
    plain = " or ".join(f"{value:.15g}" for value in values)
    unit = f" and put {one.unit} into the name of the column" if one.unit else ""
    return f"write {plain}{unit}"
