// Training. Reference: the definition itself, each merge found by counting all pairs of all pieces anew.
#include "text_test.h"

#include "base/philox.h"
#include "text/pretokenize.h"

#define MAX_PIECES 4096
#define MAX_TOKENS 400

typedef struct Slow { // the trainer by definition
    int32_t *symbols[MAX_PIECES];
    int32_t n[MAX_PIECES], n_pieces;
    Buf tokens[MAX_TOKENS];
    int32_t n_tokens;
} Slow;

static void add_piece(void *context, Str piece) {
    Slow *s = context;
    assert_true(s->n_pieces < MAX_PIECES);
    int32_t *symbols = mem_alloc(piece.len, sizeof *symbols);
    for (size_t i = 0; i < piece.len; i++) symbols[i] = (unsigned char)piece.ptr[i];
    s->symbols[s->n_pieces] = symbols;
    s->n[s->n_pieces++] = (int32_t)piece.len;
}

static bool merge_best(Slow *s) {
    static int32_t counts[MAX_TOKENS][MAX_TOKENS];
    memset(counts, 0, sizeof counts);
    for (int32_t p = 0; p < s->n_pieces; p++) {
        for (int32_t i = 0; i + 1 < s->n[p]; i++) counts[s->symbols[p][i]][s->symbols[p][i + 1]]++;
    }
    int32_t left = 0, right = 0; // the first of the most frequent, in order of left and right
    for (int32_t a = 0; a < s->n_tokens; a++) {
        for (int32_t b = 0; b < s->n_tokens; b++) {
            if (counts[a][b] > counts[left][right]) left = a, right = b;
        }
    }
    if (counts[left][right] < 2) return false;
    int32_t joined = s->n_tokens++;
    buf_init(&s->tokens[joined], 0);
    buf_add_str(&s->tokens[joined], buf_str(&s->tokens[left]));
    buf_add_str(&s->tokens[joined], buf_str(&s->tokens[right]));
    for (int32_t p = 0; p < s->n_pieces; p++) {
        int32_t *symbols = s->symbols[p], n = 0;
        for (int32_t i = 0; i < s->n[p]; i++) {
            bool pair = i + 1 < s->n[p] && symbols[i] == left && symbols[i + 1] == right;
            symbols[n++] = pair ? joined : symbols[i];
            i += pair;
        }
        s->n[p] = n;
    }
    return true;
}

static void slow_train(Slow *s, Str text, int32_t most) {
    const char *patterns[] = {PATTERN_GPT2};
    Pretokenizer *p;
    Error error;
    assert_true(pretokenizer_create(patterns, 1, "f", &p, &error));
    pretokenize(p, text, add_piece, s);
    pretokenizer_destroy(p);
    for (; s->n_tokens < 256; s->n_tokens++) {
        buf_init(&s->tokens[s->n_tokens], 0);
        buf_add_char(&s->tokens[s->n_tokens], (char)s->n_tokens);
    }
    while (s->n_tokens < 256 + most && merge_best(s)) {
    }
}

static void slow_free(Slow *s) {
    for (int32_t p = 0; p < s->n_pieces; p++) mem_free(s->symbols[p]);
    for (int32_t t = 0; t < s->n_tokens; t++) buf_free(&s->tokens[t]);
    mem_free(s);
}

// Few letters: many ties, runs of one letter, pairs that come and go.
static Buf random_text(uint64_t seed, int letters, int n) {
    Buf text;
    buf_init(&text, 0);
    RngAddress address = {.seed = seed, .purpose = RNG_TEST};
    for (int i = 0; i < n; i++, address.position++) {
        uint64_t draw = rng_below(&address, (uint64_t)letters + 1);
        buf_add_char(&text, draw == 0 ? ' ' : (char)('a' + draw - 1));
    }
    return text;
}

static Tokenizer *trained(const TokenizerTraining *training) {
    Tokenizer *t;
    Error error;
    if (!tokenizer_train(training, &t, &error)) fail_msg("%s", error.message);
    return t;
}

