// Chat templates. References: Transformers' rendering of the models' own templates (golden file by
// tests/golden/make_text_cases.py), and for Llama-3 its published prompt format, written out by hand.
#include "text_test.h"

#include "text/chat.h"

#define MAX_MESSAGES 16

static ChatTemplate named(const char *name) {
    ChatTemplate chat;
    Error error;
    if (!chat_by_name(name, &chat, &error)) fail_msg("%s", error.message);
    return chat;
}

static void check_rendering(const ChatTemplate *chat, json_t *item) {
    json_t *list = json_object_get(item, "messages"), *message;
    ChatMessage messages[MAX_MESSAGES];
    size_t i;
    assert_true(json_array_size(list) <= MAX_MESSAGES);
    json_array_foreach(list, i, message) {
        messages[i].role = json_str(json_object_get(message, "role"));
        messages[i].content = json_str(json_object_get(message, "content"));
    }
    Buf out;
    buf_init(&out, 0);
    chat_render(chat, messages, (int)json_array_size(list), json_is_true(json_object_get(item, "generation_prompt")),
                &out);
    assert_str(buf_str(&out), json_str(json_object_get(item, "text")));
    buf_free(&out);
}

static void renderings_agree(void **state) {
    (void)state;
    static const char *const names[] = {"smollm2", "qwen2.5", "qwen3"};
    json_t *all = golden_json("chat_cases.json"), *item;
    size_t i;
    for (int n = 0; n < 3; n++) {
        ChatTemplate chat = named(names[n]);
        assert_true(json_array_size(json_object_get(all, names[n])) >= 40);
        json_array_foreach(json_object_get(all, names[n]), i, item) check_rendering(&chat, item);
    }
    json_decref(all);
}

static void renders(const char *name, const ChatMessage *messages, int n, bool prompt, const char *expected) {
    ChatTemplate chat = named(name);
    Buf out;
    buf_init(&out, 0);
    chat_render(&chat, messages, n, prompt, &out);
    assert_str(buf_str(&out), str_of(expected));
    buf_free(&out);
}

