/* JSON read strictly (RFC 8259), one token after another, by whoever knows what must come: there is no tree
 * and no recursion. The first error sticks: all calls after it do nothing and return false or NULL. */
#ifndef TP__IO_JSON_H
#define TP__IO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tp__json {
    char *begin, *p, *end;
    const char *error; /* what is wrong at p: "expected ':'"; NULL so far */
} tp__json;

/* `text` is changed: strings are decoded in place, and live as long as it does. */
void tp__json_start(tp__json *json, char *text, size_t size);

/* Consumes '{' or '['; then tp__json_next() consumes a comma, if one is due, and is true as long as a member
 * follows, else it consumes `close`. `*first` is true before the first call.
 *     tp__json_open(j, '{');
 *     for (bool first = true; tp__json_next(j, '}', &first);) {
 *         char *key = tp__json_key(j);
 *         ... */
bool tp__json_open(tp__json *json, char open);
bool tp__json_next(tp__json *json, char close, bool *first);

/* A string, terminated by 0, valid UTF-8; one that holds a NUL is refused. The second form consumes a colon
 * too. */
char *tp__json_string(tp__json *json);
char *tp__json_key(tp__json *json);

/* A whole number from 0 to INT64_MAX, without fraction and exponent. */
bool tp__json_natural(tp__json *json, int64_t *value);

/* true or false. */
bool tp__json_bool(tp__json *json, bool *value);

/* Consumes `word` if it comes next, as null may: false if it does not, which is no failure. */
bool tp__json_word(tp__json *json, const char *word);

/* Fails unless only blanks are left. */
bool tp__json_end(tp__json *json);

/* Fails on behalf of the caller. Returns false. */
bool tp__json_fail(tp__json *json, const char *error);

/* For writing: how the character at `p` stands within a string; returns the number of bytes in `out`. It has
 * *length bytes at `p`, 0 if it is not valid UTF-8. */
size_t tp__json_escape(const char *p, const char *end, size_t *length, char out[8]);

#endif
