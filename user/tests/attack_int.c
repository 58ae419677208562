/* attack_int.c - `int n` for all 256 vectors. Only 0x80 (a system call), 3 (SIGTRAP)
 * and 4 may be used by a program; every other vector is #GP: SIGSEGV, vector 13, error
 * code n * 8 + 2 ("the gate's index in the IDT"). No interrupt or exception can be
 * feigned.
 */
#include "code.h"

int main(void) {
    struct fault f;
    int wrong = 0;
    for (int n = 0; n < 256; n++) {
        unsigned char code[] = { 0xcd, (unsigned char)n };
        if (n == 3 || n == 4 || n == 0x80)
            continue;
        f = (struct fault){ 0 };
        int ended = code_faults(code, sizeof code, &f);
        if (!ended || f.signo != SIGSEGV || f.code != SI_KERNEL || f.trap != 13
            || f.error != n * 8 + 2 || f.eip != (uintptr_t)code_page) {
            note("int 0x%02x: signal %d code %d trap %ld error 0x%lx", n, f.signo,
                 f.code, f.trap, f.error);
            wrong++;
        }
    }
    is_int(wrong, 0, "int n: SIGSEGV for 253 vectors, error code n * 8 + 2");
    ok(code_faults("\xcd\x03", 2, &f) && f.signo == SIGTRAP && f.trap == 3
           && f.eip == (uintptr_t)code_page + 2,
       "int 3 in two bytes: SIGTRAP");
    ok(code_faults("\xcd\x04", 2, &f) && f.signo == SIGSEGV && f.trap == 4
           && f.eip == (uintptr_t)code_page + 2,
       "int 4: SIGSEGV of the overflow vector");
    is_int(code_faults("\xb8\x14\x00\x00\x00\xcd\x80", 7, &f), 0, "int 0x80 is a call");
    int p[2];
    char c;
    need(pipe(p) == 0 && write(p[1], "x", 1) == 1);
    is_int(read(p[0], &c, 1), 1, "after this the system goes on as before");
    return done_testing();
}
