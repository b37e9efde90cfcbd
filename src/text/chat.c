/* chat.c: conversations in a model's own form: the tokenizer's chat template is run (template.h) on the messages and the
 * variables that transformers gives such templates. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "text/template.h"
#include "text/tokenizer.h"

/* "2026-07-26" or "2026-07-26 13:45:00"; NULL: now, by this machine's clock and zone. */
static hooke_status read_date(struct civil_time *t, const char *date)
{
    int n = 0;
    if (!date) {
        time_t now = (time_t)(clock_epoch_millis() / 1000);
        struct tm local;
        RETURN_IF(!localtime_r(&now, &local), HOOKE_E_IO, "chat: this machine does not know the time");
        *t = (struct civil_time){ local.tm_year + 1900, local.tm_mon + 1, local.tm_mday,
                                  local.tm_hour,        local.tm_min,     local.tm_sec };
        return HOOKE_OK;
    }
    *t = (struct civil_time){ 0 };
    int got = sscanf(date, "%4d-%2d-%2d%n %2d:%2d:%2d%n", &t->year, &t->month, &t->day, &n, &t->hour,
                     &t->minute, &t->second, &n);
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (t->year % 4 == 0 && t->year % 100 != 0) || t->year % 400 == 0;
    bool good = (got == 3 || got == 6) && (size_t)n == strlen(date) && t->year >= 1 && t->month >= 1 &&
                t->month <= 12 && t->day >= 1 && t->day <= days[t->month - 1] + (leap && t->month == 2) &&
                t->hour >= 0 && t->hour < 24 && t->minute >= 0 && t->minute < 60 && t->second >= 0 &&
                t->second < 60;
    RETURN_IF(!good, HOOKE_E_ARGUMENT, "chat: the date '%s' is not YYYY-MM-DD or YYYY-MM-DD HH:MM:SS", date);
    return HOOKE_OK;
}

static void write_token(struct json_writer *w, const hooke_tokenizer *tk, const char *key, int32_t id)
{
    const char *token = id >= 0 ? hooke_tokenizer_token(tk, id) : NULL;
    if (!token) return; /* undefined in the template, as transformers leaves it */
    jw_key_string(w, key, token);
}

static hooke_status write_messages(struct json_writer *w, const hooke_message *messages, int n)
{
    jw_key(w, "messages");
    jw_array(w);
    for (int i = 0; i < n; i++) {
        RETURN_IF(!messages[i].role || !messages[i].content, HOOKE_E_ARGUMENT,
                  "chat: message %d has no role or no content", i + 1);
        jw_object(w);
        jw_key_string(w, "role", messages[i].role);
        jw_key_string(w, "content", messages[i].content);
        jw_end_object(w);
    }
    jw_end_array(w);
    return w->status;
}

/* A value that is JSON is what it says (false, 3, [...]); any other is a string. */
static hooke_status write_variables(struct json_writer *w, struct arena *a, const char *const *variables)
{
    for (; variables && variables[0]; variables += 2) {
        const struct json *v;
        RETURN_IF(!variables[1], HOOKE_E_ARGUMENT, "chat: the variable '%s' has no value", variables[0]);
        jw_key(w, variables[0]);
        if (json_parse(&v, a, variables[1], strlen(variables[1]), 0, "variable") == HOOKE_OK)
            jw_value(w, v);
        else
            jw_string(w, variables[1]);
    }
    return w->status;
}

static hooke_status write_all(hooke_text *out, struct arena *a, const hooke_tokenizer *tk,
                              const hooke_message *messages, int n, const hooke_chat_options *options)
{
    struct json_writer w;
    jw_init(&w, out, -1);
    jw_object(&w);
    write_token(&w, tk, "bos_token", tk->bos);
    write_token(&w, tk, "eos_token", tk->eos);
    write_token(&w, tk, "pad_token", tk->pad);
    RETURN_IF_ERROR(write_messages(&w, messages, n));
    jw_key(&w, "tools");
    jw_null(&w);
    jw_key(&w, "documents");
    jw_null(&w);
    jw_key_bool(&w, "add_generation_prompt", options->add_generation_prompt);
    RETURN_IF_ERROR(write_variables(&w, a, options->variables));
    jw_end_object(&w);
    return w.status;
}

static hooke_status no_such_template(const hooke_tokenizer *tk, const char *wanted)
{
    hooke_text names = { 0 };
    hooke_status st = HOOKE_OK;
    for (int i = 0; i < tk->n_chat_templates && st == HOOKE_OK; i++)
        st = text_printf(&names, i ? ", %s" : "%s", tk->chat_templates[i].name);
    if (st == HOOKE_OK)
        st = fail(HOOKE_E_ARGUMENT, "%s: there is no chat template '%s'; there are: %s", tk->name, wanted,
                  names.data);
    hooke_text_release(&names);
    return st;
}

static hooke_status find_template(struct bytes *out, const hooke_tokenizer *tk, const char *name)
{
    const char *wanted = name ? name : "default";
    RETURN_IF(!tk->n_chat_templates, HOOKE_E_UNSUPPORTED,
              "%s: this tokenizer has no chat template (not a chat model?)", tk->name);
    for (int i = 0; i < tk->n_chat_templates; i++) {
        *out = tk->chat_templates[i].text;
        if (strcmp(tk->chat_templates[i].name, wanted) == 0) return HOOKE_OK;
    }
    return no_such_template(tk, wanted);
}

hooke_status hooke_chat_render_with(const hooke_tokenizer *tk, hooke_text *out, const hooke_message *messages,
                                    int n, const hooke_chat_options *options)
{
    static const hooke_chat_options none = { 0 };
    struct template_input in = { .name = tk->name };
    hooke_text json = { 0 };
    struct arena arena = { 0 };
    if (!options) options = &none;
    text_clear(out);
    RETURN_IF_ERROR(find_template(&in.source, tk, options->template_name));
    RETURN_IF(n < 1, HOOKE_E_ARGUMENT, "chat: no messages");
    RETURN_IF_ERROR(read_date(&in.now, options->date));
    hooke_status st = write_all(&json, &arena, tk, messages, n, options);
    if (st == HOOKE_OK) st = json_parse(&in.variables, &arena, json.data, json.n, 0, "chat");
    if (st == HOOKE_OK) st = template_render(out, &in);
    hooke_text_release(&json);
    arena_release(&arena);
    return st;
}

hooke_status hooke_chat_render(const hooke_tokenizer *tk, hooke_text *out, const hooke_message *messages,
                               int n, bool add_generation_prompt)
{
    hooke_chat_options options = { .size = sizeof options, .add_generation_prompt = add_generation_prompt };
    return hooke_chat_render_with(tk, out, messages, n, &options);
}
