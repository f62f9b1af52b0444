import keras
import pytest

from course.machine.precision import precision


def now():
    layer = keras.layers.Dense(1)
    layer.build((None, 1))
    return keras.config.floatx(), layer.kernel.dtype


def fail_in(dtype, seen):
    with precision(dtype):
        seen.append(now())
        raise RuntimeError


def test_precision_holds_within_the_block_and_no_longer():
    before, seen = now(), []
    for dtype in ("float64", "float32"):
        with pytest.raises(RuntimeError):
            fail_in(dtype, seen)
    assert seen == [("float64", "float64"), ("float32", "float32")]
    assert now() == before
