"""Templates and conversations of our own for tools/parity/chat_templates.py: every construct that chat templates use."""

CHAT = [
    {"role": "system", "content": " Be brief. "},
    {"role": "user", "content": "Hello\n"},
    {"role": "assistant", "content": "Hi! "},
    {"role": "user", "content": "  Why? ünïcödé 日本 🙂"},
]
VARS = {
    "messages": CHAT, "add_generation_prompt": True, "bos_token": "<s>", "eos_token": "</s>", "tools": None,
    "n": 7, "neg": -7, "x": 2.5, "big": 1e20, "t": True, "f": False, "none": None, "empty": [], "s": "Hello, World",
    "u": "Straße ÉCLAIR ǆ 日本🙂", "words": ["b", "a", "C", "a"], "nums": [3, 1, 2], "nested": [[1, 2], [3, [4]]],
    "d": {"b": 1, "a": "two", "C": None}, "items_key": {"items": "mine", "get": 3},
    "people": [{"name": "Ann", "age": 3, "tags": ["x", "y"]}, {"name": "bob", "age": 1}, {"name": "Cy", "age": 2, "on": True}],
    "quotes": "it's \"q\" \\ \n\t\x7f\u200b\u00e9",
    "tool": {"type": "function", "function": {"name": "f", "description": "a <b> & 'c' é", "parameters": {"type": "object", "properties": {}, "required": []}}},
}

