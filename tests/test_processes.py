"""Child processes: what they tell, and that nothing of them remains."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from conftest import child_environment, once

from course.machine import processes
from course.machine.processes import Child

pytestmark = once  # no Keras in here
SLEEPER = f"[{sys.executable!r}, '-c', 'import time; time.sleep(600)']"


def gone(pid, seconds=20):
    end = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_what_it_tells_comes_at_once_and_the_rest_is_what_it_says():
    body = """
import json, sys, time
print(json.dumps({"first": 1}), flush=True)
print("[1]\\nno JSON\\n{", flush=True)
sys.stderr.write("x" * 300_000 + "\\nthe end\\n\\n")
sys.stdin.read()
"""
    with Child(["-c", body]) as child:
        follow = child.follow()
        assert next(follow) == {"first": 1}
        assert child.status is None
        child.process.stdin.close()
        assert list(follow) == []
        assert (child.status, child.last_words) == (0, "the end")
        assert child.said(3) == "xxx"
        assert child.size == 300_010


def test_the_end_of_the_block_ends_it_with_all_that_it_started():
    body = f"""
import json, subprocess
command = {SLEEPER}
children = [subprocess.Popen(command, start_new_session=True), subprocess.Popen(command, env={{}})]
print(json.dumps({{"pids": [child.pid for child in children]}}), flush=True)
[child.wait() for child in children]
"""
    with Child(["-c", body]) as child:
        pids = next(child.follow())["pids"]
        assert not child.wait(0.01)
        assert child.memory() > child.memory(tree=False) > 0
    assert child.status == -signal.SIGKILL
    assert all(gone(pid) for pid in pids)


def test_what_it_leaves_running_is_named():
    with Child(["-c", f"import subprocess; subprocess.Popen({SLEEPER})"]) as child:
        assert child.wait(60)
        (pid,) = child.end()
        assert gone(pid)
        assert child.status == 0


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_it_ends_with_its_parent_whatever_ends_that(tmp_path):
    inner = f"""
import json, subprocess, sys
from course.machine import processes
processes.end_with_parent()
assert sys.stdin.read() == ""
one = subprocess.Popen({SLEEPER})
print(json.dumps({{"pid": one.pid}}), flush=True)
one.wait()
"""
    outer = f"""
import os, time
from course.machine.processes import Child
with Child(["-c", {inner!r}]) as child:
    print(child.process.pid, next(child.follow())["pid"], flush=True)
    time.sleep(600)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", outer], env=child_environment(TMPDIR=str(tmp_path)),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    parent.kill()
    parent.communicate()
    assert all(gone(pid) for pid in pids)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="descriptors")
def test_one_that_cannot_be_started_leaves_no_file_open():
    def fail(*_):
        raise OSError("no more processes")

    before = psutil.Process().num_fds()
    with pytest.raises(OSError, match="no more processes") as error:
        Child([], start=fail)
    assert psutil.Process().num_fds() == before, error  # whose traceback holds the Child


def test_a_process_of_nobody_ends_with_nobody(monkeypatch):
    monkeypatch.delenv(processes.TIED, raising=False)
    processes.end_with_parent()
    body = "import json, os; print(json.dumps({'own': os.environ['COURSE_CHILD']}))"
    with Child(["-c", body], {processes.MARK: "1"}) as child:
        assert json.dumps(list(child.follow())) == json.dumps([{"own": child.mark}])
