"""Which device computes, and several at once."""

import keras
import numpy as np
import pytest
from conftest import one_line

from course import cli, lesson11
from course.cli import flags
from course.cli.outcome import modules
from course.errors import InputError
from course.machine import devices

BACKEND = keras.backend.backend()
sharing = pytest.mark.skipif(BACKEND == "torch", reason="Keras has it on JAX and TensorFlow")


def where(x):
    """The device that a backend's array lies on."""
    x = keras.ops.convert_to_tensor(x)
    if BACKEND == "jax":
        (device,) = x.devices()
        return f"{device.platform}:{device.id}"
    if BACKEND == "tensorflow":
        return x.device.rpartition("device:")[2].lower()
    return f"{x.device.type}:{x.device.index or 0}"


def test_the_cpu_is_a_device():
    with devices.use("cpu"):
        assert where(keras.ops.zeros(3)) == "cpu:0"
        assert where(lesson11.build_model().weights[0].value) == "cpu:0"


@sharing
def test_another_device_than_the_first():
    with devices.use("cpu:2"):
        assert where(keras.ops.zeros(3)) == "cpu:2"
        model = lesson11.build_model()
        assert where(model.weights[0].value) == "cpu:2"
        assert where(model(np.zeros((1, 28, 28, 1), "float32"))) == "cpu:2"
    assert where(keras.ops.zeros(3)) == "cpu:0"


@pytest.mark.parametrize("name", ["gpu", "gpu:7", "cpu:99"])
def test_a_device_that_is_not_there(in_tmp, capsys, monkeypatch, name):
    everything = devices.available
    monkeypatch.setattr(devices, "available", lambda k: [] if k == "gpu" else everything(k))
    assert cli.main("lesson01", ["--quick", "--device", name, "--json"]) == 2
    out, err = capsys.readouterr()
    assert f"--device {name if ':' in name else name + ':0'}: " in one_line(err)
    assert ("there are cpu:0" if name == "cpu:99" else f"{BACKEND} sees none") in err
    assert out == ""


@pytest.mark.parametrize("name", ["tpu", "gpu:", "gpu:x", "GPU", "cpu:-1", "gpu:1000", ""])
def test_names_that_are_none(in_tmp, capsys, name):
    assert cli.main("lesson01", ["--device", name]) == 2
    assert "expected cpu, gpu or gpu:1" in one_line(capsys.readouterr().err)


def test_every_lesson_takes_the_flag():
    for lesson in (1, 14):
        page, proof, _ = modules(lesson)
        told = flags.parser(lesson, page, proof.CONSTANTS).format_help()
        assert "--device cpu|gpu|gpu:1" in told


@pytest.mark.parametrize("lesson", ["lesson01", "lesson03"])
def test_a_lesson_on_the_cpu(in_tmp, capsys, lesson):
    assert cli.main(lesson, ["--quick", "--device", "cpu", "--json"]) == 0


def test_float32_is_float32_on_a_gpu_too():
    with devices.precision("float32"):
        if BACKEND == "torch":
            import torch

            assert not torch.backends.cuda.matmul.allow_tf32
            assert not torch.backends.cudnn.allow_tf32
        if BACKEND == "tensorflow":
            import tensorflow as tf

            assert not tf.config.experimental.tensor_float_32_execution_enabled()


@sharing
@pytest.mark.parametrize("count", [1, 2, 4])
def test_every_device_gets_its_part(count):
    X = np.arange(24.0).reshape(8, 3)
    parts = devices.parts(devices.several(count), X)
    assert [len(part) for part in parts] == [8 // count] * count
    np.testing.assert_array_equal(np.concatenate(parts), X)


@sharing
def test_more_devices_than_there_are():
    with pytest.raises(InputError, match="99 devices are needed and there are 4: cpu:0, cpu:1"):
        devices.several(99)
    assert len(devices.as_many_as((1, 2, 4, 99))) == 3


@sharing
def test_one_gpu_alone_shares_with_no_other(monkeypatch):
    everything = devices.available
    monkeypatch.setattr(devices, "available", lambda k: ["gpu:0"] if k == "gpu" else everything(k))
    assert devices.sharing() == ["cpu:0", "cpu:1", "cpu:2", "cpu:3"]
    monkeypatch.setattr(devices, "available", lambda k: [f"{k}:{i}" for i in range(3)])
    assert devices.sharing() == ["gpu:0", "gpu:1", "gpu:2"]
    monkeypatch.setattr(devices, "several", lambda count: count)
    assert devices.as_many_as((1, 2, 4)) == [1, 2]
    monkeypatch.setattr(devices, "chosen", "cpu:0")
    assert devices.sharing() == ["cpu:0", "cpu:1", "cpu:2"]


@sharing
def test_a_backend_that_computed_before_its_cpu_was_split(monkeypatch):
    monkeypatch.setattr(devices, "available", lambda k: ["cpu:0"] if k == "cpu" else [])
    with pytest.raises(InputError, match=r"start Python anew, and import course\.lesson14"):
        devices.as_many_as((1, 2, 4))


@pytest.mark.skipif(BACKEND != "torch", reason="Keras has it elsewhere")
def test_what_keras_lacks_on_pytorch():
    assert not devices.can_share()
    assert devices.as_many_as((1, 2, 4)) == []
    with pytest.raises(InputError, match="no data parallelism on PyTorch"):
        devices.several(2)


@sharing
@pytest.mark.parametrize(
    ("chosen", "gpus", "shared", "told"),
    [
        (None, 0, "cpu:0 cpu:1", "1 × cpu"),
        (None, 1, "cpu:0 cpu:1", "1 × gpu"),
        (None, 3, "gpu:0 gpu:1 gpu:2", "3 × gpu"),
        ("gpu:1", 3, "gpu:1 gpu:0 gpu:2", "1 × gpu"),
        ("cpu:0", 3, "cpu:0 cpu:1", "1 × cpu"),
    ],
)
def test_what_shares_a_batch_and_what_a_process_brings(monkeypatch, chosen, gpus, shared, told):
    count = {"cpu": 2, "gpu": gpus}
    monkeypatch.setattr(devices, "available", lambda k: [f"{k}:{i}" for i in range(count[k])])
    monkeypatch.setattr(devices, "chosen", chosen)
    assert devices.sharing() == shared.split()
    assert devices.of_process() == told


def test_too_late_to_simulate_changes_nothing():
    before = devices.available("cpu")
    devices.simulate(16)
    assert devices.available("cpu") == before
