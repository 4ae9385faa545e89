"""Finds words that the project avoids. The list is words.txt beside this file.

Usage: python3 .ci/checks/words.py [--self-test]
"""

import re
import subprocess
import sys
from pathlib import Path

LIST = Path(__file__).with_suffix(".txt")
# Between the words of a phrase: spaces, or a line break with the marker of a comment.
GAP = r"\s+(?:(?://[/!]?|#|\*|>)\s*)*"
# Standard names: a media type, and the method of std::net::Ipv4Addr.
NOT_PROSE = r"(?<!\.)(?<!application/)"


def sections(text):
    found = {}
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            entries = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            entries.append(line)
    return found


def pattern(entries, flags=0, capital=False):
    def one(entry):
        ending = r"\w*" if entry.endswith("*") else ""
        words = [re.escape(word) for word in entry.rstrip("*").split()]
        if capital:
            words[0] = f"[{words[0][0].upper()}{words[0][0]}]{words[0][1:]}"
        # A phrase of prose, not the start of a name as in `let in_use`.
        return GAP.join(words) + ending + (r"(?!_)" if len(words) > 1 else "")

    alternatives = "|".join(one(entry) for entry in entries)
    return re.compile(f"(?<![A-Za-z0-9])(?:{alternatives})(?![A-Za-z0-9])", flags)


class Words:
    def __init__(self, found):
        self._patterns = [
            pattern(found["any case"], re.IGNORECASE),
            pattern(found["phrases"], capital=True),
            # The characters before and after an identifier are not part of a longer one.
            re.compile(rf"(?<!\w)(?:{'|'.join(e.replace('*', r'[A-Za-z]*') for e in found['identifiers'])})(?!\w)"),
        ]
        self._beside_rfc = re.compile(NOT_PROSE + pattern(found["beside an RFC"], re.IGNORECASE).pattern, re.IGNORECASE)

    def check(self, text):
        """Pairs of a line number and a word."""
        lines = text.splitlines()
        for expression in self._patterns:
            for match in expression.finditer(text):
                yield text.count("\n", 0, match.start()) + 1, " ".join(match[0].split())
        for match in self._beside_rfc.finditer(text):
            number = text.count("\n", 0, match.start()) + 1
            if not any("RFC" in line for line in lines[max(0, number - 2):number + 1]):
                yield number, f"{match[0]} (without an RFC)"


def self_test(words, entry):
    """`entry` is a word of the list."""
    def found(text):
        return [word for _, word in words.check(text)]

    assert found(f"{entry.capitalize()} asks") == [entry.capitalize()]
    assert found(f"fn {entry}_new() {{}}") == [entry]
    assert found("/// works at a\n/// desk") == ["at a /// desk"]
    assert found("let in_use = 1; // let in, later") == ["let in"]
    assert found("if x is None: sent = is_none()") == []
    assert found("struct WeakKey; struct WeakKeys; let make_up = 1;") == ["WeakKey", "make_up"]
    assert found("64 octets") == ["64 octets (without an RFC)".removeprefix("64 ")]
    assert found("64 octets\n(RFC 5321)") == []
    assert found("application/octet-stream, address.octets()") == []
    assert list(words.check(f"\n\n{entry}"))[0][0] == 3


def main():
    found = sections(LIST.read_text())
    words = Words(found)
    if "--self-test" in sys.argv:
        return self_test(words, found["any case"][0])
    excluded = [f":(exclude){path}" for path in found["exclude"]]
    files = subprocess.run(["git", "ls-files", "-z", "--", ".", *excluded], check=True, capture_output=True, text=True)
    count = 0
    for path in filter(None, files.stdout.split("\0")):
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        problems = sorted(words.check(text)) + [(0, f"{word} (in the path)") for _, word in words.check(path)]
        for number, word in problems:
            print(f"{path}:{number}: {word}")
        count += len(problems)
    print(f"{count} words to avoid")
    sys.exit(count > 0)


if __name__ == "__main__":
    main()
