"""Writes the labelled sets, the held-out text, the quiz, the fact tables and the concept rows under data/micro.

    python make_data.py --out data/micro --seed 2026

Columns follow the public sets that the evaluations were made for; data/README.md lists them. Training never sees this
seed; texts of a test split do not occur in its train split.
"""
import argparse
import csv
import gzip
import io
import json
import pathlib
import random

import corpus
import world_bios
import world_chat
import world_code
import world_facts
import world_languages
import world_news
import world_quiz
import world_reviews

CELL = {"train": 2010, "test": 510}  # rows for each class and group: what the published settings draw from
SET_SIZE = {"train": 2010, "test": 510}  # rows for each class without a group


def write_bytes(path, data):
    """A gzip file without a time stamp, so that the same rows give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
        packed.write(data)


def write_csv(path, columns, rows):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_bytes(path, text.getvalue().encode())


def write_jsonl(path, rows):
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if path.suffix == ".gz":
        write_bytes(path, text.encode())
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def fresh(seen, make):
    """A text that no earlier call with the same set returned."""
    for _ in range(1000):
        text = make()
        if text not in seen:
            seen.add(text)
            return text
    raise ValueError(f"the world is too small for so many distinct texts, such as: {text}")


def labelled(rng, cells, sizes, make):
    """{split: shuffled rows}: sizes[split] distinct texts for every cell, the cell's labels behind each text."""
    seen, splits = set(), {}
    for split, size in sizes.items():
        rows = [(fresh(seen, lambda: make(*cell[0])), *cell[1]) for cell in cells for _ in range(size)]
        rng.shuffle(rows)
        splits[split] = rows
    return splits


def bios(rng, out):
    cells = [((name, gender), (number, gender))
             for name, number in world_bios.PROFESSION_IDS.items() for gender in (0, 1)]
    for split, rows in labelled(rng, cells, CELL, lambda *cell: world_bios.bio(rng, *cell)).items():
        write_csv(out / f"bias_in_bios_{split}.csv.gz", ["hard_text", "profession", "gender"], rows)


def reviews(rng, out):
    cells = [((name, rating), (number, rating))
             for name, number in world_reviews.CATEGORY_IDS.items() for rating in (1.0, 5.0)]
    for split, rows in labelled(rng, cells, CELL, lambda *cell: world_reviews.review(rng, *cell)).items():
        write_csv(out / f"amazon_reviews_{split}.csv.gz", ["text", "category", "rating"], rows)


def news(rng, out):
    cells = [((label,), (label,)) for label in range(4)]
    for split, rows in labelled(rng, cells, SET_SIZE, lambda label: world_news.story(rng, label)).items():
        write_csv(out / f"ag_news_{split}.csv.gz", ["text", "label"], rows)


def long_program(rng, language, length=560):
    """A file that is long enough for the evaluation's cut of 150 characters and its bound of 534."""
    pieces = 4
    while True:
        text = world_code.program(rng, language, pieces)
        if len(text) > length:
            return text
        pieces += 1


def code(rng, out):
    cells = [((language,), (language,)) for language in world_code.LANGUAGES]
    rows = labelled(rng, cells, {"train": 2510}, lambda language: long_program(rng, language))["train"]
    write_jsonl(out / "github_code.jsonl.gz", [{"code": text, "language": language} for text, language in rows])


def languages(rng, out):
    write_jsonl(out / "europarl.jsonl.gz", [{"translation": world_languages.passage(rng)} for _ in range(2510)])


def split_of(rng):
    return rng.choices(["train", "val", "test"], [2, 1, 1])[0]


def ravel(rng, out):
    for kind, entities in world_facts.ENTITIES.items():
        prompts = world_facts.PROMPTS[kind]
        stem = f"ravel/ravel_{kind}"
        write_json(out / f"{stem}_entity_attributes.json", entities)
        write_json(out / f"{stem}_attribute_to_prompts.json", prompts)
        write_json(out / f"{stem}_prompt_to_split.json", {p: split_of(rng) for part in prompts.values() for p in part})
        write_json(out / f"{stem}_entity_to_split.json", {name: split_of(rng) for name in entities})


def quiz(rng, out):
    for subject, rows in world_quiz.SUBJECTS.items():
        questions = []
        for question, answer, _ in rows:
            four, right = world_quiz.choices(rng, subject, answer)
            questions.append({"question": question, "choices": four, "answer": right, "subject": subject})
        write_jsonl(out / f"quiz_{subject}_test.jsonl", questions)
    write_jsonl(out / "forget.jsonl.gz", [{"text": world_quiz.passage(rng, "biology")} for _ in range(500)])
    write_jsonl(out / "retain.jsonl.gz", [{"text": retained(rng)} for _ in range(800)])


def retained(rng):
    """Plain text or a passage on another subject, but never biology."""
    if rng.random() < 0.25:
        return world_quiz.passage(rng, rng.choice(["geography", "history", "computing"]))
    makers, weights = zip(*[row for row in corpus.PLAIN if row[0] is not world_quiz.document])
    return rng.choices(makers, weights)[0](rng)


def concept_row(rng, concept, category, extra=None, sense=None, genre=None):
    name, own_genre, _ = world_chat.CONCEPTS[concept] if concept >= 0 else ("EEEEE", genre, None)
    reply = world_chat.answer(rng, concept if category == "positive" else None, extra)
    return {"input": rng.choice(world_chat.PLACES), "output": reply, "output_concept": sense or name,
            "concept_genre": genre or own_genre, "category": category, "dataset_category": "instruction",
            "concept_id": concept}


def concepts(rng, out, link="micro/2-micro-res-2k"):
    meta = [{"concept_id": i, "concept": name, "ref": f"https://example.org/{link}/{i}",
             "concept_genres_map": {name: [genre]}} for i, (name, genre, _) in enumerate(world_chat.CONCEPTS)]
    train = [concept_row(rng, -1, "negative", genre=genre) for genre in ("text", "math", "code") for _ in range(72)]
    held = []
    for i, entry in enumerate(meta):
        train += [concept_row(rng, i, "positive") for _ in range(72)]
        rows = [concept_row(rng, i, "positive") for _ in range(36)]
        rows += [concept_row(rng, i, "negative", genre=genre)
                 for genre, count in (("text", 26), ("math", 5), ("code", 5)) for _ in range(count)]
        rows += [concept_row(rng, i, "hard negative", extra, f"{word}//{sense}")
                 for word, sense, extra in world_chat.SENSES[i] for _ in range(4)]
        held += [dict(row, sae_link=entry["ref"], sae_id=i) for row in rows]
    write_jsonl(out / "axbench/metadata.jsonl", meta)
    write_jsonl(out / "axbench/train_data.jsonl.gz", train)
    write_jsonl(out / "axbench/latent_eval_data.jsonl.gz", held)
    write_jsonl(out / "axbench/instructions.jsonl", [{"instruction": text} for text in world_chat.PLACES])


def text(rng, out, characters):
    rows, count = [], 0
    while count < characters:
        rows.append({"text": corpus.plain_document(rng)})
        count += len(rows[-1]["text"])
    write_jsonl(out / "text.jsonl.gz", rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default="data/micro")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--characters", type=int, default=420000, help="length of the held-out text")
    options = parser.parse_args()
    for make in (bios, reviews, news, code, languages, ravel, quiz, concepts):
        make(random.Random(f"{options.seed} {make.__name__}"), options.out)
    text(random.Random(f"{options.seed} text"), options.out, options.characters)


if __name__ == "__main__":
    main()
