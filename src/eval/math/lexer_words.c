// Letters and words: plain ones, and those of \text{} and its like.
#include "eval/math/lexer_impl.h"

static bool is_letter(const Lexer *l, size_t at) {
    return at < l->end && isalpha((unsigned char)l->text.ptr[at]);
}

static const Token *last(const Lexer *l) {
    return l->n > 0 ? &l->items[l->n - 1] : NULL;
}

// ---- Plain words ----

static Str letters_at(const Lexer *l, size_t at) {
    size_t n = 0;
    while (is_letter(l, at + n))
        n++;
    return (Str){l->text.ptr + at, n};
}

static bool follows_value(const Lexer *l) {
    const Token *t = last(l);
    if (t == NULL) return false;
    return t->kind == TOKEN_DIGITS || t->kind == TOKEN_CLOSE || t->kind == TOKEN_CONSTANT || t->kind == TOKEN_NAME ||
           t->kind == TOKEN_WORDS || (t->kind == TOKEN_SIGN && (t->code == '%' || t->code == SIGN_DEGREE));
}

// Letters of one run that are a word and no product: four or more, with a vowel, and not in a row of the alphabet
static bool reads_as_word(Str run) {
    if (run.len < 4) return false;
    bool vowel = false, in_a_row = true;
    for (size_t i = 0; i < run.len; i++) {
        vowel |= strchr("aeiouyAEIOUY", run.ptr[i]) != NULL;
        in_a_row &= i == 0 || run.ptr[i] == run.ptr[i - 1] + 1;
    }
    return vowel && !in_a_row;
}

// Words of grammar, which stand among words alone: "of" may be a product elsewhere
static bool is_small_word(const Lexer *l, Str run) {
    static const char *const small[] = {"per", "the", "The", "for", "are", "all", "but", "not", "has", "was"};
    static const char *const smaller[] = {"of", "is", "by", "no", "at", "as", "a"};
    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {
        if (str_equal(run, str_of(small[i]))) return true;
    }
    const Token *before = last(l);
    for (size_t i = 0; i < sizeof smaller / sizeof smaller[0]; i++) {
        if (before != NULL && before->kind == TOKEN_WORDS && str_equal(run, str_of(smaller[i]))) return true;
    }
    return false;
}

// The longest function's name or "pi" that the run begins with
static size_t known_prefix(Str run, const char **function) {
    for (size_t n = run.len > 7 ? 7 : run.len; n >= 2; n--) {
        Str part = {run.ptr, n};
        *function = word_function(part);
        if (n == 2 && !str_equal(part, STR("ln")) && !str_equal(part, STR("pi"))) *function = NULL;
        if (*function != NULL || str_equal(part, STR("pi"))) return n;
    }
    return 0;
}

// "sinx", "xcosx", "2pir": functions and single letters. False where the run holds none.
static bool holds_functions(Str run) {
    const char *function;
    size_t letters = 0;
    bool any = false;
    for (size_t i = 0; i < run.len;) {
        size_t n = known_prefix((Str){run.ptr + i, run.len - i}, &function);
        letters = n > 0 ? 0 : letters + 1;
        any |= n > 0;
        if (letters > 2) return false;
        i += n > 0 ? n : 1;
    }
    return any;
}

static void add_letters(Lexer *l, Str run) {
    for (size_t i = 0; i < run.len;) {
        const char *function;
        size_t n = known_prefix((Str){run.ptr + i, run.len - i}, &function);
        Str part = {run.ptr + i, n > 0 ? n : 1};
        if (n > 0 && function != NULL)
            lexer_add(l, TOKEN_FUNCTION, 0, str_of(function));
        else if (n > 0 || part.ptr[0] == 'e' || part.ptr[0] == 'i')
            lexer_add(l, TOKEN_CONSTANT, 0, part);
        else
            lexer_add(l, TOKEN_NAME, 0, part);
        i += part.len;
    }
}

static bool opens_argument(const Lexer *l, size_t at) {
    while (at < l->end && l->text.ptr[at] == ' ')
        at++;
    return at < l->end && strchr("({_^\\", l->text.ptr[at]) != NULL;
}

