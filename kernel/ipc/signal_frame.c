/* signal_frame.c - entering a handler by rewriting the user stack, and coming back.
 *
 * The kernel never calls user code. It pushes a frame onto the user stack and changes
 * where trap return goes; the handler's `ret` pops the address of the C library's
 * restorer, which makes a system call that puts everything back:
 *
 *      esp ->  restorer            return address of the handler
 *              signal
 *              siginfo *           the three arguments of an SA_SIGINFO handler;
 *              ucontext *          a plain one reads the first
 *              struct siginfo
 *              struct ucontext     all registers, the signal mask
 *      above:  FXSAVE image        when the thread has used the FPU
 *
 * One layout serves both kinds; sigreturn finds the frame at esp - 8, rt_sigreturn at
 * esp - 4. Nothing that comes back is believed: flags are masked, code and stack
 * segment are ours, data selectors get RPL 3 and go through a fix-up, MXCSR is masked.
 *
 * Tests: user/tests/sig*.c, attack_sigreturn.c.
 * See: signal(7), sigreturn(2).
 */
#include "ipc/signal_frame.h"

#include "base/string.h"
#include "ipc/window.h"
#include "syscall.h"

struct user_stack {             /* stack_t */
    uint32_t start, flags, size;
};

struct user_context {           /* ucontext_t as the kernel knows it */
    uint32_t flags, link;
    struct user_stack stack;
    uint32_t gs, fs, es, ds;
    struct general_registers general;   /* but esp is the user's */
    uint32_t trap_number, error, eip, cs, eflags, user_esp, ss;
    uint32_t fpu_state;         /* user address of a struct fpu_frame, or 0 */
    uint32_t old_mask, cr2;
    sigset_t mask;
} packed;
static_assert(sizeof(struct user_context) == 116, "Linux/i386 ABI");

struct signal_stack_frame {
    uint32_t restorer, signal, info_address, context_address;
    struct siginfo info;        /* this and the zeroes: with SA_SIGINFO only */
    uint8_t zeroes[SIGINFO_ZEROES];
    struct user_context context;
};

struct fpu_frame {              /* struct _fpstate, and behind it an FXSAVE image */
    uint32_t x87[27];           /* as FNSAVE writes it */
    uint32_t status_and_magic;  /* high half 0: the image is valid */
};
static_assert(sizeof(struct fpu_frame) == 112, "keeps the image aligned");

enum { ESP = 3 };               /* its number in general_registers */
enum { SS_ONSTACK = 1, SS_DISABLE = 2 };

/* -- The alternate stack ----------------------------------------------------------- */

static bool on_alternate_stack(const struct thread *t, uint32_t esp) {
    return esp - t->alternate_stack < t->alternate_stack_size;
}

static struct user_stack get_stack(const struct thread *t, uint32_t esp) {
    uint32_t size = t->alternate_stack_size;
    uint32_t flags = on_alternate_stack(t, esp) ? SS_ONSTACK : 0;

    return (struct user_stack){ t->alternate_stack, size ? flags : SS_DISABLE, size };
}

static void set_stack(struct thread *t, const struct user_stack *stack) {
    t->alternate_stack = stack->flags & SS_DISABLE ? 0 : stack->start;
    t->alternate_stack_size = stack->flags & SS_DISABLE ? 0 : stack->size;
}

long sys_sigaltstack(uptr_t stack, uptr_t old) {
    enum { STACK_MINIMUM = 2048 };
    struct thread *t = current();
    struct user_stack wanted, before = get_stack(t, thread_frame(t)->esp);

    if (!uptr_is_null(stack)) {
        if (copy_from_user(&wanted, stack, sizeof(wanted))) return -EFAULT;
        if (before.flags == SS_ONSTACK) return -EPERM;
        if (wanted.flags > SS_DISABLE) return -EINVAL;
        if (wanted.flags != SS_DISABLE && wanted.size < STACK_MINIMUM) return -ENOMEM;
    }
    if (!uptr_is_null(old) && copy_to_user(old, &before, sizeof(before)))
        return -EFAULT;
    if (!uptr_is_null(stack)) set_stack(t, &wanted);
    return 0;
}

/* -- The floating point part ------------------------------------------------------- */

