/* Bytes that grow at their end. */
#ifndef TP__IO_BYTES_H
#define TP__IO_BYTES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

/* All zero is empty. When memory runs out, `failed` is set, and what is put in after that is dropped. */
typedef struct tp__bytes {
    char *data;
    size_t size, capacity;
    bool failed;
} tp__bytes;

/* Room for `count` more bytes at data + size, which the caller fills in, adding to size; NULL if there is
 * none. */
char *tp__bytes_room(tp__bytes *bytes, size_t count);

void tp__bytes_put(tp__bytes *bytes, const void *data, size_t count);
void tp__bytes_format(tp__bytes *bytes, const char *format, ...) TP__PRINTF(2, 3); /* at most 63 characters */
void tp__bytes_free(tp__bytes *bytes);                                             /* leaves it empty */

#endif
