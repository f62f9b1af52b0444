"""scikit-learn's own tests of ridge, lasso and elastic net, run against this course's estimators.

    python tests/scikit_learn_own.py [coordinate_descent] [ridge]

The tests lie in the installed scikit-learn. Before they are imported, five classes of
`sklearn.linear_model` are replaced by ours. What fails must be what is listed here, each with its
reason, and nothing else: exit status 0. It is a script and no test of pytest's own, as the
replacement would change what other tests compare with.
"""

import re
import sys
from pathlib import Path

import pytest
import sklearn.linear_model

from course import estimators

REPLACED = "Ridge", "Lasso", "ElasticNet", "LassoCV", "ElasticNetCV"
NOT_RUN = "not sag and not saga and not sparse_cg"  # solvers of Ridge that are refused by name
REFUSED = "is not here: give one of auto, cholesky"  # and some tests go through all of them
EXACT = "the answer is exact at once: there is no warning to give, or no step to save"
PRIVATE = "looks for a private function, or for the text of a message about descent"
REASONS = {
    "test_lasso_alpha_warning": EXACT,
    r"test_warm_start_convergence\[.*": EXACT,
    r"test_lbfgs_solver_error": EXACT,
    r"test_enet_coordinate_descent_raises_convergence\[Lasso-.*": PRIVATE,
    "test_enet_nonfinite_params": PRIVATE,
    r"test_lassoCV_does_not_set_precompute\[.*": PRIVATE,
    "test_1d_multioutput_.*_and_multitask_.*_cv": "compares with a multi-task net at tol=1e-4",
    "test_enet_copy_X_False_check_input_False": "wants X to be overwritten; it never is",
    "test_check_input_false": "wants an error for float32; it is solved",
    r"test_ridge_fit_intercept_sparse_error\[.*": "cholesky and svd take a sparse X here",
}


class Outcomes:
    """A plugin of pytest that remembers what failed and how many passed."""

    def __init__(self):
        self.failed, self.passed = {}, 0

    def pytest_runtest_logreport(self, report):
        if report.failed:
            lines = str(report.longrepr).strip().splitlines()
            self.failed[report.nodeid.split("::")[-1]] = lines[-1]
        self.passed += report.passed and report.when == "call"


def reason_of(name, line):
    """Why this test may fail, or None."""
    if REFUSED in line:
        return "a solver of Ridge that is refused by name"
    return next((why for pattern, why in REASONS.items() if re.fullmatch(pattern, name)), None)


def main():
    for name in REPLACED:
        setattr(sklearn.linear_model, name, getattr(estimators, name))
    folder = Path(sklearn.linear_model.__file__).parent / "tests"
    wrong = 0
    for name in sys.argv[1:] or ("coordinate_descent", "ridge"):
        file = f"test_{name}.py"
        outcomes = Outcomes()
        options = [
            "-q",
            "--tb=no",
            "--no-summary",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:randomly",
            "-n",
            "0",
        ]
        own = [f"--rootdir={folder}", "-c", "/dev/null", "--import-mode=importlib"]
        more = ["-k", NOT_RUN] if file == "test_ridge.py" else []
        pytest.main([*options, *own, *more, str(folder / file)], plugins=[outcomes])
        print(f"{file}: {outcomes.passed} passed, {len(outcomes.failed)} failed")
        for name, line in sorted(outcomes.failed.items()):
            reason = reason_of(name, line)
            wrong += reason is None
            print(f"    {name}: {reason or 'NOT EXPECTED: ' + line}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
