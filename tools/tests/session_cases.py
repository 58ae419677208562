"""What a person at a terminal must see: the cases of tools/session-test, in order.

A case gets a Session whose shell has just printed its prompt, in an empty directory of
its own or /tmp, and leaves it so. Three things to know about busybox's shell: redrawing
an edited line may print the prompt too, so such cases expect their output by name; a
child that changes state while the prompt is written may cost the prompt (Linux ends the
write with EINTR), so what ends, stops or continues a background job and what looks at
it is one line; and `sh -c` ignores ^\\.
"""
import re

from parley_expect import (BACKSPACE, COLS, CTRL_BACKSLASH, CTRL_C, CTRL_D, CTRL_U,
                           CTRL_W, CTRL_Z, ESCAPE, LEFT, RIGHT, ROWS, UP, Mismatch)

CASES = []


def case(name, guest_only=False):
    def add(function):
        CASES.append((name, function, guest_only))
        return function
    return add


def equal(got, wanted, what="output"):
    if got != wanted:
        raise Mismatch("%s is %r, expected %r" % (what, got, wanted))


def contains(text, pattern):
    if not re.search(pattern, text, re.M):
        raise Mismatch("nothing like %r in %r" % (pattern, text))


@case("the banner and a prompt appear")
def banner(s):
    equal(s.run("echo alive"), "alive\n")  # the session waited for both before this


@case("tty names the terminal and stty knows its size")
def window_size(s):
    contains(s.run("tty"), r"^/dev/\w+")
    equal(s.run("stty size"), "%d %d\n" % (ROWS, COLS))


@case("a command prints and its status is in $?")
def simple_command(s):
    equal(s.run("echo hello; false; echo $?"), "hello\n1\n")


@case("an unknown command is reported with status 127")
def not_found(s):
    contains(s.run("no-such-command"), "no-such-command: not found")
    equal(s.run("echo $?"), "127\n")


# FEATURE(92): ls -l / | more pages; q ends it
@case("ls -l / | more pages; q ends it")
def ls_more_quit(s):
    s.enter("ls -l / | more")
    page = s.expect("(.*?)--More--").group(1)
    equal(page.count("\n") - 1, ROWS - 1, "lines on the page")
    contains(page, r"^d.* dev\r?$")
    s.send("q")
    s.prompt()


# FEATURE(92): space in more shows the next page, Return the next line
@case("space in more shows the next page, Return the next line")
def more_space(s):
    s.enter("seq 100 | more")
    s.expect("\r\n1\r\n.*?\r\n%d\r\n--More--" % (ROWS - 1))
    s.key(" ", "%d\r\n.*?--More--" % ROWS)
    s.key("\r", "--More--")
    s.send("q")
    s.prompt()
    s.enter("seq 14 | more")
    s.expect("--More--")
    s.key(" ", "\n?14\r\n")
    s.prompt()


# FEATURE(92, 93): a pipeline of three programs
@case("a pipeline of three programs")
def pipeline(s):
    equal(s.run("echo hello | tr a-z A-Z | rev"), "OLLEH\n")
    equal(s.run("yes | head -n 2; echo $?"), "y\ny\n0\n")


# FEATURE(91): cat reads a file, a pipe and the keyboard alike
@case("cat reads a file, a pipe and the keyboard alike")
def cat_of_all(s):
    equal(s.run("echo 1 > f; cat < f"), "1\n")
    equal(s.run("echo 2 | cat > f; cat f"), "2\n")
    s.begin("cat > f")
    s.send("3\r" + CTRL_D)
    s.prompt()
    equal(s.run("cat f; rm f"), "3\n")


@case("redirections, substitution and patterns of the shell")
def shell_syntax(s):
    equal(s.run("mkdir d; echo x > d/a1; echo y > d/a2; cat d/a*"), "x\ny\n")
    equal(s.run("(echo out; echo err >&2) 2>&1 | wc -l"), "2\n")
    equal(s.run("echo $(expr 6 '*' 7) `cat d/a1`"), "42 x\n")
    equal(s.run("rm -r d; ls d 2> /dev/null; echo $?"), "1\n")