/* Pushes the FPU's state below *esp; the handler starts with a fresh one. */
static out_of_line int fpu_push(struct thread *t, uint32_t *esp) {
    const struct fpu_image *image = &t->fpu_state;
    struct fpu_frame f;

    if (!fpu_is_used(t)) fpu_load();
    fpu_save(t);
    __asm__ volatile("fnsave %0" : "=m"(f.x87));
    fpu_replace(t, true);
    f.status_and_magic = image->status;
    *esp = round_down(*esp - sizeof(f) - sizeof(*image), 16);
    if (copy_to_user(uptr(*esp), &f, sizeof(f))) return -EFAULT;
    return copy_to_user(uptr(*esp + sizeof(f)), image, sizeof(*image));
}

/* The way back: the x87 part counts as it stands in the old format, the rest (XMM,
 * MXCSR) as in the image. A part of it is worse than nothing: a fresh start. */
static out_of_line int fpu_pop(struct thread *t, uint32_t address) {
    struct fpu_image *image = &t->fpu_state;
    struct fpu_frame f;

    fpu_replace(t, false);
    if (!address) return 0;
    if (copy_from_user(&f, uptr(address), sizeof(f))
        || copy_from_user(image, uptr(address + sizeof(f)), sizeof(*image)))
        return -EFAULT;
    image->mxcsr &= fpu_mxcsr_mask;     // a reserved bit would fault in the kernel
    fpu_replace(t, true);
    fpu_load();
    // what the image had pending would fault here, too
    __asm__ volatile("fnclex; frstor %0" : : "m"(f.x87));
    return 0;
}

/* -- Into the handler -------------------------------------------------------------- */

/* Word by word: it is user memory, and each is written once. */
static void context_fill(struct user_context *c, const struct thread *t,
                         const struct trap_frame *f, uint32_t fpu_state) {
    c->flags = c->link = 0;
    c->stack = get_stack(t, f->esp);
    c->gs = read_register(gs);
    c->fs = read_register(fs);
    c->es = f->es & 0xffff;
    c->ds = f->ds & 0xffff;
    c->general = f->general;
    c->general.number[ESP] = c->user_esp = f->esp;
    c->trap_number = f->vector;
    c->error = f->error;
    c->eip = f->eip;
    c->cs = f->cs & 0xffff;
    c->eflags = f->eflags | EFLAGS_IF;
    c->ss = f->ss & 0xffff;
    c->fpu_state = fpu_state;
    c->cr2 = t->fault.address;
    c->mask = t->attention & ATTENTION_RESTORE_MASK ? t->saved_mask : t->blocked;
    c->old_mask = (uint32_t)c->mask;
}

static int frame_push(struct thread *t, struct trap_frame *f,
                      const struct signal_action *action, const struct siginfo *info) {
    enum { SIZE = sizeof(struct signal_stack_frame) };
    uint32_t esp = f->esp, fpu_address = 0;

    if (action->flags & SA_ONSTACK && t->alternate_stack_size
        && !on_alternate_stack(t, esp))
        esp = t->alternate_stack + t->alternate_stack_size;
    if (unlikely(t->fpu_valid)) {
        if (fpu_push(t, &esp)) return -EFAULT;
        fpu_address = esp;
    }
    // the ABI wants esp + 4 aligned to 16 at a function's first instruction
    esp = round_down(esp - SIZE, 16) - 4;
    struct signal_stack_frame *frame = (void *)window(t, WINDOW_SIGNAL, esp, SIZE);
    if (unlikely(!frame)) {     // perhaps it was in two pages: the lower one will do
        esp = min(esp, round_down((esp | PAGE_MASK) + 1 - SIZE, 16) - 4);
        frame = (void *)window(t, WINDOW_SIGNAL, esp, SIZE);
        if (!frame) return -EFAULT;
    }
    /* --- commit: nothing below fails or sleeps --- */
    frame->restorer = action->restorer;
    if (action->flags & SA_SIGINFO) {
        frame->info = *info;
        memset(frame->zeroes, 0, sizeof(frame->zeroes));
    }
    context_fill(&frame->context, t, f, fpu_address);
    if (unlikely(t->fpu_valid)) fpu_replace(t, false);
    f->esp = esp;
    f->eip = action->handler;
    f->eax = frame->signal = (uint32_t)info->signal;
    f->edx = frame->info_address = esp + offsetof(struct signal_stack_frame, info);
    f->ecx = frame->context_address =
        esp + offsetof(struct signal_stack_frame, context);
    f->cs = USER_CS;
    f->ds = f->es = f->ss = USER_DS;
    f->eflags &= ~(uint32_t)(EFLAGS_TF | EFLAGS_DF | EFLAGS_RF);
    return 0;
}

