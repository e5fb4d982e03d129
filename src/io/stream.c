#include "io/io.h"

#include "core/alloc.h"

#if defined(TP_HAVE_ZLIB)

#include <string.h>
#include <zlib.h>

#define INFLATE_INPUT (64 << 10)
#define INFLATE_SCRATCH (16 << 10)
#define INFLATE_MAX (1 << 30) /* zlib counts in unsigned int */

typedef struct tp__inflater {
    z_stream z;
    bool in_member; /* gzip data may be several members, one after the other: inside one */
    bool any;       /* a member has been read */
    unsigned char input[INFLATE_INPUT];
    unsigned char scratch[INFLATE_SCRATCH];
} tp__inflater;

static voidpf inflater_alloc(voidpf context, uInt items, uInt size) {
    (void)context;
    return tp__alloc((size_t)items * size);
}

static void inflater_free(voidpf context, voidpf p) {
    (void)context;
    tp__free(p);
}

static bool inflater_open(tp__stream *stream) {
    tp__inflater *in = tp__alloc_zero(sizeof *in);
    if (in) {
        in->z.zalloc = inflater_alloc;
        in->z.zfree = inflater_free;
        if (inflateInit2(&in->z, 15 + 16) == Z_OK) { /* the largest window; gzip framing alone */
            stream->inflater = in;
            return true;
        }
        tp__free(in);
    }
    tp__error_memory(stream->file->op, sizeof *in);
    return false;
}

static void inflater_close(tp__inflater *in) {
    inflateEnd(&in->z);
    tp__free(in);
}

static void inflater_rewind(tp__inflater *in) {
    inflateReset(&in->z);
    in->z.avail_in = 0;
    in->in_member = in->any = false;
}

/* More input, if there is any. */
static bool inflater_fill(tp__stream *stream) {
    tp__inflater *in = stream->inflater;
    int64_t left = stream->file->size - stream->position;
    size_t count = left < INFLATE_INPUT ? (size_t)left : INFLATE_INPUT;
    if (!tp__file_read(stream->file, stream->position, in->input, count)) return false;
    stream->position += (int64_t)count;
    in->z.next_in = in->input;
    in->z.avail_in = (uInt)count;
    return true;
}

/* Between members: 1 if another one begins, 0 at the end, -1 after a failure. */
static int inflater_member(tp__stream *stream) {
    tp__inflater *in = stream->inflater;
    const tp__file *file = stream->file;
    if (in->z.avail_in == 0) return 0;
    if (in->any && *in->z.next_in != 0x1f) {
        int64_t extra = file->size - stream->position + (int64_t)in->z.avail_in;
        tp__error(TP_ERR_FORMAT, file->op, "%s: oversized: %lld bytes follow the gzip data", file->path,
                  (long long)extra);
        return -1;
    }
    inflateReset(&in->z);
    in->in_member = true;
    return 1;
}

/* Some bytes: at least one unless the data is at its end, -1 after a failure. */
static int64_t inflater_some(tp__stream *stream, void *out, size_t count) {
    tp__inflater *in = stream->inflater;
    const tp__file *file = stream->file;
    in->z.next_out = out;
    in->z.avail_out = (uInt)count;
    while (in->z.avail_out == count) {
        if (in->z.avail_in == 0 && !inflater_fill(stream)) return -1;
        if (!in->in_member) {
            int more = inflater_member(stream);
            if (more <= 0) return more;
        }
        int code = inflate(&in->z, Z_NO_FLUSH);
        if (code == Z_STREAM_END) {
            in->in_member = false;
            in->any = true;
        } else if (code == Z_MEM_ERROR) {
            tp__error_memory(file->op, INFLATE_INPUT);
            return -1;
        } else if (code != Z_OK && code != Z_BUF_ERROR) {
            tp__error(TP_ERR_FORMAT, file->op, "%s: corrupt gzip data: %s", file->path,
                      in->z.msg ? in->z.msg : "zlib fails");
            return -1;
        } else if (in->z.avail_in == 0 && stream->position == file->size && in->z.avail_out == count) {
            tp__error(TP_ERR_FORMAT, file->op, "%s: truncated: the gzip data is cut off", file->path);
            return -1;
        }
    }
    return (int64_t)(count - in->z.avail_out);
}

static int64_t inflater_read(tp__stream *stream, void *out, int64_t count) {
    int64_t done = 0;
    while (done < count) {
        int64_t want = count - done, most = out ? INFLATE_MAX : INFLATE_SCRATCH;
        void *to = out ? (char *)out + done : (char *)stream->inflater->scratch;
        int64_t got = inflater_some(stream, to, (size_t)(want < most ? want : most));
        if (got < 0) return -1;
        if (got == 0) break;
        done += got;
    }
    return done;
}

#else

typedef struct tp__inflater {
    char unused;
} tp__inflater;

static bool inflater_open(tp__stream *stream) {
    tp__error(TP_ERR_UNSUPPORTED, stream->file->op,
              "%s: is compressed by gzip, and this library was built without zlib", stream->file->path);
    return false;
}
static void inflater_close(tp__inflater *in) { (void)in; }
static void inflater_rewind(tp__inflater *in) { (void)in; }
static int64_t inflater_read(tp__stream *stream, void *out, int64_t count) {
    (void)stream;
    (void)out;
    (void)count;
    return -1;
}

#endif

bool tp__stream_open(tp__stream *stream, const tp__file *file) {
    *stream = (tp__stream){.file = file};
    unsigned char magic[2];
    if (file->size < 2) return true;
    if (!tp__file_read(file, 0, magic, sizeof magic)) return false;
    return magic[0] != 0x1f || magic[1] != 0x8b || inflater_open(stream);
}

void tp__stream_close(tp__stream *stream) {
    if (stream->inflater) inflater_close(stream->inflater);
    stream->inflater = NULL;
}

void tp__stream_rewind(tp__stream *stream) {
    if (stream->inflater) inflater_rewind(stream->inflater);
    stream->position = 0;
}

int64_t tp__stream_read(tp__stream *stream, void *out, int64_t count) {
    if (stream->inflater) return inflater_read(stream, out, count);
    int64_t left = stream->file->size - stream->position;
    if (count > left) count = left;
    if (out && !tp__file_read(stream->file, stream->position, out, (size_t)count)) return -1;
    stream->position += count;
    return count;
}
