"""Several processes that train together, all on this machine and bound to 127.0.0.1 alone."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import keras
import numpy as np
import psutil
import pytest
from conftest import NO_NETWORK, child_environment, one_line

from course import cli, lesson11, lesson14
from course.cli.options import Options
from course.errors import InputError
from course.machine import cluster, devices, together

only_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="needs JAX's runtime")


@pytest.fixture
def loopback(monkeypatch):
    """The network is cut for tests; these talk to themselves."""
    monkeypatch.undo()


@pytest.fixture
def training(tmp_path):
    """Start `python -m course.lesson14 --num-processes 2 …`; nothing of it is left at the end."""
    started = []

    def start(*flags):
        environment = child_environment()
        paths = environment["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(p for p in paths if p != str(NO_NETWORK))
        process = subprocess.Popen(
            [sys.executable, "-m", "course.lesson14", *flags], cwd=tmp_path, env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        for left in [*_children(process), process]:
            left.kill()
        process.communicate()


def _children(process):
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _process(parent, k):
    """Process k of those that train together."""
    for child in _children(parent):
        command = child.cmdline()
        if "course.machine.cluster" in command and json.loads(command[-1])["share"][0] == k:
            return child
    raise AssertionError(f"no process {k}")


def _until(process, words):
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"it ended without {words!r}")


@pytest.mark.slow
@only_jax
def test_two_processes_a_killed_one_and_what_goes_on(training, tmp_path):
    first = training("--num-processes", "2", "--resume", "kept", "--epochs", "500")
    _until(first, "epoch 2 of 500")
    both = [_process(first, k) for k in (0, 1)]
    for process in both:
        ports = [c for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert {c.laddr.ip.removeprefix("::ffff:") for c in ports} == {"127.0.0.1"}, ports
    both[1].send_signal(signal.SIGKILL)
    assert first.wait(60) == 2
    said = [line for line in first.stderr.read().splitlines() if not line.startswith("epoch")]
    line = one_line("\n".join(said))
    assert "process 1 was killed (SIGKILL), the other processes ended" in line
    assert "the same command goes on from the last checkpoint in kept" in line
    assert not any(process.is_running() for process in both)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["checkpoint.npz"]

    with np.load(tmp_path / "kept" / "checkpoint.npz") as kept:
        epochs = len(json.loads(str(kept["about"]))["history"]["loss"])
    assert epochs >= 2
    again = training(
        "--num-processes", "2", "--resume", "kept", "--epochs", str(epochs + 1), "--json"
    )
    out, err = again.communicate(timeout=300)
    record = json.loads(out)
    assert again.returncode == 0, err
    results = record["results"]
    assert results["epochs, and how many of them were in the checkpoint"] == [epochs + 1, epochs]
    digits = lesson14.load_data()
    history = lesson11.train(lesson11.build_model(), digits, epochs + 1, verbose=0)
    costs = history.logs["loss"]
    # float32 may part by more, but not so soon.
    assert results["cost in the first epoch and the last"] == pytest.approx(
        [costs[0], costs[-1]], rel=1e-2
    )
    assert err.splitlines() == [line for line in err.splitlines() if line.startswith("epoch")]
    assert f"epoch {epochs + 1} of {epochs + 1}: cost" in err


@pytest.mark.slow
@only_jax
def test_the_checkpoint_is_process_0s(training, tmp_path):
    digits = lesson14.load_data()
    kept = tmp_path / "kept"
    lesson11.train(lesson11.build_model(), digits, 1, verbose=0, resume=kept)  # one process alone
    flags = ["--num-processes", "2", "--address", f"127.0.0.1:{cluster._free_port()}"]
    flags += ["--epochs", "2", "--json"]
    zero = training(*flags, "--process-id", "0", "--resume", "kept")
    one = training(*flags, "--process-id", "1")
    for process in (zero, one):
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        results = json.loads(out)["results"]
        assert results["epochs, and how many of them were in the checkpoint"] == [2, 1]
    assert [path.name for path in kept.iterdir()] == ["checkpoint.npz"]


@pytest.mark.slow
@only_jax
def test_ctrl_c_and_a_killed_parent_leave_no_process(training):
    for send, status in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        process = training("--num-processes", "2", "--epochs", "500")
        _until(process, "epoch 1 of 500")
        children = [_process(process, k) for k in (0, 1)]
        process.send_signal(send)
        assert process.wait(60) == status
        assert psutil.wait_procs(children, timeout=30)[1] == []


@only_jax
@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--num-processes 1", "expected a whole number from 2 to 64"),
        ("--process-id 0", "--process-id is for several processes"),
        ("--address 127.0.0.1:1", "--address is for several processes"),
        ("--resume kept", "--resume is for several processes"),
        ("--num-processes 2 --process-id 0", "belong together"),
        ("--num-processes 2 --address 127.0.0.1:9876", "belong together"),
        (
            "--num-processes 2 --process-id 2 --address 127.0.0.1:9876",
            "the last is 1",
        ),
        ("--num-processes 2 --process-id 0 --address nowhere", "expected HOST:PORT"),
        ("--num-processes 2 --process-id 0 --address 127.0.0.1:99999", "expected HOST:PORT"),
        (
            f"--num-processes 2 --process-id 0 --address 127.0.0.1:{'1' * 5000}",
            "expected HOST:PORT",
        ),
        ("--num-processes 3", "100 rows of a batch cannot be split evenly"),
        ("--num-processes 2 --data nosuch.npz", "nosuch.npz"),
        ("--num-processes 2 --process-id 0 --address ü..x:80", "there is no host"),
        ("--num-processes 2 --process-id 0 --address [::1]:80", "expected HOST:PORT"),
        ("--num-processes 2 --wait 0", "expected a whole number from 1"),
        ("--num-processes 2 --resume /dev/null/x", "cannot write there"),
    ],
)
def test_bad_flags(in_tmp, capsys, flags, words):
    assert cli.main("lesson14", [*flags.split(), "--save-dir", "."]) == 2
    assert words in one_line(capsys.readouterr().err.replace(" …", ""))


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX has it")
def test_other_backends_say_what_is_missing(in_tmp, capsys):
    assert cli.main("lesson14", ["--num-processes", "2", "--save-dir", "."]) == 2
    assert "several processes need the JAX backend" in one_line(capsys.readouterr().err)


def test_an_address_that_no_other_machine_can_reach(loopback, monkeypatch):
    monkeypatch.setattr(socket, "gethostbyname", lambda host: "127.0.1.1")
    with pytest.raises(InputError, match=r"here:1 is 127.0.1.1 here, which no other machine"):
        cluster.rendezvous("here:1", 2, 0, 1, {})


@only_jax
def test_processes_on_one_machine_do_not_share_a_gpu(monkeypatch):
    monkeypatch.setattr(devices, "chosen", "gpu:0")
    with pytest.raises(InputError, match="--device gpu needs --process-id K"):
        together.asked(Options(processes=2))


def test_half_a_checkpoint_is_removed(loopback, monkeypatch, tmp_path):
    child(monkeypatch, f'''
import os, pathlib, sys
from course import files
pathlib.Path({str(tmp_path)!r}, files._part(os.getpid(), "checkpoint.npz")).touch()
sys.exit(1)
''')  # fmt: skip
    with pytest.raises(InputError):
        cluster.run("course.machine.together", {"resume": str(tmp_path)}, 2)
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use(loopback):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InputError, match="cannot listen there"):
            cluster.rendezvous(address, 2, 0, 1, {})


def test_processes_that_never_connect_are_named(loopback):
    address = f"127.0.0.1:{cluster._free_port()}"
    caller = threading.Thread(target=_ignore, args=(cluster.rendezvous, address, 4, 2, 3, {}))
    caller.start()
    with pytest.raises(InputError, match=r"process 1, 3 of 4 did not connect to .* within 2 s"):
        cluster.rendezvous(address, 4, 0, 2, {})
    caller.join()


def _ignore(call, *args):
    with contextlib.suppress(InputError):
        call(*args)


def test_nobody_answers(loopback):
    with pytest.raises(InputError, match=r"nobody answers at .* within 1 s"):
        cluster.rendezvous(f"127.0.0.1:{cluster._free_port()}", 2, 1, 1, {})


def test_all_connect_among_unknown_clients_and_processes_with_other_options(loopback):
    address = f"127.0.0.1:{cluster._free_port()}"
    ended = []

    def connect(k, count=3, **common):
        try:
            cluster.rendezvous(address, count, k, 20, {"seed": 0, **common})
            ended.append(str(k))
        except InputError as error:
            ended.append(str(error))

    threads = [threading.Thread(target=connect, args=(0,))]
    threads[0].start()
    with _connect(address), _connect(address) as unknown, _connect(address) as deep:
        unknown.sendall(b"GET / HTTP/1.1\r\n\r\n")  # and the first is silent
        deep.sendall(b"[" * 9_000 + b"\n")
        for k, count, common in ((2, 3, {"seed": 4}), (1, 2, {}), (2, 3, {}), (1, 3, {})):
            threads.append(threading.Thread(target=connect, args=(k, count), kwargs=common))
            threads[-1].start()
        for thread in threads:
            thread.join(20)
    assert sorted(ended) == [
        "--process-id 1: it has processes 2, and process 0 has 3",
        "--process-id 2: it has seed 4, and process 0 has 0",
        "0", "1", "2",
    ]  # fmt: skip


def child(monkeypatch, script):
    """Let the processes run this script."""
    popen = subprocess.Popen

    def start(command, **named):
        return popen([sys.executable, "-c", script, command[-1]], **named)

    monkeypatch.setattr(subprocess, "Popen", start)


def test_what_a_process_reports_last_is_read_though_the_output_is_closed(loopback, monkeypatch):
    child(monkeypatch, """
