/* loader.h - the UEFI loader's parts, for each other. Everything here uses firmware. */
#pragma once

#include <efi.h>
#include <efilib.h>
#include <stdbool.h>

#include "boot/boot_info.h"

// loader.c

extern EFI_HANDLE loader_handle;        /* the firmware's name for this program */

// console.c

/* Find out where our lines must go: COM1 may be the firmware's console already. */
void console_start(void);

/* Print one line on the screen and on COM1, formatted by gnu-efi (%a is a C string). */
void say(const char *format, ...);

/* Print one line on COM1 only. Works at any time, also without firmware. */
void say_serial(const char *line);

/* Give up: say why, and what the reader can do. Leaves QEMU with the code for "boot
 * refused" if it listens; else goes back to the firmware, after a key or 10 s. */
void refuse(const char *advice, const char *format, ...) __attribute__((noreturn));

/* The same when the firmware is gone: COM1 only, and the machine stops. */
void refuse_on_serial(const char *line) __attribute__((noreturn));

// files.c

/* Memory of the given type, page aligned. Outside the kernel's window, because the
 * kernel is copied there last; below 896 MiB, because the kernel maps no more. */
void *pages_take(EFI_MEMORY_TYPE type, UINTN size);

/* The folder \parley of the volume that this loader was loaded from. */
EFI_FILE_HANDLE folder_open(EFI_LOADED_IMAGE *self);

/* Read a whole file. Returns its first byte, in memory of its own, and its size in
 * *size; NULL when there is no such file. Every other trouble is refused. */
void *file_read(EFI_FILE_HANDLE folder, const char *name, UINTN *size);

/* Read every *.cpio of the folder, in the order of their names, into info->module. */
void modules_read(EFI_FILE_HANDLE folder, struct boot_info *info);

// firmware.c

void rsdp_find(struct boot_info *info);

/* Take the screen as 1024x768 with 32 bits, or as it is. Its text may be gone then. */
void framebuffer_take(struct boot_info *info);

/* Refuse now, while there is a screen, if the kernel's memory is the firmware's. */
void kernel_window_check(struct boot_info *info);

/* ExitBootServices, then fill info->memory. No firmware after this. */
void firmware_leave(EFI_HANDLE self, struct boot_info *info);
