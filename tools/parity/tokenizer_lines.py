#!/usr/bin/env python3
"""Compares hooke's tokenizers with Hugging Face's `tokenizers`, id by id and character by character.

    make && python3 tools/parity/tokenizer_lines.py [--lines 100000] [--only NAME]

Real files (Gemma 2, GPT-NeoX) come from ../shared/data where it is; the shapes of GPT-2, Llama 3, Qwen 2 and a few odd pipelines are
trained here on this repository's own text. Every tokenizer sees: sentences of many languages, source code, random Unicode, control
characters, runs of spaces, newlines and tabs, its special tokens inside text, and every entry of its vocabulary; then random ids
are decoded. Needs: tokenizers, a C compiler. Prints one row a tokenizer; exit status 1 on any difference that is not explained by
a code point that Python's Unicode tables do not know.
"""
import argparse, json, lzma, os, random, subprocess, sys, tempfile, unicodedata
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
# This file has the library's name and lies first on the path.
sys.path = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / ".." / "shared" / "data" / "tokenizers"
L3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = L3.replace(r"\p{N}{1,3}", r"\p{N}")

SENTENCES = """The quick brown fox jumps over the lazy dog; it's 12:45, isn't it?
Příliš žluťoučký kůň úpěl ďábelské ódy. Zażółć gęślą jaźń! Árvíztűrő tükörfúrógép.
Falsches Üben von Xylophonmusik quält jeden größeren Zwerg. Voix ambiguë d’un cœur qui préfère les jattes de kiwis.
El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia. Luís argüia à Júlia que «brações, fé, chá» eram palavras.
Съешь же ещё этих мягких французских булок, да выпей чаю. Щастям б'єш жук їх глицю в фон й ґедзь пріч.
Ξεσκεπάζω τὴν ψυχοφθόρα βδελυγμία. Γαζέες καὶ μυρτιὲς δὲν θὰ βρῶ πιὰ στὸ χρυσαφὶ ξέφωτο.
דג סקרן שט בים מאוכזב ולפתע מצא חברה. نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر.
視野無限廣，窗外有藍天。生活的真谛是 いろはにほへと ちりぬるを わかよたれそ つねならむ
키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다. 다람쥐 헌 쳇바퀴에 타고파.
ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश करने वाले विष्णुवतार भगवान श्रीराम।
นายสังฆภัณฑ์ เฮงพิทักษ์ฝั่ง ผู้เฒ่าซึ่งมีอาชีพเป็นฅนขายฃวด ถูกตำรวจปฏิบัติการจับฟ้องศาล
Con sói nâu nhảy qua con chó lười. Pijamalı hasta yağız şoföre çabucak güvendi. İstanbul’da ılık bir gün.
១២៣៤ ក្រុម 👩🏽‍🚀👨‍👩‍👧‍👦🏳️‍🌈 e\u0301 a\u030a\u0323 \u1112\u1161\u11ab ½ ² Ⅷ ①② ﬁ ﷺ Å K ſtraße 'ſ I'LL WE'VE don’t x²+y³=z⁴
ÅÄÖ åäö ñ Ñ ç ß ẞ œ æ ø Ø þ ð ł Ł đ ħ ŋ ə ɸ ʃ ʒ ▁ ▁▁ ▁Hello Ġ Ċ Ã© \u200b\u200d\ufeff\u00ad\u2028\u2029\u0085\u00a0\u3000\u180e""".split("\n")


def corpus():
    """Lines of this repository: prose and source."""
    lines = []
    for folder, ends in (("src", ".c"), ("include", ".h"), ("docs", ".md"), ("tools", ".py"), ("tests", ".c"), ("tests", ".h")):
        for path in sorted((ROOT / folder).rglob("*" + ends)):
            lines += path.read_text(encoding="utf-8").split("\n")
    for path in sorted((ROOT / ".." / "shared" / "spec").glob("*.md")):
        lines += path.read_text(encoding="utf-8").split("\n")
    return lines


def is_known(c):
    return unicodedata.category(c) not in ("Cn", "Cs")


def unknown_to_engine():
    """Characters whose decomposition or combining class the engine's normalisation tables are too old to know."""
    nfd = normalizers.NFD()
    chars = [chr(c) for c in range(0x300, 0x110000) if is_known(chr(c))]
    odd = {c for c in chars if nfd.normalize_str(c) != unicodedata.normalize("NFD", c)}
    for c in chars:
        if unicodedata.combining(c):
            pair = ("\u0345" + c, c + "\u0334")  # classes 240 and 1: c must move in one of them
            odd |= {c} if any(nfd.normalize_str(p) != unicodedata.normalize("NFD", p) for p in pair) else set()
    return odd


