// What stands around an answer, and signs of other scripts: latex_tidy of lexer.h.
#include <ctype.h>
#include <string.h>

#include "eval/math/lexer.h"

#define STRIP_MAX_LAYERS 16

// ---- What stands around ----

static bool strip_pair(Str *text, Str open, Str close) {
    if (text->len < open.len + close.len || !str_starts(*text, open) || !str_ends(*text, close)) return false;
    Str inner = {text->ptr + open.len, text->len - open.len - close.len};
    if (str_find(inner, close, 0) >= 0) return false; // "$1$ and $2$" is no pair
    *text = str_trim(inner);
    return true;
}

// The brace that ends \boxed{...} is the text's last byte.
static bool strip_boxed(Str *text) {
    Str open = STR("\\boxed{");
    if (!str_starts(*text, open) || !str_ends(*text, STR("}"))) return false;
    int depth = 1;
    for (size_t i = open.len; i + 1 < text->len; i++) {
        if (text->ptr[i] == '\\') {
            i++;
            continue;
        }
        depth += (text->ptr[i] == '{') - (text->ptr[i] == '}');
        if (depth == 0) return false;
    }
    *text = str_trim((Str){text->ptr + open.len, text->len - open.len - 1});
    return true;
}

static bool strip_end(Str *text) {
    if (text->len == 0 || strchr(".,;:\\", text->ptr[text->len - 1]) == NULL) return false;
    if (str_ends(*text, STR(".."))) return false;
    *text = str_trim((Str){text->ptr, text->len - 1});
    return true;
}

Str latex_strip(Str text) {
    static const struct {
        Str open, close;
    } pairs[] = {
        {{"$$", 2}, {"$$", 2}},   {{"$", 1}, {"$", 1}},     {{"\\(", 2}, {"\\)", 2}},
        {{"\\[", 2}, {"\\]", 2}}, {{"**", 2}, {"**", 2}},   {{"`", 1}, {"`", 1}},
    };
    text = str_trim(text);
    bool again = true;
    for (int layers = 0; again && layers < STRIP_MAX_LAYERS; layers++) {
        again = strip_boxed(&text) || strip_end(&text);
        for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
            again |= strip_pair(&text, pairs[i].open, pairs[i].close);
    }
    return text;
}

// ---- Doubled backslashes ----

static size_t command_length(Str text, size_t at) { // letters from `at` on
    size_t n = 0;
    while (at + n < text.len && isalpha((unsigned char)text.ptr[at + n]))
        n++;
    return n;
}

// "\\frac" where no matrix may have rows, or "\\begin": the text was escaped once too often.
static bool is_doubled(Str text) {
    bool environment = str_find(text, STR("\\begin"), 0) >= 0;
    for (ptrdiff_t at = 0; (at = str_find(text, STR("\\\\"), (size_t)at)) >= 0; at += 2) {
        Str name = {text.ptr + at + 2, command_length(text, (size_t)at + 2)};
        if (name.len < 2) continue;
        if (str_equal(name, STR("begin"))) return true;
        if (!environment && (command_token(name) != NULL || word_function(name) != NULL)) return true;
    }
    return false;
}

static Str halve(Str text, Arena *arena) {
    char *out = arena_strndup(arena, text.ptr, text.len);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        out[n++] = text.ptr[i];
        if (text.ptr[i] == '\\' && i + 1 < text.len && text.ptr[i + 1] == '\\') i++;
    }
    return (Str){out, n};
}

// ---- Other scripts ----

