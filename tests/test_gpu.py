"""Each reason why there is no GPU, on machines made up by replacing the probes."""

import sys
from threading import Event
from types import SimpleNamespace

import pytest

import course
from course.machine import gpu

TENSORFLOW_BUILD = {"cuda_version": "12.5.1", "cudnn_version": "9"}


def tensorflow(cuda=True):
    return SimpleNamespace(
        test=SimpleNamespace(is_built_with_cuda=lambda: cuda),
        sysconfig=SimpleNamespace(get_build_info=lambda: TENSORFLOW_BUILD),
        config=SimpleNamespace(list_physical_devices=lambda kind: []),
    )


def torch(cuda="13.0", available=False):
    return SimpleNamespace(
        version=SimpleNamespace(cuda=cuda),
        cuda=SimpleNamespace(is_available=lambda: available),
    )


def jax(*platforms):
    return SimpleNamespace(devices=lambda: [SimpleNamespace(platform=p) for p in platforms])


@pytest.fixture
def machine(monkeypatch):
    """Linux with an NVIDIA card and a driver for CUDA 13, and backends that see nothing."""
    for name in ("CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS", "KERAS_TORCH_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    backends = {"tensorflow": tensorflow(), "jax": jax("cpu"), "torch": torch()}
    installed = {"jax": "0.10.2", "jaxlib": "0.10.2", "jax-cuda13-plugin": "0.10.2"}

    def change(
        system="linux", processor="x86_64", files=(), libraries=(), cards=(gpu.NVIDIA,), answer=0,
        driver=(13, 0), lacks=(), packages=installed, environ=(), **modules,
    ):  # fmt: skip
        backends.update(modules)
        monkeypatch.setattr(sys, "platform", system)
        monkeypatch.setattr(gpu.platform, "machine", lambda: processor)
        monkeypatch.setattr(gpu.os.path, "exists", lambda path: path in files)
        monkeypatch.setattr(gpu, "makers_of_cards", lambda: set(cards))
        monkeypatch.setattr(gpu, "driver_answer", lambda: answer)
        monkeypatch.setattr(gpu, "driver_cuda", lambda: driver)
        monkeypatch.setattr(gpu, "tensorflow_lacks", lambda: list(lacks))
        monkeypatch.setattr(gpu, "library", lambda name: name in libraries)
        monkeypatch.setattr(gpu, "version", packages.get)
        monkeypatch.setattr(gpu.importlib, "import_module", lambda name: backends[name])
        for name, value in dict(environ).items():
            monkeypatch.setenv(name, value)

    change()
    return change


BACKENDS = pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
NO_DRIVER = {"answer": None, "driver": None}


@BACKENDS
def test_where_it_cannot_be_told_nothing_is_said(machine, backend):
    assert gpu.why_none(backend) == ""


@BACKENDS
def test_a_gpu_that_is_seen_needs_no_reason(machine, backend):
    sees = tensorflow()
    sees.config.list_physical_devices = lambda kind: [kind]
    machine(**NO_DRIVER, tensorflow=sees, jax=jax("cpu", "gpu"), torch=torch(available=True))
    assert gpu.sees_one(backend)
    assert gpu.why_none(backend) == ""


@BACKENDS
@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"system": "darwin"}, "on macOS the lessons run on the CPU"),
        ({"environ": {"CUDA_VISIBLE_DEVICES": ""}}, "CUDA_VISIBLE_DEVICES= leaves it out: unset"),
        ({"environ": {"CUDA_VISIBLE_DEVICES": "-1"}}, "CUDA_VISIBLE_DEVICES=-1 leaves it out"),
        (
            {"environ": {"CUDA_VISIBLE_DEVICES": "7"}, "answer": gpu.NO_DEVICE},
            "CUDA_VISIBLE_DEVICES=7 leaves it out",
        ),
        ({"environ": {"CUDA_VISIBLE_DEVICES": "0"}}, ""),
        ({**NO_DRIVER, "cards": ()}, "no NVIDIA card here"),
        ({"answer": gpu.NO_DEVICE, "cards": ()}, "no NVIDIA card here"),
        ({**NO_DRIVER, "cards": (gpu.AMD,)}, "an AMD card"),
        ({**NO_DRIVER, "cards": (gpu.AMD, gpu.NVIDIA)}, "no driver: nvidia-smi must work first"),
        ({**NO_DRIVER, "files": ["/proc/driver/nvidia/version"]}, "--gpus all"),
        ({**NO_DRIVER, "files": ["/dev/dxg"], "cards": ()}, "no driver for it on Windows"),
        ({"answer": gpu.NO_DEVICE}, "does not start (error 100): restart"),
        ({"answer": 803, "cards": ()}, "does not start (error 803): restart"),
        ({"driver": (11, 8)}, "the driver knows 11.8: update it to 5"),
        (
            {"packages": {"nvidia-cudnn-cu12": "9", "nvidia-cudnn-cu13": "9", "jaxlib": "1",
                          "jax-cuda13-plugin": "1"}},
            "share files",
        ),
    ],
)  # fmt: skip
def test_reasons_that_all_backends_share(machine, backend, found, words):
    machine(**found)
    line = gpu.why_none(backend)
    assert words in line
    assert bool(words) == bool(line)
    assert "\n" not in line