# FEATURE(103): ^C ends sleep with SIGINT
@case("^C ends sleep with SIGINT")
def interrupt(s):
    s.begin_job("sleep 1000")
    s.send(CTRL_C)
    s.prompt()
    equal(s.run("echo $?"), "130\n")


@case("^C ends every process of a pipeline")
def interrupt_pipeline(s):
    s.enter("sh -c 'echo up >&2; sleep 1000' | cat")
    s.expect("\nup\r\n")
    s.send(CTRL_C)
    s.prompt()
    equal(s.run("jobs"), "")


@case("^C stops a flood of output")
def interrupt_flood(s):
    s.enter("yes flood")
    s.expect("(flood\r\n){50}")
    s.send(CTRL_C)
    s.prompt()


# FEATURE(102): a handler set by trap runs on ^C and the program goes on
@case("a handler set by trap runs on ^C and the program goes on")
def trap(s):
    script = "trap \"x=caught\" INT; echo go; while [ ! $x ]; do :; done; echo $x on"
    s.enter("sh -c '%s'" % script)
    s.expect("\ngo\r\n")
    s.send(CTRL_C)
    contains(s.prompt(), "caught on\n$")


@case("^\\ ends a program with SIGQUIT")
def quit_key(s):
    s.enter("yes flood")  # no shell around it: ash ignores SIGQUIT
    s.expect("(flood\r\n){50}")
    s.send(CTRL_BACKSLASH)
    s.prompt()
    equal(s.run("echo $?"), "131\n")


# FEATURE(101): ^Z stops a job, jobs lists it, bg continues it
@case("^Z stops a job, jobs lists it, bg continues it")
def job_control(s):
    s.begin_job("sleep 1000")
    s.send(CTRL_Z)
    s.expect(r"\[1\]\+\s+Stopped\s+[^\n]*sleep 1000")
    s.prompt()
    contains(s.run("jobs"), r"^\[1\]\+\s+Stopped\s+.*sleep 1000")
    s.enter("bg")
    s.expect(r"\n\[1\] [^\n]*sleep 1000")
    s.enter("jobs; kill %1; wait %1; echo status $?")
    s.expect(r"\n\[1\]\+\s+Running\s+[^\n]*sleep 1000")
    s.expect("\nstatus 143\r\n")
    s.prompt()


@case("fg brings a stopped job back to the terminal")
def foreground(s):
    s.begin("cat")
    s.send("one\r")
    s.expect("one\r\none\r\n")
    s.send(CTRL_Z)
    s.expect("Stopped")
    s.prompt()
    s.enter("fg %1")
    s.expect("\ncat\r\n")
    s.send("two\r")
    s.expect("two\r\ntwo\r\n")
    s.send(CTRL_C)
    s.prompt()
    equal(s.run("jobs"), "")


# FEATURE(101): SIGSTOP stops a job that SIGCONT continues
@case("SIGSTOP stops a job that SIGCONT continues")
def stop_itself(s):
    s.enter("sh -c 'kill -STOP $$; echo resu''med'")
    s.expect(r"Stopped \(signal\)|Stopped")
    s.prompt()
    s.enter("fg")
    s.expect("\nresumed\r\n")
    s.prompt()


# FEATURE(100): kill %1 terminates a background job
@case("kill %1 terminates a background job")
def kill_job(s):
    s.enter("sh -c 'echo up; exec sleep 1000' &")
    s.expect("up\r\n")  # before that it may still ignore SIGTERM, as its shell does
    s.enter("kill %1; wait %1; echo status $?")
    s.expect("\nstatus 143\r\n")
    s.prompt()
    equal(s.run("jobs; true"), "")


@case("a background job writes to the terminal")
def background_output(s):
    s.enter("echo from the back''ground & wait")
    s.expect("from the background\r\n")
    s.prompt()


