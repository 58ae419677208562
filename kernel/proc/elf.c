/* elf.c - judging a program file's headers. Pure: no memory is touched but the
 * arguments, so it can be tried with any bytes.
 *
 * Static ELF32 for i386 only: ET_EXEC, or ET_DYN without an interpreter (static PIE),
 * which is placed at PIE_BASE.
 * See: System V ABI, chapters 4 and 5.
 */
#include "proc/elf.h"

#include "arch/x86/usercopy.h"
#include "base/string.h"

#define PIE_BASE 0x08000000u

enum {
    ET_EXEC = 2, ET_DYN = 3, EM_386 = 3, PT_LOAD = 1, PT_INTERP = 3,
    PF_X = 1, PF_W = 2, PF_R = 4, PROT_R = 1, PROT_W = 2, PROT_X = 4,
};

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version, entry, program_headers, section_headers, flags;
    uint16_t size, program_header_size, nr_program_headers;
    uint16_t section_header_size, nr_section_headers, names;
};

struct program_header {
    uint32_t type, offset, address, physical, file_size, memory_size, flags, align;
};

static bool header_ok(const struct elf_header *h) {
    static const uint8_t ident[7] = { 0x7f, 'E', 'L', 'F', 1, 1, 1 };

    return memcmp(h->ident, ident, sizeof(ident)) == 0
           && (h->type == ET_EXEC || h->type == ET_DYN) && h->machine == EM_386
           && h->program_header_size == sizeof(struct program_header)
           && h->nr_program_headers > 0 && h->nr_program_headers <= 64;
}

static int add_segment(struct elf_plan *plan, const struct program_header *p,
                       uint32_t base) {
    uint64_t address = (uint64_t)p->address + base;

    if (p->memory_size == 0) return 0;
    // a file that is cut short is not refused: what is missing is SIGBUS when touched
    if (plan->nr_segments == ELF_SEGMENTS || p->memory_size < p->file_size
        || (p->offset ^ (uint32_t)address) & 4095)
        return -ENOEXEC;
    if (address < USER_START || address + p->memory_size > USER_END - 0x1000000)
        return -ENOMEM;
    plan->segments[plan->nr_segments++] = (struct elf_segment){
        .offset = p->offset, .address = (vaddr_t)address, .file_size = p->file_size,
        .memory_size = p->memory_size,
        .protection = (p->flags & PF_R ? PROT_R : 0) | (p->flags & PF_W ? PROT_W : 0)
                      | (p->flags & PF_X ? PROT_X : 0),
    };
    vaddr_t end = ((vaddr_t)address + p->memory_size + 4095) & ~4095u;
    plan->end = max(plan->end, end);
    return 0;
}

/* Where the program headers themselves are mapped; AT_PHDR. */
static void find_headers(struct elf_plan *plan, const struct elf_header *h) {
    for (unsigned i = 0; i < plan->nr_segments; i++) {
        const struct elf_segment *s = &plan->segments[i];
        if (h->program_headers >= s->offset
            && h->program_headers - s->offset < s->file_size)
            plan->headers = s->address + (h->program_headers - s->offset);
    }
}

int elf_check(const void *start, size_t size, struct elf_plan *plan) {
    const struct elf_header *h = start;

    *plan = (struct elf_plan){ 0 };
    if (size < sizeof(*h) || !header_ok(h)) return -ENOEXEC;
    uint32_t at = h->program_headers, base = h->type == ET_DYN ? PIE_BASE : 0;
    if (at > size
        || h->nr_program_headers > (size - at) / sizeof(struct program_header))
        return -ENOEXEC;
    const struct program_header *p = (const void *)((const char *)start + at);
    for (unsigned i = 0; i < h->nr_program_headers; i++, p++) {
        if (p->type == PT_INTERP)
            return -ENOEXEC;    // there is no dynamic linker
        int error = p->type == PT_LOAD ? add_segment(plan, p, base) : 0;
        if (error) return error;
    }
    if (plan->nr_segments == 0) return -ENOEXEC;
    find_headers(plan, h);
    plan->entry = h->entry + base;
    plan->nr_headers = h->nr_program_headers;
    return 0;
}
