"""Accuracy of lesson 11's network on MNIST: recipes × seeds, a table of test accuracies.

    COURSE_MNIST=mnist.npz python tests/bench/mnist_accuracy.py [--recipes plain] [--seeds 0 1 2]
        [--epochs 10] [--backend jax]

A recipe is a function `recipe(digits, epochs, seed) -> probabilities of the test images`;
add one to RECIPES to have it measured beside the others.
"""

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def plain(digits, epochs, seed):
    """The lesson as it stands."""
    from course import lesson11

    model = lesson11.build_model(n_classes=digits.n_classes, seed=seed)
    lesson11.train(model, digits, epochs, seed)
    return lesson11.predict(model, digits.X_test)


RECIPES = {"plain": plain}


def main():
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    flags.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    flags.add_argument("--epochs", type=int, default=10)
    flags.add_argument("--backend", choices=("tensorflow", "jax", "torch"))
    chosen = flags.parse_args()
    if chosen.backend:
        os.environ["KERAS_BACKEND"] = chosen.backend
    import numpy as np

    import course
    from course import data

    digits = data.load_mnist()
    print(f"{course.backend}, {chosen.epochs} epochs, {len(digits.X_train):,} images to train")
    print(f"{'recipe':<12}{'seed':>6}{'accuracy':>10}{'mistakes':>10}{'seconds':>9}")
    for name in chosen.recipes:
        shares = []
        for seed in chosen.seeds:
            start = time.perf_counter()
            p = RECIPES[name](digits, chosen.epochs, seed)
            seconds = time.perf_counter() - start
            right = p.argmax(axis=1) == digits.y_test
            shares.append(right.mean())
            print(f"{name:<12}{seed:>6}{shares[-1]:>10.4f}{(~right).sum():>10}{seconds:>9.0f}",
                  flush=True)  # fmt: skip
        print(f"{name:<12}{'mean':>6}{np.mean(shares):>10.4f}   from {min(shares):.4f} to"
              f" {max(shares):.4f}")  # fmt: skip


if __name__ == "__main__":
    main()
