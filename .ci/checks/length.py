"""Checks the length of lines, functions, files and sections.

Usage: python3 .ci/checks/length.py [--self-test]
"""

import re
import subprocess
import sys
from pathlib import Path

COLUMNS = 120
RUST_FILE_LINES = 450
FUNCTION_LINES = 60
README_LINES = 150
SECTION_LINES = 40
CHECKED = {".rs", ".md", ".py", ".mjs", ".ts", ".sh", ".toml", ".yaml", ".yml", ".html", ".css", ".json", ".txt", ""}
# Lists without prose, data that tools or other projects generate, and API Gateway's requests, whose bodies have no
# line breaks.
EXCLUDED = re.compile(r"(^|/)(Cargo\.lock|LICENSE.*|corpus/.*|events/.*\.json|published_keys\.txt)$")
WITHOUT_SECTIONS = {"CHANGELOG.md"}
FENCE = re.compile(r"^\s*(```+|~~~+)")
# In Markdown and in doc comments.
TABLE = re.compile(r"^\s*(//[/!]\s*)?\|.*\|\s*$")
URL_ONLY = re.compile(r'^\W*(!?\[[^\]]*\]\([^)]*\)|\[[^\]]+\]:\s*\S+|https?://\S+|href=\"data:\S+)\W*$')
# What can contain braces that are not code, and the braces themselves.
RUST_TOKEN = re.compile(
    r"""
      (?P<skip> //[^\n]* | /\*.*?\*/
        | \bb?c?r(?P<hashes>\#*)".*?"(?P=hashes)
        | "(?:\\.|[^"\\])*"
        | '(?:\\(?:x..|u\{[^}]*\}|.)|[^'\\\n])' )
    | (?P<fn> \bfn\s+(?P<name>\w+) )
    | (?P<open> [{(\[] ) | (?P<close> [})\]] ) | (?P<end> ; )
    """,
    re.VERBOSE | re.DOTALL,
)


def functions(text):
    """Tuples of a function's name, its first and its last line."""
    depth, waiting, running = 0, None, []
    for token in RUST_TOKEN.finditer(text):
        line = text.count("\n", 0, token.start()) + 1
        if token["fn"]:
            waiting = (token["name"], line, depth)
        elif token["open"]:
            if token["open"] == "{" and waiting and waiting[2] == depth:
                running.append(waiting)
                waiting = None
            depth += 1
        elif token["close"]:
            depth -= 1
            if token["close"] == "}" and running and running[-1][2] == depth:
                name, first, _ = running.pop()
                yield name, first, line
        elif token["end"] and waiting and waiting[2] == depth:
            # A declaration without a body.
            waiting = None


def check_rust(text):
    count = len(text.splitlines())
    if count > RUST_FILE_LINES:
        yield count, f"{count} lines in a Rust file, the limit is {RUST_FILE_LINES}"
    for name, first, last in functions(text):
        if last - first + 1 > FUNCTION_LINES:
            yield first, f"{last - first + 1} lines in the function {name}, the limit is {FUNCTION_LINES}"


def check_sections(text):
    """Counts the lines of prose and lists below each heading. Code, tables and blank lines do not count."""
    fence, start, lines = None, 1, 0
    for number, line in enumerate([*text.splitlines(), "# end"], 1):
        if match := FENCE.match(line):
            fence = match[1] if fence is None else None if match[1].startswith(fence) else fence
        elif fence is None and re.match(r"#{1,6}\s", line):
            if lines > SECTION_LINES:
                yield start, f"{lines} lines of prose without a heading, the limit is {SECTION_LINES}"
            start, lines = number, 0
        elif fence is None and line.strip() and not line.lstrip().startswith(("|", "<!--")):
            lines += 1


def check_columns(text):
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > COLUMNS and not URL_ONLY.match(line) and not TABLE.match(line):
            yield number, f"{len(line)} columns, the limit is {COLUMNS}"


def check(path, text):
    """Pairs of a line number and a problem."""
    yield from check_columns(text)
    if path.endswith(".rs"):
        yield from check_rust(text)
    if path.endswith(".md") and path not in WITHOUT_SECTIONS:
        yield from check_sections(text)
    if path == "README.md" and len(text.splitlines()) > README_LINES:
        yield README_LINES + 1, f"{len(text.splitlines())} lines, the limit is {README_LINES}"


def self_test():
    rust = """trait T { fn no_body(&self) -> [u8; 2]; }
fn short() -> [u8; 2] { let x = '{'; r#"}"#; "\\"{"; 'a: loop { break 'a } }
fn long() {
    // {
    fn inner() {}
}
"""
    assert list(functions(rust)) == [("short", 2, 2), ("inner", 5, 5), ("long", 3, 6)], list(functions(rust))
    assert [line for line, _ in check("a.rs", "fn f() {\n" + "\n" * 60 + "}\n")] == [1]
    assert [line for line, _ in check("a.rs", "\n" * 451)] == [451]
    assert list(check("a.md", "| " + "x" * 200 + " |\nhttps://example.com/" + "x" * 200)) == []
    assert [line for line, _ in check("a.md", "x " * 100)] == [1]
    assert [line for line, _ in check("a.md", "# A\n" + "x\n" * 41 + "# B\n" + "x\n" * 40)] == [1]
    assert [line for line, _ in check("README.md", "\n" * 151)] == [151]


def main():
    if "--self-test" in sys.argv:
        return self_test()
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout
    count = 0
    for path in filter(None, listed.split("\0")):
        if Path(path).suffix not in CHECKED or EXCLUDED.search(path) or not Path(path).is_file():
            continue
        for number, problem in sorted(check(path, Path(path).read_text(encoding="utf-8"))):
            print(f"{path}:{number}: {problem}")
            count += 1
    print(f"{count} things too long")
    sys.exit(count > 0)


if __name__ == "__main__":
    main()
