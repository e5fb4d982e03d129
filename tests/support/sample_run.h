/* Running a sample row once, in a stated way: what sample_check.c compares. */
#ifndef SAMPLE_RUN_H
#define SAMPLE_RUN_H

#include "support/sample.h"

/* How an input's (or an output gradient's) elements lie in memory. */
typedef enum sample_layout {
    LAYOUT_PACKED,
    LAYOUT_TRANSPOSED, /* the last dim has the largest step */
    LAYOUT_STRIDED,    /* gaps between neighbours, and an offset */
    LAYOUT_EXPANDED,   /* one dim is stretched from size 1 */
    LAYOUT_REPEATED    /* packed, with the values of LAYOUT_EXPANDED */
} sample_layout;

typedef struct sample_how {
    tp_dtype real;        /* what SAMPLE_FLOAT inputs are */
    sample_layout layout; /* of input `which`, or of all for -1; the others are packed */
    int which;
    bool last_dim;      /* expand the last dim that can be, not the first */
    sample_layout grad; /* of the outputs' gradients; EXPANDED and REPEATED are one value everywhere */
    bool no_grad;       /* values only */
    bool create_graph;  /* take the gradients by the recorded rules */
    bool inplace;       /* call row->inplace */
} sample_how;

typedef struct sample_outcome {
    bool ok;
    char error[512];
    int n_out, n_in;
    dense out[SAMPLE_MAX_OUTPUTS];
    tp_dtype dtype[SAMPLE_MAX_OUTPUTS];
    bool differentiable[SAMPLE_MAX_OUTPUTS];
    dense grad
        [SAMPLE_MAX_INPUTS]; /* of input i as `run` got it; data NULL if it has none. For EXPANDED: of what was expanded */
    int left_behind; /* tensors in the scope besides the results */
} sample_outcome;

/* Number of inputs, absent ones too. */
int sample_input_count(const sample *row);
/* Does the row's input i take part in differentiation (in an F64 run)? */
bool sample_is_differentiable(const sample *row, int i);

/* The values of input i, drawn from a seed that depends on the row's names and i alone. To be freed. */
dense sample_values(const sample *row, int i);
/* The dim that EXPANDED stretches; -1 if there is none. */
int sample_expanded_dim(tp_shape shape, bool last);

/* A tensor of these values in the current scope. EXPANDED needs values that repeat along `dim`; *leaf is then
 * the tensor of size 1 behind it, else the tensor itself. With `grad` the leaf requires grad. */
tp_tensor *sample_tensor(const dense *values, tp_dtype dtype, sample_layout layout, int dim, bool grad,
                         tp_tensor **leaf);

/* The inputs of a row, in the current scope, ready to run. False with a record when one could not be made. */
bool sample_inputs(const sample *row, sample_how how, tp_tensor **in, tp_tensor **leaf);

/* Runs the row and takes the gradient of its differentiable outputs, weighted by fixed random numbers. */
sample_outcome sample_execute(const sample *row, sample_how how);
void sample_outcome_free(sample_outcome *outcome);

#endif
