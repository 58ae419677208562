/* man.c - shows a page of the manual; without a name, the list of pages.
 *
 * A page is plain text: /usr/share/man/NAME.txt. On a terminal it goes through more.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "/usr/share/man"
#define NAME_MAX_LENGTH 40

/* Copies the page's name, without .txt, out of a file name. 0: it is no page. */
static int page_name(const char *file, char *name) {
    size_t length = strlen(file);
    if (length <= 4 || length - 4 > NAME_MAX_LENGTH
        || strcmp(file + length - 4, ".txt"))
        return 0;
    memcpy(name, file, length - 4);
    name[length - 4] = '\0';
    return 1;
}

/* The sentence below the heading NAME, as in `help - lists the programs`. */
static void print_sentence(const char *name) {
    char path[100], line[200] = "";
    snprintf(path, sizeof path, FOLDER "/%s.txt", name);
    FILE *page = fopen(path, "r");
    if (!page)
        return;
    if (fgets(line, sizeof line, page) && fgets(line, sizeof line, page)) {
        char *dash = strstr(line, " - ");
        printf("  %-16s %s", name, dash ? dash + 3 : "\n");
    }
    fclose(page);
}

/* How many letters to change, add or drop to make `a` from `b` (Levenshtein). */
static int distance(const char *a, const char *b) {
    int row[NAME_MAX_LENGTH + 1], width = (int)strlen(b);
    for (int j = 0; j <= width; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= width; j++) {
            int change = diagonal + (a[i - 1] != b[j - 1]);
            int drop = (row[j - 1] < row[j] ? row[j - 1] : row[j]) + 1;
            diagonal = row[j];
            row[j] = change < drop ? change : drop;
        }
    }
    return row[width];
}

static int is_similar(const char *wanted, const char *name) {
    return strstr(name, wanted) || strstr(wanted, name) || distance(wanted, name) <= 2;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(a, b);
}

/* Lists the pages: all, or those with a name like `wanted`. Result: how many. */
static int list_pages(const char *wanted) {
    static char names[500][NAME_MAX_LENGTH + 1];
    int count = 0;
    DIR *folder = opendir(FOLDER);
    struct dirent *entry;
    while (folder && count < 500 && (entry = readdir(folder)))
        if (page_name(entry->d_name, names[count]))
            count += !wanted || is_similar(wanted, names[count]);
    if (folder)
        closedir(folder);
    qsort(names, (size_t)count, sizeof names[0], compare_names);
    for (int i = 0; i < count; i++)
        print_sentence(names[i]);
    return count;
}

static int show_page(const char *path) {
    FILE *page = fopen(path, "r");
    int c;
    if (isatty(1)) {
        execlp("more", "more", path, (char *)NULL);
        fprintf(stderr, "man: cannot run more: %s\n", strerror(errno));
    }
    while ((c = getc(page)) != EOF)
        putchar(c);
    return 0;
}

int main(int argc, char **argv) {
    char path[100];
    const char *name = argv[argc - 1];                  // `man 2 pipe` is `man pipe`
    if (argc == 1) {
        printf("Pages of the manual; man NAME shows one:\n");
        return list_pages(NULL) == 0;
    }
    snprintf(path, sizeof path, FOLDER "/%s.txt", name);
    if (!strchr(name, '/') && strlen(name) <= NAME_MAX_LENGTH
        && access(path, R_OK) == 0)
        return show_page(path);
    fprintf(stderr, "man: there is no page about %s.", name);
    if (*name && strlen(name) <= NAME_MAX_LENGTH) {
        fprintf(stderr, " Similar names:\n");
        if (list_pages(name) == 0)
            printf("  none; `man` lists all pages\n");
    } else {
        fprintf(stderr, "\n");
    }
    return 1;
}
