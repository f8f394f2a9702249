// Any bytes as the kept rollouts of a step: they are read, in lengths and ids as they must be, or refused in one line.
#include <string.h>

#include "base/mem.h"
#include "commands/rollout_file.h"
#include "fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { N = 3 };
    char path[FUZZ_PATH_MAX];
    RolloutKey key = {.step = 1, .build = {"build"}, .n = N, .vocabulary = 50};
    Completion completions[N];
    GenerateCounts counts;
    Error error = {""};
    bool found;
    int fd = fuzz_file(data, size, path);
    if (!rollout_load(path, &key, completions, &counts, &found, &error)) {
        if (error.message[0] == 0 || strchr(error.message, '\n') != NULL || found) abort();
    } else if (found) {
        for (int i = 0; i < N; i++) {
            for (int32_t k = 0; k < completions[i].n; k++) {
                if (completions[i].ids[k] < 0 || completions[i].ids[k] >= key.vocabulary) abort();
            }
            completion_free(&completions[i]);
        }
    }
    fuzz_file_close(fd);
    return 0;
}
