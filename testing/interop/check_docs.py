"""Checks that docs/guides/verify-tokens.md contains check_token.py and check_token.mjs word for word."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
GUIDE = Path("docs/guides/verify-tokens.md")

guide = (HERE.parents[1] / GUIDE).read_text()
missing = [name for name in ("check_token.py", "check_token.mjs") if (HERE / name).read_text() not in guide]
if missing:
    sys.exit("\n".join(f"{GUIDE} does not contain testing/interop/{name} word for word" for name in missing))
