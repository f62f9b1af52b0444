"""Several machines that train one model: on each a process, and each gets its share of a batch.

The processes find each other, and add up their gradients, through JAX's own runtime,
`jax.distributed`. When that loses a machine it ends the others from C++, with pages that say
little; so each machine's work is a child process, watched by the command that started it.
"""

import contextlib
import functools
import importlib
import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from multiprocessing import connection

from course.errors import InputError

WAIT = 60  # seconds in which all machines must come
HEARTBEAT = 30  # seconds without a word, after which JAX takes a machine for dead
GRACE = 10  # seconds in which the others may end by themselves
ONLY_JAX = (
    "several machines need the JAX backend (KERAS_BACKEND=jax): under TensorFlow's"
    " MultiWorkerMirroredStrategy the fit of Keras 3.15 fails, and on PyTorch Keras has no data"
    " parallelism"
)


def run(lesson, options, machines, machine=None, address=None, wait=WAIT, say=lambda line: None):
    """Run `course.<lesson>.work(options, share, tell)` on every machine, or on one of them.

    Args:
        lesson: the name of the lesson's module.
        options: what `work` is given; JSON. "resume" is the folder of the checkpoint, or None.
        machines: how many there are.
        machine: which one this is, from 0; None: all of them are processes here.
        address: machine 0's HOST:PORT; None, with `machine` None: a free port of 127.0.0.1.
        wait: seconds in which all must have come.
        say: is given a line about every epoch.

    Returns:
        What `work` returned on each of the machines that run here.

    Raises:
        InputError: an address that cannot be used, a machine that does not come, one that is lost.
    """
    address = address or f"127.0.0.1:{_free_port()}"
    if machine is None:
        _require_free(address)
    else:
        roll_call(address, machines, machine, wait)
    here = range(machines) if machine is None else [machine]
    with contextlib.ExitStack() as stack:
        children = []
        for k in here:
            job = {"lesson": lesson, "options": options, "share": (k, machines),
                   "address": address, "wait": wait}  # fmt: skip
            children.append(stack.enter_context(_Child(job, say if k == here[0] else None)))
        failed = _first_to_fail(children)
        if failed is not None:
            raise InputError(f"{_why(children, failed, wait)}; {_kept(options.get('resume'))}")
        return [child.result for child in children]


class _Child:
    """One machine's process; what it tells is read by a thread of its own."""

    def __init__(self, job, say):
        self.machine, self.say = job["share"][0], say
        self.result = self.error = None
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        command = [sys.executable, "-m", "course.cluster", json.dumps(job)]
        # A session of its own: Ctrl-C reaches the parent alone, which ends it.
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            start_new_session=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
        )  # fmt: skip
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        for stream in (self.process.stdin, self.process.stdout, self.log):
            stream.close()

    def _read(self):
        for line in self.process.stdout:
            if not line.startswith("{"):
                continue  # of the runtime
            told = json.loads(line)
            self.result = told.get("result", self.result)
            self.error = told.get("error", self.error)
            if self.say and "line" in told:
                self.say(told["line"])

    @property
    def failed(self):
        return self.process.poll() not in (None, 0)

    @property
    def killed(self):
        """By a signal from outside; JAX's own end is an abort."""
        code = self.process.returncode
        return code is not None and code < 0 and -code not in (signal.SIGABRT, signal.SIGSEGV)

    def said(self):
        self.reader.join(1)
        self.log.seek(0)
        return self.log.read()


def _first_to_fail(children):
    """Wait until all have ended, or one has failed and the others had time to; return that one."""
    while not any(child.failed for child in children):
        if all(child.process.poll() == 0 for child in children):
            return None
        time.sleep(0.05)
    end = time.monotonic() + GRACE
    while any(child.process.poll() is None for child in children) and time.monotonic() < end:
        time.sleep(0.05)
    # The others only lost it: what was killed, or has something to say, comes before those.
    order = (lambda child: child.killed, lambda child: child.error, lambda child: True)
    failed = [child for child in children if child.failed]
    return next(child for cause in order for child in failed if cause(child))


def _why(children, failed, wait):
    name = f"machine {failed.machine}"
    text = failed.said()
    if failed.error:
        return f"{name}: {failed.error}"
    if failed.killed:
        was = f"was killed ({signal.Signals(-failed.process.returncode).name})"
        others = ", the other machines ended" if len(children) > 1 else ""
        return f"{name} {was}{others}"
    if "RegisterTask" in text or "Failed to add port" in text:
        return f"{name}: the machines did not find each other within {wait} s"
    if any(word in text for word in ("Gloo", "NCCL", "heartbeat", "another task died")):
        return f"{name} lost the connection to another machine"
    last = text.strip().splitlines()
    return f"{name} ended with: {last[-1] if last else failed.process.returncode}"


