"""Several machines, played by processes that bind to 127.0.0.1 alone."""

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
import psutil
import pytest
from conftest import NO_NETWORK, child_environment, one_line

from course import data, lesson11, lesson14
from course.errors import InputError
from course.machine import cluster, devices

only_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="needs JAX's runtime")


@pytest.fixture
def loopback(monkeypatch):
    """The network is cut for tests; these talk to themselves."""
    monkeypatch.undo()


@pytest.fixture
def training(tmp_path):
    """Start `python -m course.lesson14 --machines 2 …`; nothing of it is left at the end."""
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


def _machine(process, k):
    """The process of machine k."""
    for child in _children(process):
        command = child.cmdline()
        if "course.machine.cluster" in command and json.loads(command[-1])["share"][0] == k:
            return child
    raise AssertionError(f"no machine {k}")


def _until(process, words):
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"it ended without {words!r}")


@only_jax
def test_two_machines_a_killed_one_and_what_goes_on(training, tmp_path):
    first = training("--machines", "2", "--resume", "kept", "--epochs", "500")
    _until(first, "epoch 2 of 500")
    machines = [_machine(first, k) for k in (0, 1)]
    for machine in machines:
        ports = [c for c in machine.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert {c.laddr.ip.removeprefix("::ffff:") for c in ports} == {"127.0.0.1"}, ports
    machines[1].send_signal(signal.SIGKILL)
    assert first.wait(60) == 2
    said = [line for line in first.stderr.read().splitlines() if not line.startswith("epoch")]
    line = one_line("\n".join(said))
    assert "machine 1 was killed (SIGKILL), the other machines ended" in line
    assert "the same command goes on from the last checkpoint in kept" in line
    assert not any(machine.is_running() for machine in machines)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["checkpoint.npz"]

    with lesson14.np.load(tmp_path / "kept" / "checkpoint.npz") as kept:
        epochs = len(json.loads(str(kept["about"]))["history"]["loss"])
    assert epochs >= 2
    again = training("--machines", "2", "--resume", "kept", "--epochs", str(epochs + 1), "--json")
    out, err = again.communicate(timeout=300)
    record = json.loads(out)
    assert again.returncode == 0, err
    results = record["results"]
    assert results["epochs, and how many of them were in the checkpoint"] == [epochs + 1, epochs]
    digits = lesson14.even(data.load_images())
    history = lesson11.train(lesson11.build_model(), digits, epochs + 1, verbose=0)
    costs = history.logs["loss"]
    # float32 may part by more, but not so soon.
    assert results["cost in the first epoch and the last"] == pytest.approx(
        [costs[0], costs[-1]], rel=1e-2
    )
    assert err.splitlines() == [line for line in err.splitlines() if line.startswith("epoch")]
    assert f"epoch {epochs + 1} of {epochs + 1}: cost" in err


@only_jax
def test_the_checkpoint_is_machine_0s(training, tmp_path):
    digits = lesson14.even(data.load_images())
    kept = tmp_path / "kept"
    lesson11.train(lesson11.build_model(), digits, 1, verbose=0, resume=kept)  # one machine alone
    flags = ["--machines", "2", "--address", f"127.0.0.1:{cluster._free_port()}"]
    flags += ["--epochs", "2", "--json"]
    zero = training(*flags, "--machine", "0", "--resume", "kept")
    one = training(*flags, "--machine", "1")
    for process in (zero, one):
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        results = json.loads(out)["results"]
        assert results["epochs, and how many of them were in the checkpoint"] == [2, 1]
    assert [path.name for path in kept.iterdir()] == ["checkpoint.npz"]


@only_jax
def test_ctrl_c_and_a_killed_parent_leave_no_machine(training):
    for send, status in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        process = training("--machines", "2", "--epochs", "500")
        _until(process, "epoch 1 of 500")
        machines = [_machine(process, k) for k in (0, 1)]
        process.send_signal(send)
        assert process.wait(60) == status
        assert psutil.wait_procs(machines, timeout=30)[1] == []


@only_jax
@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--machines 1", "expected a whole number from 2 to 64"),
        ("--machine 0", "--machine is for several machines"),
        ("--address 127.0.0.1:1", "--address is for several machines"),
        ("--resume kept", "--resume is for several machines"),
        ("--machines 2 --machine 0", "belong together"),
        ("--machines 2 --address 127.0.0.1:9876", "belong together"),
        ("--machines 2 --machine 2 --address 127.0.0.1:9876", "of 2 machines the last is 1"),
        ("--machines 2 --machine 0 --address nowhere", "expected HOST:PORT"),
        ("--machines 2 --machine 0 --address 127.0.0.1:99999", "expected HOST:PORT"),
        (f"--machines 2 --machine 0 --address 127.0.0.1:{'1' * 5000}", "expected HOST:PORT"),
        ("--machines 3", "cannot share 100 rows evenly"),
        ("--machines 2 --data nosuch.npz", "nosuch.npz"),
        ("--machines 2 --machine 0 --address ü..x:80", "there is no host"),
        ("--machines 2 --machine 0 --address [::1]:80", "expected HOST:PORT"),
        ("--machines 2 --wait 0", "expected a whole number from 1"),
        ("--machines 2 --resume /dev/null/x", "cannot write there"),
    ],
)
def test_bad_flags(in_tmp, capsys, flags, words):
    assert lesson14.main([*flags.split(), "--save-dir", "."]) == 2
    assert words in one_line(capsys.readouterr().err.replace(" …", ""))


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX has it")
def test_other_backends_say_what_is_missing(in_tmp, capsys):
    assert lesson14.main(["--machines", "2", "--save-dir", "."]) == 2
    assert "several machines need the JAX backend" in one_line(capsys.readouterr().err)


