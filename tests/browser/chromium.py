"""A Chromium for the tests: the machine's own, else Debian's package where this may install it, else Playwright's.

`python -m tests.browser.chromium` is what `make test` runs before them.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DOWNLOADED = Path(__file__).resolve().parents[2] / "var" / "cache" / "browsers"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING = "no Chromium: install chromium or Chrome, or name one in CHROMIUM"


def find() -> Path | None:
    """The browser to start; None where there is none yet."""
    if named := os.environ.get("CHROMIUM"):
        return Path(named)
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found)
    return next((path for path in sorted(DOWNLOADED.glob("**/*")) if path.name in ("chrome", "headless_shell")), None)


def install() -> None:
    """Blocks until it is installed. Raises CalledProcessError where that fails."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "-qq", *command], env=environment, stdout=subprocess.DEVNULL, check=True)
    else:
        environment = {**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(DOWNLOADED)}
        subprocess.run(
            [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"], env=environment, check=True
        )


if __name__ == "__main__":
    if find() is None:
        print("installing Chromium for the dashboard's tests", flush=True)
        try:
            install()
        except subprocess.CalledProcessError as error:
            sys.exit(f"{MISSING} ({error})")
    if find() is None:
        sys.exit(MISSING)
