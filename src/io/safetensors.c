/* Safetensors: a 64-bit little-endian number, that many bytes of JSON, the tensors' bytes. The JSON is
 *     {"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
 * with offsets counted from the end of the JSON. */
#include "taper/io.h"

#include <stdlib.h>
#include <string.h>

#include "core/scope.h"
#include "core/tensor.h"
#include "io/io.h"
#include "io/json.h"

#define ST_HEADER_MAX 100000000

typedef struct st_dtype {
    const char *name;
    uint8_t size;
    int8_t dtype; /* -1: known, but not one of ours */
} st_dtype;

static const st_dtype st_dtypes[] = {
    {"F32", 4, TP_F32}, {"F64", 8, TP_F64},   {"I64", 8, TP_I64}, {"I32", 4, TP_I32},
    {"U8", 1, TP_U8},   {"BOOL", 1, TP_BOOL}, {"F16", 2, -1},     {"BF16", 2, -1},
    {"I16", 2, -1},     {"U16", 2, -1},       {"U32", 4, -1},     {"U64", 8, -1},
    {"I8", 1, -1},      {"F8_E4M3", 1, -1},   {"F8_E5M2", 1, -1}, {"C64", 8, -1},
};

typedef struct st_entry {
    const char *name;
    const st_dtype *dtype;
    tp_shape shape;
    int64_t begin, end; /* bytes, from the start of the data */
} st_entry;

typedef struct st_pair {
    const char *key, *text;
} st_pair;

/* A growing array. */
typedef struct st_list {
    void *items;
    int count, capacity;
} st_list;

struct tp_safetensors {
    tp__file file;
    char *path, *header; /* names and texts lie in the header */
    int64_t data;        /* where it begins in the file */
    st_list entries;     /* of st_entry, as in the header */
    st_list pairs;       /* of st_pair, sorted */
    st_entry **by_name;
};

static st_entry *st_entries(const tp_safetensors *st) { return st->entries.items; }
static st_pair *st_pairs(const tp_safetensors *st) { return st->pairs.items; }

static bool st_fail(const tp_safetensors *st, tp_status code, const char *name, const char *what) {
    tp__error(code, st->file.op, "%s: tensor \"%.200s\": %s", st->file.path, name, what);
    return false;
}

static bool st_memory(const tp_safetensors *st, size_t bytes) {
    tp__error_memory(st->file.op, bytes);
    return false;
}

/* ---- the header's text ------------------------------------------------------------------------------- */

/* Room for one more item, zeroed; NULL with a record. */
static void *st_append(const tp_safetensors *st, st_list *list, size_t item) {
    if (list->count == list->capacity) {
        int capacity = list->capacity ? 2 * list->capacity : 16;
        void *items = tp__realloc(list->items, (size_t)capacity * item);
        if (!items) {
            st_memory(st, (size_t)capacity * item);
            return NULL;
        }
        list->items = items;
        list->capacity = capacity;
    }
    return memset((char *)list->items + (size_t)list->count++ * item, 0, item);
}

static bool st_parse_metadata(tp_safetensors *st, tp__json *json) {
    if (!tp__json_open(json, '{')) return false;
    for (bool first = true; tp__json_next(json, '}', &first);) {
        st_pair *pair = st_append(st, &st->pairs, sizeof *pair);
        if (!pair) return false;
        pair->key = tp__json_key(json);
        pair->text = pair->key ? tp__json_string(json) : NULL;
    }
    return !json->error;
}

static bool st_parse_shape(tp_safetensors *st, tp__json *json, st_entry *entry) {
    if (!tp__json_open(json, '[')) return false;
    for (bool first = true; tp__json_next(json, ']', &first);) {
        if (entry->shape.ndim == TP_MAX_DIMS)
            return st_fail(st, TP_ERR_UNSUPPORTED, entry->name, "has more than 8 dims");
        if (!tp__json_natural(json, &entry->shape.dims[entry->shape.ndim++])) return false;
    }
    return !json->error;
}

static bool st_parse_offsets(tp__json *json, st_entry *entry) {
    bool first = true;
    return tp__json_open(json, '[') && tp__json_next(json, ']', &first) &&
           tp__json_natural(json, &entry->begin) && tp__json_next(json, ']', &first) &&
           tp__json_natural(json, &entry->end) &&
           (!tp__json_next(json, ']', &first) || tp__json_fail(json, "more than two data_offsets")) &&
           !json->error;
}

