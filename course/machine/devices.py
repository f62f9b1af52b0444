"""CPUs and GPUs: which of them a lesson runs on, and several at once.

A device has the name that Keras gives it: cpu, gpu, gpu:1. Several of them train one model by
data parallelism: each has all the weights and gets a part of every batch.

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
from course.machine.precision import precision as precision  # lesson 14 takes it from here

NO_KERAS_SHARING = (
    "Keras has no data parallelism on PyTorch; it needs PyTorch's own DistributedDataParallel, a"
    " process for each device and a training loop of your own: run this on JAX or TensorFlow"
)

chosen = None  # the device of the `use` that is open


def can_share():
    """Whether Keras trains one model on several devices on this backend."""
    return keras.backend.backend() != "torch"


def simulate(count):
    """Split the CPU into `count` devices, to try out what is meant for several GPUs.

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

        cpu = tf.config.list_physical_devices("CPU")[0]
        split = [tf.config.LogicalDeviceConfiguration() for _ in range(count)]
        with contextlib.suppress(RuntimeError):
            tf.config.set_logical_device_configuration(cpu, split)


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
        _hide_gpus()
    there = available(kind)
    if name not in there:
        raise InputError(f"--device {name}: {_what_there_is(kind, there)}")
    global chosen
    before, chosen = chosen, name
    # PyTorch's weights lie on "cpu", which is not "cpu:0": there Keras would train copies of them.
    on_torch = keras.backend.backend() == "torch"
    try:
        with keras.device("cpu" if on_torch and kind == "cpu" else name):
            yield
    finally:
        chosen = before


def _hide_gpus():
    """Hide the GPUs from TensorFlow; where it runs already, it has them."""
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):
        tf.config.set_visible_devices([], "GPU")


def everywhere():
    """As `several`, on all devices of all processes that `cluster` has connected, with JAX."""
    return keras.distribution.DataParallel(auto_shard_dataset=False)


def of_process():
    """The devices of this process in `everywhere`: "2 × gpu", or "1 × cpu"."""
    if chosen:
        return f"1 × {chosen.partition(':')[0]}"
    gpus = len(available("gpu"))
    return f"{gpus} × gpu" if gpus else "1 × cpu"


def _what_there_is(kind, there):
    if there:
        return f"there are {', '.join(there)}"
    backend = keras.backend.backend()
    return f"{backend} sees none: {gpu.why_none(backend) or 'python -m course doctor says more'}"


def sharing():
    """Names of the devices that can share a batch: the GPUs, if there are two; else the CPU's.

    The one that --device names comes first.
    """
    if not can_share():
        return []
    gpus = available("gpu") if (chosen or "gpu").startswith("gpu") else []
    gpus.sort(key=lambda name: name != chosen)
    return gpus if len(gpus) > 1 else available("cpu")


def several(count):
    """What trains one model on the first `count` of `sharing()`.

    Build and train within its `.scope()`. Every batch is split evenly: its rows must be a
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
            f"{count} devices are needed and there are {len(names)}: {', '.join(names)}; to split"
            " the CPU into several, call devices.simulate before any computation"
        )
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel(devices=names[:count], auto_shard_dataset=False)
    import tensorflow as tf

    # The CPU's default, a collective, cannot be set up for 2 devices and then for 4.
    reduce = tf.distribute.ReductionToOneDevice() if names[0].startswith("cpu") else None
    return tf.distribute.MirroredStrategy(names[:count], cross_device_ops=reduce)


def as_many_as(counts):
    """`several(n)` for each n of `counts`, as far as there are so many devices.

    Returns:
        A list; on PyTorch, where Keras cannot do it, an empty one.

    Raises:
        InputError: there is one device only.
    """
    if not can_share():
        return []
    there = len(sharing())
    if there < 2:
        raise InputError(
            "there is one device, and the backend has computed already, so that the CPU can no"
            " longer be split: start Python anew, and import course.lesson14 first"
        )
    return [several(n) for n in counts if n <= there]


def parts(distribution, X):
    """What each device gets of a batch X: a list of arrays."""
    if keras.backend.backend() == "jax":
        layout = distribution.get_data_layout(X.shape)
        shards = keras.distribution.distribute_tensor(X, layout).addressable_shards
        return [np.asarray(shard.data) for shard in shards]
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices(X).batch(len(X))
    batch = next(iter(distribution.experimental_distribute_dataset(batches)))
    return [part.numpy() for part in distribution.experimental_local_results(batch)]
