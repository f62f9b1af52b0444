"""The site, built once for the tests that look at it, and a browser to look with."""

import functools
import http.server
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import ROOT, child_environment, uncompiled

DOCS = ("sphinx", "myst_nb", "sphinx_book_theme", "nbclient", "ipykernel")
MISSING = [module for module in DOCS if importlib.util.find_spec(module) is None]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
WIDE, NARROW = 1280, 375
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
]

in_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER and importlib.util.find_spec("selenium")),
    reason="needs Chromium, its driver and selenium",
)


on_the_site = [
    uncompiled,  # its session has the time
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / "tutorials").is_dir(), reason="not a checkout"),
    pytest.mark.skipif(bool(MISSING), reason=f"needs the docs extra: no {MISSING}"),
]


@pytest.fixture
def local_network(monkeypatch):
    """As for all tests, but this machine may talk to itself."""
    right = socket.socket.connect

    def connect(self, address):
        if self.family == socket.AF_INET:
            assert address[0] in ("127.0.0.1", "localhost"), address
        return right(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


def build(*arguments, root=ROOT, **environment):
    return subprocess.run(
        [sys.executable, root / "tutorials" / "build.py", *arguments],
        env=child_environment(PYTHONPATH=None, **environment),
        capture_output=True, text=True, encoding="utf-8", timeout=2400,
    )  # fmt: skip


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The site's folder; COURSE_SITE names one that was built before."""
    if "COURSE_SITE" in os.environ:
        return Path(os.environ["COURSE_SITE"]).resolve()
    folder = tmp_path_factory.mktemp("built") / "site"
    done = build("--output", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def address(site):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    # From a sub-path, as many hosts serve a project's pages.
    handler = functools.partial(Quiet, directory=site.parent)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/site/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    started = driver(tmp_path_factory.mktemp("profile"))
    yield started
    started.quit()


def driver(profile):
    """Headless Chromium; `profile`: an empty folder."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))


def opened(browser, url, width=WIDE):
    """Open a page, and wait until its formulas are set."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(url)
    browser.set_script_timeout(60)
    browser.execute_async_script(
        "const done = arguments[0];"
        "window.MathJax ? MathJax.startup.promise.then(() => done()) : done();"
    )


def complaints(browser):
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] != "INFO"]


def requested(browser):
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