# One expression a line, printed between brackets.
EXPRESSIONS = r"""
n
n + 2
n - 10
n * 3
n / 2
n // 2
neg // 2
n % 4
neg % 4
n % -4
neg % -4
n ** 2
2 ** -1
-n
+n
-n ** 2
2 ** 3 ** 2
x
x * 2
x // 1
x % 2
neg % x
big
1e3
1.5e-7
0.1 + 0.2
1_000
x == 2.5
1 == 1.0
true == 1
t
f
none
true
True
None
not t
not none
n and s
0 or s
'' or empty or 'last'
t and not f
not t or t
(t or f) and f
s
s ~ n
s ~ none ~ t
'a' 'b' "c"
'a' + 'b'
'ab' * 3
3 * 'ab'
'a\nb\t\\\'\"\x41\u00e9\101\q'
"it's"
'\U0001F642'
n > 3
n >= 7
n < 3
1 < 2 < 3
1 < 3 < 2
'a' < 'b'
[1,2] < [1,3]
n == 7 and s == 'x'
n != 7
'a' in s
'ell' in s
'' in s
'a' not in s
1 in [1,2]
'b' in d
'zz' in d
3 in nums
none in [none]
'x' in missing
s[0]
s[-1]
s[99]
s[1:4]
s[:-3]
s[::-1]
s[::2]
s[-3:]
s[5:2]
u[1]
u[::-1]
u[-2:]
nums[0]
nums[-1]
nums[9]
nums[1:]
nums[::-1]
nums[:2]
nums[-2:-1]
nums[5:0:-2]
words[1:99]
d['a']
d.a
d['zz']
d.zz
d['zz'] is defined
nested[1][1][0]
people[0].name
people[0]['tags'][1]
people[1].tags
nums.0
(1,2,3)[1]
items_key.items is string
items_key['items']
items_key.get('items')
items_key['get']
d.get('a')
d.get('q')
d.get('q', 'dflt')
d.items()|list
d.items() | list
d.keys() | list
d.values() | list
d.items() | length|d | length|d | list
missing
missing is defined
missing is undefined
missing is none
missing|default('x')
missing.attr is defined
missing == missing
missing == none
[missing]
missing ~ 'a'
missing|length
missing|trim
missing|list
missing is iterable
missing is sequence
missing is string
none is none
none is not none
n is none
n is number
x is number
t is number
n is integer
x is float
t is boolean
t is true
1 is true
f is false
0 is false
s is string
n is string
d is mapping
words is mapping
words is iterable
s is iterable
n is iterable
d is iterable
words is sequence
s is sequence
d is sequence
n is odd
n is even
n is divisibleby 7
n is divisibleby(2)
n is eq 7
n is equalto 7
s is in ['Hello, World']
n is gt 3
n is lt(3)
'abc' is lower
'ABC' is upper
'aB' is lower
n is not defined
d is defined and n is defined
strftime_now is defined
raise_exception is callable
s|upper
s|lower
u|upper
u|lower
'hello wORLD-foo (bar)'|title
'hello wORLD'|capitalize
'  a b '|trim
'xxaxx'|trim('x')
s|length
u|length
s|replace('l','L')
s|replace('l','L',1)
s|first
s|last
s|list
s|reverse
words|first
words|last
empty|first
empty|last
words|join
words|join(', ')
people|join(',', attribute='name')
nums|sort
nums|sort(reverse=true)
words|sort
words|sort(case_sensitive=true)
people|sort(attribute='age')|map(attribute='name')|list
words|unique|list
nums|reverse|list
nums|max
nums|min
nums|sum
people|sum(attribute='age')
nums|length
nums|count
d|dictsort
d|dictsort(reverse=true)
d|items|list
n|string
'12'|int
'x'|int
'x'|int(5)
'1.5'|int
2.9|int
t|int
'2.5'|float
'q'|float
n|float
n|abs
neg|abs
-2.5|abs
2.6|round
x|round
s|safe
none|default('x')
none|default('x', true)
''|d('e', true)
none|string
neg|string
'%s-%d'|format('a', 3)
'%s' % 'q'
'%s and %s' % ('a', 1)
'100%% %r' % s
words|map('upper')|list
people|map(attribute='name')|join('-')
people|map(attribute='on', default='no')|list
people|map(attribute='tags.0')|list
people|selectattr('on')|list|length
people|selectattr('name','equalto','bob')|map(attribute='age')|list
people|rejectattr('name','equalto','bob')|map(attribute='age')|list
people|selectattr('on','defined')|list|length
nums|select('odd')|list
nums|reject('odd')|list
words|select('equalto','a')|list
words|reject('in',['a'])|list
[0,1,'',none]|select|list
nums|select('gt', 1)|join
s.upper()
s.lower()
'a-b c'.title()
"they're bill's".title()
'hELLO'.capitalize()
'  a '.strip()
'xxaxx'.strip('x')
'xxaxx'.lstrip('x')
'xxaxx'.rstrip('x')
'\n a\n'.lstrip('\n')
'a b  c'.split()
'a,b,c'.split(',')
'a,b,c'.split(',', 1)
'a,b,c'.rsplit(',', 1)
' a  b c '.split(none, 1)
'a<t>b</t>c'.split('</t>')[-1]
'a\nb\r\nc'.splitlines()
s.startswith('He')
s.endswith(('x','ld'))
s.replace('o','0')
'abc'.replace('','-')
s.replace('l','',1)
','.join(words)
s.find('World')
s.find('q')
u.find('日')
s.count('l')
'aaa'.count('aa')
'12'.isdigit()
''.isdigit()
'ab'.isalpha()
'a1'.isalnum()
' \n'.isspace()
'prefix-x'.removeprefix('prefix-')
'x.py'.removesuffix('.py')
'{} and {1}'.format(1,2)
'{} and {}'.format('a',n)
'{a} {{}}'.format(a=3)
nums.index(2)
words.count('a')
words
nested
d
quotes
[quotes]
["a'b"]
('x',)
()
(1,2)
{'k': [1, none, true, 2.0, "é"]}
{}
[]
[1.0, 1e16, 1e-5, 123456789.125, -0.0]
{1: 2, none: 3}
tool|tojson
tool|tojson(indent=2)
tool|tojson(indent=4)
d|tojson
d|tojson(sort_keys=false)
{'b':1,'a':2}|tojson(sort_keys=true)
words|tojson
u|tojson
quotes|tojson
none|tojson
t|tojson
x|tojson
1e20|tojson
[]|tojson(indent=2)
{}|tojson(indent=2)
nested|tojson(indent=1)
(1,2)|tojson
{1: none, none: 2, true: 3}|tojson
tool|tojson(separators=(',', ':'))
tool|tojson(ensure_ascii=false)
'yes' if t else 'no'
'yes' if f
'a' if f else 'b' if f else 'c'
('a' if t else 'b') ~ 'z'
[1 if t else 2, 3]
n if n is defined else 0
range(3)|list
range(1,4)|list
range(10,0,-3)|list
range(0)|list
dict(a=1, b=2)
dict(d, z=3)
namespace(a=1).a
namespace(a=1).b is defined
strftime_now('%Y-%m-%d %H:%M:%S')
strftime_now('%d %b %Y')
strftime_now('%A %a %B %j %y %I%p %-d %e %F %T %%')
[1,2] + [3]
(1,) + (2,)
[0] * 3
n, s
1 + 2 * 3
(1 + 2) * 3
'a' ~ 1 + 2
n|string|length
-n|abs
n is defined and n|string == '7'
'a' if n > 3 and not f else 'b'
'indent\nme\n\nplease'|indent
'indent\nme\n\nplease'|indent(2, true)
'a\n\nb'|indent(2, blank=true)
none.x
none['x']
n.foo
s.foo
words.foo
d.foo.bar is defined
missing.foo
missing[0]
missing()
n()
s + 1
none + 'a'
n + missing
-s
1 / 0
n % 0
first.foo
'a' < 1
[1] < 'a'
none in s
n in s
missing|int
none|length
n|length
n|list
[1,2,3]|nofilter
n is notest
words.append('x')
d.update({})
s.__class__
s|attr('x')
raise_exception('no')
range(200000)|length
none|first
none|selectattr('a')|list
none|map('upper')|list
0|select|list
'<a>'|safe
'<a>'|safe + '<b>&\'"'
'<a>' ~ ('<b>'|safe) ~ d
('<a>'|safe)|length
('x'|safe) == 'x'
('<'|safe)|tojson
none|join
missing + 'a'
missing > 1
{[1]: 2}
'%d' % 'x'
'%s %s' % 'a'
strftime_now(3)
s[0:n:0]
' a  b '.rsplit(none, 1)
range(5)[1]
range(5)|last
range(0) is sequence
3 in range(5)
range(3) == range(3)
s|string|length
'{1} {0}'.format(1,2)
'{} and {0}'.format(1)
""".strip().splitlines()

