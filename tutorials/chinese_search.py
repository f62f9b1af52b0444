"""Search for Chinese: text and query are both cut into pairs of neighbouring characters.

No dictionary is needed, and the browser cuts a query exactly as the index was cut.
"""

import re

from sphinx.search.zh import SearchChinese

HAN = re.compile(r"[\u4e00-\u9fff]+")
SPLITTER = """
var splitQuery = (query) => {
    const words = query.match(/[A-Za-z0-9_]+/g) || [];
    for (const run of query.match(/[\\u4e00-\\u9fff]+/g) || [])
        for (let i = 0; i < Math.max(1, run.length - 1); i++) words.push(run.slice(i, i + 2));
    return words;
};
"""


def pairs(text):
    """The pairs of neighbouring Chinese characters.

    >>> pairs("学习率 η，代价")
    ['学习', '习率', '代价']
    """
    return [
        run[i : i + 2]
        for run in HAN.findall(text)
        for i in range(max(1, len(run) - 1))
    ]


class SearchPairs(SearchChinese):
    language_name = "English"  # the stemmer of its Latin words; there is none called Chinese
    js_splitter_code = SPLITTER

    def split(self, input):  # the name that Sphinx calls it by
        latin = self.latin1_letters.findall(input)
        self.latin_terms.update(latin)
        return pairs(input) + latin