static bool st_parse_dtype(tp_safetensors *st, tp__json *json, st_entry *entry) {
    const char *name = tp__json_string(json);
    if (!name) return false;
    for (size_t i = 0; i < sizeof st_dtypes / sizeof st_dtypes[0]; i++)
        if (strcmp(st_dtypes[i].name, name) == 0) entry->dtype = &st_dtypes[i];
    if (entry->dtype) return true;
    tp__error(TP_ERR_UNSUPPORTED, st->file.op, "%s: tensor \"%.200s\" has the unknown dtype \"%.40s\"",
              st->file.path, entry->name, name);
    return false;
}

/* A tensor's object. False after a failure, of which the record or json->error tells. */
static bool st_parse_entry(tp_safetensors *st, tp__json *json, st_entry *entry) {
    bool dtype = false, shape = false, offsets = false;
    if (!tp__json_open(json, '{')) return false;
    for (bool first = true; tp__json_next(json, '}', &first);) {
        char *at = json->p;
        const char *key = tp__json_key(json);
        if (!key) return false;
        bool *seen = !strcmp(key, "dtype") ? &dtype : !strcmp(key, "shape") ? &shape : &offsets;
        if (*seen || (seen == &offsets && strcmp(key, "data_offsets") != 0)) {
            json->p = at;
            return tp__json_fail(json, *seen ? "a key given twice" : "expected dtype, shape or data_offsets");
        }
        *seen = true;
        if (!(seen == &dtype   ? st_parse_dtype(st, json, entry)
              : seen == &shape ? st_parse_shape(st, json, entry)
                               : st_parse_offsets(json, entry)))
            return false;
    }
    if (json->error) return false;
    if (!dtype || !shape || !offsets)
        return st_fail(st, TP_ERR_FORMAT, entry->name, "needs dtype, shape and data_offsets");
    return true;
}

static bool st_parse_members(tp_safetensors *st, tp__json *json) {
    bool metadata = false;
    if (!tp__json_open(json, '{')) return false;
    for (bool first = true; tp__json_next(json, '}', &first);) {
        const char *name = tp__json_key(json);
        if (!name) return false;
        if (strcmp(name, "__metadata__") == 0) {
            if (metadata) return tp__json_fail(json, "a second __metadata__");
            metadata = true;
            if (!st_parse_metadata(st, json)) return false;
        } else {
            st_entry *entry = st_append(st, &st->entries, sizeof *entry);
            if (!entry) return false;
            entry->name = name;
            if (!st_parse_entry(st, json, entry)) return false;
        }
    }
    return tp__json_end(json);
}

/* ---- what it says ------------------------------------------------------------------------------------ */

static int st_compare_pairs(const void *a, const void *b) {
    return strcmp(((const st_pair *)a)->key, ((const st_pair *)b)->key);
}

static int st_compare_names(const void *a, const void *b) {
    return strcmp((*(st_entry *const *)a)->name, (*(st_entry *const *)b)->name);
}

