#include "io/utf8.h"

int tp__utf8_length(const char *text, const char *text_end) {
    const unsigned char *p = (const unsigned char *)text, *end = (const unsigned char *)text_end;
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

uint32_t tp__utf8_code(const char *p, int length) {
    static const unsigned char mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = (unsigned char)p[0] & mask[length];
    for (int i = 1; i < length; i++) code = code << 6 | ((unsigned char)p[i] & 0x3F);
    return code;
}

char *tp__utf8_put(char *out, uint32_t c) {
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
