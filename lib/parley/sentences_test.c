/* sentences_test.c - every error that the contract's section 8 names for a call has a
 * sentence of its own, whatever else holds: IPC(7.3). */
#include "sentences.c"

#include <stdio.h>

void parley_judge(struct line *line, const struct about *about) {
    (void)line, (void)about;
}

bool parley_process_exists(pid_t pid) { return pid > 0; }

enum { ERRORS_MAX = 24 };

#define SENDING EBADF, EDQUOT, EDEADLK, EPIPE, EMSGSIZE, EINTR, ETIMEDOUT, EAGAIN, \
    EPERM, ESRCH
#define RECEIVING ENOMEM, EMFILE, EMSGSIZE, EINTR, ETIMEDOUT, EAGAIN
#define REPLYING EBADF, EMSGSIZE, EPERM
#define OPENING EACCES, EMFILE, ENFILE, ENAMETOOLONG

/* Beside EFAULT and EINVAL, which every call has. */
static const struct {
    const char *name;
    uint32_t call;
    int errors[ERRORS_MAX];     /* ended by 0 */
} calls[] = {
    { "msg_send", CALL(MSG_SEND), { SENDING } },
    { "msg_receive", CALL(MSG_RECEIVE), { RECEIVING, ESRCH, EDEADLK } },
    { "msg_call", CALL(MSG_CALL), { SENDING, RECEIVING, ECANCELED } },
    { "msg_reply", CALL(MSG_REPLY), { REPLYING, ESRCH, ECANCELED } },
    { "msg_reply_receive", CALL(MSG_REPLY_RECEIVE), { REPLYING, RECEIVING } },
    { "msg_forward", CALL(MSG_FORWARD), { SENDING, ECANCELED } },
    { "msg_accept", CALL(MSG_ACCEPT), { ENOMEM } },
    { "msg_fd", CALL(MSG_FD), { EMFILE, ENFILE, ENOMEM } },
    { "msg_notify", CALL(MSG_NOTIFY), { ESRCH, EPERM } },
    { "link_open", CALL(LINK_OPEN), { ESRCH, EPERM, EDQUOT } },
    { "link_close", CALL(LINK_CLOSE), { ESRCH, EPERM, ENOENT } },
    { "link_stat", CALL(LINK_STAT), { ESRCH, EPERM, ENOENT } },
    { "mbox_open", CALL(MBOX_OPEN), { OPENING, ENOENT, EEXIST, EDQUOT } },
    { "mbox_lookup", CALL(MBOX_LOOKUP), { OPENING, ENOENT, ETIMEDOUT, EINTR } },
    { "mbox_create", CALL(MBOX_CREATE), { EMFILE, ENFILE, EDQUOT } },
    { "mbox_send", CALL(MBOX_SEND),
      { EBADF, EAGAIN, ETIMEDOUT, EINTR, EMSGSIZE, ENOBUFS, EDQUOT, EPIPE, EIDRM } },
    { "mbox_receive", CALL(MBOX_RECEIVE), { RECEIVING, EBADF, EBUSY, EPIPE, EIDRM } },
    { "mbox_stat", CALL(MBOX_STAT), { EBADF, EIDRM } },
    { "mbox_destroy", CALL(MBOX_DESTROY), { EBADF, EPERM, EIDRM } },
    { "mbox_unlink", CALL(MBOX_UNLINK), { ENOENT, EACCES, EPERM, ENAMETOOLONG } },
};

static bool has_sentence(uint32_t call, int error) {
    for (const struct sentence *s = parley_sentences; s->error; s++)
        if (s->calls & call && s->error == error && !s->holds) return true;
    return false;
}

int main(void) {
    unsigned cases = 0, failed = 0;

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        static const int all[] = { EFAULT, EINVAL };
        for (int j = -2; j < 0 || calls[i].errors[j]; j++) {
            int error = j < 0 ? all[j + 2] : calls[i].errors[j];
            bool good = has_sentence(calls[i].call, error);
            printf("%sok %u - %s: error %d\n", good ? "" : "not ", ++cases,
                   calls[i].name, error);
            failed += !good;
        }
    }
    printf("1..%u\n", cases);
    return failed != 0;
}
