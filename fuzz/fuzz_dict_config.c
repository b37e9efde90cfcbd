/* cfg.json of dictionaries, nested and legacy: any bytes give a configuration or a message. */
#include "dict/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a = { 0 };
    struct dict_config c;
    const struct dict_arch *arch;
    bool legacy;
    a.max_bytes = 1 << 24;
    if (dict_config_read(&c, &legacy, &a, (const char *)data, n, "cfg.json") == HOOKE_OK)
        (void)dict_arch_find(&arch, c.architecture, "cfg.json");
    arena_release(&a);
    return 0;
}
