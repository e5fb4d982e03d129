/* Reading files: IDX, plain and compressed, and safetensors. What is not in order must be refused, with the
 * exact message, and leave nothing behind. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "core/alloc.h"
#include "folder.h"

#if defined(TP_HAVE_ZLIB)
#include <zlib.h>
#endif

#define assert_message(code, expected) assert_message_at(path, code, expected)

/* ---- IDX --------------------------------------------------------------------------------------------- */

static const struct {
    const char *bytes;
    size_t size;
    tp_dtype dtype;
    double values[3];
} idx_good[] = {
    {"\0\0\x08\1\0\0\0\3\0\x7f\xff", 11, TP_U8, {0, 127, 255}},
    {"\0\0\x09\1\0\0\0\3\0\x7f\x80", 11, TP_I32, {0, 127, -128}},
    {"\0\0\x0b\1\0\0\0\3\1\2\x7f\xff\x80\0", 14, TP_I32, {258, 32767, -32768}},
    {"\0\0\x0c\1\0\0\0\3\0\1\0\2\x7f\xff\xff\xff\xff\xff\xff\xfe", 20, TP_I32, {65538, 2147483647, -2}},
    {"\0\0\x0d\1\0\0\0\3\x3f\x80\0\0\xc0\x20\0\0\0\0\0\1", 20, TP_F32, {1, -2.5, 0x1p-149}},
    {"\0\0\x0e\1\0\0\0\3\x3f\xf0\0\0\0\0\0\0\xc0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\1",
     32,
     TP_F64,
     {1, -2.5, 0x1p-1074}},
};

static void assert_idx_good(size_t i) {
    tp_tensor *t = tp_idx_load(path);
    assert_non_null(t);
    assert_int_equal(tp_tensor_dtype(t), idx_good[i].dtype);
    assert_true(tp_shape_equal(tp_tensor_shape(t), TP_SHAPE(3)));
    for (int k = 0; k < 3; k++) assert_true(tp_tensor_at(t, TP_SHAPE(k)) == idx_good[i].values[k]);
}

static void test_idx_types(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof idx_good / sizeof idx_good[0]; i++) {
        write_file(idx_good[i].bytes, idx_good[i].size);
        assert_idx_good(i);
    }
    write_file("\0\0\x08\2\0\0\0\2\0\0\0\3\1\2\3\4\5\6", 18);
    tp_tensor *t = tp_idx_load(path);
    assert_true(tp_shape_equal(tp_tensor_shape(t), TP_SHAPE(2, 3)));
    assert_true(tp_tensor_at(t, TP_SHAPE(1, 0)) == 4);
    write_file("\0\0\x0b\2\0\0\0\0\0\0\0\3", 12);
    t = tp_idx_load(path);
    assert_true(tp_shape_equal(tp_tensor_shape(t), TP_SHAPE(0, 3)));
}

typedef struct bad_file {
    const char *bytes;
    size_t size;
    tp_status code;
    const char *message;
} bad_file;

/* The bytes of a literal, without its 0. */
#define BYTES(s) s, sizeof(s) - 1

static const bad_file idx_bad[] = {
    {BYTES(""), TP_ERR_FORMAT, "idx_load: @: truncated: 0 bytes are too few for an IDX header"},
    {BYTES("\0\0\x08"), TP_ERR_FORMAT, "idx_load: @: truncated: 3 bytes are too few for an IDX header"},
    {BYTES("\x89PNG\r\n"), TP_ERR_FORMAT, "idx_load: @: is no IDX file: it begins with 89 50 4e 47"},
    {BYTES("\0\0\x07\1\0\0\0\0"), TP_ERR_FORMAT, "idx_load: @: is no IDX file: it begins with 00 00 07 01"},
    {BYTES("\0\0\x08\0\1"), TP_ERR_FORMAT, "idx_load: @: is no IDX file: it begins with 00 00 08 00"},
    {BYTES("\0\0\x08\x09"), TP_ERR_UNSUPPORTED, "idx_load: @: has 9 dims, and tensors have at most 8"},
    {BYTES("\0\0\x08\2\0\0\0\2\0\0"), TP_ERR_FORMAT, "idx_load: @: truncated within the sizes of its 2 dims"},
    {BYTES("\0\0\x08\1\0\0\0\4abc"), TP_ERR_FORMAT,
     "idx_load: @: truncated: (4,) of uint8 is 4 bytes of data, the file has 3"},
    {BYTES("\0\0\x08\1\0\0\0\2abc"), TP_ERR_FORMAT,
     "idx_load: @: oversized: data goes on after the 2 bytes of (2,) of uint8"},
    {BYTES("\0\0\x0e\1\0\0\0\2abcdefgh"), TP_ERR_FORMAT,
     "idx_load: @: truncated: (2,) of float64 is 16 bytes of data, the file has 8"},
    {BYTES("\0\0\x08\1\xff\xff\xff\xff"), TP_ERR_FORMAT,
     "idx_load: @: truncated: (4294967295,) of uint8 is 4294967295 bytes of data, the file has 0"},
    {BYTES("\0\0\x08\2\xff\xff\xff\xff\xff\xff\xff\xff"), TP_ERR_FORMAT,
     "idx_load: @: the shape (4294967295, 4294967295) is absurd"},
    {BYTES("\0\0\x0e\2\x7f\xff\xff\xff\x7f\xff\xff\xff"), TP_ERR_FORMAT,
     "idx_load: @: the shape (2147483647, 2147483647) is absurd"},
};

