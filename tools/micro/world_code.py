"""Small program files in five languages, in the manner of github-code: a comment header, then random functions."""
from world import fill

LANGUAGES = ["C", "Python", "HTML", "Java", "PHP"]
SLOTS = {
    "noun": "item|price|score|user|file|line|word|node|order|page|color|image|record|token|value|key".split("|"),
    "verb": "count|find|update|check|read|write|print|load|store|merge|sort|remove".split("|"),
    "name": "alpha|beta|gamma|delta|main|total|result|index|offset|limit|size|width".split("|"),
    "num": "0|1|2|3|4|5|8|10|16|32|64|100".split("|"),
    "op": "+|-|*".split("|"),
    "cmp": "<|>|==|!=|<=|>=".split("|"),
}

C = ["""int {verb}_{noun}(int *list, int n) {
    int {name} = {num};
    for (int i = 0; i < n; i++) {
        if (list[i] {cmp} {num}) {name} += list[i];
    }
    return {name};
}
""", """static void {verb}_{noun}(struct {noun} *p) {
    if (p == NULL) return;
    p->{name} = p->{name} {op} {num};
    printf("%d\\n", p->{name});
}
""", """struct {noun} {
    int {name};
    char *{noun};
    struct {noun} *next;
};
""", """char *{verb}_{noun}(const char *text) {
    size_t n = strlen(text);
    char *copy = malloc(n + 1);
    memcpy(copy, text, n + 1);
    return copy;
}
"""]
PYTHON = ["""def {verb}_{noun}(items):
    {name} = {num}
    for item in items:
        if item {cmp} {num}:
            {name} += item
    return {name}

""", """class {Noun}:
    def __init__(self, {name}):
        self.{name} = {name}

    def {verb}(self):
        return self.{name} {op} {num}

""", """def {verb}_{noun}(path):
    with open(path) as f:
        lines = f.read().split("\\n")
    return [line.strip() for line in lines if line]

""", """if __name__ == "__main__":
    {name} = {verb}_{noun}([{num}, {num}, {num}])
    print({name})

"""]
HTML = ["""<div class="{noun}">
  <h2>{Noun} {num}</h2>
  <p>{Verb} the {noun}</p>
</div>
""", """<table id="{noun}">
  <tr><th>{name}</th><th>{noun}</th></tr>
  <tr><td>{num}</td><td>{num}</td></tr>
</table>
""", """<ul>
  <li><a href="/{noun}/{num}">{verb} {noun}</a></li>
  <li><a href="/{noun}/{name}">{noun} {name}</a></li>
</ul>
""", """<form action="/{verb}" method="post">
  <input type="text" name="{noun}">
  <button type="submit">{Verb}</button>
</form>
"""]
JAVA = ["""    public int {verb}{Noun}(int[] list) {
        int {name} = {num};
        for (int i = 0; i < list.length; i++) {
            if (list[i] {cmp} {num}) {name} += list[i];
        }
        return {name};
    }
""", """    private final String {noun};
    private int {name} = {num};
""", """    public String get{Noun}() {
        return this.{noun};
    }
""", """    public static void main(String[] args) {
        System.out.println("{noun} " + {num});
    }
"""]
PHP = ["""function {verb}_{noun}($list) {
    ${name} = {num};
    foreach ($list as $item) {
        if ($item {cmp} {num}) ${name} += $item;
    }
    return ${name};
}
""", """if (isset($_POST['{noun}'])) {
    ${name} = $_POST['{noun}'];
    echo "{noun}: " . ${name};
}
""", """class {Noun} {
    public $name = '{name}';
    function {verb}() { return $this->name; }
}
""", """$query = "SELECT * FROM {noun} WHERE {name} = {num}";
$result = mysql_query($query);
echo count($result);
"""]
HEAD = {"C": "#include <stdio.h>\n#include <stdlib.h>\n\n", "Python": "import os\nimport sys\n\n", "PHP": "<?php\n",
        "HTML": "<html>\n<head><title>{Noun} {name}</title></head>\n<body>\n",
        "Java": "package org.{noun}.{name};\n\nimport java.util.List;\n\npublic class {Noun} {\n"}
TAIL = {"C": "", "Python": "", "PHP": "?>\n", "HTML": "</body>\n</html>\n", "Java": "}\n"}
NOTE = {"C": ("/* ", " */\n"), "Python": ("# ", "\n"), "HTML": ("<!-- ", " -->\n"), "Java": ("// ", "\n"),
        "PHP": ("<?php // ", " ?>\n")}
NOTES = ["This file is free software. You may copy and change it under the terms of the licence, without any warranty.",
         "Copyright by the authors. All rights reserved. Use of this file is allowed for any purpose with this notice."]
BODY = {"C": C, "Python": PYTHON, "HTML": HTML, "Java": JAVA, "PHP": PHP}


def code_slots():
    slots = dict(SLOTS)
    slots["Noun"] = [noun.capitalize() for noun in SLOTS["noun"]]
    slots["Verb"] = [verb.capitalize() for verb in SLOTS["verb"]]
    return slots


def program(rng, language, pieces):
    """A file of so many functions; the header is at least as long as what the evaluation cuts away."""
    slots, (left, right) = code_slots(), NOTE[language]
    header = left + rng.choice(NOTES) + " {Noun} {name}." + right
    body = "".join(rng.choice(BODY[language]) for _ in range(pieces))
    return fill(rng, header + HEAD[language] + body + TAIL[language], slots)


def document(rng):
    language, slots = rng.choice(LANGUAGES), code_slots()
    if rng.random() < 0.25:
        return program(rng, language, 2)
    pieces = "".join(rng.choice(BODY[language]) for _ in range(2))
    head = HEAD[language] if rng.random() < 0.5 else ""
    return fill(rng, head + pieces, slots)
