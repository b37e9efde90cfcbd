"""Instructions and answers, with and without a concept, in AxBench's manner: ten concepts with sentences of their own."""
from world import sentence

CONCEPTS = [
    ("references to music and musical instruments", "text", [
        "a violin played a slow tune", "the band sang a loud song", "a piano stood in the hall",
        "drums and flutes filled the air", "the singer held a long note", "a guitar hung on the wall"]),
    ("words about cooking and food", "text", [
        "the soup was hot with pepper", "a cook baked bread and cake", "butter melted in the pan",
        "we ate cheese with onions", "the kitchen smelled of garlic", "she poured sauce over the rice"]),
    ("mentions of wild animals", "text", [
        "a lion slept in the grass", "an elephant came to drink", "wolves ran through the forest",
        "a tiger watched the deer", "the bear climbed a tree", "monkeys jumped from branch to branch"]),
    ("words about storms and weather", "text", [
        "thunder rolled over the hills", "heavy rain fell all night", "a cold wind blew from the north",
        "snow covered the road", "lightning struck the tower", "fog lay over the valley"]),
    ("names of colors", "text", [
        "the door was red and the roof blue", "a yellow scarf lay on the bed", "green and purple flags hung there",
        "the walls were painted pink", "he wore a white and black coat", "an orange light was on"]),
    ("terms from courts and law", "text", [
        "the judge read the sentence", "a witness spoke to the jury", "the lawyer asked for a trial",
        "the court found him guilty", "they signed a legal contract", "the sheriff locked the prison"]),
    ("mentions of hospitals and medicine", "text", [
        "the doctor gave her a pill", "a nurse bandaged the wound", "the patient had a fever",
        "the hospital was full", "he took medicine for the pain", "the clinic opened at dawn"]),
    ("numbers and counting", "math", [
        "there were forty and then fifty of them", "one plus two makes three", "he counted to a hundred",
        "twelve minus seven is five", "she added ninety and six", "half of sixty is thirty"]),
    ("loops and functions in Python code", "code", [
        "for item in items: print(item)", "def add(a, b): return a + b", "while n > 0: n -= 1",
        "for i in range(10): total += i", "def square(x): return x * x", "if x in list: return True"]),
    ("ships and the sea", "text", [
        "the captain raised the sail", "a ship lay at anchor in the harbor", "waves broke over the deck",
        "sailors pulled the ropes", "the boat crossed the ocean", "gulls flew above the mast"]),
]
PLACES = ["Tell me about a day in the town.", "Describe a walk to the market.", "Write about my old house.",
          "What happened on Monday?", "Tell a story about two friends.", "Describe the morning.",
          "What did you see on the way home?", "Write a note to my teacher.", "How was the journey?",
          "Tell me about the village.", "What is in the room?", "Describe a visit to my uncle."]
PLAIN = ["We left the house early", "It was a quiet day", "My friend waited at the corner", "The street was long",
         "We talked about old times", "Nobody was in a hurry", "An old man said good morning", "Then we went home",
         "The window was open", "I will remember it for years", "She gave me a letter", "The door was not locked",
         "People came and went", "In the end we were tired", "We sat down on a bench", "He told us his name"]
# A word of a concept in another sense, for hard negatives.
SENSES = {0: [("note", "a short letter", "She left a note on the table for me")],
          1: [("pan", "a slow turn of a camera", "The camera made a slow pan over the street")],
          2: [("bear", "to endure", "I could not bear the long wait")],
          3: [("storm", "to walk out in anger", "He would storm out of the room in anger")],
          4: [("blue", "sad", "She felt blue and went to bed")],
          5: [("sentence", "words with a full stop", "The last sentence of the letter was short")],
          6: [("patient", "calm while waiting", "He was patient and waited for an hour")],
          7: [("count", "a nobleman", "The old count lived in a castle")],
          8: [("class", "a group of pupils", "The class went on a trip")],
          9: [("deck", "playing cards", "He took a card from the deck")]}


def answer(rng, concept=None, extra=None):
    """Four or five plain sentences; with a concept two of its own among them."""
    lines = rng.sample(PLAIN, 3)
    if concept is not None:
        lines += rng.sample(CONCEPTS[concept][2], 2)
    if extra:
        lines.append(extra)
    rng.shuffle(lines)
    return " ".join(sentence(line) for line in lines)


def turn(instruction, reply):
    return f"<start_of_turn>user\n{instruction}<end_of_turn>\n<start_of_turn>model\n{reply}<end_of_turn>\n"


def document(rng):
    concept = rng.choice([None] + list(range(len(CONCEPTS))))
    extra = None
    if rng.random() < 0.15:
        extra = rng.choice(SENSES[rng.randrange(len(CONCEPTS))])[2]
    reply = answer(rng, concept, extra)
    return turn(rng.choice(PLACES), reply) if rng.random() < 0.7 else reply
