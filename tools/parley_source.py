"""What the checks share: the tree's files, its layers, C read far enough, and reports.

A check makes one Report, adds what it finds as file, line and message, and returns
report.finish(), which prints the findings and is the exit status.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ("boot", "kernel", "lib", "user", "tools")
CODE = {".c", ".h", ".asm", ".inc", ".def"}
IN_CI = os.environ.get("CI", "") not in ("", "0", "false")

# The house: a file belongs to the layer of the longest path here that it starts with.
LAYERS = {
    # prototypes only, made from one table: whoever owns a call defines it
    "kernel/syscall.h": 1, "kernel/syscall.def": 1,
    "lib/base": 0,
    "boot": 1, "kernel/arch": 1, "kernel/arch.h": 1, "kernel/core": 1,
    "kernel/mm": 2,
    "kernel/sched": 3,
    "kernel/dev": 4,
    "kernel/fs": 5,
    "kernel/ipc": 6,
    "kernel/posix": 7,
    "kernel/proc": 8,
    "kernel": 9, "lib/parley": 9, "user": 9, "tools": 9,
}


class Report:
    def __init__(self):
        self.found = []

    def add(self, path, line, message):
        self.found.append((str(path), line, message))

    def finish(self, summary):
        """Prints every finding, then one line that says what was looked at."""
        for path, line, message in sorted(set(self.found)):
            print(f"{path}:{line}: {message}")
        print(summary)
        return 1 if self.found else 0


def files(*folders, suffixes=None):
    """Paths relative to ROOT, sorted, of all files below the folders."""
    result = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if "__pycache__" in path.parts or path.is_symlink() or not path.is_file():
                continue
            if suffixes is None or path.suffix in suffixes:
                result.append(path.relative_to(ROOT))
    return result


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def is_test(path):
    return Path(path).stem.endswith("_test")


def layer_of(path):
    """(layer, its folder) of a path below ROOT; (None, None) outside the house."""
    path = Path(path)
    if is_test(path):                   # a test may use everything
        return 9, str(path.parent)
    for part in (path, *path.parents):
        if str(part) in LAYERS:
            return LAYERS[str(part)], str(part)
    return None, None


_LITERAL = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)
_ATTRIBUTE = re.compile(r"__attribute__\s*\(\(.*?\)\)", re.S)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.M)


def blank(text):
    """The same number of lines, nothing else."""
    return re.sub(r"[^\n]", " ", text)


def without_comments(text, keep_strings=True):
    def replace(match):
        is_string = match[0][0] in "\"'"
        return match[0] if is_string and keep_strings else blank(match[0])
    return _LITERAL.sub(replace, text)


def c_functions(text):
    """(name, first line, last line) of every function body in a C source."""
    text = without_comments(text, keep_strings=False)
    text = _DIRECTIVE.sub(lambda match: blank(match[0]), text)
    depth, head, start, name = 0, 0, 0, None
    for match in re.finditer(r"[{};]", text):
        at, sign = match.start(), match[0]
        if sign == "{":
            if depth == 0:
                name, start = _function_head(text, head, at)
            depth += 1
        elif sign == "}":
            depth -= 1
        if depth == 0:
            if sign == "}" and name:
                yield name, text.count("\n", 0, start) + 1, text.count("\n", 0, at) + 1
                name = None
            head = at + 1


def _function_head(text, begin, end):
    head = _ATTRIBUTE.sub(lambda match: blank(match[0]), text[begin:end])
    called = re.search(r"(\w+)\s*\(", head)
    if not called or not re.search(r"\)[\sA-Z_]*$", head):    # f(void) SLEEPS {
        return None, begin
    return called[1], begin + len(head) - len(head.lstrip())


def objects():
    """(source, object) for every kernel object of the build that still has a source."""
    for path in sorted((ROOT / "build").rglob("*.o")):
        stem = path.relative_to(ROOT / "build").with_suffix("")
        for suffix in (".c", ".asm", ".S"):
            source = stem.with_suffix(suffix)
            if stem.parts[0] in ("boot", "kernel", "lib") and (ROOT / source).exists():
                yield source, path


def run(*command):
    """Standard output of a tool that must succeed."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{command[0]} failed with status {done.returncode}")
    return done.stdout