@pytest.mark.parametrize(
    ("backend", "found", "words"),
    [
        ("tensorflow", {"system": "win32"}, "TensorFlow has none on Windows itself: install the"),
        ("jax", {"system": "win32"}, "in WSL2"),
        ("torch", {"system": "win32", **NO_DRIVER}, "or no driver for it on Windows"),
        ("torch", {"system": "win32", "torch": torch(None)}, "for CUDA by the selector on pytorch"),
        ("jax", {"environ": {"JAX_PLATFORMS": "cpu"}}, "JAX_PLATFORMS=cpu leaves it out: unset it"),
        ("jax", {"environ": {"JAX_PLATFORMS": "cuda,cpu"}}, ""),
        (
            "torch",
            {"environ": {"KERAS_TORCH_DEVICE": "cpu"}, "torch": torch(available=True)},
            "KERAS_TORCH_DEVICE=cpu leaves it out",
        ),
        ("torch", {"environ": {"KERAS_TORCH_DEVICE": "cuda:0"}}, ""),
        ("torch", {"torch": torch(None)}, "pip install --force-reinstall torch"),
        ("torch", {"torch": torch(None), "driver": (12, 8)}, "selector on pytorch.org"),
        (
            "torch",
            {"driver": (12, 8)},
            "built for CUDA 13, the driver knows 12.8: update it to 580",
        ),
        ("torch", {"driver": (12, 8), "torch": torch("12.9")}, ""),
        ("torch", {"driver": (12, 8), "torch": torch("14.1")}, "update it, or install one for an"),
        ("torch", {"driver": None}, ""),
        ("jax", {"packages": {}}, 'pip install "jax[cuda13]"'),
        ("jax", {"packages": {}, "driver": None}, 'pip install "jax[cuda13]"'),
        ("jax", {"packages": {}, "driver": (12, 4)}, 'pip install "jax[cuda12]"'),
        (
            "jax",
            {"packages": {"jax-cuda12-plugin": "0.9.1", "jaxlib": "0.10.2", "jax": "0.10.2"}},
            "jax-cuda12-plugin 0.9.1 does not fit jaxlib 0.10.2: "
            'python -m pip install "jax[cuda12]==0.10.2"',
        ),
        (
            "jax",
            {"driver": (12, 4)},
            'update it to 580 or newer, or install "jax[cuda12]" in a new',
        ),
        ("tensorflow", {"driver": (12, 2)}, ""),  # 12.5 runs on any driver for 12
        ("tensorflow", {"tensorflow": tensorflow(False)}, 'pip install "tensorflow[and-cuda]"'),
        (
            "tensorflow",
            {"tensorflow": tensorflow(False), "processor": "aarch64"},
            "TensorFlow for aarch64 is built for the CPU",
        ),
        (
            "tensorflow",
            {"lacks": ["nvidia-cudnn-cu12"], "libraries": ["libcublas.so.12"]},
            'CUDA 12 libraries are not installed: python -m pip install "tensorflow[and-cuda]"',
        ),
        (
            "tensorflow",
            {"lacks": ["nvidia-cudnn-cu12"], "libraries": ["libcublas.so.12", "libcudnn.so.9"]},
            "",
        ),
        (
            "tensorflow",
            {"lacks": ["nvidia-cudnn-cu12"], "packages": {"nvidia-cudnn-cu13": "9"}},
            '"tensorflow[and-cuda]" in an environment of its own',
        ),
    ],
)
def test_reasons_of_one_backend(machine, backend, found, words):
    machine(**found)
    line = gpu.why_none(backend)
    assert words in line
    assert bool(words) == bool(line)
    assert "\n" not in line