static const struct {
    const char *sign, *latex;
} signs[] = {
    {"−", "-"}, {"–", "-"}, {"—", "-"}, {"‐", "-"}, {"‑", "-"}, {"×", "\\times "},
    {"✕", "\\times "}, {"⋅", "\\cdot "}, {"·", "\\cdot "}, {"∙", "\\cdot "}, {"•", "\\cdot "},
    {"∗", "*"}, {"÷", "\\div "},
    {"∕", "/"}, {"⁄", "/"}, {"±", "\\pm "}, {"∓", "\\mp "}, {"√", "\\sqrt "},
    {"∛", "\\sqrt[3]"}, {"∜", "\\sqrt[4]"},
    {"π", "\\pi "}, {"𝜋", "\\pi "}, {"∞", "\\infty "}, {"≤", "\\le "}, {"≥", "\\ge "}, {"⩽", "\\le "},
    {"⩾", "\\ge "},
    {"≦", "\\le "}, {"≧", "\\ge "}, {"≠", "\\ne "}, {"≈", "\\approx "}, {"≃", "\\approx "},
    {"≅", "\\cong "},
    {"≡", "\\equiv "}, {"∪", "\\cup "}, {"∩", "\\cap "}, {"∖", "\\setminus "}, {"∈", "\\in "},
    {"∉", "\\notin "},
    {"⊂", "\\subset "}, {"⊆", "\\subseteq "}, {"⊃", "\\supset "}, {"⊇", "\\supseteq "},
    {"∅", "\\emptyset "}, {"Ø", "\\emptyset "},
    {"ℝ", "\\mathbb{R}"}, {"ℤ", "\\mathbb{Z}"}, {"ℕ", "\\mathbb{N}"}, {"ℚ", "\\mathbb{Q}"},
    {"ℂ", "\\mathbb{C}"},
    {"°", "^\\circ "}, {"º", "^\\circ "}, {"˚", "^\\circ "}, {"′", "'"}, {"’", "'"}, {"‘", "'"},
    {"″", "''"},
    {"“", ""}, {"”", ""}, {"…", "\\ldots "}, {"⋯", "\\ldots "}, {"¢", "\\text{ cents}"},
    {"∠", "\\angle "}, {"△", "\\triangle "},
    {"⌊", "\\lfloor "}, {"⌋", "\\rfloor "}, {"⌈", "\\lceil "}, {"⌉", "\\rceil "}, {"⟨", "\\langle "},
    {"⟩", "\\rangle "},
    {"→", "\\to "}, {"⇒", "\\to "}, {"∧", "\\wedge "}, {"∨", "\\vee "}, {"∣", "|"}, {"∑", "\\sum "},
    {"∏", "\\prod "}, {"∫", "\\int "},
    {"½", "\\frac12 "}, {"⅓", "\\frac13 "}, {"⅔", "\\frac23 "}, {"¼", "\\frac14 "}, {"¾", "\\frac34 "},
    {"⅕", "\\frac15 "},
    {"⅖", "\\frac25 "}, {"⅗", "\\frac35 "}, {"⅘", "\\frac45 "}, {"⅙", "\\frac16 "}, {"⅚", "\\frac56 "},
    {"⅛", "\\frac18 "},
    {"⅜", "\\frac38 "}, {"⅝", "\\frac58 "}, {"⅞", "\\frac78 "}, {"€", "\\euro "}, {"£", "\\pounds "},
    {"¥", "\\pounds "},
    {"。", ""},
    {"、", ","},
    {"α", "\\alpha "}, {"β", "\\beta "}, {"γ", "\\gamma "}, {"δ", "\\delta "}, {"ε", "\\epsilon "},
    {"ζ", "\\zeta "},
    {"η", "\\eta "}, {"θ", "\\theta "}, {"κ", "\\kappa "}, {"λ", "\\lambda "}, {"μ", "\\mu "},
    {"µ", "\\mu "}, {"ν", "\\nu "},
    {"ξ", "\\xi "}, {"ρ", "\\rho "}, {"σ", "\\sigma "}, {"τ", "\\tau "}, {"φ", "\\phi "},
    {"ϕ", "\\phi "}, {"χ", "\\chi "},
    {"ψ", "\\psi "}, {"ω", "\\omega "}, {"Γ", "\\Gamma "}, {"Δ", "\\Delta "}, {"Θ", "\\Theta "},
    {"Λ", "\\Lambda "},
    {"Σ", "\\Sigma "}, {"Φ", "\\Phi "}, {"Ψ", "\\Psi "}, {"Ω", "\\Omega "}, {"ℓ", "\\ell "},
    {"ħ", "\\hbar "},
    {"\u00a0", " "}, {"\u2009", " "}, {"\u202f", " "}, {"\u2002", " "}, {"\u2003", " "},
    {"\u3000", " "}, {"\u200b", ""},
    {"\u2061", ""}, {"\u2062", ""}, {"\ufeff", ""},
};

