"""Facts of entity and attribute in RAVEL's manner: cities, Nobel laureates and physical objects.

Every attribute has a list of prompts with one %s; the label follows the prompt. `document` strings a few completed
prompts together."""

CITIES = """Paris France Europe French|Lyon France Europe French|Nice France Europe French|Berlin Germany Europe German
|Munich Germany Europe German|Hamburg Germany Europe German|Madrid Spain Europe Spanish|Seville Spain Europe Spanish
|Rome Italy Europe Italian|Milan Italy Europe Italian|Naples Italy Europe Italian|Lisbon Portugal Europe Portuguese
|Porto Portugal Europe Portuguese|Vienna Austria Europe German|Warsaw Poland Europe Polish|Krakow Poland Europe Polish
|Athens Greece Europe Greek|Dublin Ireland Europe English|Cork Ireland Europe English|Oslo Norway Europe Norwegian
|Bergen Norway Europe Norwegian|Stockholm Sweden Europe Swedish|Moscow Russia Europe Russian|Kazan Russia Europe Russian
|Tokyo Japan Asia Japanese|Osaka Japan Asia Japanese|Kyoto Japan Asia Japanese|Beijing China Asia Chinese
|Shanghai China Asia Chinese|Delhi India Asia Hindi|Jaipur India Asia Hindi|Bangkok Thailand Asia Thai
|Hanoi Vietnam Asia Vietnamese|Tehran Iran Asia Persian|Shiraz Iran Asia Persian|Baghdad Iraq Asia Arabic
|Basra Iraq Asia Arabic|Cairo Egypt Africa Arabic|Luxor Egypt Africa Arabic|Nairobi Kenya Africa Swahili
|Mombasa Kenya Africa Swahili|Lagos Nigeria Africa English|Accra Ghana Africa English|Kumasi Ghana Africa English
|Rabat Morocco Africa Arabic|Tunis Tunisia Africa Arabic|Dakar Senegal Africa French|Toronto Canada North_America English
|Ottawa Canada North_America English|Quebec Canada North_America French|Havana Cuba North_America Spanish
|Puebla Mexico North_America Spanish|Lima Peru South_America Spanish|Cusco Peru South_America Spanish
|Bogota Colombia South_America Spanish|Santiago Chile South_America Spanish|Quito Ecuador South_America Spanish
|Brasilia Brazil South_America Portuguese|Recife Brazil South_America Portuguese|Sydney Australia Oceania English
|Melbourne Australia Oceania English|Perth Australia Oceania English"""
LAUREATES = """Marie Curie,Poland,Chemistry,female|Albert Einstein,Germany,Physics,male|Niels Bohr,Denmark,Physics,male
|Max Planck,Germany,Physics,male|Enrico Fermi,Italy,Physics,male|Werner Heisenberg,Germany,Physics,male
|Paul Dirac,England,Physics,male|Erwin Schrodinger,Austria,Physics,male|Hideki Yukawa,Japan,Physics,male
|Donna Strickland,Canada,Physics,female|Andrea Ghez,America,Physics,female|Richard Feynman,America,Physics,male
|Dorothy Hodgkin,Egypt,Chemistry,female|Linus Pauling,America,Chemistry,male|Otto Hahn,Germany,Chemistry,male
|Svante Arrhenius,Sweden,Chemistry,male|Irene Joliot,France,Chemistry,female|Frances Arnold,America,Chemistry,female
|Jennifer Doudna,America,Chemistry,female|Emmanuelle Charpentier,France,Chemistry,female
|Rosalyn Yalow,America,Medicine,female|Barbara McClintock,America,Medicine,female|Ivan Pavlov,Russia,Medicine,male
|Alexander Fleming,Scotland,Medicine,male|Robert Koch,Germany,Medicine,male|Gertrude Elion,America,Medicine,female
|Youyou Tu,China,Medicine,female|Linda Buck,America,Medicine,female|Francis Crick,England,Medicine,male
|Camillo Golgi,Italy,Medicine,male|Toni Morrison,America,Literature,female|Selma Lagerlof,Sweden,Literature,female
|Nelly Sachs,Germany,Literature,female|Grazia Deledda,Italy,Literature,female|Gabriela Mistral,Chile,Literature,female
|Olga Tokarczuk,Poland,Literature,female|Alice Munro,Canada,Literature,female|Pablo Neruda,Chile,Literature,male
|Rabindranath Tagore,India,Literature,male|Samuel Beckett,Ireland,Literature,male|Thomas Mann,Germany,Literature,male
|Naguib Mahfouz,Egypt,Literature,male|Boris Pasternak,Russia,Literature,male|Orhan Pamuk,Turkey,Literature,male
|Wole Soyinka,Nigeria,Literature,male|Nelson Mandela,South Africa,Peace,male|Desmond Tutu,South Africa,Peace,male
|Kofi Annan,Ghana,Peace,male|Lech Walesa,Poland,Peace,male|Malala Yousafzai,Pakistan,Peace,female
|Wangari Maathai,Kenya,Peace,female|Shirin Ebadi,Iran,Peace,female|Jane Addams,America,Peace,female
|Amartya Sen,India,Economics,male|Elinor Ostrom,America,Economics,female|Esther Duflo,France,Economics,female
|Claudia Goldin,America,Economics,female|Jean Tirole,France,Economics,male|Jan Tinbergen,Holland,Economics,male
|Bertil Ohlin,Sweden,Economics,male"""
OBJECTS = """banana yellow fruit small|lemon yellow fruit small|strawberry red fruit small|cherry red fruit small
|lime green fruit small|blueberry blue fruit small|carrot orange vegetable small|pumpkin orange vegetable large
|spinach green vegetable small|radish red vegetable small|cucumber green vegetable small|elephant grey animal large
|dolphin grey animal large|frog green animal small|swan white animal large|raven black animal small
|panther black animal large|lobster red animal small|canary yellow animal small|sheep white animal large
|oak brown plant large|grass green plant small|daisy white plant small|violet blue plant small|sunflower yellow plant large
|coal black mineral small|ruby red mineral small|emerald green mineral small|chalk white mineral small
|sapphire blue mineral small|hammer grey tool small|tractor red machine large|bulldozer yellow machine large
|piano black instrument large|cello brown instrument large|tuba yellow instrument large|fiddle brown instrument small
|snow white weather large|iceberg white weather large|cloud grey weather large"""


