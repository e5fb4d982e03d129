/* Reading and writing files of tensors.
 *
 * Files are taken strictly: what is cut off, too long, corrupt or does not add up is an error and never a
 * guess, and the sizes that a file claims are checked against what is really there before memory is asked
 * for. Messages name the file: "idx_load: digits.idx: truncated: (60000, 28, 28) of uint8 is 47040000 bytes
 * of data, the file has 1000".
 *
 * Errors common to all: TP_ERR_NULL, TP_ERR_IO for a file that cannot be opened or read, or is no regular
 * one; TP_ERR_FORMAT for malformed contents; TP_ERR_UNSUPPORTED for contents that are in order but cannot be
 * held; TP_ERR_MEMORY. */
#ifndef TAPER_IO_H
#define TAPER_IO_H

#include "taper/base.h"
#include "taper/module.h"
#include "taper/status.h"

TP_BEGIN_DECLS

/* IDX, the format of MNIST. */

/* The tensor in an IDX file, of 1 to 8 dims, plain or compressed by gzip (whatever its name is), in the
 * current scope. Unsigned bytes give U8, 32-bit integers I32, floats F32, doubles F64; signed bytes and
 * 16-bit integers give I32. Errors: TP_ERR_UNSUPPORTED also for a compressed file when the library was built
 * without zlib. Source: the format is described at the end of http://yann.lecun.com/exdb/mnist/. */
TP_API tp_tensor *tp_idx_load(const char *path);

/* Safetensors: named tensors in one file. */

typedef struct tp_safetensors tp_safetensors;

/* Opens a file and reads and checks its header; tensors are read when they are asked for. To be closed with
 * tp_safetensors_close(); several threads may read from one. The header has at most 100 MB and holds, for
 * every tensor, dtype, shape and data_offsets and nothing else; the tensors' bytes cover the data without gap
 * or overlap and match their dtypes and shapes; names are valid UTF-8 without a NUL, and no name is given
 * twice. Errors: TP_ERR_UNSUPPORTED also for a tensor of more than 8 dims or of a dtype of unknown size.
 * Source: https://github.com/huggingface/safetensors. */
TP_API tp_safetensors *tp_safetensors_open(const char *path);
TP_API void tp_safetensors_close(tp_safetensors *file); /* NULL does nothing */

/* The number of tensors, -1 after an error, and their names, in the order of the header: valid until the file
 * is closed. Errors: TP_ERR_INDEX. */
TP_API int tp_safetensors_count(const tp_safetensors *file);
TP_API const char *tp_safetensors_name(const tp_safetensors *file, int i);

/* Is there a tensor of that name? False after an error. */
TP_API bool tp_safetensors_has(const tp_safetensors *file, const char *name);

/* A copy of the tensor of that name, in the current scope. F32, F64, I64, I32, U8 and BOOL keep their dtype.
 * Errors: TP_ERR_ARGUMENT if there is none; TP_ERR_UNSUPPORTED for another dtype, such as BF16; TP_ERR_FORMAT
 * for a BOOL that is neither 0 nor 1. */
TP_API tp_tensor *tp_safetensors_get(const tp_safetensors *file, const char *name);

/* The text that the file's metadata has under `key`; NULL, without an error, if there is none. And the number
 * of keys (-1 after an error) and the keys themselves, sorted. Strings are valid until the file is closed.
 * Errors: TP_ERR_INDEX. */
TP_API const char *tp_safetensors_metadata(const tp_safetensors *file, const char *key);
TP_API int tp_safetensors_metadata_count(const tp_safetensors *file);
TP_API const char *tp_safetensors_metadata_key(const tp_safetensors *file, int i);

/* Texts and their names. */
typedef struct tp_named_text {
    const char *name, *text;
} tp_named_text;

typedef struct tp_named_texts {
    int count;
    const tp_named_text *items;
} tp_named_texts;

/* Writes tensors and metadata (or {0}) to a file. It appears under its name when all of it is on the disk; until then,
 * and after a failure, what was there before stays. Errors: TP_ERR_ARGUMENT for a name given twice, "__metadata__",
 * or text that is not UTF-8; TP_ERR_IO; TP_ERR_MEMORY. */
TP_API tp_status tp_safetensors_save(const char *path, tp_named_tensors tensors, tp_named_texts metadata);

/* tp_module_state() of a module to a file, and from one, by tp_module_load_state(): PyTorch reads and writes the same by
 * safetensors.torch.save_file(net.state_dict(), path). Errors: those of the functions named here. */
TP_API tp_status tp_module_save(const tp_module *m, const char *path);
TP_API tp_status tp_module_load(tp_module *m, const char *path, tp_load_options options);

TP_END_DECLS

#endif
