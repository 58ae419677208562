/* account.c - who pays: charges, limits, and the accounts themselves.
 *
 * Invariants: used[kind] never exceeds limit[kind] for anyone but root; an account is
 * its user's as long as something is charged to it: every process is. Its place is
 * never freed: who still has its address, as a CPU or the message of a thread that
 * sleeps while another one changes the user, charges somebody and never nobody.
 */
#include "mm/account.h"

#include "base/string.h"
#include "core/check.h"

struct account accounts[ACCOUNTS_MAX] = {
    { .limit = { [0 ... ACCOUNT_KINDS - 1] = UINT32_MAX } },
};
static uint32_t default_limit[ACCOUNT_KINDS] = {
    [ACCOUNT_FILES] = 4096, [ACCOUNT_SIGNALS] = 1024, [ACCOUNT_MESSAGES] = 4096,
    [ACCOUNT_MESSAGE_BYTES] = 4 << 20, [ACCOUNT_MAILBOXES] = 256, [ACCOUNT_SYSV] = 256,
};

void accounts_init(uint32_t total_frames) {
    default_limit[ACCOUNT_FRAMES] = total_frames - total_frames / 8;
    default_limit[ACCOUNT_HEAP] = min(total_frames / 4, 16384u) * 4096;
    default_limit[ACCOUNT_PROCESSES] = min(total_frames / 16, 1024u);
    this_cpu()->account = &root_account;
}

bool account_is_used(const struct account *account) {
    for (unsigned kind = 0; kind < ACCOUNT_KINDS; kind++)
        if (account->used[kind]) return true;
    return account == &root_account;
}

struct account *account_get(uid_t uid) {
    struct account *account = NULL;

    for (struct account *a = accounts; a < accounts + ACCOUNTS_MAX; a++) {
        if (!account_is_used(a)) account = a;
        else if (a->uid == uid) return a;
    }
    if (!account) return NULL;
    account->uid = uid;
    account->number = (uint16_t)(account - accounts);
    memcpy(account->limit, default_limit, sizeof(default_limit));
    return account;
}

/* -- Checking ---------------------------------------------------------------------- */

static void accounts_check(void) {
    for (struct account *a = accounts; a < accounts + ACCOUNTS_MAX; a++)
        for (unsigned kind = 0; kind < ACCOUNT_KINDS; a->counted[kind++] = 0)
            check_that(a->used[kind] == a->counted[kind],
                       "user %u is charged %u of kind %u and has %u", a->uid,
                       a->used[kind], kind, a->counted[kind]);
}

static const struct checker checker CHECKER = { "accounts", NULL, accounts_check };
