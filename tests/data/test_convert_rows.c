// Rows as they are published become rows of this program; what cannot be read says why.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <string.h>

#include "data/convert_rows.h"
#include "data/row_source.h"

static ConvertRules rules_default(void) {
    return (ConvertRules){.thought_open = "<|begin_of_thought|>",
                          .thought_close = "<|end_of_thought|>",
                          .solution_open = "<|begin_of_solution|>",
                          .solution_close = "<|end_of_solution|>",
                          .trim = true};
}

// Converts `in` and compares with `out`, both with ' for " (a row's text), or the message with `out` where it fails.
static void check(const ConvertRules *rules, const char *in, const char *out) {
    Error error = {""};
    json_t *object, *expected;
    char text[2048];
    size_t n = strlen(in);
    for (size_t i = 0; i <= n; i++) text[i] = in[i] == '\'' ? '"' : in[i];
    if (!json_parse((Str){text, n}, "in", &object, &error)) fail_msg("%s", error.message);
    bool ok = convert_row(object, rules, "f:1", &error), should = out[0] == '{';
    for (size_t i = 0; i <= strlen(out); i++) text[i] = out[i] == '\'' ? '"' : out[i];
    if (ok != should) fail_msg("%s: %s", in, ok ? "converted" : error.message);
    if (ok) {
        assert_true(json_parse(str_of(text), "out", &expected, &error));
        if (!json_equal(object, expected)) fail_msg("%s\nexpected %s", json_dumps(object, 0), text);
        json_decref(expected);
    } else if (strcmp(error.message, text) != 0) {
        fail_msg("%s\nexpected %s", error.message, text);
    }
    json_decref(object);
}

#define ANSWER                                                                                                         \
    "<|begin_of_thought|>\\n\\nt1\\n\\nt2\\n\\n<|end_of_thought|>\\n\\n<|begin_of_solution|>\\n\\ns\\n\\n<|end_of_"    \
    "solution|>"

static void published_forms_are_read(void **state) {
    (void)state;
    ConvertRules rules = rules_default();
    const char *expected = "{'system':'y','question':'q','solution':'s','reasoning_trace':'t1\\n\\nt2'}";
    // Bespoke-Stratos-17k
    check(&rules,
          "{'system':'y','conversations':[{'from':'user','value':'q'},{'from':'assistant','value':'" ANSWER "'}]}",
          expected);
    check(&rules,
          "{'messages':[{'role':'system','content':'y'},{'role':'user','content':'q'},"
          "{'role':'assistant','content':'" ANSWER "'}]}",
          expected);
    check(&rules, "{'conversations':[{'from':'human','value':'q'},{'from':'gpt','value':'" ANSWER "'}],'system':'y'}",
          expected);
    check(&rules, "{'prompt':'q','solution':'\\n\\r\\ns\\n','reasoning_trace':'\\nt1\\n\\nt2\\n\\n','system':'y'}",
          expected);
    check(&rules, "{'question':'q','solution':'s','reasoning_trace':'t1\\n\\nt2','system':'y'}", expected);
    check(&rules, "{'question':'q','solution':'\\n  s: \\n'}", "{'question':'q','solution':'  s: '}");
    rules.trim = false;
    check(&rules, "{'question':' q ','solution':' s ','reasoning_trace':'t\\n'}",
          "{'question':' q ','solution':' s ','reasoning_trace':'t\\n'}");
    rules.untagged = true;
    check(&rules, "{'messages':[{'role':'user','content':'q'},{'role':'assistant','content':'s'}]}",
          "{'question':'q','solution':'s'}");
    rules.thought_open = "<think>", rules.thought_close = "</think>";
    check(&rules, "{'messages':[{'role':'user','content':'q'},{'role':'assistant','content':'<think>t</think>s'}]}",
          "{'question':'q','reasoning_trace':'t','solution':'s'}");
}

static void other_columns_are_kept(void **state) {
    (void)state;
    ConvertRules rules = rules_default();
    check(&rules, "{'id':[1,{'a':null}],'question':'q','solution':'s','prompt':'p','x':1.5,'conversations':7}",
          "{'id':[1,{'a':null}],'question':'q','solution':'s','prompt':'p','x':1.5,'conversations':7}");
    // a message that says more than who and what: the chat stays
    check(&rules,
          "{'conversations':[{'from':'user','value':'q','id':3},{'from':'assistant','value':'" ANSWER "'}],'n':1}",
          "{'question':'q','solution':'s','reasoning_trace':'t1\\n\\nt2','n':1,"
          "'conversations':[{'from':'user','value':'q','id':3},{'from':'assistant','value':'" ANSWER "'}]}");
}

static void columns_are_mapped(void **state) {
    (void)state;
    ConvertRules rules = rules_default();
    rules.columns[CONVERT_QUESTION] = "problem";
    rules.columns[CONVERT_SOLUTION] = "answer";
    check(&rules, "{'problem':'q','answer':'s','solution':'long','n':1}",
          "{'question':'q','solution':'s','original_solution':'long','n':1}");
    check(&rules, "{'problem':'q','answer':'s','solution':'a','original_solution':'b'}",
          "f:1: key 'solution': has no place: 'original_solution' is there too");
    check(&rules, "{'question':'q','answer':'s'}", "f:1: key 'problem': expected a value, found none");
    rules.columns[CONVERT_QUESTION] = "solution", rules.columns[CONVERT_SOLUTION] = "question";
    check(&rules, "{'question':'s','solution':'q'}", "{'question':'q','solution':'s'}");
    ConvertRules chat = rules_default();
    chat.columns[CONVERT_CHAT] = "turns";
    check(&chat, "{'turns':[{'role':'user','content':'q'},{'role':'assistant','content':'" ANSWER "'}]}",
          "{'question':'q','solution':'s','reasoning_trace':'t1\\n\\nt2'}");
}

