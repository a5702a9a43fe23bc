"""Self-contained HTML documents: whatever names and texts contain, nothing runs and nothing is fetched."""

import base64
import hashlib
from collections.abc import Sequence
from html import escape

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.45 }
body { max-width: 1080px; margin: 2rem auto; padding: 0 1rem; overflow-wrap: break-word }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .6rem; text-align: right } th:first-child { text-align: left }
.matrix { overflow-x: auto } .matrix td { min-width: 2.6rem; text-align: center }
.numbers { display: flex; flex-wrap: wrap; gap: 1rem 2.4rem } .numbers b { display: block; font-size: 1.5rem }
.two { display: flex; flex-wrap: wrap; gap: 1.5rem } .two > * { flex: 1 1 20rem; min-width: 0 }
small { opacity: .7 }
"""


def document(title: str, body: str, scripts: Sequence[str] = (), style: str = "") -> bytes:
    """An HTML file without fonts or links, in which only these scripts run; `body` is HTML, `title` is plain text."""
    # an inline script ends at these characters, also within a string
    scripts = [script.replace("</script", "<\\/script").replace("<!--", "<\\!--") for script in scripts]
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    policy = f"{_POLICY}; script-src {hashes}" if scripts else _POLICY
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}{style}</style></head>'
        f"<body>{body}{''.join(f'<script>{script}</script>' for script in scripts)}</body></html>"
    )
    return page.encode("utf-8", "backslashreplace")  # a file name may contain invalid UTF-8


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8", "backslashreplace")).digest()).decode()