static void assert_idx_bad(const bad_file *bad) {
    tp_memory_info info = tp_memory_stats();
    assert_null(tp_idx_load(path));
    assert_message(bad->code, bad->message);
    assert_int_equal(tp_memory_stats().live_tensors, info.live_tensors);
}

static void test_idx_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof idx_bad / sizeof idx_bad[0]; i++) {
        write_file(idx_bad[i].bytes, idx_bad[i].size);
        assert_idx_bad(&idx_bad[i]);
    }
}

static void test_unreadable(void **state) {
    (void)state;
    char file[sizeof path];
    memcpy(file, path, sizeof file);
    unlink(path);
    assert_null(tp_idx_load(path));
    assert_message(TP_ERR_IO, "idx_load: @: No such file or directory");
    assert_null(tp_safetensors_open(path));
    assert_message(TP_ERR_IO, "safetensors_open: @: No such file or directory");
    strcpy(path, folder);
    assert_null(tp_idx_load(path));
    assert_message(TP_ERR_IO, "idx_load: @: is a directory, not a file");
    strcpy(path, "/dev/null");
    assert_null(tp_idx_load(path));
    assert_message(TP_ERR_IO, "idx_load: @: is a device or pipe, not a file");
    memcpy(path, file, sizeof file);
    assert_int_equal(mkfifo(path, 0600), 0); /* must not wait for a writer */
    assert_null(tp_idx_load(path));
    assert_message(TP_ERR_IO, "idx_load: @: is a device or pipe, not a file");
    unlink(path);
    if (geteuid() != 0) { /* root may read anything */
        write_file("", 0);
        chmod(path, 0);
        assert_null(tp_idx_load(path));
        assert_message(TP_ERR_IO, "idx_load: @: Permission denied");
        unlink(path);
    }
    assert_null(tp_idx_load(NULL));
    assert_message(TP_ERR_NULL, "idx_load: argument path is NULL");
}

/* ---- compressed -------------------------------------------------------------------------------------- */

#if defined(TP_HAVE_ZLIB)