@BACKENDS
def test_a_probe_that_fails_ends_nothing(machine, monkeypatch, backend):
    machine(answer=None)

    def fail():
        raise OSError("the machine is odd")

    monkeypatch.setattr(gpu, "makers_of_cards", fail)
    assert gpu.why_none(backend) == ""


class Driver:
    """A libcuda."""

    def __init__(self, cuda, answer=lambda: 0):
        self.cuda, self.answer = cuda, answer

    def cuInit(self, flags):
        return self.answer()

    def cuDriverGetVersion(self, number):
        number._obj.value = self.cuda
        return 0


@pytest.fixture
def libcuda(monkeypatch):
    def install(driver, name="libcuda.so.1"):
        found = {name: driver}
        monkeypatch.setattr(gpu, "library", found.get)

    return install


@pytest.mark.parametrize(
    ("driver", "answer", "newest"),
    [(None, None, None), (Driver(12080), 0, (12, 8)), (Driver(0, lambda: 100), 100, None)],
)
def test_asking_the_driver(libcuda, driver, answer, newest):
    libcuda(driver)
    assert gpu.driver_answer() == answer
    assert gpu.driver_cuda() == newest


@pytest.mark.parametrize(
    ("system", "name"), [("win32", "nvcuda.dll"), ("linux", "/usr/lib/wsl/lib/libcuda.so.1")]
)
def test_where_the_driver_is_looked_for(monkeypatch, libcuda, system, name):
    monkeypatch.setattr(sys, "platform", system)
    libcuda(Driver(13000), name)
    assert gpu.driver_cuda() == (13, 0)


def test_a_driver_that_hangs_is_not_waited_for(libcuda):
    wake = Event()
    libcuda(Driver(13000, wake.wait))
    assert gpu.driver_answer(seconds=0.05) == -1
    wake.set()


def test_the_pci_bus(tmp_path):
    cards = {"0": ("0x030200", gpu.NVIDIA), "1": ("0x040300", "0x8086"), "2": ("0x030000", gpu.AMD)}
    for name, (kind, maker) in cards.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "class").write_text(kind + "\n")
        (tmp_path / name / "vendor").write_text(maker + "\n")
    (tmp_path / "3").mkdir()  # says nothing of itself
    assert gpu.makers_of_cards(str(tmp_path)) == {gpu.NVIDIA, gpu.AMD}
    assert gpu.makers_of_cards(str(tmp_path / "none")) == set()


def test_what_is_installed(monkeypatch):
    assert gpu.version("keras")
    assert gpu.version("no-such-package-at-all") is None
    assert gpu.library("libnosuchlibrary.so.1") is None
    asked = ['keras>=3; extra == "and-cuda"', 'no-such-package-at-all>1; extra == "and-cuda"', "x"]
    monkeypatch.setattr(gpu.importlib.metadata, "requires", lambda name: asked)
    assert gpu.tensorflow_lacks() == asked[1:2]


def test_this_machine_whatever_it_has():
    line = gpu.why_none(course.backend)
    assert line == "" or not gpu.sees_one(course.backend)
    assert len(line.splitlines()) <= 1
