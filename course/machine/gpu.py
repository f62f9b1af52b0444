"""Why the backend sees no GPU, in one line, and how to fix that.

`why_none` asks in the order in which a user can fix things: the system, the environment, the
card and its driver, the backend's build, versions that do not fit.
"""

import ctypes
import glob
import importlib
import importlib.metadata
import os
import platform
import re
import sys
import threading

NAMES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
DRIVERS = {12: 525, 13: 580}  # CUDA: the oldest NVIDIA driver that runs it
NVIDIA, AMD = "0x10de", "0x1002"  # makers, on the PCI bus
NO_DEVICE = 100  # what cuInit answers where there is no GPU


def why_none(backend):
    """Say why `backend` ("tensorflow", "jax", "torch"), in this process, sees no GPU.

    Returns:
        One line; "" when it sees one, or when it cannot be told.
    """
    try:
        if sees_one(backend):
            return ""
        for reason in (_system, _hidden, _driver, BUILDS[backend], _mixed):
            if line := reason(backend):
                return " ".join(line.split())
    except Exception:  # a hint must not end what asks for it
        pass
    return ""


def sees_one(backend):
    module = importlib.import_module(backend)
    if backend == "tensorflow":
        return bool(module.config.list_physical_devices("GPU"))
    if backend == "jax":
        return any(device.platform != "cpu" for device in module.devices())
    on_cpu = os.environ.get("KERAS_TORCH_DEVICE", "").startswith("cpu")
    return module.cuda.is_available() and not on_cpu


def _system(backend):
    if sys.platform == "darwin":
        return "on macOS the lessons run on the CPU: Apple's GPUs have no float64"
    if sys.platform == "win32" and backend != "torch":
        return f"{NAMES[backend]} has none on Windows itself: install the course in WSL2"


def _hidden(backend):
    named = {"jax": "JAX_PLATFORMS", "torch": "KERAS_TORCH_DEVICE"}.get(backend, "")
    value = os.environ.get(named)
    if value and not re.search("cuda|gpu|rocm", value):
        return f"{named}={value} leaves it out: unset it"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    empty = visible is not None and re.match(r"\s*(-|$)", visible)
    if empty or (visible and NVIDIA in makers_of_cards() and driver_answer() == NO_DEVICE):
        return f"CUDA_VISIBLE_DEVICES={visible} leaves it out: unset it"


def _driver(backend):
    answer, cards = driver_answer(), makers_of_cards()
    if answer == 0:
        return ""
    if answer is not None and (answer != NO_DEVICE or NVIDIA in cards):
        return f"the NVIDIA driver does not start (error {answer}): restart, and see nvidia-smi"
    if answer is None and (sys.platform == "win32" or os.path.exists("/dev/dxg")):  # or WSL2
        return "no NVIDIA card, or no driver for it on Windows: nvidia-smi must work first"
    if answer is None and os.path.exists("/proc/driver/nvidia/version"):
        return "the NVIDIA driver is out of reach: start a container with its GPUs (--gpus all)"
    if answer is None and NVIDIA in cards:
        return "an NVIDIA card, but no driver: nvidia-smi must work first"
    if AMD in cards:
        return "an AMD card: the course was not tried on ROCm builds"
    return "no NVIDIA card here"


def _tensorflow(backend):
    tf = importlib.import_module("tensorflow")
    install, machine = 'python -m pip install "tensorflow[and-cuda]"', platform.machine()
    if not tf.test.is_built_with_cuda() and machine not in ("x86_64", "AMD64"):
        return f"TensorFlow for {machine} is built for the CPU: take JAX or PyTorch"
    if not tf.test.is_built_with_cuda():
        return f"this TensorFlow is built for the CPU: {install}"
    built = tf.sysconfig.get_build_info()
    major = built["cuda_version"].split(".")[0]
    if old := _too_old("TensorFlow", major):
        return old
    libraries = f"libcublas.so.{major}", f"libcudnn.so.{built['cudnn_version']}"
    if tensorflow_lacks() and not all(map(library, libraries)):
        apart = " in an environment of its own" if version("nvidia-cudnn-cu13") else ""
        return f"TensorFlow's CUDA {major} libraries are not installed: {install}{apart}"


