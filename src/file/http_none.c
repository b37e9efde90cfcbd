/* http_none.c: what takes the place of http_curl.c where libcurl's headers were absent at build time. */
#include "file/http.h"

const char *http_library(void)
{
    return NULL;
}

hooke_status http_open(http_client **out)
{
    *out = NULL;
    return fail(HOOKE_E_UNSUPPORTED,
                "this build has no network access: libcurl's headers were absent; install "
                "libcurl4-openssl-dev and build again, or fetch with another tool into the hub cache");
}

void http_close(http_client *c)
{
    (void)c;
}

hooke_status http_exchange(http_client *c, struct http_reply *reply, const struct http_request *request)
{
    (void)c;
    (void)reply;
    (void)request;
    return fail(HOOKE_E_UNSUPPORTED, "this build has no network access");
}
