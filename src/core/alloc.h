/* Memory. Three layers, one door to the heap:
 *   tp__alloc        the door: everything below and all other heap memory comes from here;
 *   tp__small_alloc  slabs for objects up to TP__SMALL_MAX bytes (tensors, nodes, small data);
 *   tp__buffer_alloc a cache of large, 64-byte aligned buffers (tensor data, scratch).
 * None of them sets an error: the caller knows the op. Sizes given back must be those asked for. */
#ifndef TP__CORE_ALLOC_H
#define TP__CORE_ALLOC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define TP__NO_CACHE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TP__NO_CACHE 1
#endif
#endif
#ifndef TP__NO_CACHE
#define TP__NO_CACHE 0 /* under ASan every object is its own heap block, so that ASan sees its end */
#endif

#define TP__ALIGN 64
#define TP__SMALL_MAX 1024

void *tp__alloc(size_t bytes);
void *tp__alloc_zero(size_t bytes);
void *tp__realloc(void *p, size_t bytes); /* on failure `p` is as it was */
void tp__free(void *p);
char *tp__strdup(const char *s);

void *tp__small_alloc(size_t bytes);
void tp__small_free(void *p, size_t bytes);

void *tp__buffer_alloc(size_t bytes); /* never NULL for 0 bytes unless memory is out */
void tp__buffer_free(void *p, size_t bytes);

/* Makes the n-th allocation from now on (1 is the next) of this process fail, and all after it if `forever`;
 * n = 0 stops that. Every layer counts: each call of the functions above is one. For tests. */
void tp__alloc_fail_at(int64_t n, bool forever);
int64_t tp__alloc_fail_count(void); /* allocations since the last call of tp__alloc_fail_at() */

/* For tp_memory_stats(): fills in the figures on bytes; and takes over what an ending thread had counted. */
struct tp_memory_info;
void tp__alloc_figures(struct tp_memory_info *info, int64_t thread_bytes);
void tp__alloc_fold(int64_t thread_bytes);

/* Moves a thread's free lists to the shared ones: its end. */
void tp__alloc_thread_exit(void);

#endif
