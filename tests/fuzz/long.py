"""Try inputs of every kind for as long as there is time: python tests/fuzz/long.py --minutes 30

It prints how many of each kind were tried, and of each way in which one broke the law the smallest
input. The exit status is 1 where one did.
"""

import argparse
import os
import sys
import time
import traceback
from pathlib import Path

ROUND = 50  # inputs


def main(argv=None):
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]
    os.environ["MPLBACKEND"] = "agg"
    from kinds import KINDS

    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--minutes", type=float, default=30, help="in all (default: 30)")
    flags.add_argument("--kind", nargs="+", choices=list(KINDS), metavar="KIND",
                       help=f"only these (default: all): {', '.join(KINDS)}")  # fmt: skip
    flags.add_argument("--seed", type=int, default=int(time.time()), help="default: the time")
    given = flags.parse_args(argv)
    names = given.kind or list(KINDS)
    print(f"--seed {given.seed}, backend {os.environ.get('KERAS_BACKEND', 'the first installed')}")
    broken = 0
    for name in names:
        tried, found = search(KINDS[name], 60 * given.minutes / len(names), given.seed)
        print(f"{name:28}{tried:8} tried  {len(found) or 'nothing'} found", flush=True)
        for how, smallest in found.items():
            print(f"    {how}\n        {smallest}", flush=True)
        broken += len(found)
    return 1 if broken else 0


def search(kind, seconds, seed):
    """Try inputs for some seconds.

    Returns:
        How many were tried, and {how the law is broken: the smallest input that does}.
    """
    from kinds import OTHERS, profile, try_out

    found, tried, end = {}, 0, time.monotonic() + seconds

    while time.monotonic() < end:
        seed, failed = seed + 1, {}

        def hold(value, failed=failed):
            nonlocal tried
            if time.monotonic() > end and not failed:
                return
            tried += 1
            try:
                kind.hold(value)
            except Exception as error:
                how = getattr(error, "how", None) or "".join(traceback.format_exception(error)[-3:])
                if how in found or (failed and how not in failed):
                    return  # one way at a time is made small
                failed[how] = repr(value)[:1000]
                raise

        try:
            try_out(kind, profile(ROUND, **OTHERS, report_multiple_bugs=False), hold, seed)
        except Exception:
            found.update(failed)
    return tried, found


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
