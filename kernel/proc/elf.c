/* elf.c - judging a program file's headers. Pure: no memory is touched but the
 * arguments, so it can be tried with any bytes.
 *
 * Static ELF32 for i386 only: ET_EXEC, or ET_DYN without an interpreter (static PIE),
 * which is placed at PIE_BASE.
 * See: System V ABI, chapters 4 and 5.
 */
#include "proc/elf.h"

#include "mm/address_space.h"
#include "base/string.h"

#define PIE_BASE 0x08000000u

enum { ET_EXEC = 2, ET_DYN = 3, EM_386 = 3 };

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version, entry, program_headers, section_headers, flags;
    uint16_t size, program_header_size, nr_program_headers;
    uint16_t section_header_size, nr_section_headers, names;
};

static bool header_ok(const struct elf_header *h) {
    static const uint8_t ident[7] = { 0x7f, 'E', 'L', 'F', 1, 1, 1 };

    return memcmp(h->ident, ident, sizeof(ident)) == 0
           && (h->type == ET_EXEC || h->type == ET_DYN) && h->machine == EM_386
           && h->program_header_size == sizeof(struct program_header)
           && h->nr_program_headers > 0 && h->nr_program_headers <= 64;
}

/* A segment of no size is none. The program headers may lie in it: AT_PHDR. */
static int judge_segment(struct elf_plan *plan, const struct program_header *p,
                         uint32_t headers) {
    uint64_t address = (uint64_t)p->address + plan->base;

    if (p->memory_size == 0) return 0;
    // a file that is cut short is not refused: what is missing is SIGBUS when touched
    if (p->memory_size < p->file_size || (p->offset ^ (uint32_t)address) & PAGE_MASK)
        return -ENOEXEC;
    if (address < USER_START || address + p->memory_size > USER_END - 0x1000000)
        return -ENOMEM;
    plan->end = max(plan->end, round_up((vaddr_t)address + p->memory_size, PAGE_SIZE));
    if (headers >= p->offset && headers - p->offset < p->file_size)
        plan->headers = (vaddr_t)address + (headers - p->offset);
    return 0;
}

int elf_check(const void *start, size_t size, struct elf_plan *plan) {
    const struct elf_header *h = start;

    if (size < sizeof(*h) || !header_ok(h)) return -ENOEXEC;
    uint32_t at = h->program_headers, base = h->type == ET_DYN ? PIE_BASE : 0;
    if (at > size
        || h->nr_program_headers > (size - at) / sizeof(struct program_header))
        return -ENOEXEC;
    *plan = (struct elf_plan){
        .base = base, .entry = h->entry + base, .nr_headers = h->nr_program_headers,
        .segments = (const void *)((const char *)start + at),
    };
    for (unsigned i = 0; i < plan->nr_headers; i++) {
        const struct program_header *p = &plan->segments[i];
        if (p->type == PT_INTERP)
            return -ENOEXEC;    // there is no dynamic linker
        int error = p->type == PT_LOAD ? judge_segment(plan, p, at) : 0;
        if (error) return error;
    }
    return plan->end ? 0 : -ENOEXEC;
}
