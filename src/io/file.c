#include "io/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_READ_MAX (1 << 30) /* Linux and macOS refuse or shorten larger reads */

bool tp__file_open(tp__file *file, const char *op, const char *path) {
    *file = (tp__file){.op = op, .path = path, .fd = -1};
    /* O_NONBLOCK: or opening a pipe that nobody writes to would wait. It means nothing for regular files. */
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (file->fd < 0 || fstat(file->fd, &info) != 0) {
        tp__error(TP_ERR_IO, op, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(info.st_mode)) {
        tp__error(TP_ERR_IO, op, "%s: is %s, not a file", path,
                  S_ISDIR(info.st_mode) ? "a directory" : "a device or pipe");
    } else {
        file->size = info.st_size;
        return true;
    }
    tp__file_close(file);
    return false;
}

void tp__file_close(tp__file *file) {
    if (file->fd >= 0) close(file->fd);
    file->fd = -1;
}

bool tp__file_read(const tp__file *file, int64_t offset, void *out, size_t count) {
    for (size_t done = 0; done < count;) {
        size_t want = count - done < FILE_READ_MAX ? count - done : FILE_READ_MAX;
        ssize_t got = pread(file->fd, (char *)out + done, want, (off_t)(offset + (int64_t)done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            tp__error(TP_ERR_IO, file->op, "%s: %s", file->path, strerror(errno));
            return false;
        }
        if (got == 0) {
            tp__error(TP_ERR_IO, file->op, "%s: became shorter while it was read", file->path);
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

void tp__swap_bytes(void *data, size_t item, int64_t count) {
    unsigned char *p = data;
    for (int64_t i = 0; i < count; i++, p += item)
        for (size_t a = 0, b = item - 1; a < b; a++, b--) {
            unsigned char byte = p[a];
            p[a] = p[b];
            p[b] = byte;
        }
}
