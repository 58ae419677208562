/* trap.c - every entry into the kernel ends up here: system calls, faults, interrupts.
 *
 * What takes and gives back the big lock:
 *
 *      from user mode   take, do the work, attend to what waits, give back
 *      from idle        take, handle the interrupt, give back
 *      in the kernel    the lock is held already: only a fault on user memory that a
 *                       copy touched, or our own bug
 *      TLB, halt        answered without the lock (smp.c says why)
 */
#include "arch/x86/processor.h"
#include "core/log.h"
#include "core/trace.h"
#include "ipc/fast_path.h"
#include "proc/life.h"

/* The lock is free while the others run: one of them may be waiting for it. */
static void let_other_cpus_run(void) {
    bkl_release();
    cpu_relax();
    bkl_acquire();
}

static out_of_line void step_expired(void) {
    sched_step_expired(current());
    if (sched_in_lockstep()) let_other_cpus_run();
}

static inline void leave_to_user(struct thread *t, struct trap_frame *frame) {
    if (unlikely(count_down(&t->steps_left))) step_expired();
    if (unlikely(t->attention & ATTENTION_ANY)) attend(frame);
    t->system_ticks += timestamp_counter();
    bkl_release();
}

/* The call that eax names; its result goes there. Nobody but user code can make one, so
 * the frame is at the top of its thread's stack. It is noted in the trace, field by
 * field as the frame has them: this is on the path of every call. One look at the clock
 * serves both. */
static inline void system_call(struct thread *t, struct cpu *cpu,
                               struct trap_frame *frame) {
    struct trace_event *event = trace_place(cpu);
    uint64_t now = timestamp_counter();
    long result = -ENOSYS;

    t->system_ticks -= now;
    event->time = now;
    event->type = TRACE_CALL;
    event->tid = t->tid;
    event->a = frame->ebx;
    event->b = frame->ecx;
    event->c = frame->edx;
    event->number = frame->eax;
    if (likely(frame->eax < SYSTEM_CALLS))
        result = system_calls[frame->eax].call(frame);
    frame->eax = (uint32_t)result;
    leave_to_user(t, frame);
}

/* -- Faults of user code ----------------------------------------------------------- */

static int access_of(uint32_t error) {
    return (error & FAULT_WRITE ? PROT_WRITE : PROT_READ)
           | (error & FAULT_FETCH ? PROT_EXEC : 0);
}

static void page_fault(const struct trap_frame *frame, uint32_t address) {
    static const struct {
        int signal, code;
    } refusals[] = { [FAULT_NO_REGION] = { SIGSEGV, SEGV_MAPERR },
                     [FAULT_NO_ACCESS] = { SIGSEGV, SEGV_ACCERR },
                     [FAULT_BEYOND_OBJECT] = { SIGBUS, BUS_ADRERR } };
    struct thread *t = current();
    enum fault_result result = FAULT_NO_REGION;

    t->faults++;
    trace_record(TRACE_FAULT, t->tid, address, frame->error, frame->eip);
    if (address < USER_END)
        result = space_fault(t->space, address, access_of(frame->error));
    if (result == FAULT_NO_MEMORY) {
        log_printf("out of memory: %s (pid %d) is ended\n", t->process->name,
                   t->process->pid);
        process_exit_group(t->process, SIGKILL);
    } else if (result != FAULT_OK) {
        signal_fault(refusals[result].signal, refusals[result].code, address);
    }
}

/* The reason is in the exception bits: of the x87's status or of MXCSR. */
static void fpu_fault(uint32_t vector, uint32_t eip) {
    const struct fpu_image *image = &current()->fpu_state;

    fpu_save(current());
    uint32_t raised = vector == VECTOR_SIMD ? image->mxcsr & ~(image->mxcsr >> 7)
                                            : image->status & ~image->control;
    int code = raised & 1      ? FPE_FLTINV
               : raised & 4    ? FPE_FLTDIV
               : raised & 8    ? FPE_FLTOVF
               : raised & 0x12 ? FPE_FLTUND
               : raised & 0x20 ? FPE_FLTRES
                               : 0;
    signal_fault(SIGFPE, code, eip);
}

