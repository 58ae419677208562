/* move_pages.h - bodies that travel as page-table entries. IPC.md 5. */
#pragma once

#include "ipc/message.h"

/* Do the pages of [start, start + size) exist, and may they move? 0, -EINVAL, -EFAULT
 * for a hole. */
must_check int moved_pages_check(struct address_space *space, vaddr_t start,
                                 uint32_t size);

/* Takes the pages of m out of their space: m->pages holds them. Nothing is changed when
 * it fails. Two steps, so that others can fail between them: after moved_pages_reserve
 * moved_pages_take cannot. */
must_check int moved_pages_reserve(struct native_message *m);
void moved_pages_take(struct native_message *m);
void moved_pages_free(struct moved_pages *pages);
void moved_pages_count(const struct moved_pages *pages);        /* for kcheck */

/* Can r have m's pages as pages? Else it gets a copy. */
bool moved_pages_fit(const struct native_message *m, const struct native_receiver *r);

/* Makes room for them: r->user.body says where. 0, -ENOMEM. */
must_check int moved_pages_prepare(const struct native_message *m,
                                   struct native_receiver *r);

/* Nothing will come after all. */
void moved_pages_unprepare(const struct native_message *m, struct native_receiver *r);

/* Puts them there. */
void moved_pages_give(struct native_message *m, struct native_receiver *r);

/* Copies them into r's body. As native_deliver. */
must_check int moved_pages_copy(struct native_message *m, struct native_receiver *r,
                                int *error);
