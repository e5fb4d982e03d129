#include "io/json.h"

void tp__json_start(tp__json *json, char *text, size_t size) {
    *json = (tp__json){.begin = text, .p = text, .end = text + size};
}

bool tp__json_fail(tp__json *json, const char *error) {
    if (!json->error) json->error = error;
    return false;
}

static void json_skip_blanks(tp__json *json) {
    while (json->p < json->end &&
           (*json->p == ' ' || *json->p == '\t' || *json->p == '\n' || *json->p == '\r'))
        json->p++;
}

/* Consumes `c` if it comes next. */
static bool json_take(tp__json *json, char c) {
    if (json->error) return false;
    json_skip_blanks(json);
    if (json->p == json->end || *json->p != c) return false;
    json->p++;
    return true;
}

bool tp__json_open(tp__json *json, char open) {
    return json_take(json, open) || tp__json_fail(json, open == '{' ? "expected '{'" : "expected '['");
}

bool tp__json_next(tp__json *json, char close, bool *first) {
    if (json_take(json, close)) return false;
    if (!*first && !json_take(json, ','))
        return tp__json_fail(json, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
    *first = false;
    return !json->error;
}

bool tp__json_end(tp__json *json) {
    if (json->error) return false;
    json_skip_blanks(json);
    return json->p == json->end || tp__json_fail(json, "text after the end");
}

bool tp__json_natural(tp__json *json, int64_t *value) {
    if (json->error) return false;
    json_skip_blanks(json);
    char *p = json->p;
    uint64_t v = 0;
    for (; p < json->end && *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (v > ((uint64_t)INT64_MAX - digit) / 10) return tp__json_fail(json, "the number is too large");
        v = v * 10 + digit;
    }
    if (p == json->p || (*json->p == '0' && p > json->p + 1) ||
        (p < json->end && (*p == '.' || *p == 'e' || *p == 'E')))
        return tp__json_fail(json, "expected a whole number from 0");
    json->p = p;
    *value = (int64_t)v;
    return true;
}

/* ---- strings ----------------------------------------------------------------------------------------- */

int tp__utf8_length(const unsigned char *p, const unsigned char *end) {
    unsigned char c = *p, low = 0x80, high = 0xBF;
    int length = c < 0x80                 ? 1
                 : c >= 0xC2 && c <= 0xDF ? 2
                 : (c & 0xF0) == 0xE0     ? 3
                 : c >= 0xF0 && c <= 0xF4 ? 4
                                          : 0;
    if (length == 0 || end - p < length) return 0;
    if (c == 0xE0) low = 0xA0;  /* no shorter form exists */
    if (c == 0xED) high = 0x9F; /* no surrogates */
    if (c == 0xF0) low = 0x90;
    if (c == 0xF4) high = 0x8F; /* not above U+10FFFF */
    for (int i = 1; i < length; i++) {
        if (p[i] < low || p[i] > high) return 0;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

static char *json_put_utf8(char *out, uint32_t c) {
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    }
    return out;
}

/* The four hexadecimal digits after \u, at p; -1 if they are not there. */
static int32_t json_hex4(tp__json *json) {
    if (json->end - json->p < 4) return -1;
    int32_t v = 0;
    for (int i = 0; i < 4; i++) {
        char c = *json->p++;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        v = v * 16 + digit;
    }
    return v;
}

/* What follows a backslash: a character, or 0 after a failure. */
static uint32_t json_escape(tp__json *json) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = json->p < json->end ? *json->p++ : '\0';
    for (int i = 0; from[i]; i++)
        if (c == from[i]) return (unsigned char)to[i];
    int32_t code = c == 'u' ? json_hex4(json) : -1;
    if (code >= 0xD800 && code < 0xDC00) { /* the first half of a pair */
        int32_t second = -1;
        if (json->end - json->p >= 2 && json->p[0] == '\\' && json->p[1] == 'u') {
            json->p += 2;
            second = json_hex4(json);
        }
        code =
            second >= 0xDC00 && second < 0xE000 ? 0x10000 + (code - 0xD800) * 0x400 + (second - 0xDC00) : -1;
    } else if (code >= 0xDC00 && code < 0xE000) {
        code = -1;
    }
    if (code <= 0) tp__json_fail(json, code == 0 ? "a NUL in a string" : "a bad escape in a string");
    return code > 0 ? (uint32_t)code : 0;
}

char *tp__json_string(tp__json *json) {
    if (!json_take(json, '"')) {
        tp__json_fail(json, "expected a string");
        return NULL;
    }
    char *text = json->p, *out = text; /* decoding makes nothing longer */
    while (json->p < json->end && *json->p != '"') {
        unsigned char c = (unsigned char)*json->p;
        int length = tp__utf8_length((unsigned char *)json->p, (unsigned char *)json->end);
        if (c < 0x20 || length == 0) {
            tp__json_fail(json, c < 0x20 ? "a control character in a string" : "invalid UTF-8 in a string");
            return NULL;
        }
        if (c == '\\') {
            json->p++;
            uint32_t code = json_escape(json);
            if (code == 0) return NULL;
            out = json_put_utf8(out, code);
        } else {
            while (length-- > 0) *out++ = *json->p++;
        }
    }
    if (json->p == json->end) {
        tp__json_fail(json, "a string without an end");
        return NULL;
    }
    json->p++;
    *out = '\0'; /* on the closing quote at the latest */
    return text;
}

char *tp__json_key(tp__json *json) {
    char *key = tp__json_string(json);
    if (key && !json_take(json, ':')) {
        tp__json_fail(json, "expected ':'");
        return NULL;
    }
    return key;
}