static bool add_known_word(Lexer *l, Str run, size_t after) {
    bool called = word_function(run) != NULL && opens_argument(l, after); // "5 min", but "5 min(x, y)"
    bool unit = word_is_unit(run) && follows_value(l) && !called;
    if (unit && !(str_equal(run, STR("in")) && !l->spaced)) {
        lexer_add(l, TOKEN_WORDS, 0, run);
        return true;
    }
    const char *constant = word_constant(run);
    if (constant == NULL && str_equal(run, STR("inf")) && !opens_argument(l, after)) constant = "infinity";
    if (constant != NULL) {
        lexer_add(l, TOKEN_CONSTANT, 0, str_of(constant));
        return true;
    }
    int sign = word_sign(run);
    const char *function = word_function(run);
    if (sign != 0 && run.len > 1 && !(sign == SIGN_DEGREE && function != NULL && opens_argument(l, after))) {
        lexer_add(l, TOKEN_SIGN, sign, run);
        return true;
    }
    if (function != NULL) lexer_add(l, TOKEN_FUNCTION, 0, str_of(function));
    return function != NULL;
}

void lexer_read_letters(Lexer *l) {
    Str run = letters_at(l, l->at);
    size_t after = l->at + run.len;
    l->at = after;
    if (run.len > 1 && add_known_word(l, run, after)) return;
    if (run.len > 2 && run.len < 6 && follows_value(l) && str_starts(run, STR("or"))) { // "x=1orx=2"
        lexer_add(l, TOKEN_SIGN, SIGN_OR, STR("or"));
        run = (Str){run.ptr + 2, run.len - 2};
    }
    bool functions = run.len > 1 && holds_functions(run);
    if (is_small_word(l, run) || (!functions && (reads_as_word(run) || word_number(run) != NULL)))
        lexer_add(l, TOKEN_WORDS, 0, run);
    else
        add_letters(l, run);
}

// ---- Arguments of commands ----

// The text in braces at `at` and the place after it; without braces one byte. False where a brace is not closed.
static bool braced(Lexer *l, size_t at, Str *inner, size_t *after) {
    while (at < l->end && isspace((unsigned char)l->text.ptr[at]))
        at++;
    if (at >= l->end || l->text.ptr[at] != '{') {
        *inner = (Str){l->text.ptr + at, at < l->end ? 1 : 0};
        *after = at + inner->len;
        return true;
    }
    int32_t depth = 0;
    for (size_t i = at; i < l->end; i++) {
        if (l->text.ptr[i] == '\\') {
            i++;
            continue;
        }
        depth += (l->text.ptr[i] == '{') - (l->text.ptr[i] == '}');
        if (depth > 0) continue;
        *inner = (Str){l->text.ptr + at + 1, i - at - 1};
        *after = i + 1;
        return true;
    }
    return error_set(l->error, "expected a closing brace after byte %zu, found none", at);
}

static bool read_inner(Lexer *l, Str inner) { // as if it stood here
    size_t at = l->at, end = l->end;
    if (++l->nested > LEXER_MAX_NESTED)
        return error_set(l->error, "expected at most %d texts within each other", LEXER_MAX_NESTED);
    l->at = (size_t)(inner.ptr - l->text.ptr);
    l->end = l->at + inner.len;
    bool ok = lexer_read(l);
    l->nested--;
    l->at = at;
    l->end = end;
    return ok;
}

static Str one_line(Str words, Arena *arena) { // ~, line ends and runs of spaces as one space each
    char *out = arena_strndup(arena, words.ptr, words.len);
    size_t n = 0;
    for (size_t i = 0; i < words.len; i++) {
        char c = words.ptr[i];
        if (c == '\\' && i + 1 < words.len && strchr(" ,;!", words.ptr[i + 1]) != NULL) continue;
        if (isspace((unsigned char)c) || c == '~') c = ' ';
        if (c != ' ' || (n > 0 && out[n - 1] != ' ')) out[n++] = c;
    }
    return str_trim((Str){out, n});
}

static bool is_wordy(Str words) { // two letters in a row, and no formula's signs
    bool two = false;
    for (size_t i = 0; i < words.len; i++) {
        char c = words.ptr[i];
        if (strchr("\\$^_{}=+*<>|", c) != NULL) return false;
        two |= i > 0 && isalpha((unsigned char)c) && isalpha((unsigned char)words.ptr[i - 1]);
    }
    return two;
}

// m/s, m/s^2, a.m.: units that have no word in them
static bool is_unit_formula(Str words) {
    if (words.len == 0 || !isalpha((unsigned char)words.ptr[0])) return false;
    for (size_t i = 0; i < words.len; i++) {
        if (!isalnum((unsigned char)words.ptr[i]) && strchr("/^.{}- ", words.ptr[i]) == NULL) return false;
    }
    return memchr(words.ptr, '/', words.len) != NULL || words.ptr[words.len - 1] == '.';
}

static void add_words(Lexer *l, Str words);

