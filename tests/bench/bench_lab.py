"""How long a bench's script takes for an event, and what its page weighs.

    COURSE_SITE=site python tests/bench/bench_lab.py

Every slider of every bench is dragged through its range in headless Chromium, 61 events each, and
every option is chosen. 16 ms is what a screen of 60 pictures a second leaves.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench_pages import benches, page
from website import driver

from course.lab import LESSON

DRAG = """
const control = bench.parts.controls.querySelectorAll("input[type=range], select")[arguments[0]];
if (control.disabled) return [];
const times = [];
const slides = control.type === "range";
const count = slides ? 61 : control.options.length;
for (let i = 0; i < count; i++) {
  control.value = slides
    ? Number(control.min) + (i / 60) * (control.max - control.min)
    : control.options[i].value;
  const start = performance.now();
  control.dispatchEvent(new Event(slides ? "input" : "change", { bubbles: true }));
  bench.update();
  times.push(performance.now() - start);
}
return times;
"""
CONTROLS = "return bench.parts.controls.querySelectorAll('[type=range], select').length;"


def main():
    site = Path(os.environ.get("COURSE_SITE", "site")).resolve()
    if not (site / "lab").is_dir():
        raise SystemExit(f"no site at {site}: python tutorials/build.py")
    profile = tempfile.TemporaryDirectory()
    browser = driver(profile.name)
    print(f"{'bench':14} {'median ms':>9} {'worst ms':>9} {'KB':>5}")
    for name in LESSON:
        bench = page(site, browser, name)
        times = []
        for i in range(bench.run(CONTROLS)):
            bench.run("bench.reset();")
            times += bench.run(DRAG, i)
        files = [site / "_static" / file for file in benches.scripts(name)]
        size = sum(file.stat().st_size for file in files) / 1000
        print(f"{name:14} {statistics.median(times):9.1f} {max(times):9.1f} {size:5.0f}")
    browser.quit()
    profile.cleanup()


if __name__ == "__main__":
    main()
