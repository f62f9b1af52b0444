"""Several machines that train one model: on each a process, and each gets its share of a batch.

The processes find each other, and add up their gradients, through JAX's own runtime,
`jax.distributed`. When that loses a machine it ends the others from C++, with pages that say
little; so each machine's work is a child process, watched by the command that started it.
"""

import contextlib
import functools
import importlib
import json
import math
import os
import re
import signal
import socket
import sys
import time
import traceback
from pathlib import Path

from course.errors import InputError, discard_parts
from course.machine import processes

WAIT = 60  # seconds in which all machines must come
HEARTBEAT = 30  # seconds without a word, after which JAX takes a machine for dead
GRACE = 10  # seconds in which the others may end by themselves
ONLY_JAX = (
    "several machines need the JAX backend (KERAS_BACKEND=jax): under TensorFlow's"
    " MultiWorkerMirroredStrategy the fit of Keras 3.15 fails, and on PyTorch Keras has no data"
    " parallelism"
)


def run(
    lesson, options, machines, machine=None, address=None, wait=WAIT, device=None,
    say=lambda line: None,
):  # fmt: skip
    """Run `course.<lesson>.work(options, share, tell)` on every machine, or on one of them.

    Args:
        lesson: the name of the lesson's module.
        options: what `work` is given; JSON. "resume", the folder of the checkpoint, which
            counts on machine 0, or None, "data" and "weights", names of files, are this
            machine's own; all else must be the same on every machine.
        machines: how many there are.
        machine: which one this is, from 0; None: all of them are processes here, on the processor.
        address: machine 0's HOST:PORT; None, with `machine` None: a free port of 127.0.0.1.
        wait: seconds in which all must have come.
        device: cpu, gpu, gpu:1, …: what this machine computes on; None: all its GPUs.
        say: is given a line about every epoch.

    Returns:
        What `work` returned on each of the machines that run here.

    Raises:
        InputError: an address that cannot be used, a machine that does not come, one that is lost.
    """
    here = range(machines) if machine is None else [machine]
    if machine is None:
        address, device = f"127.0.0.1:{_free_port()}", "cpu"
    else:
        own = ("resume", "weights", "data")
        common = {name: value for name, value in options.items() if name not in own}
        roll_call(address, machines, machine, wait, common)
    with contextlib.ExitStack() as stack:
        children = []
        for k in here:
            job = {"lesson": lesson, "options": options, "share": (k, machines),
                   "address": address, "wait": wait}  # fmt: skip
            child = _Machine(job, device, say if k == here[0] else None)
            children.append(stack.enter_context(child))
        failed = _first_to_fail(children)
        if failed is not None:
            kept = _kept(options.get("resume"), machine)
            raise InputError(_why(children, failed, wait, kept))
        return [child.result for child in children]


def _environment(device):
    """The child's: with what JAX is to see of this machine."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    kind, _, index = (device or "").partition(":")
    if kind == "cpu":
        environment["JAX_PLATFORMS"] = "cpu"
    elif kind == "gpu":
        visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(64)))
        environment["CUDA_VISIBLE_DEVICES"] = visible.split(",")[int(index or 0)]
    return environment


class _Machine(processes.Child):
    """One machine's process, and what it has told.

    Attributes:
        machine: its number.
        result, error: what it told at its end, or None.
    """

    def __init__(self, job, device, say):
        self.machine, self.say = job["share"][0], say
        self.resume = job["options"].get("resume")
        self.result = self.error = None
        words = ["-m", "course.machine.cluster", json.dumps(job)]
        try:
            super().__init__(words, _environment(device))
        except OSError as error:
            raise InputError(f"cannot start machine {self.machine}: {error.strerror}") from None

    def __exit__(self, *_):
        super().__exit__()
        if self.resume:
            folder = Path(self.resume)
            discard_parts(folder if folder.is_dir() else folder.parent, self.process.pid)

    def look(self):
        """Take in what it has told; return whether it has ended."""
        ended = self.status is not None
        for told in self.records():
            self.result = told.get("result", self.result)
            self.error = told.get("error", self.error)
            with contextlib.suppress(OSError):  # nobody reads what is said
                if self.say and "line" in told:
                    self.say(told["line"])
        return ended

    @property
    def killed(self):
        """By a signal from outside; JAX's own end is an abort."""
        return self.status < 0 and -self.status not in (signal.SIGABRT, signal.SIGSEGV)


