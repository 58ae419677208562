/* stdio.c - the C library's stdio on top of the system calls: ISO C 7.21, POSIX
 * fopen(), tmpfile(), setvbuf(), popen's relatives. The library is not ours; what it
 * needs is.
 */
#include "scratch.h"

#include <locale.h>
#include <math.h>
#include <stddef.h>
#include <time.h>
#include <wchar.h>

static void formats(void) {
    char got[200];
    snprintf(got, sizeof got, "%d %5d|%-5d|%05d %x %X %o %+d", -1, 42, 42, 42, 255, 255,
             8, 7);
    ok(strcmp(got, "-1    42|42   |00042 ff FF 10 +7") == 0, "integers");
    snprintf(got, sizeof got, "%lld %llu %zu %td", -9000000000LL,
             18446744073709551615ULL, (size_t)1, (ptrdiff_t)-2);
    ok(strcmp(got, "-9000000000 18446744073709551615 1 -2") == 0, "64 bits");
    snprintf(got, sizeof got, "%.3f %8.2f %e %g %g", 3.14159265, -2.5, 12345.678,
             0.0001, 1e20);
    ok(strcmp(got, "3.142    -2.50 1.234568e+04 0.0001 1e+20") == 0,
       "floating point: %s", got);
    snprintf(got, sizeof got, "%f %f %.0f %.17g", INFINITY, -NAN, 0.5, 0.1);
    ok(strstr(got, "inf") == got && strstr(got, "nan")
           && strstr(got, " 0 0.10000000000000001"),
       "infinities and rounding");
    snprintf(got, sizeof got, "%Lg %s %.2s %c %% %p", 1.5L, "text", "text", 'c',
             (void *)0x1000);
    ok(strcmp(got, "1.5 text te c % 0x1000") == 0, "long double, strings, pointers");
    volatile size_t room = 5;
    is_int(snprintf(got, room, "%s", "long text"), 9,
           "snprintf gives the whole length");
    ok(strcmp(got, "long") == 0, "and cuts");
}

static void scanning(void) {
    int a, b;
    double d;
    char word[20], set[20];
    is_int(sscanf("12 0x1f 3.5e2 word [abc]", "%d %i %lf %19s [%19[a-c]", &a, &b, &d,
                  word, set),
           5, "sscanf");
    ok(a == 12 && b == 31 && d == 350.0 && !strcmp(word, "word") && !strcmp(set, "abc"),
       "finds its five fields");
    ok(strtod("1e-5x", NULL) == 1e-5 && strtol("777", NULL, 8) == 511,
       "strtod, strtol");
    ok(strtoull("0xffffffffffffffff", NULL, 16) == UINT64_MAX, "strtoull");
    errno = 0;
    ok(strtol("99999999999", NULL, 10) == 2147483647 && errno == ERANGE, "ERANGE");
}

/* fopen(): r, w, a, r+, w+, a+, x, e; fseek, ftell, ungetc, feof. */
static void files(void) {
    char line[100];
    FILE *f = fopen("f", "w");
    need(f);
    ok(fprintf(f, "first %d\nsecond\n", 1) == 15 && fputs("third\n", f) >= 0,
       "fprintf, fputs");
    is_int(stat_of("f").st_size, 0, "wait in the buffer");
    is_int(fflush(f), 0, "fflush");
    is_int(stat_of("f").st_size, 21, "writes it");
    is_int(fclose(f), 0, "fclose");
    f = fopen("f", "r+");
    need(f);
    ok(fgets(line, sizeof line, f) && strcmp(line, "first 1\n") == 0, "fgets");
    is_int(ftell(f), 8, "ftell");
    is_int(fgetc(f), 's', "fgetc");
    is_int(ungetc('S', f), 'S', "ungetc");
    ok(fscanf(f, "%99s", line) == 1 && strcmp(line, "Second") == 0, "fscanf");
    ok(fseek(f, -6, SEEK_END) == 0 && fread(line, 1, 100, f) == 6 && feof(f),
       "fseek, fread");
    rewind(f);
    ok(!feof(f) && fputc('F', f) == 'F', "rewind, and write");
    fclose(f);
    ok(has_text("f", "First 1\nsecond\nthird\n"), "changed one byte");
    f = fopen("f", "a");
    need(f && fputs("end", f) >= 0 && fclose(f) == 0);
    is_int(stat_of("f").st_size, 24, "append");
    ok(fopen("f", "wx") == NULL && errno == EEXIST, "wx does not replace");
    ok(fopen("none", "r") == NULL && errno == ENOENT, "fopen of nothing is ENOENT");
    f = fopen("f", "re");
    is_int(fcntl(fileno(f), F_GETFD), FD_CLOEXEC, "e sets FD_CLOEXEC");
    ok(fputc('x', f) == EOF && ferror(f), "writing to r is an error");
    fclose(f);
}

