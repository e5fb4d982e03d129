/* What the file formats share: files read with their errors reported, bytes through gzip, JSON. */
#ifndef TP__IO_IO_H
#define TP__IO_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/status.h"
#include "taper/base.h"

/* A regular file open for reading. Every failure leaves a record "op: path: ..." that says what was wrong. */
typedef struct tp__file {
    const char *op, *path; /* borrowed */
    int fd;
    int64_t size;
} tp__file;

bool tp__file_open(tp__file *file, const char *op, const char *path);
void tp__file_close(tp__file *file);

/* Reads `count` bytes from `offset` on; fails if they are not all there. Any thread may. */
bool tp__file_read(const tp__file *file, int64_t offset, void *out, size_t count);

/* The bytes of a file in order, unpacked if it begins as gzip does. */
typedef struct tp__stream {
    const tp__file *file;
    int64_t position;              /* in the file */
    struct tp__inflater *inflater; /* NULL: plain */
} tp__stream;

bool tp__stream_open(tp__stream *stream, const tp__file *file);
void tp__stream_close(tp__stream *stream);

/* Up to `count` bytes: their number, smaller only at the end of the data, -1 after a failure. `out` may be
 * NULL, to pass over them. At the end of gzip data its checksum has been verified, and that nothing
 * follows. */
int64_t tp__stream_read(tp__stream *stream, void *out, int64_t count);

/* Starts again from the first byte. */
void tp__stream_rewind(tp__stream *stream);

/* A file being written: under a name of its own beside `path`, until tp__writer_close() puts it in its place, so that
 * nobody ever finds half a file there and what was there before outlives a failure. The first failure sticks, and leaves
 * a record "op: path: ...". */
typedef struct tp__writer {
    const char *op, *path; /* borrowed */
    char *temporary;
    FILE *file;
    bool failed;
} tp__writer;

bool tp__writer_open(tp__writer *writer, const char *op, const char *path);
void tp__writer_bytes(tp__writer *writer, const void *data, size_t size);
void tp__writer_printf(tp__writer *writer, const char *format, ...) TP__PRINTF(2, 3);
int64_t tp__writer_size(tp__writer *writer); /* bytes so far; -1 after a failure */
/* Writes over the file's first bytes. */
void tp__writer_over(tp__writer *writer, const void *data, size_t size);
/* A string in quotes, as JSON has it. Fails for one that is not UTF-8. */
void tp__writer_json(tp__writer *writer, const char *text);
void tp__writer_not_utf8(tp__writer *writer, const char *text); /* fails so */
void tp__writer_no_memory(tp__writer *writer, size_t bytes);    /* fails so */
/* Gives up: nothing is written. */
void tp__writer_abandon(tp__writer *writer);
/* Writes to the disk what is left and gives the file its name. Closed in any case. */
tp_status tp__writer_close(tp__writer *writer);

/* Reverses the bytes of each of `count` items. */
void tp__swap_bytes(void *data, size_t item, int64_t count);

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define TP__BIG_ENDIAN 1
#else
#define TP__BIG_ENDIAN 0
#endif

/* The tensor in an IDX file, with errors in the name of `op`. */
tp_tensor *tp__idx_load(const char *op, const char *path);

#endif
