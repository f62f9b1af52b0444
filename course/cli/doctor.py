"""`python -m course doctor`: what is here, what is missing, and the command that fixes it."""

import importlib.metadata
import os
import platform
import sys
import tempfile

import course

SECONDS = 300  # in which a backend must answer
# Runs in a process of its own, because a process has only one backend.
PROBE = """
import json
from course.machine import gpu, processes
processes.end_with_parent()
import keras
backend, seen = keras.backend.backend(), []
if backend == "tensorflow":
    import tensorflow as tf
    for device in tf.config.list_physical_devices():
        details = tf.config.experimental.get_device_details(device) or {}
        seen.append(device.device_type + " " + str(details.get("device_name", "")))
elif backend == "jax":
    import jax
    seen = [d.platform.upper() + " " + (d.device_kind if d.platform != "cpu" else "")
            for d in jax.devices()]
else:
    import torch
    cards = torch.cuda.device_count() if gpu.sees_one(backend) else 0
    seen = ["CPU"] + ["GPU " + torch.cuda.get_device_name(i) for i in range(cards)]
import sys
version = sys.modules[backend].__version__
seen = [device.strip() for device in seen]
print(json.dumps({"version": version, "devices": seen, "no GPU": gpu.why_none(backend)}))
"""


def doctor():
    """Print the findings; return 0 when a lesson could run here, 1 when none could."""
    print(f"Deep Learning, Checked {course.__version__}\n")
    packages = _packages()
    works = {name: _backend(name) for name in course.BACKENDS}
    fine = _python() & packages & _chosen(works)
    _line(True, "processor", f"{os.cpu_count()} cores, {platform.machine()}")
    if packages:
        fine &= _data_files()
        _fonts()
        _sandbox()
    _write_access()
    print(
        "\nLessons can run here." if fine else "\nNo lesson can run here yet: fix what is missing."
    )
    return 0 if fine else 1


def _line(ok, what, found, fix=None, optional=False):
    word = "OK" if ok else "optional" if optional else "missing"
    print(f"{word:<8} {what:<12} {found}", flush=True)
    if fix and not ok:
        print(f"{'':22}-> {fix}")
    return ok


def _python():
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return _line(good, "Python", platform.python_version(), "install Python 3.11, 3.12 or 3.13")


def _chosen(works):
    if not any(works.values()):
        return _line(False, "backend", "none works", course.install("jax"))
    fix = "set KERAS_BACKEND to one that is OK above"
    if course.backend_problem:
        return _line(False, "backend", course.backend_problem, fix)
    chosen = (
        f"{course.backend} (KERAS_BACKEND, else keras.json, else the first installed);"
        " import course before Keras"
    )
    return _line(works[course.backend], "chosen", chosen, fix)


MINIMUM = {"joblib": "1.5", "keras": "3.15", "numpy": "2.0", "scipy": "1.15", "scikit-learn": "1.9",
         "matplotlib": "3.10", "ml-dtypes": "0.5", "pillow": "11", "psutil": "7",
         "pylatexenc": "2.10", "rich": "13"}  # fmt: skip


def _packages():
    good = True
    for name, minimum in MINIMUM.items():
        fix = course.install(f'"{name}>={minimum}"')
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            good = _line(False, name, "not installed", fix)
            continue
        enough = _numbers(version) >= _numbers(minimum)
        good &= _line(enough, name, version if enough else f"{version} is too old", fix)
    return good


def _numbers(version):
    """The first two numbers of a version, to compare."""
    return [int(part) for part in version.split(".")[:2] if part.isdigit()]


def _backend(name):
    install = course.install(name)
    if not course.is_installed(name):
        one_is_there = any(course.is_installed(other) for other in course.BACKENDS)
        return _line(False, name, "not installed", install, optional=one_is_there)
    try:
        from course.machine import processes
    except ImportError as error:  # psutil is missing
        return _line(False, name, f"cannot be tried: {error}", "install the packages above first")
    changes = {"KERAS_BACKEND": name, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with processes.Child(["-c", PROBE], changes) as probe:
        ended, answers, said = probe.wait(SECONDS), probe.records(), probe.last_words
    if not ended:
        said = f"did not answer within {SECONDS} s"
    elif not answers:
        said = f"does not import: {said or 'no answer'}"
    else:
        version, devices, why = answers[-1].values()
        without = f"; no GPU: {why}" if why else ""
        return _line(True, name, f"{version}, sees {', '.join(devices)}{without}")
    return _line(False, name, said, install + " --force-reinstall")


def _data_files():
    from course import data

    bad = []
    for name, expected in data.CHECKSUMS.items():
        try:
            if data.checksum(name) != expected:
                bad.append(f"{name} has changed")
        except OSError:
            bad.append(f"{name} is not there")
    found = ", ".join(bad) or f"{len(data.CHECKSUMS)} files, checksums hold"
    return _line(not bad, "data files", found, "install the package again")


def _fonts():
    from course.figures import chinese_fonts

    chinese = chinese_fonts()
    found = chinese[0] if chinese else "none with Chinese glyphs (the figures are in English)"
    fix = "install the font Noto Sans CJK SC, for Chinese figures"
    _line(bool(chinese), "fonts", found, fix, optional=True)


def _sandbox():
    from course.grading import sandbox

    why, fix = sandbox.problem() or ("", "")
    _line(not why, "sandbox", why or "bwrap, for check --sandbox", fix, optional=True)


def _write_access():
    folder = os.getcwd()
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        fix = "go to a folder of your own, or name one with --save-dir"
        return _line(False, "writing", f"{folder}: {error.strerror}", fix)
    return _line(True, "writing", f"{folder} takes the figures")