static void turns_are_written_out(void **state) {
    (void)state;
    // content between Llama-3's marks is trimmed as Python's str.strip does
    const ChatMessage m[] = {{STR("system"), STR(" \t")},
                             {STR("user"), STR("\xE3\x80\x80 hi\x1F\xC2\xA0\xC2\x85\n")},
                             {STR("assistant"), STR("yes")}};
#define DATES "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
#define SYSTEM "<|start_header_id|>system<|end_header_id|>\n\n"
    renders("llama3", m + 1, 2, false,
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\nyes<|eot_id|>");
    renders("llama3.1", m + 1, 1, true,
            "<|begin_of_text|>" SYSTEM DATES "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
    const ChatMessage terse[] = {{STR("system"), STR("Be terse.\n")}};
    renders("llama3.1", terse, 1, false, "<|begin_of_text|>" SYSTEM DATES "Be terse.<|eot_id|>");
    renders("llama3", m, 1, false, "<|begin_of_text|>" SYSTEM "<|eot_id|>");
    renders("chatml", m, 1, true, "<|im_start|>system\n \t<|im_end|>\n<|im_start|>assistant\n");
    renders("chatml", m, 0, true, "<|im_start|>assistant\n");
    renders("smollm2", m, 1, false, "<|im_start|>system\n \t<|im_end|>\n");
    ChatTemplate chatml = named("chatml"), llama = named("llama3");
    assert_str(str_trim(chat_turn_end(&chatml)), STR("<|im_end|>"));
    assert_str(chat_turn_end(&llama), STR("<|eot_id|>"));
}

// What we write for a saved model is recognised again, to the same rendering; a change in it is not.
static void own_templates_are_recognised(void **state) {
    (void)state;
    static const char *const names[] = {"chatml", "qwen2.5", "qwen3", "smollm2", "llama3", "llama3.1"};
    for (int i = 0; i < 6; i++) {
        ChatTemplate chat = named(names[i]), back;
        Error error;
        Buf jinja;
        buf_init(&jinja, 0);
        chat_jinja(&chat, &jinja);
        if (!chat_recognise(buf_str(&jinja), "f", &back, &error)) fail_msg("%s: %s", names[i], error.message);
        assert_int_equal(back.family, chat.family);
        assert_string_equal(back.default_system, chat.default_system);
        buf_add_text(&jinja, "{{ 'more' }}");
        assert_false(chat_recognise(buf_str(&jinja), "f", &back, &error));
        buf_free(&jinja);
    }
    ChatTemplate chat = {CHAT_CHATML, "It's \\boxed{\"x\"}\nline"}, back;
    Error error;
    Buf jinja;
    buf_init(&jinja, 0);
    chat_jinja(&chat, &jinja);
    assert_true(chat_recognise(buf_str(&jinja), "f", &back, &error));
    assert_string_equal(back.default_system, chat.default_system);
    buf_free(&jinja);
}

// Templates in the manner of those that models come with.
#define TURN "{{'<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n'}}"
#define LOOP(inside) "{% for m in messages %}" inside TURN "{% endfor %}"
#define PROMPT "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

static void marks_tell_the_family(void **state) {
    (void)state;
    const struct {
        const char *jinja;
        ChatFamily family;
        const char *system;
    } cases[] = {
        {LOOP("") PROMPT, CHAT_CHATML, ""},
        {LOOP("{% if loop.first and m['role'] != 'system' %}{{ '<|im_start|>system\nYou help.<|im_end|>\n' }}{% endif "
              "%}") PROMPT,
         CHAT_CHATML, "You help."},
        {"{%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\\n' + messages[0]['content'] + "
         "'<|im_end|>\\n' }}"
         "{%- else %}{{- '<|im_start|>system\\nPut it in \\\\boxed{}.<|im_end|>\\n' }}{%- endif %}" LOOP("") PROMPT,
         CHAT_CHATML, "Put it in \\boxed{}."},
        {"{{- '<|im_start|>system\\nYou are Qwen, a model.<|im_end|>\\n' }}" LOOP("") PROMPT, CHAT_QWEN25,
         "You are Qwen, a model."},
        {"{{ '<|im_start|>system\nnamed SmolLM<|im_end|>\n' }}" LOOP("") PROMPT, CHAT_SMOLLM2, "named SmolLM"},
        {"ns.last_query_index reasoning_content.strip('\\n') '<think>\\n'" LOOP("") PROMPT "enable_thinking is false",
         CHAT_QWEN3, ""},
        {"{{ bos_token }}'<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + "
         "'<|eot_id|>'",
         CHAT_LLAMA3, ""},
        {"{{ bos_token }}<|start_header_id|>system<|end_header_id|> Cutting Knowledge Date: December 2023 Today Date: "
         "trim <|eot_id|>",
         CHAT_LLAMA3, DATES},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ChatTemplate chat;
        Error error;
        if (!chat_recognise(str_of(cases[i].jinja), "f", &chat, &error)) fail_msg("case %zu: %s", i, error.message);
        assert_int_equal(chat.family, cases[i].family);
        assert_string_equal(chat.default_system, cases[i].system);
    }
}

static void other_templates_are_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "{{ messages }}",
        "<\xEF\xBD\x9CUser\xEF\xBD\x9C>{{ m['content'] }}",    // DeepSeek-R1's turns
        LOOP("") "{{ '<|im_start|>assistant\\n<think>\\n' }}", // QwQ opens a thought
        LOOP("") "{{ '<|im_start|>assistant\n<think>\n' }}",
        LOOP(""), // never opens a turn
        LOOP("{{ m['content'].split('</think>')[-1] }}") PROMPT,
        LOOP("{{ m['content'] | trim }}") PROMPT,
        "{{ bos_token }}" LOOP("") PROMPT,
        "<|tool|>" LOOP("") PROMPT,
        "<|start_header_id|>{{ m['content'] }}",
        "{{ bos_token }}<|start_header_id|>system<|end_header_id|>trim <|eot_id|>",
        "{{ bos_token }}<|start_header_id|>x<|end_header_id|>trim <|eot_id|><think>",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ChatTemplate chat;
        Error error;
        if (chat_recognise(str_of(cases[i]), "f", &chat, &error)) fail_msg("taken: %s", cases[i]);
        assert_int_equal(strncmp(error.message, "f: a chat template that is not known (", 38), 0);
        assert_non_null(strstr(error.message, "Qwen2.5"));
    }
    ChatTemplate chat;
    Error error;
    assert_false(chat_by_name("qwen", &chat, &error));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renderings_agree),
        cmocka_unit_test(turns_are_written_out),
        cmocka_unit_test(own_templates_are_recognised),
        cmocka_unit_test(marks_tell_the_family),
        cmocka_unit_test(other_templates_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
