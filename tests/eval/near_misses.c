// Random answers and changes of them: prints the pairs that are graded equal though they differ, or the reverse.
// usage: eval_near_misses [PAIRS [SEED]]
// A pair is an expression and itself with one number, sign, operation or variable changed; whether the change changes
// the value is decided beside by plain double arithmetic at points of its own (relative difference beyond 1e-6
// anywhere: a miss; below 1e-12 everywhere: the same; between: left out). Not run by ctest; test_near_misses.c runs a
// few.
#include <stdio.h>
#include <stdlib.h>

#include "near_miss_pairs.h"

int main(int argc, char **argv) {
    uint32_t pairs = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 5000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    NearMissCounts counts = {0};
    for (uint32_t k = 0; counts.misses < pairs && k < 20 * pairs; k++)
        near_miss_pair(seed, k, &counts, true);
    printf("%u near misses: %u graded equal\n%u rewritings: %u graded different\n%u left out; slowest %.1f ms, mean "
           "%.3f ms\n",
           counts.misses, counts.false_equal, counts.same, counts.false_different, counts.left_out, counts.slowest_ms,
           counts.total_ms / (counts.misses + counts.same + 1));
    return counts.false_equal == 0 ? 0 : 1;
}
