/* The YAML of dictionaries' configurations: what is read, what is refused by name, damage. */
#include "damage.h"

#include "file/yaml.h"

static const char sample[] = "# a comment\n"
                             "---\n"
                             "model_name: Qwen/Qwen3-4B  # behind a value\n"
                             "empty:\n"
                             "nested:\n"
                             "    value:\n"
                             "        number: 4096\n"
                             "        real: -2.5e-3\n"
                             "        yes: true\n"
                             "        no: False\n"
                             "        nothing: null\n"
                             "        word: 1.2.3\n"
                             "        'quoted # key': \"a: \\\"b\\\" # c\"\n"
                             "        single: 'it''s'\n"
                             "    after: [1, two, \"3\"]\n"
                             "list:\n"
                             "- 1\n"
                             "- key: a\n"
                             "  other: b\n"
                             "- - x\n"
                             "  - y\n"
                             "-\n"
                             "none: {}\n"
                             "nil: []\n"
                             "last: 7";

static const struct json *at(const struct json *list, int i)
{
    const struct json *v = list->as.list.first;
    while (i-- > 0) v = v->next;
    return v;
}

static void everything_that_is_understood(void **state)
{
    (void)state;
    struct arena a = { 0 };
    const struct json *root;
    assert_int_equal(yaml_parse(&root, &a, sample, sizeof sample - 1, "conf.yaml"), HOOKE_OK);
    assert_string_equal(json_get(root, "model_name")->as.string.bytes, "Qwen/Qwen3-4B");
    assert_true(json_is_null(json_get(root, "empty")));
    const struct json *v = json_get(json_get(root, "nested"), "value");
    assert_int_equal(json_get(v, "number")->as.integer, 4096);
    assert_true(json_get(v, "real")->as.real == -2.5e-3);
    assert_true(json_get(v, "yes")->as.boolean);
    assert_int_equal(json_get(v, "no")->kind, JSON_BOOL);
    assert_true(json_is_null(json_get(v, "nothing")));
    assert_string_equal(json_get(v, "word")->as.string.bytes, "1.2.3");
    assert_string_equal(json_get(v, "quoted # key")->as.string.bytes, "a: \"b\" # c");
    assert_string_equal(json_get(v, "single")->as.string.bytes, "it's");
    const struct json *after = json_get(json_get(root, "nested"), "after");
    assert_int_equal(after->as.list.n, 3);
    assert_int_equal(at(after, 0)->as.integer, 1);
    assert_string_equal(at(after, 1)->as.string.bytes, "two");
    assert_int_equal(at(after, 2)->kind, JSON_STRING);
    const struct json *list = json_get(root, "list");
    assert_int_equal(list->as.list.n, 4);
    assert_string_equal(json_get(at(list, 1), "other")->as.string.bytes, "b");
    assert_string_equal(at(at(list, 2), 1)->as.string.bytes, "y");
    assert_true(json_is_null(at(list, 3)));
    assert_int_equal(json_get(root, "none")->kind, JSON_OBJECT);
    assert_int_equal(json_get(root, "nil")->kind, JSON_ARRAY);
    assert_int_equal(json_get(root, "last")->as.integer, 7);
    arena_release(&a);
}

static void in_brackets_and_braces(void **state)
{
    (void)state;
    struct arena a = { 0 };
    const struct json *root;
    static const char text[] =
        "configs:\n"
        "- {config_name: en, data_files: [{split: train, path: 'x, {y}/*.csv'}, ], \"k\":1}\n"
        "- [1, [\"a,\\tb\", ''], {}]\n"
        "names: {'0': \"caf\\xE9 \\u03b4 \\U0001F600\", '1': it's # so\n"
        "  }\n";
    static const char good[] = "names: {'0': \"caf\\xE9 \\u03b4\", \"a # b\": it's} # so\n";
    assert_int_equal(yaml_parse(&root, &a, text, sizeof text - 1, "y"), HOOKE_E_FORMAT); /* over two lines */
    assert_int_equal(yaml_parse(&root, &a, text, (size_t)(strstr(text, "names") - text), "y"), HOOKE_OK);
    const struct json *first = at(json_get(root, "configs"), 0), *second = at(json_get(root, "configs"), 1);
    const struct json *file = at(json_get(first, "data_files"), 0);
    assert_string_equal(json_get(first, "config_name")->as.string.bytes, "en");
    assert_int_equal(json_get(first, "data_files")->as.list.n, 1);
    assert_string_equal(json_get(file, "path")->as.string.bytes, "x, {y}/*.csv");
    assert_int_equal(json_get(first, "k")->as.integer, 1);
    assert_string_equal(at(at(second, 1), 0)->as.string.bytes, "a,\tb");
    assert_string_equal(at(at(second, 1), 1)->as.string.bytes, "");
    assert_int_equal(at(second, 2)->kind, JSON_OBJECT);
    assert_int_equal(yaml_parse(&root, &a, good, sizeof good - 1, "y"), HOOKE_OK);
    const struct json *names = json_get(root, "names");
    assert_string_equal(json_get(names, "0")->as.string.bytes, "caf\xC3\xA9 \xCE\xB4");
    assert_string_equal(json_get(names, "a # b")->as.string.bytes, "it's");
    arena_release(&a);
}