static void enter_handler(struct thread *t, struct trap_frame *f,
                          struct signal_action *action, const struct siginfo *info) {
    // an interrupted call ends in EINTR, or is made again when the handler returns
    if (unlikely(signal_call_is_interrupted(f))) {
        if ((int32_t)f->eax == -ERESTART && action->flags & SA_RESTART) {
            signal_restart_call(f);
        } else {
            t->restart_deadline = 0;
            f->eax = (uint32_t)-EINTR;
        }
    }
    if (frame_push(t, f, action, info)) {
        // no room for the frame: SIGSEGV, and if that was it, the end
        if (info->signal == SIGSEGV) action->handler = SIG_DFL;
        signal_fault(SIGSEGV, SI_KERNEL, f->esp);
        return;
    }
    t->attention &= ~(uint32_t)ATTENTION_RESTORE_MASK;
    if (action->flags & SA_RESETHAND) action->handler = SIG_DFL;
    sigset_t mask = t->blocked | action->mask;
    if (!(action->flags & SA_NODEFER)) sigset_add(&mask, info->signal);
    signal_set_mask(t, mask);
}

int signal_deliver(struct trap_frame *frame) {
    struct thread *t = current();
    bool is_fault = t->fault_pending;
    struct siginfo info;

    if (unlikely(is_fault)) {
        t->fault_pending = false;
        info = t->fault;
    } else if (!signal_take(t, t->blocked, &info)) {
        signal_update(t);
        return 0;
    }
    struct signal_action *action = &t->process->actions[info.signal - 1];
    // a fault of the thread itself cannot be blocked or ignored
    if (unlikely(is_fault)
        && (action->handler == SIG_IGN || sigset_has(&t->blocked, info.signal))) {
        action->handler = SIG_DFL;
        sigset_remove(&t->blocked, info.signal);
    }
    if (likely(action->handler > SIG_IGN)) {
        enter_handler(t, frame, action, &info);
        return 0;
    }
    signal_update(t);
    return is_fault || !signal_is_ignored(t->process, info.signal) ? info.signal : 0;
}

/* -- Back from the handler --------------------------------------------------------- */

/* With RPL 3 the CPU itself refuses the kernel's segments; null stays null. */
static uint16_t user_selector(uint32_t selector) {
    return selector & 0xfffc ? (uint16_t)(selector | 3) : 0;
}

static long return_from(uint32_t frame_address) {
    enum { CONTEXT = offsetof(struct signal_stack_frame, context) };
    struct thread *t = current();
    struct trap_frame *f = thread_frame(t);
    struct user_context copy;
    // each word is read once: with a window it is user memory, and others may write it
    const char *frame =
        window(t, WINDOW_SIGNAL, frame_address, sizeof(struct signal_stack_frame));
    const volatile struct user_context *c =
        likely(frame) ? (const void *)(frame + CONTEXT) : &copy;

    if (unlikely(!frame)
        && copy_from_user(&copy, uptr(frame_address + CONTEXT), sizeof(copy))) {
        signal_fault(SIGSEGV, SI_KERNEL, 0);
        return (long)f->eax;
    }
    struct user_stack stack = { c->stack.start, c->stack.flags, c->stack.size };
    uint32_t fpu_state = c->fpu_state;
    f->general = c->general;
    f->eip = c->eip;
    f->esp = f->general.number[ESP];    // user_esp only tells where it was
    f->cs = USER_CS;
    f->ss = USER_DS;
    f->ds = user_selector(c->ds);
    f->es = user_selector(c->es);
    f->eflags = (c->eflags & EFLAGS_USER) | EFLAGS_IF | EFLAGS_ALWAYS;
    f->vector = VECTOR_CHANGED;
    load_selector(fs, user_selector(c->fs));
    load_selector(gs, user_selector(c->gs));
    if (!on_alternate_stack(t, f->esp) && !(stack.flags & ~(uint32_t)SS_DISABLE))
        set_stack(t, &stack);
    signal_set_mask(t, c->mask);
    if (unlikely(fpu_state || t->fpu_valid) && fpu_pop(t, fpu_state))
        signal_fault(SIGSEGV, SI_KERNEL, 0);
    return (long)f->eax;        // the interrupted code's, not a result of this call
}

long sys_rt_sigreturn(void) { return return_from(thread_frame(current())->esp - 4); }

long sys_sigreturn(void) { return return_from(thread_frame(current())->esp - 8); }
