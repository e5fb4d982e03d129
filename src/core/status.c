#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/thread.h"

/* Outside tp__thread: half a kilobyte would spread the hot fields over more cache lines. */
static _Thread_local struct {
    tp_status code;
    const char *op;
    char message[512];
} error_record;

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
    /* A message may quote the last one, which lies in the buffer being written. */
    char text[sizeof error_record.message];
    int prefix = snprintf(text, sizeof text, "%s: ", op);
    if (prefix < 0) prefix = 0;
    if ((size_t)prefix < sizeof text) vsnprintf(text + prefix, sizeof text - (size_t)prefix, format, args);
    memcpy(error_record.message, text, sizeof text);
    error_record.code = code;
    error_record.op = op;
    tp__tls.pending = true;
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
    if (tp__tls.pending) return error_record.code;
    return tp__error(TP_ERR_NULL, op, "argument %s is NULL", argument);
}

tp_status tp__error_memory(const char *op, size_t bytes) {
    return tp__error(TP_ERR_MEMORY, op, "out of memory (%zu bytes asked for)", bytes);
}

bool tp__error_pending(void) { return tp__tls.pending; }

void tp__error_repend(void) {
    if (error_record.code != TP_OK) tp__tls.pending = true;
}

tp_status tp__deliver(tp_status status) {
    if (status != TP_OK) tp__tls.pending = false;
    return status;
}

tp_error tp_last_error(void) {
    tp__tls.pending = false;
    return (tp_error){error_record.code, error_record.op ? error_record.op : "", error_record.message};
}

void tp_error_clear(void) {
    tp__tls.pending = false;
    error_record.code = TP_OK;
    error_record.op = NULL;
    error_record.message[0] = '\0';
}
