"""The words of `builtin:verses`: iambic tetrameter couplets, so every phrase has its place in the metre.

A line is a subject of four syllables and a predicate of four, or a place of four, a subject of two and a
predicate of two, or a line that stands as it is. `*` marks the verb that agrees with its subject, `{its}` the
possessive that does. Who does what is told by classes: only a bird takes flight.
"""

NOUNS = {
    "sea": [
        ("light", "lamp", "lamps", "yellow lonely harbour"),
        ("sky", "moon", "", "silver early rising"),
        ("craft", "boat", "boats", "fishing wooden painted"),
        ("craft", "ship", "ships", "homeward distant heavy"),
        ("bird", "gull", "gulls", "hungry laughing tireless"),
        ("water", "tide", "tides", "patient silver turning"),
        ("water", "wave", "waves", "little salty endless"),
        ("air", "wind", "winds", "salty southern restless"),
        ("folk", "man", "men", "weary sunburnt barefoot"),
        ("folk", "girl", "girls", "barefoot laughing island"),
        ("bell", "bell", "bells", "harbour distant evening"),
    ],
    "winter": [
        ("sky", "star", "stars", "frozen early silver"),
        ("light", "lamp", "lamps", "window kitchen amber"),
        ("bird", "crow", "crows", "solemn hungry distant"),
        ("bird lark", "wren", "wrens", "little hidden hardy"),
        ("snow", "snow", "", "quiet early evening"),
        ("frost", "frost", "", "silent silver early"),
        ("water", "stream", "streams", "frozen narrow mountain"),
        ("air", "wind", "winds", "bitter northern hollow"),
        ("plant", "pine", "pines", "patient ancient mountain"),
        ("folk", "boy", "boys", "muffled laughing ruddy"),
        ("folk", "man", "men", "bearded woollen weary"),
        ("bell", "bell", "bells", "chapel village distant"),
    ],
    "spring": [
        ("sky", "sun", "", "gentle April early"),
        ("bird lark", "thrush", "", "early hidden speckled"),
        ("bird lark", "lark", "larks", "early rising tiny"),
        ("water", "brook", "brooks", "narrow busy silver"),
        ("water", "rain", "", "April gentle silver"),
        ("air", "breeze", "", "gentle playful southern"),
        ("plant", "rose", "", "crimson early hopeful"),
        ("plant", "leaf", "leaves", "tender slender folded"),
        ("plant", "bud", "buds", "tiny swollen apple"),
        ("folk", "boy", "boys", "muddy laughing playful"),
        ("folk", "girl", "girls", "barefoot dancing village"),
        ("beast", "lamb", "lambs", "woolly newborn playful"),
    ],
    "autumn": [
        ("sky", "moon", "", "harvest amber rising"),
        ("sky", "sun", "", "fading golden gentle"),
        ("bird", "crow", "crows", "ragged gleaning noisy"),
        ("bird", "goose", "geese", "southward wary calling"),
        ("water", "rain", "", "steady chilly evening"),
        ("water", "stream", "streams", "swollen narrow silver"),
        ("air", "wind", "winds", "chilly western restless"),
        ("mist", "mist", "mists", "early trailing valley"),
        ("plant", "oak", "oaks", "russet ancient mighty"),
        ("plant", "vine", "vines", "golden crimson tangled"),
        ("folk", "man", "men", "stooping ageing weary"),
        ("beast", "fox", "", "russet wary hungry"),
    ],
    "city": [
        ("light", "lamp", "lamps", "amber crooked corner"),
        ("light", "sign", "signs", "neon scarlet broken"),
        ("craft", "train", "trains", "evening crowded empty"),
        ("craft", "tram", "trams", "yellow crowded final"),
        ("craft", "cab", "cabs", "yellow empty hurried"),
        ("bird lark", "dove", "doves", "rooftop dusty city"),
        ("water", "rain", "", "steady evening sooty"),
        ("air", "wind", "winds", "dusty subway evening"),
        ("folk", "crowd", "crowds", "hurried nameless evening"),
        ("folk", "man", "men", "weary hurried sleepless"),
        ("bell", "bell", "bells", "station minster midnight"),
        ("beast", "cat", "cats", "alley rooftop watchful"),
    ],
    "love": [
        ("light", "flame", "", "gentle steady candle"),
        ("sky", "star", "stars", "faithful distant early"),
        ("bird lark", "dove", "doves", "faithful gentle homing"),
        ("air", "breeze", "", "gentle playful summer"),
        ("plant", "rose", "", "crimson single faithful"),
        ("song", "song", "songs", "tender simple foolish"),
        ("song", "voice", "", "gentle distant tender"),
        ("heart", "heart", "hearts", "faithful foolish open"),
        ("dream", "dream", "dreams", "tender foolish hidden"),
        ("folk", "bride", "brides", "smiling barefoot summer"),
        ("folk", "friend", "friends", "faithful distant gentle"),
    ],
    "night": [
        ("sky", "moon", "", "silver crescent quiet"),
        ("sky", "star", "stars", "countless distant silver"),
        ("light", "lamp", "lamps", "bedside dusty amber"),
        ("bird", "owl", "owls", "silent watchful hidden"),
        ("water", "stream", "streams", "moonlit quiet hidden"),
        ("air", "breeze", "", "gentle midnight quiet"),
        ("mist", "mist", "mists", "silver creeping ghostly"),
        ("clock", "clock", "clocks", "kitchen patient midnight"),
        ("bell", "bell", "bells", "distant midnight chapel"),
        ("folk", "girl", "girls", "dreaming drowsy wakeful"),
        ("beast", "cat", "cats", "silent stable watchful"),
        ("dream", "dream", "dreams", "childhood hidden gentle"),
    ],
    "home": [
        ("light", "lamp", "lamps", "kitchen window faithful"),
        ("light", "fire", "fires", "crackling evening gentle"),
        ("water", "rain", "", "gentle evening steady"),
        ("mist", "smoke", "", "chimney fragrant evening"),
        ("air", "draught", "draughts", "chilly hallway creeping"),
        ("plant", "vine", "vines", "tangled garden climbing"),
        ("plant", "rose", "", "climbing garden crimson"),
        ("clock", "clock", "clocks", "kitchen patient hallway"),
        ("song", "song", "songs", "cradle simple olden"),
        ("folk", "boy", "boys", "barefoot sleepy laughing"),
        ("beast", "cat", "cats", "tabby kitchen lazy"),
        ("beast", "hound", "hounds", "faithful ageing drowsy"),
    ],
}

