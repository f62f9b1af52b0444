"""Make docs/lesson03.png: what `python -m course.lesson03` prints and draws, as one picture.

KERAS_BACKEND=jax python docs/readme_picture.py
"""

import io
import os
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib import pyplot as plt

from course import figures
from course.cli import main as run_lesson

HERE = Path(__file__).parent


def main():
    plt.switch_backend("agg")
    os.environ["COLUMNS"] = "118"
    with TemporaryDirectory() as folder:
        printed = io.StringIO()
        with redirect_stdout(printed):
            run_lesson("lesson03", ["--save-dir", folder])
        pictures = [plt.imread(path) for path in sorted(Path(folder).glob("*.png"))]
    lines = printed.getvalue().replace(f"{folder}/", "figures/").rstrip().splitlines()

    figure = plt.figure(figsize=(11.5, 8.6), dpi=110)
    page = figure.add_axes([0, 0.39, 1, 0.61])
    page.axis("off")
    page.text(0.02, 0.97, "$ python -m course.lesson03\n" + "\n".join(lines),
              family="monospace", fontsize=8.8, va="top", linespacing=1.25)  # fmt: skip
    widths = [picture.shape[1] / picture.shape[0] for picture in pictures]
    left = 0.01
    for picture, width in zip(pictures, widths):
        fraction = 0.98 * width / sum(widths)
        ax = figure.add_axes([left, 0.0, fraction, 0.38])
        ax.imshow(picture)
        ax.axis("off")
        left += fraction
    figures.save(figure, HERE / "lesson03.png")


if __name__ == "__main__":
    main()