def _kept(resume):
    if resume is None:
        return "nothing is kept (--resume FOLDER keeps a checkpoint after each epoch)"
    return f"the same command goes on from the last checkpoint in {resume}"


def split_address(address):
    """Host and port of HOST:PORT.

    >>> split_address("127.0.0.1:9876")
    ('127.0.0.1', 9876)
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InputError(f"--address {address}: expected HOST:PORT, such as 10.0.0.1:9876")
    return host.strip("[]"), int(port)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _require_free(address):
    _listen(address).close()


def _listen(address):
    try:
        return connection.Listener(split_address(address), backlog=16)
    except OSError as error:
        raise InputError(
            f"--address {address}: cannot listen there ({error.strerror or error}); choose another"
            " port of this machine"
        ) from None


def roll_call(address, machines, machine, wait):
    """Wait until all machines are there, so that one that is missing can be named.

    Machine 0 listens; the others call, say their number, and are told to begin. Afterwards the
    port is free again, for JAX.

    Raises:
        InputError: not all came in time, two said the same number, the port cannot be had.
    """
    end = time.monotonic() + wait
    if machine > 0:
        return _call(address, machine, wait, end)
    come, listener = {}, _listen(address)
    with listener:
        while len(come) < machines - 1:
            # A Listener has no time limit of its own; its socket has.
            listener._listener._socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                caller = listener.accept()
                number = int(caller.recv_bytes(20)) if caller.poll(5) else None
            except TimeoutError:
                missing = sorted({*range(1, machines)} - {*come})
                raise InputError(
                    f"machine {', '.join(map(str, missing))} of {machines} did not come to"
                    f" {address} within {wait} s; start it with --machine {missing[0]}, or --wait"
                    " longer"
                ) from None
            except (OSError, EOFError, ValueError):
                continue  # no machine of ours
            if number in come or number not in range(1, machines):
                caller.send_bytes(f"there is a machine {number} already".encode())
            else:
                come[number] = caller
        for caller in come.values():
            caller.send_bytes(b"begin")
            caller.close()


def _call(address, machine, wait, end):
    where = split_address(address)
    while True:
        with contextlib.suppress(OSError, EOFError), connection.Client(where) as caller:
            caller.send_bytes(str(machine).encode())
            if caller.poll(max(0, end - time.monotonic())):
                answer = caller.recv_bytes(1000).decode()
                if answer == "begin":
                    return
                raise InputError(f"--machine {machine}: {answer}")
        if time.monotonic() > end:
            raise InputError(
                f"nobody answers at {address} within {wait} s: machine 0 must be started there"
                " with the same --address and --machines, and all others must come"
            )
        time.sleep(0.2)


def join(address, machines, machine, wait):
    """Make this process one of the machines, before JAX has computed anything."""
    import jax

    if ipaddress.ip_address(socket.gethostbyname(split_address(address)[0])).is_loopback:
        # JAX has no setting for the address of its CPU collectives: it takes the host's name.
        from jaxlib import _jax

        only_here = functools.partial(_jax.make_gloo_tcp_collectives, hostname="127.0.0.1")
        _jax.make_gloo_tcp_collectives = only_here
    jax.distributed.initialize(
        address, machines, machine, coordinator_bind_address=address, initialization_timeout=wait,
        heartbeat_timeout_seconds=HEARTBEAT,
    )  # fmt: skip
    jax.devices()  # starts the backend: on each machine with the devices that it has


def from_first(content):
    """The bytes that machine 0 has, on every machine."""
    import numpy as np
    from jax.experimental import multihost_utils

    length = int(multihost_utils.broadcast_one_to_all(np.int64(len(content))))
    mine = np.frombuffer(content[:length].ljust(length, b"\0"), dtype="uint8")
    return np.asarray(multihost_utils.broadcast_one_to_all(mine)).tobytes()


def _tell(**what):
    print(json.dumps(what), file=sys.__stdout__, flush=True)  # fit's stdout goes elsewhere


def _end_with_parent():
    sys.stdin.buffer.read()  # until the parent closes it, or is no more
    os._exit(1)


def main():
    """A machine's own process."""
    job = json.loads(sys.argv[1])
    threading.Thread(target=_end_with_parent, daemon=True).start()
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
