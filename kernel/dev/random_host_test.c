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

/* RFC 8439, appendix A.1, the vectors with a nonce of 0. */
static void vectors_of_the_rfc(void) {
    static const struct {
        uint8_t key[32];
        uint32_t counter, out[16];
        const char *what;
    } vectors[] = {
        { { 0 }, 0,
          { 0xade0b876, 0x903df1a0, 0xe56a5d40, 0x28bd8653, 0xb819d2bd, 0x1aed8da0,
            0xccef36a8, 0xc70d778b, 0x7c5941da, 0x8d485751, 0x3fe02477, 0x374ad8b8,
            0xf4b8436a, 0x1ca11815, 0x69b687c3, 0x8665eeb2 },
          "appendix A.1, vector 1" },
        { { 0 }, 1,
          { 0xbee7079f, 0x7a385155, 0x7c97ba98, 0x0d082d73, 0xa0290fcb, 0x6965e348,
            0x3e53c612, 0xed7aee32, 0x7621b729, 0x434ee69c, 0xb03371d5, 0xd539d874,
            0x281fed31, 0x45fb0a51, 0x1f0ae1ac, 0x6f4d794b },
          "appendix A.1, vector 2" },
        { { [31] = 1 }, 1,
          { 0x2452eb3a, 0x9249f8ec, 0x8d829d9b, 0xddd4ceb1, 0xe8252083, 0x60818b01,
            0xf38422b8, 0x5aaa49c9, 0xbb00ca8e, 0xda3ba7b4, 0xc4b592d1, 0xfdf2732f,
            0x4436274e, 0x2561b3c8, 0xebdd4aa6, 0xa0136c00 },
          "appendix A.1, vector 3" },
        { { [1] = 0xff }, 2,
          { 0xfb4dd572, 0x4bc42ef1, 0xdf922636, 0x327f1394, 0xa78dea8f, 0x5e269039,
            0xa1bebbc1, 0xcaf09aae, 0xa25ab213, 0x48a6b46c, 0x1b9d9bcb, 0x092c5be6,
            0x546ca624, 0x1bec45d5, 0x87f47473, 0x96f0992e },
          "appendix A.1, vector 4" },
    };

    for (unsigned i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
        uint32_t words[8], out[16];
        memcpy(words, vectors[i].key, sizeof(words));
        chacha20_block(out, words, vectors[i].counter);
        ok(memcmp(out, vectors[i].out, sizeof(out)) == 0, vectors[i].what);
    }
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
    vectors_of_the_rfc();
    sequences();
    printf("1..%u\n", cases);
    return failures != 0;
}
