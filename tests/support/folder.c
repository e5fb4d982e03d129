#include "folder.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

char folder[64], path[128];

int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/taper-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

int remove_folder(void **state) {
    (void)state;
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

void write_file(const void *bytes, size_t size) {
    unlink(path); /* some file systems wait for the disk when a file is overwritten */
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

void assert_message_at(const char *at, tp_status code, const char *expected) {
    char text[1024], *out = text;
    for (const char *p = expected; *p; p++) {
        if (*p == '@') out += sprintf(out, "%s", at);
        else *out++ = *p;
    }
    *out = '\0';
    assert_error(code, text);
}
