/* near.h: comparison of doubles that prints both sides. Include after cmocka.h. */
#ifndef HOOKE_TESTS_NEAR_H
#define HOOKE_TESTS_NEAR_H

#include <math.h>

static inline void near_at(double found, double expected, double tolerance, const char *file, int line)
{
    if (fabs(found - expected) <= tolerance) return;
    print_error("found %.17g, expected %.17g within %g\n", found, expected, tolerance);
    _fail(file, line);
}
#define assert_near(found, expected, tolerance) near_at(found, expected, tolerance, __FILE__, __LINE__)

#endif
