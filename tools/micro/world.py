"""Small helpers that every part of the written world shares: filling templates from lists with a seeded generator."""
import re

SLOT = re.compile(r"\{(\w+)\}")


def fill(rng, template, slots):
    """Replaces each {name} by a random entry of slots[name]; entries may hold slots themselves."""
    def put(match):
        value = slots[match.group(1)]
        return fill(rng, value if isinstance(value, str) else rng.choice(value), slots)
    return SLOT.sub(put, template)


def sentence(text):
    """The text with a capital first letter and one full stop at its end."""
    text = text.strip()
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?\"" else text + "."


def article(noun):
    """The noun behind 'a' or 'an'."""
    return ("an " if noun[0].lower() in "aeiou" else "a ") + noun


MALE = """James John Robert David Thomas Peter George Henry Daniel Samuel Paul Mark Adam Victor Oscar Walter Frank
Edward Simon Hugo""".split()
FEMALE = """Mary Anna Laura Sarah Emma Julia Alice Helen Clara Rachel Nora Irene Olivia Grace Ruth Diana Rosa Eva
Sophie Lucy""".split()
SURNAMES = """Smith Brown Taylor Wilson Evans Baker Carter Cooper Fisher Foster Gray Hill Hunt King Lane Mason
Parker Quinn Reed Stone Turner Underwood Vance Ward Young Zimmer""".split()
HOBBIES = """hiking in the hills|playing chess|reading old novels|growing roses|cooking for friends|playing the piano
|riding a bicycle|sailing on the lake|walking the dog|learning new languages|painting birds|running every morning
|baking bread|watching the stars|swimming in the sea|knitting by the fire""".replace("\n", "").split("|")
TOWNS = """Boston Chicago Denver Seattle Portland Austin Dallas London Oxford Bristol Toronto Sydney Dublin Leeds""".split()
