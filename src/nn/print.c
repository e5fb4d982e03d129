/* Printing a module as PyTorch does. */
#include "nn/nn.h"

#include <stdarg.h>
#include <stdio.h>

static char *module_text_end(const tp__text *text) {
    return text->length < text->size ? text->buffer + text->length : NULL;
}

static size_t module_text_room(const tp__text *text) {
    return text->length < text->size ? text->size - text->length : 0;
}

void tp__text_add(tp__text *text, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(module_text_end(text), module_text_room(text), format, args);
    va_end(args);
    if (n > 0) text->length += (size_t)n;
}

void tp__text_tuple(tp__text *text, int count, const int64_t *values) {
    tp__text_add(text, "(");
    for (int i = 0; i < count; i++) tp__text_add(text, i ? ", %lld" : "%lld", (long long)values[i]);
    tp__text_add(text, count == 1 ? ",)" : ")");
}

static void module_text_tree(tp__text *text, const tp_module *m, int indent) {
    const tp__module_tree *tree = m->tree;
    tp__text_add(text, "%s(", m->type->name);
    if (m->type->describe) {
        int n = m->type->describe(m, NULL, 0);
        if (n > 0 && tree->n_children > 0) tp__text_add(text, "\n%*s", indent + 2, "");
        n = m->type->describe(m, module_text_end(text), module_text_room(text));
        if (n > 0) text->length += (size_t)n;
    }
    for (int i = 0; i < tree->n_children; i++) {
        tp__text_add(text, "\n%*s(%s): ", indent + 2, "", tree->children[i]->tree->name);
        module_text_tree(text, tree->children[i], indent + 2);
    }
    if (tree->n_children > 0) tp__text_add(text, "\n%*s", indent, "");
    tp__text_add(text, ")");
}

int tp_module_format(const tp_module *m, char *buffer, size_t size) {
    if (!m) {
        tp__error_null("module_format", "m");
        return -1;
    }
    tp__text text = {buffer, size, 0};
    module_text_tree(&text, m, 0);
    return (int)text.length;
}

tp_status tp_module_fprint(FILE *file, const tp_module *m) {
    const char *op = "module_fprint";
    if (!m || !file) return tp__deliver(tp__error_null(op, m ? "file" : "m"));
    size_t size = (size_t)tp_module_format(m, NULL, 0) + 1;
    char *text = tp__alloc(size);
    if (!text) return tp__deliver(tp__error_memory(op, size));
    tp_module_format(m, text, size);
    bool written = fputs(text, file) >= 0;
    tp__free(text);
    return written ? TP_OK : tp__deliver(tp__error(TP_ERR_IO, op, "the file cannot be written"));
}
