"""Checking learners' files inside bubblewrap."""

import ast
import os
import signal
import sys

import pytest
from conftest import ROOT, once
from learners import FIRST, NAMES, linux, put, solved

from course.__main__ import parser
from course.errors import InputError
from course.grading import check, classroom, copies, sandbox
from course.grading.exercise import PASS

# The exercises themselves run on every backend: test_exercises.py.
pytestmark = [once, pytest.mark.usefixtures("own_exercises")]


BWRAP = """#!{python}
import os, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    print(words, file=log)
end = words.index("--")
if "--chdir" in words:
    os.chdir(words[words.index("--chdir") + 1])
os.execv(words[end + 1], words[end + 1 :])
"""


def test_in_a_sandbox_the_learners_process_is_bwraps(tmp_path, monkeypatch, capsys):
    """A false bwrap, which runs what it is given: there is a real one on few machines."""
    tools, log = tmp_path / "tools", tmp_path / "log"
    bwrap = put(tools, BWRAP.format(python=sys.executable, log=str(log)), "bwrap")
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    path = put(tmp_path / "work", solved(**{FIRST: "import os; os._exit(139)"}))
    flags = parser("check").parse_args(["check", str(path), "--sandbox"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert classroom.check(flags) == 1
    assert "Python ended (SIGSEGV)" in capsys.readouterr().out
    tried, *runs = log.read_text().splitlines()
    assert "'--bind'" not in tried
    for run in runs:
        words = ast.literal_eval(run)
        assert {"--unshare-all", "--die-with-parent"} <= set(words)
        assert words[words.index("--cap-drop") + 1] == "ALL"
        hidden = [words[i - 2 : i + 2] for i, word in enumerate(words) if word == "--tmpfs"]
        size = ["--size", str(copies.MAX_WRITTEN), "--tmpfs"]
        assert hidden[0] == [*size, "/tmp"]
        assert all(words[:3] == size for words in hidden)
        place, copy = words[words.index("--bind") + 1], words[words.index("--chdir") + 1]
        assert copy == f"{place}/copy"
        shown = [words[i + 1] for i, word in enumerate(words) if word == "--ro-bind"]
        assert str(ROOT / "course") in shown
        assert str(ROOT) not in shown, "a class and its grades may lie there"
        assert not any(os.path.expanduser("~").startswith(folder) for folder in shown[1:])
    assert len(runs) == 2, "the process that ended, and one for the exercises after it"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise SystemExit('No permissions to create new namespace')", "No permissions to create"),
        ("import time; time.sleep(600)", "no end after 1 s"),
    ],
)
def test_a_bwrap_that_cannot_work_is_told_why(tmp_path, monkeypatch, body, told):
    put(tmp_path, f"#!{sys.executable}\n{body}\n", "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(sandbox, "PATIENCE", 1)
    with pytest.raises(InputError, match=f"does not work here: {told}") as error:
        sandbox.needed()
    assert "user namespaces" in str(error.value)
    assert "install" not in str(error.value)


@linux
def test_a_sandbox_hides_the_home_of_the_environment_and_of_the_system(tmp_path, monkeypatch):
    import pwd

    account = pwd.getpwuid(os.getuid())
    fields = [*account[:5], str(tmp_path / "own"), account.pw_shell]
    monkeypatch.setattr(pwd, "getpwuid", lambda _: pwd.struct_passwd(fields))
    monkeypatch.setenv("HOME", str(tmp_path / "link"))
    (tmp_path / "own").mkdir()
    (tmp_path / "link").symlink_to(ROOT)  # a clone whose folder is the home
    words = sandbox.command()
    assert {str(tmp_path / "own"), str(ROOT)} <= set(words)
    assert words[words.index(str(ROOT)) - 1] == "--tmpfs"
    assert str(ROOT / "course") in words
    assert words.count(str(ROOT)) == 1


def test_a_sandbox_hides_the_home_folder_and_the_network(tmp_path):
    if sandbox.problem():
        pytest.skip("no bwrap that works")
    body = """
        import os, socket
        print(os.listdir("/tmp"), os.path.exists({here!r}))
        try:
            socket.create_connection(("192.0.2.1", 80), timeout=2)
        except OSError as error:
            print(error.strerror)
        open({here!r} + "/new", "w")
    """.format(here=str(tmp_path))
    result = check.check_file(put(tmp_path, solved(**{FIRST: body})), start=sandbox.start)
    assert "FileNotFoundError" in result.states[FIRST][1]
    assert result.printed.splitlines()[0].endswith("False")
    assert "unreachable" in result.printed
    assert result.count(PASS) == len(NAMES) - 1
