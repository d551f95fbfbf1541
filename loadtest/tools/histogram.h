// Latencies in nanoseconds, in buckets of at most 1/64 of their value (1.6 %).

#include <stdint.h>

enum { SUBBUCKET_BITS = 6, SUBBUCKETS = 1 << SUBBUCKET_BITS, BUCKETS = (64 - SUBBUCKET_BITS + 1) * SUBBUCKETS };

typedef struct {
    uint64_t counts[BUCKETS], total, max;
} histogram;

static inline void record(histogram *all, uint64_t value) {
    int shift = value < SUBBUCKETS ? 0 : 63 - __builtin_clzll(value) - SUBBUCKET_BITS;
    int index = value < SUBBUCKETS ? (int)value : (shift + 1) * SUBBUCKETS + (int)((value >> shift) - SUBBUCKETS);
    all->counts[index]++;
    all->total++;
    if (value > all->max) all->max = value;
}

// The upper edge of the bucket in which the quantile lies.
static inline double quantile(const histogram *all, double part) {
    uint64_t wanted = (uint64_t)(part * (double)all->total), seen = 0;
    if (all->total == 0) return 0;
    for (int i = 0; i < BUCKETS; i++) {
        seen += all->counts[i];
        if (seen <= wanted) continue;
        int shift = i < SUBBUCKETS ? 0 : i / SUBBUCKETS - 1;
        double edge = i < SUBBUCKETS ? i : (double)((uint64_t)(i % SUBBUCKETS + SUBBUCKETS + 1) << shift);
        return edge < (double)all->max ? edge : (double)all->max;
    }
    return (double)all->max;
}