def _jax(backend):
    plugins = {n: version(f"jax-cuda{n}-plugin") for n in DRIVERS}
    plugins = {n: found for n, found in plugins.items() if found}
    if not plugins:
        fits = 12 if (driver_cuda() or (13, 0))[0] == 12 else 13
        return f'this JAX is built for the CPU: python -m pip install "jax[cuda{fits}]"'
    for n, found in plugins.items():
        if found != version("jaxlib"):
            fix = f'python -m pip install "jax[cuda{n}]=={version("jax")}"'
            return f"jax-cuda{n}-plugin {found} does not fit jaxlib {version('jaxlib')}: {fix}"
    if old := _too_old("JAX", min(plugins)):
        return f'{old}, or install "jax[cuda12]" in a new environment'


def _torch(backend):
    selector = "by the selector on pytorch.org"
    if built := importlib.import_module("torch").version.cuda:
        old = _too_old("PyTorch", built.split(".")[0])
        return old and f"{old}, or install one for an older CUDA {selector}"
    # pip's torch is for CUDA 13, and on Windows for the CPU.
    if sys.platform == "win32" or (driver_cuda() or (13, 0))[0] < 13:
        return f"this PyTorch is built for the CPU: install one for CUDA {selector}"
    return "this PyTorch is built for the CPU: python -m pip install --force-reinstall torch"


BUILDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}


def _too_old(name, major):
    """Within 12.x and within 13.x, CUDA runs on older drivers: the first number decides."""
    needed, known = int(major), driver_cuda()
    if known and known[0] < needed:
        oldest = f" to {DRIVERS[needed]} or newer" if needed in DRIVERS else ""
        known = "{}.{}".format(*known)
        return f"{name} is built for CUDA {needed}, the driver knows {known}: update it{oldest}"


def _mixed(backend):
    if version("nvidia-cudnn-cu12") and version("nvidia-cudnn-cu13"):
        return "cuDNN for CUDA 12 and 13 share files: give TensorFlow an environment of its own"


def library(name):
    """The shared library, None where it is not there."""
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


def _libcuda():
    windows = sys.platform == "win32"
    names = ["nvcuda.dll"] if windows else ["libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"]
    return next(filter(None, map(library, names)), None)


def driver_answer(seconds=20):
    """What cuInit answers: 0 when the driver works, None where there is no driver."""
    if (cuda := _libcuda()) is None:
        return None
    answers = [-1]  # where it hangs
    thread = threading.Thread(target=lambda: answers.append(cuda.cuInit(0)), daemon=True)
    thread.start()
    thread.join(seconds)
    return answers[-1]


def driver_cuda():
    """The newest CUDA that the driver knows, as (13, 0); None where it cannot be told."""
    cuda, number = _libcuda(), ctypes.c_int()
    if cuda is None or cuda.cuDriverGetVersion(ctypes.byref(number)) or not number.value:
        return None
    return number.value // 1000, number.value % 1000 // 10


def makers_of_cards(bus="/sys/bus/pci/devices"):
    """The makers of the display cards, where Linux shows its PCI bus."""
    makers = set()
    for folder in glob.glob(f"{bus}/*"):
        try:
            with open(f"{folder}/class") as kind, open(f"{folder}/vendor") as maker:
                if kind.read().startswith("0x03"):
                    makers.add(maker.read().strip())
        except OSError:
            continue
    return makers


def version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def tensorflow_lacks():
    """What `tensorflow[and-cuda]` asks for and is not installed."""
    asked = [line for line in importlib.metadata.requires("tensorflow") or () if "and-cuda" in line]
    return [line for line in asked if not version(re.match(r"[\w.-]+", line)[0])]
