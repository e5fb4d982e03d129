#include "io/json.h"

#include <stdio.h>
#include <string.h>

#include "io/utf8.h"

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

bool tp__json_word(tp__json *json, const char *word) {
    if (json->error) return false;
    json_skip_blanks(json);
    size_t length = strlen(word);
    if ((size_t)(json->end - json->p) < length || memcmp(json->p, word, length) != 0) return false;
    json->p += length;
    return true;
}

bool tp__json_bool(tp__json *json, bool *value) {
    *value = tp__json_word(json, "true");
    return *value || tp__json_word(json, "false") || tp__json_fail(json, "expected true or false");
}

/* ---- strings ----------------------------------------------------------------------------------------- */

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
        int length = tp__utf8_length(json->p, json->end);
        if (c < 0x20 || length == 0) {
            tp__json_fail(json, c < 0x20 ? "a control character in a string" : "invalid UTF-8 in a string");
            return NULL;
        }
        if (c == '\\') {
            json->p++;
            uint32_t code = json_escape(json);
            if (code == 0) return NULL;
            out = tp__utf8_put(out, code);
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

size_t tp__json_escape(const char *p, const char *end, size_t *length, char out[8]) {
    *length = (size_t)tp__utf8_length(p, end);
    unsigned char c = (unsigned char)*p;
    if (c < 0x20) return (size_t)snprintf(out, 8, "\\u%04x", c);
    size_t escaped = c == '"' || c == '\\';
    out[0] = '\\';
    memcpy(out + escaped, p, *length);
    return *length + escaped;
}
