/* Chat templates beside Jinja's answers, their bounds, and what is said about those that are broken. */
#include "toy.h"

#include <math.h>

#include "damage.h"
#include "file/bytes.h"
#include "text/template_value.h"

static const struct civil_time afternoon = { 2026, 3, 5, 14, 7, 9 };

/* variables: an object as JSON; NULL: none. */
static hooke_status render(hooke_text *out, const char *source, size_t n, const char *variables)
{
    struct arena a = { 0 };
    struct template_input in = { .name = "model", .source = { source, n }, .now = afternoon };
    const char *json = variables ? variables : "{}";
    hooke_status st = json_parse(&in.variables, &a, json, strlen(json), 0, "variables");
    if (st == HOOKE_OK) st = template_render(out, &in);
    arena_release(&a);
    return st;
}

static void expect_render(const char *source, const char *variables, const char *expected, int line)
{
    hooke_text out = { 0 };
    if (render(&out, source, strlen(source), variables) != HOOKE_OK) stop(line, "%s", hooke_error());
    if (strcmp(out.data, expected) != 0) stop(line, "expected '%s', found '%s'", expected, out.data);
    hooke_text_release(&out);
}

static void expect_refusal(const char *source, const char *variables, hooke_status code, const char *words,
                           int line)
{
    hooke_text out = { 0 };
    hooke_status st = render(&out, source, strlen(source), variables);
    if (st != code)
        stop(line, "expected '%s', found '%s': %s", hooke_status_text(code), hooke_status_text(st), out.data);
    if (!strstr(hooke_error(), words)) stop(line, "'%s' is not in '%s'", words, hooke_error());
    assert_int_equal(out.n, 0);
    hooke_text_release(&out);
}

/* tools/parity/chat_templates.py --golden wrote them: the first line is what every template sees. */
static void as_jinja_renders(void **state)
{
    (void)state;
    hooke_text file = { 0 }, out = { 0 };
    struct arena a = { 0 };
    const struct json *variables, *line;
    assert_int_equal(file_read(&file, "tests/golden/templates/cases.jsonl", 1 << 20), HOOKE_OK);
    const char *s = file.data, *end = strchr(s, '\n');
    assert_int_equal(json_parse(&variables, &a, s, (size_t)(end - s), 0, "variables"), HOOKE_OK);
    int n_same = 0, n_refused = 0;
    for (s = end + 1; (end = strchr(s, '\n')) != NULL; s = end + 1) {
        assert_int_equal(json_parse(&line, &a, s, (size_t)(end - s), 0, "case"), HOOKE_OK);
        const struct json *source = json_get(line, "template"), *text = json_get(line, "text");
        struct template_input in = { .name = "model",
                                     .source = { source->as.string.bytes, source->as.string.n },
                                     .variables = variables,
                                     .now = afternoon };
        hooke_status st = template_render(&out, &in);
        const char *recursive = "{% for x in nums recursive %}", *hidden = "s.__class__",
                   *attr = "s|attr('x')";
        bool is_known_gap =
            strstr(in.source.s, recursive) || strstr(in.source.s, hidden) || strstr(in.source.s, attr);
        if (is_known_gap) {
            assert_int_equal(st, HOOKE_E_UNSUPPORTED);
        } else if (!text) {
            if (st == HOOKE_OK) print_error("%s: rendered as '%s'\n", in.source.s, out.data);
            assert_int_not_equal(st, HOOKE_OK);
            assert_int_not_equal(st, HOOKE_E_INTERNAL);
            n_refused++;
        } else {
            if (st != HOOKE_OK) print_error("%s\n", hooke_error());
            assert_int_equal(st, HOOKE_OK);
            if (out.n != text->as.string.n || memcmp(out.data, text->as.string.bytes, out.n) != 0)
                stop(__LINE__, "%s: expected '%s', found '%s'", in.source.s, text->as.string.bytes, out.data);
            n_same++;
        }
    }
    assert_true(n_same > 400 && n_refused > 50);
    arena_release(&a);
    hooke_text_release(&file);
    hooke_text_release(&out);
}

