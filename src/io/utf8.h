/* UTF-8, one character after another. */
#ifndef TP__IO_UTF8_H
#define TP__IO_UTF8_H

#include <stdint.h>

/* The length of the valid sequence at `p`, which is before `end`; 0 if it is not one (Unicode 15, table
 * 3-7). */
int tp__utf8_length(const char *p, const char *end);

/* The code point of the valid sequence at `p` of that length. */
uint32_t tp__utf8_code(const char *p, int length);

/* Writes a code point, up to 4 bytes, and returns where they end. */
char *tp__utf8_put(char *out, uint32_t code);

#endif
