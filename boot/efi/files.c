/* files.c - reading the folder \parley of the volume that the loader came from.
 *
 * Invariants: everything that stays for the kernel comes from pages_take, so it neither
 *      lies where the kernel will be copied nor where the kernel cannot see it.
 * See: UEFI 2.10, 13.4 and 13.5 (file systems and files), 7.2 (pages)
 */
#include "loader.h"

#include "kernel_image.h"

#define KERNEL_SEES   0x38000000u       /* 896 MiB: what the kernel maps */
#define FILE_SIZE_MAX 0x20000000u

static const char advice_image[] =
    "write build/parley.img (`make image`) to the disk again, whole.";

void *pages_take(EFI_MEMORY_TYPE type, UINTN size) {
    UINTN nr_pages = (size + EFI_PAGE_SIZE - 1) / EFI_PAGE_SIZE;

    for (;;) {
        EFI_PHYSICAL_ADDRESS at = KERNEL_SEES - 1;
        if (EFI_ERROR(BS->AllocatePages(AllocateMaxAddress, type, nr_pages, &at)))
            refuse("give the machine more memory, or make the initramfs smaller.",
                   "there are no %ld KiB of memory free below 896 MiB.",
                   (UINT64)nr_pages * EFI_PAGE_SIZE / 1024);
        if (at >= KERNEL_WINDOW_END
            || at + nr_pages * EFI_PAGE_SIZE <= KERNEL_WINDOW_START)
            return (void *)(UINTN)at;
        // In the kernel's window. We keep the pages: the next try ends elsewhere.
    }
}

EFI_FILE_HANDLE folder_open(EFI_LOADED_IMAGE *self) {
    EFI_GUID protocol = FileSystemProtocol;
    EFI_FILE_IO_INTERFACE *volume;
    EFI_FILE_HANDLE root, folder;

    if (EFI_ERROR(BS->HandleProtocol(self->DeviceHandle, &protocol, (void **)&volume))
        || EFI_ERROR(volume->OpenVolume(volume, &root)))
        refuse("start the loader from a disk with an EFI system partition.",
               "the firmware loaded me from something that is no volume with files.");
    if (EFI_ERROR(root->Open(root, &folder, L"\\parley", EFI_FILE_MODE_READ, 0)))
        refuse(advice_image, "the boot volume has no folder \\parley.");
    root->Close(root);
    return folder;
}

/* The size of an open file, as far as we believe it. */
static UINTN file_size(EFI_FILE_HANDLE file, const char *name) {
    EFI_GUID kind = GenericFileInfo;
    UINT64 buffer[128];
    UINTN room = sizeof buffer;
    EFI_FILE_INFO *file_info = (EFI_FILE_INFO *)buffer;

    if (EFI_ERROR(file->GetInfo(file, &kind, &room, buffer)))
        refuse(advice_image, "\\parley\\%a cannot be read.", name);
    if (file_info->FileSize > FILE_SIZE_MAX)
        refuse(advice_image, "\\parley\\%a is too large.", name);
    return file_info->FileSize;
}

void *file_read(EFI_FILE_HANDLE folder, const char *name, UINTN *size) {
    CHAR16 wide[sizeof((struct boot_module *)0)->name];
    EFI_FILE_HANDLE file;
    UINTN i = 0, n = 0;
    char *bytes;

    do {
        wide[i] = (UINT8)name[i];
    } while (name[i++]);
    if (EFI_ERROR(folder->Open(folder, &file, wide, EFI_FILE_MODE_READ, 0)))
        return NULL;
    *size = file_size(file, name);
    bytes = pages_take(EfiLoaderData, *size + 1);
    for (UINTN done = 0; done < *size; done += n) {
        n = *size - done;
        if (EFI_ERROR(file->Read(file, &n, bytes + done)) || n == 0)
            refuse(advice_image, "\\parley\\%a cannot be read to its end.", name);
    }
    file->Close(file);
    return bytes;
}

/* Whether a name ends in ".cpio". Names with a dot in front are no modules: they are
 * the shadows that other systems leave beside each file they copy. */
static bool is_module(const CHAR16 *name) {
    static const char suffix[] = ".cpio";
    UINTN length = StrLen(name), n = sizeof suffix - 1;

    if (length <= n || name[0] == '.') return false;
    for (UINTN i = 0; i < n; i++) {
        if ((name[length - n + i] | 0x20) != (suffix[i] | 0x20)) return false;
    }
    return true;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; }

/* Whether `a` comes before `b`; capitals are no difference, as on the volume. */
static bool is_before(const char *a, const char *b) {
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return (UINT8)lower(*a) < (UINT8)lower(*b);
}

/* Put a name into its place in the sorted table. */
static void module_insert(struct boot_info *info, const CHAR16 *name) {
    struct boot_module new = { 0 };
    UINT32 at = info->nr_modules;

    if (at == BOOT_MODULE_MAX || StrLen(name) >= sizeof new.name)
        refuse("keep at most 8 files *.cpio there, with names under 56 characters.",
               "\\parley has too many files *.cpio, or one with too long a name.");
    for (UINTN i = 0; name[i]; i++)
        new.name[i] = name[i];
    for (; at > 0 && is_before(new.name, info->module[at - 1].name); at--)
        info->module[at] = info->module[at - 1];
    info->module[at] = new;
    info->nr_modules++;
}

static void modules_list(EFI_FILE_HANDLE folder, struct boot_info *info) {
    UINT64 buffer[128];
    EFI_FILE_INFO *entry = (EFI_FILE_INFO *)buffer;

    for (;;) {
        UINTN room = sizeof buffer;
        if (EFI_ERROR(folder->Read(folder, &room, buffer)))
            refuse(advice_image, "the folder \\parley cannot be read.");
        if (room == 0) return;
        if (!(entry->Attribute & EFI_FILE_DIRECTORY) && is_module(entry->FileName))
            module_insert(info, entry->FileName);
    }
}

void modules_read(EFI_FILE_HANDLE folder, struct boot_info *info) {
    modules_list(folder, info);
    if (info->nr_modules == 0)
        refuse(advice_image,
               "\\parley\\initramfs.cpio, the root file system, is missing.");
    for (UINT32 i = 0; i < info->nr_modules; i++) {
        struct boot_module *m = &info->module[i];
        UINTN size;
        void *bytes = file_read(folder, m->name, &size);
        if (!bytes || size == 0)
            refuse(advice_image, "\\parley\\%a is empty or cannot be opened.", m->name);
        m->base = (UINTN)bytes;
        m->length = size;
    }
}
