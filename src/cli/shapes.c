#include "cli/shapes.h"

#include <string.h>

int shape_check(const char *shape)
{
    struct list names = { 0 };
    for (int i = 0; hooke_shape_name(i); i++) {
        if (strcmp(shape, hooke_shape_name(i)) == 0) return 0;
        list_add(&names, hooke_shape_name(i));
    }
    const char *near = nearest(shape, names.items, names.n);
    return wrong("--shape",
                 near ? take_printf("did you mean '%s'?", near) : "'hooke synth --list' shows them",
                 "'%s' is not a known shape", shape);
}
