/* devices.c - the devices that are not hardware: null, zero, full, random, urandom.
 *
 * Sleeps: never.
 * Tests: user/tests/devices.c
 * Linux: what is written to the random devices is dropped; they need no more.
 * See: null(4), full(4), random(4).
 */
#include "dev/random.h"
#include "fs/devfs.h"

/* One read of a random device gives at most this much. */
#define RANDOM_MAX (256u << 10)

static ssize_t read_nothing(struct file *file, struct io *io, uint64_t *offset)
{
    (void)file, (void)io, (void)offset;
    return 0;
}

static ssize_t write_anything(struct file *file, struct io *io, uint64_t *offset)
{
    (void)file, (void)offset;
    return (ssize_t)io->left;
}

static ssize_t write_to_full(struct file *file, struct io *io, uint64_t *offset)
{
    (void)file, (void)io, (void)offset;
    return -ENOSPC;
}

static ssize_t read_zeros(struct file *file, struct io *io, uint64_t *offset)
{
    size_t size = io->left;

    (void)file, (void)offset;
    return io_give_zeros(io, size) ? -EFAULT : (ssize_t)size;
}

static ssize_t read_random(struct file *file, struct io *io, uint64_t *offset)
{
    size_t size = min(io->left, RANDOM_MAX), given = 0;
    uint8_t chunk[128];

    (void)file, (void)offset;
    while (given < size) {
        size_t n = min(size - given, sizeof(chunk));
        random_bytes(chunk, n);
        if (io_give(io, chunk, n))
            return given ? (ssize_t)given : -EFAULT;
        given += n;
    }
    return (ssize_t)given;
}

/* There is nowhere to go, and that always works. */
static int64_t seek_nowhere(struct file *file, int64_t offset, int whence)
{
    (void)file, (void)offset, (void)whence;
    return 0;
}

/* No object: a mapping of /dev/zero is anonymous memory. */
static int map_zeros(struct file *file, struct memory_object **object)
{
    (void)file;
    *object = NULL;
    return 0;
}

static const struct file_operations null_operations = {
    .name = "null device",
    .read = read_nothing,
    .write = write_anything,
    .seek = seek_nowhere,
};

static const struct file_operations zero_operations = {
    .name = "zero device",
    .read = read_zeros,
    .write = write_anything,
    .seek = seek_nowhere,
    .map = map_zeros,
};

static const struct file_operations full_operations = {
    .name = "full device",
    .read = read_zeros,
    .write = write_to_full,
    .seek = seek_nowhere,
};

static const struct file_operations random_operations = {
    .name = "random device",
    .read = read_random,
    .write = write_anything,
    .seek = seek_nowhere,
};

void devices_init(void)
{
    static struct device devices[] = {
        { .name = "null", .number = 0x103, .operations = &null_operations },
        { .name = "zero", .number = 0x105, .operations = &zero_operations },
        { .name = "full", .number = 0x107, .operations = &full_operations },
        { .name = "random", .number = 0x108, .operations = &random_operations },
        { .name = "urandom", .number = 0x109, .operations = &random_operations },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
        devices[i].mode = 0666;
        device_register(&devices[i]);
    }
}