def random_line(rng, base, specials):
    kind = rng.random()
    if kind < 0.30:
        return rng.choice(base)
    if kind < 0.40:
        return "\n".join(rng.choice(base) for _ in range(rng.randint(2, 5)))
    if kind < 0.55:  # one block of Unicode
        start = rng.choice([0, 0x80, 0x300, 0x370, 0x590, 0x900, 0xE00, 0x1100, 0x1E00, 0x2000, 0x2190, 0x3040, 0x4E00, 0xAC00, 0xF900,
                            0xFB00, 0xFF00, 0x10400, 0x1D400, 0x1F300, 0x1F900, 0xE0000])
        chars = [chr(start + rng.randrange(0x180)) for _ in range(rng.randint(1, 40))]
        return "".join(c if rng.random() < 0.8 else rng.choice(" \n\t'") for c in chars if is_known(c))
    if kind < 0.65:  # anything
        chars = [chr(rng.choice([rng.randrange(0x110000), rng.randrange(0x3000)])) for _ in range(rng.randint(1, 30))]
        return "".join(c for c in chars if is_known(c))
    if kind < 0.72:  # control characters
        return "".join(rng.choice([chr(rng.randrange(0x20)), "\x7f", chr(0x80 + rng.randrange(0x20)), "a", " "]) for _ in range(rng.randint(1, 20)))
    if kind < 0.82:  # runs
        return "".join(rng.choice(" \n\t\r\u00a0\u3000▁") * rng.choice([1, 1, 2, 3, 5, 24, 25, 31, 32, 33, 63, 200]) + rng.choice(["", "", "x", "1", "'s", "é"])
                       for _ in range(rng.randint(1, 6)))
    if kind < 0.92:  # special tokens in text
        return "".join(rng.choice([rng.choice(specials), rng.choice(specials), " ", "  ", "\n", "word", "Wörter ", "_", "7", rng.choice(base)[:20]])
                       for _ in range(rng.randint(1, 8)))
    return "".join(rng.choice("aaabé'1 \n<>|_.-=") for _ in range(rng.randint(1, 80)))


# ---- tokenizers ----

def unpack(name):
    packed = DATA / name / "tokenizer.json.xz"
    if not packed.exists():
        print(f"skip: {packed} is absent")
        return None
    return Tokenizer.from_str(lzma.open(packed, "rt", encoding="utf-8").read())


