/* proc_ipc.h - what the files of /proc/ipc share: lines of words, one line an object.
 *
 * Who owns a kind of objects registers its file and writes it with these.
 */
#pragma once

#include "fs/procfs.h"
#include "ipc/link.h"

/* A blank and a name as one word: blanks, control characters and backslashes as \ooo;
 * "-" when it is empty. */
void text_word(struct text *text, const char *name);

/* " label=5,7": the processes that sleep on the queue, longest wait first, pollers left
 * out; " label=-" when there are none. */
void text_waiters(struct text *text, const char *label, const struct wait_queue *queue);

/* Those who wait to send, and to receive, at the end of a link or, NULL, at all. */
void text_queue(struct text *text, const struct message_queue *queue,
                const struct link_end *end);