def test_an_address_that_no_other_machine_can_reach(loopback, monkeypatch):
    monkeypatch.setattr(socket, "gethostbyname", lambda host: "127.0.1.1")
    with pytest.raises(InputError, match=r"here:1 is 127.0.1.1 here, which no other machine"):
        cluster.roll_call("here:1", 2, 0, 1, {})


@only_jax
def test_machines_here_do_not_share_a_card(monkeypatch):
    monkeypatch.setattr(devices, "chosen", "gpu:0")
    with pytest.raises(InputError, match="--device gpu needs --machine K"):
        lesson14.on_machines(lesson14.Options(machines=2))


def test_half_a_checkpoint_is_removed(loopback, monkeypatch, tmp_path):
    child(monkeypatch, f'''
import os, pathlib, sys
pathlib.Path({str(tmp_path)!r}, f".{{os.getpid()}}.part.checkpoint.npz").touch()
sys.exit(1)
''')  # fmt: skip
    with pytest.raises(InputError):
        cluster.run("lesson14", {"resume": str(tmp_path)}, 2)
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use(loopback):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InputError, match="cannot listen there"):
            cluster.roll_call(address, 2, 0, 1, {})


def test_machines_that_never_come_are_named(loopback):
    address = f"127.0.0.1:{cluster._free_port()}"
    caller = threading.Thread(target=_ignore, args=(cluster.roll_call, address, 4, 2, 3, {}))
    caller.start()
    with pytest.raises(InputError, match=r"machine 1, 3 of 4 did not come to .* within 2 s"):
        cluster.roll_call(address, 4, 0, 2, {})
    caller.join()


def _ignore(call, *args):
    with contextlib.suppress(InputError):
        call(*args)


def test_nobody_answers(loopback):
    with pytest.raises(InputError, match=r"nobody answers at .* within 1 s"):
        cluster.roll_call(f"127.0.0.1:{cluster._free_port()}", 2, 1, 1, {})


def test_all_come_and_strangers_and_machines_told_something_else(loopback):
    address = f"127.0.0.1:{cluster._free_port()}"
    ended = []

    def come(k, machines=3, **common):
        try:
            cluster.roll_call(address, machines, k, 20, {"seed": 0, **common})
            ended.append(str(k))
        except InputError as error:
            ended.append(str(error))

    threads = [threading.Thread(target=come, args=(0,))]
    threads[0].start()
    with _connect(address), _connect(address) as stranger, _connect(address) as deep:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")  # and the first is silent
        deep.sendall(b"[" * 9_000 + b"\n")
        for k, machines, common in ((2, 3, {"seed": 4}), (1, 2, {}), (2, 3, {}), (1, 3, {})):
            threads.append(threading.Thread(target=come, args=(k, machines), kwargs=common))
            threads[-1].start()
        for thread in threads:
            thread.join(20)
    assert sorted(ended) == [
        "--machine 1: it has machines 2, and machine 0 has 3",
        "--machine 2: it has seed 4, and machine 0 has 0",
        "0", "1", "2",
    ]  # fmt: skip


def child(monkeypatch, script):
    """Let the machines run this script."""
    popen = subprocess.Popen

    def start(command, **named):
        return popen([sys.executable, "-c", script, command[-1]], **named)

    monkeypatch.setattr(subprocess, "Popen", start)


def test_what_a_machine_says_last_is_heard_though_nobody_listens(loopback, monkeypatch):
    child(monkeypatch, """
import json, sys
print("{no JSON", flush=True)
for _ in range(10_000):
    print(json.dumps({"line": "x"}))
print(json.dumps({"result": json.loads(sys.argv[1])["share"]}))
""")  # fmt: skip

    def closed(line):
        raise BrokenPipeError

    assert cluster.run("lesson14", {}, 2, say=closed) == [[0, 2], [1, 2]]


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
    with pytest.raises(InputError, match=r"^machine 1: the cause$"):
        cluster.run("lesson14", {}, 2)


def test_a_lost_connection_and_what_is_kept(loopback, monkeypatch):
    child(monkeypatch, "import sys; sys.exit('Gloo lost it')")
    with pytest.raises(InputError, match=r"lost the connection .*; nothing is kept \(--resume"):
        cluster.run("lesson14", {}, 2)


def test_what_a_machine_is_to_see(monkeypatch):
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
