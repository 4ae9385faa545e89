"""Generates hashes.bin, the sorted hashes of common passwords.

Usage: python3 generate.py [--check]    with Django 5.2.19 installed

--check compares the file with its sources and changes nothing. README.md describes the format.
"""

import gzip
import hashlib
import sys
import unicodedata
from importlib.metadata import distribution
from pathlib import Path

DJANGO = "5.2.19"
# Shorter entries occur by chance in random passwords. No longer entry is a password.
LENGTHS = range(5, 29)
HASH_BYTES = 5
# Like letter_for in ../common.rs.
LETTERS = str.maketrans("01!34@5$7", "oiieaasst")
FOLDER = Path(__file__).parent
OUTPUT = FOLDER / "hashes.bin"


def django_passwords():
    django = distribution("Django")
    if django.version != DJANGO:
        sys.exit(f"Django {DJANGO} is required, not {django.version}")
    with gzip.open(django.locate_file("django/contrib/auth/common-passwords.txt.gz"), "rt", encoding="utf-8") as file:
        return file.read().split("\n")


def entries():
    lists = [path.read_text(encoding="utf-8").split("\n") for path in sorted(FOLDER.glob("nordpass-*.txt"))]
    folded = {unicodedata.normalize("NFC", entry.strip()).lower() for entry in sum(lists, django_passwords())}
    return {entry.translate(LETTERS) for entry in folded if len(entry) in LENGTHS}


def main():
    hashes = sorted({hashlib.sha256(entry.encode()).digest()[:HASH_BYTES] for entry in entries()})
    generated = b"".join(hashes)
    if "--check" not in sys.argv[1:]:
        OUTPUT.write_bytes(generated)
    elif OUTPUT.read_bytes() != generated:
        sys.exit(f"{OUTPUT.name} differs from its sources: run generate.py")
    print(f"{len(hashes)} hashes, {len(generated)} bytes")


if __name__ == "__main__":
    main()
