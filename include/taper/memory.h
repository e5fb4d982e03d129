/* Memory: what the library holds, and giving it back. */
#ifndef TAPER_MEMORY_H
#define TAPER_MEMORY_H

#include "taper/base.h"
#include "taper/status.h"

TP_BEGIN_DECLS

typedef struct tp_memory_info {
    /* bytes of tensor data now held by tensors and saved values, and of scratch; without tensors of
     * up to 256 bytes, which lie beside their header, and without memory that is the caller's */
    size_t in_use;
    size_t peak;   /* the largest `in_use` since start or tp_memory_reset_peak(), to within 64 KiB a thread */
    size_t cached; /* bytes kept for reuse in the free lists of large buffers */
    int64_t live_tensors; /* tensor objects, of all threads */
    int64_t live_storages;
    int64_t live_nodes;   /* recorded operations */
    int64_t live_objects; /* modules, optimizers, generators, loaders and other handles */
} tp_memory_info;

/* The whole process's figures. Exact when no other thread is inside the library. */
TP_API tp_memory_info tp_memory_stats(void);
TP_API void tp_memory_reset_peak(void);

/* Gives cached buffers back to the system. */
TP_API void tp_memory_trim(void);

/* Releases the calling thread's root scope, with everything in it, and all caches. The library can be used
 * again afterwards. Scopes still open on this thread are ended. */
TP_API void tp_shutdown(void);

TP_END_DECLS

#endif
