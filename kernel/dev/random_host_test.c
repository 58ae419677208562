/* random_host_test.c - ChaCha20 gives what RFC 8439 says, and a seed the same bytes
 * every time. Runs on the host and prints TAP. */
#include <stdio.h>
#include <string.h>

#include "dev/random.c"

struct cpu_features cpu_features;

nanoseconds_t clock_realtime_at_boot(void) { return 0; }

static unsigned cases, failures;

static void ok(bool good, const char *what) {
    printf("%sok %u - %s\n", good ? "" : "not ", ++cases, what);
    failures += !good;
}

/* RFC 8439, 2.3.2. */
static void vector_of_the_rfc(void) {
    static const uint32_t nonce[3] = { 0x09000000, 0x4a000000, 0 };
    static const uint32_t expected[16] = {
        0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3, 0xc7f4d1c7, 0x0368c033,
        0x9aaa2204, 0x4e6cd4c3, 0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
        0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2,
    };
    uint8_t k[32];
    uint32_t words[8], out[16];

    for (int i = 0; i < 32; i++)
        k[i] = (uint8_t)i;
    memcpy(words, k, sizeof(k));
    chacha20_block(out, words, 1, nonce);
    ok(memcmp(out, expected, sizeof(out)) == 0, "the block of RFC 8439, 2.3.2");
}

/* RFC 8439, appendix A.1, vectors 1 and 2: all zeros, counters 0 and 1. */
static void vectors_of_zeros(void) {
    static const uint32_t zero_key[8], nonce[3];
    uint32_t out[16];

    chacha20_block(out, zero_key, 0, nonce);
    ok(out[0] == 0xade0b876 && out[15] == 0x8665eeb2, "appendix A.1, vector 1");
    chacha20_block(out, zero_key, 1, nonce);
    ok(out[0] == 0xbee7079f && out[1] == 0x7a385155, "appendix A.1, vector 2");
}

static void sequences(void) {
    static uint8_t a[300], b[300], guarded[10];
    uint8_t same = 0;

    random_init(7);
    random_bytes(a, sizeof(a));
    random_init(7);
    random_bytes(b, sizeof(b));
    ok(memcmp(a, b, sizeof(a)) == 0, "the same seed gives the same bytes");
    random_bytes(b, sizeof(b));
    ok(memcmp(a, b, sizeof(a)) != 0, "the next call gives others");
    random_init(8);
    random_bytes(b, sizeof(b));
    ok(memcmp(a, b, sizeof(a)) != 0, "another seed gives others");
    random_init(0);
    random_bytes(a, 32);
    random_init(0);
    random_bytes(b, 32);
    ok(memcmp(a, b, 32) != 0, "without a seed no start is like another");
    random_bytes(guarded + 1, 8);
    ok(guarded[0] == 0 && guarded[9] == 0, "not a byte more than asked for");
    random_bytes(guarded, 0);
    for (int i = 1; i < 300; i++)
        same = (uint8_t)(same + (b[i] == b[i - 1]));
    ok(same < 20, "it does not repeat a byte");
}

int main(void) {
    vector_of_the_rfc();
    vectors_of_zeros();
    sequences();
    printf("1..%u\n", cases);
    return failures != 0;
}
