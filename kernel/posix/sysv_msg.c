/* sysv_msg.c - msgget, msgsnd, msgrcv, msgctl: System V message queues.
 *
 * A face of the one queue: its messages have types, and a receiver says which types it
 * wants. It counts bytes, and as many messages as bytes at most.
 *
 * Sleeps: msgsnd, msgrcv (message_queue.c: hand-over). Afterwards the queue may be gone
 *   and is looked up again.
 * Linux: senders that wait go first come, first served. MSG_COPY is ENOSYS.
 * Tests: user/tests/sysv_msg.c, sysv_msg_wait.c, sysv_ids.c.
 * See: msgop(2), msgctl(2).
 */
#include "core/check.h"
#include "mm/heap.h"
#include "posix/byte_message.h"
#include "posix/sysv.h"

enum { MSG_NOERROR = 010000, MSG_EXCEPT = 020000, MSG_COPY = 040000 };  /* flags */
enum { MSG_STAT = 11 };
enum { MSGMAX = 8192, MSGMNB = 16384 };     /* bytes: of a message, of a queue */

struct msg_queue {
    struct sysv_object common;
    struct message_queue queue;
    struct message_channel channel;
};

static struct msg_queue *queue_of(const struct sysv_object *object) {
    return container_of(object, struct msg_queue, common);
}

static void describe(const struct waiter *waiter, char *to, size_t size) {
    const struct msg_queue *mq = waiter_object(waiter);

    format(to, size, "msg:%d -", mq->common.id);
}

static const struct message_queue_classes classes =
    QUEUE_CLASSES("System V queue", describe, struct msg_queue);

/* -- As a System V object ---------------------------------------------------------- */

static bool queue_init(struct sysv_object *object) {
    struct msg_queue *mq = queue_of(object);

    message_queue_init(&mq->queue, &classes);
    message_channel_init(&mq->channel, &mq->queue, MSGMNB, OVERFLOW_BLOCK);
    mq->channel.bytes_max = MSGMNB;
    return true;
}

enum { WORD_BYTES_MAX = 8 };
static struct sysv_status queue_tell(const struct sysv_object *o) {
    const struct message_channel *c = &queue_of(o)->channel;

    return (struct sysv_status){
        .words = { [0] = sysv_seconds(o->times[0]), [2] = sysv_seconds(o->times[1]),
                   [4] = sysv_seconds(o->times[2]), [6] = c->bytes, [7] = c->queued,
                   [WORD_BYTES_MAX] = c->bytes_max, [9] = (uint32_t)o->pids[0],
                   [10] = (uint32_t)o->pids[1] },
    };
}

static int queue_set(struct sysv_object *object, const uint32_t *words) {
    struct message_channel *c = &queue_of(object)->channel;
    uint32_t bytes = words[WORD_BYTES_MAX];

    if (bytes > MSGMNB && current_credentials()->euid != 0) return -EPERM;
    c->capacity = max(bytes, 1u);       // 0 would be a rendezvous
    c->bytes_max = bytes;
    message_channel_refill(c);
    return 0;
}

static void queue_remove(struct sysv_object *object) {
    message_discard_all(&queue_of(object)->queue, NULL, -EIDRM);
    heap_free(queue_of(object)->queue.spare);
    sysv_free(&msg_kind, object);
}

static void queue_show(struct text *text, const struct sysv_object *object) {
    const struct message_queue *queue = &queue_of(object)->queue;

    text_waiters(text, "senders", &queue->senders, NULL, NULL);
    text_waiters(text, "receivers", &queue->receivers, NULL, NULL);
}

#define MSG_LIMITS { 0, 0, MSGMAX, MSGMNB, SYSV_MAX, 16 }

