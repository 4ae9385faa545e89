"""Checks relative links and anchors in Markdown, and paths of files that comments and documents mention.

Usage: python3 .ci/checks/links.py [--self-test]
"""

import re
import subprocess
import sys
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

INLINE = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)")
HTML = re.compile(r"<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=\"([^\"]+)\"")
FENCE = re.compile(r"^\s*(```+|~~~+)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$")
# A path with at least one folder and the extension of a text file of this project.
MENTION = re.compile(
    r"(?<![\w/.$}>*-])((?:[\w-]|\.(?=[a-z]))[\w.-]*(?:/[\w.-]+)+"
    r"\.(?:rs|md|py|mjs|sh|toml|yaml|yml|html|css|svg|png))\b")
FOLDER_MENTION = re.compile(r"`([\w.-]+(?:/[\w.-]+)*)/`")
# Not paths of this repository, or made by a build.
IGNORED_MENTION = re.compile(r"^(src/(main|lib)\.rs$|target|node_modules|\.aws-sam)\b|^www\b|\.(com|org|io|rs)/")
# Documents and comments shorten paths of the common crate and of the functions.
ROOTS = [PurePosixPath(root) for root in ("shared", "shared/src", *(f"functions/{name}/src" for name in (
    "signup", "login", "list-users")))]
CHECKED_FOR_MENTIONS = {".rs", ".md", ".toml", ".yaml", ".yml", ".py", ".mjs", ".txt", ".css", ".html", ""}


def slug(heading):
    """GitHub's anchor for a heading."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = re.sub(r"<[^>]+>", "", text).replace("`", "").replace("*", "")
    text = re.sub(r"[^\w\- ]", "", text.strip().lower())
    return text.replace(" ", "-")


def prose(text):
    """The lines outside code blocks, with their numbers. Code spans are blanked, except in headings."""
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        if match := FENCE.match(line):
            if fence is None:
                fence = match[1]
            elif match[1].startswith(fence):
                fence = None
            continue
        if fence is None:
            yield number, line


def anchors(text):
    found, seen = set(), {}
    for _, line in prose(text):
        if match := HEADING.match(line):
            base = slug(match[1])
            count = seen.get(base, 0)
            seen[base] = count + 1
            found.add(f"{base}-{count}" if count else base)
        found.update(re.findall(r"<a\b[^>]*?\b(?:id|name)=\"([^\"]+)\"", line))
    return found


def targets(line):
    line = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", lambda match: " " * len(match[0]), line)
    for pattern in (INLINE, HTML, REFERENCE):
        yield from (match[1] for match in pattern.finditer(line))


def normal(path):
    """Resolves . and .. without the file system. None for a path outside the repository."""
    parts = []
    for part in PurePosixPath(path).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


class Repository:
    def __init__(self, files, read):
        self.files, self._read, self._anchors = set(files), read, {}
        self.folders = {"", "."} | {str(parent) for file in files for parent in PurePosixPath(file).parents}

    def anchors(self, path):
        if path not in self._anchors:
            self._anchors[path] = anchors(self._read(path))
        return self._anchors[path]

    def check_links(self, path, text):
        """Pairs of a line number and a problem."""
        for number, line in prose(text):
            for target in targets(line):
                if re.match(r"[a-z][a-z0-9+.-]*:", target, re.IGNORECASE) or target.startswith("//"):
                    continue
                name, _, anchor = unquote(target).partition("#")
                if name.startswith("/"):
                    yield number, f"{target}: not a relative link"
                    continue
                file = normal(PurePosixPath(path).parent / name) if name else path
                if file not in self.files and file not in self.folders:
                    yield number, f"{target}: there is no such file"
                elif anchor and file.endswith(".md") and anchor not in self.anchors(file):
                    yield number, f"{target}: {file} has no such heading"

    def check_mentions(self, path, text):
        folders = [*PurePosixPath(path).parents, *ROOTS]
        for number, line in enumerate(text.splitlines(), 1):
            for pattern, known in ((MENTION, self.files), (FOLDER_MENTION, self.folders)):
                for match in pattern.finditer(line):
                    mention = match[1]
                    if IGNORED_MENTION.search(mention):
                        continue
                    if not any(normal(folder / mention) in known for folder in folders):
                        yield number, f"{mention}: there is no such file"


def self_test():
    files = {
        "README.md": "# A `b` & C\n## D\n## D\n[x](#a-b--c) [x](#d-1) [x](docs/x.md#y) `[x](no.md)`\n```\n"
                     "[x](no)\n```\n",
        "docs/x.md": "# Y\n[up](../README.md#d) [no](z.md) [no](#z) ![i](../i.png)\n[r]: ../docs\n"
                     "See `docs/x.md` and `a/b.rs` in `docs/`.",
    }
    repository = Repository([*files, "i.png"], files.__getitem__)
    assert list(repository.check_links("README.md", files["README.md"])) == []
    assert [number for number, _ in repository.check_links("docs/x.md", files["docs/x.md"])] == [2, 2]
    mentions = [text for _, text in repository.check_mentions("docs/x.md", files["docs/x.md"])]
    assert mentions == ["a/b.rs: there is no such file"], mentions


def main():
    if "--self-test" in sys.argv:
        return self_test()
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout
    files = [path for path in listed.split("\0") if path and Path(path).exists()]
    repository = Repository(files, lambda path: Path(path).read_text(encoding="utf-8"))
    count = 0
    for path in files:
        if Path(path).suffix not in CHECKED_FOR_MENTIONS or "corpus/" in path or path == ".ci/checks/links.py":
            continue
        text = Path(path).read_text(encoding="utf-8")
        problems = set(repository.check_mentions(path, text))
        if path.endswith(".md"):
            problems |= set(repository.check_links(path, text))
        for number, problem in sorted(problems):
            print(f"{path}:{number}: {problem}")
        count += len(problems)
    print(f"{count} broken links")
    sys.exit(count > 0)


if __name__ == "__main__":
    main()
