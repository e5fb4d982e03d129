#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "io/io.h"
#include "io/json.h"

static void writer_fail(tp__writer *w, int error) {
    if (!w->failed) tp__error(TP_ERR_IO, w->op, "%s: %s", w->path, strerror(error));
    w->failed = true;
}

/* A name beside `path` that nobody has, opened. -1 with errno set. */
static int writer_create(char *name, size_t size, const char *path) {
    for (unsigned n = 0; n < 100; n++) {
        snprintf(name, size, "%s.%ld-%u.tmp", path, (long)getpid(), n);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

bool tp__writer_open(tp__writer *writer, const char *op, const char *path) {
    *writer = (tp__writer){.op = op, .path = path};
    size_t size = strlen(path) + 48;
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        tp__error(TP_ERR_IO, op, "%s: is %s, not a file", path,
                  S_ISDIR(info.st_mode) ? "a directory" : "a device or pipe");
        return false;
    }
    writer->temporary = tp__alloc(size);
    if (!writer->temporary) {
        tp__error_memory(op, size);
        return false;
    }
    int fd = writer_create(writer->temporary, size, path);
    if (fd >= 0) writer->file = fdopen(fd, "wb");
    if (writer->file) return true;
    writer_fail(writer, errno);
    if (fd >= 0) {
        close(fd);
        unlink(writer->temporary);
    }
    tp__free(writer->temporary);
    return false;
}

void tp__writer_bytes(tp__writer *writer, const void *data, size_t size) {
    if (writer->failed || size == 0) return;
    if (fwrite(data, 1, size, writer->file) != size) writer_fail(writer, errno);
}

void tp__writer_printf(tp__writer *writer, const char *format, ...) {
    if (writer->failed) return;
    va_list arguments;
    va_start(arguments, format);
    if (vfprintf(writer->file, format, arguments) < 0) writer_fail(writer, errno);
    va_end(arguments);
}

int64_t tp__writer_size(tp__writer *writer) {
    off_t size = writer->failed ? -1 : ftello(writer->file);
    if (size < 0) writer_fail(writer, errno);
    return size;
}

void tp__writer_over(tp__writer *writer, const void *data, size_t size) {
    int64_t end = tp__writer_size(writer);
    if (end < 0) return;
    if (fseeko(writer->file, 0, SEEK_SET) != 0) writer_fail(writer, errno);
    tp__writer_bytes(writer, data, size);
    if (fseeko(writer->file, (off_t)end, SEEK_SET) != 0) writer_fail(writer, errno);
}

void tp__writer_json(tp__writer *writer, const char *text) {
    tp__writer_bytes(writer, "\"", 1);
    for (const char *p = text, *end = p + strlen(text); !writer->failed && p < end;) {
        char escaped[8];
        size_t length, size = tp__json_escape(p, end, &length, escaped);
        if (length > 0) tp__writer_bytes(writer, escaped, size);
        else tp__writer_not_utf8(writer, text);
        p += length;
    }
    tp__writer_bytes(writer, "\"", 1);
}

void tp__writer_not_utf8(tp__writer *writer, const char *text) {
    if (!writer->failed) tp__error(TP_ERR_ARGUMENT, writer->op, "\"%.200s\" is not UTF-8", text);
    writer->failed = true;
}

void tp__writer_no_memory(tp__writer *writer, size_t bytes) {
    if (!writer->failed) tp__error_memory(writer->op, bytes);
    writer->failed = true;
}

void tp__writer_abandon(tp__writer *writer) {
    fclose(writer->file);
    unlink(writer->temporary);
    tp__free(writer->temporary);
}

tp_status tp__writer_close(tp__writer *writer) {
    /* Without fsync() a crash of the machine could leave the new name without its contents. */
    if (!writer->failed && (fflush(writer->file) != 0 || fsync(fileno(writer->file)) != 0))
        writer_fail(writer, errno);
    if (writer->failed) {
        tp__writer_abandon(writer);
        return tp_last_error().code;
    }
    if (fclose(writer->file) != 0 || rename(writer->temporary, writer->path) != 0) {
        writer_fail(writer, errno);
        unlink(writer->temporary);
    }
    tp__free(writer->temporary);
    return writer->failed ? TP_ERR_IO : TP_OK;
}
