"""The mixture: which part of the world a document comes from, and an endless seeded stream of documents.

    python corpus.py --seed 1 --documents 5        prints a sample
"""
import argparse
import random

import world_bios
import world_chat
import world_code
import world_drills
import world_facts
import world_languages
import world_news
import world_prose
import world_quiz
import world_reviews

PLAIN = [(world_bios.document, 10), (world_reviews.document, 10), (world_news.document, 8), (world_code.document, 4),
         (world_languages.document, 7), (world_facts.document, 22), (world_drills.document, 8),
         (world_quiz.document, 10), (world_prose.document, 3), (world_chat.document, 6)]


def plain_document(rng):
    """A document that needs no vocabulary: what the tokenizer is trained on and what held-out text is made of."""
    makers, weights = zip(*PLAIN)
    return rng.choices(makers, weights)[0](rng)


def drill_document(rng, words):
    """A document that needs the vocabulary: the absorption prompt; or a solved question, which is as long a drill."""
    return world_drills.first_letter(rng, words) if rng.random() < 0.5 else world_quiz.question(rng)


def document(rng, words, drills=0.12):
    return drill_document(rng, words) if rng.random() < drills else plain_document(rng)


def alphabetic(tokenizer):
    """Every token of only letters a-z, at most one leading space, that encodes to itself: the words of the drills."""
    words = []
    for index in range(tokenizer.vocab_size if isinstance(tokenizer.vocab_size, int) else len(tokenizer)):
        text = tokenizer.convert_ids_to_tokens(index).replace("\u2581", " ")
        core = text[1:] if text.startswith(" ") else text
        if core.isascii() and core.isalpha() and tokenizer.encode(text, add_special_tokens=False) == [index]:
            words.append(text)
    return words


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--documents", type=int, default=10)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    for _ in range(options.documents):
        print(plain_document(rng), "\n---")


if __name__ == "__main__":
    main()
