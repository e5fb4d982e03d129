/* Sorting of items, all different: SORT_ITEM has a key of SORT_DIGITS bytes, and the index, which decides between
 * equal keys. SORT_LESS compares both; SORT_DIGIT(item, i) is the i-th byte of the key from below. */

static void SORT_NAME(insert)(SORT_ITEM *a, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        SORT_ITEM item = a[i];
        int64_t at = i;
        for (; at > 0 && SORT_LESS(item, a[at - 1]); at--) a[at] = a[at - 1];
        a[at] = item;
    }
}

static void SORT_NAME(merge)(const SORT_ITEM *a, int64_t na, const SORT_ITEM *b, int64_t nb, SORT_ITEM *to) {
    int64_t i = 0, j = 0;
    if (SORT_LESS(b[0], a[na - 1]))
        while (i < na && j < nb) {
            bool second = SORT_LESS(b[j], a[i]);
            *to++ = second ? b[j] : a[i];
            i += !second;
            j += second;
        }
    memcpy(to, a + i, (size_t)(na - i) * sizeof *to);
    memcpy(to + (na - i), b + j, (size_t)(nb - j) * sizeof *to);
}

/* Returns where the result is: a or spare. */
static SORT_ITEM *SORT_NAME(by_merging)(SORT_ITEM *a, SORT_ITEM *spare, int64_t n) {
    for (int64_t i = 0; i < n; i += SORT_RUN) SORT_NAME(insert)(a + i, n - i < SORT_RUN ? n - i : SORT_RUN);
    for (int64_t run = SORT_RUN; run < n; run *= 2) {
        for (int64_t i = 0; i < n; i += 2 * run) {
            int64_t left = n - i;
            if (left <= run) memcpy(spare + i, a + i, (size_t)left * sizeof *a);
            else SORT_NAME(merge)(a + i, run, a + i + run, left < 2 * run ? left - run : run, spare + i);
        }
        SORT_ITEM *other = a;
        a = spare;
        spare = other;
    }
    return a;
}

/* The same for items in the order of their indices: counting byte by byte keeps what is equal in order. */
static SORT_ITEM *SORT_NAME(by_counting)(SORT_ITEM *a, SORT_ITEM *spare, int64_t n) {
    int64_t counts[SORT_DIGITS][256] = {{0}};
    for (int64_t i = 0; i < n; i++)
        for (int d = 0; d < SORT_DIGITS; d++) counts[d][SORT_DIGIT(a[i], d)]++;
    for (int d = 0; d < SORT_DIGITS; d++) {
        int64_t *start = counts[d], at = 0;
        if (start[SORT_DIGIT(a[0], d)] == n) continue;
        for (int v = 0; v < 256; v++) {
            int64_t count = start[v];
            start[v] = at;
            at += count;
        }
        for (int64_t i = 0; i < n; i++) spare[start[SORT_DIGIT(a[i], d)]++] = a[i];
        SORT_ITEM *other = a;
        a = spare;
        spare = other;
    }
    return a;
}

/* Brings the k-th smallest to its place, and those before it before it. */
static void SORT_NAME(select)(SORT_ITEM *a, SORT_ITEM *spare, int64_t n, int64_t k) {
    int rounds = 64; /* of bad luck before it is sorted outright */
    while (n > SORT_RUN) {
        if (rounds-- == 0) {
            SORT_ITEM *sorted = SORT_NAME(by_merging)(a, spare, n);
            if (sorted != a) memcpy(a, sorted, (size_t)n * sizeof *a);
            return;
        }
        SORT_ITEM three[3] = {a[0], a[n / 2], a[n - 1]};
        SORT_NAME(insert)(three, 3);
        int64_t i = 0, j = n - 1;
        while (i <= j) {
            while (SORT_LESS(a[i], three[1])) i++;
            while (SORT_LESS(three[1], a[j])) j--;
            if (i > j) break;
            SORT_ITEM item = a[i];
            a[i++] = a[j];
            a[j--] = item;
        }
        if (k <= j) {
            n = j + 1;
        } else if (k >= i) {
            a += i;
            k -= i;
            n -= i;
        } else {
            return;
        }
    }
    SORT_NAME(insert)(a, n);
}

/* The `count` smallest, into the beginning of spare, in any order: of what is not above all that were found, as many
 * as there is room for. n is at least twice SORT_ROOM(count). */
static void SORT_NAME(filter)(const SORT_ITEM *a, SORT_ITEM *spare, int64_t n, int64_t count) {
    int64_t room = SORT_ROOM(count), held = room, at = room;
    memcpy(spare, a, (size_t)room * sizeof *a);
    while (at < n) {
        SORT_NAME(select)(spare, spare + room, held, count - 1);
        SORT_ITEM limit = spare[count - 1];
        for (held = count; at < n && held < room; at++) {
            spare[held] = a[at];
            held += SORT_LESS(a[at], limit);
        }
    }
    SORT_NAME(select)(spare, spare + room, held, count - 1);
}

/* Puts the items first .. first+count-1 of the order in order; returns where they begin. */
static SORT_ITEM *SORT_NAME(part)(SORT_ITEM *a, SORT_ITEM *spare, int64_t n, int64_t first, int64_t count) {
    if (count == n || n <= SORT_RUN)
        return (n < SORT_COUNTING ? SORT_NAME(by_merging) : SORT_NAME(by_counting))(a, spare, n) + first;
    if (count == 0) return a;
    if (first == 0 && n >= 2 * SORT_ROOM(count)) {
        SORT_NAME(filter)(a, spare, n, count);
        return SORT_NAME(by_merging)(spare, a, count);
    }
    if (first > 0) SORT_NAME(select)(a, spare, n, first);
    a += first;
    n -= first;
    if (count == 1 && first > 0) return a;
    if (count < n) SORT_NAME(select)(a, spare, n, count - 1);
    return SORT_NAME(by_merging)(a, spare, count);
}

#undef SORT_ITEM
#undef SORT_NAME
#undef SORT_LESS
#undef SORT_DIGIT
#undef SORT_DIGITS