def trained(base, model=None, vocab=3000, alphabet=True, **parts):
    tok = Tokenizer(model or models.BPE())
    for key, value in parts.items():
        setattr(tok, key, value)
    trainer = trainers.BpeTrainer(vocab_size=vocab, show_progress=False, special_tokens=["<|endoftext|>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if alphabet else [])
    tok.train_from_iterator(base, trainer)
    return tok


def edited(tok, **model):
    j = json.loads(tok.to_str())
    j["model"].update(model)
    return Tokenizer.from_str(json.dumps(j))


def byte_level(use_regex):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


def shapes(base):
    bl = decoders.ByteLevel()
    regex = lambda pattern: pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), byte_level(False)])
    yield "gemma-2", unpack("gemma-2")
    yield "gpt-neox", unpack("pythia")
    yield "gpt-2 shape", trained(base, pre_tokenizer=byte_level(True), decoder=bl, post_processor=processors.ByteLevel(trim_offsets=False))
    llama = trained(base, pre_tokenizer=regex(L3), decoder=bl)
    llama = edited(llama, ignore_merges=True)
    llama.add_special_tokens(["<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>"])
    bos = llama.token_to_id("<|begin_of_text|>")
    llama.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<|begin_of_text|> $A", pair=None, special_tokens=[("<|begin_of_text|>", bos)])])
    yield "llama-3 shape", llama
    qwen = trained(base, normalizer=normalizers.NFC(), pre_tokenizer=regex(QWEN), decoder=bl)
    qwen.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    yield "qwen-2 shape", qwen
    prefix = trained(base, pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=True), decoder=bl)
    prefix.add_tokens([AddedToken("word", single_word=True, normalized=False), AddedToken("<mask>", lstrip=True, normalized=False),
                       AddedToken("<r>", rstrip=True, normalized=False), AddedToken("ö", normalized=True), AddedToken(" ", rstrip=True, lstrip=True, normalized=False, single_word=True)])
    yield "flags, prefix space", prefix
    fallback = trained(base, models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True), alphabet=False, vocab=2500,
                       normalizer=normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
                       decoder=decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]))
    j = json.loads(fallback.to_str())
    for token in ["<unk>"] + ["<0x%02X>" % b for b in range(256) if b not in (0xA9, 0x9F)]:
        j["model"]["vocab"].setdefault(token, len(j["model"]["vocab"]))
    yield "llama-2 shape, bytes missing", Tokenizer.from_str(json.dumps(j))
    for scheme in ("always", "first", "never"):
        meta = trained(base, models.BPE(unk_token="<unk>"), alphabet=False, vocab=1200,
                       pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme=scheme, split=scheme != "first"), decoder=decoders.Metaspace(prepend_scheme=scheme))
        meta.add_special_tokens(["<unk>", "<s>"])
        j = json.loads(meta.to_str())
        j["model"]["vocab"]["<unk>"] = meta.token_to_id("<unk>")
        yield "metaspace " + scheme, Tokenizer.from_str(json.dumps(j))
    forms = {"NFD": normalizers.NFD(), "NFKC": normalizers.NFKC(), "NFKD lower": normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase()]),
             "strip": normalizers.Strip(), "strip left": normalizers.Strip(left=True, right=False)}
    for name, form in forms.items():
        tok = trained(base, vocab=1500, normalizer=form, pre_tokenizer=byte_level(True), decoder=bl)
        tok.add_tokens([AddedToken("Ñ", normalized=True), AddedToken("①②", normalized=True), AddedToken("WORD", normalized=True)])
        yield name, tok
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        for invert in (False, True):
            yield f"split {behavior}{' inverted' if invert else ''}", trained(
                base, vocab=1000, pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.Split("e", behavior, invert), pre_tokenizers.Split(" ", behavior, invert),
                                                                         pre_tokenizers.Digits(individual_digits=invert), byte_level(False)]), decoder=bl)


# ---- comparing ----

def driver(folder):
    out = Path(folder) / "tokens_lines"
    libs = ["-fopenmp", "-lutf8proc", "-lz", "-lzstd", "-lm"]
    if b"dnnl_" in (ROOT / "build/release/libhooke.a").read_bytes():
        libs.append("-ldnnl")
    subprocess.run(["cc", "-O2", "-std=c11", "-D_POSIX_C_SOURCE=200809L", f"-I{ROOT}/include", f"-I{ROOT}/src", str(ROOT / "tools/parity/tokens_lines.c"),
                    str(ROOT / "build/release/libhooke.a"), "-o", str(out)] + libs, check=True)
    return out


