#include "io/bytes.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"

char *tp__bytes_room(tp__bytes *bytes, size_t count) {
    if (bytes->failed) return NULL;
    if (bytes->capacity - bytes->size < count) {
        size_t capacity = bytes->capacity < 128 ? 256 : bytes->capacity;
        while (capacity - bytes->size < count && capacity <= SIZE_MAX / 2) capacity *= 2;
        char *data = capacity - bytes->size < count ? NULL : tp__realloc(bytes->data, capacity);
        if (!data) {
            bytes->failed = true;
            return NULL;
        }
        bytes->data = data;
        bytes->capacity = capacity;
    }
    return bytes->data + bytes->size;
}

void tp__bytes_put(tp__bytes *bytes, const void *data, size_t count) {
    char *room = tp__bytes_room(bytes, count);
    if (!room || count == 0) return;
    memcpy(room, data, count);
    bytes->size += count;
}

void tp__bytes_format(tp__bytes *bytes, const char *format, ...) {
    char text[64];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tp__bytes_put(bytes, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

void tp__bytes_free(tp__bytes *bytes) {
    tp__free(bytes->data);
    *bytes = (tp__bytes){0};
}
