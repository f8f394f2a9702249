// GPQA-Diamond, from the CSV of its authors: Question, Correct Answer, Incorrect Answer 1 to 3, Record ID.
//
// The order of a question's choices is drawn at an address made of the seed and its Record ID (or its text), so it does
// not depend on where the row stands in the file or on the other rows.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/philox.h"
#include "eval/task_parts.h"
#include "eval/tasks/tasks.h"

#define CHOICES 4

static void draw_order(uint64_t seed, Str name, int32_t order[CHOICES]) {
    Sha256Hex hash = sha256_bytes(name.ptr, name.len);
    unsigned high, low;
    int n = sscanf(hash.text, "%8x%8x", &high, &low);
    assert(n == 2);
    rng_permutation(seed, high, low, order, CHOICES);
}

static bool read(json_t *row, const char *where, const TaskReader *reader, TaskQuestion *q, Error *error) {
    static const char *const keys[CHOICES] = {"Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2",
                                              "Incorrect Answer 3"};
    Str question, choices[CHOICES];
    if (!task_need_text(row, where, "Question", reader, &question, error) ||
        !task_text_or_none(row, where, "Record ID", reader, &q->id, error)) {
        return false;
    }
    for (int i = 0; i < CHOICES; i++) {
        if (!task_need_text(row, where, keys[i], reader, &choices[i], error)) return false;
        choices[i] = str_trim(choices[i]);
        if (choices[i].len == 0) return error_set(error, "%s: key \"%s\": expected a text", where, keys[i]);
    }
    int32_t order[CHOICES];
    draw_order(reader->seed, q->id.len > 0 ? q->id : question, order);
    Buf text;
    buf_init(&text, 0);
    buf_add_str(&text, str_trim(question));
    buf_add_char(&text, '\n');
    for (int i = 0; i < CHOICES; i++) {
        buf_printf(&text, "\n%c) ", 'A' + i);
        buf_add_str(&text, choices[order[i]]);
        if (order[i] == 0) q->gold = task_keep(reader, (Str){&"ABCD"[i], 1});
    }
    q->text = task_keep(reader, buf_str(&text));
    buf_free(&text);
    return true;
}

static bool grade(const TaskGrader *grader, const TaskQuestion *question, Str text, const ExtractSettings *settings,
                  TaskVerdict *verdict, Error *error) {
    (void)grader, (void)error;
    char letter = extract_choice(text, settings, CHOICES, &verdict->found);
    if (letter == 0) return true;
    verdict->right = letter == question->gold.ptr[0];
    verdict->name = verdict->right ? "right" : "wrong";
    return true;
}

static bool same(Str a, Str b) { // a letter each, of either case
    return a.len == 1 && b.len == 1 && (a.ptr[0] & ~0x20) == (b.ptr[0] & ~0x20);
}

static const TaskFile files[] = {
    {"gpqa_diamond.csv, 198 rows", "github.com/idavidrein/gpqa and huggingface.co/datasets/Idavidrein/gpqa",
     "CC BY 4.0; its authors ask that it not be put in the open", NULL},
    {0},
};

const Task task_gpqa = {
    .name = "gpqa",
    .about = "GPQA-Diamond: science for experts, four choices",
    .files = files,
    .csv = true,
    .before = "Answer the multiple-choice question below. Put the letter of your choice, and nothing else, inside "
              "\\boxed{}.\n\n",
    .after =
        "\n\nReason step by step. On the last line, write \"Answer: \" and after it one of the letters A, B, C, D.",
    .prompt = "rlt",
    .read = read,
    .grade = grade,
    .same = same,
};