/* tmpfile(), mkstemp(), tmpnam's safe relatives; freopen, fdopen, dprintf, getline. */
static void more_files(void) {
    char *line = NULL;
    size_t room = 0;
    FILE *f = tmpfile();
    ok(f && fputs("a line\nlonger than before\n", f) >= 0, "tmpfile");
    rewind(f);
    ok(getline(&line, &room, f) == 7 && getline(&line, &room, f) == 19, "getline");
    is_int(getline(&line, &room, f), -1, "to the end");
    free(line);
    fclose(f);
    int fd = open("d", O_RDWR | O_CREAT, 0644);
    is_int(dprintf(fd, "%s-%d", "direct", 5), 8, "dprintf");
    f = fdopen(fd, "r+");
    char got[20] = "";
    ok(f && fseek(f, 0, SEEK_SET) == 0 && fgets(got, 20, f) && !strcmp(got, "direct-5"),
       "fdopen");
    f = freopen("f", "r", f);
    ok(f && fgetc(f) == 'F', "freopen");
    fclose(f);
    char *memory = NULL;
    size_t size = 0;
    f = open_memstream(&memory, &size);
    ok(f && fprintf(f, "%0100d", 1) == 100 && fclose(f) == 0 && size == 100,
       "open_memstream");
    free(memory);
}

/* setvbuf(): "_IONBF shall cause input/output to be unbuffered", "_IOLBF ... line
 * buffered". A file larger than the buffer. */
static void buffering(void) {
    FILE *f = fopen("b", "w");
    need(f && setvbuf(f, NULL, _IONBF, 0) == 0);
    fputc('x', f);
    is_int(stat_of("b").st_size, 1, "unbuffered: written at once");
    fclose(f);
    f = fopen("b", "w");
    char buffer[100];
    need(f && setvbuf(f, buffer, _IOLBF, sizeof buffer) == 0);
    fputs("half", f);
    is_int(stat_of("b").st_size, 0, "line buffered: not before");
    fputs(" line\n", f);
    is_int(stat_of("b").st_size, 10, "the end of the line");
    fclose(f);
    f = fopen("b", "w+");
    for (int i = 0; i < 20000; i++)
        fprintf(f, "%d\n", i);
    rewind(f);
    int n = 0, value;
    while (fscanf(f, "%d", &value) == 1 && value == n)
        n++;
    is_int(n, 20000, "20000 lines are read as they were written");
    fclose(f);
}

/* localtime without a zone file is UTC; strftime, qsort, bsearch, setlocale. */
static int by_value(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

static void the_rest(void) {
    char got[60];
    time_t t = 1000000000;
    struct tm tm;
    need(gmtime_r(&t, &tm));
    strftime(got, sizeof got, "%Y-%m-%d %H:%M:%S %a", &tm);
    ok(strcmp(got, "2001-09-09 01:46:40 Sun") == 0, "gmtime, strftime");
    is_int(timegm(&tm), 1000000000, "timegm");
    ok(localtime(&t) != NULL, "localtime works without a zone file");
    int numbers[100];
    for (int i = 0; i < 100; i++)
        numbers[i] = i * 37 % 100;
    qsort(numbers, 100, sizeof numbers[0], by_value);
    int sorted = 1, key = 42;
    for (int i = 0; i < 100; i++)
        sorted &= numbers[i] == i;
    ok(sorted && bsearch(&key, numbers, 100, sizeof key, by_value) == &numbers[42],
       "qsort, bsearch");
    ok(sqrt(2) * sqrt(2) > 1.999 && sin(0) == 0 && fabs(exp(1) - 2.718281828) < 1e-8,
       "math");
    ok(setenv("NAME", "value", 1) == 0 && !strcmp(getenv("NAME"), "value"),
       "setenv, getenv");
    ok(setlocale(LC_ALL, "C.UTF-8") != NULL && mbstowcs(NULL, "\xc3\xa4", 0) == 1,
       "UTF-8");
    ok(strcmp(strerror(ENOENT), "No such file or directory") == 0, "strerror");
}

/* tmpnam(): "shall generate a string that is a valid pathname that does not name an
 * existing file"; musl looks with lstat64. A zone file (tzfile(5)), which it maps after
 * fstat64. */
static void names_and_zones(void) {
    char name[L_tmpnam], path[300];
    static const char zone[] = "TZif1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                               "\0\0\0\0"
                               "\0\0\0\0"
                               "\0\0\0\0"
                               "\0\0\0\0"
                               "\0\0\0\1"
                               "\0\0\0\4"
                               "\0\0\x0e\x10"
                               "\0\0"
                               "ONE";
    time_t t = 0;
    ok(tmpnam(name) && !exists(name), "tmpnam finds a name that is free");
    char *other = tempnam(scratch_dir.path, "x");
    ok(other && !exists(other), "tempnam too");
    free(other);
    int fd = open("zone", O_WRONLY | O_CREAT, 0644);
    need(write(fd, zone, sizeof zone) == sizeof zone && close(fd) == 0);
    snprintf(path, sizeof path, ":%s/zone", scratch_dir.path);
    need(setenv("TZ", path, 1) == 0);
    is_int(localtime(&t)->tm_hour, 1, "a zone file is read");
}

int main(void) {
    scratch();
    formats();
    scanning();
    files();
    more_files();
    buffering();
    the_rest();
    names_and_zones();
    return done_testing();
}
