// Runs a fuzz target without libFuzzer: over every file of the folders and files named, and over MUTATIONS variants of
// each. A variant is a function of the file's bytes and the variant's number alone, so a failure comes again.
//
//   fuzz_json PATH...               all variants of all files
//   fuzz_json --variant N FILE      that variant alone (a failing run prints this line)
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/mem.h"
#include "base/philox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUTATIONS 2000
#define SEED_MAX_BYTES ((size_t)1 << 20)

// What runs now, for the line that a failure prints; static, since a signal handler reads it.
static char running[512];

static void name_failure(void) {
    if (write(STDERR_FILENO, running, strlen(running)) < 0) _exit(1);
}

static void on_signal(int number) {
    (void)number;
    name_failure();
    _exit(1);
}

// There in builds with a sanitizer, which then calls name_failure after its own report.
extern __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static void watch_failures(void) {
    signal(SIGABRT, on_signal);
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(name_failure);
    } else {
        signal(SIGSEGV, on_signal);
    }
}

// The draws of one variant: (file, variant, how many came before).
typedef struct Draws { RngAddress address; } Draws;

static size_t draw(Draws *draws, size_t n) {
    size_t value = (size_t)rng_below(&draws->address, n > 0 ? n : 1);
    draws->address.position++;
    return value;
}

static void flip_bit(Buf *bytes, Draws *draws) {
    if (bytes->len > 0) bytes->data[draw(draws, bytes->len)] ^= (char)(1 << draw(draws, 8));
}

// Bytes at which parsers turn: borders of ranges, brackets, quotes.
static void set_byte(Buf *bytes, Draws *draws) {
    static const char telling[] = "\0\x01\x7f\x80\xff\xfe\n\r\t \"'\\{}[]:,-0919.eE+#&*!|>%?~nt";
    if (bytes->len > 0) bytes->data[draw(draws, bytes->len)] = telling[draw(draws, sizeof telling - 1)];
}

static void cut_end(Buf *bytes, Draws *draws) { bytes->len = draw(draws, bytes->len + 1); }

static void drop_part(Buf *bytes, Draws *draws) {
    size_t from = draw(draws, bytes->len + 1), count = draw(draws, bytes->len - from + 1);
    if (count == 0) return;
    memmove(bytes->data + from, bytes->data + from + count, bytes->len - from - count);
    bytes->len -= count;
}

// Puts a part of `seed` (at most 64 bytes) anywhere.
static void splice(Buf *bytes, Str seed, Draws *draws) {
    size_t from = draw(draws, seed.len + 1), count = draw(draws, seed.len - from + 1);
    if (count > 64) count = 64;
    if (count == 0) return;
    size_t at = draw(draws, bytes->len + 1);
    buf_reserve(bytes, count);
    memmove(bytes->data + at + count, bytes->data + at, bytes->len - at);
    memcpy(bytes->data + at, seed.ptr + from, count);
    bytes->len += count;
}

// Variant 0 is the file as it is.
static void make_variant(Buf *bytes, Str seed, uint32_t variant) {
    buf_clear(bytes);
    buf_add_str(bytes, seed);
    if (variant == 0) return;
    Draws draws = {{.seed = seed.len, .purpose = RNG_TEST, .sample = variant}};
    for (size_t steps = 1 + draw(&draws, 4); steps > 0; steps--) {
        switch (draw(&draws, 5)) {
        case 0: flip_bit(bytes, &draws); break;
        case 1: set_byte(bytes, &draws); break;
        case 2: cut_end(bytes, &draws); break;
        case 3: drop_part(bytes, &draws); break;
        default: splice(bytes, seed, &draws); break;
        }
    }
}

static void run_variant(const char *program, const char *path, Str seed, uint32_t variant, Buf *bytes) {
    make_variant(bytes, seed, variant);
    snprintf(running, sizeof running, "failed; again with: %s --variant %" PRIu32 " %s\n", program, variant, path);
    // A block of exactly its size, so that a sanitizer sees a read beyond the end.
    uint8_t *exact = mem_alloc(bytes->len, 1);
    if (bytes->len > 0) memcpy(exact, bytes->data, bytes->len);
    LLVMFuzzerTestOneInput(exact, bytes->len);
    mem_free(exact);
}

static bool run_file(const char *program, const char *path, uint32_t first, uint32_t last, Error *error) {
    Buf seed, bytes;
    if (!file_read(path, SEED_MAX_BYTES, &seed, error)) return false;
    buf_init(&bytes, 0);
    for (uint32_t variant = first; variant <= last; variant++) {
        run_variant(program, path, buf_str(&seed), variant, &bytes);
    }
    buf_free(&seed);
    buf_free(&bytes);
    return true;
}

static bool run_path(const char *program, const char *path, size_t *files, Error *error) {
    if (!dir_exists(path)) {
        ++*files;
        return run_file(program, path, 0, MUTATIONS, error);
    }
    char **names;
    size_t count;
    if (!dir_list(path, &names, &count, error)) return false;
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        char *inner = path_join(path, names[i]);
        ok = ok && run_path(program, inner, files, error);
        mem_free(inner);
        mem_free(names[i]);
    }
    mem_free(names);
    return ok;
}

int main(int argc, char **argv) {
    Error error;
    size_t files = 0;
    bool ok = true;
    if (argc == 4 && strcmp(argv[1], "--variant") == 0) {
        uint32_t variant = (uint32_t)strtoul(argv[2], NULL, 10);
        ok = run_file(argv[0], argv[3], variant, variant, &error);
        files = 1;
    } else {
        watch_failures();
        for (int i = 1; i < argc && ok; i++) ok = run_path(argv[0], argv[i], &files, &error);
        if (ok && files == 0) ok = error_set(&error, "expected files or folders with seeds, found none");
    }
    if (!ok) {
        fprintf(stderr, "%s: %s\n", argv[0], error.message);
        return 1;
    }
    printf("%s: %zu files, %d variants of each\n", argv[0], files, MUTATIONS + 1);
    return 0;
}
