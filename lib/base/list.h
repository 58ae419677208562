/* list.h - a circular doubly linked list whose nodes live inside the objects.
 *
 *      head -> a -> b -> c -> head          an empty list points at itself
 *
 * A node that is on no list points at itself too, so list_remove may be called twice.
 */
#pragma once

#include "base/types.h"

struct list_node {
    struct list_node *next, *prev;
};

struct list {
    struct list_node head;
};

#define LIST_INIT(list) { { &(list).head, &(list).head } }

static inline void list_node_init(struct list_node *node) {
    node->next = node->prev = node;
}

static inline void list_init(struct list *list) { list_node_init(&list->head); }

static inline bool list_is_empty(const struct list *list) {
    return list->head.next == &list->head;
}

static inline bool list_node_is_linked(const struct list_node *node) {
    return node->next != node;
}

/* Puts node in front of `at`. */
static inline void list_insert_before(struct list_node *at, struct list_node *node) {
    struct list_node *before = at->prev;

    node->prev = before;
    node->next = at;
    before->next = node;
    at->prev = node;
}

static inline void list_push_back(struct list *list, struct list_node *node) {
    list_insert_before(&list->head, node);
}

static inline void list_push_front(struct list *list, struct list_node *node) {
    list_insert_before(list->head.next, node);
}

/* For a node that is put on a list again before anybody looks at it. */
static inline void list_unlink(const struct list_node *node) {
    struct list_node *next = node->next, *prev = node->prev;

    prev->next = next;
    next->prev = prev;
}

static inline void list_remove(struct list_node *node) {
    list_unlink(node);
    list_node_init(node);
}

static inline unsigned list_length(const struct list *list) {
    unsigned n = 0;

    for (struct list_node *at = list->head.next; at != &list->head; at = at->next) n++;
    return n;
}

/* True when every node's neighbours agree with it: the container's own check. */
static inline bool list_is_consistent(const struct list *list) {
    const struct list_node *node = &list->head;

    do {
        if (node->next->prev != node || node->prev->next != node) return false;
        node = node->next;
    } while (node != &list->head);
    return true;
}

#define list_entry(node, type, member) container_of(node, type, member)

/* The first or last object, or NULL. */
#define list_end_entry(of, end, type, member)                                          \
    ({                                                                                 \
        const struct list *list_ = (of);                                               \
        list_is_empty(list_) ? NULL : list_entry(list_->head.end, type, member);       \
    })
#define list_first_entry(list, type, member) list_end_entry(list, next, type, member)
#define list_last_entry(list, type, member)  list_end_entry(list, prev, type, member)

/* Walks the objects on a list. The body must not remove the current one. */
#define list_for_each(var, list, member)                                               \
    for (var = list_entry((list)->head.next, __typeof__(*var), member);                \
         &var->member != &(list)->head;                                                \
         var = list_entry(var->member.next, __typeof__(*var), member))

/* The same; the body may remove or free the current object. */
#define list_for_each_safe(var, following, list, member)                               \
    for (var = list_entry((list)->head.next, __typeof__(*var), member),                \
        following = list_entry(var->member.next, __typeof__(*var), member);            \
         &var->member != &(list)->head;                                                \
         var = following,                                                              \
        following = list_entry(var->member.next, __typeof__(*var), member))
