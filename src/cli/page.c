#include "cli/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/json_out.h"
#include "cli/term.h"
#include "cli/utf8.h"

/* Without script the page still shows the text coloured by one feature and the list. The colours keep a contrast of 4.5 and
 * more against the text at every strength. */
static const char *const style[] = {
    ":root{color-scheme:light "
    "dark;--bg:#fdfcfa;--fg:#1b1a18;--dim:#67635c;--line:#ddd8cf;--card:#fff;--hot:245,140,20;--focus:#"
    "0b62d6}",
    "@media(prefers-color-scheme:dark){:root{--bg:#171614;--fg:#edeae4;--dim:#a39d93;--line:#37342f;--card:#"
    "201e1b;--hot:172,80,0;--focus:#7db4ff}}",
    "*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.6 "
    "system-ui,sans-serif}",
    "header{padding:1.2rem 1.6rem .6rem}h1{font-size:1.25rem;margin:0}header p{margin:.2rem 0 "
    "0;color:var(--dim);font-size:.85rem}",
    "main{display:grid;grid-template-columns:minmax(0,1fr) 25rem;gap:1.6rem;padding:.8rem 1.6rem "
    "3rem;align-items:start}",
    "@media(max-width:60rem){main{grid-template-columns:minmax(0,1fr)}}",
    "h2{font-size:.8rem;text-transform:uppercase;letter-spacing:.06em;color:var(--dim);margin:0 0 .5rem}",
    ".text{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem "
    "1.2rem;margin:0 0 1rem;white-space:pre-wrap;",
    "overflow-wrap:anywhere;font:15px/2 ui-monospace,monospace}.t{border-radius:.2rem;padding:.12em "
    "0;background:rgba(var(--hot),var(--a,0))}",
    ".t.s{color:var(--dim)}.t:hover,.t:focus,button:focus-visible{outline:2px solid "
    "var(--focus);outline-offset:1px}",
    "ul{list-style:none;margin:0;padding:0}aside{position:sticky;top:.8rem;max-height:calc(100vh - "
    "1.6rem);overflow:auto}",
    "button{display:block;width:100%;text-align:left;font:inherit;font-size:.85rem;color:inherit;background:"
    "var(--card);border:1px solid var(--line);",
    "border-radius:.5rem;padding:.4rem .6rem;margin:0 0 "
    ".35rem;cursor:pointer}button[aria-pressed=true]{border-color:var(--focus);box-shadow:0 0 0 1px "
    "var(--focus)}",
    "button "
    "b{font-variant-numeric:tabular-nums}.bar{display:block;height:.3rem;border-radius:.2rem;background:rgb("
    "var(--hot));margin:.25rem 0}",
    ".words{color:var(--dim);overflow-wrap:anywhere}code{font:.9em "
    "ui-monospace,monospace;background:var(--line);border-radius:.25rem;padding:0 .25em;white-space:pre}",
    "#tip{position:fixed;z-index:1;max-width:24rem;background:var(--card);border:1px solid "
    "var(--line);border-radius:.5rem;padding:.5rem .7rem;",
    "font-size:.82rem;box-shadow:0 4px 18px rgba(0,0,0,.25)}#tip table{border-collapse:collapse}#tip "
    "td{padding:0 .5rem 0 0;vertical-align:top}",
    "#tip td:nth-child(2){text-align:right;font-variant-numeric:tabular-nums}",
};

static const char *const script[] = {
    "'use strict';const "
    "D=JSON.parse(document.getElementById('data').textContent),T=[...document.querySelectorAll('.t')];",
    "const tip=document.getElementById('tip'),F=new Map(D.features.map(f=>[f.index,f]));",
    "function el(tag,text){const e=document.createElement(tag);if(text!==undefined)e.textContent=text;return "
    "e}",
    "function choose(i){const f=F.get(i);for(const t of T)t.style.removeProperty('--a');",
    "if(f)for(const[r,v]of f.at){const "
    "t=T[r];if(t)t.style.setProperty('--a',Math.min(1,Math.max(.12,v/f.max)).toFixed(3))}",
    "for(const b of "
    "document.querySelectorAll('button'))b.setAttribute('aria-pressed',String(+b.dataset.f===i));",
    "document.getElementById('chosen').textContent='coloured by feature '+i}",
    "function show(t){const "
    "row=D.tokens[+t.dataset.i];tip.replaceChildren(el('strong',JSON.stringify(t.dataset.t??t.textContent)))"
    ";",
    "const b=el('table');for(const[i,v]of row){const "
    "r=b.insertRow();r.append(el('td',i),el('td',v.toPrecision(4)));",
    "const w=el('td');w.className='words';const f=F.get(i);if(f)for(const x of f.top)w.append(el('code',x),' "
    "');r.append(w)}",
    "if(!row.length)tip.append(el('div','no feature is on'));tip.append(b);tip.hidden=false;",
    "const q=t.getBoundingClientRect(),m=tip.getBoundingClientRect();",
    "tip.style.left=Math.max(8,Math.min(q.left,innerWidth-m.width-8))+'px';",
    "tip.style.top=(q.bottom+m.height+12<innerHeight?q.bottom+6:Math.max(8,q.top-m.height-6))+'px'}",
    "for(const t of "
    "T){t.addEventListener('mouseenter',()=>show(t));t.addEventListener('mouseleave',()=>tip.hidden=true);",
    "t.addEventListener('focus',()=>show(t));t.addEventListener('blur',()=>tip.hidden=true);",
    "t.addEventListener('click',()=>{const r=D.tokens[+t.dataset.i];if(r.length)choose(r[0][0])});",
    "t.addEventListener('keydown',e=>{const "
    "k=T.indexOf(t)+(e.key==='ArrowRight'?1:e.key==='ArrowLeft'?-1:0);",
    "if(e.key==='Enter')t.click();if(e.key==='Escape')tip.hidden=true;",
    "if(T[k]&&T[k]!==t){t.tabIndex=-1;T[k].tabIndex=0;T[k].focus();e.preventDefault()}})}",
    "for(const b of "
    "document.querySelectorAll('button'))b.addEventListener('click',()=>choose(+b.dataset.f));",
};

