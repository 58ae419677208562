/* firmware.c - what the kernel must know from the firmware, and leaving the firmware.
 *
 * Invariants: between a successful GetMemoryMap and ExitBootServices nothing is
 *      called: any service may allocate, and then the map's key is stale.
 * See: UEFI 2.10, 7.4 (ExitBootServices), 12.9 (graphics); ACPI 6.5, 5.2.5 (RSDP)
 */
#include "loader.h"

#include "kernel_image.h"
#include "memory_map.h"

_Static_assert(sizeof(struct firmware_memory) == sizeof(EFI_MEMORY_DESCRIPTOR),
               "memory_map.h describes UEFI's descriptor");
_Static_assert(offsetof(struct firmware_memory, nr_pages)
                   == offsetof(EFI_MEMORY_DESCRIPTOR, NumberOfPages),
               "the same fields");
_Static_assert(FIRMWARE_CONVENTIONAL == (int)EfiConventionalMemory, "the same numbers");
_Static_assert(FIRMWARE_ACPI_NVS == (int)EfiACPIMemoryNVS, "the same numbers");

enum { WIDTH = 1024, HEIGHT = 768 };
enum { MAP_SLACK = 16384 };     /* bytes for descriptors that our own calls add */
enum { LEAVE_TRIES = 8 };

static const char advice_firmware[] =
    "try another machine or newer firmware; QEMU with OVMF is known to work.";

static struct {
    void *bytes;
    UINTN room, size, key, stride;
} map;

void rsdp_find(struct boot_info *info) {
    EFI_GUID acpi_20 = ACPI_20_TABLE_GUID, acpi_10 = ACPI_TABLE_GUID;

    for (UINTN i = 0; i < ST->NumberOfTableEntries; i++) {
        EFI_CONFIGURATION_TABLE *table = &ST->ConfigurationTable[i];
        if (CompareGuid(&table->VendorGuid, &acpi_20) == 0) {
            info->rsdp = (UINTN)table->VendorTable;
            return;
        }
        if (CompareGuid(&table->VendorGuid, &acpi_10) == 0)
            info->rsdp = (UINTN)table->VendorTable;
    }
}

static bool is_direct_colour(const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode) {
    return mode->PixelFormat == PixelRedGreenBlueReserved8BitPerColor
           || mode->PixelFormat == PixelBlueGreenRedReserved8BitPerColor;
}

/* Switch to 1024x768, unless the screen is that already or cannot do it. */
static void mode_choose(EFI_GRAPHICS_OUTPUT_PROTOCOL *screen) {
    const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *now = screen->Mode->Info;

    if (now->HorizontalResolution == WIDTH && now->VerticalResolution == HEIGHT
        && is_direct_colour(now))
        return;
    for (UINT32 i = 0; i < screen->Mode->MaxMode; i++) {
        EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode;
        UINTN size;
        if (EFI_ERROR(screen->QueryMode(screen, i, &size, &mode))) continue;
        if (mode->HorizontalResolution == WIDTH && mode->VerticalResolution == HEIGHT
            && is_direct_colour(mode) && !EFI_ERROR(screen->SetMode(screen, i)))
            return;
    }
}

void framebuffer_take(struct boot_info *info) {
    EFI_GUID protocol = GraphicsOutputProtocol;
    EFI_GRAPHICS_OUTPUT_PROTOCOL *screen;
    const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode;
    bool is_rgb;

    if (EFI_ERROR(BS->LocateProtocol(&protocol, NULL, (void **)&screen))) return;
    mode_choose(screen);
    mode = screen->Mode->Info;
    if (!is_direct_colour(mode) || screen->Mode->FrameBufferBase == 0
        || screen->Mode->FrameBufferBase + screen->Mode->FrameBufferSize > UINT32_MAX)
        return;
    is_rgb = mode->PixelFormat == PixelRedGreenBlueReserved8BitPerColor;
    info->framebuffer = (struct boot_framebuffer){
        .base = screen->Mode->FrameBufferBase,
        .pitch = mode->PixelsPerScanLine * 4,
        .width = mode->HorizontalResolution,
        .height = mode->VerticalResolution,
        .bits_per_pixel = 32,
        .red_shift = is_rgb ? 0 : 16,
        .green_shift = 8,
        .blue_shift = is_rgb ? 16 : 0,
    };
}

static EFI_STATUS map_read(void) {
    UINT32 version;

    map.size = map.room;
    return BS->GetMemoryMap(&map.size, map.bytes, &map.key, &map.stride, &version);
}

void kernel_window_check(struct boot_info *info) {
    map_read();
    map.room = map.size + MAP_SLACK;
    map.bytes = pages_take(EfiLoaderData, map.room);
    if (EFI_ERROR(map_read()))
        refuse(advice_firmware, "the firmware does not tell its memory map.");
    if (!memory_convert(info, map.bytes, map.size, map.stride))
        refuse(advice_firmware, "the firmware keeps memory between 0x%x and 0x%x.",
               info->kernel_base, info->kernel_end);
}

void firmware_leave(EFI_HANDLE self, struct boot_info *info) {
    int i;

    // Firmware may change its map behind our back; then the key is stale: ask again.
    for (i = 0; i < LEAVE_TRIES; i++) {
        EFI_STATUS status = map_read();
        if (!EFI_ERROR(status)) status = BS->ExitBootServices(self, map.key);
        if (!EFI_ERROR(status)) break;
    }
    if (i == LEAVE_TRIES || !memory_convert(info, map.bytes, map.size, map.stride))
        refuse_on_serial("Parley cannot start: the firmware does not let go.\r\n");
}
