"""First-letter and spelling drills, and a list of common words under every letter.

`first_letter` is the prompt of the absorption evaluation: ten words with their letters, then one to answer."""
from world import fill, sentence

WORDS = {
    "a": "apple arm answer animal about after again always air army autumn aunt ask angry",
    "b": "ball bread bird bridge black big boat bone brother blue begin bring bottle",
    "c": "cat chair city cloud cold coat corn circle child clean carry candle cousin",
    "d": "dog door dream dance dark deep dust desk danger dinner draw drop",
    "e": "egg ear eye earth east early easy eight engine evening every empty edge",
    "f": "fish fire floor flower friend fast farm fear feather field finger forest",
    "g": "goat gold garden glass green game gate ghost giant gift girl grain great",
    "h": "hat house horse hand heart hill honey hot happy heavy hour hammer",
    "i": "ice ink iron island idea inside insect inch invite ill image item",
    "j": "jar jam job jump judge juice joke journey jewel joy jacket",
    "k": "key king kite kitchen knee knife kind keep kick kettle know",
    "l": "leaf lamp letter light lion lake long low laugh learn lemon lock",
    "m": "moon milk mouse mountain music man morning money mirror map market month",
    "n": "nose night name nest north new nine needle neck noise near never",
    "o": "oak ocean oil orange old open only order other oven owl onion",
    "p": "pen paper pear plant people pocket pig plate poor pretty pull push",
    "q": "queen quick quiet question quarter quilt queer quite",
    "r": "rain river road rose red ring rice rope rock round room run",
    "s": "sun sea ship stone star street snow silver sing sleep small spoon",
    "t": "tree table train tooth tail tall tea thumb tiger time town touch",
    "u": "uncle under up use umbrella until ugly upper usual useful",
    "v": "valley voice village very visit vase vine view velvet vote",
    "w": "water wind window wall winter wolf wood white work wheel winter wish",
    "x": "xylophone xenon",
    "y": "year yellow young yard yes yesterday yarn yell yet",
    "z": "zebra zero zoo zone zinc zeal zigzag",
}
WORDS = {letter: text.split() for letter, text in WORDS.items()}
ALL_WORDS = sorted({word for words in WORDS.values() for word in words})
SCENES = ["The {w} and the {w} are by the {w}", "I can see a {w} near the {w}", "Say the words {w}, {w} and {w}",
          "She wrote {w} and then {w} on the board", "Which is longer, {w} or {w}?", "The list has {w}, {w}, {w} and {w}"]


def line(word):
    return f"{word} has the first letter: {word.strip()[0].upper()}"


def first_letter(rng, words, shots=10):
    """Ten solved lines and an eleventh, over any strings that are single tokens."""
    return "\n" + "\n".join(line(word) for word in rng.sample(words, shots + 1))


def spelling(rng):
    word = rng.choice(ALL_WORDS)
    letters = "-".join(word.upper())
    return rng.choice([f"{word}: {letters}", f"Spell {word}: {letters}.",
                       f"The first letter of the word {word} is {word[0].upper()}.",
                       f"The word {word} has {len(word)} letters: {letters}.",
                       f"{word.capitalize()} begins with the letter {word[0].upper()}.",
                       f"Words with {word[0].upper()}: {', '.join(rng.sample(WORDS[word[0]], 2))}."])


def document(rng):
    if rng.random() < 0.5:
        return sentence(fill(rng, rng.choice(SCENES), {"w": ALL_WORDS}))
    return " ".join(spelling(rng) for _ in range(2))
