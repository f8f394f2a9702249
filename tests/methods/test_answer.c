// Answers with budgets for thoughts. The reference writes the definition out for one answer at a time: rounds of
// generate() with one prompt and one slot, its text looked at between them. Bits are compared.
//
// The model is the random one of tests/golden/llama; the tags are characters that it writes often, so that every case comes
// up (the counts are checked).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "commands/model_bundle.h"
#include "methods/answer.h"
#include "text/stop_text.h"

#define N_QUESTIONS 6
#define SAMPLES 5
#define MAX_TOKENS 40

static ModelBundle bundle;
static Backend *backend;
static Pass *pass;
static Dialogue dialogue;
static Ids prompts[N_QUESTIONS];

static DialogueFormat format = {.solution_open = "<S>", .solution_close = "q", .thought_open = " ", .thought_close = "t",
                                .padding = "\n\n", .student_system = ""};

static int open_all(void **state) {
    (void)state;
    Error error;
    if (!backend_create("cpu", &backend, &error) || !model_bundle_open(TEST_DATA "/golden/llama", &bundle, &error) ||
        !model_bundle_load(&bundle, backend, DTYPE_F32, &error)) {
        fail_msg("%s", error.message);
    }
    pass = pass_create(bundle.model, (PassSettings){0});
    dialogue = (Dialogue){bundle.tokenizer, &bundle.chat, &format};
    for (int i = 0; i < N_QUESTIONS; i++) {
        char text[64];
        snprintf(text, sizeof text, "Question number %d: what is %d + 1?", i, 7 * i);
        tokenizer_encode(bundle.tokenizer, str_of(text), &prompts[i]);
    }
    return 0;
}

static int close_all(void **state) {
    (void)state;
    for (int i = 0; i < N_QUESTIONS; i++) ids_free(&prompts[i]);
    pass_destroy(pass);
    model_bundle_close(&bundle);
    backend_destroy(backend);
    return 0;
}

// ---- answers

typedef struct Output {
    Answer answers[N_QUESTIONS][SAMPLES]; // ids owned
    int calls[N_QUESTIONS];
} Output;

static bool keep(void *context, int32_t question, const Answer *answers, Error *error) {
    (void)error;
    Output *out = context;
    out->calls[question]++;
    for (int s = 0; s < SAMPLES; s++) {
        Answer copy = answers[s];
        copy.ids = (Ids){0};
        ids_extend(&copy.ids, answers[s].ids.data, answers[s].ids.len);
        out->answers[question][s] = copy;
    }
    return true;
}

static AnswerSettings settings_of(int32_t slots, int32_t thought_max, int32_t thought_min, Output *out) {
    return (AnswerSettings){
        .generate = {.sampling = {.temperature = 1.5f, .top_p = 1}, .seed = 9, .max_tokens = MAX_TOKENS, .max_slots = slots},
        .dialogue = &dialogue, .samples = SAMPLES, .thought_max = thought_max, .thought_min = thought_min, .waits_max = 2,
        .wait_text = "Wait", .done = keep, .context = out};
}

static void answer_all(const AnswerSettings *settings) {
    AnswerQuestion questions[N_QUESTIONS];
    for (int i = 0; i < N_QUESTIONS; i++) questions[i] = (AnswerQuestion){prompts[i].data, prompts[i].len, (uint32_t)(100 + i)};
    Error error;
    if (!answer_questions(bundle.model, pass, questions, N_QUESTIONS, settings, &error)) fail_msg("%s", error.message);
}

static void output_free(Output *out) {
    for (int q = 0; q < N_QUESTIONS; q++) {
        for (int s = 0; s < SAMPLES; s++) ids_free(&out->answers[q][s].ids);
    }
}

// ---- the reference

static StopText reference_stop;

static bool generate_one(const AnswerSettings *a, int q, int s, uint32_t round, const Ids *so_far, int32_t limit, Completion *c) {
    Ids ids = {0};
    ids_extend(&ids, prompts[q].data, prompts[q].len);
    ids_extend(&ids, so_far->data, so_far->len);
    const GeneratePrompt prompt = {ids.data, ids.len, (uint32_t)(100 + q), (uint32_t)s, 1};
    GenerateSettings g = a->generate;
    g.step = round, g.max_tokens = limit, g.max_slots = 1;
    g.stop = stop_text_reached, g.stop_context = &reference_stop;
    Error error;
    bool ok = generate(bundle.model, pass, &prompt, 1, &g, c, NULL, &error);
    ids_free(&ids);
    return ok;
}

static bool has(const char *text, const char *part) { return strstr(text, part) != NULL; }