TEMPLATES = [
    # white space
    "  {% if t %}  \n x\n  {% endif %}  \ny\n\n", "a {%- if t -%}  b  {%- endif -%}  c", "a\n  {%+ if t %}\n b {%+ endif +%}\nc",
    "a\n   {# gone #}\nb {# c #} d\n  {#- e -#}  \n f", "{{ s }}\n{{- s -}}\n {{ s }}\n", "\n\n{% set q = 1 %}\n\n{{ q }}\n\n", "x\r\ny\rz\n", "{{ '\n' }}|{{ 'a\r\nb' }}",
    "{% raw %}{{ not }} {% this %}{% endraw %}!", "a\n  {% raw %}\n  {{ x }}\n  {% endraw %}\n  b", "{%- raw -%}  {% a %} {%- endraw -%}  b", "   {{ s }}\n  \t{% if t %}\n\t{{ n }}\n  {% endif %}\n",
    "{#- a #}{{ s }}{# b -#}  c\n", "{% if t %}{% endif %}\n{% if t %}\n{% endif %}\n", "a{% if t %}\n\n b{% endif %}", "text only", "", "\n", "{", "{ {", "a { b } c %} d }}", "{{ '}}' }}{{ \"%}\" }}{{ {'a': {'b': 1}} }}",
    "\u00a0 {% if t %}x{% endif %}", " {%if t%}x{%endif%} ", "{{s}}{{n}}", "{{- '' }}  \n  x", "a \n\n {{- 'b' }}", "{%- if t %}\n  b\n{%- endif %}\n",
    # if
    "{% if f %}a{% elif none %}b{% elif n > 5 %}c{% elif t %}d{% else %}e{% endif %}", "{% if f %}a{% else %}b{% endif %}", "{% if missing %}a{% endif %}", "{% if not missing %}a{% endif %}",
    "{% if messages | selectattr('role', 'equalto', 'nobody') %}always{% endif %}", "{% if messages | selectattr('role', 'equalto', 'nobody') | list %}never{% endif %}", "{% if d.items() %}x{% endif %}{% if {}.items() %}y{% endif %}",
    # for
    "{% for m in messages %}{{ loop.index }}/{{ loop.index0 }}/{{ loop.revindex }}/{{ loop.revindex0 }}/{{ loop.first }}/{{ loop.last }}/{{ loop.length }}/{{ m.role }};{% endfor %}",
    "{% for x in empty %}a{% else %}none{% endfor %}", "{% for x in nums if x > 1 %}{{ loop.index }}:{{ x }},{% endfor %}", "{% for x in nums if x > 9 %}a{% else %}none{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in d | dictsort %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for c in u %}{{ c }}.{% endfor %}", "{% for x in nums[1:] %}{{ x }}{% endfor %}", "{% for x in nums[::-1] %}{{ x }}{% endfor %}",
    "{% for m in messages %}{{ loop.previtem.role if loop.previtem is defined }}<{{ m.role }}>{{ loop.nextitem.role if not loop.last }};{% endfor %}", "{% for x in nums %}{{ loop.cycle('a','b') }}{% endfor %}",
    "{% for x in words %}{% if loop.changed(x) %}{{ x }}{% endif %}{% endfor %}", "{% for x in [1,1,2,2,1] %}{% if loop.changed(x) %}{{ x }}{% endif %}{% endfor %}", "{% for x in nums %}{% for y in nums %}{{ x * y }}{{ ',' if not loop.last }}{% endfor %};{% endfor %}",
    "{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% for x in nums %}{% for y in nums %}{% if y == 1 %}{% break %}{% endif %}{{ y }}{% endfor %}{{ x }}{% endfor %}",
    "{% for x in nums %}{% set q = x %}{% endfor %}{{ q is defined }}", "{% set q = 0 %}{% for x in nums %}{{ q }}{% set q = q + x %}{{ q }};{% endfor %}{{ q }}", "{% set ns = namespace(q=0) %}{% for x in nums %}{% set ns.q = ns.q + x %}{% endfor %}{{ ns.q }}",
    "{% for x in missing %}a{% else %}b{% endfor %}", "{% for a, b in [(1,2),(3,4)] %}{{ a }}{{ b }}{% endfor %}", "{% for (a, b) in [(1,2)] %}{{ a }}{{ b }}{% endfor %}", "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}", "{% set it = nums | map('string') %}{% for x in it %}{{ x }}{% endfor %}{% for x in it %}again{% endfor %}",
    "{% for x in nums %}{% if loop.first %}{% set q = 1 %}{% endif %}{{ q is defined }}{% endfor %}", "{% for x in nums recursive %}{{ x }}{% endfor %}", "{% for x in none %}{% endfor %}", "{% for a, b in nums %}{% endfor %}", "{% for loop in nums %}{% endfor %}",
    "{% for m in messages %}{% if m.role == 'user' and not loop.last %}{{ m.content | trim }}{% elif m.role != 'user' %}({{ m.role }}){% endif %}{% endfor %}", "{% for x in nums %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}",
    # set
    "{% set a = 1 %}{% set b, c = 2, 3 %}{{ a }}{{ b }}{{ c }}", "{% set x %}a{{ n }}{% endset %}[{{ x }}]", "{% set x | trim | upper %}  a{{ s }} {% endset %}[{{ x }}]", "{% set ns = namespace() %}{% set ns.a = 1 %}{{ ns.a }}{{ ns.b is defined }}", "{% set d2 = {'a': 1} %}{% set d2.a = 2 %}",
    "{% if t %}{% set inside = 1 %}{% endif %}{{ inside }}", "{% set messages = messages[1:] %}{{ messages | length }}", "{% if messages[0].role == 'system' %}{% set loop_messages = messages[1:] %}{% set sys = messages[0].content %}{% else %}{% set loop_messages = messages %}{% endif %}{{ sys }}|{% for m in loop_messages %}{{ m.content }}{% endfor %}",
    "{% set a = b = 1 %}", "{% set 1 = 2 %}", "{% set a, b = [1] %}", "{% set x = 1, %}{{ x }}", "{% set x %}{% set y = 1 %}{% endset %}{{ y is defined }}", "{% set ns = namespace(a=[]) %}{% set ns.a = ns.a + [1] %}{% set ns.a = ns.a + [2] %}{{ ns.a }}", "{% set ns = namespace({'q': 4}, r=5) %}{{ ns.q }}{{ ns['r'] }}", "{% set ns = namespace(_x=1) %}{% set ns._x = 2 %}",
    # macro and call
    "{% macro m(a, b=2, c='x') %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c='z') }}{{ m() }}{{ m(b=1, a=4) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(z=2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}",
    "{% macro fact(k) %}{% if k > 1 %}{{ k }}*{{ fact(k - 1) }}{% else %}1{% endif %}{% endmacro %}{{ fact(5) }}", "{% set g = 1 %}{% macro m() %}{{ g }}{{ n }}{% endmacro %}{% set g = 2 %}{{ m() }}", "{% macro m(x=n) %}{{ x }}{% endmacro %}{{ m() }}{{ m() | length }}{{ m.name }}", "{% macro m() %}({{ caller() }}){% endmacro %}{% call m() %}body{{ n }}{% endcall %}",
    "{% macro m() %}{{ caller(1) }}{{ caller(2) }}{% endmacro %}{% call(k) m() %}<{{ k }}>{% endcall %}", "{% macro m(a) -%}\n  {{- a -}}\n{%- endmacro %}{{ m('q') }}!", "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}", "{% for x in nums %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", "{% macro m(a=1, b) %}{% endmacro %}", "{{ m() }}{% macro m() %}x{% endmacro %}", "{% macro m() %}{% set z = 1 %}{% endmacro %}{{ m() }}{{ z is defined }}",
    # others
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}", "{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% filter upper | trim %} a{{ s }} {% endfilter %}", "{% generation %}{{ s }}{% endgeneration %}!", "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% endif %}{% endfor %}",
    "{% generation %}{% set z = 1 %}{% endgeneration %}{{ z is defined }}", "{{ raise_exception('no: ' ~ s) }}", "{% if f %}{{ raise_exception('no') }}{% endif %}fine", "{{ messages[0]['content'] | trim + eos_token }}", "{{ '<' + messages[0]['role'] + '>\\n' + messages[0]['content'] | trim + '\\n' }}",
    "{{ bos_token + 'x' }}{{ eos_token }}{{ pad_token }}", "{{ tools is none }}{{ tools is not none and tools | length }}", "{{ messages | length }}{{ messages[-1].content.split('?')[0] }}", "{{ {'a': 1, 'b': [1,2]}.b[1] }}", "{{ [1, 2, ] }}{{ (1, ) }}{{ {'a': 1, } }}", "{{ dict(a=1)['a'] }}{{ dict(a=1).a }}",
    "{{ 'a' if t }}{{ 'b' if f }}|", "{{ (messages | last).content }}{{ (messages | first).role }}", "{{ messages | map(attribute='role') | join(' ') }}", "{% set roles = messages | map(attribute='role') | list %}{{ roles }}{{ 'user' in roles }}", "{{ messages | tojson }}", "{{ messages | tojson(indent=2) }}",
    # faults
    "{{ }}", "{{ 1 + }}", "{{ (1 }}", "{{ 1) }}", "{% if %}a{% endif %}", "{% if t %}a", "{% endif %}", "{% for x nums %}{% endfor %}", "{% else %}", "{% nothing %}", "{{ 'open }}", "{# open", "{% raw %}open", "{{ a b }}", "{{ 1 2 }}", "{% if t %}{% endfor %}", "{{ a.'b' }}", "{{ a[ }}", "{{ ! }}", "{{ a ? b }}", "{% set %}", "{% set x = %}", "{% break %}",
    "{% macro %}{% endmacro %}", "{{ f(a=1, 2) }}", "{{ not }}", "{{ a is }}", "{{ a | }}", "{{ [1, 2 }}", "{{ {'a' 1} }}", "{% import 'x' as y %}", "{% include 'x' %}", "{% extends 'x' %}", "{% do x %}", "{{ x if }}", "{{ a is b is c }}", "{{ 1.x }}", "{{ 012 }}", "{{ a..b }}", "{{ 5 5 }}", "{{ '\\xzz' }}",
]
