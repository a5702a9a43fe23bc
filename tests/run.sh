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
# one process more than there are cores, since much of a test is waiting for servers and pages, and at most nine, as each
# takes over a gigabyte; a file is one process's, and the longest begin first, as tests/conftest.py orders them
cores="$(getconf _NPROCESSORS_ONLN)"
exec .venv/bin/python -m pytest -n "$((cores < 8 ? cores + 1 : 9))" --dist loadfile --no-loadscope-reorder "$@"
