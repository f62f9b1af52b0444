"""Sphinx's settings. The site is built by build.py, which runs the tutorials first."""

import json
import sys
from pathlib import Path

from docutils import nodes

sys.path.insert(0, str(Path(__file__).parent))

from chinese_search import SearchPairs
from course.notebook import quote

project = "Deep Learning, Checked"
extensions = ["myst_nb"]
exclude_patterns = ["locale", "fonts"]
templates_path = ["_templates"]

nb_execution_mode = "off"
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["amsmath", "deflist", "dollarmath"]
mathjax_path = "mathjax/tex-svg.js"

locale_dirs = ["locale"]
gettext_compact = False
gettext_additional_targets = ["image"]
language = "en"

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_favicon = "_static/favicon.svg"
html_context = {"default_mode": "auto"}
html_theme_options = {
    "article_header_start": ["toggle-primary-sidebar.html", "language.html"],
    "article_header_end": ["files.html", "article-header-buttons.html"],
    "use_download_button": False,
    "navbar_persistent": [],
    "home_page_in_toc": True,
    "footer_content_items": ["extra-footer.html"],
    "extra_footer": "Code: Apache-2.0. Text and pictures: CC BY 4.0.",
}


def number(name, rawtext, text, lineno, inliner, options=None, content=None):
    """{number}`name` or {number}`name:.3f`: a number of the page's run, which build.py kept."""
    key, _, layout = text.partition(":")
    environment = inliner.document.settings.env
    file = Path(environment.srcdir) / f"{environment.docname}.numbers.json"
    if not file.is_file():  # the texts are being collected for translation
        return [nodes.Text(rawtext)], []
    known = json.loads(file.read_text(encoding="utf-8"))
    try:
        return [nodes.Text(quote(known[key], layout))], []
    except (KeyError, TypeError, ValueError) as problem:
        message = f"{rawtext}: the run gave no such number ({problem!r})"
        return [], [inliner.reporter.error(message, line=lineno)]


def speak_chinese(app, config):
    """The Chinese site has its own title and keeps the quotes that were written."""
    if config.language != "en":
        config.smartquotes = False
        config.html_title = "深度学习，逐数检验"
        config.nb_code_prompt_show = "显示代码"
        config.nb_code_prompt_hide = "隐藏代码"
        config.html_theme_options["extra_footer"] = (
            "代码：Apache-2.0。文字和图片：CC BY 4.0。"
        )


def setup(app):
    app.add_role("number", number)
    app.add_search_language(SearchPairs)
    app.connect("config-inited", speak_chinese)