/* Compresses into `out`, which has room. */
static size_t pack(const void *bytes, size_t size, unsigned char *out, size_t room) {
    z_stream z = {.next_in = (void *)(uintptr_t)bytes,
                  .avail_in = (uInt)size,
                  .next_out = out,
                  .avail_out = (uInt)room};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static void test_gzip(void **state) {
    (void)state;
    unsigned char packed[512];
    for (size_t i = 0; i < sizeof idx_good / sizeof idx_good[0]; i++) {
        write_file(packed, pack(idx_good[i].bytes, idx_good[i].size, packed, sizeof packed));
        assert_idx_good(i);
        /* In three members, one of them empty. */
        size_t n = pack(idx_good[i].bytes, 5, packed, sizeof packed);
        n += pack("", 0, packed + n, sizeof packed - n);
        n += pack(idx_good[i].bytes + 5, idx_good[i].size - 5, packed + n, sizeof packed - n);
        write_file(packed, n);
        assert_idx_good(i);
    }
    for (size_t i = 0; i < sizeof idx_bad / sizeof idx_bad[0]; i++) {
        write_file(packed, pack(idx_bad[i].bytes, idx_bad[i].size, packed, sizeof packed));
        assert_idx_bad(&idx_bad[i]);
    }
}

static void test_gzip_bad(void **state) {
    (void)state;
    unsigned char packed[512];
    size_t n = pack(idx_good[0].bytes, idx_good[0].size, packed, sizeof packed - 3);
    memcpy(packed + n, "abc", 3);
    write_file(packed, n + 3);
    assert_null(tp_idx_load(path));
    assert_message(TP_ERR_FORMAT, "idx_load: @: oversized: 3 bytes follow the gzip data");
    for (size_t size = 2; size < n; size++) { /* cut off anywhere */
        write_file(packed, size);
        assert_null(tp_idx_load(path));
        assert_message(TP_ERR_FORMAT, "idx_load: @: truncated: the gzip data is cut off");
    }
    packed[n - 8] ^= 1;
    write_file(packed, n);
    assert_null(tp_idx_load(path));
    assert_message(TP_ERR_FORMAT, "idx_load: @: corrupt gzip data: incorrect data check");
    packed[n - 8] ^= 1;
    packed[n - 1] ^= 1;
    write_file(packed, n);
    assert_null(tp_idx_load(path));
    assert_message(TP_ERR_FORMAT, "idx_load: @: corrupt gzip data: incorrect length check");
    packed[2] = 7;
    write_file(packed, n);
    assert_null(tp_idx_load(path));
    assert_message(TP_ERR_FORMAT, "idx_load: @: corrupt gzip data: unknown compression method");
}

/* What packs a thousandfold is read, and a header that only claims to be large allocates nothing. */
static void test_gzip_claims(void **state) {
    (void)state;
    enum { SIZE = 8 << 20 };
    unsigned char *data = calloc(1, 8 + SIZE), *packed = malloc(SIZE);
    assert_true(data && packed);
    memcpy(data, "\0\0\x08\1\0\x80\0\0", 8);
    write_file(packed, pack(data, 8 + SIZE, packed, SIZE));
    tp_tensor *t = tp_idx_load(path);
    assert_non_null(t);
    assert_int_equal(tp_tensor_numel(t), SIZE);
    tp_memory_reset_peak();
    size_t in_use = tp_memory_stats().in_use;
    memcpy(data, "\0\0\x08\1\x40\0\0\0", 8); /* a gigabyte */
    write_file(packed, pack(data, 8 + SIZE, packed, SIZE));
    assert_null(tp_idx_load(path));
    assert_message(
        TP_ERR_FORMAT,
        "idx_load: @: truncated: (1073741824,) of uint8 is 1073741824 bytes of data, the file has 8388608");
    assert_true(tp_memory_stats().peak < in_use + SIZE);
    free(data);
    free(packed);
}

#else

static void test_no_zlib(void **state) {
    (void)state;
    write_file("\x1f\x8b\x08\0\0\0\0\0", 8);
    assert_null(tp_idx_load(path));
    assert_message(TP_ERR_UNSUPPORTED,
                   "idx_load: @: is compressed by gzip, and this library was built without zlib");
}

#endif

/* ---- safetensors ------------------------------------------------------------------------------------- */

static size_t st_bytes(unsigned char *out, const char *header, const void *data, size_t size) {
    size_t n = strlen(header);
    for (int i = 0; i < 8; i++) out[i] = (unsigned char)((uint64_t)n >> 8 * i);
    memcpy(out + 8, header, n);
    memcpy(out + 8 + n, data, size);
    return 8 + n + size;
}

static void write_safetensors(const char *header, const void *data, size_t size) {
    unsigned char bytes[4096];
    write_file(bytes, st_bytes(bytes, header, data, size));
}

static const char st_header[] =
    "{\"__metadata__\":{\"b\":\"two\",\"a\":\"\\u00e9\\ud83d\\ude00\\n\"},"
    "\"f64\" : {\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[30,38]},"
    "\"f32\":{\"shape\":[1,2],\"data_offsets\":[0,8],\"dtype\":\"F32\"},"
    "\"i64\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[8,16]},"
    "\"i32\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[16,24]},"
    "\"u8\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[24,26]},"
    "\"bool\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[26,28]},"
    "\"empty\":{\"dtype\":\"F32\",\"shape\":[3,0],\"data_offsets\":[28,28]},"
    "\"\xc3\xa9.\\\"x\\\"\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[28,30]}}   ";
static const char st_data[] = "\0\0\x80\x3f\0\0\x20\xc0" /* 1, -2.5 */
                              "\xfe\xff\xff\xff\xff\xff\xff\xff"
                              "\1\0\0\0\0\0\0\x80"
                              "\7\xff"
                              "\1\0"
                              "\0\0"
                              "\0\0\0\0\0\0\xf0\x3f";

static void assert_elements(tp_tensor *t, tp_dtype dtype, tp_shape shape, const double *values) {
    assert_non_null(t);
    assert_int_equal(tp_tensor_dtype(t), dtype);
    assert_true(tp_shape_equal(tp_tensor_shape(t), shape));
    double got[8];
    assert_int_equal(tp_tensor_copy_out_f64(t, got, tp_tensor_numel(t)), TP_OK);
    for (int64_t i = 0; i < tp_tensor_numel(t); i++) assert_true(got[i] == values[i]);
}

static void test_safetensors(void **state) {
    (void)state;
    write_safetensors(st_header, st_data, sizeof st_data - 1);
    tp_safetensors *f = tp_safetensors_open(path);
    assert_non_null(f);
    assert_int_equal(tp_safetensors_count(f), 8);
    assert_string_equal(tp_safetensors_name(f, 0), "f64");
    assert_string_equal(tp_safetensors_name(f, 7), "\xc3\xa9.\"x\"");
    assert_elements(tp_safetensors_get(f, "f32"), TP_F32, TP_SHAPE(1, 2), (double[]){1, -2.5});
    assert_elements(tp_safetensors_get(f, "f64"), TP_F64, TP_SCALAR_SHAPE, (double[]){1});
    assert_elements(tp_safetensors_get(f, "i64"), TP_I64, TP_SHAPE(1), (double[]){-2});
    assert_elements(tp_safetensors_get(f, "i32"), TP_I32, TP_SHAPE(2), (double[]){1, -2147483648.0});
    assert_elements(tp_safetensors_get(f, "u8"), TP_U8, TP_SHAPE(2), (double[]){7, 255});
    assert_elements(tp_safetensors_get(f, "bool"), TP_BOOL, TP_SHAPE(2), (double[]){1, 0});
    assert_elements(tp_safetensors_get(f, "empty"), TP_F32, TP_SHAPE(3, 0), NULL);
    assert_true(tp_safetensors_has(f, "u8"));
    assert_false(tp_safetensors_has(f, "u"));

    assert_int_equal(tp_safetensors_metadata_count(f), 2);
    assert_string_equal(tp_safetensors_metadata_key(f, 0), "a");
    assert_string_equal(tp_safetensors_metadata(f, "a"), "\xc3\xa9\xf0\x9f\x98\x80\n");
    assert_string_equal(tp_safetensors_metadata(f, "b"), "two");
    assert_null(tp_safetensors_metadata(f, "c"));
    assert_int_equal(tp_last_error().code, TP_OK);

    assert_null(tp_safetensors_get(f, "w"));
    assert_message(TP_ERR_ARGUMENT, "safetensors_get: @: holds no tensor \"w\"");
    assert_null(tp_safetensors_get(f, "\xc3\xa9.\"x\""));
    assert_message(TP_ERR_UNSUPPORTED, "safetensors_get: @: tensor \"\xc3\xa9.\"x\"\" has dtype BF16");
    assert_null(tp_safetensors_name(f, 8));
    assert_message(TP_ERR_INDEX, "safetensors_name: @: index 8 is out of range for 8 tensors");
    assert_null(tp_safetensors_metadata_key(f, -1));
    assert_message(TP_ERR_INDEX, "safetensors_metadata_key: @: index -1 is out of range for 2 keys");
    assert_int_equal(truncate(path, 0), 0);
    assert_null(tp_safetensors_get(f, "f64"));
    assert_message(TP_ERR_IO, "safetensors_get: @: became shorter while it was read");
    tp_safetensors_close(f);

    write_safetensors("{}", "", 0);
    f = tp_safetensors_open(path);
    assert_int_equal(tp_safetensors_count(f), 0);
    assert_false(tp_safetensors_has(f, "x"));
    assert_null(tp_safetensors_metadata(f, "x"));
    tp_safetensors_close(f);
    tp_safetensors_close(NULL);
    assert_int_equal(tp_safetensors_count(NULL), -1);
    assert_message(TP_ERR_NULL, "safetensors_count: argument file is NULL");
    assert_int_equal(tp_safetensors_metadata_count(NULL), -1);
    assert_false(tp_safetensors_has(NULL, "x"));
    assert_message(TP_ERR_NULL, "safetensors_metadata_count: argument file is NULL");
    assert_null(tp_safetensors_get(NULL, "x"));
    assert_message(TP_ERR_NULL, "safetensors_get: argument file is NULL");
}

#define TENSOR(name, dtype, shape, offsets)                                                                  \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define BAD(header, data, message)                                                                           \
    { header, BYTES(data), "safetensors_open: @: " message }
#define BAD_JSON(at, what, header)                                                                           \
    { header, BYTES(""), "safetensors_open: @: byte " #at " of the header: " what }

static const struct {
    const char *header, *data;
    size_t size;
    const char *message;
} st_bad[] = {
    BAD_JSON(0, "expected '{'", ""),
    BAD_JSON(0, "expected '{'", " {}"),
    BAD_JSON(0, "expected '{'", "[]"),
    BAD_JSON(1, "expected a string", "{"),
    BAD_JSON(18, "expected ',' or '}'", "{\"__metadata__\":{}"),
    BAD_JSON(3, "text after the end", "{} x"),
    BAD_JSON(1, "expected a string", "{a}"),
    BAD_JSON(5, "expected '{'", "{\"a\":[]}"),
    BAD_JSON(4, "expected ':'", "{\"a\"}"),
    BAD_JSON(4, "a string without an end", "{\"ab"),
    BAD_JSON(2, "a control character in a string", "{\"\n\":0}"),
    BAD_JSON(2, "invalid UTF-8 in a string", "{\"\x80\":0}"),
    BAD_JSON(2, "invalid UTF-8 in a string", "{\"\xc0\x80\":0}"),
    BAD_JSON(2, "invalid UTF-8 in a string", "{\"\xe0\x80\x80\":0}"),
    BAD_JSON(2, "invalid UTF-8 in a string", "{\"\xed\xa0\x80\":0}"),
    BAD_JSON(2, "invalid UTF-8 in a string", "{\"\xf4\x90\x80\x80\":0}"),
    BAD_JSON(4, "a bad escape in a string", "{\"\\x\":0}"),
    BAD_JSON(8, "a bad escape in a string", "{\"\\udc00\":0}"),
    BAD_JSON(8, "a bad escape in a string", "{\"\\ud800\":0}"),
    BAD_JSON(14, "a bad escape in a string", "{\"\\ud800\\u0041\":0}"),
    BAD_JSON(8, "a NUL in a string", "{\"\\u0000\":0}"),
    BAD_JSON(23, "expected a string", "{\"__metadata__\":{\"a\":  1}}"),
    BAD_JSON(34, "a second __metadata__", "{\"__metadata__\":{},\"__metadata__\":{}}"),
    BAD_JSON(7, "expected dtype, shape or data_offsets", "{\"a\":{ \"size\":0}}"),
    BAD_JSON(19, "a key given twice", "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}"),
    BAD_JSON(15, "expected a whole number from 0", "{\"a\":{\"shape\":[-1]}}"),
    BAD_JSON(15, "expected a whole number from 0", "{\"a\":{\"shape\":[01]}}"),
    BAD_JSON(15, "expected a whole number from 0", "{\"a\":{\"shape\":[1.0]}}"),
    BAD_JSON(15, "expected a whole number from 0", "{\"a\":{\"shape\":[1e3]}}"),
    BAD_JSON(15, "the number is too large", "{\"a\":{\"shape\":[9223372036854775808]}}"),
    BAD_JSON(17, "expected a whole number from 0", "{\"a\":{\"shape\":[1,]}}"),
    BAD_JSON(23, "expected ',' or ']'", "{\"a\":{\"data_offsets\":[0}}"),
    BAD_JSON(26, "more than two data_offsets", "{\"a\":{\"data_offsets\":[0,1,2]}}"),
    BAD("{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}", "", "tensor \"a\": needs dtype, shape and data_offsets"),
    BAD("{" TENSOR("a", "U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}", "x", "tensor \"a\": has more than 8 dims"),
    BAD("{" TENSOR("a", "F4", "[2]", "[0,1]") "}", "x", "tensor \"a\" has the unknown dtype \"F4\""),
    BAD("{" TENSOR("a", "I64", "[4294967296,4294967296]", "[0,0]") "}", "",
        "tensor \"a\": its shape is absurd"),
    BAD("{" TENSOR("a", "I64", "[2305843009213693952]", "[0,0]") "}", "",
        "tensor \"a\": its shape is absurd"),
    BAD("{" TENSOR("a", "F32", "[2]", "[0,4]") "}", "1234",
        "tensor \"a\": (2,) of F32 is 8 bytes, its data_offsets are [0, 4]"),
    BAD("{" TENSOR("a", "U8", "[1]", "[1,0]") "}", "1",
        "tensor \"a\": (1,) of U8 is 1 bytes, its data_offsets are [1, 0]"),
    BAD("{" TENSOR("a", "U8", "[3]", "[0,3]") "}", "12",
        "tensor \"a\": truncated: its data ends after the file"),
    BAD("{" TENSOR("a", "U8", "[2]", "[0,2]") "," TENSOR("b", "U8", "[2]", "[1,3]") "}", "123",
        "tensor \"b\": its data overlaps another tensor's"),
    BAD("{" TENSOR("a", "U8", "[2]", "[0,2]") "," TENSOR("b", "U8", "[2]", "[3,5]") "}", "12345",
        "tensor \"b\": unused bytes lie before its data"),
    BAD("{" TENSOR("a", "U8", "[2]", "[0,2]") "}", "12345", "oversized: 3 bytes follow the last tensor"),
    BAD("{}", "12345", "oversized: 5 bytes follow the last tensor"),
    BAD("{" TENSOR("a", "U8", "[1]", "[0,1]") "," TENSOR("\\u0061", "U8", "[1]", "[1,2]") "}", "12",
        "tensor \"a\": is there twice"),
    BAD("{\"__metadata__\":{\"k\":\"\",\"k\":\"\"}}", "", "metadata \"k\" is there twice"),
};

static void test_safetensors_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof st_bad / sizeof st_bad[0]; i++) {
        write_safetensors(st_bad[i].header, st_bad[i].data, st_bad[i].size);
        assert_null(tp_safetensors_open(path));
        tp_error e = tp_last_error();
        bool unsupported = strstr(e.message, "8 dims") || strstr(e.message, "unknown dtype");
        assert_message(unsupported ? TP_ERR_UNSUPPORTED : TP_ERR_FORMAT, st_bad[i].message);
    }
    write_file("1234567", 7);
    assert_null(tp_safetensors_open(path));
    assert_message(TP_ERR_FORMAT,
                   "safetensors_open: @: truncated: 7 bytes are too few for a safetensors file");
    write_file("\3\0\0\0\0\0\0\0{}", 10);
    assert_null(tp_safetensors_open(path));
    assert_message(TP_ERR_FORMAT, "safetensors_open: @: its header would have 3 bytes: truncated");
    write_file("\1\xe1\xf5\5\0\0\0\0{}", 10);
    assert_null(tp_safetensors_open(path));
    assert_message(TP_ERR_FORMAT,
                   "safetensors_open: @: its header would have 100000001 bytes: no safetensors file, or "
                   "over the limit of 100 MB");
    assert_null(tp_safetensors_open(NULL));
    assert_message(TP_ERR_NULL, "safetensors_open: argument path is NULL");

    write_safetensors("{" TENSOR("a", "BOOL", "[2]", "[0,2]") "}", "\1\2", 2);
    tp_safetensors *f = tp_safetensors_open(path);
    tp_memory_info info = tp_memory_stats();
    assert_null(tp_safetensors_get(f, "a"));
    assert_message(TP_ERR_FORMAT, "safetensors_get: @: tensor \"a\": element 1 of BOOL is 2");
    assert_int_equal(tp_memory_stats().live_tensors, info.live_tensors);
    tp_safetensors_close(f);
}

/* ---- for all ----------------------------------------------------------------------------------------- */

static tp_status read_safetensors(void *context) {
    (void)context;
    tp_safetensors *f = tp_safetensors_open(path);
    bool ok = f != NULL;
    for (int i = 0; ok && i < tp_safetensors_count(f); i++) {
        tp_scope *s = tp_scope_begin();
        const char *name = tp_safetensors_name(f, i);
        if (!s || (!tp_safetensors_get(f, name) && tp_last_error().code != TP_ERR_UNSUPPORTED)) ok = false;
        tp_scope_end(s);
    }
    for (int i = 0; ok && i < tp_safetensors_metadata_count(f); i++)
        if (!tp_safetensors_metadata(f, tp_safetensors_metadata_key(f, i))) ok = false;
    tp_safetensors_close(f);
    return ok ? TP_OK : tp_last_error().code;
}

static tp_status read_idx(void *context) {
    (void)context;
    return tp_idx_load(path) ? TP_OK : tp_last_error().code;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static tp_named_tensors some_tensors(tp_named_tensor *out) {
    tp_tensor *x = TP_F32_TENSOR(TP_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    out[0] = (tp_named_tensor){"u8", tp_full(TP_SHAPE(3), 7, TP_U8)};
    out[1] = (tp_named_tensor){"view", tp_t(x)};
    out[2] = (tp_named_tensor){"\xc3\xa9.\"x\"\n\\", tp_scalar(-2.5, TP_F64)};
    out[3] = (tp_named_tensor){"empty", tp_zeros(TP_SHAPE(3, 0), TP_I64)};
    out[4] = (tp_named_tensor){"bool", tp_ones(TP_SHAPE(1), TP_BOOL)};
    return (tp_named_tensors){5, out};
}

static void test_save(void **state) {
    (void)state;
    tp_named_tensor items[5];
    tp_named_tensors tensors = some_tensors(items);
    const tp_named_text texts[] = {{"format", "pt"}, {"a \"key\"", "\t\xf0\x9f\x98\x80"}};
    unlink(path);
    for (int times = 0; times < 2; times++) { /* the second time over the first */
        assert_ok(tp_safetensors_save(path, tensors, (tp_named_texts){2, texts}));
        tp_safetensors *f = tp_safetensors_open(path);
        assert_tensor(f);
        assert_int_equal(tp_safetensors_count(f), 5);
        assert_elements(tp_safetensors_get(f, "u8"), TP_U8, TP_SHAPE(3), (double[]){7, 7, 7});
        assert_elements(tp_safetensors_get(f, "view"), TP_F32, TP_SHAPE(3, 2), (double[]){1, 4, 2, 5, 3, 6});
        assert_elements(tp_safetensors_get(f, items[2].name), TP_F64, TP_SCALAR_SHAPE, (double[]){-2.5});
        assert_elements(tp_safetensors_get(f, "empty"), TP_I64, TP_SHAPE(3, 0), NULL);
        assert_elements(tp_safetensors_get(f, "bool"), TP_BOOL, TP_SHAPE(1), (double[]){1});
        assert_string_equal(tp_safetensors_metadata(f, "format"), "pt");
        assert_string_equal(tp_safetensors_metadata(f, texts[1].name), texts[1].text);
        tp_safetensors_close(f);
    }
    for (int metadata = 0; metadata < 2; metadata++) {
        assert_ok(tp_safetensors_save(path, (tp_named_tensors){0, NULL}, (tp_named_texts){metadata, texts}));
        tp_safetensors *f = tp_safetensors_open(path);
        assert_tensor(f);
        assert_int_equal(tp_safetensors_metadata_count(f), metadata);
        tp_safetensors_close(f);
    }
}

/* What fails leaves what was there, and nothing beside it: the folder is empty but for the file when it is removed. */
static void test_save_bad(void **state) {
    (void)state;
    tp_tensor *x = tp_ones(TP_SHAPE(1), TP_F32);
    const tp_named_texts no_texts = {0, NULL};
    const struct {
        tp_named_tensor items[2];
        tp_named_text text;
        tp_status code;
        const char *message;
    } bad[] = {
        {{{"a", x}, {"a", x}}, {"k", "t"}, TP_ERR_ARGUMENT, "two tensors are called \"a\""},
        {{{"a", x}, {NULL, x}}, {"k", "t"}, TP_ERR_NULL, "argument tensors[1]'s name is NULL"},
        {{{"a", NULL}, {"b", x}}, {"k", "t"}, TP_ERR_NULL, "argument tensors[0]'s tensor is NULL"},
        {{{"__metadata__", x}, {"b", x}},
         {"k", "t"},
         TP_ERR_ARGUMENT,
         "no tensor can be called __metadata__"},
        {{{"a\xff", x}, {"b", x}}, {"k", "t"}, TP_ERR_ARGUMENT, "\"a\xff\" is not UTF-8"},
        {{{"a", x}, {"b", x}}, {"k", "\xc3"}, TP_ERR_ARGUMENT, "\"\xc3\" is not UTF-8"},
        {{{"a", x}, {"b", x}}, {"k", NULL}, TP_ERR_NULL, "argument metadata's name or text is NULL"},
    };
    write_file("before", 6);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char message[128];
        snprintf(message, sizeof message, "safetensors_save: %s", bad[i].message);
        tp_named_tensors tensors = {2, bad[i].items};
        assert_int_equal(tp_safetensors_save(path, tensors, (tp_named_texts){1, &bad[i].text}), bad[i].code);
        assert_error(bad[i].code, message);
    }
    const tp_named_text twice[] = {{"k", "t"}, {"k", "u"}};
    assert_int_equal(tp_safetensors_save(path, (tp_named_tensors){1, bad[0].items},
                                         (tp_named_texts){2, twice}),
                     TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "safetensors_save: metadata has \"k\" twice");
    char text[8] = "";
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(text, 1, sizeof text, f), 6);
    fclose(f);
    assert_string_equal(text, "before");
    assert_int_equal(tp_safetensors_save(folder, (tp_named_tensors){1, bad[0].items}, no_texts), TP_ERR_IO);
    char message[256];
    snprintf(message, sizeof message, "safetensors_save: %s: is a directory, not a file", folder);
    assert_error(TP_ERR_IO, message);
    assert_int_equal(tp_safetensors_save("/nowhere/x", (tp_named_tensors){1, bad[0].items}, no_texts),
                     TP_ERR_IO);
    assert_error(TP_ERR_IO, "safetensors_save: /nowhere/x: No such file or directory");
    assert_int_equal(tp_safetensors_save(NULL, (tp_named_tensors){1, bad[0].items}, no_texts), TP_ERR_NULL);
    assert_int_equal(tp_safetensors_save(path, (tp_named_tensors){1, NULL}, no_texts), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "safetensors_save: tensors.items is NULL, for 1");
    assert_int_equal(tp_safetensors_save(path, (tp_named_tensors){0}, (tp_named_texts){1, NULL}),
                     TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "safetensors_save: metadata.items is NULL, for 1");
    assert_int_equal(tp_safetensors_save(path, (tp_named_tensors){-1, NULL}, no_texts), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "safetensors_save: tensors.count is -1");
}

static void test_save_module(void **state) {
    (void)state;
    tp_module *a = tp_nn_sequential(TP_MODULES(tp_nn_linear(3, 2, (tp_linear_options){0}), tp_nn_relu()));
    tp_module *b = tp_nn_sequential(TP_MODULES(tp_nn_linear(3, 2, (tp_linear_options){0}), tp_nn_relu()));
    tp_tensor *x = tp_randn(TP_SHAPE(4, 3), TP_F32, NULL);
    assert_ok(tp_module_save(a, path));
    assert_ok(tp_module_load(b, path, (tp_load_options){0}));
    assert_true(tp_equal(tp_forward(a, x), tp_forward(b, x)));
    tp_module *c = tp_nn_linear(3, 2, (tp_linear_options){0});
    assert_int_equal(tp_module_load(c, path, (tp_load_options){0}), TP_ERR_ARGUMENT);
    assert_int_equal(tp_module_save(NULL, path), TP_ERR_NULL);
    assert_int_equal(tp_module_load(c, NULL, (tp_load_options){0}), TP_ERR_NULL);
    for (int64_t n = 1; n < 60; n++) { /* nothing is left behind, whatever fails */
        tp_scope *s = tp_scope_begin();
        tp__alloc_fail_at(n, false);
        tp_status saved = tp_module_save(a, path);
        tp_status loaded = tp_module_load(b, path, (tp_load_options){0});
        tp__alloc_fail_at(0, false);
        assert_true(saved == TP_OK || saved == TP_ERR_MEMORY);
        assert_true(loaded == TP_OK || loaded == TP_ERR_MEMORY);
        tp_scope_end(s);
    }
    tp_error_clear();
    tp_module_free(a);
    tp_module_free(b);
    tp_module_free(c);
}

static void test_no_memory(void **state) {
    (void)state;
    write_safetensors(st_header, st_data, sizeof st_data - 1);
    assert_survives_no_memory(read_safetensors, NULL, 10);
    write_file(idx_good[2].bytes, idx_good[2].size);
    assert_survives_no_memory(read_idx, NULL, 2);
#if defined(TP_HAVE_ZLIB)
    unsigned char packed[512];
    write_file(packed, pack(idx_good[2].bytes, idx_good[2].size, packed, sizeof packed));
    assert_survives_no_memory(read_idx, NULL, 2);
#endif
}

/* Files changed at random are read or refused, and the sanitizers look on. A few of the changes must pass: or
 * the changes would be so coarse that only the first check is tried. */
static void fuzz(const unsigned char *bytes, size_t size, check_run *read, int rounds) {
    static const char alphabet[] = "\"{}[]:,\\u0123456789 \xff\x80";
    unsigned char changed[4096];
    int read_well = 0;
    tp_generator *g = tp_generator_new(20261123);
    for (int round = 0; round < rounds; round++) {
        size_t n = size;
        memcpy(changed, bytes, n);
        for (int64_t k = 1 + tp_generator_below(g, 3); k > 0 && n > 0; k--) {
            size_t at = (size_t)tp_generator_below(g, (int64_t)n),
                   count = 1 + (size_t)tp_generator_below(g, 8);
            switch (tp_generator_below(g, 5)) {
            case 0: changed[at] ^= (unsigned char)(1 << tp_generator_below(g, 8)); break;
            case 1: changed[at] = (unsigned char)tp_generator_below(g, 256); break;
            case 2: changed[at] = (unsigned char)alphabet[tp_generator_below(g, sizeof alphabet)]; break;
            case 3: n -= tp_generator_below(g, 4) == 0 ? n - at : 0; break;
            default: /* take some bytes out */
                if (count > n - at) count = n - at;
                memmove(changed + at, changed + at + count, n - at - count);
                n -= count;
            }
        }
        write_file(changed, n);
        tp_scope *s = tp_scope_begin();
        tp_status status = read(NULL);
        tp_scope_end(s);
        assert_int_not_equal(status, TP_ERR_MEMORY);
        read_well += status == TP_OK;
    }
    tp_generator_free(g);
    assert_in_range(read_well, 1, rounds - 1);
}

static void test_fuzz(void **state) {
    (void)state;
    unsigned char bytes[4096];
    fuzz(bytes, st_bytes(bytes, st_header, st_data, sizeof st_data - 1), read_safetensors, 20000);
    fuzz((const unsigned char *)idx_good[3].bytes, idx_good[3].size, read_idx, 4000);
#if defined(TP_HAVE_ZLIB)
    fuzz(bytes, pack(idx_good[3].bytes, idx_good[3].size, bytes, sizeof bytes), read_idx, 4000);
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(test_idx_types),
        CHECK_TEST(test_idx_bad),
        CHECK_TEST(test_unreadable),
        CHECK_TEST(test_safetensors),
        CHECK_TEST(test_safetensors_bad),
        CHECK_TEST(test_save),
        CHECK_TEST(test_save_bad),
        CHECK_TEST(test_save_module),
        CHECK_TEST(test_no_memory),
        CHECK_TEST(test_fuzz),
#if defined(TP_HAVE_ZLIB)
        CHECK_TEST(test_gzip),
        CHECK_TEST(test_gzip_bad),
        CHECK_TEST(test_gzip_claims),
#else
        CHECK_TEST(test_no_zlib),
#endif
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