#define IN_CHAT(answer) "{'conversations':[{'from':'user','value':'q'},{'from':'assistant','value':'" answer "'}]}"
#define TAGS(thought, solution) "<|begin_of_thought|>" thought "<|end_of_thought|>" solution
#define CHAT_ERROR "f:1: key 'conversations': "

static void what_cannot_be_read_says_why(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{'question':'q'}", "f:1: expected keys 'question' and 'solution', or 'conversations', or 'messages'"},
        {"{'question':'q','solution':3}", "f:1: key 'solution': expected a string"},
        {"{'question':'q','solution':' '}", "f:1: key 'solution': expected text, found none"},
        {"{'question':'q','solution':'s','reasoning_trace':[]}", "f:1: key 'reasoning_trace': expected a string"},
        {"{'conversations':'a'}", CHAT_ERROR "expected a list of messages"},
        {"{'conversations':[]}", CHAT_ERROR "expected one question and one answer"},
        {"{'conversations':[{'from':'user'}]}",
         CHAT_ERROR "message 0: expected strings 'role' and 'content' (or 'from', 'value')"},
        {"{'conversations':[{'from':'user','value':'q'},{'from':'user','value':'r'}]}",
         CHAT_ERROR "message 1: expected one question and one answer, found a turn of 'user'"},
        {"{'conversations':[{'from':'assistant','value':'q'}]}",
         CHAT_ERROR "message 0: expected one question and one answer, found a turn of 'assistant'"},
        {IN_CHAT("s"), CHAT_ERROR "the answer: expected <|begin_of_thought|>, found none"},
        {IN_CHAT("<|begin_of_thought|>t"), CHAT_ERROR "the answer: expected <|end_of_thought|>, found none"},
        {IN_CHAT("<|end_of_thought|>t<|begin_of_thought|>"),
         CHAT_ERROR "the answer: <|end_of_thought|> stands before <|begin_of_thought|>"},
        {IN_CHAT(TAGS("t", "s")), CHAT_ERROR "the answer: expected <|begin_of_solution|>, found none"},
        {IN_CHAT(TAGS("t", "<|begin_of_solution|>s")),
         CHAT_ERROR "the answer: expected <|end_of_solution|>, found none"},
        {IN_CHAT(TAGS("t", TAGS("u", "s"))), CHAT_ERROR "the answer: expected <|begin_of_thought|> once, found it again"},
        {IN_CHAT("a" TAGS("t", "<|begin_of_solution|>s<|end_of_solution|>")),
         CHAT_ERROR "the answer: text before its thought"},
        {IN_CHAT(TAGS("t", "a<|begin_of_solution|>s<|end_of_solution|>")),
         CHAT_ERROR "the answer: text before its solution"},
        {IN_CHAT(TAGS("t", "<|begin_of_solution|>s<|end_of_solution|>a")),
         CHAT_ERROR "the answer: text after its solution"},
        {IN_CHAT(TAGS(" ", "<|begin_of_solution|>s<|end_of_solution|>")),
         "f:1: key 'reasoning_trace': expected text, found none"},
        {"{'question':'other','conversations':[{'from':'user','value':'q'},{'from':'gpt','value':'" ANSWER "'}]}",
         "f:1: key 'question': differs from what the chat says"},
    };
    ConvertRules rules = rules_default();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) check(&rules, cases[i][0], cases[i][1]);
}

// Through the Parquet reader, convert_row and row_write: every column that a row had is in the line, with the same value.
static void kept_columns_read_back(void **state) {
    (void)state;
    RowsLimits limits = rows_limits_default();
    ConvertRules rules = rules_default();
    rules.columns[CONVERT_QUESTION] = rules.columns[CONVERT_SOLUTION] = "needed";
    RowSource *source, *expected;
    Error error;
    json_t *row, *before, *after;
    Buf line;
    buf_init(&line, 0);
    assert_true(row_source_open(TEST_DATA "/data/golden/parquet/snappy_v1.parquet", &limits, &source, &error));
    assert_true(row_source_open(TEST_DATA "/data/golden/parquet/snappy_v1.jsonl", &limits, &expected, &error));
    for (int i = 0; i < 40; i++) {
        assert_int_equal(row_source_next(source, &row, &error), ROW_SOURCE_ROW);
        assert_int_equal(row_source_next(expected, &before, &error), ROW_SOURCE_ROW);
        json_object_set(before, "question", json_object_get(before, "needed"));
        json_object_set(before, "solution", json_object_get(before, "needed"));
        json_object_del(before, "needed");
        if (json_is_null(json_object_get(before, "system"))) json_object_del(before, "system");
        assert_true(convert_row(row, &rules, "in", &error));
        Arena *arena = arena_create();
        Row made;
        if (!row_from_json(row, "in", &limits, arena, &made, &error)) fail_msg("%s", error.message);
        buf_clear(&line);
        row_write(&made, &line);
        if (!json_parse(buf_str(&line), "line", &after, &error)) fail_msg("%s", error.message);
        if (!json_equal(before, after)) fail_msg("row %d: %s", i + 1, line.data);
        row_release(&made);
        arena_destroy(arena);
        json_decref(before);
        json_decref(after);
    }
    row_source_close(source);
    row_source_close(expected);
    buf_free(&line);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_forms_are_read),
        cmocka_unit_test(other_columns_are_kept),
        cmocka_unit_test(columns_are_mapped),
        cmocka_unit_test(what_cannot_be_read_says_why),
        cmocka_unit_test(kept_columns_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
