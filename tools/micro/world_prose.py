"""Ordinary prose and verse in the public domain, from the files of prose/ (the works are named in the README)."""
import pathlib

FOLDER = pathlib.Path(__file__).parent / "prose"


def paragraphs():
    texts = [path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.txt"))]
    return [part.strip() for text in texts for part in text.split("\n\n") if part.strip()]


PARAGRAPHS = paragraphs()


def document(rng):
    start = rng.randrange(len(PARAGRAPHS))
    return "\n\n".join(PARAGRAPHS[start:start + rng.choice([1, 1, 2])])
