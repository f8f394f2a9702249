// LaTeX commands as tokens: command_token and command_prefix of lexer.h.
#include "eval/math/lexer.h"

typedef struct Command {
    const char *name;
    Token token;
} Command;

#define NAMED(kind_, text_) {.kind = (kind_), .text = {(text_), sizeof(text_) - 1}}
#define CODED(kind_, code_) {.kind = (kind_), .code = (code_)}
#define DROP {.kind = TOKEN_END}
#define LETTER(name) {name, NAMED(TOKEN_NAME, name)}
#define COMMAND(name) {name, NAMED(TOKEN_COMMAND, name)}
#define SIGN(name, code) {name, CODED(TOKEN_SIGN, code)}
#define RELATION(name, code) {name, CODED(TOKEN_RELATION, code)}
#define OPEN(name, code) {name, CODED(TOKEN_OPEN, code)}
#define CLOSE(name, code) {name, CODED(TOKEN_CLOSE, code)}
#define FUNCTION(name, text) {name, NAMED(TOKEN_FUNCTION, text)}
#define CONSTANT(name, text) {name, NAMED(TOKEN_CONSTANT, text)}

static const Command table[] = {
    // What only lays out
    {"displaystyle", DROP}, {"textstyle", DROP}, {"scriptstyle", DROP}, {"limits", DROP}, {"nolimits", DROP},
    {"quad", DROP}, {"qquad", DROP}, {"big", DROP}, {"Big", DROP}, {"bigg", DROP}, {"Bigg", DROP}, {"bigl", DROP},
    {"bigr", DROP}, {"Bigl", DROP}, {"Bigr", DROP}, {"biggl", DROP}, {"biggr", DROP}, {"Biggl", DROP},
    {"Biggr", DROP}, {"thinspace", DROP}, {"hfill", DROP}, {"nonumber", DROP}, {"mathstrut", DROP}, {"strut", DROP},
 
      {"noindent", DROP}, {"rm", DROP}, {"bf", DROP}, {"it", DROP}, {"cal", DROP}, {"therefore", DROP}, {"hline", DROP},
    {"allowbreak", DROP}, {"nobreak", DROP}, {"relax", DROP}, {"newline", DROP}, {"par", DROP},
    // Variables
    LETTER("alpha"), LETTER("beta"), LETTER("gamma"), LETTER("delta"), LETTER("epsilon"), LETTER("zeta"),
    LETTER("eta"), LETTER("theta"), LETTER("iota"), LETTER("kappa"), LETTER("lambda"), LETTER("mu"), LETTER("nu"),
    LETTER("xi"), LETTER("omicron"), LETTER("rho"), LETTER("sigma"), LETTER("tau"), LETTER("upsilon"),
    LETTER("phi"),
    LETTER("chi"), LETTER("psi"), LETTER("omega"), LETTER("Gamma"), LETTER("Delta"), LETTER("Theta"),
    LETTER("Lambda"), LETTER("Xi"), LETTER("Pi"), LETTER("Sigma"), LETTER("Upsilon"), LETTER("Phi"), LETTER("Psi"),
    LETTER("Omega"), LETTER("hbar"), LETTER("ell"), LETTER("odot"), LETTER("star"), LETTER("partial"),
    LETTER("nabla"),
    LETTER("Re"), LETTER("Im"), LETTER("aleph"), LETTER("mho"), LETTER("square"), LETTER("Box"), LETTER("diamond"),
    LETTER("clubsuit"), LETTER("heartsuit"), LETTER("spadesuit"), LETTER("diamondsuit"), LETTER("dagger"),
    LETTER("top"), LETTER("intercal"),
    {"varepsilon", NAMED(TOKEN_NAME, "epsilon")}, {"vartheta", NAMED(TOKEN_NAME, "theta")},
    {"varphi", NAMED(TOKEN_NAME, "phi")}, {"varrho", NAMED(TOKEN_NAME, "rho")},
    {"varsigma", NAMED(TOKEN_NAME, "sigma")}, {"imath", NAMED(TOKEN_NAME, "i")}, {"jmath", NAMED(TOKEN_NAME, "j")},
    // Constants
    CONSTANT("pi", "pi"), CONSTANT("infty", "infinity"), CONSTANT("infin", "infinity"),
    // Signs
    SIGN("cdot", '*'), SIGN("times", '*'), SIGN("ast", '*'), SIGN("bullet", '*'), SIGN("div", SIGN_DIVIDE),
    SIGN("pm", SIGN_PLUS_MINUS), SIGN("mp", SIGN_MINUS_PLUS), SIGN("cup", SIGN_UNION), SIGN("bigcup", SIGN_UNION),
    SIGN("cap", SIGN_INTERSECT), SIGN("bigcap", SIGN_INTERSECT), SIGN("setminus", SIGN_DIFFERENCE),
    SIGN("backslash", SIGN_DIFFERENCE), SIGN("circ", SIGN_DEGREE), SIGN("degree", SIGN_DEGREE), SIGN("prime", '\''),
    SIGN("colon", ':'), SIGN("mod", SIGN_MOD), SIGN("bmod", SIGN_MOD), SIGN("mid", SIGN_MID),
    SIGN("over", SIGN_OVER),
    SIGN("choose", SIGN_CHOOSE), SIGN("land", SIGN_AND), SIGN("wedge", SIGN_AND), SIGN("lor", SIGN_OR),
    SIGN("vee", SIGN_OR), SIGN("ldots", SIGN_DOTS), SIGN("cdots", SIGN_DOTS), SIGN("dots", SIGN_DOTS),
    SIGN("dotsc", SIGN_DOTS), SIGN("dotsb", SIGN_DOTS), SIGN("vdots", SIGN_DOTS), SIGN("ddots", SIGN_DOTS),
    SIGN("notin", SIGN_NOT_IN), SIGN("subset", SIGN_SUBSET), SIGN("subseteq", SIGN_SUBSET),
    SIGN("supset", SIGN_SUPERSET), SIGN("supseteq", SIGN_SUPERSET), SIGN("to", SIGN_TO),
    SIGN("rightarrow", SIGN_TO),
    SIGN("Rightarrow", SIGN_TO), SIGN("longrightarrow", SIGN_TO), SIGN("Longrightarrow", SIGN_TO),
    SIGN("implies", SIGN_TO), SIGN("mapsto", SIGN_TO), SIGN("euro", SIGN_CURRENCY),
    SIGN("pounds", SIGN_CURRENCY), SIGN("textdollar", SIGN_CURRENCY),
    SIGN("textdegree", SIGN_DEGREE),
    // Relations
    RELATION("le", REL_LE), RELATION("leq", REL_LE), RELATION("leqslant", REL_LE), RELATION("leqq", REL_LE),
    RELATION("ge", REL_GE), RELATION("geq", REL_GE), RELATION("geqslant", REL_GE), RELATION("geqq", REL_GE),
    RELATION("lt", REL_LT), RELATION("gt", REL_GT), RELATION("ne", REL_NE), RELATION("neq", REL_NE),
    RELATION("in", REL_IN), RELATION("approx", REL_APPROX), RELATION("approxeq", REL_APPROX),
    RELATION("simeq", REL_APPROX), RELATION("cong", REL_EQ), RELATION("sim", REL_APPROX), RELATION("equiv", REL_EQ),
    RELATION("coloneqq", REL_EQ), RELATION("doteq", REL_APPROX), RELATION("eq", REL_EQ),
    // Brackets
    OPEN("{", BRACKET_SET), CLOSE("}", BRACKET_SET), OPEN("lbrace", BRACKET_SET), CLOSE("rbrace", BRACKET_SET),
    OPEN("lgroup", BRACKET_ROUND), CLOSE("rgroup", BRACKET_ROUND), OPEN("lbrack", BRACKET_SQUARE),
    CLOSE("rbrack", BRACKET_SQUARE), OPEN("lfloor", BRACKET_FLOOR), CLOSE("rfloor", BRACKET_FLOOR),
    OPEN("llcorner", BRACKET_FLOOR), CLOSE("lrcorner", BRACKET_FLOOR), OPEN("lceil", BRACKET_CEIL),
    CLOSE("rceil", BRACKET_CEIL), OPEN("ulcorner", BRACKET_CEIL), CLOSE("urcorner", BRACKET_CEIL),
    OPEN("lvert", BRACKET_BAR), CLOSE("rvert", BRACKET_BAR), OPEN("lVert", BRACKET_BAR),
    CLOSE("rVert", BRACKET_BAR),
    {"vert", CODED(TOKEN_BAR, 0)}, {"Vert", CODED(TOKEN_BAR, 0)}, {"|", CODED(TOKEN_BAR, 0)},
    OPEN("langle", BRACKET_ANGLE), CLOSE("rangle", BRACKET_ANGLE),
    // With arguments, or things of their own
    COMMAND("frac"), COMMAND("sqrt"), COMMAND("binom"), COMMAND("overline"), COMMAND("begin"), COMMAND("end"),
    COMMAND("int"), COMMAND("sum"), COMMAND("prod"), COMMAND("lim"), COMMAND("boxed"), COMMAND("pmod"),
    COMMAND("angle"), COMMAND("vec"), COMMAND("emptyset"), COMMAND("not"), COMMAND("dot"), COMMAND("bar"),
    COMMAND("hat"), COMMAND("left"), COMMAND("right"), COMMAND("text"), COMMAND("mathrm"), COMMAND("operatorname"),
    COMMAND("mathbb"), COMMAND("drop"), COMMAND("underbrace"),
    {"dfrac", NAMED(TOKEN_COMMAND, "frac")}, {"tfrac", NAMED(TOKEN_COMMAND, "frac")},
    {"cfrac", NAMED(TOKEN_COMMAND, "frac")}, {"nicefrac", NAMED(TOKEN_COMMAND, "frac")},
    {"sfrac", NAMED(TOKEN_COMMAND, "frac")}, {"dbinom", NAMED(TOKEN_COMMAND, "binom")},
    {"tbinom", NAMED(TOKEN_COMMAND, "binom")}, {"fbox", NAMED(TOKEN_COMMAND, "boxed")},
    {"framebox", NAMED(TOKEN_COMMAND, "boxed")}, {"underline", NAMED(TOKEN_COMMAND, "boxed")},
    {"mathbf", NAMED(TOKEN_COMMAND, "vec")}, {"boldsymbol", NAMED(TOKEN_COMMAND, "vec")},
    {"bm", NAMED(TOKEN_COMMAND, "vec")}, {"overrightarrow", NAMED(TOKEN_COMMAND, "vec")},
    {"mathit", NAMED(TOKEN_COMMAND, "vec")}, {"mathcal", NAMED(TOKEN_COMMAND, "vec")},
    {"mathscr", NAMED(TOKEN_COMMAND, "vec")}, {"mathfrak", NAMED(TOKEN_COMMAND, "vec")},
    {"mathsf", NAMED(TOKEN_COMMAND, "vec")}, {"pmb", NAMED(TOKEN_COMMAND, "vec")},
    {"widehat", NAMED(TOKEN_COMMAND, "hat")}, {"tilde", NAMED(TOKEN_COMMAND, "hat")},
    {"widetilde", NAMED(TOKEN_COMMAND, "hat")}, {"ddot", NAMED(TOKEN_COMMAND, "hat")},
    {"triangle", NAMED(TOKEN_COMMAND, "triangle")}, {"measuredangle", NAMED(TOKEN_COMMAND, "angle")},
    {"overarc", NAMED(TOKEN_COMMAND, "vec")}, {"varnothing", NAMED(TOKEN_COMMAND, "emptyset")},
    {"empty", NAMED(TOKEN_COMMAND, "emptyset")}, {"mleft", NAMED(TOKEN_COMMAND, "left")},
    {"mright", NAMED(TOKEN_COMMAND, "right")}, {"middle", NAMED(TOKEN_COMMAND, "left")},
    {"mbox", NAMED(TOKEN_COMMAND, "text")}, {"textbf", NAMED(TOKEN_COMMAND, "text")},
    {"textit", NAMED(TOKEN_COMMAND, "text")}, {"textrm", NAMED(TOKEN_COMMAND, "text")},
    {"textnormal", NAMED(TOKEN_COMMAND, "text")}, {"texttt", NAMED(TOKEN_COMMAND, "text")},
    {"textsf", NAMED(TOKEN_COMMAND, "text")}, {"textsc", NAMED(TOKEN_COMMAND, "text")},
    {"emph", NAMED(TOKEN_COMMAND, "text")}, {"hbox", NAMED(TOKEN_COMMAND, "text")},
    {"mathtt", NAMED(TOKEN_COMMAND, "text")}, {"Bbb", NAMED(TOKEN_COMMAND, "mathbb")},
    {"hspace", NAMED(TOKEN_COMMAND, "drop")}, {"vspace", NAMED(TOKEN_COMMAND, "drop")},
    {"phantom", NAMED(TOKEN_COMMAND, "drop")}, {"hphantom", NAMED(TOKEN_COMMAND, "drop")},
    {"vphantom", NAMED(TOKEN_COMMAND, "drop")}, {"tag", NAMED(TOKEN_COMMAND, "drop")},
    {"label", NAMED(TOKEN_COMMAND, "drop")}, {"color", NAMED(TOKEN_COMMAND, "drop")},
    {"mathrel", NAMED(TOKEN_COMMAND, "vec")}, {"mathop", NAMED(TOKEN_COMMAND, "vec")},
};

static const Token *find(Str name) {
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *entry = table[i].name;
        if (entry[0] == name.ptr[0] && str_equal(str_of(entry), name)) return &table[i].token;
    }
    return NULL;
}

const Token *command_token(Str name) {
    return name.len == 0 ? NULL : find(name);
}

size_t command_prefix(Str name, const Token **t) {
    for (size_t n = name.len > 20 ? 20 : name.len; n > 1; n--) {
        *t = find((Str){name.ptr, n});
        if (*t != NULL) return n;
    }
    return 0;
}