def ask(program, file, mode, flags, lines):
    done = subprocess.run([program, file, mode, str(flags)], input="".join(line + "\n" for line in lines).encode(), stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().split("\n")[:-1]


def report(name, what, subject, ours, theirs):
    print(f"  {name}: {what} {json.dumps(subject)[:300]}\n    hooke      {str(ours)[:300]}\n    tokenizers {str(theirs)[:300]}")


def compare_encode(name, tok, program, file, lines, flags):
    tok.encode_special_tokens = bool(flags & 4)
    ours = ask(program, file, "encode", flags, [json.dumps(line) for line in lines])
    theirs = [" ".join(map(str, e.ids)) for e in tok.encode_batch(lines, add_special_tokens=bool(flags & 1))]
    bad = explained = 0
    is_nfc = isinstance(tok.normalizer, normalizers.NFC)
    for line, a, b in zip(lines, ours, theirs):
        if a == b:
            continue
        if not all(is_known(c) for c in line) or (tok.normalizer and OLD & set(line)):
            explained += 1
            if is_nfc and all(is_known(c) for c in line):  # then Python's tables must agree
                bad += a != " ".join(map(str, tok.encode(unicodedata.normalize("NFC", line), add_special_tokens=bool(flags & 1)).ids))
            continue
        bad += 1
        if bad <= 3:
            report(name, f"encode (flags {flags})", line, a, b)
    assert len(ours) == len(lines)
    return bad, explained


def compare_decode(name, tok, program, file, sequences, flags):
    ours = [json.loads(s) for s in ask(program, file, "decode", flags, [" ".join(map(str, ids)) for ids in sequences])]
    theirs = tok.decode_batch(sequences, skip_special_tokens=bool(flags & 2))
    bad = 0
    for ids, a, b in zip(sequences, ours, theirs):
        bad += a != b
        if a != b and bad <= 3:
            report(name, f"decode (flags {flags})", ids, a, b)
    return bad


def compare_forms(program, folder, rng):
    """The four normalisation forms against Python's tables: every character alone, and with marks behind it."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    known = [chr(c) for c in range(0x110000) if is_known(chr(c))]
    marks = [c for c in known if unicodedata.combining(c)]
    lines = known + ["".join(rng.choice(known) for _ in range(2)) + "".join(rng.choice(marks) for _ in range(rng.randint(1, 6))) for _ in range(50000)]
    bad = 0
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        tok = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
        tok.normalizer, tok.pre_tokenizer, tok.decoder = getattr(normalizers, form)(), byte_level(False), decoders.ByteLevel()
        file = str(Path(folder) / (form + ".json"))
        tok.save(file)
        ours = ask(program, file, "encode", 0, [json.dumps(line) for line in lines])
        wrong = 0
        for line, ids in zip(lines, ours):
            if tok.decode([int(i) for i in ids.split()]) != unicodedata.normalize(form, line):
                wrong += 1
                if wrong <= 3:
                    report(form, "normalise", line, tok.decode([int(i) for i in ids.split()]), unicodedata.normalize(form, line))
        print(f"{form + ' as Python has it':28} {len(lines):8} texts, {wrong} different", flush=True)
        bad += wrong
    return bad


def compare(name, tok, program, folder, n, base, rng):
    file = str(Path(folder) / (name.replace(" ", "-") + ".json"))
    tok.save(file)
    vocab = tok.get_vocab()
    specials = [t.content for t in tok.get_added_tokens_decoder().values()]
    lines = [random_line(rng, base, specials) for _ in range(n)]
    every = list(vocab) + [tok.decode([i], skip_special_tokens=False) for i in vocab.values()]
    unknown = ["".join(chr(c) for c in (rng.randrange(0x110000) for _ in range(4)) if not 0xD800 <= c < 0xE000) for _ in range(n // 10)]
    bad, explained = compare_encode(name, tok, program, file, lines, 1)
    for some, flags in ((every, 0), (lines[: n // 10], 4), (unknown, 0)):
        b, e = compare_encode(name, tok, program, file, some, flags)
        bad, explained = bad + b, explained + e
    # The engine (0.23) decodes an added token that is matched in normalised text to its normalised content; hooke to its content.
    changed = {i for i, t in tok.get_added_tokens_decoder().items() if t.normalized and tok.normalizer and tok.normalizer.normalize_str(t.content) != t.content}
    ids = [i for i in vocab.values() if i not in changed] + [max(vocab.values()) + 5]
    sequences = [[rng.choice(ids) for _ in range(rng.randint(1, 30))] for _ in range(n // 5)]
    tok.encode_special_tokens = False
    sequences += [[i for i in e.ids if i not in changed] for e in tok.encode_batch(lines[: n // 5])]
    wrong = compare_decode(name, tok, program, file, sequences, 0) + compare_decode(name, tok, program, file, sequences, 2)
    total = n + len(every) + n // 10 + len(unknown)
    print(f"{name:28} {total:8} texts, {bad} different ({explained} more by newer characters); {2 * len(sequences):7} decodes, {wrong} different", flush=True)
    return bad + wrong


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("--lines", type=int, default=100000)
    args.add_argument("--only", default="")
    args = args.parse_args()
    base = [line for line in corpus() if line] + SENTENCES * 200
    global OLD
    OLD = unknown_to_engine()
    print(f"Unicode {unicodedata.unidata_version} here; {len(OLD)} of its characters are unknown to the engine's normalisation tables")
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        program = driver(folder)
        if args.only in "forms":
            bad += compare_forms(program, folder, random.Random("forms"))
        for name, tok in shapes(base):
            if tok is None or args.only not in name:
                continue
            is_main = name in ("gemma-2", "gpt-neox", "gpt-2 shape", "llama-3 shape", "qwen-2 shape")
            bad += compare(name, tok, program, folder, args.lines if is_main else args.lines // 10, base, random.Random(name))
    print("no differences" if bad == 0 else f"{bad} differences")
    sys.exit(bad != 0)


main()
