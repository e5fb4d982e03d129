/* IDX: 00 00, a byte for the type, a byte for the number of dims, the dims as 32-bit integers, the elements;
 * all of it big-endian. */
#include "taper/io.h"

#include <string.h>

#include "core/scope.h"
#include "core/tensor.h"
#include "io/io.h"

typedef struct idx_type {
    uint8_t code;
    uint8_t size; /* in the file */
    uint8_t dtype;
    const char *name;
} idx_type;

static const idx_type idx_types[] = {
    {0x08, 1, TP_U8, "uint8"},  {0x09, 1, TP_I32, "int8"},    {0x0B, 2, TP_I32, "int16"},
    {0x0C, 4, TP_I32, "int32"}, {0x0D, 4, TP_F32, "float32"}, {0x0E, 8, TP_F64, "float64"},
};

typedef struct idx_header {
    const idx_type *type;
    tp_shape shape;
    int64_t size; /* of the header */
    int64_t numel;
    int64_t bytes; /* of data */
} idx_header;

static uint32_t idx_u32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool idx_read_header(tp__stream *stream, idx_header *h) {
    const tp__file *f = stream->file;
    unsigned char magic[4], dims[4 * TP_MAX_DIMS];
    int64_t got = tp__stream_read(stream, magic, 4);
    if (got < 0) return false;
    if (got < 4) {
        tp__error(TP_ERR_FORMAT, f->op, "%s: truncated: %d bytes are too few for an IDX header", f->path,
                  (int)got);
        return false;
    }
    for (size_t i = 0; i < sizeof idx_types / sizeof idx_types[0]; i++)
        if (idx_types[i].code == magic[2]) h->type = &idx_types[i];
    int ndim = magic[3];
    if (magic[0] || magic[1] || !h->type || ndim == 0) {
        tp__error(TP_ERR_FORMAT, f->op, "%s: is no IDX file: it begins with %02x %02x %02x %02x", f->path,
                  magic[0], magic[1], magic[2], magic[3]);
        return false;
    }
    if (ndim > TP_MAX_DIMS) {
        tp__error(TP_ERR_UNSUPPORTED, f->op, "%s: has %d dims, and tensors have at most %d", f->path, ndim,
                  TP_MAX_DIMS);
        return false;
    }
    got = tp__stream_read(stream, dims, 4 * ndim);
    if (got < 0) return false;
    if (got < 4 * ndim) {
        tp__error(TP_ERR_FORMAT, f->op, "%s: truncated within the sizes of its %d dims", f->path, ndim);
        return false;
    }
    h->size = 4 + 4 * ndim;
    h->shape.ndim = ndim;
    for (int d = 0; d < ndim; d++) h->shape.dims[d] = idx_u32(dims + 4 * d);
    h->numel = tp_shape_numel(h->shape);
    if (h->numel < 0 || __builtin_mul_overflow(h->numel, (int64_t)h->type->size, &h->bytes)) {
        tp__error(TP_ERR_FORMAT, f->op, "%s: the shape %s is absurd", f->path, tp__shape_text(h->shape));
        return false;
    }
    return true;
}

static bool idx_truncated(const tp__file *f, const idx_header *h, int64_t there) {
    tp__error(TP_ERR_FORMAT, f->op, "%s: truncated: %s of %s is %lld bytes of data, the file has %lld",
              f->path, tp__shape_text(h->shape), h->type->name, (long long)h->bytes, (long long)there);
    return false;
}

static bool idx_oversized(const tp__file *f, const idx_header *h) {
    tp__error(TP_ERR_FORMAT, f->op, "%s: oversized: data goes on after the %lld bytes of %s of %s", f->path,
              (long long)h->bytes, tp__shape_text(h->shape), h->type->name);
    return false;
}

/* Is the data that the header speaks of really there? A small gzip file can unpack to a thousand times its
 * size, so when much is claimed it is unpacked once just to see. */
static bool idx_check_size(tp__stream *stream, const idx_header *h) {
    const tp__file *f = stream->file;
    if (!stream->inflater) {
        int64_t there = f->size - h->size;
        if (there < h->bytes) return idx_truncated(f, h, there);
        return there == h->bytes || idx_oversized(f, h);
    }
    if (h->bytes / 8 <= f->size + (1 << 16)) return true;
    int64_t there = tp__stream_read(stream, NULL, h->bytes);
    if (there < 0) return false;
    if (there < h->bytes) return idx_truncated(f, h, there);
    tp__stream_rewind(stream);
    unsigned char header[4 + 4 * TP_MAX_DIMS];
    return tp__stream_read(stream, header, h->size) == h->size;
}

/* Reads the elements into the last bytes of the tensor, and makes of them what they are from the front on. */
static bool idx_read_data(tp__stream *stream, const idx_header *h, tp_tensor *t) {
    const tp__file *f = stream->file;
    size_t item = tp__itemsize((tp_dtype)t->dtype), from = h->type->size;
    char *out = tp__data(t);
    unsigned char *in = (unsigned char *)out + (size_t)h->numel * (item - from), extra;
    int64_t got = tp__stream_read(stream, in, h->bytes);
    if (got < 0) return false;
    if (got < h->bytes) return idx_truncated(f, h, got);
    got = tp__stream_read(stream, &extra, 1);
    if (got != 0) return got > 0 && idx_oversized(f, h);
    if (from == item) {
        if (!TP__BIG_ENDIAN && item > 1) tp__swap_bytes(out, item, h->numel);
        return true;
    }
    for (int64_t i = 0; i < h->numel; i++) {
        int32_t v = from == 1 ? (int8_t)in[i] : (int16_t)((unsigned)in[2 * i] << 8 | in[2 * i + 1]);
        memcpy(out + 4 * i, &v, sizeof v);
    }
    return true;
}

static tp_tensor *idx_read(tp__stream *stream) {
    idx_header h = {0};
    if (!idx_read_header(stream, &h) || !idx_check_size(stream, &h)) return NULL;
    tp_tensor *t = tp__tensor_new(stream->file->op, h.shape, (tp_dtype)h.type->dtype);
    return t && idx_read_data(stream, &h, t) ? t : NULL;
}

tp_tensor *tp__idx_load(const char *op, const char *path) {
    tp_scope *s = tp_scope_begin();
    tp_tensor *t = NULL;
    tp__file file;
    if (s && tp__file_open(&file, op, path)) {
        tp__stream stream;
        if (tp__stream_open(&stream, &file)) t = idx_read(&stream);
        tp__stream_close(&stream);
        tp__file_close(&file);
    }
    return s ? tp_scope_return(s, t) : NULL;
}

tp_tensor *tp_idx_load(const char *path) {
    TP_REQUIRE(path, "idx_load");
    return tp__idx_load("idx_load", path);
}
