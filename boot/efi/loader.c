/* loader.c - Parley's UEFI loader: from \EFI\BOOT\BOOT*.EFI to the kernel's first byte.
 *
 * One source for 32-bit and 64-bit firmware. The kernel is always unpacked into a
 * staging area first. The trampoline copies it to its place when paging is off and the
 * firmware is gone, so it does not matter what the firmware kept there.
 *
 * Shape of physical memory when the trampoline runs:
 *
 *      1 MiB          8 MiB                              896 MiB
 *      |  window  |   |       ... modules, boot_info,    |
 *      [kernel    ]   |           trampoline, staging    |
 *           ^------------------------- copied ---'
 *
 * Invariants: all that the kernel needs is allocated by pages_take, outside the window.
 * See: DESIGN "How it boots"; boot/README.md; boot/boot_info.h (the entry contract)
 */
#include "loader.h"

#include "command_line.h"
#include "kernel_image.h"

/* What the trampoline must do; the same words as at its label trampoline_order. */
struct trampoline_order {
    UINT32 magic, boot_info, entry;     /* EAX, EBX and EIP of the kernel's start */
    UINT32 copy_from, copy_to, copy_words;
};

extern const UINT8 trampoline_start[], trampoline_end[], trampoline_order[];

EFI_HANDLE loader_handle;

/* Read and unpack the kernel. Returns the staging area. */
static void *kernel_stage(EFI_FILE_HANDLE folder, struct kernel_image *image) {
    UINTN size;
    const char *wrong;
    void *staging, *file = file_read(folder, "kernel.elf", &size);

    if (!file)
        refuse("write build/parley.img (`make image`) to the disk again, whole.",
               "\\parley\\kernel.elf is missing.");
    wrong = kernel_image_check(file, size, image);
    if (wrong)
        refuse("build the kernel again (`make`) and copy build/kernel.elf, whole.",
               "\\parley\\kernel.elf %a.", wrong);
    staging = pages_take(EfiLoaderData, image->end - image->base);
    kernel_image_unpack(file, image, staging);
    BS->FreePages((UINTN)file, EFI_SIZE_TO_PAGES(size + 1));
    return staging;
}

/* First line of cmdline.txt, if there is one, and the words that the firmware's boot
 * option or the EFI shell gave to the loader. */
static void command_line_read(EFI_FILE_HANDLE folder, EFI_LOADED_IMAGE *self,
                              struct boot_info *info) {
    static const char advice[] = "put one line of under 1024 bytes into cmdline.txt.";
    char words[BOOT_CMDLINE_MAX];
    UINTN size;
    const char *text = file_read(folder, "cmdline.txt", &size);

    if (text && !command_line_set(info->command_line, BOOT_CMDLINE_MAX, text, size))
        refuse(advice, "\\parley\\cmdline.txt is no line of text, or too long.");
    if (self->LoadOptions
        && load_options_decode(words, sizeof words, self->LoadOptions,
                               self->LoadOptionsSize)
        && !command_line_add(info->command_line, BOOT_CMDLINE_MAX, words))
        refuse(advice, "cmdline.txt and the boot option together are too long.");
}

/* Copy the trampoline to a page of executable memory and give it its order. */
static void *trampoline_place(const struct kernel_image *image, const void *staging,
                              const struct boot_info *info) {
    UINT8 *page = pages_take(EfiLoaderCode, EFI_PAGE_SIZE);
    struct trampoline_order *order =
        (struct trampoline_order *)(page + (trampoline_order - trampoline_start));

    CopyMem(page, (void *)trampoline_start, trampoline_end - trampoline_start);
    *order = (struct trampoline_order){
        .magic = BOOT_MAGIC,
        .boot_info = (UINTN)info,
        .entry = image->entry,
        .copy_from = (UINTN)staging,
        .copy_to = image->base,
        .copy_words = (image->end - image->base) / 4,
    };
    return page;
}

static struct boot_info *info_create(void) {
    struct boot_info *info = pages_take(EfiLoaderData, sizeof *info);

    ZeroMem(info, sizeof *info);
    info->magic = BOOT_MAGIC;
    info->version = BOOT_VERSION;
    info->size = sizeof *info;
    info->source = sizeof(void *) == 8 ? BOOT_UEFI64 : BOOT_UEFI32;
    return info;
}

static UINT32 modules_kib(const struct boot_info *info) {
    UINT32 kib = 0;

    for (UINT32 i = 0; i < info->nr_modules; i++)
        kib += info->module[i].length / 1024;
    return kib;
}

static EFI_LOADED_IMAGE *self_find(EFI_HANDLE handle) {
    EFI_GUID protocol = LoadedImageProtocol;
    EFI_LOADED_IMAGE *self;

    if (EFI_ERROR(BS->HandleProtocol(handle, &protocol, (void **)&self)))
        refuse("try newer firmware.", "the firmware does not say where I came from.");
    return self;
}

EFI_STATUS efi_main(EFI_HANDLE handle, EFI_SYSTEM_TABLE *table) {
    struct kernel_image image;
    struct boot_info *info;
    EFI_LOADED_IMAGE *self;
    EFI_FILE_HANDLE folder;
    void *staging, *page;

    loader_handle = handle;
    InitializeLib(handle, table);
    BS->SetWatchdogTimer(0, 0, 0, NULL);
    console_start();
    say("Parley's loader for %d-bit UEFI: reading \\parley.", (int)sizeof(void *) * 8);

    info = info_create();
    self = self_find(handle);
    folder = folder_open(self);
    staging = kernel_stage(folder, &image);
    modules_read(folder, info);
    command_line_read(folder, self, info);
    rsdp_find(info);
    page = trampoline_place(&image, staging, info);
    info->kernel_base = image.base;
    info->kernel_end = image.end;
    kernel_window_check(info);

    say("Kernel %d KiB, initial files %d KiB, command line \"%a\".",
        (image.end - image.base) / 1024, modules_kib(info), info->command_line);
    say("Starting the kernel. If nothing follows, look at COM1 (115200 8N1).");
    framebuffer_take(info);
    firmware_leave(handle, info);
    say_serial("\033[0m\r\nParley's kernel starts.\r\n");
    ((void (*)(void *))page)(page);
    return EFI_LOAD_ERROR;              // not reached: nothing comes back
}