static void refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
        hooke_status code;
    } cases[] = {
        { "a: &x 1\n", "line 1: YAML beginning with '&'", HOOKE_E_UNSUPPORTED },
        { "a: |\n  text\n", "beginning with '|'", HOOKE_E_UNSUPPORTED },
        { "a: {b: 1\n", "a map does not end", HOOKE_E_FORMAT },
        { "a: {b}\n", "expected 'key: value' in braces", HOOKE_E_FORMAT },
        { "a: {: 1}\n", "expected 'key: value' in braces", HOOKE_E_FORMAT },
        { "a: {b: 1} c\n", "text behind", HOOKE_E_FORMAT },
        { "a: [[1]\n", "a list does not end", HOOKE_E_FORMAT },
        { "a: [\"b, c]\n", "does not end with the line", HOOKE_E_FORMAT },
        { "a: \"\\q\"\n", "an escape", HOOKE_E_UNSUPPORTED },
        { "a: \"\\ud800\"\n", "an escape", HOOKE_E_UNSUPPORTED },
        { "{a: 1}\n", "a key that begins with '{'", HOOKE_E_UNSUPPORTED },
        { "? a\n: b\n", "a key that begins with '?'", HOOKE_E_UNSUPPORTED },
        { "a: 1\nb\n", "line 2: expected 'key: value'", HOOKE_E_FORMAT },
        { "a:\n\tb: 1\n", "line 2: a tab", HOOKE_E_FORMAT },
        { "a: 1\n    b: 2\n", "line 2: indented deeper", HOOKE_E_FORMAT },
        { "a:\n    b: 1\n  c: 2\n", "line 3: ", HOOKE_E_FORMAT },
        { "a: [1, 2\n", "a list does not end", HOOKE_E_FORMAT },
        { "a: \"b\n", "does not end with the line", HOOKE_E_FORMAT },
        { "a: 1\n- 2\n", "line 2: does not fit", HOOKE_E_FORMAT },
        { "a: \xff\n", "not UTF-8", HOOKE_E_FORMAT },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a = { 0 };
        const struct json *root;
        hooke_status st = yaml_parse(&root, &a, cases[i].text, strlen(cases[i].text), "conf.yaml");
        if (st != cases[i].code || !strstr(hooke_error(), cases[i].words))
            print_error("'%s': '%s'", cases[i].text, hooke_error());
        assert_int_equal(st, cases[i].code);
        assert_non_null(strstr(hooke_error(), cases[i].words));
        assert_null(root);
        arena_release(&a);
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    struct arena a = { 0 };
    const struct json *root;
    char deep[400];
    for (int i = 0; i < 199; i++) memcpy(deep + 2 * i, "- ", 2);
    assert_int_equal(yaml_parse(&root, &a, deep, 398, "conf.yaml"), HOOKE_E_UNSUPPORTED);
    assert_non_null(strstr(hooke_error(), "nested deeper than 32"));
    arena_release(&a);
    assert_int_equal(yaml_parse(&root, &a, "", 0, "conf.yaml"), HOOKE_OK);
    assert_int_equal(root->kind, JSON_OBJECT);
    arena_release(&a);
}

static hooke_status parse(const unsigned char *bytes, size_t n)
{
    struct arena a = { 0 };
    const struct json *root;
    hooke_status st = yaml_parse(&root, &a, (const char *)bytes, n, "conf.yaml");
    arena_release(&a);
    return st;
}

static void cuts_and_flips(void **state)
{
    (void)state;
    unsigned char bytes[sizeof sample];
    for (size_t n = 0; n < sizeof sample; n++) (void)read_exact_copy(parse, (const unsigned char *)sample, n);
    for (size_t i = 0; i < sizeof sample - 1; i++)
        for (int bit = 0; bit < 8; bit++) {
            memcpy(bytes, sample, sizeof sample);
            bytes[i] ^= (unsigned char)(1 << bit);
            (void)read_exact_copy(parse, bytes, sizeof sample - 1);
        }
    for (long n = 1;; n++) {
        mem_fail_at(n);
        hooke_status st = parse((const unsigned char *)sample, sizeof sample - 1);
        mem_fail_at(0);
        assert_true(n < 1000);
        if (st == HOOKE_OK) return;
        assert_int_equal(st, HOOKE_E_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_is_understood),
        cmocka_unit_test(in_brackets_and_braces),
        cmocka_unit_test(refused_by_name),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(cuts_and_flips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
