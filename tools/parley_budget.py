"""The size budget: non-blank lines, comments included, tests not counted."""
import re

from parley_source import CODE, ROOT, files, is_test, read

# The sum is what counts. Between the folders it was shared out anew when the kernel
# first ran: sched also posts signals and knows groups and sessions, fs has terminals
# with job control and a /proc that ps and top can read, proc has the calls about
# memory, users and limits; arch, core and dev needed less than was thought.
BUDGETS = {
    "kernel/arch": 1320,
    "kernel/core": 480,
    "kernel/mm": 1420,
    "kernel/sched": 1830,
    "kernel/dev": 570,
    "kernel/fs": 3375,
    "kernel/ipc": 3780,
    "kernel/posix": 2800,
    "kernel/proc": 1220,
    "kernel": 18000,
}
PATH_BUDGET = 10000             # the weekend path that kernel/README.md lists


def lines_of(path):
    return sum(1 for line in read(path).splitlines() if line.strip())


def kernel_files(folder):
    """The files that count for one line of BUDGETS."""
    folders = ("kernel", "lib/base") if folder == "kernel" else (folder,)
    return [path for path in files(*folders, suffixes=CODE) if not is_test(path)]


def weekend_path():
    """(line, path) of each file in kernel/README.md's section on the weekend path."""
    inside, found = False, False
    readme = "kernel/README.md"
    lines = read(readme).splitlines() if (ROOT / readme).exists() else []
    for number, line in enumerate(lines, 1):
        if line.startswith("## "):
            inside = line[3:].strip().lower() == "the weekend path"
        elif inside:
            for name in re.findall(r"[\w./-]+\.(?:c|h|asm|def)\b", line):
                found = True
                yield number, name if (ROOT / name).is_file() else f"kernel/{name}"
    if not found:
        yield 1, None