struct buffer {
    char *data;
    size_t n, capacity;
};

static void put_n(struct buffer *b, const char *s, size_t n)
{
    grow(&b->data, &b->capacity, b->n + n + 1, 1);
    memcpy(b->data + b->n, s, n);
    b->n += n;
}

static void put(struct buffer *b, const char *s)
{
    put_n(b, s, strlen(s));
}

static void put_lines(struct buffer *b, const char *const *lines, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put(b, lines[i]);
        put(b, "\n");
    }
}

/* Text that came from a user, a model or a file: everything with a meaning in HTML is escaped, broken UTF-8 replaced. */
static void put_escaped(struct buffer *b, const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n;) {
        size_t len = utf8_length(s + i, n - i);
        unsigned char c = (unsigned char)s[i];
        if (len == 0)
            put(b, "\xEF\xBF\xBD");
        else if (c == '&')
            put(b, "&amp;");
        else if (c == '<')
            put(b, "&lt;");
        else if (c == '>')
            put(b, "&gt;");
        else if (c == '"')
            put(b, "&quot;");
        else if (c == '\'')
            put(b, "&#39;");
        else if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F)
            put(b, "\xEF\xBF\xBD");
        else
            put_n(b, s + i, len);
        i += len ? len : 1;
    }
}

static void putf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void putf(struct buffer *b, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put(b, text);
}

static void put_head(struct buffer *b, const struct shown *w)
{
    const hooke_model_info *m = hooke_model_get_info(w->r.s->model);
    put(b, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
           "content=\"width=device-width,initial-scale=1\">\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
           "'unsafe-inline'; script-src 'unsafe-inline'\">\n"
           "<title>");
    put_escaped(b, m->name);
    put(b, ": features</title>\n<style>\n");
    put_lines(b, style, sizeof style / sizeof style[0]);
    put(b, "</style></head><body>\n<header><h1>Features of each token</h1><p>model ");
    put_escaped(b, m->name);
    putf(b, " (%s, %d layers, BOS %s) · dictionary ", m->architecture, m->n_layers,
         session_prepends_bos(w->r.s) ? "added" : "not added");
    put_escaped(b, w->r.info->name);
    putf(b, " (%s, %d features) at ", w->r.info->architecture, w->r.info->d_dict);
    put_escaped(b, w->r.info->site);
    putf(b, " · activations %s · %s %s · hooke %s</p></header>\n", w->r.info->activation_scale,
         hooke_context_dtype(w->r.s->ctx), hooke_context_cpu_level(w->r.s->ctx), HOOKE_VERSION);
}

static void put_tokens(struct buffer *b, const struct shown *w)
{
    const hooke_tokenizer *tk = hooke_model_tokenizer(w->r.s->model);
    const struct shown_feature *f = shown_find(w, w->colour_by);
    putf(b,
         "<main><section aria-label=\"Text\"><h2>Text, <span id=\"chosen\">coloured by feature "
         "%d</span></h2>\n",
         w->colour_by);
    for (size_t q = 0; q < w->seqs->n_seqs; q++) {
        put(b, "<p class=\"text\">");
        for (int64_t row = w->seqs->start[q]; row < w->seqs->start[q + 1]; row++) {
            int32_t id = w->seqs->ids[row];
            const char *text = token_text(tk, id);
            float v = id == w->bos ? 0 : reading_value(&w->r, (size_t)row, w->colour_by);
            putf(b, "<span class=\"t%s\" tabindex=\"%d\" data-i=\"%lld\"", id == w->bos ? " s" : "",
                 row == 0 ? 0 : -1, (long long)row);
            if (v > 0 && f && f->max > 0)
                putf(b, " style=\"--a:%.3f\"", v / f->max < 0.12f ? 0.12 : (double)(v / f->max));
            if (text[0] == '\n' && !text[1])
                put(b, " data-t=\"&#10;\">\xE2\x86\xB5\n");
            else {
                put(b, ">");
                put_escaped(b, text);
            }
            put(b, "</span>");
        }
        put(b, "</p>\n");
    }
    put(b, "</section>\n");
}