def _first_to_fail(children):
    """Wait until all have ended, or one has failed and the others had time to; return that one."""
    end = math.inf
    while time.monotonic() < end:
        ended = [child.look() for child in children]
        if all(ended):
            break
        if end == math.inf and any(child.status for child in children):
            end = time.monotonic() + GRACE
        time.sleep(processes.TICK)
    failed = [child for child in children if child.status]
    # The others only lost it: what was killed, or has something to say, comes before those.
    order = (lambda child: child.killed, lambda child: child.error, lambda child: True)
    return next((child for cause in order for child in failed if cause(child)), None)


def _kept(resume, machine):
    if machine:
        return "the same command goes on from machine 0's last checkpoint, if it has --resume"
    if resume is not None:
        return f"the same command goes on from the last checkpoint in {resume}"
    return "nothing is kept (--resume FOLDER keeps a checkpoint after each epoch)"


def _why(children, failed, wait, kept):
    name, text = f"machine {failed.machine}", failed.said()
    if failed.error:
        return f"{name}: {failed.error}"
    if failed.killed:
        was = f"was killed ({signal.Signals(-failed.status).name})"
        others = ", the other machines ended" if len(children) > 1 else ""
        return f"{name} {was}{others}; {kept}"
    if "Failed to add port" in text:
        return f"{name}: the port was taken meanwhile; choose another --address"
    if "RegisterTask" in text:
        return f"{name}: the machines did not find each other within {wait} s"
    if any(word in text for word in ("Gloo", "NCCL", "heartbeat", "another task died")):
        return f"{name} lost the connection to another machine; {kept}"
    last = text.strip().splitlines()
    return f"{name} ended with: {last[-1] if last else failed.status}; {kept}"


def split_address(address):
    """Host and port of HOST:PORT, the host as an address of IPv4.

    >>> split_address("localhost:9876")
    ('127.0.0.1', 9876)
    """
    host, _, port = address.rpartition(":")
    number = int(port) if re.fullmatch(r"\d{1,5}", port, re.ASCII) else 0
    if not host or ":" in host or not 0 < number < 65536:
        raise InputError(f"--address {address}: expected HOST:PORT, such as 10.0.0.1:9876")
    try:
        return socket.gethostbyname(host), number
    except (OSError, UnicodeError, TypeError):
        raise InputError(f"--address {address}: there is no host {host!r}") from None


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def roll_call(address, machines, machine, wait, common):
    """Wait until all machines are there, so that one that is missing can be named.

    Machine 0 listens; the others call, each with its number and what it was told to do, and are
    told to begin. Afterwards the port is free again, for JAX.

    Args:
        common: what must be the same on every machine; a dict for JSON.

    Raises:
        InputError: not all came in time, one was told something else, the port cannot be had.
    """
    where, end = split_address(address), time.monotonic() + wait
    me = {"machine": machine, "machines": machines, **common}
    if machine > 0:
        return _call(address, where, me, wait, end)
    if where[0].startswith("127.") and not address.startswith(("127.", "localhost:")):
        raise InputError(
            f"--address {address} is {where[0]} here, which no other machine can reach; give this"
            " machine's address in the network, such as 10.0.0.1:9876"
        )
    come = {}
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(socket.create_server(where))
        except OSError as error:
            raise InputError(
                f"--address {address}: cannot listen there ({error.strerror or error}); it must be"
                " an address of this machine and a port that is free"
            ) from None
        while len(come) < machines - 1:
            server.settimeout(max(0.01, end - time.monotonic()))
            try:
                caller = stack.enter_context(server.accept()[0])
            except TimeoutError:
                missing = sorted({*range(1, machines)} - {*come})
                raise InputError(
                    f"machine {', '.join(map(str, missing))} of {machines} did not come to"
                    f" {address} within {wait} s; start it with --machine {missing[0]}, or --wait"
                    " longer"
                ) from None
            caller.settimeout(2)
            # What else calls is no machine of ours.
            with contextlib.suppress(OSError, ValueError, AttributeError, RecursionError):
                other = json.loads(caller.makefile("rb").readline(10_000))
                wrong = _difference(me, other)
                if wrong:
                    caller.sendall(wrong.encode())
                else:
                    come[other["machine"]] = caller  # one that is started anew comes again
        for caller in come.values():
            with contextlib.suppress(OSError):
                caller.sendall(b"begin")


