// Words and what they mean in an answer: the tables of lexer.h, but for commands.
#include <strings.h>

#include "eval/math/lexer.h"

typedef struct Meaning {
    const char *word, *text;
} Meaning;

static const char *find(const Meaning *table, size_t n, Str word, bool any_case) {
    for (size_t i = 0; i < n; i++) {
        Str entry = str_of(table[i].word);
        if (entry.len != word.len) continue;
        bool same = any_case ? strncasecmp(entry.ptr, word.ptr, word.len) == 0 : str_equal(entry, word);
        if (same) return table[i].text != NULL ? table[i].text : table[i].word;
    }
    return NULL;
}
#define FIND(table, word, any_case) find(table, sizeof(table) / sizeof(table)[0], word, any_case)

const char *word_function(Str word) {
    static const Meaning table[] = {
        {"sin", NULL},       {"cos", NULL},       {"tan", NULL},       {"cot", NULL},       {"sec", NULL},
        {"csc", NULL},       {"sinh", NULL},      {"cosh", NULL},      {"tanh", NULL},      {"coth", NULL},
        {"sech", NULL},      {"csch", NULL},      {"arcsin", NULL},    {"arccos", NULL},    {"arctan", NULL},
        {"arccot", NULL},    {"arcsec", NULL},    {"arccsc", NULL},    {"asin", "arcsin"},  {"acos", "arccos"},
        {"atan", "arctan"},  {"arsinh", NULL},    {"arcosh", NULL},    {"artanh", NULL},    {"arcsinh", NULL},
        {"arccosh", NULL},   {"arctanh", NULL},   {"asinh", "arsinh"}, {"acosh", "arcosh"}, {"atanh", "artanh"},
        {"exp", NULL},       {"ln", NULL},        {"log", NULL},       {"lg", NULL},        {"gcd", NULL},
        {"lcm", NULL},       {"min", NULL},       {"max", NULL},       {"floor", NULL},     {"ceil", NULL},
        {"ceiling", "ceil"}, {"abs", NULL},       {"det", NULL},       {"sqrt", NULL},      {"cbrt", NULL},
        {"tg", "tan"},       {"ctg", "cot"},      {"arctg", "arctan"}, {"cosec", "csc"},    {"binom", "binomial"},
        {"binomial", NULL},  {"GCD", "gcd"},      {"LCM", "lcm"},      {"gcf", "gcd"},      {"sgn", NULL},
        {"sign", "sgn"},     {"arg", NULL},       {"deg", NULL},       {"dim", NULL},       {"rank", NULL},
        {"sup", NULL},       {"inf", NULL},       {"arcctg", "arccot"}, {"Re", NULL},       {"Im", NULL},
        {"lcd", NULL},       {"ord", NULL},       {"trace", NULL},     {"adj", NULL},       {"proj", NULL},
    };
    return FIND(table, word, false);
}

const char *word_constant(Str word) {
    static const Meaning table[] = {
        {"pi", NULL},
        {"infinity", NULL},
        {"infty", "infinity"},
        {"oo", "infinity"},
        {"infinite", "infinity"},
        {"undefined", NULL},
        {"DNE", "undefined"},
        {"does not exist", "undefined"},
        {"not defined", "undefined"},
        {"no limit", "undefined"},
        {"limit does not exist", "undefined"},
        {"the limit does not exist", "undefined"},
    };
    return FIND(table, word, true);
}

bool word_is_empty_set(Str word) {
    static const Meaning table[] = {
        {"no solution", NULL},       {"no solutions", NULL},  {"no real solution", NULL}, {"no real solutions", NULL},
        {"empty set", NULL},         {"the empty set", NULL}, {"no roots", NULL},         {"no real roots", NULL},
        {"there is no solution", NULL},
    };
    return FIND(table, word, true) != NULL;
}

bool word_is_reals(Str word) {
    static const Meaning table[] = {
        {"all real numbers", NULL}, {"all reals", NULL},   {"real numbers", NULL},
        {"the real numbers", NULL}, {"all real x", NULL}, {"the set of all real numbers", NULL},
    };
    return FIND(table, word, true) != NULL;
}

int word_sign(Str word) {
    static const struct {
        const char *word;
        int sign;
    } table[] = {
        {"and", SIGN_AND},      {"or", SIGN_OR},          {"percent", '%'},          {"pct", '%'},
        {"degrees", SIGN_DEGREE}, {"degree", SIGN_DEGREE}, {"per cent", '%'},        {"mod", SIGN_MOD},
        {", and", SIGN_AND},    {", or", SIGN_OR},        {"and/or", SIGN_OR},       {"xor", SIGN_OR},
        {",", ','},             {";", ';'},               {"union", SIGN_UNION},     {"deg", SIGN_DEGREE},
        {"to", SIGN_TO},        {"plus", '+'},            {"times", '*'},            {"percents", '%'},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        Str entry = str_of(table[i].word);
        if (entry.len == word.len && strncasecmp(entry.ptr, word.ptr, word.len) == 0) return table[i].sign;
    }
    return 0;
}

const char *word_number(Str word) {
    static const Meaning table[] = {
        {"hundred", "100"},          {"thousand", "1000"},         {"million", "1000000"},      {"millions", "1000000"},
        {"billion", "1000000000"},   {"billions", "1000000000"},   {"trillion", "1000000000000"},
    };
    return FIND(table, word, true);
}

// Units that have two or more letters; a single plain letter is a variable. No word that reads as a product of
// variables (xy, ab) may stand here.
bool word_is_unit(Str word) {
    static const Meaning table[] = {
        {"cm", NULL},  {"mm", NULL},   {"km", NULL},   {"nm", NULL},   {"kg", NULL},  {"mg", NULL},  {"lb", NULL},
        {"lbs", NULL}, {"oz", NULL},   {"ft", NULL},   {"in", NULL},   {"yd", NULL},  {"mi", NULL},  {"hr", NULL},
        {"hrs", NULL}, {"min", NULL},  {"mins", NULL}, {"sec", NULL},  {"secs", NULL}, {"ms", NULL}, {"ml", NULL},
        {"mL", NULL},  {"kW", NULL},   {"kJ", NULL},   {"Hz", NULL},   {"kHz", NULL}, {"MHz", NULL}, {"mph", NULL},
        {"kph", NULL}, {"rpm", NULL},  {"am", NULL},   {"pm", NULL},   {"USD", NULL}, {"EUR", NULL}, {"GBP", NULL},
        {"rad", NULL}, {"rads", NULL}, {"mol", NULL},  {"kPa", NULL},  {"Pa", NULL},  {"eV", NULL},  {"keV", NULL},
        {"MeV", NULL}, {"GeV", NULL},  {"men", NULL},  {"way", NULL},  {"day", NULL}, {"sq", NULL},  {"cu", NULL},
        {"gal", NULL}, {"mile", NULL}, {"cc", NULL},   {"dm", NULL},   {"cups", NULL}, {"cup", NULL}, {"feet", NULL},
        {"foot", NULL}, {"year", NULL}, {"gram", NULL}, {"inch", NULL}, {"hour", NULL}, {"unit", NULL},
        {"units", NULL}, {"yrs", NULL}, {"Rs", NULL}, {"kmh", NULL}, {"kmph", NULL}, {"fps", NULL}, {"mmHg", NULL},
    };
    return FIND(table, word, false) != NULL;
}