static void messages_name_the_line(void **state)
{
    (void)state;
    expect_refusal("a\n{% if x %}\n{{ y. }}{% endif %}", NULL, HOOKE_E_FORMAT,
                   "model: chat template: line 3: the tag ends where a name is due", __LINE__);
    expect_refusal("a\n\n{{ x.y }}", NULL, HOOKE_E_FORMAT, "line 3: 'x' is undefined, so it has no 'y'",
                   __LINE__);
    expect_refusal("{% for m in messages %}\n{{ m | sparkle }}{% endfor %}", "{\"messages\":[1]}",
                   HOOKE_E_UNSUPPORTED, "line 2: the filter 'sparkle' is not known here", __LINE__);
    expect_refusal("{% if x is shiny %}{% endif %}", NULL, HOOKE_E_UNSUPPORTED, "the test 'shiny'", __LINE__);
    expect_refusal("{{ cycler(1) }}", NULL, HOOKE_E_UNSUPPORTED, "'cycler' is undefined, or not known here",
                   __LINE__);
    expect_refusal("{% import 'x' as x %}", NULL, HOOKE_E_UNSUPPORTED, "{% import %} is not understood",
                   __LINE__);
    expect_refusal("\n{{ raise_exception('roles must alternate') }}", NULL, HOOKE_E_ARGUMENT,
                   "line 2: the template refuses this conversation: roles must alternate", __LINE__);
    expect_refusal("{% for x in [1] %}\n", NULL, HOOKE_E_FORMAT, "line 1: {% for %} is never closed",
                   __LINE__);
    expect_refusal("{% set x = 9223372036854775807 + 1 %}", NULL, HOOKE_E_UNSUPPORTED, "past 64 bits",
                   __LINE__);
    expect_refusal("{{ messages.append(1) }}", "{\"messages\":[]}", HOOKE_E_FORMAT,
                   "list.append would change", __LINE__);
}

/* The clock is given; so is everything else: the same words every time. */
static void dates(void **state)
{
    (void)state;
    expect_render("{{ strftime_now('%d %b %Y') }}", NULL, "05 Mar 2026", __LINE__);
    expect_render("{{ strftime_now('%A, %H:%M') }}", NULL, "Thursday, 14:07", __LINE__);
    expect_refusal("{{ strftime_now('%Q') }}", NULL, HOOKE_E_UNSUPPORTED, "'%Q'", __LINE__);
}

static void text_is_unicode(void **state)
{
    (void)state;
    expect_render("\xFF{{ s }}", "{\"s\":\"\\ud83d\\ude42\"}", "\xEF\xBF\xBD\xF0\x9F\x99\x82", __LINE__);
    expect_render("{{ s[0] }}{{ s | length }}{{ s[::-1] }}", "{\"s\":\"\\u65e5\\u672c\"}", "日2本日",
                  __LINE__);
}

/* ---- bounds ---- */

static void expect_bound(const char *source, const char *words, int line)
{
    expect_refusal(source, NULL, HOOKE_E_UNSUPPORTED, words, line);
}

static char *repeated(const char *part, int n)
{
    hooke_text t = { 0 };
    for (int i = 0; i < n; i++) text_puts(&t, part);
    return t.data;
}

