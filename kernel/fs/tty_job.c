/* tty_job.c - job control: whose terminal it is, and who may use it now.
 *
 *      session --terminal--> tty --foreground--> process group: gets ^C, may read
 *         \____ other groups: background; SIGTTIN when they read
 *
 * Invariants: session->terminal and tty->session point at each other or nowhere; a
 *   terminal belongs to the session of a living leader.
 * Sleeps: never.
 * Linux: a session's terminal is one for all its members, so TIOCNOTTY by one that is
 *   not the leader changes nothing.
 * Tests: tools/session-test
 * See: POSIX, Base Definitions, 11.1; credentials(7).
 */
#include "fs/tty.h"

static struct session *current_session(void)
{
    return current_process()->group->session;
}

static bool is_session_leader(void)
{
    return current_process()->pid == current_session()->id;
}

struct tty *tty_of_session(void)
{
    return current_session()->terminal;
}

static void signal_group(pid_t id, int signal)
{
    const struct process_group *group = group_find(id);
    struct process *process;

    if (!group)
        return;
    list_for_each (process, &group->members, group_node)
        signal_kernel(process, signal);
}

void tty_signal_foreground(struct tty *tty, int signal)
{
    if (tty->foreground)
        signal_group(tty->foreground, signal);
}

int tty_check_background(struct tty *tty, int signal)
{
    const struct process *process = current_process();
    const struct process_group *group = process->group;

    if (group->session->terminal != tty || !tty->foreground
        || tty->foreground == group->id)
        return 0;
    if (signal_is_ignored(process, signal) || current()->blocked & sigset_of(signal))
        return signal == SIGTTIN ? -EIO : 0;
    if (group_is_orphaned(group))
        return -EIO;            // nobody could ever continue it
    signal_group(group->id, signal);
    return -ERESTART;
}

/* -- Getting and losing a terminal ------------------------------------------------- */

static void attach(struct tty *tty)
{
    tty->session = current_session();
    tty->session->terminal = tty;
    tty->foreground = current_process()->group->id;
}

static void detach(struct tty *tty)
{
    tty->session->terminal = NULL;
    tty->session = NULL;
    tty->foreground = 0;
}

void tty_acquire(struct tty *tty)
{
    if (is_session_leader() && !tty_of_session() && !tty->session)
        attach(tty);
}

void tty_hangup_session(struct session *session)
{
    struct tty *tty = session->terminal;

    if (!tty)
        return;
    tty_signal_foreground(tty, SIGHUP);
    detach(tty);
    tty->hangups++;
    tty->line.stopped = false;
    line_flush(&tty->line);
    tty_made_room(tty);
    wait_wake_all(&tty->readers, 0);
    wait_wake_all(&tty->writers, 0);
}

/* TIOCSCTTY. Root may take a terminal from another session. */
static long become_controlling(struct tty *tty, const struct file *file, bool steal)
{
    bool root = current_process()->credentials.euid == 0;

    if (is_session_leader() && tty->session == current_session())
        return 0;
    if (!is_session_leader() || tty_of_session())
        return -EPERM;
    if ((tty->session && !(steal && root)) || !(file_is_readable(file) || root))
        return -EPERM;
    if (tty->session)
        detach(tty);
    attach(tty);
    return 0;
}

/* TIOCNOTTY. */
static long give_up(struct tty *tty)
{
    if (tty_of_session() != tty)
        return -ENOTTY;
    if (!is_session_leader())
        return 0;
    tty_signal_foreground(tty, SIGHUP);
    tty_signal_foreground(tty, SIGCONT);
    detach(tty);
    return 0;
}

/* TIOCSPGRP. */
static long set_foreground(struct tty *tty, uptr_t argument)
{
    const struct process_group *group;
    int error = tty_check_background(tty, SIGTTOU);
    uint32_t id;

    if (error)
        return error == -EIO ? -ENOTTY : error;
    if (u32_from_user(&id, argument))
        return -EFAULT;
    if ((pid_t)id < 0)
        return -EINVAL;
    if (tty_of_session() != tty)
        return -ENOTTY;
    group = group_find((pid_t)id);
    if (!group)
        return -ESRCH;
    if (group->session != current_session())
        return -EPERM;
    tty->foreground = (pid_t)id;
    return 0;
}

long tty_job_ioctl(struct tty *tty, const struct file *file, uint32_t request,
                   uptr_t argument)
{
    switch (request) {
    case TIOCSCTTY: return become_controlling(tty, file, argument.address == 1);
    case TIOCNOTTY: return give_up(tty);
    case TIOCSPGRP: return set_foreground(tty, argument);
    case TIOCGPGRP:
        if (tty_of_session() != tty)
            return -ENOTTY;
        return u32_to_user(argument, (uint32_t)tty->foreground);
    case TIOCGSID:
        if (tty_of_session() != tty)
            return -ENOTTY;
        return u32_to_user(argument, (uint32_t)tty->session->id);
    default: return -ENOTTY;
    }
}