static void user_fault(struct trap_frame *frame) {
    // what is missing here is SIGSEGV and SI_KERNEL
    static const struct {
        uint8_t signal, code;
        bool tells_address;     /* of the instruction */
    } faults[VECTOR_IRQ] = {
        [VECTOR_DIVIDE] = { SIGFPE, FPE_INTDIV, true },
        [VECTOR_DEBUG] = { SIGTRAP, TRAP_TRACE, true },
        [VECTOR_BREAKPOINT] = { .signal = SIGTRAP },
        [VECTOR_INVALID_OPCODE] = { SIGILL, ILL_ILLOPN, true },
        [VECTOR_NO_SEGMENT] = { .signal = SIGBUS },
        [VECTOR_STACK] = { .signal = SIGBUS },
        [VECTOR_ALIGNMENT] = { SIGBUS, BUS_ADRALN, false },
    };

    // QEMU makes the accesses of a user's iret with the kernel's rights; SMAP stops
    // them. A processor would say general protection.
    if (frame->vector == VECTOR_PAGE_FAULT && !(frame->error & FAULT_USER)) {
        frame->vector = VECTOR_PROTECTION;
        frame->error = 0;
    }
    uint32_t v = frame->vector, eip = frame->eip;
    if (v == VECTOR_PAGE_FAULT) page_fault(frame, read_register(cr2));
    else if (v == VECTOR_NO_FPU) fpu_load();
    else if (v == VECTOR_FPU_ERROR || v == VECTOR_SIMD) fpu_fault(v, eip);
    else
        signal_fault(faults[v].signal ? faults[v].signal : SIGSEGV,
                     faults[v].code ? faults[v].code : SI_KERNEL,
                     faults[v].tells_address ? eip : 0);
}

/* -- Faults of the kernel ---------------------------------------------------------- */

static void kernel_fault(struct trap_frame *frame) {
    bool is_page_fault = frame->vector == VECTOR_PAGE_FAULT;
    uint32_t address = is_page_fault ? read_register(cr2) : 0;
    const struct fixup *fixup = fixups_start;
    struct thread *t = current();

    while (fixup < fixups_end && fixup->at != frame->eip) fixup++;
    if (fixup == fixups_end)
        panic_at(frame, frame->eip, (uint32_t)&frame->esp,
                 is_page_fault ? "the kernel touched address %08x, which is not its own"
                               : "exception %u in the kernel",
                 is_page_fault ? address : frame->vector);
    if (is_page_fault && address < USER_END && t->space
        && space_fault(t->space, address, access_of(frame->error)) == FAULT_OK)
        return;                 // the copy goes on
    if (fixup->go_on) frame->eip = fixup->go_on;
    else frame->esp = 0;        // no stack switch: this is the word `pop` will read
}

static out_of_line void exception_or_interrupt(struct trap_frame *frame) {
    struct thread *t = current();
    bool from_user = frame_is_user(frame);

    if (frame->vector == VECTOR_REQUEST) {
        apic_write(APIC_END, 0);
        cpu_answer_requests();
        return;
    }
    if (!from_user && frame->vector < VECTOR_IRQ) {
        kernel_fault(frame);
        return;
    }
    bkl_acquire();
    if (from_user) t->system_ticks -= timestamp_counter();
    // QEMU lets user code go to virtual-8086 mode by iret; nothing in it is ours
    if (from_user && frame->eflags & EFLAGS_VM)
        process_exit_group(current_process(), SIGSEGV);
    if (frame->vector < VECTOR_IRQ) user_fault(frame);
    else interrupt_handle(frame->vector);
    if (frame->vector == VECTOR_RESCHEDULE) sched_slice_check();
    if (from_user && sched_in_lockstep()) let_other_cpus_run();
    if (from_user) leave_to_user(t, frame);
    else bkl_release();
}

void trap(struct trap_frame *frame) {
    if (unlikely(frame->vector != VECTOR_SYSTEM_CALL)) {
        exception_or_interrupt(frame);
        return;
    }
    struct thread *t = (struct thread *)(frame + 1);
    system_call(t, bkl_acquire_for(t->cpu), frame);
}

/* Messages have a way of their own; it ends in another thread's call, or it has done
 * nothing. */
void trap_sysenter(struct trap_frame *frame) {
    struct thread *t = (struct thread *)(frame + 1);
    struct cpu *cpu = bkl_acquire_for(t->cpu);

    if (unlikely(is_at_least(&frame->eax, FAST_CALLS)) && fast_path(t, &cpu))
        leave_to_user(t, frame);
    else system_call(t, cpu, frame);
}
