"""Make the pictures of the lab's benches for the front page and the README, tutorials/lab/*.png.

python docs/bench_pictures.py SITE, where SITE is a built site; needs Chromium and selenium.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
SETTINGS = {
    "descent": "rate=0.03&kind=mini-batch&step=120&seed=3",
    "valleys": "rows=1&step=200",
    "network": "data=moons&activation=tanh&rate=0.03&step=600",
    "penalty": "",
    "digit": "",
    "augmentation": "",
}
WIDTH = 700  # of the window: two pictures side by side
KEPT = 480  # pixels of the picture's width


def main(site):
    from bench_pages import page
    from website import driver

    with tempfile.TemporaryDirectory() as profile:
        browser = driver(profile)
        for name, setting in SETTINGS.items():
            fragment = f"#{name}:v=1&{setting}".rstrip("&")
            bench = page(site, browser, name, fragment=fragment, width=WIDTH)
            bench.run("document.querySelector('.bench-pictures').scrollIntoView()")
            box = browser.find_element("css selector", ".bench-pictures")
            shot = Image.open(io.BytesIO(box.screenshot_as_png)).convert("RGB")
            shot = shot.crop((0, 0, shot.width, min(shot.height, shot.width // 2)))
            shot = shot.resize((KEPT, round(KEPT * shot.height / shot.width)), Image.LANCZOS)
            target = ROOT / "tutorials" / "lab" / f"{name}.png"
            shot.quantize(64).save(target, optimize=True)
            print(target.relative_to(ROOT), target.stat().st_size)
        browser.quit()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
