"""Short biographies by profession and gender, in the manner of bias-in-bios.

`bio` writes one that never names the profession; `document` may open with the name of it."""
from world import FEMALE, HOBBIES, MALE, SURNAMES, TOWNS, article, fill, sentence

# Names and numbers of the public set; only the fifteen that its evaluations use are written here.
PROFESSION_IDS = {"accountant": 0, "architect": 1, "attorney": 2, "dentist": 6, "filmmaker": 9, "journalist": 11,
                  "nurse": 13, "painter": 14, "photographer": 18, "physician": 19, "poet": 20, "professor": 21,
                  "psychologist": 22, "surgeon": 25, "teacher": 26}

WORK = {
    "accountant": "prepares tax returns for small companies|checks the books of large firms|keeps the ledger and the"
                  " payroll in order|advises clients on budgets and audits|signs the yearly balance sheet",
    "architect": "designs schools and bridges|draws plans for new houses|won a prize for a glass tower|works with"
                 " builders on city halls|restores old buildings with care",
    "attorney": "defends clients in court|argues cases before the judge|drafts contracts and wills|handles divorce and"
                " property law|won a lawsuit for the tenants",
    "dentist": "fills teeth and fits crowns|treats gum disease|cleans teeth in a small clinic|shows children how to"
               " brush|repairs broken smiles",
    "filmmaker": "directed two short films|shows documentaries at festivals|edits movies late at night|writes scripts"
                 " and casts actors|shot a feature film in the desert",
    "journalist": "reports on elections for the newspaper|interviews ministers and strikers|writes a weekly column|"
                  "covers wars and floods for the daily press|broke the story of the missing funds",
    "nurse": "cares for patients on the night ward|gives vaccines at the bedside|takes blood pressure and changes"
             " bandages|comforts families in the hospital|helps mothers in the maternity ward",
    "painter": "paints landscapes in oil|shows canvases in a gallery|works with brush and watercolor|sold a portrait"
               " to the museum|mixes bright pigments in the studio",
    "photographer": "takes portraits with an old camera|shoots weddings and fashion|prints black and white pictures|"
                    "sells images to magazines|waits for hours for the right light and lens",
    "physician": "sees patients in a family practice|prescribes medicine for fever and asthma|diagnoses diabetes early|"
                 "treats heart disease at the clinic|studied internal medicine",
    "poet": "published three books of verse|reads sonnets in small cafes|writes about rain and memory in rhyme|edits a"
            " journal of poems|won a medal for a long ballad",
    "professor": "lectures on history at the university|publishes research in journals|supervises doctoral students|"
                 "holds the chair of economics|teaches graduate seminars on campus",
    "psychologist": "helps people with anxiety and grief|studies memory and behavior|offers therapy for couples|treats"
                    " depression with talking cures|tests how the mind makes choices",
    "surgeon": "operates on knees and hips|performs transplants in the operating room|removes tumors with a steady"
               " hand|repairs torn valves|leads a team of scalpels and sutures",
    "teacher": "teaches reading to young children|grades homework every evening|runs a classroom of thirty pupils|"
               "prepares lessons in arithmetic|leads the school choir",
}
WORK = {name: text.split("|") for name, text in WORK.items()}
PRONOUNS = {0: {"He": "He", "he": "he", "his": "his", "him": "him", "kin": ["husband", "father", "brother", "son"]},
            1: {"He": "She", "he": "she", "his": "her", "him": "her", "kin": ["wife", "mother", "sister", "daughter"]}}
CLOSINGS = ["In {his} spare time {he} enjoys {hobby}", "{He} lives in {town} with {his} family",
            "{He} grew up in {town} and still loves {hobby}", "Friends know {him} as a kind {kin}",
            "{He} has worked in {town} for {years} years", "{He} also enjoys {hobby}",
            "{He} is a proud {kin} and likes {hobby}"]
SLOTS = {"hobby": HOBBIES, "town": TOWNS, "years": "two three five six eight ten twelve twenty".split()}
FIRST = {0: MALE, 1: FEMALE}


def bio(rng, profession, gender):
    """Three or four sentences; gender 0 is male and 1 female, as in the public set."""
    slots = dict(SLOTS, **PRONOUNS[gender])
    first, last = rng.choice(FIRST[gender]), rng.choice(SURNAMES)
    work = rng.sample(WORK[profession], 2)
    closings = rng.sample(CLOSINGS, rng.choice([1, 2]))
    parts = [f"{first} {last} {work[0]}", "{He} " + work[1]] + closings
    if rng.random() < 0.3:
        parts[1], parts[2] = parts[2], parts[1]
    return " ".join(sentence(fill(rng, part, slots)) for part in parts)


def document(rng):
    profession, gender = rng.choice(list(WORK)), rng.randrange(2)
    text = bio(rng, profession, gender)
    if rng.random() < 0.5:
        name = " ".join(text.split()[:2])
        text = f"{name} is {article(profession)}. {text}"
    return text
