/* The public headers against the sample table and the golden files: which op has what. From it comes docs/ops.md. */
#ifndef SAMPLES_TABLE_H
#define SAMPLES_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "support/sample.h"

extern const sample_list *const sample_families[];
extern const int sample_family_count;

/* The row number `n` (from 0) of an op, NULL when there are no more. */
const sample *table_row(const char *op, int n);

/* An op's public function, found in a header. */
typedef struct table_op {
    char name[64];      /* without tp_ and, in place, without the _ at its end */
    const char *header; /* "conv" */
    bool inplace;       /* there is tp_<name>_ */
    bool plain;         /* there is tp_<name> */
} table_op;

/* All ops of the headers whose ops must have rows, in the order of their declaration. The list lives as long as the
 * program. */
const table_op *table_ops(int *count);

/* The number of golden cases of an op. */
int table_golden_cases(const char *op);

/* docs/ops.md. */
void table_write(FILE *file);

#endif