static int st_compare_offsets(const void *a, const void *b) {
    const st_entry *x = *(st_entry *const *)a, *y = *(st_entry *const *)b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static bool st_check_bytes(const tp_safetensors *st, const st_entry *entry) {
    int64_t numel = tp_shape_numel(entry->shape), bytes;
    if (numel < 0 || __builtin_mul_overflow(numel, (int64_t)entry->dtype->size, &bytes))
        return st_fail(st, TP_ERR_FORMAT, entry->name, "its shape is absurd");
    if (entry->begin > entry->end || entry->end - entry->begin != bytes) {
        tp__error(TP_ERR_FORMAT, st->file.op,
                  "%s: tensor \"%.200s\": %s of %s is %lld bytes, its data_offsets are [%lld, %lld]",
                  st->file.path, entry->name, tp__shape_text(entry->shape), entry->dtype->name,
                  (long long)bytes, (long long)entry->begin, (long long)entry->end);
        return false;
    }
    return true;
}

/* Do the tensors, in the order of their offsets, cover the data? */
static bool st_check_cover(const tp_safetensors *st, st_entry *const *sorted) {
    int64_t size = st->file.size - st->data, at = 0;
    for (int i = 0; i < st->entries.count; i++) {
        const st_entry *e = sorted[i];
        if (e->end > size)
            return st_fail(st, TP_ERR_FORMAT, e->name, "truncated: its data ends after the file");
        if (e->begin < at) return st_fail(st, TP_ERR_FORMAT, e->name, "its data overlaps another tensor's");
        if (e->begin > at) return st_fail(st, TP_ERR_FORMAT, e->name, "unused bytes lie before its data");
        at = e->end;
    }
    if (at == size) return true;
    tp__error(TP_ERR_FORMAT, st->file.op, "%s: oversized: %lld bytes follow the last tensor", st->file.path,
              (long long)(size - at));
    return false;
}

static bool st_check(tp_safetensors *st) {
    int n = st->entries.count;
    st->by_name = tp__alloc((size_t)(n ? n : 1) * sizeof *st->by_name);
    if (!st->by_name) return st_memory(st, (size_t)n * sizeof *st->by_name);
    for (int i = 0; i < n; i++) {
        st->by_name[i] = &st_entries(st)[i];
        if (!st_check_bytes(st, st->by_name[i])) return false;
    }
    qsort(st->by_name, (size_t)n, sizeof *st->by_name, st_compare_offsets);
    if (!st_check_cover(st, st->by_name)) return false;
    qsort(st->by_name, (size_t)n, sizeof *st->by_name, st_compare_names);
    for (int i = 1; i < n; i++)
        if (st_compare_names(&st->by_name[i - 1], &st->by_name[i]) == 0)
            return st_fail(st, TP_ERR_FORMAT, st->by_name[i]->name, "is there twice");
    if (st->pairs.count > 0)
        qsort(st->pairs.items, (size_t)st->pairs.count, sizeof(st_pair), st_compare_pairs);
    for (int i = 1; i < st->pairs.count; i++)
        if (st_compare_pairs(&st_pairs(st)[i - 1], &st_pairs(st)[i]) == 0) {
            tp__error(TP_ERR_FORMAT, st->file.op, "%s: metadata \"%.200s\" is there twice", st->file.path,
                      st_pairs(st)[i].key);
            return false;
        }
    return true;
}

/* ---- opening and closing ----------------------------------------------------------------------------- */

static bool st_read_header(tp_safetensors *st) {
    const tp__file *f = &st->file;
    unsigned char number[8];
    if (f->size < 8) {
        tp__error(TP_ERR_FORMAT, f->op, "%s: truncated: %lld bytes are too few for a safetensors file",
                  f->path, (long long)f->size);
        return false;
    }
    if (!tp__file_read(f, 0, number, 8)) return false;
    uint64_t size = 0;
    for (int i = 7; i >= 0; i--) size = size << 8 | number[i];
    if (size > ST_HEADER_MAX || (int64_t)size > f->size - 8) {
        tp__error(TP_ERR_FORMAT, f->op, "%s: its header would have %llu bytes: %s", f->path,
                  (unsigned long long)size,
                  size > ST_HEADER_MAX ? "no safetensors file, or over the limit of 100 MB" : "truncated");
        return false;
    }
    st->data = 8 + (int64_t)size;
    st->header = tp__alloc((size_t)size + 1);
    if (!st->header) return st_memory(st, (size_t)size + 1);
    if (!tp__file_read(f, 8, st->header, (size_t)size)) return false;
    tp__json json;
    tp__json_start(&json, st->header, (size_t)size);
    if (size > 0 && *st->header != '{')
        tp__json_fail(&json, "expected '{'"); /* the format allows no blanks here */
    if (st_parse_members(st, &json)) return true;
    if (json.error)
        tp__error(TP_ERR_FORMAT, f->op, "%s: byte %lld of the header: %s", f->path,
                  (long long)(json.p - json.begin), json.error);
    return false;
}

tp_safetensors *tp_safetensors_open(const char *path) {
    const char *op = "safetensors_open";
    TP_REQUIRE(path, "safetensors_open");
    tp_safetensors *st = tp__alloc_zero(sizeof *st);
    if (st) {
        tp__count(&tp__self()->counters.objects, 1);
        st->file.fd = -1;
        st->path = tp__strdup(path);
    }
    if (!st || !st->path) tp__error_memory(op, sizeof *st + strlen(path));
    else if (tp__file_open(&st->file, op, st->path) && st_read_header(st) && st_check(st)) return st;
    tp_safetensors_close(st);
    return NULL;
}

void tp_safetensors_close(tp_safetensors *file) {
    if (!file) return;
    tp__file_close(&file->file);
    tp__free(file->by_name);
    tp__free(file->entries.items);
    tp__free(file->pairs.items);
    tp__free(file->header);
    tp__free(file->path);
    tp__free(file);
    tp__count(&tp__self()->counters.objects, -1);
}

/* ---- asking ------------------------------------------------------------------------------------------ */

int tp_safetensors_count(const tp_safetensors *file) {
    if (file) return file->entries.count;
    tp__error_null("safetensors_count", "file");
    return -1;
}

static bool st_index(const char *op, const tp_safetensors *st, int i, int count, const char *what) {
    if (i >= 0 && i < count) return true;
    tp__error(TP_ERR_INDEX, op, "%s: index %d is out of range for %d %s", st->file.path, i, count, what);
    return false;
}

const char *tp_safetensors_name(const tp_safetensors *file, int i) {
    TP_REQUIRE(file, "safetensors_name");
    return st_index("safetensors_name", file, i, file->entries.count, "tensors") ? st_entries(file)[i].name
                                                                                 : NULL;
}

static const st_entry *st_find(const tp_safetensors *st, const char *name) {
    st_entry key = {.name = name}, *p = &key;
    st_entry **found =
        bsearch(&p, st->by_name, (size_t)st->entries.count, sizeof *st->by_name, st_compare_names);
    return found ? *found : NULL;
}

bool tp_safetensors_has(const tp_safetensors *file, const char *name) {
    if (file && name) return st_find(file, name) != NULL;
    tp__error_null("safetensors_has", file ? "name" : "file");
    return false;
}

/* Reads an entry's bytes into the tensor. */
static bool st_read_data(const tp_safetensors *st, const st_entry *entry, tp_tensor *t) {
    tp__file file = st->file;
    file.op = "safetensors_get";
    char *out = tp__data(t);
    if (!tp__file_read(&file, st->data + entry->begin, out, (size_t)(entry->end - entry->begin)))
        return false;
    if (t->dtype == TP_BOOL)
        for (int64_t i = 0; i < t->numel; i++)
            if ((unsigned char)out[i] > 1) {
                tp__error(TP_ERR_FORMAT, file.op, "%s: tensor \"%.200s\": element %lld of BOOL is %d",
                          file.path, entry->name, (long long)i, (unsigned char)out[i]);
                return false;
            }
    if (TP__BIG_ENDIAN && entry->dtype->size > 1) tp__swap_bytes(out, entry->dtype->size, t->numel);
    return true;
}

tp_tensor *tp_safetensors_get(const tp_safetensors *file, const char *name) {
    const char *op = "safetensors_get";
    TP_REQUIRE(file, "safetensors_get");
    TP_REQUIRE(name, "safetensors_get");
    const st_entry *entry = st_find(file, name);
    if (!entry) TP_FAIL(TP_ERR_ARGUMENT, op, "%s: holds no tensor \"%.200s\"", file->path, name);
    if (entry->dtype->dtype < 0)
        TP_FAIL(TP_ERR_UNSUPPORTED, op, "%s: tensor \"%.200s\" has dtype %s", file->path, name,
                entry->dtype->name);
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *t = tp__tensor_new(op, entry->shape, (tp_dtype)entry->dtype->dtype);
    return tp_scope_return(s, t && st_read_data(file, entry, t) ? t : NULL);
}

const char *tp_safetensors_metadata(const tp_safetensors *file, const char *key) {
    TP_REQUIRE(file, "safetensors_metadata");
    TP_REQUIRE(key, "safetensors_metadata");
    if (file->pairs.count == 0) return NULL;
    st_pair wanted = {.key = key};
    const st_pair *found =
        bsearch(&wanted, file->pairs.items, (size_t)file->pairs.count, sizeof wanted, st_compare_pairs);
    return found ? found->text : NULL;
}

int tp_safetensors_metadata_count(const tp_safetensors *file) {
    if (file) return file->pairs.count;
    tp__error_null("safetensors_metadata_count", "file");
    return -1;
}

const char *tp_safetensors_metadata_key(const tp_safetensors *file, int i) {
    TP_REQUIRE(file, "safetensors_metadata_key");
    return st_index("safetensors_metadata_key", file, i, file->pairs.count, "keys") ? st_pairs(file)[i].key
                                                                                    : NULL;
}
