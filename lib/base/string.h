/* string.h - memory and strings. The names and meanings of ISO C, plus string_copy. */
#pragma once

#include "base/types.h"

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
void *memchr(const void *in, int byte, size_t size);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t size);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t size);
char *strchr(const char *s, int c);

/* Copies s with its NUL into to[size], size > 0; true: it fits. What does not is
 * cut. */
bool string_copy(char *to, const char *s, size_t size);
