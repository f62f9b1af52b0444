"""Processors and cards: which of them a lesson runs on, and several at once.

A device has the name that Keras gives it: cpu, gpu, gpu:1. Several of them train one model by
data parallelism: each has all the weights and gets its share of every batch.

    JAX          keras.distribution.DataParallel
    TensorFlow   tf.distribute.MirroredStrategy: what keras.distribution has for TensorFlow is
                 a prototype, whose first line is "DO NOT USE" (Keras 3.15)
    PyTorch      Keras has nothing: `several` says so
"""

import contextlib
import os

import keras
import numpy as np

from course.errors import InputError
from course.machine import gpu

NO_KERAS_SHARING = (
    "Keras has no data parallelism on PyTorch; it needs PyTorch's own DistributedDataParallel, a"
    " process for each device and a training loop of your own: run this on JAX or TensorFlow"
)

chosen = None  # the device of the `use` that is open


def can_share():
    """Whether Keras trains one model on several devices on this backend."""
    return keras.backend.backend() != "torch"


def simulate(count):
    """Let the processor pass for `count` devices, to try out what is meant for several cards.

    Only before the backend has computed anything; afterwards it does nothing.
    """
    if keras.backend.backend() == "jax":
        import jax

        # Refused where the user has said another number of devices, or the backend runs.
        with contextlib.suppress(RuntimeError):
            if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
                jax.config.update("jax_num_cpu_devices", count)
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        processor = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration() for _ in range(count)]
        with contextlib.suppress(RuntimeError):
            tf.config.set_logical_device_configuration(processor, parts)


def available(kind):
    """Names of the devices of a kind, "cpu" or "gpu", of this machine.

    >>> available("cpu")[0]
    'cpu:0'
    """
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        try:
            return [f"{device.platform}:{device.id}" for device in jax.local_devices(backend=kind)]
        except RuntimeError:  # no such platform
            return []
    if backend == "tensorflow":
        import tensorflow as tf

        count = len(tf.config.list_logical_devices(kind.upper()))
    else:
        import torch

        count = torch.cuda.device_count() if kind == "gpu" else 1
    return [f"{kind}:{i}" for i in range(count)]


@contextlib.contextmanager
def use(name):
    """Within the block Keras, and what it compiles, computes on that device.

    Args:
        name: cpu, gpu, gpu:1, …; None: Keras's own choice, which is a GPU where it sees one.

    Raises:
        InputError: there is no such device; the message says which there are.
    """
    if name is None:
        yield
        return
    kind, _, index = name.partition(":")
    name = f"{kind}:{index or 0}"
    if kind == "cpu" and keras.backend.backend() == "tensorflow":
        _hide_cards()
    there = available(kind)
    if name not in there:
        raise InputError(f"--device {name}: {_what_there_is(kind, there)}")
    global chosen
    before, chosen = chosen, name
    try:
        with keras.device(name):
            yield
    finally:
        chosen = before


def _hide_cards():
    """Keep TensorFlow from the cards; where it runs already, it has them."""
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):
        tf.config.set_visible_devices([], "GPU")


def everywhere():
    """As `several`, on all devices of all machines that have joined, with JAX."""
    return keras.distribution.DataParallel(auto_shard_dataset=False)


def of_machine():
    """What a machine brings to `everywhere`: "2 × gpu", or "1 × cpu"."""
    if chosen:
        return f"1 × {chosen.partition(':')[0]}"
    cards = len(available("gpu"))
    return f"{cards} × gpu" if cards else "1 × cpu"


def _what_there_is(kind, there):
    if there:
        return f"there are {', '.join(there)}"
    backend = keras.backend.backend()
    return f"{backend} sees none: {gpu.why_none(backend) or 'python -m course doctor says more'}"


def exact_float32():
    """Let float32 be float32 on a GPU too; else products there keep 10 bits of 23 (TF32)."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
    elif backend == "jax":
        import jax

        if jax.default_backend() != "cpu":
            jax.config.update("jax_default_matmul_precision", "highest")
    else:
        import torch

        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False


def sharing():
    """Names of the devices that can share a batch: the GPUs, if there are two; else the CPU's.

    The one that --device names comes first.
    """
    if not can_share():
        return []
    cards = available("gpu") if (chosen or "gpu").startswith("gpu") else []
    cards.sort(key=lambda name: name != chosen)
    return cards if len(cards) > 1 else available("cpu")


def several(count):
    """What trains one model on the first `count` of `sharing()`.

    Build and train within its `.scope()`. Every batch is shared out evenly: its rows must be a
    multiple of `count`. Evaluate and predict outside: on JAX an odd number of rows is refused, on
    TensorFlow a last small batch.

    Raises:
        InputError: there are fewer devices, or Keras cannot do it on this backend.
    """
    names = sharing()
    if not can_share():
        raise InputError(NO_KERAS_SHARING)
    if count > len(names):
        raise InputError(
            f"{count} devices are needed and there are {len(names)}: {', '.join(names)}; where the"
            " processor is to pass for several, devices.simulate must come before any computation"
        )
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel(devices=names[:count], auto_shard_dataset=False)
    import tensorflow as tf

    # The processor's default, a collective, cannot be set up for 2 devices and then for 4.
    reduce = tf.distribute.ReductionToOneDevice() if names[0].startswith("cpu") else None
    return tf.distribute.MirroredStrategy(names[:count], cross_device_ops=reduce)


def shares(distribution, X):
    """What each device gets of a batch X: a list of arrays."""
    if keras.backend.backend() == "jax":
        layout = distribution.get_data_layout(X.shape)
        parts = keras.distribution.distribute_tensor(X, layout).addressable_shards
        return [np.asarray(part.data) for part in parts]
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices(X).batch(len(X))
    batch = next(iter(distribution.experimental_distribute_dataset(batches)))
    return [part.numpy() for part in distribution.experimental_local_results(batch)]
