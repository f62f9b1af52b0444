"""Several processes, on one machine or on many, that train one model and share each batch.

The processes find each other, and add up their gradients, through JAX's own runtime,
`jax.distributed`. When that loses a process it ends the others from C++, with pages of output
that do not name the cause; so each of them is a child of the command that started it, which
watches it.
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

from course.errors import InputError
from course.files import discard_parts
from course.machine import processes

WAIT = 60  # seconds in which all processes must connect
HEARTBEAT = 30  # seconds of silence after which JAX takes a process for dead
GRACE = 10  # seconds in which the others may end by themselves
ONLY_JAX = (
    "several processes need the JAX backend (KERAS_BACKEND=jax): under TensorFlow's"
    " MultiWorkerMirroredStrategy the fit of Keras 3.15 fails, and on PyTorch Keras has no data"
    " parallelism"
)


def run(
    module, options, count, number=None, address=None, wait=WAIT, device=None,
    say=lambda line: None,
):  # fmt: skip
    """Run `work(options, share, tell)` of a module in every process, or in one of them.

    Args:
        module: the name of the module, "course.machine.together".
        options: what `work` is given; JSON. "resume", the folder of the checkpoint, which
            counts in process 0, or None, "data" and "weights", names of files, are this
            process's own; all else must be the same in every process.
        count: how many processes there are.
        number: which one this is, from 0; None: all of them run on this machine, on its CPU.
        address: process 0's HOST:PORT; None, with `number` None: a free port of 127.0.0.1.
        wait: seconds in which all must have connected.
        device: cpu, gpu, gpu:1, …: what this process computes on; None: all the machine's GPUs.
        say: is given a line about every epoch.

    Returns:
        What `work` returned in each of the processes that run here.

    Raises:
        InputError: the address cannot be used, a process does not connect, or one is lost.
    """
    here = range(count) if number is None else [number]
    if number is None:
        address, device = f"127.0.0.1:{_free_port()}", "cpu"
    else:
        own = ("resume", "weights", "data")
        common = {name: value for name, value in options.items() if name not in own}
        rendezvous(address, count, number, wait, common)
    with contextlib.ExitStack() as stack:
        children = []
        for k in here:
            job = {"module": module, "options": options, "share": (k, count),
                   "address": address, "wait": wait}  # fmt: skip
            child = _Process(job, device, say if k == here[0] else None)
            children.append(stack.enter_context(child))
        failed = _first_to_fail(children)
        if failed is not None:
            kept = _kept(options.get("resume"), number)
            raise InputError(_why(children, failed, wait, kept))
        return [child.result for child in children]


def _environment(device):
    """The child's environment variables: they say which devices JAX is to see."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    kind, _, index = (device or "").partition(":")
    if kind == "cpu":
        environment["JAX_PLATFORMS"] = "cpu"
    elif kind == "gpu":
        visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(64)))
        environment["CUDA_VISIBLE_DEVICES"] = visible.split(",")[int(index or 0)]
    return environment


class _Process(processes.Child):
    """One of the processes, and what it has reported.

    Attributes:
        number: which one it is, from 0.
        result, error: what it reported at its end, or None.
    """

    def __init__(self, job, device, say):
        self.number, self.say = job["share"][0], say
        self.resume = job["options"].get("resume")
        self.result = self.error = None
        words = ["-m", "course.machine.cluster", json.dumps(job)]
        try:
            super().__init__(words, _environment(device))
        except OSError as error:
            raise InputError(f"cannot start process {self.number}: {error.strerror}") from None

    def __exit__(self, *_):
        super().__exit__()
        if self.resume:
            folder = Path(self.resume)
            discard_parts(folder if folder.is_dir() else folder.parent, self.process.pid)

    def look(self):
        """Read what it has reported; return whether it has ended."""
        ended = self.status is not None
        for record in self.records():
            self.result = record.get("result", self.result)
            self.error = record.get("error", self.error)
            with contextlib.suppress(OSError):  # the output is closed
                if self.say and "line" in record:
                    self.say(record["line"])
        return ended

    @property
    def killed(self):
        """By a signal from outside; JAX's own end is an abort."""
        return self.status < 0 and -self.status not in (signal.SIGABRT, signal.SIGSEGV)


def _first_to_fail(children):
    """Wait until all have ended, or one has failed; return the one that failed first, or None."""
    end = math.inf
    while time.monotonic() < end:
        ended = [child.look() for child in children]
        if all(ended):
            break
        if end == math.inf and any(child.status for child in children):
            end = time.monotonic() + GRACE
        time.sleep(processes.TICK)
    failed = [child for child in children if child.status]
    # When one is lost the others fail too: first the one that was killed or reported an error.
    order = (lambda child: child.killed, lambda child: child.error, lambda child: True)
    return next((child for cause in order for child in failed if cause(child)), None)


def _kept(resume, number):
    if number:
        return "the same command goes on from process 0's last checkpoint, if it has --resume"
    if resume is not None:
        return f"the same command goes on from the last checkpoint in {resume}"
    return "nothing is kept (--resume FOLDER keeps a checkpoint after each epoch)"


