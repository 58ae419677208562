"""A program on a pseudo-terminal, and a shell in it: send keys, wait for text.

See tools/session-test. Every wait is for text that must appear or for the program's
end; nothing sleeps. The time-out only ends what hangs.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

ROWS, COLS = 12, 76
PROMPT = "ready> "
CTRL_C, CTRL_D, CTRL_U, CTRL_W, CTRL_Z = "\x03", "\x04", "\x15", "\x17", "\x1a"
CTRL_BACKSLASH, BACKSPACE, ESCAPE = "\x1c", "\x7f", "\x1b"
UP, LEFT, RIGHT = "\x1b[A", "\x1b[D", "\x1b[C"
ESCAPES = re.compile("\x1b(\\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78])")
PARTIAL = re.compile("\x1b(\\[[0-9;?]*|[()])?$")


class Mismatch(Exception):
    """What appeared is not what the case expects."""


class Expect:
    """A program on a pseudo-terminal: send text, wait for text.

    This terminal does not answer when it is asked where the cursor is: the answer would
    be typed into the midst of what the case types, and nobody waits for it.

    `text` holds what has appeared and was not expected yet, without escape
    sequences; `expect` takes away everything up to the end of its match.
    """

    def __init__(self, argv, environment, timeout, show):
        self.timeout, self.show = timeout, show
        self.text = self.rest = ""
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            size = struct.pack("HHHH", ROWS, COLS, 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            for number in range(1, 32):  # Python ignores SIGPIPE; shells keep that
                if number not in (signal.SIGKILL, signal.SIGSTOP):
                    signal.signal(number, signal.SIG_DFL)
            try:
                os.execvpe(argv[0], argv, environment)
            except OSError as error:
                print(argv[0], error.strerror)
                os._exit(127)

    def send(self, text):
        data = text.encode()
        while data:
            data = data[os.write(self.fd, data):]

    def read_some(self, seconds):
        """Take in what comes within the time; False: the program is gone."""
        if not select.select([self.fd], [], [], max(seconds, 0))[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # EIO: the last holder of the terminal closed it
            data = b""
        if not data:
            return False
        piece = data.decode("utf-8", "replace")
        if self.show:
            sys.stderr.write(piece)
            sys.stderr.flush()
        self.rest += piece
        tail = PARTIAL.search(self.rest)
        end = tail.start() if tail else len(self.rest)
        self.text += ESCAPES.sub("", self.rest[:end])
        self.rest = self.rest[end:]
        return True

    def expect(self, pattern):
        """Wait until the pattern appears; returns the match object."""
        wanted = re.compile(pattern, re.S)
        deadline = time.monotonic() + self.timeout
        while True:
            match = wanted.search(self.text)
            if match:
                self.text = self.text[match.end():]
                return match
            left = deadline - time.monotonic()
            if left <= 0:
                raise Mismatch("nothing like %r within %d s" % (pattern, self.timeout))
            if not self.read_some(left):
                raise Mismatch("the session ended before %r appeared" % pattern)

    def wait(self):
        """Wait for the program's end; returns its exit status (128 + signal)."""
        deadline = time.monotonic() + self.timeout
        while self.read_some(deadline - time.monotonic()):
            if time.monotonic() > deadline:
                raise Mismatch("the session did not end")
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        self.status = os.waitstatus_to_exitcode(status)
        if self.status < 0:
            self.status = 128 - self.status
        return self.status

    def close(self):
        """End a session that is still running: hang up, then reap."""
        if self.status is None:
            os.close(self.fd)
            deadline = time.monotonic() + 10
            while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                if time.monotonic() > deadline:
                    os.kill(self.pid, 9)
                time.sleep(0.05)
            self.status = -1


class Session(Expect):
    """An Expect with a shell in it that has printed its prompt."""

    def login(self, banner, directory):
        """Wait for a banner and the first prompt; set a prompt nothing else prints."""
        self.expect(banner)
        self.expect("[#$] $")
        self.enter("PS1='rea''dy> '; cd " + directory)
        self.prompt()

    def enter(self, line):
        self.send(line + "\r")

    def prompt(self):
        """Wait for the prompt; returns what appeared before it, LF lines."""
        return self.expect("(.*?)" + PROMPT).group(1).replace("\r\n", "\n")

    def run(self, line):
        """Type a command and return its output."""
        self.enter(line)
        _, _, output = self.prompt().partition("\n")
        return output

    def begin(self, line):
        """Type a command that will read keys; they may be sent when this returns.

        Not before: what comes while the shell still edits its line is the shell's.
        """
        self.enter("echo go; " + line)
        self.expect("\ngo\r\n")

    def begin_job(self, line):
        """Start a foreground job; a signal key sent when this returns is for the job.

        It says itself that it is there: the shell could not know when it is.
        """
        self.enter("sh -c 'echo go; exec %s'" % line)
        self.expect("\ngo\r\n")

    def key(self, key, pattern):
        """Press one key and wait for what it must cause."""
        self.send(key)
        return self.expect(pattern)

    def recover(self):
        """After a failed case: come back to the prompt if that is possible."""
        self.send(ESCAPE + ESCAPE + ":q!\r" + CTRL_C + CTRL_U)
        self.enter("stty sane -tostop; kill %1; echo re''covered")
        self.expect("recovered\r\n" + PROMPT)
