#!/usr/bin/env bash
# Makes the virtual environment .venv and installs what the requirements files name; quick when it is there already.
#   explorer/set_up.sh [MORE_REQUIREMENTS …]
set -euo pipefail
cd "$(dirname "$0")/.."

if [ ! -x .venv/bin/pip ]; then
    # Debian keeps the part that makes environments in a package of its own
    if ! python3 -m venv .venv 2>/dev/null; then
        if [ "$(id -u)" != 0 ]; then
            echo "Python's venv module is missing; install it with: sudo apt-get install python3-venv" >&2
            exit 1
        fi
        apt-get update -qq
        apt-get install -y -qq python3-venv
        python3 -m venv --clear .venv
    fi
fi

requirements=()
for file in requirements.txt "$@"; do
    requirements+=(-r "$file")
done
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile "${requirements[@]}"

# pip would compile one module after another, on one core
packages=$(echo .venv/lib/python3*/site-packages)
if [ ! .venv/compiled -nt "$packages" ]; then
    .venv/bin/python -m compileall -q -j 0 "$packages" >/dev/null || true # some packages hold files that are no Python
    touch .venv/compiled
fi