static void tokens_are_those_of_the_definition(void **state) {
    (void)state;
    const struct { int letters, n, most; } cases[] = {{1, 400, 50}, {2, 3000, 100}, {3, 4000, 140}, {20, 6000, 140}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        Buf text = random_text(c, cases[c].letters, cases[c].n);
        Str document = buf_str(&text);
        Slow *slow = mem_alloc(1, sizeof *slow);
        slow_train(slow, document, cases[c].most);
        TokenizerTraining training = {.documents = &document, .n_documents = 1, .vocabulary_size = 256 + cases[c].most};
        Tokenizer *t = trained(&training);
        assert_int_equal(tokenizer_size(t), slow->n_tokens);
        for (int32_t id = 0; id < slow->n_tokens; id++) {
            Buf found = decoded(t, &(Ids){&id, 1, 1}, false);
            assert_str(buf_str(&found), buf_str(&slow->tokens[id]));
            buf_free(&found);
        }
        tokenizer_destroy(t);
        slow_free(slow);
        buf_free(&text);
    }
}

// Specials have the last ids, are not learnt from, and encode as themselves; what was trained reads back from its JSON.
static void specials_stand_apart(void **state) {
    (void)state;
    const Str documents[] = {STR("<tag>12 12 123<end>"), STR("123 123\xFF 123<tag>")};
    const Str specials[] = {STR("<end>"), STR("<tag>")};
    TokenizerTraining training = {documents, 2, specials, 2, 1, 300, SPLIT_LLAMA3};
    Tokenizer *t = trained(&training);
    int32_t n = tokenizer_size(t);
    assert_true(n < 300); // nothing is left that occurs twice
    assert_int_equal(tokenizer_id(t, STR("<end>")), n - 2);
    assert_int_equal(tokenizer_id(t, STR("<tag>")), n - 1);
    assert_true(tokenizer_is_control(t, n - 2) && !tokenizer_is_control(t, n - 1));
    assert_int_equal(tokenizer_id(t, STR("<t")), -1);
    Ids ids = encoded(t, STR("<tag>123<end>"));
    const int32_t expected[] = {n - 1, tokenizer_id(t, STR("123")), n - 2};
    assert_ids(&ids, expected, 3);
    assert_true(expected[1] >= 256);
    Buf json;
    buf_init(&json, 0);
    tokenizer_to_json(t, &json);
    Tokenizer *back = tokenizer_of_json(buf_str(&json));
    Ids again = encoded(back, STR("<tag>123<end>"));
    assert_ids(&again, expected, 3);
    Buf text = decoded(back, &again, true);
    assert_str(buf_str(&text), STR("<tag>123"));
    buf_free(&json), buf_free(&text);
    ids_free(&ids), ids_free(&again);
    tokenizer_destroy(t), tokenizer_destroy(back);
}

static void invalid_bytes_are_learnt_as_replaced(void **state) {
    (void)state;
    const Str document = STR("\xFF\xFF \xFF\xFF");
    TokenizerTraining training = {.documents = &document, .n_documents = 1, .vocabulary_size = 300};
    Tokenizer *t = trained(&training);
    assert_true(tokenizer_id(t, STR("\xEF\xBF\xBD")) >= 256);
    assert_int_equal(tokenizer_id(t, STR("\xFF\xFF")), -1);
    tokenizer_destroy(t);
}

static void wrong_trainings_are_refused(void **state) {
    (void)state;
    const Str twice[] = {STR("<a>"), STR("<a>")}, empty[] = {STR("")}, nul[] = {{"a\0b", 3}}, letter[] = {STR("a")};
    const struct {
        const Str *specials;
        int32_t n, size;
        const char *message;
    } cases[] = {
        {NULL, 0, 255, "vocabulary of 255 tokens: expected 256 to 1000000"},
        {twice, 2, 257, "vocabulary of 257 tokens: expected 258 to 1000000"},
        {NULL, 0, 1000001, "vocabulary of 1000001 tokens"},
        {twice, 2, 300, "special token 1: a text that is given twice"},
        {empty, 1, 300, "special token 0: expected a text"},
        {nul, 1, 300, "specials: special token 256: expected a text"},
        {letter, 1, 300, "specials: special token 256 has the text of token 97"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TokenizerTraining training = {NULL, 0, cases[i].specials, cases[i].n, 0, cases[i].size, SPLIT_GPT2};
        Tokenizer *t;
        Error error;
        assert_false(tokenizer_train(&training, &t, &error));
        if (strncmp(error.message, cases[i].message, strlen(cases[i].message)) != 0) fail_msg("%s", error.message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_those_of_the_definition),
        cmocka_unit_test(specials_stand_apart),
        cmocka_unit_test(invalid_bytes_are_learnt_as_replaced),
        cmocka_unit_test(wrong_trainings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
