"""What a learner is told of a wrong answer: where it differs, and what the cause may be."""

import inspect
import itertools

import numpy as np

from course.grading.exercise import close, say


def difference(task, got, expected, arguments, language):
    """Lines that say what was expected and what came, with shapes."""
    named = zip(inspect.signature(task.solution).parameters, arguments, strict=False)
    called = ", ".join(f"{name} {_brief(value, language)}" for name, value in named)
    wanted, came = _show(expected, language), _show(got, language)
    yield say(language, f"expected {wanted}", f"应为 {wanted}")
    yield say(language, f"got      {came}", f"得到 {came}")
    if got.shape == expected.shape and got.ndim:
        allowed = task.tolerance * max(1.0, np.abs(expected).max())
        wrong = ~(np.abs(got - expected) <= allowed)  # NaN too
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        where = ", ".join(map(str, at))
        en = f"first difference at [{where}]: expected {expected[at]:.6g}, got {got[at]:.6g}"
        zh = f"第一处不同在 [{where}]：应为 {expected[at]:.6g}，得到 {got[at]:.6g}"
        yield say(language, en, zh)
    if called:
        yield say(language, f"called with {called}", f"调用参数：{called}")


def _show(array, language):
    flat = ", ".join(f"{x:.6g}" for x in itertools.islice(array.flat, 6))
    if array.ndim == 0:
        return flat
    shape = say(language, f", shape {array.shape}", f"，形状 {array.shape}")
    return f"[{flat}{', …' if array.size > 6 else ''}]{shape}"


def _brief(value, language):
    if isinstance(value, np.ndarray) and value.ndim:
        return say(language, f"of shape {value.shape}", f"形状 {value.shape}")
    text = repr(value) if not isinstance(value, np.generic) else f"{value:.6g}"
    return f"= {text if len(text) <= 30 else type(value).__name__}"


def usual(got, expected, arguments, language, tolerance=1e-6):
    """What every exercise may have wrong: shape, sign, a factor; None where it is not that.

    >>> usual(np.array([2.0, 4.0]), np.array([1.0, 2.0]), (), "en")
    'Twice what is wanted: a factor 2 too many.'
    """
    rows = next((len(a) for a in arguments if isinstance(a, np.ndarray) and a.ndim), None)
    found = (
        _wrong_shape(got, expected)
        if got.shape != expected.shape
        else _wrong_size(got, expected, rows, tolerance)
    )
    return found and say(language, *found)


def _wrong_shape(got, expected):
    if expected.ndim == 0:
        return (
            f"One number is wanted, not an array of shape {got.shape}.",
            f"应当是一个数，而不是形状为 {got.shape} 的数组。",
        )
    if got.size == expected.size and got.squeeze().shape == expected.squeeze().shape:
        return (
            f"The shape is {got.shape}, not {expected.shape}: (n,) and (n, 1) are two things.",
            f"数的形状是 {got.shape}，而不是 {expected.shape}：(n,) 与 (n, 1) 是两回事。",
        )
    if got.shape == expected.shape[::-1]:
        return "It is transposed: rows and columns have changed places.", "转置了：行和列颠倒了。"
    if got.ndim == expected.ndim + 1 and got.shape[0] == got.shape[-1]:
        return (
            "Each with each, not each with its own: (n,) against (n, 1) broadcasts to (n, n).",
            "每个都与所有的配了对，而应当一一对应：(n,) 与 (n, 1) 运算会广播成 (n, n)。",
        )
    if got.ndim < expected.ndim:
        return (
            "Summed or averaged over too much: an axis has gone.",
            "求和或求平均时多消去了一个轴。",
        )
    return (
        f"The shape is {got.shape}; {expected.shape} is wanted.",
        f"形状是 {got.shape}，应为 {expected.shape}。",
    )


def _wrong_size(got, expected, rows, tolerance):
    if np.isnan(got).any():
        return (
            "There is a NaN: 0/0, the logarithm of a negative number, or an overflow.",
            "出现了 NaN：0/0、负数取对数，或者溢出。",
        )
    factors = {
        -1.0: ("The sign is the other way round.", "符号反了。"),
        2.0: ("Twice what is wanted: a factor 2 too many.", "是正确值的两倍：多了一个因子 2。"),
        0.5: ("Half of what is wanted: a factor 2 is missing.", "是正确值的一半：少了一个因子 2。"),
    }
    if rows and rows > 2:
        factors[float(rows)] = (
            f"{rows} times what is wanted, and there are {rows} rows: summed, not averaged.",
            f"是正确值的 {rows} 倍，而数据正好有 {rows} 行：求了和，没有求平均。",
        )
        factors[1 / rows] = (
            f"1/{rows} of what is wanted, and there are {rows} rows: averaged, not summed.",
            f"是正确值的 1/{rows}，而数据正好有 {rows} 行：求了平均，而不是求和。",
        )
        missing = (
            f"{rows}/2 times what is wanted, and there are {rows} rows: the factor 2/n is missing.",
            f"是正确值的 {rows}/2 倍，而数据正好有 {rows} 行：少了因子 2/n。",
        )
        factors.setdefault(rows / 2, missing)  # of four rows that is 2, told above
    for factor, said in factors.items():
        if np.any(expected) and close(got, factor * expected, tolerance):
            return said
    if got.ndim == 1 and len(got) > 1 and close(got, expected[::-1], tolerance):
        return "The order is reversed.", "顺序颠倒了。"
    return None