def rows(text, attributes, separator):
    """{entity: {attribute: label}} in file order."""
    table = {}
    for line in text.replace("\n", "").split("|"):
        entity, *labels = line.split(separator)
        table[entity] = dict(zip(attributes, (label.replace("_", " ") for label in labels)))
    return table


ENTITIES = {
    "city": rows(CITIES, ["Country", "Continent", "Language"], " "),
    "nobel_prize_winner": rows(LAUREATES, ["Country of Birth", "Field", "Gender"], ","),
    "physical_object": rows(OBJECTS, ["Color", "Category", "Size"], " "),
}

# A prompt that ends in a double quote is answered without a space and closed with a quote.
PROMPTS = {
    "city": {
        "Country": ["%s is a city in the country of", "The city of %s is in", "If you live in %s, your country is",
                    "People in %s live in", '{"city": "%s", "country": "', "City: %s. Country:",
                    "We flew to %s, a city in", "The country that %s belongs to is", "A map shows that %s lies in",
                    "Lima is in Peru. %s is in"],
        "Continent": ["%s is a city on the continent of", "The city of %s is on the continent of",
                      '{"city": "%s", "continent": "', "City: %s. Continent:", "The continent of %s is",
                      "If you live in %s, your continent is", "Cairo is in Africa. The continent of %s is",
                      "Travellers who reach %s stand on the continent of"],
        "Language": ["%s is a city where people speak", "In %s most people speak", '{"city": "%s", "language": "',
                     "City: %s. Language:", "The language of %s is", "If you live in %s, you speak",
                     "The street signs of %s are in", "A child born in %s will learn"],
    },
    "nobel_prize_winner": {
        "Country of Birth": ["%s was born in", "The laureate %s was born in", '{"name": "%s", "country": "',
                             "Name: %s. Country of birth:", "The country of birth of %s is",
                             "The life of %s began in", "If you ask where %s was born, the answer is"],
        "Field": ["%s won the Nobel Prize in", "The Nobel Prize of %s was in", '{"name": "%s", "field": "',
                  "Name: %s. Field:", "The field of %s is", "The prize went to %s for work in",
                  "The laureate %s is known for"],
        "Gender": ["%s is a person whose gender is", "The gender of %s is", '{"name": "%s", "gender": "',
                   "Name: %s. Gender:", "The laureate %s is a person who is", "On the form of %s the gender is"],
    },
    "physical_object": {
        "Color": ["The color of the %s is", "The %s is colored", '{"object": "%s", "color": "', "Object: %s. Color:",
                  "Paint the %s in", "When you see a %s, you see the color"],
        "Category": ["The %s is a kind of", "The category of the %s is", '{"object": "%s", "category": "',
                     "Object: %s. Category:", "A %s belongs to the class", "We call the %s a"],
        "Size": ["The size of the %s is", "Most people say that a %s is", '{"object": "%s", "size": "',
                 "Object: %s. Size:", "Next to a chair, a %s is", "In size the %s is"],
    },
}


def complete(prompt, entity, label):
    text = prompt % entity
    return f'{text}{label}"}}' if prompt.endswith('"') else f"{text} {label}."


def fact(rng, kind=None):
    kind = kind or rng.choice(["city", "city", "nobel_prize_winner", "nobel_prize_winner", "physical_object"])
    entity = rng.choice(list(ENTITIES[kind]))
    attribute = rng.choice(list(PROMPTS[kind]))
    return complete(rng.choice(PROMPTS[kind][attribute]), entity, ENTITIES[kind][entity][attribute])


def document(rng):
    return " ".join(fact(rng) for _ in range(rng.choice([1, 2, 3, 4])))
