/* panic.c - the end, explained: what happened, where, and what everybody was doing.
 *
 * Invariants: takes no lock (it takes the big lock away from whoever has it) and
 * allocates nothing. A panic inside a panic prints its first line only.
 */
#include "core/panic.h"

#include "arch.h"
#include "core/backtrace.h"
#include "core/check.h"
#include "core/log.h"
#include "core/trace.h"

void (*panic_report)(void);
static unsigned depth;          /* panics begun */

void panic_print_reports(void) {
    log_printf("-- threads\n");
    if (panic_report) panic_report();
    log_printf("-- last events\n");
    trace_print(64);
}

static no_return void finish(const struct trap_frame *f, struct code_moment moment,
                             const char *format, va_list arguments) {
    __asm__ volatile("cli");
    if (depth == 0) {
        bkl_owner = this_cpu();
        ask_other_cpus(REQUEST_HALT);
        log_is_quiet = false;
    }
    log_printf("\nPANIC on CPU %u%s: ", this_cpu()->number,
               depth ? ", inside a panic" : "");
    log_vprintf(format, arguments);
    log_printf("\n");
    if (depth++ > 0) arch_power_off(EXIT_PANIC);
    if (f) {
        log_printf("eax %08x  ebx %08x  ecx %08x  edx %08x\n", f->eax, f->ebx, f->ecx,
                   f->edx);
        log_printf("esi %08x  edi %08x  ebp %08x  esp %08x\n", f->esi, f->edi, f->ebp,
                   moment.esp);
        log_printf("eip %08x  cs %04x  eflags %08x  vector %u  error %x\n", f->eip,
                   f->cs & 0xffff, f->eflags, f->vector, f->error);
    }
    backtrace_print(moment);
    panic_print_reports();
    const char *fault = kcheck();
    log_printf("kcheck: %s\n", fault ? fault : "every structure is consistent");
    log_printf("The machine stops here. This is a bug in the kernel, not in your "
               "program.\n");
    arch_power_off(EXIT_PANIC);
}

/* The CFA, in the words of debuggers, is the caller's esp when it waits for us. */
void panic(const char *format, ...) {
    struct code_moment caller = { (uint32_t)__builtin_return_address(0),
                                  (uint32_t)__builtin_dwarf_cfa(), true };
    va_list arguments;

    va_start(arguments, format);
    finish(NULL, caller, format, arguments);
}

void panic_at(const struct trap_frame *frame, uint32_t pc, uint32_t esp,
              const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    finish(frame, (struct code_moment){ pc, esp, false }, format, arguments);
}

void boot_refuse(const char *format, ...) {
    va_list arguments;

    log_is_quiet = false;
    va_start(arguments, format);
    log_printf("\nParley cannot start: ");
    log_vprintf(format, arguments);
    log_printf("\n");
    arch_power_off(EXIT_BOOT_REFUSED);
}