import json, sys
print("{no JSON", flush=True)
for _ in range(10_000):
    print(json.dumps({"line": "x"}))
print(json.dumps({"result": json.loads(sys.argv[1])["share"]}))
""")  # fmt: skip

    def closed(line):
        raise BrokenPipeError

    assert cluster.run("course.machine.together", {}, 2, say=closed) == [[0, 2], [1, 2]]


def test_the_cause_is_told_not_what_it_led_to(loopback, monkeypatch):
    child(monkeypatch, """
import json, sys, time
if json.loads(sys.argv[1])["share"][0] == 1:
    time.sleep(0.3)
    print(json.dumps({"error": "the cause"}))
else:
    print("Gloo lost it", file=sys.stderr)
sys.exit(1)
""")  # fmt: skip
    with pytest.raises(InputError, match=r"^process 1: the cause$"):
        cluster.run("course.machine.together", {}, 2)


def test_a_lost_connection_and_what_is_kept(loopback, monkeypatch):
    child(monkeypatch, "import sys; sys.exit('Gloo lost it')")
    with pytest.raises(InputError, match=r"lost the connection .*; nothing is kept \(--resume"):
        cluster.run("course.machine.together", {}, 2)


def test_which_devices_a_process_is_to_see(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    assert cluster._environment("cpu:0")["JAX_PLATFORMS"] == "cpu"
    assert cluster._environment("gpu:1")["CUDA_VISIBLE_DEVICES"] == "1"
    assert not {"JAX_PLATFORMS", "CUDA_VISIBLE_DEVICES"} & {*cluster._environment(None)}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert cluster._environment("gpu:1")["CUDA_VISIBLE_DEVICES"] == "7"


def _connect(address):
    end = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(cluster.split_address(address))
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.05)
