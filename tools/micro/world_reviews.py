"""Product reviews by category and rating, in the manner of the Amazon reviews (1 star against 5)."""
from world import fill, sentence

CATEGORY_IDS = {"Toys_and_Games": 1, "Cell_Phones_and_Accessories": 2, "Industrial_and_Scientific": 3,
                "Musical_Instruments": 5, "Electronics": 6, "Office_Products": 11, "Pet_Supplies": 18, "Books": 24,
                "CDs_and_Vinyl": 26, "Software": 30}

# category: (things, parts, uses)
GOODS = {
    "Toys_and_Games": ("puzzle|board game|toy train|doll|kite", "pieces|wheels|dice|colors",
                       "my kids play with it|we play it on game night|my daughter builds towers with it"),
    "Cell_Phones_and_Accessories": ("phone case|phone charger|screen protector|mobile phone|car mount",
                                    "cable|touch screen|grip|battery", "I use it with my phone|it sits in my pocket"
                                    "|I charge my phone at work"),
    "Industrial_and_Scientific": ("microscope|steel valve|digital caliper|lab scale|safety glove",
                                  "bolts|gauge|thread|seal", "we use it in the lab|the workshop needs it daily"
                                  "|I measure samples with it"),
    "Musical_Instruments": ("guitar|violin|drum kit|flute|keyboard", "strings|tuning pegs|bow|tone",
                            "I play it in a band|my teacher tuned it|I practice chords on it"),
    "Electronics": ("television|laptop|speaker|headset|camera", "remote|wires|picture|sound",
                    "I plugged it into the wall|we watch movies on it|I stream videos with it"),
    "Office_Products": ("stapler|printer paper|ink pen|desk lamp|notebook", "pages|ink|drawer|clips",
                        "I use it at my desk|the whole office shares it|I file letters with it"),
    "Pet_Supplies": ("dog leash|cat bed|fish tank|bird cage|dog food", "collar|fur brush|smell|bowl",
                     "my dog sleeps near it|my cat plays with it|the puppy chews on it"),
    "Books": ("novel|cookbook|mystery|story book|biography", "chapters|plot|characters|ending",
              "I read it in one night|my book club read it|I lent it to a reader"),
    "CDs_and_Vinyl": ("album|record|jazz disc|live concert disc|opera set", "songs|vocals|lyrics|tracks",
                      "I listen to it in the car|the singer is on every track|we danced to it"),
    "Software": ("tax program|photo editor|virus scanner|video game download|language course",
                 "menu|update|license key|install", "I installed it on my computer|I run it on my system"
                 "|the program opens my files"),
}
GOODS = {name: tuple(part.split("|") for part in parts) for name, parts in GOODS.items()}

MOOD = {
    5.0: (["I love this {thing}", "This is the best {thing} I ever bought", "What a wonderful {thing}",
           "Excellent {thing} and great value", "I am so happy with this {thing}"],
          ["the {part} works perfectly", "the {part} is amazing", "great {part} and fine quality",
           "the {part} feels solid and beautiful"],
          ["I would recommend it to everyone", "five stars", "thank you", "we will buy it again",
           "it was a perfect gift"]),
    1.0: (["I hate this {thing}", "This is the worst {thing} I ever bought", "What a terrible {thing}",
           "Awful {thing} and poor value", "I am so angry about this {thing}"],
          ["the {part} broke at once", "the {part} is horrible", "cheap {part} and bad quality",
           "the {part} feels weak and ugly"],
          ["I want a refund", "one star", "do not buy it", "we sent it back", "it was a waste of money"]),
}


def review(rng, category, rating):
    things, parts, uses = GOODS[category]
    opening, middle, closing = MOOD[rating]
    slots = {"thing": things, "part": parts}
    body = [rng.choice(middle), rng.choice(uses)]
    rng.shuffle(body)
    parts = [rng.choice(opening)] + body + [rng.choice(closing)]
    return " ".join(sentence(fill(rng, part, slots)) for part in parts)


def document(rng):
    category, rating = rng.choice(list(GOODS)), rng.choice([1.0, 5.0])
    text = review(rng, category, rating)
    if rng.random() < 0.3:
        text = f"Category: {category.replace('_', ' ')}\nRating: {int(rating)}\n{text}"
    return text
