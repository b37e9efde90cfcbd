/* chat.c: conversations in a model's own form.
 *
 * A chat template is a Jinja program. Rather than run programs from files, this recognises the published ones by hash and
 * renders them natively; any other is refused. The hash is FNV-1a of the template without the white space inside tags and with
 * "\n" escapes of string literals as line ends: copies differ in these two, and they change nothing. */
#include <string.h>

#include "text/tokenizer.h"
#include "text/unicode.h"

enum chat_form { CHAT_GEMMA, CHAT_CHATML, CHAT_QWEN2, CHAT_LLAMA3, CHAT_LLAMA3_ALWAYS };

static uint64_t template_hash(struct bytes t)
{
    uint64_t hash = 0xCBF29CE484222325u;
    bool in_tag = false;
    char quote = 0; /* of the string literal that i is in */
    for (size_t i = 0; i < t.n; i++) {
        char c = t.s[i], next = i + 1 < t.n ? t.s[i + 1] : '\0';
        if (!in_tag && c == '{' && (next == '{' || next == '%')) in_tag = true;
        if (in_tag && !quote && c == '}' && i > 0 && (t.s[i - 1] == '}' || t.s[i - 1] == '%')) in_tag = false;
        if (in_tag && !quote && (unsigned char)c < 0x80 && is_space((unsigned char)c)) continue;
        if (quote ? c == quote : in_tag && (c == '\'' || c == '"')) quote = quote ? '\0' : c;
        if (quote && c == '\\' && next == 'n') {
            c = '\n';
            i++;
        }
        hash = (hash ^ (unsigned char)c) * 0x100000001B3u;
    }
    return hash;
}

static hooke_status find_form(const hooke_tokenizer *tk, enum chat_form *form)
{
    static const struct {
        uint64_t hash;
        enum chat_form form;
    } known[] = {
        { 0xD9AFBF5BD37C8A7Fu, CHAT_GEMMA },  /* Gemma 1 and 2, -it */
        { 0x91F23F711E68DF08u, CHAT_CHATML }, /* ChatML as it is */
        { 0x5053950E79B104DDu, CHAT_QWEN2 },  /* Qwen 1.5 and 2: with a system prompt of its own */
        { 0x768DC1687F9293A8u, CHAT_LLAMA3 }, /* Llama 3 */
        { 0x8FD3DA219563A238u,
          CHAT_LLAMA3_ALWAYS }, /* Llama 3 as first released: the generation prompt is not optional */
    };
    RETURN_IF(!tk->chat_template.s, HOOKE_E_UNSUPPORTED,
              "%s: this tokenizer has no chat template (not a chat model?)", tk->name);
    uint64_t hash = template_hash(tk->chat_template);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        *form = known[i].form;
        if (known[i].hash == hash) return HOOKE_OK;
    }
    return fail(HOOKE_E_UNSUPPORTED,
                "%s: the chat template (hash %016llx) is none of those known here; render the text yourself",
                tk->name, (unsigned long long)hash);
}

/* Jinja's trim is Python's str.strip(): White_Space and U+001C..001F. */
static bool is_python_space(uint32_t c)
{
    return is_space(c) || (c >= 0x1C && c <= 0x1F);
}

static struct bytes trim(const char *s)
{
    struct bytes t = { s, strlen(s) };
    size_t length;
    while (t.n && is_python_space(char_at(t.s, t.n, &length))) {
        t.s += length;
        t.n -= length;
    }
    while (t.n && is_python_space(char_before(t.s, t.n, &length))) t.n -= length;
    return t;
}

static hooke_status append_turn(hooke_text *out, const char *open, const char *role, const char *middle,
                                struct bytes content, const char *close)
{
    RETURN_IF_ERROR(text_puts(out, open));
    RETURN_IF_ERROR(text_puts(out, role));
    RETURN_IF_ERROR(text_puts(out, middle));
    RETURN_IF_ERROR(text_append(out, content.s, content.n));
    return text_puts(out, close);
}

static hooke_status render_gemma(hooke_text *out, const hooke_message *messages, int n, const char *bos,
                                 bool prompt)
{
    RETURN_IF_ERROR(text_puts(out, bos));
    RETURN_IF(strcmp(messages[0].role, "system") == 0, HOOKE_E_ARGUMENT,
              "chat: Gemma's template has no system role");
    for (int i = 0; i < n; i++) {
        const char *role = messages[i].role;
        RETURN_IF((strcmp(role, "user") == 0) != (i % 2 == 0), HOOKE_E_ARGUMENT,
                  "chat: message %d is '%s': roles must alternate user, assistant, user, ...", i + 1, role);
        if (strcmp(role, "assistant") == 0) role = "model";
        RETURN_IF_ERROR(
            append_turn(out, "<start_of_turn>", role, "\n", trim(messages[i].content), "<end_of_turn>\n"));
    }
    return prompt ? text_puts(out, "<start_of_turn>model\n") : HOOKE_OK;
}

static hooke_status render_chatml(hooke_text *out, const hooke_message *messages, int n, const char *system,
                                  bool prompt)
{
    if (system && strcmp(messages[0].role, "system") != 0)
        RETURN_IF_ERROR(append_turn(out, "<|im_start|>", "system", "\n",
                                    (struct bytes){ system, strlen(system) }, "<|im_end|>\n"));
    for (int i = 0; i < n; i++) {
        struct bytes content = { messages[i].content, strlen(messages[i].content) };
        RETURN_IF_ERROR(append_turn(out, "<|im_start|>", messages[i].role, "\n", content, "<|im_end|>\n"));
    }
    return prompt ? text_puts(out, "<|im_start|>assistant\n") : HOOKE_OK;
}

static hooke_status render_llama3(hooke_text *out, const hooke_message *messages, int n, const char *bos,
                                  bool prompt)
{
    RETURN_IF_ERROR(text_puts(out, bos));
    for (int i = 0; i < n; i++)
        RETURN_IF_ERROR(append_turn(out, "<|start_header_id|>", messages[i].role, "<|end_header_id|>\n\n",
                                    trim(messages[i].content), "<|eot_id|>"));
    return prompt ? text_puts(out, "<|start_header_id|>assistant<|end_header_id|>\n\n") : HOOKE_OK;
}

hooke_status hooke_chat_render(const hooke_tokenizer *tk, hooke_text *out, const hooke_message *messages,
                               int n, bool add_generation_prompt)
{
    enum chat_form form;
    const char *bos = tk->bos >= 0 ? hooke_tokenizer_token(tk, tk->bos) : "";
    text_clear(out);
    RETURN_IF_ERROR(find_form(tk, &form));
    RETURN_IF(n < 1, HOOKE_E_ARGUMENT, "chat: no messages");
    for (int i = 0; i < n; i++)
        RETURN_IF(!messages[i].role || !messages[i].content, HOOKE_E_ARGUMENT,
                  "chat: message %d has no role or no content", i + 1);
    switch (form) {
    case CHAT_GEMMA:
        return render_gemma(out, messages, n, bos, add_generation_prompt);
    case CHAT_CHATML:
        return render_chatml(out, messages, n, NULL, add_generation_prompt);
    case CHAT_QWEN2:
        return render_chatml(out, messages, n, "You are a helpful assistant.", add_generation_prompt);
    case CHAT_LLAMA3:
        return render_llama3(out, messages, n, bos, add_generation_prompt);
    case CHAT_LLAMA3_ALWAYS:
        return render_llama3(out, messages, n, bos, true);
    }
    return fail(HOOKE_E_INTERNAL, "chat form %d", (int)form);
}
