"""The reference: pages that Sphinx's autodoc makes of what practitioners import.

Docstrings are plain text, to be read in an editor; here they become the RST that Sphinx reads.
"""

import re
import textwrap

from docutils import nodes
from sphinx import addnodes
from sphinx.util import inspect

FENCE = re.compile(r"^( *)```(\w+)\n([\s\S]*?)^ *```$", re.MULTILINE)
# Code, which stays; or what would be markup: |w|, *shape and coef_ are words.
CODE_OR_MARKUP = re.compile(r"(`[^`]*`)|(\||(?<=\w)_(?!\w)|(?<![\w*])\*(?=\w))")
# Names that stand in a signature in their wrapping.
WRAPPED = re.compile(r"TypeAliasForwardRef\('(\w+)'\)|<function (\w+)>")
# The one section that napoleon does not translate.
ATTRIBUTES = {"en": "Attributes", "zh_CN": "属性"}


def as_rst(lines):
    """A docstring's lines; what is set off in it, formulas and tables, is kept as it is.

    >>> as_rst(["The lasso:", "", "    ‖Xw − y‖² + α|w|", "", "Args:", "    X: |x| < 1."])
    ['The lasso:', '', '::', '', '    ‖Xw − y‖² + α|w|', '', 'Args:', '    X: \\\\|x\\\\| < 1.']
    """
    made, before, kept = [], "", None  # kept: the margin of the text around it
    for line in FENCE.sub(_code_block, "\n".join(lines)).split("\n"):
        if line.strip():
            margin = _margin(line)
            if kept is not None and margin <= kept:
                kept = None
            set_off = made[-1:] == [""] and margin > _margin(before)
            if kept is None and set_off:
                kept = _margin(before)
                if not before.lstrip().startswith(".. "):
                    made += [" " * kept + "::", ""]
            before = line
        plain = kept is None and not line.lstrip().startswith((">>>", "..."))
        made.append(CODE_OR_MARKUP.sub(_escaped, line) if plain else line)
    return made


def _margin(line):
    return len(line) - len(line.lstrip())


def _code_block(fence):
    code = textwrap.indent(fence[3], "    ")
    return f"{fence[1]}.. code-block:: {fence[2]}\n\n{code}"


def _escaped(found):
    return found[1] or "\\" + found[2]


def plain_text(app, what, name, obj, options, lines):
    """Give autodoc a docstring as RST; a module's own words are on its page."""
    if what == "module":
        lines.clear()
    heading = f"{ATTRIBUTES[app.config.language]}:"
    lines[:] = [
        heading if line == "Attributes:" else line for line in as_rst(lines)
    ]


def plain_signature(app, what, name, obj, options, signature, result):
    """ArrayLike, NDArray and functions by their names."""
    if signature == "(*args, **kwargs)":  # Keras gives its classes a __new__
        own = inspect.signature(obj.__init__, bound_method=True)
        signature = inspect.stringify_signature(own, unqualified_typehints=True)
    return [text and WRAPPED.sub(r"\1\2", text) for text in (signature, result)]


def skip(app, what, name, obj, skip, options):
    """What is not ours, and a named tuple's fields, which its docstring describes."""
    ours = (getattr(obj, "__module__", None) or "course").startswith("course")
    field = type(obj).__name__ == "_tuplegetter"
    return None if ours and not field else True


def leave_english(app, document):
    """Docstrings are not given to the translators: they are the code's."""
    for description in document.findall(addnodes.desc_content):
        for node in description.findall(nodes.TextElement):
            node["translatable"] = False


def setup(app):
    # Before napoleon, which makes fields of "Args:" and "Returns:".
    app.connect("autodoc-process-docstring", plain_text, priority=400)
    app.connect("autodoc-process-signature", plain_signature)
    app.connect("autodoc-skip-member", skip)
    app.connect("doctree-read", leave_english)
