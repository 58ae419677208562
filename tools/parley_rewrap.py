"""Brings the prose of C comments back to the margin. Pictures, lists and code stay."""
import re

WIDTH = 88
OPENING = re.compile(r"[ ]*/\*+ (?! )")
PROSE = re.compile(r"[ ]*(?:\*|//) (?! )\S.*")
RULER = re.compile(r"[ ]*/\* ?-.*-{8,} ?\*/$")


def is_prose(line):
    """One line of running text: no columns, no list, not the start of a field."""
    body = re.sub(r"^[ ]*(?:/\*+|\*|//) ?", "", line)
    return not re.search(r"\S  +\S|^[-*|+<>=]|^\d+[.)] |^\w+: ", body)


def shorten_ruler(line):
    while len(line) > WIDTH and "--------" in line:
        at = line.rindex("----")
        line = line[:at] + line[at + 1:]
    return line


def paragraph_end(lines, first):
    """One past the last line of the paragraph of running text that begins at first."""
    at = first
    while "*/" not in lines[at] or lines[at].lstrip().startswith("//"):
        at += 1
        if at == len(lines) or not PROSE.match(lines[at]) or not is_prose(lines[at]):
            return at
    return at + 1


def fill(lines):
    """The same words, at most WIDTH columns."""
    head = re.match(r"[ ]*(?:/\*+|\*|//) ", lines[0])[0]
    margin = head if "/*" not in head else " " * (head.index("/") + 1) + "* "
    words = " ".join([lines[0][len(head):]] + [re.sub(r"^[ ]*(?:\*|//) ", "", line)
                                               for line in lines[1:]]).split()
    if words[-1] == "*/" and len(words) > 1:        # never alone on its line
        words[-2:] = [f"{words[-2]} */"]
    result, line = [], head.rstrip()
    for word in words:
        if len(line) + 1 + len(word) > WIDTH:
            result.append(line)
            line = margin.rstrip()
        line += " " + word
    return result + [line]


def rewrap(text):
    """The text of a C source with its overlong comment paragraphs filled again."""
    lines, at, result = text.split("\n"), 0, []
    while at < len(lines):
        line = lines[at]
        starts = OPENING.match(line) or PROSE.match(line)
        if len(line) > WIDTH and not line.lstrip().startswith(("/*", "*", "//")):
            line = re.sub(r"[ ]+\*/$", " */", line)     # padding in a field's comment
        if RULER.match(line):
            result.append(shorten_ruler(line))
        elif starts and (is_prose(line) or OPENING.match(line)):
            end = paragraph_end(lines, at)
            part = lines[at:end]
            long = any(len(each) > WIDTH for each in part)
            result += fill(part) if long and is_prose(part[0]) else part
            at = end
            continue
        else:
            result.append(line)
        at += 1
    return "\n".join(result)
