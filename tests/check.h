/* check.h: what every test program begins with. cmocka wants four headers before it, and its macro fail() would rewrite ours. */
#ifndef HOOKE_TESTS_CHECK_H
#define HOOKE_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail

#endif