static void hostile_templates_are_bounded(void **state)
{
    (void)state;
    expect_refusal("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", NULL,
                   HOOKE_E_MEMORY, "past its bound of 134217728 bytes", __LINE__);
    expect_bound("{{ range(100001) | length }}", "range of more than 100000", __LINE__);
    expect_bound("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nested deeper than 200", __LINE__);
    expect_bound("{% set ns = namespace(l=[]) %}{% for i in range(100) %}{% set ns.l = [ns.l] %}{% endfor "
                 "%}{{ ns.l }}",
                 "nested deeper than 64", __LINE__);
    expect_bound(
        "{% set ns = namespace(l=[]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}"
        "{{ ns.l == ns.l }}",
        "steps of work", __LINE__);
    expect_refusal("{% set ns = namespace() %}{% set ns.d = [ns] %}{{ ns.d | tojson }}", NULL, HOOKE_E_FORMAT,
                   "tojson of a value of type namespace", __LINE__);
    expect_refusal("{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s "
                   "%}{% endfor %}",
                   NULL, HOOKE_E_MEMORY, "past its bound", __LINE__);
    expect_bound("{% set s = 'x' * 60000000 %}", "steps of work", __LINE__);
    expect_bound("{% set s = 'x' * 1000000 %}{% for i in range(99) %}{{ s }}{% endfor %}", "bytes of output",
                 __LINE__);
    char *deep = repeated("(", 300), *ifs = repeated("{% if 1 %}", 300), *sum = repeated("1+", 300),
         *nots = repeated("not ", 400);
    hooke_text source = { 0 };
    text_printf(&source, "{{ %s1 }}", deep);
    expect_bound(source.data, "200", __LINE__);
    expect_bound(ifs, "nested deeper than 200", __LINE__);
    text_clear(&source);
    text_printf(&source, "{{ %s1 }}", sum);
    expect_bound(source.data, "nested deeper than 200", __LINE__);
    text_clear(&source);
    text_printf(&source, "{{ %s1 }}", nots);
    expect_bound(source.data, "nested deeper than 200", __LINE__);
    mem_free(deep);
    mem_free(ifs);
    mem_free(sum);
    mem_free(nots);
    char *long_one = repeated("0123456789abcdef", TEMPLATE_MAX_BYTES / 16 + 1);
    expect_bound(long_one, "the limit is", __LINE__);
    mem_free(long_one);
    hooke_text_release(&source);
}

/* ---- damage ---- */

static const char every_construct[] =
    "{# c #}{%- macro m(a, b='x') -%}[{{ a ~ b }}]{%- endmacro -%}\n"
    "{% set ns = namespace(n=0) %}{% for x in messages if x.role != 'none' %}\n"
    "  {% if loop.first and x['content'] is string %}{{ x.content | trim | replace('a', \"b\") }}\n"
    "  {% elif x.role in ['user', 'tool'] %}{{ m(x.role, b=loop.index0 + 1) }}{% else %}{{ x | "
    "tojson(indent=2) }}{% endif %}\n"
    "  {% set ns.n = ns.n + 1 %}{% if ns.n >= 5 %}{% break %}{% endif %}{% endfor %}\n"
    "{% raw %}{{ raw }}{% endraw %}{{ messages[::-1] | map(attribute='role') | join(', ') }}{% set t %}{{ "
    "d.items() | list }}{% endset %}\n"
    "{{ t.split(',')[0] ~ ('y' if t else 'n') }}{{ strftime_now('%Y') }}{{ '%s' % ns.n }}{{ d | dictsort "
    "}}{{ messages | selectattr('role', 'equalto', 'user') | list | length }}";
static const char some_variables[] =
    "{\"messages\":[{\"role\":\"system\",\"content\":\" Be a man "
    "\"},{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\","
    "\"content\":\"Ho\"},{\"role\":\"user\",\"content\":\"Why?\"}],\"d\":{\"b\":1,\"a\":[true,null,2.5]}}";

static hooke_status render_bytes(const unsigned char *bytes, size_t n)
{
    hooke_text out = { 0 };
    hooke_status st = render(&out, (const char *)bytes, n, some_variables);
    hooke_text_release(&out);
    return st;
}

static void damaged_templates(void **state)
{
    (void)state;
    const unsigned char *bytes = (const unsigned char *)every_construct;
    size_t n = sizeof every_construct - 1;
    assert_int_equal(read_exact_copy(render_bytes, bytes, n), HOOKE_OK);
    for (size_t cut = 0; cut < n; cut++)
        assert_int_not_equal(read_exact_copy(render_bytes, bytes, cut), HOOKE_E_INTERNAL);
    assert_true(survives_flips(render_bytes, bytes, n, 20000, 7) > 1000);
    survives_lost_memory(render_bytes, bytes, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_jinja_renders),
        cmocka_unit_test(messages_name_the_line),
        cmocka_unit_test(dates),
        cmocka_unit_test(text_is_unicode),
        cmocka_unit_test(hostile_templates_are_bounded),
        cmocka_unit_test(damaged_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