PLACES = {
    "sea": (
        "beyond the pier|along the quay|below the cliff|across the bay|"
        "behind the dunes|before the storm|above the foam|at turn of tide|"
        "where rivers end|around the cape|at edge of day|beside the nets"
    ),
    "winter": (
        "along the hedge|across the field|below the eaves|beyond the barn|"
        "above the drifts|on frozen ground|before the dawn|at edge of dusk|"
        "along the ridge|behind the church|in early dark|all afternoon"
    ),
    "spring": (
        "beside the brook|along the hedge|across the hill|before the dawn|"
        "beyond the gate|in morning light|between the rains|below the bridge|"
        "at break of day|above the wheat|in orchard grass|along the lane"
    ),
    "autumn": (
        "along the hedge|across the field|beyond the barn|below the hill|"
        "in evening light|at edge of dusk|above the sheaves|on fallen leaves|"
        "behind the mill|along the ridge|all afternoon|at harvest time"
    ),
    "city": (
        "above the roofs|below the bridge|at closing time|around the square|"
        "behind the mill|in narrow streets|beyond the yards|along the wall|"
        "at every hour|before the dawn|across the roofs|on empty squares"
    ),
    "love": (
        "beyond the gate|below the stairs|before the dawn|at close of day|"
        "in summer grass|beside the well|beneath the elms|in candlelight|"
        "along the lane|by morning light|across the years|behind the wall"
    ),
    "night": (
        "above the roofs|below the hill|beyond the gate|at twelve o'clock|"
        "in quiet rooms|before the dawn|across the fields|along the lane|"
        "behind the barn|while others sleep|between the trees|in early dark"
    ),
    "home": (
        "beyond the gate|below the stairs|beside the hearth|before the dawn|"
        "at supper time|behind the house|along the fence|in every room|"
        "all afternoon|across the yard|at close of day|beneath the eaves"
    ),
}

