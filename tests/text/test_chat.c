/* Conversations through the templates of tokenizers. */
#include "toy.h"

#define GEMMA                                                                                               \
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not "           \
    "supported') }}{% endif %}{% for "                                                                      \
    "message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ "               \
    "raise_exception('Conversation roles "                                                                  \
    "must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == "            \
    "'assistant') %}{% set role = "                                                                         \
    "'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\\\\n' " \
    "+ message['content'] | "                                                                               \
    "trim + '<end_of_turn>\\\\n' }}{% endfor %}{% if add_generation_prompt "                                \
    "%}{{'<start_of_turn>model\\\\n'}}{% endif %}"
#define CHATML                                                                                          \
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\\\n' + message['content'] + " \
    "'<|im_end|>' + "                                                                                   \
    "'\\\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\\\n' }}{% endif %}"
#define QWEN2                                                                                            \
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ "            \
    "'<|im_start|>system\\\\nYou are a "                                                                 \
    "helpful assistant.<|im_end|>\\\\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\\\\n' + "    \
    "message['content'] + "                                                                              \
    "'<|im_end|>' + '\\\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\\\n' " \
    "}}{% endif %}"
#define LLAMA3_BODY                                                                                      \
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = "              \
    "'<|start_header_id|>' + "                                                                           \
    "message['role'] + '<|end_header_id|>\\\\n\\\\n'+ message['content'] | trim + '<|eot_id|>' %}{% if " \
    "loop.index0 == 0 %}{% set "                                                                         \
    "content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
#define LLAMA3_PROMPT "{{ '<|start_header_id|>assistant<|end_header_id|>\\\\n\\\\n' }}"

static hooke_tokenizer *open_template(const char *template)
{
    hooke_text config = { 0 };
    text_printf(&config, "{\"bos_token\":\"<bos>\",\"chat_template\":\"%s\"}", template);
    hooke_tokenizer *tk = must_open_json(toy_a, config.data);
    hooke_text_release(&config);
    return tk;
}

static void expect_chat(const char *template, const hooke_message *messages, int n, bool prompt,
                        const char *expected, int line)
{
    hooke_tokenizer *tk = open_template(template);
    hooke_text text = { 0 };
    hooke_status st = hooke_chat_render(tk, &text, messages, n, prompt);
    if (!expected && st != HOOKE_E_ARGUMENT)
        stop(line, "expected a refusal, found %s", hooke_status_text(st));
    if (expected && st != HOOKE_OK) stop(line, "%s", hooke_error());
    if (expected && strcmp(text.data, expected) != 0)
        stop(line, "expected '%s', found '%s'", expected, text.data);
    hooke_text_release(&text);
    hooke_tokenizer_close(tk);
}

static const hooke_message talk[] = { { "user", " Hello\n" }, { "assistant", "Hi" }, { "user", "Why?" } };
static const hooke_message with_system[] = { { "system", "Be brief. " }, { "user", "Hello" } };

static void gemma(void **state)
{
    (void)state;
    expect_chat(GEMMA, talk, 1, true, "<bos><start_of_turn>user\nHello<end_of_turn>\n<start_of_turn>model\n",
                __LINE__);
    expect_chat(GEMMA, talk, 3, false,
                "<bos><start_of_turn>user\nHello<end_of_turn>\n<start_of_turn>model\nHi<end_of_turn>\n<start_"
                "of_turn>user\nWhy?<end_of_turn>\n",
                __LINE__);
    expect_chat(GEMMA, with_system, 2, true, NULL, __LINE__);
    expect_chat(GEMMA, talk + 1, 1, true, NULL, __LINE__); /* begins with the assistant */
    expect_chat(GEMMA, (const hooke_message[]){ { "user", "a" }, { "user", "b" } }, 2, true, NULL, __LINE__);
    expect_chat(GEMMA, (const hooke_message[]){ { "user", "\x1C\xC2\xA0 a\xE3\x80\x80" }, { "tool", "b" } },
                2, false, "<bos><start_of_turn>user\na<end_of_turn>\n<start_of_turn>tool\nb<end_of_turn>\n",
                __LINE__);
    expect_chat(GEMMA, talk, 0, true, NULL, __LINE__);
}

static void chatml_and_qwen2(void **state)
{
    (void)state;
    expect_chat(
        CHATML, talk, 2, true,
        "<|im_start|>user\n Hello\n<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>\n<|im_start|>assistant\n",
        __LINE__);
    expect_chat(
        QWEN2, talk, 1, false,
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n Hello\n<|im_end|>\n",
        __LINE__);
    expect_chat(QWEN2, with_system, 2, false,
                "<|im_start|>system\nBe brief. <|im_end|>\n<|im_start|>user\nHello<|im_end|>\n", __LINE__);
}

static void llama3(void **state)
{
    (void)state;
    const char *turns = "<bos><|start_header_id|>system<|end_header_id|>\n\nBe "
                        "brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|>";
    hooke_text prompted = { 0 };
    text_printf(&prompted, "%s<|start_header_id|>assistant<|end_header_id|>\n\n", turns);
    expect_chat(LLAMA3_BODY "{% if add_generation_prompt %}" LLAMA3_PROMPT "{% endif %}", with_system, 2,
                false, turns, __LINE__);
    expect_chat(LLAMA3_BODY "{% if add_generation_prompt %}" LLAMA3_PROMPT "{% endif %}", with_system, 2,
                true, prompted.data, __LINE__);
    expect_chat(LLAMA3_BODY LLAMA3_PROMPT, with_system, 2, false, prompted.data, __LINE__);
    hooke_text_release(&prompted);
}

static void without_a_template(void **state)
{
    (void)state;
    hooke_text text = { 0 };
    hooke_tokenizer *tk = must_open_json(toy_a, NULL);
    assert_int_equal(hooke_chat_render(tk, &text, talk, 1, true), HOOKE_E_UNSUPPORTED);
    assert_non_null(strstr(hooke_error(), "no chat template"));
    hooke_tokenizer_close(tk);
    hooke_text_release(&text);
}

/* White space inside tags and the spelling of line ends change nothing. */
static void copies_that_mean_the_same(void **state)
{
    (void)state;
    expect_chat("{%for message in messages%}{{'<|im_start|>'+message['role'] + '\\n' + message['content'] + "
                "'<|im_end|>' + '\\n'  }}"
                "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
                talk + 1, 1, true, "<|im_start|>assistant\nHi<|im_end|>\n<|im_start|>assistant\n", __LINE__);
    hooke_tokenizer *tk = must_open_json(toy_a, "{\"chat_template\":[{\"name\":\"tool\",\"template\":\"x\"},{"
                                                "\"name\":\"default\",\"template\":\"" CHATML "\"}]}");
    hooke_text text = { 0 };
    assert_int_equal(hooke_chat_render(tk, &text, talk + 1, 1, false), HOOKE_OK);
    assert_string_equal(text.data, "<|im_start|>assistant\nHi<|im_end|>\n");
    hooke_text_release(&text);
    hooke_tokenizer_close(tk);
}

static void expect_with(const char *config, const hooke_chat_options *options, hooke_status code,
                        const char *expected, int line)
{
    hooke_tokenizer *tk = must_open_json(toy_a, config);
    hooke_text text = { 0 };
    hooke_status st = hooke_chat_render_with(tk, &text, talk, 1, options);
    if (st != code)
        stop(line, "expected %s, found %s: %s", hooke_status_text(code), hooke_status_text(st),
             hooke_error());
    const char *found = st == HOOKE_OK ? text.data : hooke_error();
    if (st == HOOKE_OK ? strcmp(found, expected) != 0 : !strstr(found, expected))
        stop(line, "expected '%s', found '%s'", expected, found);
    hooke_text_release(&text);
    hooke_tokenizer_close(tk);
}

static void variables_date_and_name(void **state)
{
    (void)state;
    const char *plain =
        "{\"bos_token\":\"<bos>\",\"chat_template\":\"{{ bos_token ~ eos_token ~ tools ~ think is defined }}"
        "{{ think | tojson if think is defined }}{{ strftime_now('%d %b %Y %H:%M') }}\"}";
    const char *several =
        "{\"chat_template\":[{\"name\":\"tool_use\",\"template\":\"T\"},{\"name\":\"default\","
        "\"template\":\"D{{ messages[0].content }}\"},{\"name\":\"odd\"}]}";
    static const char *const no_thinking[] = { "think", "false", NULL },
                             *const words[] = { "think", "a b", NULL },
                             *const list[] = { "think", "[1, {\"a\": null}]", "tools", "5", NULL },
                             *const half[] = { "think", NULL };
    hooke_chat_options o = { .size = sizeof o, .date = "2026-02-28" };
    expect_with(plain, &o, HOOKE_OK, "<bos>NoneFalse28 Feb 2026 00:00", __LINE__);
    o.variables = no_thinking;
    o.date = "2024-02-29 23:59:58";
    expect_with(plain, &o, HOOKE_OK, "<bos>NoneTruefalse29 Feb 2024 23:59", __LINE__);
    o.variables = words;
    expect_with(plain, &o, HOOKE_OK, "<bos>NoneTrue\"a b\"29 Feb 2024 23:59", __LINE__);
    o.variables = list;
    expect_with(plain, &o, HOOKE_OK, "<bos>5True[1, {\"a\": null}]29 Feb 2024 23:59", __LINE__);
    o.variables = half;
    expect_with(plain, &o, HOOKE_E_ARGUMENT, "'think' has no value", __LINE__);
    static const char *const bad[] = { "2026-02-29",   "2026-13-01", "today",      "2026-01-01 25:00:00",
                                       "2026-01-01 1", "",           "2026-01-01x" };
    for (int i = 0; i < 7; i++) {
        o = (hooke_chat_options){ .size = sizeof o, .date = bad[i] };
        expect_with(plain, &o, HOOKE_E_ARGUMENT, "is not YYYY-MM-DD", __LINE__);
    }
    expect_with(several, NULL, HOOKE_OK, "D Hello\n", __LINE__);
    o = (hooke_chat_options){ .size = sizeof o, .template_name = "tool_use" };
    expect_with(several, &o, HOOKE_OK, "T", __LINE__);
    o.template_name = "rag";
    expect_with(several, &o, HOOKE_E_ARGUMENT, "no chat template 'rag'; there are: tool_use, default",
                __LINE__);
}

static void what_messages_lack(void **state)
{
    (void)state;
    hooke_text text = { 0 };
    hooke_tokenizer *tk = open_template(CHATML);
    const hooke_message no_content = { "user", NULL }, odd = { "user", "a\xFFz" };
    assert_int_equal(hooke_chat_render(tk, &text, &no_content, 1, true), HOOKE_E_ARGUMENT);
    assert_int_equal(hooke_chat_render(tk, &text, &odd, 1, false), HOOKE_OK);
    assert_string_equal(text.data, "<|im_start|>user\na\xEF\xBF\xBDz<|im_end|>\n");
    hooke_text_release(&text);
    hooke_tokenizer_close(tk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemma),
        cmocka_unit_test(chatml_and_qwen2),
        cmocka_unit_test(llama3),
        cmocka_unit_test(without_a_template),
        cmocka_unit_test(copies_that_mean_the_same),
        cmocka_unit_test(variables_date_and_name),
        cmocka_unit_test(what_messages_lack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