@case("a background job that reads the terminal is stopped (SIGTTIN)")
def background_read(s):
    s.enter("cat > got & wait %1; jobs")
    s.expect(r"\[1\]\+\s+Stopped \(tty input\)\s+cat")
    s.prompt()
    s.enter("fg")
    s.expect("cat.*?\r\n")
    s.send("line for cat\r" + CTRL_D)
    s.prompt()
    equal(s.run("cat got; rm got"), "line for cat\n")


@case("with tostop a background job that writes is stopped (SIGTTOU)")
def background_write(s):
    s.run("stty tostop")
    s.enter("echo back''wards & wait %1; jobs")
    s.expect(r"\[1\]\+\s+Stopped \(tty output\)\s+echo")
    s.prompt()
    s.enter("fg")
    s.expect("\nbackwards\r\n")
    s.prompt()
    s.run("stty -tostop")


@case("^D ends cat; text before it without a newline is read first")
def end_of_file(s):
    s.begin("cat")
    s.send("whole\r")
    s.expect("whole\r\nwhole\r\n")
    s.send("part" + CTRL_D)
    s.expect("partpart")
    s.send(CTRL_D)
    s.prompt()
    equal(s.run("echo $?"), "0\n")


@case("^D at the prompt leaves the inner shell")
def leave_shell(s):
    s.enter("ENV= PS1='inner> ' sh")
    s.expect("\ninner> ")
    s.send(CTRL_D)
    s.prompt()
    equal(s.run("echo still here"), "still here\n")


@case("the terminal edits a line: backspace, ^W, ^U")
def canonical_editing(s):
    for typed, wanted in (("abx" + BACKSPACE + "c", "abc"),
                          ("one two three" + CTRL_W + "four", "one two four"),
                          ("wrong" + CTRL_U + "right", "right"),
                          (BACKSPACE * 3 + "edge", "edge")):
        s.begin("cat > typed")
        s.send(typed + "\r" + CTRL_D)
        s.prompt()
        equal(s.run("cat typed"), wanted + "\n", "the line read")
    s.run("rm typed")


@case("backspace rubs out on the screen, ^C echoes as ^C")
def echo_editing(s):
    s.begin("cat")
    s.send("up\r")
    s.expect("up\r\nup\r\n")  # now it is cat that ^C will end
    s.send("ab")
    s.expect("ab")
    s.key(BACKSPACE, "\b \b")
    s.key(CTRL_C, r"\^C")
    s.prompt()


@case("stty -echo hides what is typed")
def no_echo(s):
    s.enter("stty -echo; echo now; read x; stty echo; echo \"got $x\"")
    s.expect("\nnow\r\n")
    s.enter("secret")
    output = s.prompt()
    equal(output, "got secret\n")


@case("stty raw hands over every key at once")
def raw_mode(s):
    s.enter("stty raw -echo; echo now; dd bs=1 count=3 2> f | od -An -c; stty sane")
    s.expect("\nnow")
    s.send("a" + CTRL_C + "\r")
    s.expect(r"a 003  \\r")
    s.prompt()
    s.run("rm -f f")


@case("what is typed ahead is not lost")
def type_ahead(s):
    s.begin("cat")
    s.send("first\r" + CTRL_D + "echo sec''ond\r")
    s.expect("\nsecond\r\n")
    s.prompt()


@case("the shell edits a line: backspace, ^U, ^W")
def shell_editing(s):
    equal(s.run("echo abx" + BACKSPACE + "c"), "abc\n")
    s.send("rubbish" + CTRL_U + "echo fresh\r")
    s.expect("\nfresh\r\n")
    s.prompt()
    equal(s.run("echo one two" + CTRL_W + "three"), "one three\n")