def _why(children, failed, wait, kept):
    name, text = f"process {failed.number}", failed.said()
    if failed.error:
        return f"{name}: {failed.error}"
    if failed.killed:
        was = f"was killed ({signal.Signals(-failed.status).name})"
        others = ", the other processes ended" if len(children) > 1 else ""
        return f"{name} {was}{others}; {kept}"
    if "Failed to add port" in text:
        return f"{name}: the port was taken meanwhile; choose another --address"
    if "RegisterTask" in text:
        return f"{name}: the processes did not find each other within {wait} s"
    if any(word in text for word in ("Gloo", "NCCL", "heartbeat", "another task died")):
        return f"{name} lost the connection to another process; {kept}"
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


def rendezvous(address, count, number, wait, common):
    """Wait until all processes have connected, so that one that is missing can be named.

    Process 0 listens; the others connect, each with its number and its options, and wait for the
    word to begin. Afterwards the port is free again, for JAX.

    Args:
        common: what must be the same in every process; a dict for JSON.

    Raises:
        InputError: not all connected in time, one has other options, the port is in use.
    """
    where, end = split_address(address), time.monotonic() + wait
    me = {"process": number, "processes": count, **common}
    if number > 0:
        return _connect(address, where, me, wait, end)
    if where[0].startswith("127.") and not address.startswith(("127.", "localhost:")):
        raise InputError(
            f"--address {address} is {where[0]} here, which no other machine can reach; give this"
            " machine's address in the network, such as 10.0.0.1:9876"
        )
    connected = {}
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(socket.create_server(where))
        except OSError as error:
            raise InputError(
                f"--address {address}: cannot listen there ({error.strerror or error}); it must be"
                " an address of this machine and a port that is free"
            ) from None
        while len(connected) < count - 1:
            server.settimeout(max(0.01, end - time.monotonic()))
            try:
                client = stack.enter_context(server.accept()[0])
            except TimeoutError:
                missing = sorted({*range(1, count)} - {*connected})
                raise InputError(
                    f"process {', '.join(map(str, missing))} of {count} did not connect to"
                    f" {address} within {wait} s; start it with --process-id {missing[0]}, or"
                    " --wait longer"
                ) from None
            client.settimeout(2)
            # Ignore unknown clients.
            with contextlib.suppress(OSError, ValueError, AttributeError, RecursionError):
                other = json.loads(client.makefile("rb").readline(10_000))
                wrong = _difference(me, other)
                if wrong:
                    client.sendall(wrong.encode())
                else:
                    connected[other["process"]] = client  # one that was restarted replaces itself
        for client in connected.values():
            with contextlib.suppress(OSError):
                client.sendall(b"begin")


def _difference(first, other):
    """What keeps a process from working with process 0; "" where nothing does."""
    for name, value in first.items():
        if name != "process" and other.get(name) != value:
            return f"it has {name} {other.get(name)}, and process 0 has {value}"
    number = other["process"]
    return "" if number in range(1, first["processes"]) else f"there can be no process {number}"


def _connect(address, where, me, wait, end):
    while (left := end - time.monotonic()) > 0:
        answer = ""
        reach = functools.partial(socket.create_connection, where, timeout=min(5, left))
        with contextlib.suppress(OSError), reach() as client:
            client.sendall(json.dumps(me).encode() + b"\n")
            client.settimeout(max(0.01, end - time.monotonic()))
            answer = client.recv(1000).decode(errors="replace")
        if answer == "begin":
            return
        if answer:
            raise InputError(f"--process-id {me['process']}: {answer}")
        time.sleep(0.2)
    raise InputError(
        f"nobody answers at {address} within {wait} s: start process 0 there with the same"
        " --address and --num-processes, and all the others too"
    )


def join(address, count, number, wait):
    """Connect this process with the others, before JAX has computed anything."""
    import jax
    from jaxlib import _jax

    # JAX has no setting for the address of its CPU collectives: it takes the host's name, which
    # often stands for 127.0.1.1. Here it takes the address from which process 0 is reached.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(split_address(address))  # sends nothing
        own, _ = probe.getsockname()
    collectives = functools.partial(_jax.make_gloo_tcp_collectives, hostname=own)
    _jax.make_gloo_tcp_collectives = collectives
    jax.distributed.initialize(
        address, count, number, coordinator_bind_address=address, initialization_timeout=wait,
        heartbeat_timeout_seconds=HEARTBEAT,
    )  # fmt: skip
    jax.devices()  # starts the backend, in each process with the devices that it has


def from_first(content):
    """The bytes, or None, that process 0 has, in every process."""
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
    """What each of the processes does."""
    job = json.loads(sys.argv[1])
    processes.end_with_parent()
    number, count = job["share"]
    status = 1
    try:
        join(job["address"], count, number, job["wait"])
        work = importlib.import_module(job["module"]).work
        result = work(job["options"], (number, count), lambda line: _tell(line=line))
        _tell(result=result)
        import jax

        jax.distributed.shutdown()  # waits for the others
        status = 0
    except InputError as error:
        _tell(error=str(error))
    except Exception:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(status)  # leaving in the usual way would wait for processes that are gone


if __name__ == "__main__":
    main()
