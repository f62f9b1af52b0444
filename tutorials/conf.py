"""Sphinx's settings. The site is built by build.py, which runs the tutorials first."""

import html
import json
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.transforms.post_transforms import SphinxPostTransform

import benches
import docstrings
from chinese_search import SearchPairs
from course.notebook import quote

DEEPER = ("Going deeper", "选读")
project = "Deep Learning, Checked"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "docstrings",
]
exclude_patterns = ["locale", "fonts"]
templates_path = ["_templates"]

nb_execution_mode = "off"
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["amsmath", "attrs_block", "deflist", "dollarmath"]
# [text](bench:descent:v=1&rate=0.2) sets the bench of the page.
myst_url_schemes = {
    "http": None,
    "https": None,
    "mailto": None,
    "bench": "#{{path}}",
}
myst_ref_domains = ["std"]  # [](autodiff) is a page, not course.autodiff
mathjax_path = "mathjax/tex-svg.js"

# The pages in api/.
add_module_names = False
autodoc_class_signature = "mixed"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_type_aliases = {
    name: name for name in ("Array", "ArrayLike", "NDArray")
}
autodoc_typehints_format = "short"
default_role = "code"  # a docstring's `name`
napoleon_attr_annotations = False  # the signature has the types
napoleon_numpy_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_custom_sections = [
    ("Reference", "References"),
    *((name, "params_style") for name in docstrings.ATTRIBUTES.values()),
]
python_maximum_signature_line_length = 60
toc_object_entries_show_parents = "hide"

locale_dirs = ["locale"]
gettext_compact = False
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


class Bench(Directive):
    """{bench} name: a bench of the lab; without JavaScript its lesson's picture stands there."""

    required_arguments = 1

    def run(self):
        from course.lab import LESSON

        (name,) = self.arguments
        if name not in LESSON:
            raise self.error(
                f"there is no bench {name}; benches are {', '.join(LESSON)}"
            )
        picture = nodes.image(
            uri=f"/pictures/lesson{LESSON[name]:02}.png",
            alt=f"Lesson {LESSON[name]}",
        )
        place = f'<div class="bench" data-bench="{name}">'
        made = [
            nodes.raw("", place, format="html", bench=name),
            picture,
            nodes.raw("", "</div>", format="html"),
        ]
        return made


def load_benches(app, page, template, context, doctree):
    """Only a page with a bench loads its scripts and data."""
    if doctree is None or app.builder.format != "html":
        return
    names = [n["bench"] for n in doctree.findall(nodes.raw) if "bench" in n]
    for priority, file in enumerate(
        dict.fromkeys(f for name in names for f in benches.scripts(name)), 600
    ):
        app.add_js_file(file, priority=priority)
    if names:
        app.add_css_file("lab/lab.css")


class FoldDeeper(SphinxPostTransform):
    """Fold a section "Going deeper" below its first paragraph, which says what it needs."""

    default_priority = 900
    formats = ("html",)

    def run(self, **_):
        for section in list(self.document.findall(nodes.section)):
            if not section[0].astext().startswith(DEEPER):
                continue
            (first, *_) = (
                i
                for i, n in enumerate(section)
                if isinstance(n, nodes.paragraph)
            )
            word = "Show" if self.config.language == "en" else "展开"
            head = f'<details class="deeper"><summary>{word}</summary>'
            section.insert(first + 1, nodes.raw("", head, format="html"))
            section.append(nodes.raw("", "</details>", format="html"))


def describe(app, page, template, context, doctree):
    """A description for search engines and previews: the page's first paragraph."""
    if doctree is None or app.builder.format != "html":
        return
    first = next(doctree.findall(nodes.paragraph), None)
    if first is not None:
        text = " ".join(first.astext().split())
        text = text if len(text) <= 200 else text[:199].rsplit(" ", 1)[0] + "…"
        title = html.escape(f"{context['title']} · {app.config.html_title}")
        about = html.escape(text)
        context["metatags"] = context.get("metatags", "") + (
            f'<meta name="description" content="{about}">'
            f'<meta property="og:title" content="{title}">'
            f'<meta property="og:description" content="{about}">'
            '<meta property="og:type" content="article">'
        )


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
    app.add_post_transform(FoldDeeper)
    app.add_directive("bench", Bench)
    app.connect("html-page-context", describe)
    app.connect("html-page-context", load_benches)
    app.connect("config-inited", speak_chinese)
