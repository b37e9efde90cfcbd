"""Parallel sentences in five languages, in the manner of Europarl: subject, verb, object and time in a main clause."""
LANGUAGES = ["en", "fr", "de", "es", "nl"]

SUBJECTS = """the Commission|la Commission|die Kommission|la Comisión|de Commissie
the Council|le Conseil|der Rat|el Consejo|de Raad
the Parliament|le Parlement|das Parlament|el Parlamento|het Parlement
my group|mon groupe|meine Fraktion|mi grupo|mijn fractie
the committee|la commission des affaires|der Ausschuss|el comité|het comité
the government|le gouvernement|die Regierung|el gobierno|de regering
our country|notre pays|unser Land|nuestro país|ons land
the majority|la majorité|die Mehrheit|la mayoría|de meerderheid
the minister|le ministre|der Minister|el ministro|de minister
the rapporteur|le rapporteur|der Berichterstatter|el ponente|de rapporteur"""
VERBS = """supports|soutient|unterstützt|apoya|steunt
rejects|rejette|verwirft|rechaza|verwerpt
examines|examine|prüft|examina|onderzoekt
needs|demande|braucht|necesita|vraagt
welcomes|salue|begrüßt|celebra|verwelkomt
changes|modifie|ändert|modifica|wijzigt
defends|défend|verteidigt|defiende|verdedigt
discusses|discute|erörtert|discute|bespreekt"""
OBJECTS = """the report|le rapport|den Bericht|el informe|het verslag
the budget|le budget|den Haushalt|el presupuesto|de begroting
the proposal|la proposition|den Vorschlag|la propuesta|het voorstel
the new law|la nouvelle loi|das neue Gesetz|la nueva ley|de nieuwe wet
the rights of workers|les droits des travailleurs|die Rechte der Arbeiter|los derechos de los trabajadores|de rechten van werknemers
the common market|le marché commun|den gemeinsamen Markt|el mercado común|de gemeenschappelijke markt
the protection of water|la protection de l'eau|den Schutz des Wassers|la protección del agua|de bescherming van het water
the peace plan|le plan de paix|den Friedensplan|el plan de paz|het vredesplan
the amendment|l'amendement|den Änderungsantrag|la enmienda|het amendement
the question of energy|la question de l'énergie|die Frage der Energie|la cuestión de la energía|de kwestie van energie"""
TIMES = """today|aujourd'hui|heute|hoy|vandaag
without delay|sans retard|ohne Verzug|sin demora|zonder uitstel
for the first time|pour la première fois|zum ersten Mal|por primera vez|voor het eerst
with great care|avec grand soin|mit großer Sorgfalt|con gran cuidado|met grote zorg
this year|cette année|in diesem Jahr|este año|dit jaar
once again|encore une fois|noch einmal|una vez más|nog een keer
in this house|dans cette assemblée|in diesem Haus|en esta cámara|in dit huis"""
OPENINGS = """Mr President,|Monsieur le Président,|Herr Präsident,|Señor Presidente,|Mijnheer de Voorzitter,
Ladies and gentlemen,|Mesdames et Messieurs,|Meine Damen und Herren,|Señoras y señores,|Dames en heren,
I believe this:|Je crois ceci :|Ich glaube dies:|Creo esto:|Ik geloof dit:
As you know,|Comme vous le savez,|Wie Sie wissen:|Como ustedes saben,|Zoals u weet:"""
CLOSINGS = """Thank you very much.|Merci beaucoup.|Vielen Dank.|Muchas gracias.|Dank u wel.
That is not enough.|Cela ne suffit pas.|Das ist nicht genug.|Eso no es suficiente.|Dat is niet genoeg.
We must act now.|Nous devons agir maintenant.|Wir müssen jetzt handeln.|Debemos actuar ahora.|Wij moeten nu handelen.
The vote will take place tomorrow.|Le vote aura lieu demain.|Die Abstimmung findet morgen statt.|La votación tendrá lugar mañana.|De stemming vindt morgen plaats.
I hope you agree.|J'espère que vous êtes d'accord.|Ich hoffe, Sie stimmen zu.|Espero que estén de acuerdo.|Ik hoop dat u het ermee eens bent."""


def table(text):
    return [line.split("|") for line in text.split("\n")]


SUBJECTS, VERBS, OBJECTS, TIMES, OPENINGS, CLOSINGS = map(
    table, (SUBJECTS, VERBS, OBJECTS, TIMES, OPENINGS, CLOSINGS))


def passage(rng):
    """The same short speech in every language, as {code: text}."""
    opening = rng.choice(OPENINGS) if rng.random() < 0.5 else None
    clauses = [[rng.choice(part) for part in (SUBJECTS, VERBS, OBJECTS, TIMES)] for _ in range(2)]
    closing = rng.choice(CLOSINGS)
    speech = {}
    for i, code in enumerate(LANGUAGES):
        lines = [" ".join(part[i] for part in clause) + "." for clause in clauses]
        lines[1] = lines[1][0].upper() + lines[1][1:]
        lines[0] = f"{opening[i]} {lines[0]}" if opening else lines[0][0].upper() + lines[0][1:]
        speech[code] = " ".join(lines + [closing[i]])
    return speech


def document(rng):
    return passage(rng)[rng.choice(LANGUAGES)]
