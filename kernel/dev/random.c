/* random.c - a generator of secrets: ChaCha20 that forgets its key with every call.
 *
 *      key --> [ block 0 ][ block 1 ][ block 2 ] ...
 *               |     |    |________ | ___________ the caller's bytes
 *               |     +-- they begin here
 *               new key
 *
 * Invariants: the old key is gone when random_bytes returns, so nobody who reads the
 *   kernel's memory later learns what was given out before.
 * Tests: random_host_test.c has the vectors of RFC 8439.
 */
#include "dev/random.h"

#include "arch.h"
#include "arch/x86/processor.h"
#include "base/string.h"

enum { KEY_WORDS = 8, BLOCK_WORDS = 16, BLOCK = 64, KEY = 32 };
enum { RDRAND_TRIES = 10 };

static uint32_t key[KEY_WORDS];

static inline uint32_t rotate(uint32_t x, unsigned n) { return x << n | x >> (32 - n); }

static inline void quarter_round(uint32_t *x, int a, int b, int c, int d) {
    x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 16);
    x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 12);
    x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 8);
    x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 7);
}

/* RFC 8439, 2.3, with a nonce of 0. */
static void chacha20_block(uint32_t out[16], const uint32_t k[8], uint32_t counter) {
    uint32_t start[BLOCK_WORDS] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };

    memcpy(start + 4, k, KEY);
    start[12] = counter;
    memcpy(out, start, BLOCK);
    for (int i = 0; i < 10; i++) {
        for (int c = 0; c < 4; c++) quarter_round(out, c, 4 + c, 8 + c, 12 + c);
        for (int c = 0; c < 4; c++)
            quarter_round(out, c, 4 + (c + 1) % 4, 8 + (c + 2) % 4, 12 + (c + 3) % 4);
    }
    for (int i = 0; i < BLOCK_WORDS; i++) out[i] += start[i];
}

void random_bytes(void *to, size_t size) {
    uint32_t block[BLOCK_WORDS], old_key[KEY_WORDS];
    size_t skip = KEY;          // the first bytes of block 0 are the new key

    memcpy(old_key, key, KEY);
    for (uint32_t counter = 0; counter == 0 || size; counter++) {
        chacha20_block(block, old_key, counter);
        if (counter == 0) memcpy(key, block, KEY);
        size_t n = min(size, BLOCK - skip);
        memcpy(to, (char *)block + skip, n);
        to = (char *)to + n;
        size -= n;
        skip = 0;
    }
    memset(block, 0, sizeof(block));
    memset(old_key, 0, sizeof(old_key));
    __asm__ volatile("" : : "r"(block), "r"(old_key) : "memory");   // do clear them
}

void random_init(uint32_t seed) {
    uint64_t now = seed ? 0 : clock_realtime_at_boot();

    memset(key, 0, sizeof(key));
    key[0] = seed;
    for (int i = 0; !seed && i < KEY_WORDS; i++) {
        // the processor's own source, if it has one and that does not run dry
        bool good = !(cpu_features.ecx & CPUID_RDRAND);
        for (int n = 0; n < RDRAND_TRIES && !good; n++)
            __asm__ volatile("rdrand %0; setc %1" : "=r"(key[i]), "=qm"(good));
        key[i] += (uint32_t)timestamp_counter();
    }
    key[1] ^= (uint32_t)now;
    key[2] ^= (uint32_t)(now >> 32);
    random_bytes(key, 0);       // for another one: nobody gets what this one gives
}
