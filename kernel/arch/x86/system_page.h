/* system_page.h - the page that every process has at the end of its address space:
 * AT_SYSINFO points to its start, and the C library calls it for every system call.
 *
 * sysenter remembers nothing, so the return address is a constant the kernel knows. An
 * `int 0x80` right in front of it is where an interrupted call is restarted.
 */
#pragma once

#define SYSTEM_PAGE        0xBFFFF000u
#define SYSTEM_CALL_RETURN (SYSTEM_PAGE + 9)    /* system_page.asm checks it */
#define SYSTEM_PAGE_INT80  (SYSTEM_PAGE + 13)   /* for CPUs without sysenter */

#ifndef __ASSEMBLER__
extern const unsigned char system_page_code[], system_page_code_end[];
#endif
