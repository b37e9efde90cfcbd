/* hub_config.c: what the environment says about the hub, by the names that its other clients read. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "file/hub_net.h"

enum { TOKEN_MAX_BYTES = 4096, TIMEOUT_DEFAULT_S = 10, TIMEOUT_MAX_S = 86400 };

static bool is_on(const char *name)
{
    static const char *const words[] = { "1", "on", "yes", "true" };
    const char *value = getenv(name);
    for (size_t i = 0; value && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(value, words[i]) == 0) return true;
    return false;
}

/* The first of the two that is set at all: HF_HUB_OFFLINE=0 overrules the other. */
static bool is_offline(void)
{
    const char *own = getenv("HF_HUB_OFFLINE");
    return is_on(own && *own ? "HF_HUB_OFFLINE" : "TRANSFORMERS_OFFLINE");
}

static int read_timeout_ms(const char *name)
{
    const char *value = getenv(name);
    char *end;
    double s = value ? strtod(value, &end) : TIMEOUT_DEFAULT_S;
    if (value && (end == value || *end)) s = TIMEOUT_DEFAULT_S;
    if (!(s > 0)) s = TIMEOUT_DEFAULT_S;
    return s > TIMEOUT_MAX_S ? TIMEOUT_MAX_S * 1000 : (int)(s * 1000) + 1;
}

static hooke_status read_endpoint(hooke_text *out)
{
    const char *value = getenv("HF_ENDPOINT");
    RETURN_IF_ERROR(text_puts(out, value && *value ? value : "https://huggingface.co"));
    while (out->n > 0 && out->data[out->n - 1] == '/') out->data[--out->n] = '\0';
    RETURN_IF(!url_is_sane(out->data) || strpbrk(out->data, "?#"), HOOKE_E_ARGUMENT,
              "HF_ENDPOINT is '%.200s', which is no web address; write it as https://HOST", out->data);
    return HOOKE_OK;
}

/* Blanks around it do not count; anything that could end a header line is refused. The token itself stays out of the message. */
static hooke_status set_token(hooke_text *out, const char *s, size_t n, const char *from)
{
    while (n > 0 && strchr(" \t\r\n", s[n - 1])) n--;
    while (n > 0 && strchr(" \t\r\n", s[0])) s++, n--;
    for (size_t i = 0; i < n; i++)
        RETURN_IF((unsigned char)s[i] <= ' ' || (unsigned char)s[i] >= 0x7f, HOOKE_E_ARGUMENT,
                  "%s holds no token: there is a blank or a control character inside; write the token alone",
                  from);
    return text_append(out, s, n);
}

static hooke_status token_file(hooke_text *out)
{
    const char *path = getenv("HF_TOKEN_PATH"), *home = getenv("HF_HOME"), *xdg = getenv("XDG_CACHE_HOME");
    if (path && *path) return hub_expand(out, path, "");
    if (home && *home) return hub_expand(out, home, "/token");
    if (xdg && *xdg) return hub_expand(out, xdg, "/huggingface/token");
    return hub_expand(out, "~/.cache/huggingface/token", "");
}

static hooke_status read_token(hooke_text *out)
{
    static const char *const names[] = { "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN" };
    hooke_text path = { 0 }, text = { 0 };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value) RETURN_IF_ERROR(set_token(out, value, strlen(value), names[i]));
        if (out->n) return HOOKE_OK;
    }
    hooke_status st = token_file(&path);
    if (st == HOOKE_OK && file_exists(path.data)) {
        st = file_read(&text, path.data, TOKEN_MAX_BYTES);
        if (st == HOOKE_OK) st = set_token(out, text.data, text.n, path.data);
        if (text.data) memset(text.data, 0, text.n);
    }
    hooke_text_release(&path);
    hooke_text_release(&text);
    return st;
}

static hooke_status read_all(struct hub_config *c)
{
    RETURN_IF_ERROR(hub_cache_folder(&c->cache));
    RETURN_IF_ERROR(read_endpoint(&c->endpoint));
    if (is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return HOOKE_OK;
    return read_token(&c->token);
}

hooke_status hub_config_read(struct hub_config *out)
{
    *out = (struct hub_config){
        .is_offline = is_offline(),
        .copies_instead_of_links = is_on("HF_HUB_DISABLE_SYMLINKS"),
        .question_timeout_ms = read_timeout_ms("HF_HUB_ETAG_TIMEOUT"),
        .download_timeout_ms = read_timeout_ms("HF_HUB_DOWNLOAD_TIMEOUT"),
    };
    hooke_status st = read_all(out);
    if (st != HOOKE_OK) hub_config_release(out);
    return st;
}

bool hub_is_home(const struct hub_config *c, const char *url)
{
    static const char *const homes[] = { "https://huggingface.co", "https://hf.co" };
    for (size_t i = 0; i < sizeof homes / sizeof *homes; i++)
        if (url_same_origin(url, homes[i])) return true;
    return url_same_origin(url, c->endpoint.data);
}

void hub_config_release(struct hub_config *c)
{
    if (c->token.data) memset(c->token.data, 0, c->token.n);
    hooke_text_release(&c->endpoint);
    hooke_text_release(&c->token);
    hooke_text_release(&c->cache);
}
