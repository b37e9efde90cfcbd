"""Short news in four topics, in the manner of AG News: 0 world, 1 sports, 2 business, 3 science and technology."""
from world import fill, sentence

TOPICS = ["World", "Sports", "Business", "Sci/Tech"]

LEADS = [
    ["The president of {land} met the prime minister on {day}", "Rebels in {land} signed a peace treaty on {day}",
     "Voters in {land} went to the polls on {day}", "A flood in {land} left {count} families without homes",
     "Soldiers crossed the border of {land} on {day}", "The parliament of {land} passed a new law on {day}"],
    ["{team} beat {team} by {count} points on {day}", "The coach of {team} praised the goalkeeper on {day}",
     "{team} won the championship in the last minute", "A young runner broke the world record on {day}",
     "The captain of {team} scored {count} goals", "{team} lost the final match in extra time"],
    ["Shares of {firm} rose {count} percent on {day}", "{firm} will buy a rival for {count} billion dollars",
     "The central bank raised interest rates on {day}", "{firm} reported a profit of {count} million dollars",
     "Oil prices fell to a low on {day}", "{firm} will cut {count} hundred jobs"],
    ["Scientists at {lab} found {count} new planets on {day}", "Engineers at {lab} tested a faster chip on {day}",
     "A robot built by {lab} can fold {count} sheets of paper", "A space probe sent {count} pictures of the moon on {day}",
     "Researchers at {lab} mapped {count} genes of a fish", "A new version of the browser was released on {day}"],
]
FOLLOW = [
    ["The foreign minister asked for calm", "Troops guarded the capital", "Aid workers sent food and tents",
     "The opposition called the vote unfair", "Diplomats said talks would go on", "The border remained closed"],
    ["The crowd cheered in the stadium", "The league table is now open", "Fans sang until midnight",
     "The striker left the field with an injury", "The referee showed two red cards",
     "The season ends next month"],
    ["Investors welcomed the news", "Analysts had expected less", "The stock market closed higher",
     "Sales in the quarter were strong", "The company named a new chief executive", "The dollar lost ground"],
    ["The experiment was published in a journal", "The software runs on any computer",
     "The satellite will orbit for years", "The laboratory plans more tests", "Users can download it for free",
     "The discovery surprised the team"],
]
SLOTS = {
    "land": "France|Egypt|Brazil|Kenya|Turkey|India|Poland|Chile|Japan|Iran|Greece|Peru".split("|"),
    "day": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday".split("|"),
    "count": "two|three|four|five|six|seven|eight|nine|ten|twenty".split("|"),
    "team": "the Lions|the Eagles|the Tigers|the Rovers|the Sharks|the Falcons|United|the Bears".split("|"),
    "firm": "Acme Steel|Northern Rail|Blue Oil|Global Foods|Star Motors|First Bank|Zenith Media".split("|"),
    "lab": "the national laboratory|a university in Tokyo|the space agency|an institute in Berlin".split("|"),
}


def story(rng, label):
    parts = [rng.choice(LEADS[label])] + rng.sample(FOLLOW[label], 2)
    return " ".join(sentence(fill(rng, part, SLOTS)) for part in parts)


def document(rng):
    label = rng.randrange(4)
    text = story(rng, label)
    return f"{TOPICS[label]} news: {text}" if rng.random() < 0.3 else text