@case("arrow keys: up recalls a command, left and right move in it")
def arrow_keys(s):
    equal(s.run("echo recalled"), "recalled\n")
    s.run("true")
    s.send(UP)
    s.expect("true")
    s.send(UP)
    s.expect("echo recalled")
    s.enter("")
    s.expect("\nrecalled\r\n")
    s.prompt()
    s.send("echo ac" + LEFT + "b" + RIGHT + "d\r")
    s.expect("\nabcd\r\n")
    s.prompt()


@case("Tab completes a file name")
def completion(s):
    s.run("echo complete > a-long-file-name")
    s.send("cat a-lo\t")
    s.expect("a-long-file-name")
    s.enter("")
    s.expect("\ncomplete\r\n")
    s.prompt()
    s.run("rm a-long-file-name")


@case("^C at the prompt gives a new prompt")
def interrupt_prompt(s):
    s.send("never run")
    s.expect("never run")
    s.send(CTRL_C)
    s.prompt()
    equal(s.run("echo clean"), "clean\n")


@case("a change of the window's size raises SIGWINCH")
def window_change(s):
    s.enter("sh -c 'trap \"echo win\"ch WINCH; stty rows 30 cols 90; stty size'")
    output = s.prompt()
    contains(output, "^winch$")
    contains(output, "^30 90$")
    s.run("stty rows %d cols %d" % (ROWS, COLS))


@case("vi writes, saves and leaves; the file holds the text")
def vi_new_file(s):
    s.enter("vi poem")
    s.expect("- poem 1/1")
    s.send("iroses are red\rviolets are blux" + BACKSPACE + "e")
    s.expect("I poem .Modified.")
    s.key(ESCAPE, "- poem .Modified. 2/2")
    s.enter(":wq")
    s.prompt()
    equal(s.run("cat poem"), "roses are red\nviolets are blue\n")


@case("vi moves, deletes a line and replaces a word; :q! forgets changes")
def vi_edit_file(s):
    s.enter("vi poem")
    s.expect("- poem 1/2")
    s.send("dd0cwtulips")
    s.expect("I poem .Modified.")
    s.key(ESCAPE, "- poem .Modified. 1/1")
    s.enter(":wq")
    s.prompt()
    equal(s.run("cat poem"), "tulips are blue\n")
    s.enter("vi poem")
    s.expect("- poem 1/1")
    s.send("dd:q!\r")
    s.prompt()
    equal(s.run("cat poem; rm poem"), "tulips are blue\n")


@case("ps lists the shell and itself")
def list_processes(s):
    pid = s.run("echo $$").strip()
    output = s.run("ps")
    contains(output, r"^\s*PID\s+USER")
    contains(output, r"^\s*%s\s" % pid)
    contains(output, r"\bps\b.*$")


@case("top -b -n1 prints one round")
def top_batch(s):
    output = s.run("top -b -n1 | head -n 8")
    contains(output, "^Mem: [0-9]+K used")
    contains(output, r"^\s*PID\s+PPID\s+USER")


@case("top runs in the whole window and ends with q")
def top_screen(s):
    s.enter("top")
    s.expect("PID +PPID +USER")
    s.send("q")
    s.prompt()


@case("orphans are reaped: no zombie stays")
def orphans(s):
    s.run("sh -c 'true & true & true'; sh -c '(true &) ; true'")
    s.enter("while ps | grep ' Z  '; do :; done; echo re''aped")
    s.expect("\nreaped\r\n")
    s.prompt()


@case("demos -l lists the demonstrations", guest_only=True)
def demos(s):
    contains(s.run("demos -l; echo $?"), "(?s).+\n0\n$")


@case("help says what there is", guest_only=True)
def help_page(s):
    contains(s.run("help | cat"), "demos")


@case("a user other than root logs in with su", guest_only=True)
def other_user(s):
    equal(s.run("su student -c 'id -un; id -u'"), "student\n1000\n")


@case("init gives a new shell when the login shell ends", guest_only=True)
def respawn(s):
    s.send(CTRL_D)
    s.login("BusyBox", "/tmp")
    equal(s.run("echo again"), "again\n")
