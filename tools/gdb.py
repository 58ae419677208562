"""Kernel commands for gdb: gdb -x tools/gdb.py build/kernel.elf (make gdb does it).

    kps           every thread: ids, name, state, and what it waits for
    kbt PID       where a sleeping or ready thread is: its chain of callers
    kwait         every queue that somebody waits on, longest wait first
    ipc-trace N   the newest N events of all CPUs in order (default 32)
"""
import re
import struct
from bisect import bisect_right
from pathlib import Path

import gdb

KERNEL = Path(__file__).resolve().parent.parent / "kernel"
CALLERS_MAX = 64


def value(expression):
    return gdb.parse_and_eval(expression)


def container(node, type_name, member):
    """The struct that a list node lies in."""
    kind = gdb.lookup_type(type_name)
    offset = next(field.bitpos for field in kind.fields() if field.name == member) // 8
    return (node.cast(gdb.lookup_type("unsigned long")) - offset).cast(kind.pointer())


def each(head, type_name, member):
    """Every object on a struct list, given as a value."""
    node = head["head"]["next"]
    while node != head["head"].address:
        yield container(node, type_name, member)
        node = node["next"]


def threads():
    return each(value("all_threads"), "struct thread", "all_node")


def pid_of(thread):
    return int(thread["process"]["pid"]) if thread["process"] else 0


def name_of(thread):
    holder = thread if thread["name"][0] or not thread["process"] else thread["process"]
    return holder["name"].string(errors="replace")


def state_of(thread):
    state = str(thread["state"].cast(gdb.lookup_type("enum thread_state")))
    state = state.replace("THREAD_", "").lower()
    return f"{state} on {int(thread['cpu']['number'])}" if state == "running" else state


def queues_of(thread):
    """The wait queues a thread is on; none when it is not asleep."""
    if state_of(thread) == "blocked":
        for i in range(int(thread["nr_waiters"])):
            yield thread["waiters"][i]["queue"]


def class_of(queue):
    return queue["class"]["name"].string() if queue and queue["class"] else "nothing"


class Command(gdb.Command):
    """A command whose explanation is its class's own first line."""
    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_STATUS)


class Threads(Command):
    """kps: every thread, its ids, name, state, and what it waits for."""
    name = "kps"

    def invoke(self, argument, from_tty):
        print(f"{'TID':>6} {'PID':>6}  {'NAME':16} {'STATE':13} WAITS FOR")
        for thread in threads():
            waits = ", ".join(map(class_of, queues_of(thread)))
            print(f"{int(thread['tid']):6} {pid_of(thread):6}  {name_of(thread):16} "
                  f"{state_of(thread):13} {waits}")


def label_of(code):
    """An assembly label."""
    found = gdb.execute(f"info symbol {code}", to_string=True).split()
    return found[0] if "+" in found else "?"


def print_caller(number, pc, code):
    function = gdb.block_for_pc(code)
    while function and not function.function:
        function = function.superblock
    where = gdb.find_pc_line(code)
    name = function.function.name if function else label_of(code)
    place = f"{where.symtab.filename}:{where.line}" if where.symtab else ""
    print(f"  #{number} {pc:#010x} {name}  {place}")


def memory(what, size):
    return bytes(gdb.selected_inferior().read_memory(int(value(what)), size))


def numbers(steps):
    """What symbol_steps holds: seven bits a byte, the lowest first."""
    number = shift = 0
    for byte in steps:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield number
            number = shift = 0


class Depths:
    """The kernel's own table of how deep the stack is; kernel/core/backtrace.h."""
    def __init__(self):
        size = 12 * (int(value("symbol_count")) + 1)
        self.symbols = list(struct.iter_unpack("<III", memory("&symbols", size)))
        self.steps = memory("&symbol_steps", self.symbols[-1][2])

    def at(self, address):
        """The words at esp up to the return address; 0 or less: not known."""
        row = bisect_right(self.symbols, (address, 1 << 32)) - 1
        if not 0 <= row < len(self.symbols) - 1:
            return 0
        (code, _, first), (_, _, last) = self.symbols[row:row + 2]
        found, step = 0, numbers(self.steps[first:last])
        for after in step:
            code += after >> 1
            if code > address:
                break
            change = next(step)
            if after & 1:
                found = change
            elif change & 1:
                next(step)                      # a file
        return found - int(value("DEPTH_WORDS"))


