/* window.c - finding a thread's message buffers in the kernel's memory; see
 * window.h. */
#include "ipc/window.h"

char *window_open(struct thread *thread, enum window_use use, vaddr_t user,
                  size_t size) {
    bool is_written = use != WINDOW_SENT && use != WINDOW_BODY_OUT;
    struct window *w = &thread->windows[use];

    if ((user & PAGE_MASK) + size > PAGE_SIZE) return NULL;
    char *kernel = space_page(thread->space, user, is_written ? PROT_WRITE : PROT_READ);
    if (!kernel) return NULL;
    // looking it up may have copied a page: the version is the one after that
    *w = (struct window){ user, thread->space->version, kernel };
    return kernel;
}
