// Whatever the bytes of a samples.jsonl: figures within [0, 1] and a comparison with itself that finds no difference, or
// one line of error.
#include <stdlib.h>
#include <string.h>

#include "eval/results.h"
#include "fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[FUZZ_PATH_MAX];
    int fd = fuzz_file(data, size, path);
    EvalSamples samples;
    Error error = {""};
    if (!eval_samples_read(path, &samples, &error)) {
        must(error.message[0] != '\0' && strchr(error.message, '\n') == NULL);
        fuzz_file_close(fd);
        return 0;
    }
    must(samples.n >= 1 && samples.samples >= 1);
    EvalFigure figures[EVAL_FIGURES_MAX];
    size_t n = eval_figures(&samples, 1, figures);
    must(n >= 1 && n <= EVAL_FIGURES_MAX);
    for (size_t i = 0; i < n; i++) {
        must(figures[i].value >= 0 && figures[i].value <= 1);
        must(figures[i].interval.low <= figures[i].interval.high);
    }
    EvalComparison c;
    must(eval_compare(&samples, &samples, 1, &c, &error));
    must(c.n == samples.n && c.pass.mean == 0 && c.right_a == 0 && c.right_b == 0);
    Buf text;
    buf_init(&text, 0);
    const EvalAbout about = {"task", "prompt", "", NULL};
    eval_results_write(&samples, &about, figures, n, &text);
    eval_table_write(&samples, &about, figures, n, &text);
    buf_free(&text);
    eval_samples_free(&samples);
    fuzz_file_close(fd);
    return 0;
}
