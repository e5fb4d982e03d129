#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/thread.h"

const char *tp_status_name(tp_status status) {
    switch (status) {
#define STATUS_NAME(name, value, text)                                                                       \
    case name: return #name;
        TP_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    }
    return "TP_ERR_UNKNOWN";
}

const char *tp_status_string(tp_status status) {
    switch (status) {
#define STATUS_TEXT(name, value, text)                                                                       \
    case name: return text;
        TP_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "unknown status";
}

static void record_error(tp_status code, const char *op, const char *format, va_list args) {
    tp__thread *self = tp__self();
    /* A message may quote the last one, which lies in the buffer being written. */
    char text[sizeof self->texts->message];
    int prefix = snprintf(text, sizeof text, "%s: ", op);
    if (prefix < 0) prefix = 0;
    if ((size_t)prefix < sizeof text) vsnprintf(text + prefix, sizeof text - (size_t)prefix, format, args);
    memcpy(self->texts->message, text, sizeof text);
    self->error_code = code;
    self->error_op = op;
    self->pending = true;
}

tp_status tp__error(tp_status code, const char *op, const char *format, ...) {
    va_list args;
    va_start(args, format);
    record_error(code, op, format, args);
    va_end(args);
    return code;
}

tp_status tp_error_set(tp_status code, const char *op, const char *format, ...) {
    if (code == TP_OK) return TP_OK;
    va_list args;
    va_start(args, format);
    record_error(code, op ? op : "user", format ? format : "", args);
    va_end(args);
    return code;
}

tp_status tp__error_null(const char *op, const char *argument) {
    if (tp__tls.pending) return tp__tls.error_code;
    return tp__error(TP_ERR_NULL, op, "argument %s is NULL", argument);
}

tp_status tp__check_list(const char *op, const char *argument, int count, const void *items) {
    if (count < 0) return tp__error(TP_ERR_ARGUMENT, op, "%s.count is %d", argument, count);
    if (count == 0 || items) return TP_OK;
    if (tp__tls.pending) return tp__tls.error_code;
    return tp__error(TP_ERR_NULL, op, "%s.items is NULL, for %d", argument, count);
}

tp_status tp__error_memory(const char *op, size_t bytes) {
    return tp__error(TP_ERR_MEMORY, op, "out of memory (%zu bytes asked for)", bytes);
}

void tp__error_rename(const char *from, const char *op) {
    tp__thread *self = tp__self();
    if (!self->pending || (from && strcmp(self->error_op, from) != 0)) return;
    const char *words = strstr(self->texts->message, ": ");
    tp__error(self->error_code, op, "%s", words ? words + 2 : self->texts->message);
}

bool tp__error_pending(void) { return tp__tls.pending; }

void tp__error_repend(void) {
    if (tp__tls.error_code != TP_OK) tp__tls.pending = true;
}

tp_status tp__deliver(tp_status status) {
    if (status != TP_OK) tp__tls.pending = false;
    return status;
}

tp_error tp_last_error(void) {
    tp__thread *self = tp__self();
    self->pending = false;
    return (tp_error){self->error_code, self->error_op ? self->error_op : "", self->texts->message};
}

void tp_error_clear(void) {
    tp__thread *self = tp__self();
    self->pending = false;
    self->error_code = TP_OK;
    self->error_op = NULL;
    self->texts->message[0] = '\0';
}
