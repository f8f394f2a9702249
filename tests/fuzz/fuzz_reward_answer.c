// Whatever a reward's program answers: a finite number, or an error of one line that names the answer.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "methods/reward_program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    double reward;
    Error error;
    if (reward_answer_parse((Str){(const char *)data, size}, "program x: answer 1", 0, &reward, &error)) {
        if (!isfinite(reward)) abort();
    } else if (strchr(error.message, '\n') != NULL || strncmp(error.message, "program x: answer 1", 19) != 0) {
        abort();
    }
    return 0;
}
