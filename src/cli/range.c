#include "cli/range.h"

#include <math.h>
#include <stdlib.h>

/* The number at *s, which moves behind it; a digit must stand there. */
static double number(const char **s)
{
    static const int called[][2] = { { 65, 64 }, { 131, 128 }, { 262, 256 }, { 524, 512 } };
    char *end;
    double x = strtod(*s, &end);
    *s = end;
    if (*end != 'k' && *end != 'K' && *end != 'm' && *end != 'M') return x;
    *s = end + 1;
    if (*end == 'm' || *end == 'M') return x * 1048576.0;
    for (size_t i = 0; i < sizeof called / sizeof *called; i++)
        if (x == (double)called[i][0]) x = (double)called[i][1];
    return x * 1024.0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int range_parse(struct range *out, const char *option, const char *text)
{
    const char *s = text;
    *out = (struct range){ -(double)INFINITY, (double)INFINITY };
    if (!text) return 0;
    bool has_low = is_digit(*s);
    if (has_low) out->low = number(&s);
    bool is_open = *s == '-' || (s[0] == '.' && s[1] == '.');
    if (is_open)
        s += *s == '-' ? 1 : 2;
    else
        out->high = out->low;
    bool has_high = is_open && is_digit(*s);
    if (has_high) out->high = number(&s);
    if (*s || (!has_low && !has_high) || out->low > out->high)
        return wrong(option, "write N, LOW-HIGH, LOW- or -HIGH", "'%s' is no range", text);
    return 0;
}

bool range_holds(const struct range *r, double x)
{
    return x >= r->low && x <= r->high;
}
