/* fixup.c - the table of kernel instructions that may fault.
 *
 * Shape: pairs (address, go on at). A second word of 0 marks a `pop` of a segment
 * register in trap return: the selector that went bad meanwhile becomes the null
 * selector.
 */
#include "arch/x86/fixup.h"

struct fixup {
    uint32_t at, go_on;
};

extern const struct fixup fixups_start[], fixups_end[];

static const struct fixup *find(uint32_t eip) {
    for (const struct fixup *f = fixups_start; f < fixups_end; f++)
        if (f->at == eip) return f;
    return NULL;
}

bool fixup_is_listed(uint32_t eip) { return find(eip) != NULL; }

void fixup_apply(struct trap_frame *frame) {
    const struct fixup *f = find(frame->eip);

    if (f->go_on)
        frame->eip = f->go_on;
    else
        frame->esp = 0;         // no stack switch: this is the word `pop` will read
}