// "cm and", "or both": the joint, and the words before or after it
static bool add_joined(Lexer *l, Str words) {
    static const struct {
        Str first, last;
        int sign;
    } joints[] = {{{"and ", 4}, {" and", 4}, SIGN_AND}, {{"or ", 3}, {" or", 3}, SIGN_OR}};
    for (size_t i = 0; i < 2; i++) {
        Str first = joints[i].first, end = joints[i].last;
        if (words.len <= first.len) continue;
        if (str_starts(words, first)) {
            lexer_add(l, TOKEN_SIGN, joints[i].sign, first);
            add_words(l, str_trim((Str){words.ptr + first.len, words.len - first.len}));
            return true;
        }
        if (str_ends(words, end)) {
            Str before = str_trim((Str){words.ptr, words.len - end.len});
            if (before.len > 0 && before.ptr[before.len - 1] == ',') before.len--;
            if (before.len > 0) add_words(l, before);
            lexer_add(l, TOKEN_SIGN, joints[i].sign, end);
            return true;
        }
    }
    return false;
}

static void add_words(Lexer *l, Str words) {
    const char *constant = word_constant(words);
    int sign = word_sign(words);
    if (constant != NULL)
        lexer_add(l, TOKEN_CONSTANT, 0, str_of(constant));
    else if (word_is_reals(words))
        lexer_add(l, TOKEN_NAME, 0, STR("\\mathbb{R}"));
    else if (word_is_empty_set(words))
        lexer_add(l, TOKEN_COMMAND, 0, STR("emptyset"));
    else if (sign != 0)
        lexer_add(l, TOKEN_SIGN, sign, words);
    else if (!add_joined(l, words))
        lexer_add(l, TOKEN_WORDS, 0, words)->roman = true;
}

// \text{...}: words as they are; "13", "(B)", "x = 3" and single letters as if they stood outside
static bool read_text(Lexer *l, Str inner, bool mathrm) {
    Str words = one_line(inner, l->arena);
    if (words.len == 0) {
        l->spaced = true;
        return true;
    }
    const char *function = mathrm ? word_function(words) : NULL;
    if (function != NULL) {
        lexer_add(l, TOKEN_FUNCTION, 0, str_of(function));
        return true;
    }
    bool one = words.len == 1 && isalpha((unsigned char)words.ptr[0]);
    if (one && (mathrm || !follows_value(l))) {
        bool constant = mathrm && (words.ptr[0] == 'e' || words.ptr[0] == 'i');
        lexer_add(l, constant ? TOKEN_CONSTANT : TOKEN_NAME, 0, words)->roman = true;
        return true;
    }
    bool unit = follows_value(l) && is_unit_formula(words);
    bool number = isdigit((unsigned char)words.ptr[0]) != 0; // \text{5 cm}
    if (one || unit || (is_wordy(words) && !number) || words.ptr[0] == '/') {
        add_words(l, words);
        return true;
    }
    return read_inner(l, inner);
}

bool lexer_read_text_command(Lexer *l, Str command) { // a command whose argument is no formula
    if (str_equal(command, STR("drop")) || str_equal(command, STR("mathbb")) || str_equal(command, STR("text")) ||
        str_equal(command, STR("mathrm"))) {
        Str inner;
        if (!braced(l, l->at, &inner, &l->at)) return false;
        if (command.ptr[0] == 'd') {
            l->spaced = true;
            return true;
        }
        if (command.len != 6 || command.ptr[4] != 'b') return read_text(l, inner, command.ptr[0] == 'm');
        Str name = {arena_alloc(l->arena, inner.len + 9, 1), inner.len + 9};
        memcpy((char *)name.ptr, "\\mathbb{", 8);
        memcpy((char *)name.ptr + 8, inner.ptr, inner.len);
        ((char *)name.ptr)[inner.len + 8] = '}';
        lexer_add(l, TOKEN_NAME, 0, name);
        return true;
    }
    Str inner; // \operatorname{lcm}, \operatorname*{max}
    if (l->at < l->end && l->text.ptr[l->at] == '*') l->at++;
    if (!braced(l, l->at, &inner, &l->at)) return false;
    inner = one_line(inner, l->arena);
    const char *function = word_function(inner);
    if (follows_value(l) && word_is_unit(inner) && !opens_argument(l, l->at)) // 5 \operatorname{cm}
        lexer_add(l, TOKEN_WORDS, 0, inner)->roman = true;
    else if (function != NULL || inner.len > 1)
        lexer_add(l, TOKEN_FUNCTION, 0, function != NULL ? str_of(function) : inner);
    else
        return read_text(l, inner, true);
    return true;
}
