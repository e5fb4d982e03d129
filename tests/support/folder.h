/* A folder of a test's own, made before it and removed after it: cmocka_unit_test_setup_teardown(), or a group's. */
#ifndef SUPPORT_FOLDER_H
#define SUPPORT_FOLDER_H

#include <stddef.h>

#include "taper/status.h"

extern char folder[64], path[128]; /* path is that of a file in the folder, which need not be there */

int make_folder(void **state);
int remove_folder(void **state); /* with that file; others must be gone */

void write_file(const void *bytes, size_t size); /* makes the file's contents these */

/* The message that the last call must have left; "@" in `expected` stands for `at`, the path or the folder. */
void assert_message_at(const char *at, tp_status code, const char *expected);

#endif
