/* unicode_forms.h: NFC, NFD, NFKC, NFKD and lower case. Decompositions, classes and compositions are utf8proc's; putting marks
 * in canonical order is done here, because utf8proc's is quadratic in the length of a run of marks. */
#ifndef HOOKE_TEXT_UNICODE_FORMS_H
#define HOOKE_TEXT_UNICODE_FORMS_H

#include "base/text.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Appends the form of valid UTF-8: compatibility (the K), composed (the C). */
hooke_status append_unicode_form(hooke_text *out, const char *s, size_t n, bool compatibility, bool composed);
hooke_status append_lowercase(hooke_text *out, const char *s, size_t n);

#ifdef __cplusplus
}
#endif
#endif
