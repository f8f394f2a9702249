// Which family a chat template is of, from the marks in its text. A template that we wrote is read back exactly; of
// others all marks of the family must be there and none that tell of another behaviour.
#include <string.h>

#include "text/chat.h"

#define KNOWN_FAMILIES "ChatML, Qwen2.5, Qwen3, SmolLM2 and Llama-3"

static bool has(Str text, const char *needle) { return str_find(text, str_of(needle), 0) >= 0; }

static bool has_any(Str text, const char *const *needles, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (has(text, needles[i])) return true;
    }
    return false;
}

static bool refuse(const char *source, const char *why, Error *error) {
    return error_set(error, "%s: a chat template that is not known (%s); known are " KNOWN_FAMILIES, source, why);
}

// ---- the inserted system turn

// Reads a Jinja string from text[at] up to the mark that ends a turn, escapes undone. false: it is no string that goes
// there (a quote ends it before), or longer than `out` holds.
static bool read_literal(Str text, size_t at, char *out, size_t out_bytes) {
    size_t n = 0;
    for (; at < text.len && n + 1 < out_bytes; at++) {
        if (str_starts((Str){text.ptr + at, text.len - at}, STR("<|im_end|>"))) {
            out[n] = 0;
            return true;
        }
        char c = text.ptr[at];
        if (c == '\'' || c == '"') return false;
        if (c == '\\' && at + 1 < text.len) {
            c = text.ptr[++at];
            if (c == 'n') c = '\n';
        }
        out[n++] = c;
    }
    return false;
}

// The text that a ChatML template inserts as a system turn when there is none: the literal between
// "<|im_start|>system", a newline (real or written \n) and "<|im_end|>". Empty where there is none.
static void find_default_system(Str jinja, ChatTemplate *out) {
    static const char *const heads[] = {"<|im_start|>system\n", "<|im_start|>system\\n"};
    for (size_t h = 0; h < 2; h++) {
        Str head = str_of(heads[h]);
        for (ptrdiff_t at = str_find(jinja, head, 0); at >= 0; at = str_find(jinja, head, (size_t)at + 1)) {
            if (read_literal(jinja, (size_t)at + head.len, out->default_system, sizeof out->default_system)) return;
        }
    }
    out->default_system[0] = 0;
}

// ---- ChatML and its kin

// "<|im_start|>assistant\n" and then the string's end (a quote) or the template's next part.
static bool opens_plainly(Str jinja) {
    static const char *const heads[] = {"<|im_start|>assistant\n", "<|im_start|>assistant\\n"};
    bool found = false;
    for (size_t h = 0; h < 2; h++) {
        Str head = str_of(heads[h]);
        for (ptrdiff_t at = str_find(jinja, head, 0); at >= 0; at = str_find(jinja, head, (size_t)at + 1)) {
            size_t end = (size_t)at + head.len;
            if (end < jinja.len && strchr("'\"{", jinja.ptr[end]) == NULL) return false;
            found = true;
        }
    }
    return found;
}

// Any control token besides those of ChatML.
static bool has_other_tokens(Str jinja) {
    static const char *const known[] = {"<|im_start|>", "<|im_end|>", "<|endoftext|>"};
    for (ptrdiff_t at = str_find(jinja, STR("<|"), 0); at >= 0; at = str_find(jinja, STR("<|"), (size_t)at + 1)) {
        Str rest = {jinja.ptr + at, jinja.len - (size_t)at};
        bool one = false;
        for (size_t i = 0; i < 3; i++) one |= str_starts(rest, str_of(known[i]));
        if (!one) return true;
    }
    return has(jinja, "<\xEF\xBD\x9C"); // U+FF5C, of DeepSeek's tokens
}

// These render alike; the name is for people.
static ChatFamily family_of_system(const ChatTemplate *chat) {
    Str system = str_of(chat->default_system);
    return has(system, "Qwen") ? CHAT_QWEN25 : has(system, "SmolLM") ? CHAT_SMOLLM2 : CHAT_CHATML;
}

static bool recognise_chatml(Str jinja, const char *source, ChatTemplate *out, Error *error) {
    static const char *const qwen3_marks[] = {"last_query_index", "reasoning_content.strip",
                                              "enable_thinking is false"};
    static const char *const other_marks[] = {"think", "reasoning", "strip", "trim", "split(", "replace(", "bos_token",
                                              "eos_token"};
    if (!has(jinja, "<|im_end|>") || !opens_plainly(jinja)) {
        return refuse(source, "assistant turns do not open as in ChatML", error);
    }
    if (has_other_tokens(jinja)) return refuse(source, "it has other control tokens than ChatML's", error);
    find_default_system(jinja, out);
    bool qwen3 = true;
    for (size_t i = 0; i < 3; i++) qwen3 = qwen3 && has(jinja, qwen3_marks[i]);
    if (qwen3) {
        out->family = CHAT_QWEN3;
        return true;
    }
    if (has_any(jinja, other_marks, sizeof other_marks / sizeof *other_marks)) {
        return refuse(source, "it changes what messages hold", error);
    }
    out->family = family_of_system(out);
    return true;
}

// ---- Llama-3

static bool recognise_llama3(Str jinja, const char *source, ChatTemplate *out, Error *error) {
    out->family = CHAT_LLAMA3;
    if (!has(jinja, "<|end_header_id|>") || !has(jinja, "<|eot_id|>") || !has(jinja, "trim") ||
        !has(jinja, "bos_token")) {
        return refuse(source, "turns are not those of Llama-3", error);
    }
    if (has(jinja, "think")) return refuse(source, "it changes what messages hold", error);
    if (has(jinja, "Cutting Knowledge Date: December 2023") && has(jinja, "Today Date: ")) {
        return chat_by_name("llama3.1", out, error);
    }
    if (has(jinja, "<|start_header_id|>system")) return refuse(source, "it inserts a system turn", error);
    return true;
}

// ---- our own

static bool recognise_own(Str jinja, const char *source, ChatTemplate *out, Error *error) {
    static const char *const names[] = {"chatml", "qwen3", "llama3", "llama3.1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!chat_by_name(names[i], out, error)) return false;
        if (out->family != CHAT_LLAMA3) find_default_system(jinja, out);
        if (out->family == CHAT_CHATML) out->family = family_of_system(out);
        Buf again;
        buf_init(&again, 0);
        chat_jinja(out, &again);
        bool same = str_equal(str_trim(buf_str(&again)), str_trim(jinja));
        buf_free(&again);
        if (same) return true;
    }
    return refuse(source, "one of ours that was changed", error);
}

bool chat_recognise(Str jinja, const char *source, ChatTemplate *out, Error *error) {
    *out = (ChatTemplate){0};
    if (str_starts(str_trim(jinja), STR(CHAT_OWN_MARK))) return recognise_own(jinja, source, out, error);
    if (has(jinja, "<|start_header_id|>")) return recognise_llama3(jinja, source, out, error);
    if (has(jinja, "<|im_start|>")) return recognise_chatml(jinja, source, out, error);
    return refuse(source, "no turns of a known kind", error);
}
