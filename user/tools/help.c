/* help.c - lists the programs that are here, a line each.
 *
 * The list is not written here: see whatis.h.
 */
#include "whatis.h"

static int count_programs(const char *folder) {
    int count = 0;
    for (int i = 0; i < nr_programs; i++)
        count += strcmp(programs[i].folder, folder) == 0;
    return count;
}

static void list_programs(const char *folder, const char *title) {
    if (count_programs(folder) == 0)
        return;
    printf("%s\n", title);
    for (int i = 0; i < nr_programs; i++)
        if (strcmp(programs[i].folder, folder) == 0)
            printf("  %-12s %s\n", programs[i].name, programs[i].sentence);
    printf("\n");
}

int main(void) {
    read_programs();
    list_programs("demos", "Demonstrations, in /demos (`demos` plays them in order):");
    list_programs("tools", "Tools:");
    list_programs("bench", "Measurements, in /bench:");
    int tests = count_programs("tests");
    if (tests)
        printf("Tests: %d in /tests; each says what it checks. ls /tests\n", tests);
    if (access("/bin/busybox", X_OK) == 0)
        printf("Unix: ls, ps, vi and many more. `busybox` lists them.\n");
    if (access("/bin/man", X_OK) == 0)
        printf("More about one of them: man NAME. All pages: man\n");
    return 0;
}
