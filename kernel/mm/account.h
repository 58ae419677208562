/* account.h - who pays. Every user has an account; every byte of kernel memory and
 * every frame a process causes is charged to this_cpu()->account when it is taken, and
 * given back to that same account, whoever frees it. Root has no limits.
 */
#pragma once

#include "arch/x86/cpu.h"
#include "core/panic.h"

enum account_kind {             /* unit */
    ACCOUNT_FRAMES,             /* page frames */
    ACCOUNT_HEAP,               /* bytes of kernel heap */
    ACCOUNT_PROCESSES,          /* processes and threads, zombies included */
    ACCOUNT_FILES,              /* open file descriptions */
    ACCOUNT_SIGNALS,            /* queued signals */
    ACCOUNT_MESSAGES,           /* messages queued anywhere */
    ACCOUNT_MESSAGE_BYTES,
    ACCOUNT_MAILBOXES,
    ACCOUNT_SYSV,               /* System V segments, semaphore sets, queues */
    ACCOUNT_KINDS
};

struct account {
    uid_t uid;                  /* [const] */
    uint16_t number;            /* [const] in accounts[]; frames store it */
    uint32_t used[ACCOUNT_KINDS];
    uint32_t limit[ACCOUNT_KINDS];
    uint32_t counted[ACCOUNT_KINDS];    /* what kcheck has found of `used` */
};

#define ACCOUNTS_MAX 256

extern struct account accounts[ACCOUNTS_MAX];       /* by number; the first is root's */
#define root_account (accounts[0])

void accounts_init(uint32_t total_frames);

/* That of uid, or one that nobody uses; the caller charges it. NULL: none is left. */
struct account *account_get(uid_t uid);

bool account_is_used(const struct account *account);

/* Charges, or returns false when the limit would be passed: nothing is charged then. */
static inline must_check bool account_charge(struct account *account,
                                             enum account_kind kind, uint32_t amount) {
    uint32_t used;

    if (__builtin_add_overflow(account->used[kind], amount, &used)
        || used > account->limit[kind])
        return false;
    account->used[kind] = used;
    return true;
}

static inline void account_release(struct account *account, enum account_kind kind,
                                   uint32_t amount) {
    assert(account->used[kind] >= amount);
    account->used[kind] -= amount;
}