static Answer reference(const AnswerSettings *a, int q, int s) {
    Answer r = {.finish = FINISH_LENGTH};
    bool over = false;
    Buf text;
    buf_init(&text, 0);
    for (uint32_t round = 0; r.ids.len < MAX_TOKENS; round++) {
        bool limited = a->thought_max > 0 && !over;
        int32_t limit = (limited && a->thought_max < MAX_TOKENS ? a->thought_max : MAX_TOKENS) - r.ids.len;
        Completion c;
        assert_true(generate_one(a, q, s, round, &r.ids, limit > 0 ? limit : 1, &c));
        ids_extend(&r.ids, c.ids, c.n);
        r.finish = c.finish;
        completion_free(&c);
        buf_clear(&text);
        tokenizer_decode(bundle.tokenizer, r.ids.data, r.ids.len, false, &text);
        if (r.finish == FINISH_STOP && (a->thought_min == 0 || has(text.data, "q"))) break; // the solution is closed
        int32_t before = r.ids.len;
        if (r.finish == FINISH_STOP) { // at the end of a thought
            if (!over && before < a->thought_min && r.n_waits < a->waits_max) {
                // without the token in which the first "t" stands
                size_t end = (size_t)(strchr(text.data, 't') - text.data);
                Buf lead;
                buf_init(&lead, 0);
                int32_t n = 0;
                for (; n < before; n++) {
                    tokenizer_decode(bundle.tokenizer, &r.ids.data[n], 1, false, &lead);
                    if (lead.len > end) break;
                }
                buf_free(&lead);
                r.ids.len = before = n;
                tokenizer_encode(bundle.tokenizer, STR("Wait"), &r.ids);
                r.n_put += r.ids.len - before;
                r.n_waits++;
            } else {
                over = true;
            }
        } else if (before < MAX_TOKENS) { // at the limit of the thought
            over = true;
            if (has(text.data, " ") && !has(text.data, "t")) {
                tokenizer_encode(bundle.tokenizer, STR("\n\nt\n\n<S>"), &r.ids);
                r.n_put += r.ids.len - before;
                r.closed = true;
            }
        }
        r.finish = FINISH_LENGTH; // should there be no room for more
    }
    buf_free(&text);
    return r;
}

// ---- tests

static int n_closed, n_waits;

static void compare_with_reference(int32_t thought_max, int32_t thought_min) {
    Output out = {0};
    AnswerSettings settings = settings_of(64, thought_max, thought_min, &out);
    reference_stop = stop_text(bundle.tokenizer, "q");
    if (thought_min > 0) reference_stop.texts[reference_stop.n++] = STR("t");
    answer_all(&settings);
    for (int q = 0; q < N_QUESTIONS; q++) {
        assert_int_equal(out.calls[q], 1);
        for (int s = 0; s < SAMPLES; s++) {
            const Answer *got = &out.answers[q][s];
            Answer expected = reference(&settings, q, s);
            assert_int_equal(got->ids.len, expected.ids.len);
            assert_memory_equal(got->ids.data, expected.ids.data, (size_t)got->ids.len * sizeof(int32_t));
            assert_int_equal(got->finish, expected.finish);
            assert_int_equal(got->n_put, expected.n_put);
            assert_int_equal(got->n_waits, expected.n_waits);
            assert_int_equal(got->closed, expected.closed);
            n_closed += got->closed, n_waits += got->n_waits;
            ids_free(&expected.ids);
        }
    }
    stop_text_free(&reference_stop);
    output_free(&out);
}

static void as_the_definition_says(void **state) {
    (void)state;
    n_closed = n_waits = 0;
    compare_with_reference(0, 0);
    assert_true(n_closed == 0 && n_waits == 0);
    compare_with_reference(12, 0);
    assert_in_range(n_closed, 3, N_QUESTIONS * SAMPLES - 3);
    compare_with_reference(0, 20);
    assert_in_range(n_waits, 5, 2 * N_QUESTIONS * SAMPLES);
    compare_with_reference(25, 18);
    compare_with_reference(MAX_TOKENS + 5, 0); // beyond the answer's own limit
}

static void slots_change_nothing(void **state) {
    (void)state;
    const int32_t slots[] = {1, 7, 64};
    Output out[3] = {0};
    for (int i = 0; i < 3; i++) {
        AnswerSettings settings = settings_of(slots[i], 15, 10, &out[i]);
        answer_all(&settings);
    }
    for (int i = 1; i < 3; i++) {
        for (int q = 0; q < N_QUESTIONS; q++) {
            for (int s = 0; s < SAMPLES; s++) {
                const Answer *a = &out[0].answers[q][s], *b = &out[i].answers[q][s];
                assert_int_equal(a->ids.len, b->ids.len);
                assert_memory_equal(a->ids.data, b->ids.data, (size_t)a->ids.len * sizeof(int32_t));
            }
        }
    }
    for (int i = 0; i < 3; i++) output_free(&out[i]);
}

static bool refuse_third(void *context, int32_t question, const Answer *answers, Error *error) {
    (void)question, (void)answers;
    return ++*(int *)context < 3 || error_set(error, "no more");
}

static void a_failure_ends_the_run(void **state) {
    (void)state;
    int calls = 0;
    AnswerSettings settings = settings_of(64, 15, 10, NULL);
    settings.done = refuse_third, settings.context = &calls;
    AnswerQuestion questions[N_QUESTIONS];
    for (int i = 0; i < N_QUESTIONS; i++) questions[i] = (AnswerQuestion){prompts[i].data, prompts[i].len, (uint32_t)i};
    Error error = {""};
    assert_false(answer_questions(bundle.model, pass, questions, N_QUESTIONS, &settings, &error));
    assert_string_equal(error.message, "no more");
    assert_int_equal(calls, 3);
}

// A context that is full ends an answer, whatever its budgets.
static void context_is_respected(void **state) {
    (void)state;
    Output out = {0};
    AnswerSettings settings = settings_of(64, 12, 0, &out);
    settings.generate.max_context = prompts[0].len + 14;
    answer_all(&settings);
    for (int q = 0; q < N_QUESTIONS; q++) {
        for (int s = 0; s < SAMPLES; s++) {
            const Answer *a = &out.answers[q][s];
            assert_true(prompts[q].len + a->ids.len - a->n_put <= settings.generate.max_context);
        }
    }
    output_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_definition_says),
        cmocka_unit_test(slots_change_nothing),
        cmocka_unit_test(a_failure_ends_the_run),
        cmocka_unit_test(context_is_respected),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