def _difference(first, other):
    """What keeps a machine from working with machine 0; "" where nothing does."""
    for name, value in first.items():
        if name != "machine" and other.get(name) != value:
            return f"it has {name} {other.get(name)}, and machine 0 has {value}"
    number = other["machine"]
    return "" if number in range(1, first["machines"]) else f"there can be no machine {number}"


def _call(address, where, me, wait, end):
    while (left := end - time.monotonic()) > 0:
        answer = ""
        reach = functools.partial(socket.create_connection, where, timeout=min(5, left))
        with contextlib.suppress(OSError), reach() as caller:
            caller.sendall(json.dumps(me).encode() + b"\n")
            caller.settimeout(max(0.01, end - time.monotonic()))
            answer = caller.recv(1000).decode(errors="replace")
        if answer == "begin":
            return
        if answer:
            raise InputError(f"--machine {me['machine']}: {answer}")
        time.sleep(0.2)
    raise InputError(
        f"nobody answers at {address} within {wait} s: machine 0 must be started there with the"
        " same --address and --machines, and all others must come"
    )


def join(address, machines, machine, wait):
    """Make this process one of the machines, before JAX has computed anything."""
    import jax
    from jaxlib import _jax

    # JAX has no setting for the address of its CPU collectives: it takes the host's name, which
    # often stands for 127.0.1.1. Here it takes the address from which machine 0 is reached.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(split_address(address))  # sends nothing
        own, _ = probe.getsockname()
    collectives = functools.partial(_jax.make_gloo_tcp_collectives, hostname=own)
    _jax.make_gloo_tcp_collectives = collectives
    jax.distributed.initialize(
        address, machines, machine, coordinator_bind_address=address, initialization_timeout=wait,
        heartbeat_timeout_seconds=HEARTBEAT,
    )  # fmt: skip
    jax.devices()  # starts the backend: on each machine with the devices that it has


def from_first(content):
    """The bytes, or None, that machine 0 has, on every machine."""
    import numpy as np
    from jax.experimental import multihost_utils

    length = np.int64(-1 if content is None else len(content))
    length = int(multihost_utils.broadcast_one_to_all(length))
    if length < 0:
        return None
    mine = np.frombuffer((content or b"")[:length].ljust(length, b"\0"), dtype="uint8")
    return np.asarray(multihost_utils.broadcast_one_to_all(mine)).tobytes()


def _tell(**what):
    print(json.dumps(what), file=sys.__stdout__, flush=True)  # fit's stdout goes elsewhere


def main():
    """A machine's own process."""
    job = json.loads(sys.argv[1])
    processes.end_with_parent()
    machine, machines = job["share"]
    status = 1
    try:
        join(job["address"], machines, machine, job["wait"])
        lesson = importlib.import_module(f"course.{job['lesson']}")
        result = lesson.work(job["options"], (machine, machines), lambda line: _tell(line=line))
        _tell(result=result)
        import jax

        jax.distributed.shutdown()  # waits for the others
        status = 0
    except InputError as error:
        _tell(error=str(error))
    except Exception:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(status)  # leaving in the usual way would wait for machines that are gone


if __name__ == "__main__":
    main()
