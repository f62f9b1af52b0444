"""The exercises on the site: in a lesson's page with folded hints; solutions on their own pages."""

import ast
import re

from course.grading import sources
from course.grading.exercise import say

KIND = {
    "line": ("fill in", "填空"),
    "predict": ("predict", "预测"),
    "bug": ("find the bug", "找错"),
    "model": ("build the model", "搭建模型"),
    "baseline": ("beat a baseline", "胜过基线"),
    "free": ("free, with a target", "自由题，有目标"),
}
CODE = re.compile(r"(`[^`]*`)")
SPECIAL = re.compile(r"([\\*_$<>\[\]#|~])")
HAN = "[\u3000-\u9fff\uff00-\uffef]"


def prose(text):
    """A docstring as Markdown: its symbols as they stand, its paragraphs unbroken."""
    text = "".join(
        part if part.startswith("`") else SPECIAL.sub(r"\\\1", part)
        for part in CODE.split(text)
    )
    paragraphs = [" ".join(p.split("\n")) for p in text.split("\n\n")]
    return re.sub(f"(?<={HAN}) (?={HAN})", "", "\n\n".join(paragraphs))


def functions(text):
    """{name: source} of a file's functions, without their docstrings."""
    lines, found = text.splitlines(), {}
    for node in sources.parsed(text).body:
        if isinstance(node, ast.FunctionDef):
            words = node.body[0]
            head = lines[node.lineno - 1 : words.lineno - 1]
            body = lines[words.end_lineno : node.end_lineno]
            found[node.name] = "\n".join([*head, *body])
    return found


def section(lesson, language, on_site=True):
    """The exercises of a lesson, to stand at the end of its page.

    Args:
        on_site: whether the learner's file and the solutions lie beside it.
    """
    code = functions(sources.learners_file(lesson, language))
    name = sources.file_name(lesson)
    command = f"`python -m course exercise {lesson}`"
    link = f'<a href="{name}" download>{name}</a>' if on_site else f"`{name}`"
    check = f"`python -m course check exercises/{name}`"
    lines = [
        say(language, "## Exercises", "## 练习"),
        say(
            language,
            f"The file is {link}; {command} puts it into the folder `exercises`, and {check}"
            " says what is right, and what is wrong with a wrong answer.",
            f"练习文件是 {link}；{command} 把它放进 `exercises` 文件夹，{check}"
            " 会告诉你哪些做对了，做错的又错在哪里。",
        ),
    ]
    if on_site:
        page = f"solution{lesson:02}"
        en = f"The [solutions]({page}) have a page of their own."
        lines.append(say(language, en, f"[解答]({page})另有一页。"))
    for number, task in enumerate(sources.tasks(lesson), 1):
        kind = say(language, *KIND[task.kind])
        lines += [
            f"### {number}. `{task.name}`: {kind}",
            prose(sources.wording(lesson, task.name, language)),
            f"```python\n{code[task.name]}\n```",
            f"<details><summary>{say(language, 'Hint', '提示')}</summary>",
            prose(say(language, *task.hint)),
            "</details>",
        ]
    return "\n\n".join(lines)


def solutions(lesson, language):
    """The page of a lesson's solutions."""
    code = functions(sources.solved(lesson, language))
    title = say(
        language, f"# Solutions of lesson {lesson}", f"# 第 {lesson} 课解答"
    )
    page = f"lesson{lesson:02}"
    back = say(
        language, f"To [the lesson]({page}).", f"回到[第 {lesson} 课]({page})。"
    )
    lines = [title, back]
    for number, task in enumerate(sources.tasks(lesson), 1):
        lines += [
            f"## {number}. `{task.name}`",
            f"```python\n{code[task.name]}\n```",
            say(
                language,
                "Common mistakes that the check recognises:",
                "检查能认出的常见错误：",
            ),
            "\n".join(
                f"- {prose(say(language, mistake.en, mistake.zh))}"
                for mistake in task.mistakes
            ),
        ]
    return "\n\n".join(lines) + "\n"


def overview(language):
    """The page that lists the solutions."""
    pages = "\n".join(f"solution{lesson:02}" for lesson in sources.lessons())
    title = say(language, "# Solutions of the exercises", "# 练习解答")
    text = say(
        language,
        "Try first, then read: the check says what is wrong with an attempt.",
        "先自己做一遍，再看解答：检查会告诉你错在哪里。",
    )
    return (
        f"{title}\n\n{text}\n\n```{{toctree}}\n:maxdepth: 1\n\n{pages}\n```\n"
    )


def stage(folder, language):
    """Put the solutions' pages where Sphinx reads."""
    for lesson in sources.lessons():
        page = folder / f"solution{lesson:02}.md"
        page.write_text(solutions(lesson, language), encoding="utf-8")
    (folder / "solutions.md").write_text(overview(language), encoding="utf-8")


def append(notebook, name, language, on_site=True):
    """Put the exercises at the end of a lesson's notebook, where it has some."""
    import nbformat

    digits = name.removeprefix("lesson")
    if digits.isdecimal() and int(digits) in sources.lessons():
        text = section(int(digits), language, on_site)
        notebook.cells.append(nbformat.v4.new_markdown_cell(text))
    return notebook
