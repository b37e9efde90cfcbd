/* A tokenizer.json of any bytes: it is refused with words, or it opens, and then encodes and decodes whatever the text is. The
 * input may hold a tokenizer_config.json behind a NUL. */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void use(const hooke_tokenizer *tk, const char *text, size_t n, int flags)
{
    hooke_ids ids = { 0 };
    hooke_text back = { 0 };
    hooke_status st = hooke_tokenizer_encode(tk, &ids, text, n, flags);
    if (st != HOOKE_OK && st != HOOKE_E_UNSUPPORTED) abort(); /* a normalizer may be told to blow text up */
    for (size_t i = 0; i < ids.n; i++)
        if (!hooke_tokenizer_token(tk, ids.data[i])) abort();
    st = hooke_tokenizer_decode(tk, &back, ids.data, ids.n, flags);
    if (st != HOOKE_OK && st != HOOKE_E_UNSUPPORTED) abort();
    hooke_ids_release(&ids);
    hooke_text_release(&back);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    static const char sample[] = "Hello  <bos>low\n\n\xE2\x82\xAC \xFF e\xCC\x81 123 I'LL ab\t";
    const char *s = (const char *)data, *nul = n ? memchr(s, '\0', n) : NULL;
    struct tokenizer_files files = { .tokenizer = { n ? s : "", nul ? (size_t)(nul - s) : n } };
    hooke_tokenizer *tk;
    if (nul) files.config = (struct bytes){ nul + 1, n - (size_t)(nul + 1 - s) };
    if (tokenizer_parse(&tk, &files, "fuzz") != HOOKE_OK) {
        if (tk || !hooke_error()[0]) abort();
        return 0;
    }
    use(tk, sample, sizeof sample - 1, HOOKE_ADD_SPECIAL);
    use(tk, files.tokenizer.s, files.tokenizer.n,
        HOOKE_SPECIAL_AS_TEXT | HOOKE_SKIP_SPECIAL | HOOKE_CLEAN_SPACES);
    hooke_message message = { "user", "Hello " };
    hooke_text chat = { 0 };
    hooke_chat_render(tk, &chat, &message, 1, true);
    hooke_text_release(&chat);
    hooke_tokenizer_close(tk);
    return 0;
}
