#!/usr/bin/env bash
# Sets up all that the tests need, on a fresh machine too, then lints and tests. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

explorer/set_up.sh tests/requirements.txt

# a browser: the system's, else Playwright's own where it can be downloaded, else the package manager's
if ! command -v chromium >/dev/null && ! timeout 300 .venv/bin/python -m playwright install --with-deps chromium; then
    if [ "$(id -u)" = 0 ]; then
        apt-get update -qq
        apt-get install -y -qq chromium
    fi
fi

.venv/bin/python -m explorer data cifar10
.venv/bin/ruff check .
.venv/bin/ruff format --check .
# three at a time even on two cores, since much of a test is waiting for processes and pages; a file is one process's, as
# its tests share those, and the longest begin first, as tests/conftest.py orders them
exec .venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder "$@"