struct sysv_kind msg_kind = {
    .name = "msg", .bytes = sizeof(struct msg_queue),
    .stat_command = MSG_STAT, .status_size = 88, .info_sizes = { 32, 32 },
    .infos = { MSG_LIMITS, MSG_LIMITS },
    .sums = { { 7, 1 }, { 6, 6 } },
    .nr_shown = 5, .shown = { WORD_BYTES_MAX, 7, 6, 9, 10 },
    .tell = queue_tell, .init = queue_init, .set = queue_set,
    .remove = queue_remove, .show = queue_show,
    .objects = LIST_INIT(msg_kind.objects),
};

static void queues_check(void) {
    const struct sysv_object *object;

    list_for_each (object, &msg_kind.objects, node) {
        message_queue_check(&queue_of(object)->queue, 0);
        message_channel_check(&queue_of(object)->channel);
    }
}

static const struct checker checker CHECKER = { "System V queues", NULL, queues_check };

/* -- Sending and receiving --------------------------------------------------------- */

/* The current process has sent (0) or received (1); meanwhile the queue may have
 * gone. */
static inline void note(int id, int which) {
    struct sysv_object *object = sysv_find(&msg_kind, id);

    if (!object) return;
    object->pids[which] = current_process()->pid;
    object->times[which] = timestamp_counter();
}

long msg_send(int id, uint32_t size, const struct trap_frame *frame) {
    struct sysv_object *object = sysv_find(&msg_kind, id);
    uptr_t message = uptr(frame->edi);
    uint32_t type;

    if (size > MSGMAX) return -EINVAL;
    if (u32_from_user(&type, message)) return -EFAULT;
    if (!object || (int32_t)type < 1) return -EINVAL;
    long result = sysv_permission(object, MAY_WRITE);
    if (result) return result;
    result =
        byte_message_send(&queue_of(object)->channel, uptr_add(message, 4), size, type,
                          0, frame->esi & IPC_NOWAIT ? DEADLINE_NOW : DEADLINE_NEVER);
    if (result == 0) note(id, 0);
    return result;
}

/* A type below 0: all up to that. */
static bool wants_type(const struct receiver *receiver, const struct message *m) {
    uint32_t type = container_of(receiver, struct native_receiver, base)->type;

    return m->type == type || ((int32_t)type < 0 && m->type <= 0 - type);
}

static bool wants_others(const struct receiver *receiver, const struct message *m) {
    return !wants_type(receiver, m);
}

long msg_receive(int id, uint32_t size, const struct trap_frame *frame) {
    struct sysv_object *object = sysv_find(&msg_kind, id);
    uint32_t flags = frame->esi;
    const struct message *m;
    struct native_receiver r;
    struct {
        uptr_t message;
        uint32_t type;
    } wanted;

    if (copy_from_user(&wanted, uptr(frame->edi), sizeof(wanted))) return -EFAULT;
    if (flags & MSG_COPY) return -ENOSYS;
    if (!object || (int32_t)size < 0) return -EINVAL;
    struct message_queue *queue = &queue_of(object)->queue;
    long result = sysv_permission(object, MAY_READ);
    if (result) return result;
    native_body_receiver_init(&r, uptr_add(wanted.message, 4), size, &queue->receivers);
    r.cuts = flags & MSG_NOERROR;
    r.type = wanted.type;
    bool up_to = (int32_t)wanted.type < 0;
    if (up_to)                  // the lowest that is there, or whichever comes first
        list_for_each (m, &queue->messages, node)
            if (m->type <= 0 - wanted.type && m->type < r.type) r.type = m->type;
    if (wanted.type)
        r.base.wants = flags & MSG_EXCEPT && !up_to ? wants_others : wants_type;
    result = queue->nr_there ? message_take(queue, &r.base) : -EAGAIN;
    if (result == -EAGAIN && !(flags & IPC_NOWAIT))
        result = waiter_sleep_forever(&r.base.waiter);  // a capacity is never 0
    if (result)
        return result == -EMSGSIZE ? -E2BIG : result == -EAGAIN ? -ENOMSG : result;
    note(id, 1);
    return u32_to_user(wanted.message, r.type) ? -EFAULT : (long)min(r.length, size);
}
