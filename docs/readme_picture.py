"""Make docs/lesson03.png: what `python -m course.lesson03` prints and draws, as one picture.

KERAS_BACKEND=jax python docs/readme_picture.py
"""

import io
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib import pyplot as plt

from course import figures
from course.cli import main as run_lesson

HERE = Path(__file__).parent


def main():
    plt.switch_backend("agg")
    with TemporaryDirectory() as folder:
        printed = io.StringIO()
        with redirect_stdout(printed):
            run_lesson("lesson03", ["--save-dir", folder])
        pictures = [plt.imread(path) for path in sorted(Path(folder).glob("*.png"))]
    lines = printed.getvalue().replace(f"{folder}/", "figures/").rstrip().splitlines()

    figure = plt.figure(figsize=(13, 7.7), dpi=110)
    page = figure.add_axes([0, 0, 0.54, 1])
    page.axis("off")
    page.text(0.02, 0.98, "$ python -m course.lesson03\n" + "\n".join(lines),
              family="monospace", fontsize=8.8, va="top", linespacing=1.2)  # fmt: skip
    heights = [picture.shape[0] / picture.shape[1] for picture in pictures]
    bottom = 1.0
    for picture, height in zip(pictures, heights):
        fraction = 0.98 * height / sum(heights)
        bottom -= fraction
        ax = figure.add_axes([0.55, bottom, 0.44, fraction])
        ax.imshow(picture)
        ax.axis("off")
    figures.save(figure, HERE / "lesson03.png")


if __name__ == "__main__":
    main()