static const struct {
    const char *sign;
    char plain;
    bool below; // a subscript
} shifted[] = {
    {"⁰", '0', false}, {"¹", '1', false}, {"²", '2', false}, {"³", '3', false}, {"⁴", '4', false}, {"⁵", '5', false},
    {"⁶", '6', false}, {"⁷", '7', false}, {"⁸", '8', false}, {"⁹", '9', false}, {"⁺", '+', false}, {"⁻", '-', false},
    {"⁽", '(', false}, {"⁾", ')', false}, {"ⁿ", 'n', false}, {"ⁱ", 'i', false}, {"ˣ", 'x', false}, {"ᵏ", 'k', false},
    {"₀", '0', true},  {"₁", '1', true},  {"₂", '2', true},  {"₃", '3', true},  {"₄", '4', true},  {"₅", '5', true},
    {"₆", '6', true},  {"₇", '7', true},  {"₈", '8', true},  {"₉", '9', true},  {"ₙ", 'n', true},  {"ₖ", 'k', true},
    {"ᵢ", 'i', true},  {"ₓ", 'x', true},  {"ₐ", 'a', true},  {"₊", '+', true},  {"₋", '-', true},
};

static bool begins(Str text, size_t at, const char *sign) {
    if (at + 1 >= text.len || text.ptr[at] != sign[0] || text.ptr[at + 1] != sign[1]) return false;
    return str_starts((Str){text.ptr + at, text.len - at}, str_of(sign));
}

// A run of superscript or subscript signs as ^{} or _{}; its length, 0 where none stands there
static size_t add_shifted(Str text, size_t at, Buf *out) {
    size_t from = at;
    int below = -1;
    for (bool found = true; found && at < text.len;) {
        found = false;
        for (size_t i = 0; i < sizeof shifted / sizeof shifted[0] && !found; i++) {
            if (!begins(text, at, shifted[i].sign) || (below >= 0 && shifted[i].below != below)) continue;
            if (below < 0) buf_add_text(out, shifted[i].below ? "_{" : "^{");
            below = shifted[i].below;
            buf_add_char(out, shifted[i].plain);
            at += strlen(shifted[i].sign);
            found = true;
        }
    }
    if (below >= 0) buf_add_char(out, '}');
    return at - from;
}

// U+FF01 .. U+FF5E, the wide forms of ASCII: EF BC 81 .. EF BD 9E. Not the first and the last: they end sentences and
// stand for "to".
static size_t add_wide(Str text, size_t at, Buf *out) {
    if (at + 2 >= text.len || (unsigned char)text.ptr[at] != 0xEF) return 0;
    unsigned second = (unsigned char)text.ptr[at + 1], third = (unsigned char)text.ptr[at + 2];
    if ((second != 0xBC && second != 0xBD) || third < 0x80 || third > 0xBF) return 0;
    unsigned ascii = ((second & 0x3F) << 6 | (third & 0x3F)) - 0xF00 + 0x20;
    if (ascii <= '!' || ascii >= '~') return 0;
    buf_add_char(out, (char)ascii);
    return 3;
}

static size_t add_sign(Str text, size_t at, Buf *out) {
    size_t wide = add_wide(text, at, out);
    if (wide > 0) return wide;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (!begins(text, at, signs[i].sign)) continue;
        buf_add_text(out, signs[i].latex);
        return strlen(signs[i].sign);
    }
    return add_shifted(text, at, out);
}

static Str to_ascii(Str text, Arena *arena) {
    Buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < text.len;) {
        size_t n = (unsigned char)text.ptr[i] >= 0x80 ? add_sign(text, i, &out) : 0;
        if (n == 0) {
            buf_add_char(&out, text.ptr[i]);
            n = 1;
        }
        i += n;
    }
    Str copy = {arena_strndup(arena, out.len > 0 ? out.data : "", out.len), out.len};
    buf_free(&out);
    return copy;
}

static bool is_ascii(Str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80) return false;
    }
    return true;
}

Str latex_tidy(Str text, Arena *arena) {
    text = latex_strip(text);
    if (is_doubled(text)) text = latex_strip(halve(text, arena));
    return is_ascii(text) ? text : latex_strip(to_ascii(text, arena));
}
