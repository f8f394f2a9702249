// Which answers of a file do not parse: parse_cases FILE.jsonl KEY [all]. For people, not run by ctest.
//
// KEY names the field with the answer, a text or a list of texts. Prints each answer that does not parse with the
// reason, and the rate; with "all", every answer and its term.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/math/parse.h"

static long answers, parsed, texts;

static void try_one(const char *text, bool all) {
    Arena *arena = arena_create();
    const Term *term;
    Error error;
    bool ok = math_parse(str_of(text), arena, &term, &error);
    answers++;
    parsed += ok;
    texts += ok && term->kind == TERM_TEXT;
    if (!ok) printf("%s: %s\n", text, error.message);
    if (ok && all) {
        Buf line;
        buf_init(&line, 0);
        term_write(term, &line);
        printf("%s => %s\n", text, line.data);
        buf_free(&line);
    }
    arena_destroy(arena);
}

int main(int argc, char **argv) {
    FILE *file = argc >= 3 ? fopen(argv[1], "r") : NULL;
    if (file == NULL) {
        fprintf(stderr, "usage: parse_cases FILE.jsonl KEY [all]\n");
        return 2;
    }
    char *line = NULL;
    size_t capacity = 0;
    bool all = argc > 3 && strcmp(argv[3], "all") == 0;
    while (getline(&line, &capacity, file) > 0) {
        json_t *row = json_loads(line, 0, NULL), *value = json_object_get(row, argv[2]);
        if (json_is_string(value)) try_one(json_string_value(value), all);
        size_t i;
        json_t *item;
        json_array_foreach(value, i, item) {
            if (json_is_string(item)) try_one(json_string_value(item), all);
        }
        json_decref(row);
    }
    free(line);
    fclose(file);
    printf("%ld answers, %ld parse (%.2f%%), %ld of them as words\n", answers, parsed,
           100.0 * (double)parsed / (double)(answers > 0 ? answers : 1), texts);
    return 0;
}