class Backtrace(Command):
    """kbt PID: the callers of a thread that does not run, by pid or tid."""
    name = "kbt"

    def invoke(self, argument, from_tty):
        wanted = int(argument, 0)
        found = [thread for thread in threads()
                 if wanted in (int(thread["tid"]), pid_of(thread))]
        if not found:
            raise gdb.GdbError(f"nobody has the id {wanted}; kps lists all")
        for thread in found:
            print(f"{int(thread['tid'])} {name_of(thread)}: {state_of(thread)}")
            if not state_of(thread).startswith("running"):
                self.callers(thread)

    def callers(self, thread):
        depths, top = Depths(), int(thread)
        esp, words = int(thread["esp"]), 1
        for number in range(CALLERS_MAX):
            esp += 4 * words
            if words <= 0 or esp > top:
                return
            pc = int(value(f"*(unsigned *){esp - 4}"))
            print_caller(number, pc, pc - 1)
            words = depths.at(pc - 1)


class Queues(Command):
    """kwait: every queue that somebody waits on, and who, longest wait first."""
    name = "kwait"

    def invoke(self, argument, from_tty):
        boot, hertz = int(value("tsc_at_boot")), 1000 * int(value("tsc_kilohertz"))
        queues = {int(queue): queue for thread in threads()
                  for queue in queues_of(thread)}
        for address, queue in queues.items():
            print(f"{address:#010x} {class_of(queue)}")
            for waiter in each(queue["waiters"], "struct waiter", "node"):
                thread = waiter["thread"]
                print(f"    {int(thread['tid']):6} {name_of(thread):16} "
                      f"since {(int(thread['switched']) - boot) / hertz:.6f} s")
        if not queues:
            print("nobody waits")


def table(path, pattern):
    """What a .def file says, by its first word."""
    return {match[1]: match for match in re.finditer(pattern, path.read_text(), re.M)}


class Trace(Command):
    """ipc-trace N: the newest N events of all CPUs in order (default 32)."""
    name = "ipc-trace"

    def invoke(self, argument, from_tty):
        calls = table(KERNEL / "syscall.def", r"^SYSCALL\d\((\d+), (\w+)")
        words = table(KERNEL / "core/trace.def",
                      r'^TRACE_EVENT\((\w+), "(.*?)", "(.*?)", "(.*?)"')
        rings = value("trace_ring")
        cpus, events = rings.type.range()[1], rings.type.target().range()[1]
        rows = [(int(rings[cpu][i]["time"]), cpu, rings[cpu][i])
                for cpu in range(cpus + 1) for i in range(events + 1)
                if int(rings[cpu][i]["type"])]
        rows.sort(key=lambda row: row[:2])
        for time, cpu, event in rows[-int(argument or 32):]:
            print(f"{time} cpu {cpu} tid {int(event['tid']):5}  "
                  f"{self.describe(event, calls, words)}")

    def describe(self, event, calls, words):
        kind = str(event["type"].cast(gdb.lookup_type("enum trace_type")))
        kind = kind.replace("TRACE_", "")
        text = kind.lower()
        if kind in ("CALL", "HAND_OVER"):
            call = calls.get(str(int(event["number"])))
            text += f" {call[2] if call else int(event['number'])}"
        names = words[kind].groups()[1:] if kind in words else ()
        for name, field in zip(names, "abc"):
            if name:
                text += f"  {name} {int(event[field]):#x}"
        return text


for command in Threads, Backtrace, Queues, Trace:
    command()