static void put_words(struct buffer *b, const struct shown *w, const int32_t *ids, int n)
{
    for (int i = 0; i < n; i++) {
        put(b, "<code>");
        put_escaped(b, token_text(hooke_model_tokenizer(w->r.s->model), ids[i]));
        put(b, "</code> ");
    }
}

static void put_features(struct buffer *b, const struct shown *w)
{
    enum { LISTED = 200 };
    int32_t list[LISTED];
    int n = shown_strongest(w, list, LISTED);
    put(b, "<aside aria-label=\"Features\"><h2>Features, strongest first</h2><ul>\n");
    for (int i = 0; i < n; i++) {
        const struct shown_feature *f = shown_find(w, list[i]), *first = shown_find(w, list[0]);
        putf(b,
             "<li><button type=\"button\" data-f=\"%d\" aria-pressed=\"%s\"><b>%d</b> up to %.3g, on %d "
             "tokens",
             f->feature, f->feature == w->colour_by ? "true" : "false", f->feature, (double)f->max,
             f->n_tokens);
        putf(b, "<span class=\"bar\" style=\"width:%.1f%%\"></span><span class=\"words\">",
             100 * f->sum / first->sum);
        put_words(b, w, f->logits.top_ids, f->logits.n);
        put(b, "</span></button></li>\n");
    }
    put(b, "</ul></aside></main>\n");
}

static void json_feature(struct json_out *j, const struct shown *w, const struct shown_feature *f)
{
    emit_begin_inline(j, NULL, '{');
    emit_int(j, "index", f->feature);
    emit_real32(j, "max", f->max > 0 ? f->max : 1);
    emit_begin(j, "top", '[');
    for (int i = 0; i < f->logits.n; i++)
        emit_text(j, NULL, token_text(hooke_model_tokenizer(w->r.s->model), f->logits.top_ids[i]));
    emit_end(j);
    emit_begin(j, "at", '[');
    for (size_t row = 0; row < w->r.n_rows; row++) {
        float v = w->seqs->ids[row] == w->bos ? 0 : reading_value(&w->r, row, f->feature);
        if (v <= 0) continue;
        emit_begin(j, NULL, '[');
        emit_int(j, NULL, (int64_t)row);
        emit_real32(j, NULL, v);
        emit_end(j);
    }
    emit_end(j);
    emit_end(j);
}

/* The data for the script. "<" could end the element early, so it is written as an escape. */
static void put_data(struct buffer *b, const struct shown *w)
{
    struct json_out j = { 0 };
    emit_begin(&j, NULL, '{');
    emit_begin(&j, "tokens", '[');
    for (size_t row = 0; row < w->r.n_rows; row++) {
        emit_begin_inline(&j, NULL, '[');
        for (int i = 0; i < w->n_tops[row]; i++) {
            emit_begin(&j, NULL, '[');
            emit_int(&j, NULL, w->tops[row * (size_t)w->per_row + (size_t)i].feature);
            emit_real32(&j, NULL, w->tops[row * (size_t)w->per_row + (size_t)i].value);
            emit_end(&j);
        }
        emit_end(&j);
    }
    emit_end(&j);
    emit_begin(&j, "features", '[');
    for (size_t i = 0; i < w->n_features; i++) json_feature(&j, w, &w->features[i]);
    emit_end(&j);
    emit_end(&j);
    put(b,
        "<div id=\"tip\" role=\"tooltip\" hidden></div>\n<script type=\"application/json\" id=\"data\">\n");
    for (size_t i = 0, n; i < j.n; i += n + 1) {
        const char *hit = memchr(j.data + i, '<', j.n - i);
        n = hit ? (size_t)(hit - j.data) - i : j.n - i;
        put_n(b, j.data + i, n);
        if (hit) put(b, "\\u003c");
    }
    give(j.data);
    put(b, "\n</script>\n<script>\n");
    put_lines(b, script, sizeof script / sizeof script[0]);
    put(b, "</script></body></html>\n");
}

int page_write(const struct shown *w, const char *path)
{
    struct buffer b = { NULL, 0, 0 };
    put_head(&b, w);
    put_tokens(&b, w);
    put_features(&b, w);
    put_data(&b, w);
    hooke_status st = hooke_write_file(path, b.data, b.n);
    give(b.data);
    return st ? failed_call(st, "--html", NULL) : 0;
}