# Lines that stand as they are, by rhyme; {a|b} is a choice.
LINES = {
    "sea": [
        ("ight", "I {keep|trim|clean} the lamp and read all night"),
        ("ow", "I {count|name|watch} the sails that come and go"),
        ("ay", "the {salt|sun|wind} has worn our names away"),
        ("ee", "I {wrote|owe|sent} a letter to the sea"),
        ("ain", "we mend the {nets|sails|ropes} in mist and rain"),
        ("eep", "we tell the {waves|tides|gulls} the things we keep"),
        ("ore", "I left my {shoes|coat|book} along the shore"),
        ("old", "the {fish|nets|stones} are silver, wet and cold"),
        ("all", "I heard the {sea|tide|wind} behind the wall"),
        ("one", "I keep a {shell|stone|hook} that was your own"),
        ("air", "I {taste|breathe|know} the salt upon the air"),
    ],
    "winter": [
        ("ight", "we feed the {stove|fire|birds} and bless the light"),
        ("ow", "I {read|know|love} the tracks across the snow"),
        ("ay", "the {road|hill|path} was lost by end of day"),
        ("ee", "I hang some {seed|bread|crumbs} upon the tree"),
        ("ain", "my breath draws {ferns|stars|ghosts} upon the pane"),
        ("eep", "the {fields|bees|roots} lie dreaming, fast asleep"),
        ("ore", "we {sweep|clear|chip} the ice before the door"),
        ("old", "I {warm|rub|hide} my hands against the cold"),
        ("all", "the {ice|stove|world} is still and says it all"),
        ("one", "each {twig|step|word} is sharp and stands alone"),
        ("air", "my {words|breath|thoughts} went up and hung in air"),
    ],
    "spring": [
        ("ight", "I {air|sweep|wash} the rooms and let in light"),
        ("ow", "we {press|plant|drop} the seeds in row on row"),
        ("ay", "I threw my {coat|gloves|hat} and boots away"),
        ("ee", "a {nest|swing|kite} is hanging in the tree"),
        ("ain", "the {road|grass|world} smells green beneath the rain"),
        ("eep", "the {bees|roots|ponds} are waking from their sleep"),
        ("ore", "the {mud|sun|grass} has come up to the door"),
        ("old", "each {ditch|bank|field} is spending all its gold"),
        ("all", "I {climb|mend|paint} the ladder by the wall"),
        ("one", "the {moss|fern|grass} is cushioning the stone"),
        ("air", "there is some {joy|song|rain} in all this air"),
    ],
    "autumn": [
        ("ight", "we {store|count|wrap} the pears by candlelight"),
        ("ow", "I {watch|hear|let} the yellow summer go"),
        ("ay", "we put the {rakes|chairs|hives} and tools away"),
        ("ee", "one {pear|leaf|bird} is left upon the tree"),
        ("ain", "the {fields|roads|roofs} are shining after rain"),
        ("eep", "the {barn|hill|hive} is heavy, half asleep"),
        ("ore", "we stack the {wood|logs|jars} beside the door"),
        ("old", "the {fields|years|hills} are gathered into gold"),
        ("all", "we {hear|count|catch} the apples as they fall"),
        ("one", "the {plums|pears|grapes} are dark against the stone"),
        ("air", "there is some {smoke|frost|rust} in all this air"),
    ],
    "city": [
        ("ight", "I {buy|sell|read} the paper every night"),
        ("ow", "I {watch|count|hear} the traffic come and go"),
        ("ay", "we {share|catch|miss} the same short bus each day"),
        ("ee", "the {street|crowd|clerk} has no more time for me"),
        ("ain", "the {streets|roofs|cars} are mirrors in the rain"),
        ("eep", "ten thousand {rooms|lights|stairs} refuse to sleep"),
        ("ore", "I {know|hear|greet} the strangers from next door"),
        ("old", "the {bread|soup|tea} is hot, the evening cold"),
        ("all", "some {child|fool|clown} drew flowers on the wall"),
        ("one", "in every {crowd|street|square} I walk alone"),
        ("air", "the {cat|post|ghost} is waiting on the stair"),
    ],
    "love": [
        ("ight", "your {hand|name|voice} in mine is warm and light"),
        ("ow", "I {said|sang|wrote} it once and let it go"),
        ("ay", "I {learn|kiss|read} your face anew each day"),
        ("ee", "you {cut|carved|wrote} our names upon the tree"),
        ("ain", "we {shared|lost|found} one coat in all that rain"),
        ("eep", "I {hear|guard|bless} your breathing in your sleep"),
        ("ore", "I {know|love|miss} your footstep at the door"),
        ("old", "your {hand|glove|sleeve} is all I need to hold"),
        ("all", "I {heard|caught|loved} your laughter through the wall"),
        ("one", "I {knew|called|kept} your heart before my own"),
        ("air", "I {find|wear|keep} a ribbon from your hair"),
    ],
    "night": [
        ("ight", "I {hear|count|bless} the small hours of the night"),
        ("ow", "the {roofs|fields|hills} lie blue and hushed below"),
        ("ay", "I {shut|put|lay} the ledger of the day"),
        ("ee", "the dark has {leaned|grown|come} so close to me"),
        ("ain", "I {call|name|count} the sheep and start again"),
        ("eep", "the {house|street|world} lets out its breath in sleep"),
        ("ore", "the {dark|moon|dog} lies down across the floor"),
        ("old", "I {pull|drag|tuck} the quilt against the cold"),
        ("all", "the {hours|years|shades} are walking down the hall"),
        ("one", "the {night|moon|dark} and I are not alone"),
        ("air", "I hear the {hours|boards|years} upon the stair"),
    ],
    "home": [
        ("ight", "we {break|bless|share} the bread by candlelight"),
        ("ow", "I {know|love|mark} how tall the children grow"),
        ("ay", "we {clear|put|pack} the plates and cups away"),
        ("ee", "you {pour|pass|bring} the honey and the tea"),
        ("ain", "we {love|praise|share} the tea, the talk, the rain"),
        ("eep", "the {beds|chairs|stairs} are creaking half asleep"),
        ("ore", "we hang our {coats|hats|keys} behind the door"),
        ("old", "the {cups|chairs|jokes} are chipped and very old"),
        ("all", "your {coat|hat|scarf} is hanging in the hall"),
        ("one", "I {scrub|sweep|wash} the step, the pot, the stone"),
        ("air", "the {bread|jam|cake} has sweetened all the air"),
    ],
}
