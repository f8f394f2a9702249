// build/tests/oracle DIR [--backend NAME]: checks every golden file of a folder, a line a check; exit 1 when any fails.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "oracle.h"

static void print_line(Oracle *oracle, bool ok, const char *file, const char *what)
{
    oracle->n_checks++;
    oracle->n_failed += !ok;
    char name[64];
    snprintf(name, sizeof name, "%s%s", oracle->base ? "adapter/" : "", file);
    printf("%-4s %-12s %-22s %s", ok ? "ok" : "FAIL", oracle->backend_name, name, what);
}

void oracle_report(Oracle *oracle, const char *file, const char *what, double difference, double tolerance)
{
    bool ok = difference <= tolerance; // false for a NaN
    print_line(oracle, ok, file, what);
    printf(": difference %.2e, tolerance %.0e\n", difference, tolerance);
}

void oracle_report_exact(Oracle *oracle, const char *file, const char *what, bool equal, const char *detail)
{
    print_line(oracle, equal, file, what);
    printf(": %s%s\n", equal ? "equal" : "differs: ", equal ? "" : detail);
}

typedef bool (*Check)(Oracle *oracle, Error *error);

static void run_check(Oracle *oracle, const char *name, Check check)
{
    Error error;
    if (check(oracle, &error))
        return;
    print_line(oracle, false, name, error.message);
    printf("\n");
}

static void check_adapter(Oracle *oracle)
{
    const char *dir = oracle->dir;
    char *adapter = path_join(dir, "adapter");
    if (dir_exists(adapter)) {
        oracle->dir = adapter;
        oracle->base = dir;
        run_check(oracle, "forward", check_forward);
        run_check(oracle, "sft", check_sft);
        run_check(oracle, "sft_steps", check_sft_steps);
        oracle->dir = dir;
        oracle->base = NULL;
    }
    mem_free(adapter);
}

static void check_with_backend(Oracle *oracle)
{
    run_check(oracle, "forward", check_forward);
    run_check(oracle, "sft", check_sft);
    run_check(oracle, "sft_steps", check_sft_steps);
    run_check(oracle, "grpo", check_grpo);
    run_check(oracle, "reward", check_reward);
    check_adapter(oracle);
}

// `required`: that the backend cannot be had is a failure.
static void check_backend_named(Oracle *oracle, const char *name, bool required)
{
    Error error;
    oracle->backend_name = name;
    if (backend_create(name, &oracle->backend, &error)) {
        check_with_backend(oracle);
        backend_destroy(oracle->backend);
        oracle->backend = NULL;
    } else if (required) {
        print_line(oracle, false, "backend", error.message);
        printf("\n");
    } else {
        printf("skip %-12s %s\n", name, error.message);
    }
}

int main(int argc, char **argv)
{
    const char *backend = NULL;
    if (argc == 4 && strcmp(argv[2], "--backend") == 0) {
        backend = argv[3];
    } else if (argc != 2 || argv[1][0] == '-') {
        fprintf(stderr, "usage: %s DIR [--backend NAME]\n", argv[0]);
        return 2;
    }
    setenv("OMP_NUM_THREADS", "1", 1); // the models are tiny: threads would only wait for each other. The bits are the same.
    Oracle oracle = {.dir = argv[1], .backend_name = "text"};
    run_check(&oracle, "tokenizer", check_tokenizer);
    if (backend) {
        check_backend_named(&oracle, backend, true);
    } else {
        check_backend_named(&oracle, "ref", true);
        check_backend_named(&oracle, "cpu:portable", true);
        check_backend_named(&oracle, "cpu:avx2", false);
        check_backend_named(&oracle, "cpu:avx512", false);
    }
    printf("%d checks, %d failed\n", oracle.n_checks, oracle.n_failed);
    return oracle.n_failed > 0 ? 1 : 0;
}
