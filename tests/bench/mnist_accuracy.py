"""Accuracy of lesson 11's network on MNIST: recipes × seeds, a table of test accuracies.

    COURSE_MNIST=mnist.npz python tests/bench/mnist_accuracy.py [--recipes plain better augmented]
        [--seeds 0 1 2] [--epochs 10]

    plain      lesson 11 as it stands, 10 epochs
    better     lesson 12's small shifts and one-cycle rate, 10 epochs
    scaled     lesson 12 without augmentation, 10 epochs
    augmented  lesson 12's rotation and shifts, 30 epochs

"moved" is the accuracy on test digits turned and shifted as lesson 12 does it.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def plain(digits, epochs, seed):
    from course import lesson11

    model = lesson11.build_model(n_classes=digits.n_classes, seed=seed)
    lesson11.train(model, digits, epochs, seed)
    return model


def by_lesson12(digits, epochs, seed, augment=None, one_cycle=False):
    from course import lesson12

    steps = epochs * -(-len(digits.X_train) // lesson12.BATCH_SIZE)
    schedule = lesson12.one_cycle(steps) if one_cycle else None
    model = lesson12.build_model(digits.X_train, digits.n_classes, seed, schedule)
    lesson12.train(model, digits, epochs, seed, augment)
    return model


def better(digits, epochs, seed):
    from course.lesson12 import BETTER, RECIPES

    return by_lesson12(digits, epochs, seed, RECIPES[BETTER], one_cycle=True)


def augmented(digits, epochs, seed):
    from course.lesson12 import MOVES

    return by_lesson12(digits, epochs, seed, MOVES)


EPOCHS = {plain: 10, better: 10, by_lesson12: 10, augmented: 30}
RECIPES = {"plain": plain, "better": better, "scaled": by_lesson12, "augmented": augmented}


def main():
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    flags.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    flags.add_argument("--epochs", type=int, help="of every recipe, instead of its own number")
    chosen = flags.parse_args()
    import numpy as np

    import course
    from course import data, lesson12

    digits = data.load_mnist()
    moved = lesson12.MOVES(digits.X_test, np.random.default_rng(0))
    print(f"{course.backend}, {len(digits.X_train):,} images to train")
    print(f"{'recipe':<12}{'epochs':>7}{'seed':>6}{'accuracy':>10}{'moved':>8}{'seconds':>9}")
    for name in chosen.recipes:
        recipe = RECIPES[name]
        epochs = chosen.epochs or EPOCHS[recipe]
        rows = []
        for seed in chosen.seeds:
            start = time.perf_counter()
            model = recipe(digits, epochs, seed)
            seconds = time.perf_counter() - start
            rows.append([lesson12.accuracy(model, X, digits.y_test)
                         for X in (digits.X_test, moved)])  # fmt: skip
            print(f"{name:<12}{epochs:>7}{seed:>6}{rows[-1][0]:>10.4f}{rows[-1][1]:>8.4f}"
                  f"{seconds:>9.0f}", flush=True)  # fmt: skip
        (mean, mean_moved), shares = np.mean(rows, axis=0), [row[0] for row in rows]
        print(f"{name:<12}{epochs:>7}{'mean':>6}{mean:>10.4f}{mean_moved:>8.4f}"
              f"   from {min(shares):.4f} to {max(shares):.4f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
