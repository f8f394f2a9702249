#include "eval/extract.h"

#include <assert.h>
#include <string.h>

#include "eval/extract_impl.h"

// A text without any mark of an answer is no answer beyond this.
#define WHOLE_MAX_BYTES 4096

const char *extract_rule_name(ExtractRule rule) {
    static const char *const names[] = {"none", "tags", "boxed", "phrase", "last_math", "last_number", "whole"};
    assert((size_t)rule < sizeof names / sizeof names[0]);
    return names[rule];
}

static bool is_set(const char *tag) { return tag != NULL && tag[0] != '\0'; }

static Str after(Str text, size_t from) { return (Str){text.ptr + from, text.len - from}; }

// The last complete pair: the last opening tag that has a closing one after it, up to the first of these.
static bool last_pair(Str text, Str open, Str close, Str *inside) {
    ptrdiff_t last_close = str_find_last(text, close, text.len);
    if (last_close < 0) return false;
    ptrdiff_t at = str_find_last(text, open, (size_t)last_close);
    if (at < 0) return false;
    size_t from = (size_t)at + open.len;
    ptrdiff_t to = str_find(text, close, from);
    assert(to >= 0);
    *inside = (Str){text.ptr + from, (size_t)to - from};
    return true;
}

bool extract_region(Str text, const ExtractSettings *settings, Str *region, bool *tagged) {
    *tagged = false;
    *region = text.ptr != NULL ? text : STR("");
    if (settings == NULL) return true;
    if (is_set(settings->thought_close)) {
        Str close = str_of(settings->thought_close);
        ptrdiff_t at = str_find_last(*region, close, region->len);
        if (at < 0 && !settings->thought_optional) return false;
        if (at >= 0) *region = after(*region, (size_t)at + close.len);
    }
    if (is_set(settings->solution_open) && is_set(settings->solution_close)) {
        *tagged = last_pair(*region, str_of(settings->solution_open), str_of(settings->solution_close), region);
    }
    return true;
}

// Math, or a number said after it in words: "of all points of $f(x)$ is 19".
static Str last_math_or_said(Str region, ExtractRule *rule) {
    size_t end = 0;
    *rule = EXTRACT_LAST_MATH;
    Str math = extract_last_math(region, &end);
    if (math.ptr == NULL) return EXTRACT_NOTHING;
    Str said = extract_last_number(after(region, end), true);
    if (said.ptr == NULL) return math;
    *rule = EXTRACT_LAST_NUMBER;
    return said;
}

static bool holds_value(Str text) { // and is no remark: "The final answer is positive, because ..."
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("0123456789\\$", text.ptr[i]) != NULL && text.ptr[i] != '\0') return true;
    }
    return false;
}

// "\boxed{255} ... Final Answer: 10,455": a final answer that is announced after the last box goes before it.
static Str final_after(Str region, Str box) {
    Str rest = after(region, (size_t)(box.ptr - region.ptr) + box.len), said;
    size_t before = rest.len;
    while (extract_announced(rest, &before, &said)) {
        Str lead = str_trim((Str){rest.ptr, before});
        if (str_ends(lead, STR("final")) || str_ends(lead, STR("Final")) || str_ends(lead, STR("FINAL"))) {
            Str final = extract_said(said);
            return holds_value(final) ? final : EXTRACT_NOTHING;
        }
    }
    return EXTRACT_NOTHING;
}

static Str find(Str region, ExtractRule *rule) {
    Str found = extract_last_boxed(region);
    if (found.ptr != NULL) {
        Str final = final_after(region, found);
        *rule = final.len > 0 ? EXTRACT_PHRASE : EXTRACT_BOXED;
        return final.len > 0 ? final : found;
    }
    found = extract_last_announced(region);
    *rule = EXTRACT_PHRASE;
    if (found.ptr != NULL) return found;
    Str whole = extract_tidy(region);
    bool is_expression = extract_is_expression(whole);
    found = last_math_or_said(region, rule);
    if (found.ptr != NULL) return found;
    *rule = EXTRACT_LAST_NUMBER;
    if (!is_expression) found = extract_last_number(region, false);
    if (found.ptr != NULL) return found;
    *rule = EXTRACT_WHOLE;
    return whole.len > 0 && whole.len <= WHOLE_MAX_BYTES ? whole : EXTRACT_NOTHING;
}

Extracted extract_answer(Str text, const ExtractSettings *settings) {
    Str region;
    bool tagged;
    Extracted result = {.rule = EXTRACT_NONE};
    if (!extract_region(text, settings, &region, &tagged)) return result;
    ExtractRule rule;
    Str found = find(region, &rule);
    if (found.ptr == NULL) return result;
    result.answer = found;
    result.rule = tagged ? EXTRACT_TAGS : rule;
    result.from = (size_t)(found.ptr - text.ptr);
    result.to = result.from + found.len;
    return result;
}
